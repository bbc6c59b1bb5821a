"""Heavy libraries are imported once, in the process that forks the tasks, and every task has them for nothing.

Great Expectations alone takes seconds of CPU in each fresh process. LocalExecutor's tasks are forks of the scheduler,
Celery's of the worker. Needs ``[core] lazy_load_plugins = False``.
"""

import sys
from contextlib import suppress
from importlib import import_module

from airflow.plugins_manager import AirflowPlugin

HEAVY = (
    "great_expectations.expectations",
    "lienthong.lineage.watched",
    "lienthong.steps",
    "openpyxl",
    "pandas",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)

if sys.argv[1:2] == ["scheduler"] or sys.argv[1:3] == ["celery", "worker"]:
    for name in HEAVY:
        import_module(name)

    from lienthong.contracts import load_all
    from lienthong.errors import NeedsPerson
    from lienthong.settings import Settings

    # A contract with a mistake is told where its DAG is read; here it keeps no other from running.
    with suppress(NeedsPerson):
        load_all(Settings.from_env().home / "expectations")


class Preload(AirflowPlugin):
    """Nothing to register: the imports above are the work."""

    name = "lienthong_preload"
