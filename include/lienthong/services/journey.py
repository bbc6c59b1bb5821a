"""``make run``: set up, start, make the day's data, run the day, report, stop what was started."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from lienthong.airflow_api import AirflowApi
from lienthong.connections import Connection, parse
from lienthong.contracts import Contract, load_all
from lienthong.errors import LienThongError, NeedsPerson
from lienthong.report import newest_letter
from lienthong.services import airflow, control, embedded, hours
from lienthong.services.day import DayRun, Plan, Receiver
from lienthong.services.folders import Folders
from lienthong.services.health import reachable
from lienthong.services.keys import USER, load, write_private
from lienthong.services.ledger_view import LedgerView
from lienthong.services.playground import DEPARTMENT, introduce, playground
from lienthong.services.postgres import Server
from lienthong.services.progress import Progress
from lienthong.warehouse import Warehouse

PUBLISHED = "evaluation"
"""Reader of figures that a receiver publishes about what it was sent."""
LIMIT = 600.0
"""Seconds that a day may take (``LIENTHONG_RUN_LIMIT``)."""


class Journey:
    """One day from the sources to the receipts."""

    def __init__(self, folders: Folders, env: Mapping[str, str], day: date, console: Console) -> None:
        self.folders, self.env, self.day, self.console = folders, env, day, console
        self.began = time.time()
        self.contracts = load_all(folders.home / "expectations")
        self.limit = _limit(env)
        self.letters_after = 0

    def run(self) -> int:
        """Everything; 0 when the day is whole. A report is written however it ends."""
        try:
            self._require_day()
            self._ask_foreign_receivers()
            with Progress(self.console) as progress, self._services(progress) as present:
                report = self._played(progress, present)
        except LienThongError as error:
            with suppress(OSError):
                self._write(self._head([str(error)]))
            raise
        self._tell(report)
        return 0 if report["ok"] else 1

    def _played(self, progress: Progress, present: dict[str, Any]) -> dict[str, Any]:
        """The report of the day, run on services that can take data."""
        connections = self._connections(present)
        self._make_day(progress, present)
        progress.stage("start")
        present = control.wait(self.folders, embedded.RUN_NEEDS, progress.services)
        warehouse = Warehouse(parse("warehouse", connections[airflow.WAREHOUSE]), self.folders.home)
        try:
            with self._hours(warehouse):
                failures = self._run_day(progress, present, connections, warehouse)
        except LienThongError as error:
            failures = [str(error)]
        progress.close()
        report = self._head(failures) | {"seconds": progress.seconds} | self._facts(warehouse, failures)
        self._write(report)
        return report

    @contextmanager
    def _hours(self, warehouse: Warehouse) -> Iterator[None]:
        """The clock of people stands in the night after the day; in a warehouse of the caller's own, only for now."""
        if not airflow.foreign(self.env, airflow.MAIL):
            introduce(warehouse, self.folders)
        with warehouse.session() as session:
            self.letters_after = newest_letter(session)
        hours.stand(warehouse, hours.night_after(self.day))
        try:
            yield
        finally:
            if airflow.foreign(self.env, airflow.WAREHOUSE):
                hours.go_on(warehouse)

    def _require_day(self) -> None:
        from lienthong.sandbox.province import LAST_DAY, QUARTER

        first, last = QUARTER[0], LAST_DAY
        if not first <= self.day <= last:
            raise NeedsPerson(f"The sandbox has the days from {first} to {last}; {self.day} is none of them.")

    def _ask_foreign_receivers(self) -> None:
        """A receiver of the caller's own that is not there ends the run before it begins."""
        if airflow.foreign(self.env, airflow.PORTAL):
            receiver = _receiver("national_portal", parse("national_portal", self.env[airflow.PORTAL]))
            if not receiver.reachable():
                raise NeedsPerson(
                    f"The national portal at {receiver.address} does not answer. Nothing was started. Start it, or "
                    "mend or unset AIRFLOW_CONN_NATIONAL_PORTAL."
                )

    @contextmanager
    def _services(self, progress: Progress) -> Iterator[dict[str, Any]]:
        """The running services, or services of our own for the time of the block."""
        progress.stage("start")
        present = control.running(self.folders)
        if present is not None:
            progress.say("Using the services that are already running.")
            control.check_same(present, self.folders, self.env)
            self.handle = None
            yield control.wait(self.folders, embedded.DATA_NEEDS, progress.services)
            return
        with control.started(self.folders, tethered=True) as handle:
            self.handle = handle
            present = control.wait(self.folders, embedded.DATA_NEEDS, progress.services, handle)
            for notice in present["notices"]:
                progress.say(notice)
            yield present

    def _connections(self, present: Mapping[str, Any]) -> dict[str, str]:
        keys, server = load(self.folders.secrets), Server.at(self.folders)
        return airflow.connections(self.env, self.folders, present["ports"], keys, server)

    def _make_day(self, progress: Progress, present: Mapping[str, Any]) -> None:
        """Put the day into the province's sources, unless it is there: whoever changed a row there meant it."""
        progress.stage("province")
        if (self.folders.sandbox / "truth" / f"{self.day}.jsonl").exists():
            return
        address = f"http://127.0.0.1:{present['ports']['department']}"
        place = playground(self.folders, {**self.env, DEPARTMENT: address})
        made = place.province.make_day(self.day)
        progress.say(f"{self.day}: {made.ho_so:,} dossiers and {made.tien_trinh:,} steps changed at the sources.")
        if airflow.foreign(self.env, airflow.PORTAL):
            progress.say(place.notice)

    def _run_day(
        self, progress: Progress, present: Mapping[str, Any], connections: Mapping[str, str], warehouse: Warehouse
    ) -> list[str]:
        def check() -> None:
            control.check_alive(self.folders, self.handle)

        day = DayRun(
            day=self.day,
            plan=_plan(self.contracts, connections, self.env),
            api=AirflowApi(present["address"], USER, load(self.folders.secrets).admin, check=check),
            view=LedgerView(warehouse, self.day, self.began),
            narrator=progress,
            limit=self.limit,
            parsed_since=float(present["prepared_at"]),
            check=check,
            morning=lambda: hours.tell(warehouse, self.day),
        )
        return day.run()

    def _head(self, failures: list[str]) -> dict[str, Any]:
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        return {"day": self.day.isoformat(), "ok": not failures, "failures": failures, "finished_at": finished}

    def _facts(self, warehouse: Warehouse, failures: list[str]) -> dict[str, Any]:
        """What the ledger and the supervisor say; where the ledger cannot be read any more, why the day ended."""
        from lienthong import report

        present = control.running(self.folders) or {}
        restarts = {name: entry["restarts"] for name, entry in present.get("services", {}).items()}
        try:
            with warehouse.session() as session:
                began = datetime.fromtimestamp(self.began, UTC)
                found = report.collect(session, self.contracts, [self.day], began, self.letters_after)
        except LienThongError:
            if failures:
                raise NeedsPerson(failures[0]) from None
            raise
        return {"restarts": restarts, **found}

    def _write(self, report: Mapping[str, Any]) -> None:
        self.folders.var.mkdir(parents=True, exist_ok=True)
        write_private(self.folders.report, json.dumps(report, ensure_ascii=False, indent=2, default=str) + "\n")

    def _tell(self, report: Mapping[str, Any]) -> None:
        from lienthong import screen

        self.console.print(screen.render(dict(report)))
        for sentence in report["failures"]:
            self.console.print(f"FAILED: {sentence}", style="bold red", highlight=False, soft_wrap=True, markup=False)
        accepted = sum(found["accepted"] for found in report["endpoints"].values())
        whole = "is whole" if report["ok"] else "is not whole"
        sent = f"{accepted:,} records were accepted with a receipt in this run"
        if report["ok"] and not any(found["sent"] for found in report["endpoints"].values()):
            sent = "nothing had changed since it was run before, and nothing was sent"
        self.console.print(
            f"\n{self.day} {whole}: {sent}; {time.time() - self.began:.0f} s in all.\nReport: {self.folders.report}\n"
            "Next: `make up` keeps Airflow running to look around, `make run DAY=2025-09-29` runs another day, "
            "`.venv/bin/lienthong status` shows where everything stands.",
            highlight=False,
            soft_wrap=True,
        )


