"""The province: makes the data of any day and puts them into its 116 sources and its shared databases.

The same seed, catalogue and day give the same rows, whatever was made before and in which order. Making a day again
replaces it. A source is a unit's own: most keep a schema in PostgreSQL, others a file of SQLite, a folder of CSV or
Excel drops, one a REST service; ``shared`` has the other databases. What was planted wrong is told in
``<var>/sandbox/truth/<day>.jsonl`` and nowhere else.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from lienthong.connections import Connection, parse
from lienthong.errors import NeedsPerson
from lienthong.sandbox import procedures, trouble
from lienthong.sandbox.calendar_vn import WorkingTime, day_number
from lienthong.sandbox.days import Day, Days
from lienthong.sandbox.dossiers import Arrivals, Habits
from lienthong.sandbox.faults import Planner
from lienthong.sandbox.postgres_store import PostgresStore
from lienthong.sandbox.rows import Writer
from lienthong.sandbox.shared.databases import SharedDatabases
from lienthong.sandbox.stores import DropStore, SqliteStore, pattern
from lienthong.sandbox.truth import TruthLog
from lienthong.sandbox.units import Unit, unit, units

SEED = 20250701
QUARTER = (date(2025, 7, 1), date(2025, 9, 30))
DEPARTMENT_URL = "http://127.0.0.1:8766"
LAST_DAY = QUARTER[1] + timedelta(days=1)
"""The day after the quarter: nothing new is received, and what is corrected after the last day arrives."""
_MEMORY = "province.json"
_CORRECTIONS = "corrections.json"
_DAYS_AT_ONCE = 7  # keeps the rows in memory under some hundred megabytes


@dataclass(frozen=True, slots=True)
class Made:
    """What one day brought: rows per dataset over all units, and planted faults."""

    day: date
    ho_so: int
    tien_trinh: int
    planted: int


@dataclass(frozen=True, slots=True)
class Correction:
    """A unit corrects its rows: they come with the day ``on``; ``applied`` once the older rows are gone."""

    on: date
    applied: bool


class Province:
    """The sources of one installation under ``var``, and in one PostgreSQL database."""

    def __init__(
        self,
        var: Path,
        database: Connection,
        *,
        seed: int = SEED,
        catalogue: procedures.Catalogue = None,
        habits: Habits | None = None,
        department_url: str = DEPARTMENT_URL,
        department_key: str = "",
    ) -> None:
        self.folder = var / "sandbox"
        self.database = database
        self.department_url, self._department_key = department_url, department_key
        self._seed, self._catalogue, self._habits = seed, catalogue, habits or Habits()
        self.truth = TruthLog(self.folder / "truth")
        self.postgres, self.sqlite, self.drops = self._stores(list(enumerate(units())))
        self.shared = SharedDatabases(self.folder, database, seed)

    @classmethod
    def at(cls, var: Path) -> Province:
        """The province that was made under ``var``, with the database, seed and address that it was made with."""
        path = var / "sandbox" / _MEMORY
        if not path.exists():
            raise NeedsPerson(f"No sandbox province under {var}: expected {path.name} there. Make a day first.")
        known = json.loads(path.read_text(encoding="utf-8"))
        database = parse("sandbox", json.dumps(known["database"]))
        return cls(var, database, seed=known["seed"], department_url=known["department_url"])

    @cached_property
    def days(self) -> Days:
        """The maker of days; built on first use, because it reads the catalogue."""
        known, calendar = procedures.load(self._catalogue), WorkingTime()
        arrivals = Arrivals(self._seed, known, units(), calendar, self._habits)
        corrected = {_place(code): day_number(one.on) for code, one in self.corrections.items()}
        return Days(arrivals, Planner(units(), calendar), Writer(known, units()), corrected)

    def make_day(self, day: date) -> Made:
        """Put everything that changed on ``day`` into the sources."""
        return self.make_days(day, day)[0]

    def make_days(self, first: date, last: date) -> list[Made]:
        """Make every day from ``first`` to ``last``; a failure leaves whole days made, others not."""
        self._remember()
        self._correct(before=first)
        self.days.upto(last)
        span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        made: list[Made] = []
        for start in range(0, len(span), _DAYS_AT_ONCE):
            made += self._write([self.days.make(day) for day in span[start : start + _DAYS_AT_ONCE]])
        return made

    @property
    def corrections(self) -> dict[str, Correction]:
        """The units that correct, or have corrected, all their earlier faults, by code."""
        path = self.folder / _CORRECTIONS
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {code: Correction(date.fromisoformat(one["on"]), one["applied"]) for code, one in found.items()}

    def correct(self, code: str, on: date | None = None) -> date:
        """Let a unit correct everything of its that was rejected; the corrected rows come with the day ``on``, by
        default the one after the newest day made. Gives that day."""
        made, one = self.truth.days(), unit(code)
        if not made:
            raise NeedsPerson("No day of the province has been made, so there is nothing to correct. Run a day first.")
        day = on or made[-1] + timedelta(days=1)
        if day <= made[-1] or day > LAST_DAY:
            raise NeedsPerson(
                f"A correction must come with a day after {made[-1]}, which is made already, and not after {LAST_DAY}; "
                f"{day} is none of them."
            )
        self._write_corrections({**self.corrections, one.code: Correction(day, applied=False)})
        return day

    def _correct(self, before: date) -> None:
        """Rewrite the earlier days of units whose correction is due now: their wrong rows are no longer there."""
        due = {code: one for code, one in self.corrections.items() if not one.applied and one.on <= before}
        if not due:
            return
        self.__dict__.pop("days", None)
        places = [(place, unit) for place, unit in enumerate(units()) if unit.code in due]
        for day in self.truth.days():
            late = [pair for pair in places if day < due[pair[1].code].on]
            if late:
                made = self.days.make(day)
                for store in self._stores(late):
                    store.write([made])
                self.truth.write(day, [*made.planted, *self.shared.planted(day)])
        trouble.refresh(self)
        self._write_corrections({**self.corrections, **{c: replace(one, applied=True) for c, one in due.items()}})

    def _stores(self, among: list[tuple[int, Unit]]) -> tuple[PostgresStore, SqliteStore, DropStore]:
        def keeping(*kinds: str) -> list[tuple[int, Unit]]:
            return [(place, unit) for place, unit in among if unit.store in kinds]

        return (
            PostgresStore(self.database, keeping("postgres")),
            SqliteStore(self.folder / "sqlite", keeping("sqlite", "rest")),
            DropStore(self.folder / "drops", keeping("csv", "excel")),
        )

    def _write_corrections(self, corrections: dict[str, Correction]) -> None:
        content = {code: {"on": str(one.on), "applied": one.applied} for code, one in corrections.items()}
        _write_private(self.folder / _CORRECTIONS, json.dumps(content, indent=1, sort_keys=True).encode())

    def connections(self) -> dict[str, dict[str, Any]]:
        """The connections of all 116 sources and of the shared databases in Airflow's JSON form, by connection id."""
        of_units = {unit.connection_id: self._connection(unit) for unit in units()}
        return {**of_units, **self.shared.connections(self.department_url, self.department_key())}

    def lay_out(self) -> None:
        """Make what is missing of the sources: schemas, tables, roles, files and folders, all empty."""
        self._remember()
        for store in (self.postgres, self.sqlite, self.drops):
            store.write([])
        self.shared.lay_out()

    def write_connections(self) -> Path:
        """Lay the sources out and write ``connections`` to ``<var>/sandbox/connections.json``, readable by its owner
        only; return the file."""
        self.lay_out()
        path = self.folder / "connections.json"
        _write_private(path, json.dumps(self.connections(), ensure_ascii=False, indent=1).encode())
        return path

    def department_file(self) -> Path:
        """The SQLite file behind the REST service."""
        return self.sqlite.path(next(unit for unit in units() if unit.store == "rest"))

    def department_key(self) -> str:
        """The key that the REST service asks for: the one given, else one made once for the installation."""
        if self._department_key:
            return self._department_key
        path = self.folder / "department.key"
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text(encoding="utf-8").strip()

    def _remember(self) -> None:
        given = self.database
        database = {
            "conn_type": "postgres", "host": given.host, "port": given.port, "login": given.login,
            "password": given.password, "schema": given.schema, "extra": dict(given.extra),
        }  # fmt: skip
        known = {"database": database, "seed": self._seed, "department_url": self.department_url}
        _write_private(self.folder / _MEMORY, json.dumps(known).encode())

    def _write(self, days: list[Day]) -> list[Made]:
        for store in (self.postgres, self.sqlite, self.drops):
            store.write(days)
        shared = self.shared.write([day.day for day in days], self.truth.days())
        trouble.refresh(self)
        for day in days:
            self.truth.write(day.day, [*day.planted, *shared[day.day]])
        return [
            Made(day.day, len(day.ho_so), len(day.tien_trinh), len(day.planted) + len(shared[day.day])) for day in days
        ]

    def _connection(self, unit: Unit) -> dict[str, Any]:
        if unit.store == "postgres":
            given = self.database
            entry = {
                "conn_type": "postgres", "host": given.host, "port": given.port, "login": self.postgres.role(unit),
                "password": given.password, "schema": given.schema, "extra": {"namespace": unit.namespace},
            }  # fmt: skip
            return {name: value for name, value in entry.items() if value}
        if unit.store == "sqlite":
            return {"conn_type": "sqlite", "host": str(self.sqlite.path(unit))}
        if unit.store == "rest":
            extra = {"path": "/api/v1/{dataset}"}
            key = self.department_key()
            return {"conn_type": "http", "host": self.department_url, "password": key, "extra": extra}
        return {"conn_type": "fs", "extra": {"path": str(self.drops.path(unit)), "pattern": pattern(unit)}}


def _place(code: str) -> int:
    return next(place for place, one in enumerate(units()) if one.code == code)


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)
