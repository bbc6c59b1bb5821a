"""# Exports: every dataset whole, as Parquet and CSV, for other systems of the province

Every night, after the day was promoted: a dataset that changed since its last export is written anew, one that did
not is skipped. Personal columns are empty, sensitive ones are left out, and a dataset of which too little may be shown
is not exported. `catalogue.jsonld` beside the files tells of them in DCAT-AP; the read service gives them out.

*When it fails:* the error names the datasets and says who can mend it; the others are done. Clear the failed task
afterwards: a file is whole or not there.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="exports",
    doc_md=__doc__,
    schedule=orchestration.daily("30 3 * * *"),
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["share"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One task."""

    @task
    def exports():
        return orchestration.pipeline().exports()

    exports()


recipe()
