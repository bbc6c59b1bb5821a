"""Airflow's own backfills, for parts of ours: begun once, found again after a restart, and cleared when cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lienthong.airflow_api import AirflowApi
from lienthong.backfill.plan import Part

PAGE = 100


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

    def paused(self, dataset: str) -> bool:
        """Whether a person has paused the dataset's DAG, so that none of its runs starts."""
        return bool(self._api.call("GET", f"/dags/{quote(_dag(dataset))}")["is_paused"])

    def active(self, dataset: str) -> Begun | None:
        """The backfill of the dataset's DAG that has not ended, whoever began it."""
        answer = self._api.call(
            "GET", "/backfills", parameters={"dag_id": _dag(dataset), "limit": 20, "order_by": "-id"}
        )
        return next((found for found in map(_begun, answer["backfills"]) if not found.over), None)

    def found(self, airflow_id: int) -> Begun | None:
        """One backfill; None when Airflow does not know it, as after its database was made anew."""
        answer = self._api.call("GET", f"/backfills/{airflow_id}", missing=True)
        return None if answer is None else _begun(answer)

    def begin(self, part: Part, ours: dict[str, Any], *, newest_first: bool) -> int | None:
        """Have Airflow run every day of the part, again where it ran before; None while another one is active."""
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

    def clear_up(self, part: Part, ours: dict[str, Any]) -> int:
        """After a cancel: remove the runs of this part that never began, which Airflow could never start again; gives
        how many of its days still run. Runs of anybody else are left alone."""
        dag = quote(_dag(part.dataset))
        for state in ("failed", "queued"):
            for run in self._runs(part, ours, state):
                if run["start_date"] is None:
                    self._api.call("DELETE", f"/dags/{dag}/dagRuns/{quote(run['dag_run_id'])}", missing=True)
        return len(self._runs(part, ours, "running"))

    def _runs(self, part: Part, ours: dict[str, Any], state: str) -> list[dict[str, Any]]:
        """Every run of the part in one state, page by page."""
        windows = part.windows
        wanted = {
            "logical_date_gte": windows[0].start.isoformat(),
            "logical_date_lte": windows[-1].start.isoformat(),
            "run_type": "backfill",
            "state": state,
            "order_by": "id",
            "limit": PAGE,
        }
        found: list[dict[str, Any]] = []
        offset = 0
        while True:
            answer = self._api.call(
                "GET", f"/dags/{quote(_dag(part.dataset))}/dagRuns", parameters={**wanted, "offset": offset}
            )
            found += [run for run in answer["dag_runs"] if run["conf"] == ours]
            offset += len(answer["dag_runs"])
            if not answer["dag_runs"] or offset >= answer["total_entries"]:
                return found


def _dag(dataset: str) -> str:
    return f"ingest.{dataset}"


def _begun(entry: dict[str, Any]) -> Begun:
    conf = entry["dag_run_conf"] or {}
    return Begun(entry["id"], entry["is_paused"], entry["completed_at"] is not None, conf)