def _plan(contracts: Mapping[str, Contract], connections: Mapping[str, str], env: Mapping[str, str]) -> Plan:
    names = sorted({name for contract in contracts.values() for name in contract.endpoints})
    texts = {name: connections.get(variable, env.get(variable, "")) for name in names for variable in [_variable(name)]}
    missing = [name for name, text in texts.items() if not text]
    if missing:
        raise NeedsPerson(f"Connection {missing[0]!r} is missing. Set {_variable(missing[0])} (a URI or JSON).")
    given = {**connections, **{name: text for name, text in env.items() if text.strip()}}
    told = {name: one for name, one in contracts.items() if one.source.reader == PUBLISHED}
    return Plan(
        datasets={name: contract.waits_for for name, contract in contracts.items() if name not in told},
        # Whether a portal of the caller's own publishes figures is not known; without a connection nobody is asked.
        afterwards={name: one.waits_for for name, one in told.items() if _variable(one.source.connection) in given},
        receivers={name: _receiver(name, parse(name, text)) for name, text in texts.items()},
        closing=(("compare",), ("alerts", "scorecard")),
    )


def _variable(name: str) -> str:
    return f"AIRFLOW_CONN_{name.upper()}"


def _receiver(name: str, connection: Connection) -> Receiver:
    parts = urlsplit(connection.base_url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Receiver(name, f"{host}:{port}", lambda: reachable(host, port))


def _limit(env: Mapping[str, str]) -> float:
    text = env.get("LIENTHONG_RUN_LIMIT", "").strip()
    if not text:
        return LIMIT
    if not text.isdigit() or int(text) < 1:
        raise NeedsPerson(f"LIENTHONG_RUN_LIMIT must be a whole number of seconds; it is {text!r}.")
    return float(text)
