"""A shared database does not answer until it is back, and keeps taking in new days meanwhile."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from lienthong.errors import NeedsPerson
from lienthong.sandbox.shared.databases import SharedDatabases
from lienthong.sandbox.shared.model import Dataset
from lienthong.sandbox.shared.service import switched
from lienthong.sandbox.stores import TRUE
from lienthong.sandbox.switch import Switch, read_switch, set_switch


def set_down(shared: SharedDatabases, connection: str, *, down: bool) -> None:
    """Let the database behind a connection (``csdl_thua_dat``) fail its readers, or answer them again."""
    dataset = _named(shared, connection)
    shared.lay_out()
    kind = dataset.store.kind
    if kind == "postgres":
        _role(shared, dataset, down=down)
    elif kind == "rest":
        place = switched(shared.rest.path, dataset.table)
        set_switch(place, Switch(down, read_switch(place).delay))
    else:
        _aside(shared.sqlite(dataset).path if kind == "sqlite" else shared.drops.path(dataset), down=down)


def _named(shared: SharedDatabases, connection: str) -> Dataset:
    known = {dataset.connection_id: dataset for dataset in shared.datasets if dataset.store.kind != "platform"}
    if connection not in known:
        raise NeedsPerson(f"Shared database {connection!r}: expected one of {', '.join(sorted(known))}.")
    return known[connection]


def _role(shared: SharedDatabases, dataset: Dataset, *, down: bool) -> None:
    """Nobody gets in, and whoever is in is put out."""
    role = shared.postgres.role(dataset)
    with shared.postgres.connect() as connection, connection.cursor() as cursor:
        limit = sql.SQL("0" if down else "-1")
        cursor.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(role), limit))
        if down:
            leave = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"
            )
            cursor.execute(leave, (role,))


def _aside(path: Path, *, down: bool) -> None:
    aside = path.with_name(path.name + TRUE)
    if down and not aside.exists():
        path.rename(aside)
    elif not down and aside.exists():
        aside.rename(path)
