"""# Compare: what the other holders of our records hold

Every day, after the night's windows: each dataset whose contract names a counterpart is laid beside what that
counterpart holds now. The contract's **master** decides who is right. Where the province is master, what differs there
is sent again; where the nation is, the department whose copy differs is told. The version that loses is kept in
`quarantine.conflicts`.

*When it fails:* a counterpart did not answer, gave far fewer records than the last time, or is not set up as it should
be; the error says which, and the others were compared. The next comparison takes all of them again, which changes
nothing that is right already.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="compare",
    doc_md=__doc__,
    schedule=orchestration.daily("30 3 * * *"),
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["quality"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One task: every comparison."""

    @task
    def compare():
        return orchestration.pipeline().compare()

    compare()


recipe()
