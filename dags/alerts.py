"""# Alerts: what is wrong, to those who can mend it, and silence once it is mended

Every five minutes: sources and datasets whose last good window is too old are noted, letters that are due are
written, and what is written is sent. Blocked sources, sources away for too long and changed columns are told at once,
within office hours; the rest waits for the morning's digest. One letter a recipient, one thread a problem, one
«đã khắc phục» when it is over.

*When it fails:* **TryAgain** means that the mail server does not answer: nothing is lost, the next run sends what
waits. **NeedsPerson** names the connection `mail` or the contact that is wrong. `lienthong alerts list` shows every
problem and letter; `lienthong watch` looks at the same from outside, so that a dead scheduler is noticed too.
"""

from airflow.sdk import dag, task

from lienthong import orchestration


@dag(
    dag_id="alerts",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    start_date=orchestration.START,
    end_date=orchestration.last_moment(),
    catchup=False,
    max_active_runs=1,
    tags=["alerts"],
    default_args=orchestration.DEFAULT_ARGS,
)
def recipe():
    """One task: note, write, send."""

    @task
    def tell():
        return orchestration.pipeline().tell()

    tell()


recipe()
