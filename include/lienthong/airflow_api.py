"""The few calls of Airflow's REST API that a day needs. A restart of the api-server is sat out, not reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from lienthong.batches import Window
from lienthong.errors import LienThongError, NeedsPerson, TryAgain

ENDED = ("success", "failed")
PATIENCE = 60.0
"""Seconds for which an api-server that does not answer counts as restarting."""
OUR_ERRORS = {"LienThongError"} | {
    kind.__name__ for base in LienThongError.__subclasses__() for kind in (base, *base.__subclasses__())
}


@dataclass(frozen=True, slots=True)
class Dag:
    """One DAG as the api-server knows it."""

    dag_id: str
    paused: bool
    broken: bool
    parsed_at: float
    """When its file was last read, in seconds of the epoch."""


@dataclass(frozen=True, slots=True)
class Run:
    """One DAG run."""

    dag_id: str
    run_id: str
    state: str
    started: float
    """Seconds of the epoch; 0 while it waits."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED


class AirflowApi:
    """One user's session with one api-server."""

    def __init__(
        self,
        address: str,
        user: str,
        password: str,
        patience: float = PATIENCE,
        check: Callable[[], None] = lambda: None,
        connection: str = "",
        timeout: float = 30.0,
    ) -> None:
        """``check`` is called before a call is repeated; what it raises ends the waiting. ``connection`` is where the
        account stands, if not in the keys of an embedded Airflow. ``timeout`` bounds a single request, in seconds."""
        self._address = address.rstrip("/")
        self._account = {"username": user, "password": password}
        self._patience = patience
        self._check = check
        self._connection = connection
        self._timeout = timeout
        self._session = requests.Session()
        # The environment may name a proxy; this address is on this machine.
        self._session.trust_env = False

    def dags(self) -> list[Dag]:
        """Every DAG that there is now."""
        answer = self.call("GET", "/dags", parameters={"limit": 100, "exclude_stale": "true"})
        return [
            Dag(
                dag_id=entry["dag_id"],
                paused=entry["is_paused"],
                broken=entry.get("has_import_errors", False),
                parsed_at=_seconds(entry.get("last_parsed_time")),
            )
            for entry in answer["dags"]
        ]

    def import_errors(self) -> dict[str, str]:
        """The last line of what is wrong, by DAG file."""
        answer = self.call("GET", "/importErrors", parameters={"limit": 100})
        return {
            str(entry["filename"]): (entry["stack_trace"].strip().splitlines() or [""])[-1]
            for entry in answer["import_errors"]
        }

    def unpause(self, dag_id: str) -> None:
        """Let the DAG's runs start."""
        self.call("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False})

    def run_window(self, dag_id: str, run_id: str, window: Window) -> str:
        """Have the DAG run for the window: a new run, or the one that exists, cleared when it has ended.

        Gives the id of the run, which is another one's when something else ran this window before."""
        body = {
            "dag_run_id": run_id,
            "logical_date": window.start.isoformat(),
            "data_interval_start": window.start.isoformat(),
            "data_interval_end": window.end.isoformat(),
        }
        if self.call("POST", f"/dags/{quote(dag_id)}/dagRuns", body, conflict=True) is not None:
            return run_id
        known = self._known(dag_id, run_id, window)
        if known.ended:
            self.call(
                "POST",
                f"/dags/{quote(dag_id)}/dagRuns/{quote(known.run_id)}/clear",
                {"dry_run": False, "only_failed": False, "run_on_latest_version": True},
            )
        return known.run_id

    def run_now(self, dag_id: str, run_id: str) -> None:
        """Have the DAG run once, without a window."""
        self.call("POST", f"/dags/{quote(dag_id)}/dagRuns", {"dag_run_id": run_id, "logical_date": None}, conflict=True)

    def note(self, dag_id: str, run_id: str, text: str, ours: Callable[[str], bool]) -> None:
        """Set the note of a run, unless a person has written one: ``ours`` tells a note that may be replaced."""
        path = f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"
        known = self.call("GET", path).get("note") or ""
        if known != text and (not known or ours(known)):
            self.call("PATCH", path, {"note": text}, parameters={"update_mask": "note"})

    def runs(self, dag_id: str) -> list[Run]:
        """The newest runs of a DAG, newest first."""
        answer = self.call("GET", f"/dags/{quote(dag_id)}/dagRuns", parameters={"limit": 50, "order_by": "-run_after"})
        return [_run(entry) for entry in answer["dag_runs"]]

    def of_window(self, dag_ids: Iterable[str], window: Window) -> list[Run]:
        """The runs of several DAGs for one window, in one question."""
        start = window.start.isoformat()
        body = {"dag_ids": sorted(dag_ids), "logical_date_gte": start, "logical_date_lte": start}
        return [_run(entry) for entry in self.call("POST", "/dags/~/dagRuns/list", body)["dag_runs"]]

    def failures(self, dag_id: str, run_id: str) -> list[str]:
        """For each failed task of a run, one sentence: the task, and the error where it is one of our own."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/taskInstances"
        answer = self.call("GET", path, parameters={"state": "failed", "limit": 20})
        return [self._failure(path, entry) for entry in answer["task_instances"]]

    def _failure(self, path: str, entry: Mapping[str, Any]) -> str:
        place = f"/{quote(entry['task_id'])}/logs/{entry['try_number']}"
        try:
            log = self.call("GET", path + place, parameters={"map_index": entry["map_index"], "full_content": "true"})
            said = _error_in(log["content"])
        except LienThongError:
            said = ""
        tries = entry["try_number"]
        head = f"task {entry['task_id']} failed" + (f" after {tries} tries" if tries > 1 else "")
        return f"{head}: {said}" if said else f"{head}; its log in Airflow says why"

    def _known(self, dag_id: str, run_id: str, window: Window) -> Run:
        """The run that is in the way of a new one: of the same window, else of the same name."""
        found = self.of_window([dag_id], window)
        named = [run for run in found if run.run_id == run_id]
        if found:
            return (named or found)[0]
        return _run(self.call("GET", f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"))

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        conflict: bool = False,
        missing: bool = False,
    ) -> Any:
        """The JSON of the answer, empty where there is none; None for a conflict, or for what is not there, where that
        is expected."""
        answer = self._send(method, path, body, parameters)
        if (answer.status_code == 409 and conflict) or (answer.status_code == 404 and missing):
            return None
        if not answer.ok:
            raise NeedsPerson(
                f"Airflow refused {method} {path.split('?')[0]} with status {answer.status_code}: {_detail(answer)}"
            )
        return answer.json() if answer.content else {}

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> requests.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                if "Authorization" not in self._session.headers:
                    self._log_in()
                answer = self._session.request(
                    method, f"{self._address}/api/v2{path}", json=body, params=parameters, timeout=self._timeout
                )
                if answer.status_code == 401:
                    del self._session.headers["Authorization"]
                elif answer.status_code < 500:
                    return answer
                reason = f"status {answer.status_code}"
            except requests.RequestException as error:
                reason = type(error).__name__
            self._check()
            if time.monotonic() > deadline:
                where = "" if self._connection else "; its log is api-server.log"
                raise TryAgain(f"Airflow at {self._address} does not answer ({reason}){where}.")
            time.sleep(0.5)

    def _log_in(self) -> None:
        answer = self._session.post(f"{self._address}/auth/token", json=self._account, timeout=self._timeout)
        if answer.status_code == 401:
            if self._connection:
                raise NeedsPerson(
                    f"Airflow at {self._address} refuses the account of connection {self._connection!r}. Whoever runs "
                    f"this installation gives AIRFLOW_CONN_{self._connection.upper()} one that it knows."
                )
            raise NeedsPerson(
                f"Airflow at {self._address} refuses the password in var/secrets. Another Airflow may be listening "
                "there, or the file was changed while this one ran: `make down`, then try again."
            )
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _run(entry: Mapping[str, Any]) -> Run:
    return Run(entry["dag_id"], entry["dag_run_id"], entry["state"], _seconds(entry.get("start_date")))


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _detail(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        return "no reason given"
    return str(detail)[:300]


def _error_in(content: list[Any]) -> str:
    """The words of the last error in a task's log if it is ours: others may repeat values of rows."""
    for event in reversed(content):
        if not isinstance(event, Mapping):
            continue
        for error in event.get("error_detail") or ():
            if error.get("exc_type") in OUR_ERRORS:
                return str(error.get("exc_value"))
            return str(error.get("exc_type"))
    return ""
