"""# Publish: what changed in the warehouse, to a receiver, with a receipt for every record

One DAG for each receiver. It wakes when a dataset that it feeds on is promoted, and every quarter of an hour; it
sends until the outbox has nothing due or the receiver asks for patience. Records that were sent without an answer
are asked about first, never guessed.

*When it fails:* **TryAgain** means the receiver is away or busy: the next run goes on where this one stopped.
**ReceiverRefused** means our account, rights or address are refused: mend the connection, then clear the task. What
the receiver refused stands with its own words in `publish.receipts`, and in `lienthong status` as *dead*.
"""

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from lienthong import orchestration


def publish(endpoint, datasets):
    """The DAG of one endpoint, fed by the datasets that are bound to it."""

    @dag(
        dag_id=f"publish.{endpoint}",
        doc_md=f"{__doc__}\n\n{orchestration.way('endpoints', endpoint)}",
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable("*/15 * * * *", timezone=orchestration.TIMEZONE),
            assets=orchestration.any_of(datasets),
        ),
        start_date=orchestration.START,
        end_date=orchestration.last_moment(),
        catchup=False,
        max_active_runs=1,
        tags=["publish"],
        default_args=orchestration.DEFAULT_ARGS,
    )
    def recipe():
        @task
        def send():
            return orchestration.pipeline().publish(endpoint)

        send()

    return recipe()


for name, fed_by in orchestration.endpoints().items():
    publish(name, fed_by)
