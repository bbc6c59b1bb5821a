"""What readers of a source see instead of its true rows: other columns, fewer rows, slow answers, nothing.

The true table, file or folder is moved aside under the ending ``TRUE`` and keeps taking in new days; a view or a
changed copy stands in its place. Taking all changes away puts the true one back, with everything it took in meanwhile.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.sandbox.columns import TABLES, Table
from lienthong.sandbox.postgres_store import PostgresStore
from lienthong.sandbox.stores import TRUE, DropStore, SqliteStore, replace_file
from lienthong.sandbox.units import Unit
from lienthong.sandbox.xlsx import workbook


@dataclass(frozen=True, slots=True)
class Face:
    """What is changed about one dataset of a unit. Empty means: the true table."""

    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    retyped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    """Dossier codes whose rows are not shown."""
    seconds: float = 0.0
    """Time that every reading waits."""

    @property
    def plain(self) -> bool:
        """Whether nothing is changed."""
        return self == Face()

    def shown(self, table: Table) -> list[tuple[str, str, str]]:
        """Column, name and kind of what is left of a table; a retyped column has the kind ``words``."""
        return [
            (column, self.renamed.get(column, column), "words" if column in self.retyped else kind)
            for column, kind in table.columns.items()
            if column not in self.dropped
        ]


def show_postgres(store: PostgresStore, unit: Unit, faces: Mapping[str, Face], *, down: bool) -> None:
    """Show these faces in the unit's schema; a source that is down lets nobody in and drops who is in."""
    role = sql.Identifier(store.role(unit))
    with store.connect() as connection, connection.cursor() as cursor:
        for table in TABLES:
            _show_table(cursor, unit, table, faces[table.name], role)
        limit = sql.SQL("0" if down else "-1")
        cursor.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(role, limit))
        if down:
            leave = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"
            )
            cursor.execute(leave, (store.role(unit),))


def _show_table(cursor: Any, unit: Unit, table: Table, face: Face, role: sql.Identifier) -> None:
    name, aside = sql.Identifier(unit.namespace, table.name), sql.Identifier(unit.namespace, table.name + TRUE)
    cursor.execute("SELECT 1 FROM pg_views WHERE schemaname = %s AND viewname = %s", (unit.namespace, table.name))
    if cursor.fetchone():
        cursor.execute(sql.SQL("DROP VIEW {}").format(name))
        cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(aside, sql.Identifier(table.name)))
    if face.plain:
        return
    columns = [
        sql.SQL("{} AS {}").format(_postgres_value(column, kind, table.columns[column]), sql.Identifier(shown))
        for column, shown, kind in face.shown(table)
    ]
    columns += [sql.SQL("NULL::text AS {}").format(sql.Identifier(column)) for column in face.added]
    cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(name, sql.Identifier(table.name + TRUE)))
    view = sql.SQL(
        "CREATE VIEW {} AS WITH cho AS MATERIALIZED (SELECT pg_sleep({})) "
        "SELECT {} FROM cho, {} AS t WHERE t.ma_ho_so IS NULL OR t.ma_ho_so <> ALL ({}::text[])"
    ).format(name, face.seconds, sql.SQL(", ").join(columns), aside, list(face.hidden))
    cursor.execute(view)
    cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(name, role))


def _postgres_value(column: str, kind: str, true_kind: str) -> sql.Composable:
    value = sql.SQL("t.{}").format(sql.Identifier(column))
    if kind != "words":
        return value
    wording = "to_char({}, 'DD/MM/YYYY HH24:MI')" if true_kind == "time" else "'mã ' || {}"
    return sql.SQL(wording).format(value)


def show_sqlite(store: SqliteStore, unit: Unit, faces: Mapping[str, Face], *, down: bool) -> None:
    """Show these faces in the unit's file; a source that is down has its file moved aside."""
    with closing(sqlite3.connect(store.true_path(unit), isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            _show_sqlite_table(database, table, faces[table.name])
        database.execute("COMMIT")
    _move(store.true_path(unit), store.path(unit), aside=down)


def _show_sqlite_table(database: sqlite3.Connection, table: Table, face: Face) -> None:
    name, aside = table.name, table.name + TRUE
    if database.execute("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?", (name,)).fetchone():
        database.execute(f"DROP VIEW {name}")
        database.execute(f"ALTER TABLE {aside} RENAME TO {name}")
    if face.plain:
        return
    columns = [
        f"{_sqlite_value(column, kind, table.columns[column])} AS {_quoted(shown)}"
        for column, shown, kind in face.shown(table)
    ]
    columns += [f"NULL AS {_quoted(column)}" for column in face.added]
    hidden = ", ".join("'" + key.replace("'", "''") + "'" for key in face.hidden)
    database.execute(f"ALTER TABLE {name} RENAME TO {aside}")
    database.execute(
        f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM {aside} "  # noqa: S608 - quoted above
        f"WHERE ma_ho_so IS NULL OR ma_ho_so NOT IN ({hidden})"
    )


def _sqlite_value(column: str, kind: str, true_kind: str) -> str:
    if kind != "words":
        return column
    return f"strftime('%d/%m/%Y %H:%M', {column})" if true_kind == "time" else f"'mã ' || {column}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def show_drops(store: DropStore, unit: Unit, faces: Mapping[str, Face], *, down: bool) -> None:
    """Show changed copies of the unit's files; a source that is down has no folder."""
    face_stands = store.true_path(unit) != store.path(unit)
    if face_stands:
        shutil.rmtree(store.path(unit), ignore_errors=True)
    changed = any(not face.plain for face in faces.values())
    _move(store.true_path(unit), store.path(unit), aside=down or changed)
    if changed and not down:
        store.path(unit).mkdir()
        for table in TABLES:
            for path in store.true_path(unit).glob(f"{table.name}_*"):
                replace_file(store.path(unit) / path.name, _changed_copy(path, table, faces[table.name]))


def _changed_copy(path: Path, table: Table, face: Face) -> bytes:
    if face.plain:
        return path.read_bytes()
    excel = path.suffix == ".xlsx"
    rows = _read_excel(path) if excel else list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    shown = face.shown(table)
    places = [list(table.columns).index(column) for column, _, _ in shown]
    lines = [
        [_in_words(row[place], kind) for place, (_, _, kind) in zip(places, shown, strict=True)]
        + [None] * len(face.added)
        for row in rows[1:]
        if row[0] not in face.hidden
    ]
    kinds = {name: kind for _, name, kind in shown} | dict.fromkeys(face.added, "text")
    if excel:
        return workbook(table.name, kinds, lines)
    text = StringIO(newline="")
    csv.writer(text).writerows([list(kinds), *lines])
    return text.getvalue().encode()


def _in_words(value: Any, kind: str) -> Any:
    """A time turned round as people write it, a number with a word before it."""
    if kind != "words" or value in (None, ""):
        return value
    day, _, clock = str(value).partition(" ")
    parts = day.split("-")
    return f"{'/'.join(reversed(parts))} {clock[:5]}" if len(parts) == 3 else f"mã {value}"


def _read_excel(path: Path) -> list[list[Any]]:
    from openpyxl import load_workbook  # heavy, and only a changed face reads a drop back

    book = load_workbook(path, read_only=True)
    lines = book.worksheets[0].values
    rows = [[value if isinstance(value, int | None) else str(value) for value in row] for row in lines]
    book.close()
    return rows


def _move(true: Path, path: Path, *, aside: bool) -> None:
    target = path.with_name(path.name + TRUE) if aside else path
    if true != target:
        true.rename(target)
