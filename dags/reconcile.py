"""# Reconcile: what the receivers hold, the receipts and the warehouse agree

Every day, after the night's publishing, one task for each receiver. Inside first: of every record that is bound to the
receiver it must be known what became of its newest version. Then, where the receiver lists what it holds, its list is
laid beside the receipts: the newest days, a turn of the older ones, and whatever was found otherwise before. What it
lost, holds in another state or never had from us is kept by key; a person has it sent again.

*When it fails:* **TryAgain** means the receiver is away or busy: the next try goes on with what was not asked yet.
**NeedsPerson** means that an answer lacked more than `reconcile_brake` allows, so that nothing was concluded from it;
the sentence says which, and the other answers stand. Of a receiver without a list the receipts are all that is known.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="reconcile",
    doc_md=__doc__,
    schedule=orchestration.daily("30 4 * * *"),
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["quality"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One task a receiver: none waits for another."""

    for endpoint in sorted(orchestration.endpoints()):

        @task(task_id=endpoint)
        def reconcile(name):
            return orchestration.pipeline().reconcile(name)

        reconcile(endpoint)


recipe()
