"""How most units keep their rows: one PostgreSQL of the province, a schema and a reading role for each unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import psycopg
from psycopg import sql

from lienthong.connections import Connection
from lienthong.sandbox.columns import CURSOR, TABLES, Table
from lienthong.sandbox.days import Day
from lienthong.sandbox.stores import TRUE, Place, lines
from lienthong.sandbox.units import Unit

_TYPES = {"text": "text", "int": "bigint", "time": "timestamp(0)"}
_LOCK = 7_307_081_801  # one writer at a time: tables without a key could otherwise take a day twice


class PostgresStore:
    """Schemas of one database; the connection given owns them, each unit's role may only read its own."""

    def __init__(self, database: Connection, units: Sequence[Place]) -> None:
        self._database, self._units = database, units

    def connect(self) -> psycopg.Connection:
        """A connection of the owner."""
        return psycopg.connect(**self._database.conninfo())

    def role(self, unit: Unit) -> str:
        """The login that readers of the unit use; roles are shared by a server, so it bears the database's name."""
        return f"{self._database.schema}_{unit.namespace}"

    def write(self, days: Sequence[Day]) -> None:
        """Replace these days in every schema, in one transaction over all of them."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            known = self._prepare(cursor)
            targets = [
                (place, table, sql.Identifier(unit.namespace, _true_name(known, unit, table)))
                for place, unit in self._units
                for table in TABLES
            ]
            if days:
                cursor.execute(sql.SQL(";").join(_deletes(days, [target for _, _, target in targets])))
            for place, table, target in targets:
                self._copy(cursor, target, table, days, place)

    def _copy(
        self, cursor: psycopg.Cursor, target: sql.Identifier, table: Table, days: Sequence[Day], place: int
    ) -> None:
        parts = [day.rows(table.name).of(place) for day in days]
        if not any(len(part[CURSOR]) for part in parts):
            return
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(target)) as copy:
            for part in parts:
                for line in lines(part):
                    copy.write_row(line)

    def _prepare(self, cursor: psycopg.Cursor) -> set[tuple[str, str]]:
        """Make what is missing; the tables of all schemas afterwards."""
        tables = self._tables(cursor)
        roles = {str(role) for (role,) in cursor.execute("SELECT rolname FROM pg_roles")}
        statements: list[sql.Composable] = []
        for _, unit in self._units:
            fresh = not tables & {(unit.namespace, "ho_so"), (unit.namespace, "ho_so" + TRUE)}
            known = self.role(unit) in roles
            statements += [] if known else [self._role(unit)]
            statements += self._schema(unit) if fresh else []
            statements += self._grants(unit) if fresh or not known else []
        if statements:
            cursor.execute(sql.SQL(";").join(statements))
        return self._tables(cursor) if statements else tables

    def _role(self, unit: Unit) -> sql.Composable:
        role = sql.Identifier(self.role(unit))
        secret = sql.SQL("PASSWORD {}").format(self._database.password) if self._database.password else sql.SQL("")
        return sql.SQL("CREATE ROLE {} LOGIN {}").format(role, secret)

    def _schema(self, unit: Unit) -> list[sql.Composable]:
        statements: list[sql.Composable] = [
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(unit.namespace))
        ]
        for table in TABLES:
            name = sql.Identifier(unit.namespace, table.name)
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_TYPES[kind]))
                for column, kind in table.columns.items()
            ]
            if unit.keyed and table.name == "ho_so":
                columns.append(sql.SQL("PRIMARY KEY (ma_ho_so, {})").format(sql.Identifier(CURSOR)))
            statements += [
                sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns)),
                sql.SQL("CREATE INDEX ON {} ({})").format(name, sql.Identifier(CURSOR)),
            ]
        return statements

    def _grants(self, unit: Unit) -> list[sql.Composable]:
        schema, role = sql.Identifier(unit.namespace), sql.Identifier(self.role(unit))
        return [
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role),
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role),
        ]

    def _tables(self, cursor: psycopg.Cursor) -> set[tuple[str, str]]:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables")
        return {(str(schema), str(name)) for schema, name in cursor}


def _true_name(known: set[tuple[str, str]], unit: Unit, table: Table) -> str:
    aside = table.name + TRUE
    return aside if (unit.namespace, aside) in known else table.name


def _deletes(days: Sequence[Day], targets: Sequence[sql.Identifier]) -> list[sql.Composable]:
    cursor = sql.Identifier(CURSOR)
    spans = [(day.day, day.day + timedelta(days=1)) for day in days]
    return [
        sql.SQL("DELETE FROM {} WHERE {} >= {} AND {} < {}").format(target, cursor, start, cursor, end)
        for target in targets
        for start, end in spans
    ]
