"""Days of a shared database are put into its store whole: what the store held of them before is replaced.

A snapshot has one state: a table holds that of the newest day, a folder a file for every day. What comes by change
keeps every day. A reader sees the old content or the new one.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import psycopg
from psycopg import sql

from lienthong.connections import Connection
from lienthong.sandbox.shared.encoders import encoded
from lienthong.sandbox.shared.model import Dataset, Row, Value
from lienthong.sandbox.shared.service import REGISTER
from lienthong.sandbox.stores import TRUE, replace_file
from lienthong.sandbox.xlsx import workbook

Columns = Mapping[str, str]
Days = Mapping[date, list[Row]]
"""Rows by day; of a snapshot kept in a table it is one day, the newest."""
_POSTGRES = {"text": "text", "int": "bigint", "float": "numeric", "date": "date", "time": "timestamp(0)"}
_SQLITE = {"text": "TEXT", "int": "INTEGER", "float": "REAL", "date": "TEXT", "time": "TEXT"}
_LOCK = 7_307_081_802  # one writer at a time makes schemas and roles
_FIXED_TIME = (2025, 7, 1, 0, 0, 0)


def text(value: Value) -> str | None:
    """A value as a text column or a file holds it: times in ISO form, numbers without exponent."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:f}".rstrip("0")
    return str(value)


def kind_of(values: Sequence[Value]) -> str:
    """The narrowest kind that all values of a column have; text when there are none."""
    found = {_kind(value) for value in values if value is not None}
    if found == {"int", "float"}:
        return "float"
    return found.pop() if len(found) == 1 else "text"


def _kind(value: Value) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, datetime):  # before date, of which it is a kind
        return "time"
    return "date" if isinstance(value, date) else "float" if isinstance(value, float) else "int"


class PostgresDatasets:
    """A schema and a reading role for each dataset, in the PostgreSQL of the province."""

    def __init__(self, database: Connection) -> None:
        self._database = database

    def connect(self) -> psycopg.Connection:
        """A connection of the owner."""
        return psycopg.connect(**self._database.conninfo())

    def role(self, dataset: Dataset) -> str:
        """The login that readers use; roles are shared by a server, so it bears the database's name."""
        return f"{self._database.schema}_{dataset.connection_id}"

    def write(self, work: Sequence[tuple[Dataset, Columns, Days]]) -> None:
        """Make what is missing and replace these days, all in one transaction."""
        if not work:
            return
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            roles = {str(role) for (role,) in cursor.execute("SELECT rolname FROM pg_roles")}
            cursor.execute("SELECT schemaname, tablename FROM pg_tables")
            tables = {(str(schema), str(name)) for schema, name in cursor}
            for dataset, columns, days in work:
                if self.role(dataset) not in roles or (dataset.connection_id, dataset.table) not in tables:
                    self._prepare(cursor, dataset, columns, known=self.role(dataset) in roles)
                self._replace(cursor, dataset, columns, days)

    def _prepare(self, cursor: psycopg.Cursor, dataset: Dataset, columns: Columns, *, known: bool) -> None:
        schema, role = sql.Identifier(dataset.connection_id), sql.Identifier(self.role(dataset))
        if not known:
            password = self._database.password
            secret = sql.SQL("PASSWORD {}").format(password) if password else sql.SQL("")
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(role, secret))
        fields = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_POSTGRES[kind])) for name, kind in columns.items()
        ]
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        cursor.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(_target(dataset), sql.SQL(", ").join(fields))
        )
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
        cursor.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))

    def _replace(self, cursor: psycopg.Cursor, dataset: Dataset, columns: Columns, days: Days) -> None:
        for day, rows in days.items():
            if dataset.cursor:
                at = sql.Identifier(dataset.cursor)
                gone = sql.SQL("DELETE FROM {} WHERE {} >= {} AND {} < {}")
                cursor.execute(gone.format(_target(dataset), at, day, at, day + timedelta(days=1)))
            else:
                cursor.execute(sql.SQL("DELETE FROM {}").format(_target(dataset)))
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(_target(dataset), names)) as copy:
                for row in rows:
                    copy.write_row([text(row[name]) for name in columns])


def _target(dataset: Dataset) -> sql.Identifier:
    return sql.Identifier(dataset.connection_id, dataset.table)


