"""Great Expectations is imported once, in the scheduler, and every task that it forks has it for nothing.

The import takes seconds of CPU in each fresh process; LocalExecutor's workers are forks of the scheduler.
Needs ``[core] lazy_load_plugins = False``.
"""

import sys

from airflow.plugins_manager import AirflowPlugin

if sys.argv[1:2] == ["scheduler"]:
    import great_expectations.expectations  # noqa: F401
    import pandas  # noqa: F401 # spreadsheets and CSV drops


class Preload(AirflowPlugin):
    """Nothing to register: the import above is the work."""

    name = "lienthong_preload"
