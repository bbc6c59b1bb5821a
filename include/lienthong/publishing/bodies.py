"""The statement that writes the bodies of a feed: the dataset's own where there is one, else the endpoint's for all,
filled from the contract."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from lienthong.contracts import Column
from lienthong.endpoints import Feed
from lienthong.errors import NeedsPerson
from lienthong.warehouse.statements import statement


def bodies_statement(home: Path, endpoint: str, feed: Feed) -> sql.Composed:
    """``sql/publish/<endpoint>.<dataset>.sql`` or ``sql/publish/<endpoint>.sql``."""
    own = f"publish/{endpoint}.{feed.dataset}"
    if (home / "sql" / f"{own}.sql").exists():
        return statement(home, own)
    if not feed.columns:
        raise NeedsPerson(
            f"{endpoint}: nothing says what is sent of dataset {feed.dataset!r}: expected sql/{own}.sql, found none. "
            "Whoever bound the dataset to this endpoint can write it."
        )
    core = sql.Identifier("core", feed.dataset)
    return statement(home, f"publish/{endpoint}", core=core, columns=_columns(feed))


def _columns(feed: Feed) -> sql.Composed:
    in_order = sorted(feed.columns, key=lambda column: column.name)
    return sql.SQL(",\n    ").join(
        sql.SQL("{} AS {}").format(_value(column, texts=feed.texts), sql.Identifier(column.name)) for column in in_order
    )


def _value(column: Column, *, texts: bool) -> sql.Composed:
    """A value in the form that every platform reads: numbers without idle zeros, times as local ISO, absent as ''."""
    value: sql.Composable = sql.Identifier("c", column.name)
    if column.type == "timestamp":
        value = sql.SQL("to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS')").format(value)
    elif column.type == "number":
        value = sql.SQL("trim_scale({})").format(value)
    if texts or column.type not in ("integer", "number", "boolean"):
        return sql.SQL("coalesce({}::text, '')").format(value)
    return sql.SQL("coalesce(to_json({}), '\"\"'::json)").format(value)
