"""The schema of the warehouse is what ``sql/migrations`` and the contracts say, applied once, in order, whole.

A contract is the description of its tables in ``core`` and ``history``: they are made from it, a new column is
added, and anything else that differs is left for a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import cast

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.warehouse import versions
from lienthong.warehouse.store import Session, Warehouse

LOCK = 7_366_001  # advisory lock of migrations; any number that nothing else uses

MACHINERY = """
    _record_key text NOT NULL, _source text NOT NULL, _source_time timestamp NOT NULL, _row_hash uuid NOT NULL,
    _version bigint NOT NULL, _run_id bigint NOT NULL, _loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    _deleted_at timestamptz"""

# Only the newest version of a record is a change for readers. What was there before versions counted is the first.
CHANGE = f"_change bigint NOT NULL DEFAULT {versions.FIRST}"


def migrate(warehouse: Warehouse, contracts: Iterable[Contract]) -> list[str]:
    """Bring the warehouse to the present schema; gives the names of what was applied now."""
    contracts = tuple(contracts)
    with warehouse.session() as session:
        session.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _require_version(session)
        applied = _files(session, warehouse)
        for contract in contracts:
            applied += _tables(session, contract)
        if any(contract.derived for contract in contracts):
            applied += _views(session, warehouse)
    return applied


def _require_version(session: Session) -> None:
    number = session.info.server_version
    if number < 150000:
        raise NeedsPerson(
            f"The warehouse needs PostgreSQL 15 or newer (18 is what we test); this server is {number // 10000}."
        )


def _files(session: Session, warehouse: Warehouse) -> list[str]:
    session.execute("CREATE SCHEMA IF NOT EXISTS ops")
    session.execute(
        "CREATE TABLE IF NOT EXISTS ops.migrations (name text PRIMARY KEY, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    done = {row["name"]: row["sha256"] for row in session.execute("SELECT name, sha256 FROM ops.migrations")}
    applied = []
    for path in sorted((warehouse.home / "sql" / "migrations").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if path.name not in done:
            session.execute(text)
            session.execute("INSERT INTO ops.migrations (name, sha256) VALUES (%s, %s)", [path.name, digest])
            applied.append(path.name)
        elif done[path.name] != digest:
            raise NeedsPerson(
                f"Migration {path.name} was applied in another wording. An applied migration is never edited: "
                "restore the file and write a new one. (In the sandbox: make clean.)"
            )
    return applied


def _views(session: Session, warehouse: Warehouse) -> list[str]:
    """Views that read tables of ``core``, which only the contracts make. They hold nothing, so the file is what counts:
    where one has changed, all are made anew, in the order of their names."""
    paths = sorted((warehouse.home / "sql" / "marts" / "views").glob("*.sql"))
    digests = {f"views/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    done = {
        row["name"]: row["sha256"]
        for row in session.execute("SELECT name, sha256 FROM ops.migrations WHERE name LIKE 'views/%'")
    }
    if done == digests:
        return []
    for name in sorted(done, reverse=True):
        view = sql.Identifier("marts", name.removeprefix("views/").removesuffix(".sql"))
        session.execute(sql.SQL("DROP VIEW IF EXISTS {} CASCADE").format(view))
    session.execute("DELETE FROM ops.migrations WHERE name LIKE 'views/%'")
    for path in paths:
        session.execute(path.read_text(encoding="utf-8"))
        name = f"views/{path.name}"
        session.execute("INSERT INTO ops.migrations (name, sha256) VALUES (%s, %s)", [name, digests[name]])
    return [name for name in digests if done.get(name) != digests[name]]


def _tables(session: Session, contract: Contract) -> list[str]:
    known = {
        row["column_name"]: row["data_type"]
        for row in session.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'core' AND table_name = %s",
            [contract.dataset],
        )
    }
    if not known:
        _create(session, contract)
        return [f"core.{contract.dataset}"]
    added = []
    for column in contract.columns:
        if column.name not in known:
            for schema in ("core", "history"):
                session.execute(
                    sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                        sql.Identifier(schema, contract.dataset),
                        sql.Identifier(column.name),
                        sql.SQL(column.sql_type),
                    )
                )
            added.append(f"core.{contract.dataset}.{column.name}")
        elif not known[column.name].startswith(column.sql_type.split("(")[0]):
            raise NeedsPerson(
                f"{contract.path.name}: column {column.name!r} is {column.sql_type} in the contract and "
                f"{known[column.name]} in core. A change of type needs a migration in sql/migrations."
            )
    if "_change" not in known:
        _count_changes(session, contract)
        added.append(f"core.{contract.dataset}._change")
    return added


def _create(session: Session, contract: Contract) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.sql_type)) for c in contract.columns
    )
    for schema, key in (("core", "_record_key"), ("history", "_record_key, _source_time, _row_hash")):
        table = sql.Identifier(schema, contract.dataset)
        session.execute(
            sql.SQL("CREATE TABLE {} ({}, {}, PRIMARY KEY ({}))").format(
                table,
                columns,
                sql.SQL(MACHINERY),
                sql.SQL(key),
            )
        )
    order = sql.Identifier(contract.order_key)
    table = sql.Identifier("core", contract.dataset)
    session.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, order))
    _count_changes(session, contract)


def preview(contract: Contract) -> list[str]:
    """The statements by which ``migrate`` makes the tables of a contract that has none, as text."""
    told = _Told()
    _create(cast(Session, told), contract)
    return told.statements


class _Told:
    """Takes the place of a session: notes what it is asked to do and does nothing."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, query: sql.Composable, params: Sequence[str] = ()) -> None:
        """Note one statement with its values."""
        text = query.as_string()
        for value in params:
            text = text.replace("%s", sql.Literal(value).as_string(), 1)
        self.statements.append(" ".join(text.split()))


def _count_changes(session: Session, contract: Contract) -> None:
    """Give the rows of a dataset the version that last changed them; rows that are there already are its first,
    whatever was told of the dataset before."""
    table = sql.Identifier("core", contract.dataset)
    session.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(table, sql.SQL(CHANGE)))
    session.execute(sql.SQL("CREATE INDEX ON {} (_change, _record_key)").format(table))
    session.execute(sql.SQL("DELETE FROM ops.dataset_versions WHERE dataset = %s"), [contract.dataset])
    session.execute(
        sql.SQL(
            "INSERT INTO ops.dataset_versions (dataset, version, first_version) SELECT %s, {first}, {first}"
            " WHERE EXISTS (SELECT FROM {table})"
        ).format(table=table, first=sql.SQL(versions.FIRST)),
        [contract.dataset],
    )
