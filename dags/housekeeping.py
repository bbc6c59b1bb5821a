"""# Housekeeping: what has had its time goes

Every night: files as units dropped them, thirty days after they were last taken. Held rows, their ledger, receipts and
history are never removed. The heads of the receipts' chains are noted outside of the database, after what came since
the last night was verified.

*When it fails:* the error says who can mend it; nothing else waits for this.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="housekeeping",
    doc_md=__doc__,
    schedule=orchestration.daily("30 2 * * *"),
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
    def keep_house():
        return orchestration.pipeline().keep_house()

    keep_house()


recipe()
