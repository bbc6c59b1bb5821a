"""Airflow's own backfills, for parts of ours: begun once, found again after a restart, and cleared when cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lienthong.airflow_api import AirflowApi
from lienthong.backfill.plan import Part


@dataclass(frozen=True, slots=True)
class Begun:
    """One backfill as Airflow has it; ``ours`` names the part that it is for."""

    airflow_id: int
    paused: bool
    over: bool
    ours: dict[str, Any]


class AirflowBackfills:
    """What the feeder asks of Airflow. Airflow has one active backfill for a DAG, with one day at a time."""

    def __init__(self, api: AirflowApi) -> None:
        self._api = api

    def active(self, dataset: str) -> Begun | None:
        """The backfill of the dataset's DAG that has not ended, whoever began it."""
        answer = self._api.call(
            "GET", "/backfills", parameters={"dag_id": _dag(dataset), "limit": 20, "order_by": "-id"}
        )
        return next((found for found in map(_begun, answer["backfills"]) if not found.over), None)

    def found(self, airflow_id: int) -> Begun:
        """One backfill."""
        return _begun(self._api.call("GET", f"/backfills/{airflow_id}"))

    def begin(self, part: Part, ours: dict[str, Any], *, newest_first: bool) -> int | None:
        """Have Airflow run every day of the part, again where it ran before; None while another one is active."""
        self._api.unpause(_dag(part.dataset))
        windows = part.windows
        body = {
            "dag_id": _dag(part.dataset),
            # Both are starts of days with their offset: Airflow includes both, and no day slips into a neighbour.
            "from_date": windows[0].start.isoformat(),
            "to_date": windows[-1].start.isoformat(),
            "run_backwards": newest_first,
            # Our ledger has decided what has to be run; what Airflow remembers of these days does not matter.
            "reprocess_behavior": "completed",
            "max_active_runs": 1,
            "dag_run_conf": ours,
        }
        answer = self._api.call("POST", "/backfills", body, conflict=True)
        return None if answer is None else int(answer["id"])

    def pause(self, airflow_id: int) -> None:
        """Let no further day of it begin."""
        self._api.call("PUT", f"/backfills/{airflow_id}/pause", conflict=True)

    def go_on(self, airflow_id: int) -> None:
        """Let its days begin again."""
        self._api.call("PUT", f"/backfills/{airflow_id}/unpause", conflict=True)

    def cancel(self, airflow_id: int) -> None:
        """End it; days that run end by themselves."""
        self._api.call("PUT", f"/backfills/{airflow_id}/cancel", conflict=True)

    def clear_up(self, part: Part) -> int:
        """After a cancel: remove the runs that never began, which Airflow could never start again; gives how many days
        of the part still run."""
        windows = part.windows
        dag = quote(_dag(part.dataset))
        period = {
            "logical_date_gte": windows[0].start.isoformat(),
            "logical_date_lte": windows[-1].start.isoformat(),
            "run_type": "backfill",
            "limit": 100,
        }
        running = 0
        for state in ("failed", "queued", "running"):
            while True:
                answer = self._api.call("GET", f"/dags/{dag}/dagRuns", parameters={**period, "state": state})
                if state == "running":
                    running = len(answer["dag_runs"])
                    break
                never = [run for run in answer["dag_runs"] if run["start_date"] is None]
                for run in never:
                    self._api.call("DELETE", f"/dags/{dag}/dagRuns/{quote(run['dag_run_id'])}")
                if not never:
                    break
        return running


def _dag(dataset: str) -> str:
    return f"ingest.{dataset}"


def _begun(entry: dict[str, Any]) -> Begun:
    conf = entry["dag_run_conf"] or {}
    return Begun(entry["id"], entry["is_paused"], entry["completed_at"] is not None, conf)
