"""Requests outside a sender, as those of a pull, stand in the same audit trail as those of a push."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter

from psycopg import sql

from lienthong.mapi import Call
from lienthong.warehouse import Warehouse

_NAMES = tuple(field.name for field in fields(Call))
# Not dataclasses.astuple, which copies every value deeply.
_values = attrgetter(*_NAMES)


def note_calls(warehouse: Warehouse, system: str, calls: Iterable[Call]) -> int:
    """Add the requests made to ``system`` in a transaction of their own; gives how many were added.

    What is noted already is left as it is, so a caller that is repeated notes nothing twice."""
    rows = [(system, *_values(call)) for call in calls]
    if not rows:
        return 0
    query = sql.SQL("INSERT INTO publish.calls ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.SQL(", ").join(map(sql.Identifier, ("endpoint", *_NAMES))),
        sql.SQL(", ").join(sql.Placeholder() * (len(_NAMES) + 1)),
    )
    with warehouse.session() as session:
        cursor = session.cursor()
        cursor.executemany(query, rows)
        return cursor.rowcount
