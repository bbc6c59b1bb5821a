"""Heavy libraries are imported once, in the scheduler, and every task that it forks has them for nothing.

Great Expectations alone takes seconds of CPU in each fresh process; LocalExecutor's workers are forks of the scheduler.
Needs ``[core] lazy_load_plugins = False``.
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

if sys.argv[1:2] == ["scheduler"]:
    for name in HEAVY:
        import_module(name)


class Preload(AirflowPlugin):
    """Nothing to register: the imports above are the work."""

    name = "lienthong_preload"
