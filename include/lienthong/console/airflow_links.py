"""From the ledger to Airflow's own pages: each address leads to the run, the task or the days that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from lienthong.contracts import Contract

ONE = ("sync",)
MANY = ("plan", "extract", "judge", "promote", "redrive")
MAPPED = "extract"


@dataclass(frozen=True, slots=True)
class AirflowRun:
    """The run of Airflow that opened a run of the ledger."""

    dag_id: str
    run_id: str
    url: str
    tasks: tuple[tuple[str, str], ...]
    """Each task's name and the page with its log."""


def dag(airflow: str, dag_id: str) -> str:
    """The page of a DAG; ``airflow`` is the prefix under which Airflow stands, empty at the root."""
    return f"{airflow}/dags/{quote(dag_id, safe='')}"


def run(airflow: str, dag_id: str, run_id: str) -> str:
    """The page of one run of a DAG."""
    return f"{dag(airflow, dag_id)}/runs/{quote(run_id, safe='')}"


def task(airflow: str, dag_id: str, run_id: str, task_id: str) -> str:
    """The log of a task of one run; of the extract step the list of its lanes, each with its log."""
    lanes = "/mapped" if task_id == MAPPED else ""
    return f"{run(airflow, dag_id, run_id)}/tasks/{quote(task_id, safe='')}{lanes}"


def runs_of(airflow: str, dag_id: str, window_start: datetime) -> str:
    """The runs of a DAG that have this window; for a run of the ledger that does not know who opened it."""
    at = window_start.isoformat()
    return f"{dag(airflow, dag_id)}/runs?{urlencode({'logical_date_gte': at, 'logical_date_lte': at})}"


def tasks_of(dag_id: str, contract: Contract | None) -> tuple[str, ...]:
    """The tasks of a DAG whose logs tell of a run of the ledger, in their order."""
    if dag_id == "late_sources":
        return ("read_late", "judge_held")
    if dag_id == "backfills":
        return ("feed",)
    if contract is None or dag_id != f"ingest.{contract.dataset}":
        return ()
    return MANY if contract.source.for_each else ONE


def opened_by(airflow: str, row: Mapping[str, Any], contract: Contract | None) -> AirflowRun | None:
    """Who opened a run of the ledger; None for one that was opened by hand, or before this was noted.

    ``row`` has ``dag_id`` and ``dag_run_id`` of ``ops.runs``."""
    dag_id, run_id = row["dag_id"], row["dag_run_id"]
    if not dag_id or not run_id:
        return None
    tasks = tuple((name, task(airflow, dag_id, run_id, name)) for name in tasks_of(dag_id, contract))
    return AirflowRun(dag_id, run_id, run(airflow, dag_id, run_id), tasks)
