"""# Backfills: the queue of days that people asked to be run

Looks at the queue (`lienthong backfill list`) and gives Airflow one part of it at a time for each dataset, as a
backfill of Airflow's own; days of single units are walked here. It wakes when somebody asks for days, and every quarter
of an hour, and looks again every few seconds until nothing is left. Paused requests wait for `lienthong backfill
resume`.

*When it fails:* the error says who can mend it; nothing of the queue is lost. Clear the task, or wait for the next run.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="backfills",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["backfill"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One sensor: it gives its place to others between two looks."""

    @task.sensor(poke_interval=15, timeout=timedelta(days=7).total_seconds(), mode="reschedule")
    def feed():
        return orchestration.feed_backfills()

    feed()


recipe()
