"""How units that are no PostgreSQL keep their rows: files of SQLite, and drops of CSV or Excel.

A store writes whole days: what a source held of these days before is replaced, other days stay. A reader sees the
old content or the new one. Where ``trouble`` has put a face before the true place of the data, the true place bears
the ending of ``TRUE`` and is the one written to.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from lienthong.sandbox.columns import CURSOR, TABLES, Table
from lienthong.sandbox.days import Day
from lienthong.sandbox.rows import Columns
from lienthong.sandbox.units import Unit
from lienthong.sandbox.xlsx import workbook

TRUE = "__that"  # "thật": the true table, file or folder while a face stands before it
_SQLITE_TYPES = {"text": "TEXT", "int": "INTEGER", "time": "TEXT"}
_BOM = "\ufeff"
Place = tuple[int, Unit]


def lines(columns: Columns) -> Iterator[tuple[Any, ...]]:
    """The rows of a table of columns, as tuples of text, whole numbers and None."""
    return zip(*(values.tolist() for values in columns.values()), strict=True)


class SqliteStore:
    """One file a unit, the tables ``ho_so`` and ``tien_trinh`` in it."""

    def __init__(self, folder: Path, units: Sequence[Place]) -> None:
        self._folder, self._units = folder, units

    def path(self, unit: Unit) -> Path:
        """The file that readers of the unit open."""
        return self._folder / f"{unit.slug}.sqlite"

    def true_path(self, unit: Unit) -> Path:
        """The file that holds the unit's rows, whatever readers see."""
        aside = self.path(unit).with_name(self.path(unit).name + TRUE)
        return aside if aside.exists() else self.path(unit)

    def write(self, days: Sequence[Day]) -> None:
        """Replace these days in every unit's file; each file changes in one transaction."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for place, unit in self._units:
            with closing(sqlite3.connect(self.true_path(unit), isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                for table in TABLES:
                    _replace(database, table, unit, [(day, day.rows(table.name).of(place)) for day in days])
                database.execute("COMMIT")


def _replace(database: sqlite3.Connection, table: Table, unit: Unit, days: list[tuple[Day, Columns]]) -> None:
    known = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    name = table.name + TRUE if table.name + TRUE in known else table.name
    if name not in known:
        columns = ", ".join(f"{column} {_SQLITE_TYPES[kind]}" for column, kind in table.columns.items())
        key = f", PRIMARY KEY (ma_ho_so, {CURSOR})" if unit.keyed and table.name == "ho_so" else ""
        database.execute(f"CREATE TABLE {name} ({columns}{key})")
        database.execute(f"CREATE INDEX {name}_theo_ngay ON {name} ({CURSOR})")
    marks = ", ".join("?" * len(table.columns))
    for day, columns_of_day in days:
        span = (f"{day.day}", f"{day.day + timedelta(days=1)}")
        database.execute(f"DELETE FROM {name} WHERE {CURSOR} >= ? AND {CURSOR} < ?", span)  # noqa: S608 - own names
        database.executemany(f"INSERT INTO {name} VALUES ({marks})", lines(columns_of_day))  # noqa: S608 - own names


class DropStore:
    """One folder a unit, with one file a day and dataset; a day without changes leaves files with a header only."""

    def __init__(self, folder: Path, units: Sequence[Place]) -> None:
        self._folder, self._units = folder, units

    def path(self, unit: Unit) -> Path:
        """The folder that readers of the unit look into."""
        return self._folder / unit.slug

    def true_path(self, unit: Unit) -> Path:
        """The folder that holds the unit's files, whatever readers see."""
        aside = self.path(unit).with_name(self.path(unit).name + TRUE)
        return aside if aside.exists() else self.path(unit)

    def write(self, days: Sequence[Day]) -> None:
        """Replace the files of these days; each file appears whole."""
        for place, unit in self._units:
            folder = self.true_path(unit)
            folder.mkdir(parents=True, exist_ok=True)
            for day in days:
                for table in TABLES:
                    path = folder / f"{table.name}_{day.day}.{_ending(unit)}"
                    replace_file(path, render(unit, table, lines(day.rows(table.name).of(place))))


def pattern(unit: Unit) -> str:
    """The name of a drop as the unit's connection writes it."""
    return f"{{dataset}}_{{day}}.{_ending(unit)}"


def render(unit: Unit, table: Table, rows: Iterator[tuple[Any, ...]]) -> bytes:
    """The bytes of a drop in the unit's form."""
    if unit.store == "excel":
        return workbook(table.name, table.columns, rows)
    text = StringIO(newline="")
    writer = csv.writer(text)  # RFC 4180: commas, CRLF, quotes where needed
    writer.writerow(table.columns)
    writer.writerows(rows)
    # Every other office saves with the mark that its spreadsheet needs to see UTF-8.
    mark = _BOM if int(unit.code.rpartition(".")[2]) % 2 == 0 else ""
    return (mark + text.getvalue()).encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody reads half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def _ending(unit: Unit) -> str:
    return "xlsx" if unit.store == "excel" else "csv"
