"""What the platform serves of a dataset: the nation's table, or what was pushed, under what the other side changed.

The nation's tables lie in a SQLite file that others write; ``_datasets(dataset, khoa_cot, con_tro)`` in it names the
key columns, joined by a comma, and the cursor column or nothing. A key of several columns is their values joined by
``|``. A dataset that is in no table of the file is served from what was pushed, and so comes back to whoever pushed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lienthong.sandbox.platform_store import PlatformStore, Record

PATIENCE = 10.0
"""Seconds that a reader waits while the nation's file is being written."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything that is served of one dataset, by key; ``cursor`` is its column of time, or empty."""

    records: dict[str, Record]
    cursor: str = ""
    national: bool = False


class Shelf:
    """Reads afresh for every request; nothing is kept in memory."""

    def __init__(self, national: Path, store: PlatformStore) -> None:
        self._national = national
        self._store = store

    def dataset(self, name: str) -> Dataset:
        """The dataset as it is served now; one that nobody knows is empty."""
        found = self.untouched(name)
        for khoa, columns in self._store.edits(name).items():
            record = found.records.get(khoa)
            if columns is None:
                found.records.pop(khoa, None)
            elif record is not None:
                found.records[khoa] = {**record, **columns}
        return found

    def untouched(self, name: str) -> Dataset:
        """The dataset as it would be had the other side changed nothing."""
        with self._open() as database:
            if database is not None and name in _tables(database):
                return _read(database, name)
        return Dataset(self._store.records(name))

    def is_national(self, name: str) -> bool:
        """Whether the nation's file has this dataset."""
        with self._open() as database:
            return database is not None and name in _tables(database)

    def names(self) -> list[str]:
        """The datasets of the nation."""
        with self._open() as database:
            return [] if database is None else sorted(_tables(database))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        if not self._national.exists():
            yield None
            return
        address = f"{self._national.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as database:
            # one state for all that is asked here, whoever writes meanwhile
            database.execute("BEGIN")
            yield database


def _tables(database: sqlite3.Connection) -> set[str]:
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in found if not name.startswith(("_", "sqlite_"))}


def _read(database: sqlite3.Connection, name: str) -> Dataset:
    rows = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - the name of a table that there is
    columns = [entry[0] for entry in rows.description]
    keys, cursor = _described(database, name, columns)
    places = [columns.index(key) for key in keys]
    records = {
        "|".join(str(row[place]) for place in places): {
            column: "" if value is None else value for column, value in zip(columns, row, strict=True)
        }
        for row in rows
    }
    return Dataset(records, cursor, national=True)


def _described(database: sqlite3.Connection, name: str, columns: list[str]) -> tuple[list[str], str]:
    """Key columns and cursor; the first column and none where the file does not say."""
    described = None
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = '_datasets'").fetchone():
        statement = "SELECT khoa_cot, con_tro FROM _datasets WHERE dataset = ?"
        described = database.execute(statement, (name,)).fetchone()
    if described is None:
        return columns[:1], ""
    return described[0].split(","), described[1] or ""
