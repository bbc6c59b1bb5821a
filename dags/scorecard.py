"""# Scorecard: the quality of every unit and dataset over time, and the pages that explain it

Every hour: **indicators** brings the measures of dossiers up to what was promoted and says anew what moved; **marts**
folds every window that was judged since the last time into `marts.quality`, then **data_docs** renders the pages of the
days that changed and removes those that are older than the retention.

*When it fails:* the error says who can mend it. Clear the failed task afterwards; nothing half-done is left.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="scorecard",
    doc_md=__doc__,
    schedule="15 * * * *",
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["quality"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """The indicators for themselves; the scorecard, then its pages."""

    @task
    def indicators():
        orchestration.pipeline().indicators()

    @task
    def marts():
        return orchestration.pipeline().marts()

    @task
    def data_docs():
        return orchestration.pipeline().data_docs()

    indicators()
    marts() >> data_docs()


recipe()
