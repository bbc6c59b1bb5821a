"""# Late sources: windows that a source missed are read as soon as it answers again

Every half hour: for each dataset, each window of the last fourteen days whose newest run missed a source is run
again. Only the missing sources are read; a window that is whole is left alone. Held rows that somebody asked to be
judged again, in the console, are judged.

*When it fails:* the error names the dataset and who can mend it. Nothing half-done is left.
"""

from airflow.sdk import dag, task

from lienthong import orchestration

DAYS = 14


@dag(
    dag_id="late_sources",
    doc_md=__doc__,
    schedule="*/30 * * * *",
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["ingest-late"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """Two tasks that do not wait for each other: neither holds up the other by failing."""

    @task(outlets=[orchestration.asset_of(dataset) for dataset in orchestration.contracts()])
    def judge_held():
        return orchestration.pipeline().end_redrives()

    @task(outlets=[orchestration.asset_of(dataset) for dataset in orchestration.contracts()])
    def read_late():
        return orchestration.pipeline().run_late(DAYS)

    judge_held()
    read_late()


recipe()
