"""The province: makes the data of any day and puts them into its 116 sources.

The same seed, catalogue and day give the same rows, whatever was made before and in which order. Making a day again
replaces it. A source is a unit's own: most keep a schema in PostgreSQL, others a file of SQLite, a folder of CSV or
Excel drops, one a REST service. What was planted wrong is told in ``<var>/sandbox/truth/<day>.jsonl`` and nowhere else.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from lienthong.connections import Connection, parse
from lienthong.errors import NeedsPerson
from lienthong.sandbox import procedures, trouble
from lienthong.sandbox.calendar_vn import WorkingTime
from lienthong.sandbox.days import Day, Days
from lienthong.sandbox.dossiers import Arrivals, Habits
from lienthong.sandbox.faults import Planner
from lienthong.sandbox.postgres_store import PostgresStore
from lienthong.sandbox.rows import Writer
from lienthong.sandbox.stores import DropStore, SqliteStore, pattern
from lienthong.sandbox.truth import TruthLog
from lienthong.sandbox.units import Unit, units

SEED = 20250701
QUARTER = (date(2025, 7, 1), date(2025, 9, 30))
DEPARTMENT_URL = "http://127.0.0.1:8766"
_MEMORY = "province.json"
_DAYS_AT_ONCE = 7  # keeps the rows in memory under some hundred megabytes


@dataclass(frozen=True, slots=True)
class Made:
    """What one day brought: rows per dataset over all units, and planted faults."""

    day: date
    ho_so: int
    tien_trinh: int
    planted: int


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
        self.postgres = PostgresStore(database, _keeping("postgres"))
        self.sqlite = SqliteStore(self.folder / "sqlite", _keeping("sqlite", "rest"))
        self.drops = DropStore(self.folder / "drops", _keeping("csv", "excel"))

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
        return Days(arrivals, Planner(units(), calendar), Writer(known, units()))

    def make_day(self, day: date) -> Made:
        """Put everything that changed on ``day`` into the sources."""
        return self.make_days(day, day)[0]

    def make_quarter(self) -> list[Made]:
        """Make every day from 1 July to 30 September 2025."""
        return self.make_days(*QUARTER)

    def make_days(self, first: date, last: date) -> list[Made]:
        """Make every day from ``first`` to ``last``; a failure leaves whole days made, others not."""
        self._remember()
        self.days.upto(last)
        span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        made: list[Made] = []
        for start in range(0, len(span), _DAYS_AT_ONCE):
            made += self._write([self.days.make(day) for day in span[start : start + _DAYS_AT_ONCE]])
        return made

    def connections(self) -> dict[str, dict[str, Any]]:
        """The connections of all 116 sources in Airflow's JSON form, by connection id."""
        return {unit.connection_id: self._connection(unit) for unit in units()}

    def lay_out(self) -> None:
        """Make what is missing of the sources: schemas, tables, roles, files and folders, all empty."""
        self._remember()
        for store in (self.postgres, self.sqlite, self.drops):
            store.write([])

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
        trouble.refresh(self)
        for day in days:
            self.truth.write(day.day, day.planted)
        return [Made(day.day, len(day.ho_so), len(day.tien_trinh), len(day.planted)) for day in days]

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


def _keeping(*stores: str) -> list[tuple[int, Unit]]:
    return [(place, unit) for place, unit in enumerate(units()) if unit.store in stores]


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)
