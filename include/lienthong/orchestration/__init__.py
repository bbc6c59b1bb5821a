"""The one place where the package meets Airflow: connections, windows, retries, schedules.

A task of ours is a step of ``steps`` with these four around it. ``TryAgain`` is retried, ``NeedsPerson`` fails at
once; anything else (a killed process above all) is retried like ``TryAgain``, because every step may be repeated.
"""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    Asset,
    AssetAny,
    CronDataIntervalTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    get_current_context,
    get_parsing_context,
)

from lienthong.batches import LOCAL, Window
from lienthong.connections import Connection
from lienthong.contracts import Contract, load_all
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.orchestration.connecting import connection
from lienthong.settings import TIMEZONE, Settings

if TYPE_CHECKING:
    from lienthong.steps import Pipeline

# No dataset is older than the two-level government, so no schedule begins before it.
START = datetime(2025, 7, 1, tzinfo=LOCAL)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "lienthong",
    "retries": 4,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=NeedsPerson, action=RetryAction.FAIL, reason="a retry cannot help"),
            RetryRule(exception=TryAgain, action=RetryAction.RETRY, reason="the same call may succeed later"),
        ]
    ),
}


def contracts() -> dict[str, Contract]:
    """Every contract, read when a DAG file is parsed: a mistake shows as an import error with its line."""
    return load_all(Path(Settings.from_env().home) / "expectations")


def asked_for(dag_id: str) -> bool:
    """Whether this DAG has to be built: a task needs its own only, and building all would take longer than the task."""
    wanted = get_parsing_context().dag_id
    return wanted is None or wanted == dag_id


def asset_of(dataset: str) -> Asset:
    """What a promote announces: the dataset in ``core``."""
    return Asset(name=f"core/{dataset}", uri=f"lienthong://warehouse/core/{dataset}")


def endpoints() -> dict[str, list[str]]:
    """Every endpoint that some contract is bound to, with the datasets that feed it."""
    found: dict[str, list[str]] = {}
    for contract in contracts().values():
        for endpoint in contract.endpoints:
            found.setdefault(endpoint, []).append(contract.dataset)
    return found


def any_of(datasets: list[str]) -> AssetAny:
    """An asset schedule that one promoted dataset is enough to wake."""
    return AssetAny(*(asset_of(dataset) for dataset in datasets))


def daily(schedule: str) -> CronDataIntervalTimetable:
    """Data intervals that begin and end at local times, Asia/Ho_Chi_Minh."""
    return CronDataIntervalTimetable(schedule, timezone=TIMEZONE)


def last_moment() -> datetime | None:
    """End of all schedules where time stands still, as in the sandbox; None where it goes on.

    A schedule that has ended still has its intervals, so any day can be run or backfilled by hand."""
    text = os.environ.get("LIENTHONG_SCHEDULE_UNTIL")
    return datetime.combine(date.fromisoformat(text), datetime.min.time(), LOCAL) if text else None


def way(*page: str) -> str:
    """For the page of a DAG: a link to the console's page, where this installation says where its console is."""
    console = Settings.from_env().console_url
    return f"[Liên Thông: {page[-1]}]({console}/{'/'.join(page)})" if console else ""


def pipeline() -> Pipeline:
    """The steps, with connections from wherever this Airflow keeps them. Within a task the ledger knows its run, and
    what the steps do is told to Airflow."""
    from lienthong.orchestration.telling import AirflowTeller, own_run, signed
    from lienthong.steps import Pipeline

    run = own_run()
    if run is None:
        return Pipeline.of(Settings.from_env(), connection)
    from lienthong.lineage.watched import Watched

    @cache
    def lookup(name: str) -> Connection:
        # Each look-up is a request of the task to the api-server; a hundred units have a hundred connections.
        found = connection(name)
        return signed(found, *run) if name == "warehouse" else found

    made = Pipeline.of(Settings.from_env(), lookup)
    return Watched(made.settings, made.contracts, made.warehouse, made.lookup, AirflowTeller(*run, interval()))


def feed_backfills() -> bool:
    """Move every open backfill on by one look; whether nothing is left to look after."""
    from lienthong.backfill.task import look

    done = look(pipeline(), connection("airflow"))
    note(f"{done.open} parts of backfills are left.")
    return not done.open


def window() -> Window:
    """The window of the running task: its DAG run's data interval."""
    found = interval()
    if found is None:
        raise NeedsPerson(
            "This run has no data interval. Trigger it with a logical date, or use `make run DAY=...` or a backfill."
        )
    return found


def interval() -> Window | None:
    """The data interval of the running task's DAG run, where it has one."""
    context: Any = get_current_context()
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start == end:
        return None
    return Window(start.astimezone(LOCAL), end.astimezone(LOCAL))


def backfill() -> int | None:
    """The number of the backfill that the running task's DAG run is part of; None for every other run."""
    context: Any = get_current_context()
    number = (context["dag_run"].conf or {}).get("backfill")
    return number if isinstance(number, int) else None


def note(text: str) -> None:
    """Log one line that a person can read."""
    import logging

    logging.getLogger("lienthong").info(text)
