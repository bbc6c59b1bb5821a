"""All shared databases of one installation: made for any day, in any order, each in its store, with its connection.

What was planted wrong is given back for the truth log of the day and told nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from lienthong.connections import Connection
from lienthong.sandbox.shared import DATASETS, FAULTS
from lienthong.sandbox.shared.model import Chance, Dataset, Fault, Row
from lienthong.sandbox.shared.service import rest_file
from lienthong.sandbox.shared.stores import (
    Columns,
    Days,
    DropDatasets,
    NationalDatasets,
    PostgresDatasets,
    SqliteDatasets,
    ending,
    kind_of,
)
from lienthong.sandbox.truth import Planted

PLATFORM = "shared_platform"
"""The connection behind which the national platform serves its datasets."""
PAGE_SIZE = 100  # small enough that every reading turns pages
_ORDINARY_DAY = date(2025, 9, 29)  # a Monday: what its rows hold tells the kinds of the columns


class SharedDatabases:
    """The shared databases below one sandbox folder, and in its PostgreSQL database."""

    def __init__(
        self,
        sandbox: Path,
        database: Connection,
        seed: int,
        *,
        datasets: Sequence[Dataset] = DATASETS,
        faults: Sequence[Fault] = FAULTS,
    ) -> None:
        self.folder, self._database, self._seed = sandbox / "shared", database, seed
        self.datasets, self._faults = tuple(datasets), tuple(faults)
        self.postgres = PostgresDatasets(database)
        self.drops = DropDatasets(self.folder)
        self.rest = SqliteDatasets(rest_file(sandbox), register=True)
        self.platform = NationalDatasets(sandbox / "platform" / "national.sqlite")

    def sqlite(self, dataset: Dataset) -> SqliteDatasets:
        """The file of a dataset that is kept in a file of SQLite."""
        return SqliteDatasets(self.folder / f"{dataset.name}.sqlite")

    def lay_out(self) -> None:
        """Make what is missing: schemas, tables, roles, files and folders, all empty."""
        self._write({dataset.name: {} for dataset in self.datasets})

    def write(self, days: Iterable[date], made: Iterable[date] = ()) -> dict[date, list[Planted]]:
        """Put these days into the stores and give what was planted on each. ``made`` are days that the stores hold
        already: the tables of snapshots show the newest of all."""
        days = sorted(days)
        if not days:
            return {}
        newest = max([*days, *made])
        state: dict[str, Days] = {}
        for dataset in self.datasets:
            shown = [newest] if _one_state(dataset) else days
            state[dataset.name] = {day: self.rows(dataset, day) for day in shown}
        self._write(state)
        return {day: self.planted(day) for day in days}

    def rows(self, dataset: Dataset, day: date) -> list[Row]:
        """What the dataset holds at the end of a day, or what changed on it, with the faults of the day."""
        return self._made(dataset, day)[0]

    def planted(self, day: date) -> list[Planted]:
        """The faults of one day as the truth log tells them."""
        with_faults = {fault.dataset for fault in self._faults if fault.on == day}
        found = []
        for dataset in self.datasets:
            if dataset.name in with_faults:
                found += self._made(dataset, day)[1]
        return found

    def _made(self, dataset: Dataset, day: date) -> tuple[list[Row], list[Planted]]:
        """The rows and what is wrong in them. A fault belongs to a row of the seed that comes with the sandbox; with
        another seed the row may not be there, and then nothing is wrong."""
        rows = dataset.make(Chance(self._seed, dataset.table), day)
        planted = []
        for fault in self._faults:
            if fault.dataset != dataset.name or fault.on != day:
                continue
            row = next(filter(fault.fits, rows), None)
            if row is not None:
                fault.spoil(row)
                source, expected = self.source(dataset), _expected(dataset, fault)
                planted.append(
                    Planted(str(day), fault.fault, dataset.table, source, fault.key, fault.columns, expected)
                )
        return rows, planted

    def source(self, dataset: Dataset) -> str:
        """The connection by which a dataset is read."""
        return PLATFORM if dataset.store.kind == "platform" else dataset.connection_id

    def connections(self, department_url: str, department_key: str) -> dict[str, dict[str, Any]]:
        """The connections in Airflow's JSON form, by connection id; the platform announces itself."""
        return {
            dataset.connection_id: self._connection(dataset, department_url, department_key)
            for dataset in self.datasets
            if dataset.store.kind != "platform"
        }

    def _connection(self, dataset: Dataset, url: str, key: str) -> dict[str, Any]:
        store = dataset.store
        if store.kind == "postgres":
            given = self._database
            entry = {
                "conn_type": "postgres", "host": given.host, "port": given.port, "login": self.postgres.role(dataset),
                "password": given.password, "schema": given.schema, "extra": {"namespace": dataset.connection_id},
            }  # fmt: skip
            return {name: value for name, value in entry.items() if value}
        if store.kind == "sqlite":
            return {"conn_type": "sqlite", "host": str(self.sqlite(dataset).path)}
        if store.kind == "rest":
            extra: dict[str, Any] = {"path": "/chia-se/{dataset}", "paging": store.paging, "page_size": PAGE_SIZE}
            return {"conn_type": "http", "host": url, "password": key, "extra": extra}
        extra = {"path": str(self.drops.path(dataset)), "pattern": f"{{dataset}}_{{day}}.{ending(dataset)}"}
        if store.kind == "csv" and not store.encoding.startswith("utf-8"):
            extra["encoding"] = store.encoding
        if store.kind == "csv" and store.delimiter not in ",\t":
            extra["delimiter"] = store.delimiter
        return {"conn_type": "fs", "extra": extra}

    def _write(self, state: Mapping[str, Days]) -> None:
        def work(kind: str) -> list[tuple[Dataset, Columns, Days]]:
            return [
                (dataset, columns_of(dataset), state[dataset.name])
                for dataset in self.datasets
                if dataset.store.kind == kind
            ]

        self.postgres.write(work("postgres"))
        self.rest.write(work("rest"))
        self.platform.write(work("platform"))
        for kind in ("csv", "xlsx"):
            self.drops.write(work(kind))
        for part in work("sqlite"):
            self.sqlite(part[0]).write([part])


def columns_of(dataset: Dataset) -> Columns:
    """The columns in their order, each with the kind that the rows of an ordinary day show. They are the same for
    every seed."""
    rows = _ordinary(dataset.make, dataset.table)
    return {name: dataset.kinds.get(name) or kind_of([row[name] for row in rows]) for name in rows[0]}


@cache
def _ordinary(make: Callable[[Chance, date], list[Row]], table: str) -> list[Row]:
    return make(Chance("kinds", table), _ORDINARY_DAY)


def _one_state(dataset: Dataset) -> bool:
    return dataset.cursor is None and dataset.store.kind not in ("csv", "xlsx")


def _expected(dataset: Dataset, fault: Fault) -> dict[str, str]:
    rule = f"{dataset.table}.{fault.rule}"
    return {"exception": "warn: promoted with a warning", "warns": rule} if fault.warns else {"rule": rule}
