"""# Verify: every receipt is there, unchanged and in its place

Every Sunday: the chains of receipts are walked from their beginnings and compared with their heads and with the anchors
that **housekeeping** notes each night. What housekeeping looks at is new; this looks at all of it.

*When it fails:* the error names the receiver and the place. `lienthong verify` tells all that is wrong; after a restore
from a backup, `docs/runbooks/restore-from-a-backup.md` goes on.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="verify",
    doc_md=__doc__,
    schedule=orchestration.daily("0 5 * * 0"),
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["housekeeping"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One task."""

    @task
    def verify():
        return orchestration.pipeline().verify()

    verify()


recipe()
