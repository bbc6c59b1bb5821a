"""Heavy libraries are imported once, in the process that forks the tasks, and every task has them for nothing.

Great Expectations alone takes seconds of CPU in each fresh process. LocalExecutor's tasks are forks of the scheduler,
Celery's of the worker. Needs ``[core] lazy_load_plugins = False``.
"""

import sys
from importlib import import_module

from airflow.plugins_manager import AirflowPlugin

HEAVY = (
    "great_expectations.expectations",
    "lienthong.steps",
    "openpyxl",
    "pandas",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)

if sys.argv[1:2] == ["scheduler"] or sys.argv[1:3] == ["celery", "worker"]:
    for name in HEAVY:
        import_module(name)


class Preload(AirflowPlugin):
    """Nothing to register: the imports above are the work."""

    name = "lienthong_preload"
