"""A value leaves only when the class of its column allows it: this is the one place where that is decided.

    class of the column     ceiling public   ceiling internal   ceiling personal
    public                  shown            shown              shown
    internal                masked           shown              shown
    personal                masked           masked             shown
    sensitive               withheld         withheld           withheld

A masked column is there and is null in every record; a withheld one is not there at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from psycopg import sql

from lienthong.contracts import CLASSES, Column, Contract

CEILINGS = ("public", "internal", "personal")
"""What a token may be allowed; ``sensitive`` is not among them."""
SHOWN, MASKED, WITHHELD = "shown", "masked", "withheld"

# Local wall time with the zone's offset, so that a program need not know whose wall it was.
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"'


@dataclass(frozen=True, slots=True)
class Shape:
    """What one ceiling sees of a dataset."""

    contract: Contract
    ceiling: str

    def access(self, column: Column) -> str:
        """``SHOWN``, ``MASKED`` or ``WITHHELD``; a class that nobody knows is withheld."""
        if column.classification not in CEILINGS:
            return WITHHELD
        return SHOWN if CLASSES.index(column.classification) <= CLASSES.index(self.ceiling) else MASKED

    @property
    def open(self) -> bool:
        """Whether the ceiling reaches the key, without which there is no record, and some column besides."""
        shown = {column.name for column in self.contract.columns if self.access(column) == SHOWN}
        return set(self.contract.key) < shown

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a record, masked ones too."""
        return tuple(column for column in self.contract.columns if self.access(column) != WITHHELD)

    @property
    def masked(self) -> tuple[str, ...]:
        """Names of the columns that are null for everybody with this ceiling."""
        return tuple(column.name for column in self.contract.columns if self.access(column) == MASKED)

    @property
    def classification(self) -> str:
        """The highest class of a value that is shown."""
        shown = [CLASSES.index(c.classification) for c in self.contract.columns if self.access(c) == SHOWN]
        return CLASSES[max(shown, default=0)]

    @property
    def digest(self) -> str:
        """Changes when the same row would be shown otherwise."""
        columns = [[c.name, c.type, c.classification, self.access(c)] for c in self.contract.columns]
        told = [self.contract.dataset, self.contract.version, columns]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def texts(self) -> sql.Composed:
        """The columns for a select from ``c``, in the form in which JSON and CSV show them."""
        return sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(self._text(column), sql.Identifier(column.name)) for column in self.columns
        )

    def _text(self, column: Column) -> sql.Composable:
        value = sql.Identifier("c", column.name)
        if self.access(column) != SHOWN:
            return sql.SQL("NULL::text")
        if column.type == "timestamp":
            return sql.SQL("to_char({}, {})").format(value, sql.Literal(_TIME))
        return sql.SQL("{}::text").format(value) if column.type == "date" else value

    def numbers(self) -> sql.Composed:
        """Beside ``texts``: days since 1970 and seconds since 1970 for dates and times that are shown, named
        ``<column>#``; a calendar of Python's would refuse the years that PostgreSQL takes."""
        parts = [
            sql.SQL("{} AS {}").format(_number(column), sql.Identifier(f"{column.name}#"))
            for column in self.columns
            if column.type in ("date", "timestamp") and self.access(column) == SHOWN
        ]
        return sql.SQL("").join(sql.SQL(", ") + part for part in parts)


def _number(column: Column) -> sql.Composed:
    value = sql.Identifier("c", column.name)
    if column.type == "date":
        return sql.SQL("{} - DATE '1970-01-01'").format(value)
    return sql.SQL("extract(epoch FROM {})::bigint - 25200").format(value)
