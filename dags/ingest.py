"""# Ingest: from the sources of a dataset into the warehouse

One DAG for each contract. A run takes one local day. A dataset of one source is one task, **sync**; one that is read
from many sources shows its steps:

**wait** for the datasets that its rules refer to → **plan** which sources are still to be read → **extract** them in
a few lanes, side by side → **judge** the landing with Great Expectations → **promote** the good rows in one
transaction and set the others aside → **redrive** rows that only waited for what arrived now.

A source that is down costs only itself: it is named in `lienthong status`, and running the day again reads just that
one. Running a complete day again reads everything and changes nothing, unless the sources changed.

*When it fails:* the error says who can mend it. Clear the failed task afterwards; nothing half-done is left.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from lienthong import orchestration


def ingest(contract):
    """The DAG of one contract."""
    dataset = contract.dataset

    given = {
        "dag_id": f"ingest.{dataset}",
        "description": contract.title,
        "doc_md": f"{__doc__}\n\n## {contract.title}\n\n{contract.purpose}\n\n{orchestration.way('datasets', dataset)}",
        "schedule": orchestration.daily(contract.schedule),
        "start_date": orchestration.START,
        "end_date": orchestration.last_moment(),
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["ingest", contract.path.parent.name],
        "default_args": orchestration.DEFAULT_ARGS,
    }

    @dag(**given)
    def one_source():
        # A sensor, because it gives its place to others while it waits for the datasets that its rules refer to.
        @task.sensor(
            poke_interval=5,
            timeout=timedelta(hours=6).total_seconds(),
            mode="reschedule",
            outlets=[orchestration.asset_of(dataset)],
        )
        def sync():
            return orchestration.pipeline().sync(dataset, orchestration.window(), backfill=orchestration.backfill())

        sync()

    @dag(**given)
    def many_sources():
        @task.sensor(poke_interval=2, timeout=timedelta(hours=6).total_seconds(), mode="poke")
        def wait():
            return not orchestration.pipeline().waits_for(dataset, orchestration.window())

        @task
        def plan():
            return orchestration.pipeline().plan(dataset, orchestration.window(), backfill=orchestration.backfill())

        @task
        def extract(sources):
            return orchestration.pipeline().extract(dataset, orchestration.window(), sources)

        @task(trigger_rule="none_failed")
        def judge():
            return orchestration.pipeline().judge(dataset, orchestration.window())

        @task(outlets=[orchestration.asset_of(dataset)])
        def promote():
            return orchestration.pipeline().promote(dataset, orchestration.window())

        @task
        def redrive():
            return orchestration.pipeline().redrive(dataset, orchestration.window())

        lanes = plan()
        wait() >> lanes
        extract.expand(sources=lanes) >> judge() >> promote() >> redrive()

    return many_sources() if contract.source.for_each else one_source()


for found in orchestration.contracts().values():
    if orchestration.asked_for(f"ingest.{found.dataset}"):
        ingest(found)