class SqliteDatasets:
    """Tables of one SQLite file; ``register`` adds what the REST service asks for."""

    _types: Mapping[str, str] = _SQLITE

    def __init__(self, path: Path, *, register: bool = False) -> None:
        self.path, self._register = path, register

    @property
    def true_path(self) -> Path:
        """The file that holds the rows, also while it is put aside from readers."""
        aside = self.path.with_name(self.path.name + TRUE)
        return aside if aside.exists() else self.path

    def write(self, work: Sequence[tuple[Dataset, Columns, Days]]) -> None:
        """Make what is missing and replace these days, all in one transaction."""
        if not work:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.true_path, isolation_level=None, timeout=30)) as database:
            database.execute("BEGIN IMMEDIATE")
            for dataset, columns, days in work:
                self._replace(database, dataset, columns, days)
            database.execute("COMMIT")

    def _replace(self, database: sqlite3.Connection, dataset: Dataset, columns: Columns, days: Days) -> None:
        fields = ", ".join(f"{name} {self._types[kind]}" for name, kind in columns.items())
        database.execute(f"CREATE TABLE IF NOT EXISTS {dataset.table} ({fields})")
        if self._register:
            database.execute(f"CREATE TABLE IF NOT EXISTS {REGISTER} (ten TEXT PRIMARY KEY, con_tro, phan_trang)")
            entry = (dataset.table, dataset.cursor, dataset.store.paging)
            database.execute(f"INSERT OR REPLACE INTO {REGISTER} VALUES (?, ?, ?)", entry)  # noqa: S608 - own names
        marks = ", ".join("?" * len(columns))
        for day, rows in days.items():
            if dataset.cursor:
                where = f" WHERE {dataset.cursor} >= ? AND {dataset.cursor} < ?"
                span: tuple[str, ...] = (str(day), str(day + timedelta(days=1)))
            else:
                where, span = "", ()
            database.execute(f"DELETE FROM {dataset.table}{where}", span)  # noqa: S608 - own names
            lines = ([self._value(row[name]) for name in columns] for row in rows)
            database.executemany(f"INSERT INTO {dataset.table} VALUES ({marks})", lines)  # noqa: S608 - own names

    def _value(self, value: Value) -> str | int | float | None:
        return value if isinstance(value, int | float) else text(value)


class NationalDatasets(SqliteDatasets):
    """The tables of the nation: every column is text, a record is there once, in its newest form, and the table
    ``_datasets`` names key and cursor of each for the platform that serves them. The key is the first column."""

    _types = dict.fromkeys(_SQLITE, "TEXT")

    def _replace(self, database: sqlite3.Connection, dataset: Dataset, columns: Columns, days: Days) -> None:
        super()._replace(database, dataset, columns, days)
        key, cursor, table = next(iter(columns)), dataset.cursor, dataset.table
        database.execute("CREATE TABLE IF NOT EXISTS _datasets (dataset TEXT PRIMARY KEY, khoa_cot, con_tro)")
        database.execute("INSERT OR REPLACE INTO _datasets VALUES (?, ?, ?)", (table, key, cursor))
        if cursor:
            database.execute(f"CREATE INDEX IF NOT EXISTS {table}_theo_khoa ON {table} ({key}, {cursor})")
            newer = f"SELECT 1 FROM {table} n WHERE n.{key} = {table}.{key} AND n.{cursor} > {table}.{cursor}"  # noqa: S608 - own names
            database.execute(f"DELETE FROM {table} WHERE EXISTS ({newer})")  # noqa: S608 - own names

    def _value(self, value: Value) -> str | int | float | None:
        return text(value)


class DropDatasets:
    """A folder for each dataset, with one file a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, dataset: Dataset) -> Path:
        """The folder that readers look into."""
        return self._folder / dataset.name

    def write(self, work: Sequence[tuple[Dataset, Columns, Days]]) -> None:
        """Replace the files of these days; each file appears whole."""
        for dataset, columns, days in work:
            aside = self.path(dataset).with_name(dataset.name + TRUE)
            folder = aside if aside.exists() else self.path(dataset)
            folder.mkdir(parents=True, exist_ok=True)
            for day, rows in days.items():
                name = f"{dataset.table}_{day}"
                replace_file(folder / f"{name}.{ending(dataset)}", rendered(dataset, columns, rows, name))


def ending(dataset: Dataset) -> str:
    """How the names of a dataset's drops end."""
    return "xlsx" if dataset.store.kind == "xlsx" else dataset.store.ending


def rendered(dataset: Dataset, columns: Columns, rows: Sequence[Row], name: str) -> bytes:
    """The bytes of a drop; equal rows give equal bytes."""
    if dataset.store.kind == "xlsx":
        # A day stands as text, as offices type it; a cell with a date would bring a midnight that nobody meant.
        lines = ([row[name] if isinstance(row[name], int) else text(row[name]) for name in columns] for row in rows)
        return workbook(dataset.table, columns, lines)
    target = StringIO(newline="")
    writer = csv.writer(target, delimiter=dataset.store.delimiter)
    writer.writerow(columns)
    writer.writerows([text(row[name]) for name in columns] for row in rows)
    content = encoded(target.getvalue(), dataset.store.encoding)
    return _zipped(f"{name}.csv", content) if dataset.store.ending == "zip" else content


def _zipped(name: str, content: bytes) -> bytes:
    target = BytesIO()
    with ZipFile(target, "w") as archive:
        entry = ZipInfo(name, _FIXED_TIME)
        entry.compress_type = ZIP_DEFLATED
        archive.writestr(entry, content)
    return target.getvalue()
