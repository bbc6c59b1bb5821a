"""A live source is asked through its own reader: first what columns it has, then for its first rows. Nothing is kept.

What is told of it in errors are names of columns and kinds of mistakes, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

from lienthong.batches import Window
from lienthong.connections import Connection, Lookup
from lienthong.contracts import Column, Contract, SourceSpec
from lienthong.errors import NeedsPerson
from lienthong.sources import source_of
from lienthong.sources.shapes import Gate, Shape, shown

MOST_ROWS = 5_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dataset comes from: a connection by name, what it must say beside, and who reads it."""

    connection: Connection
    reader: str | None
    extra: Mapping[str, Any]
    """What was given beside the connection and has to be written into it."""

    @property
    def kind(self) -> str:
        """What kind of source it is: the reader's name, else the connection's type."""
        return self.reader or self.connection.kind

    @property
    def in_files(self) -> bool:
        """Whether a unit drops a file for each day."""
        return self.kind == "fs"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source showed: its columns in their order with declared types, and the first rows, for the inference
    only. ``unusable`` has the names under which no column can be read."""

    place: Place
    day: date
    names: tuple[str, ...]
    types: Mapping[str, str]
    rows: tuple[tuple[str | None, ...], ...]
    unusable: tuple[str, ...] = ()

    def values(self, name: str) -> list[str]:
        """What stands in a column, without what is absent."""
        place = self.names.index(name)
        return [text for row in self.rows if (text := (row[place] or "").strip(" \t\r\n\u00a0"))]


def place_of(
    dataset: str, name: str, lookup: Lookup, *, reader: str | None = None, table: str = "", extra: Mapping[str, Any]
) -> Place:
    """The connection with what was given beside it; a folder needs no connection yet."""
    given = {key: value for key, value in extra.items() if value}
    if table:
        given["tables"] = {dataset: table}
    try:
        known = lookup(name)
    except NeedsPerson:
        if not given.get("path"):
            raise
        known = Connection(name, "fs")
    tables = {**(known.extra.get("tables") or {}), **given.get("tables", {})}
    merged = {**known.extra, **given, **({"tables": tables} if tables else {})}
    return Place(replace(known, extra=merged), reader, given)


def look(dataset: str, place: Place, day: date, known: Iterable[str], only: Sequence[str] = ()) -> Seen:
    """Columns and first rows of a source, or ``only`` some of its columns. ``known`` are names of columns that may
    stand in a header, by which it is found among the rows above it.

    Raises ``SourceDown`` and ``SourceChanged`` as a run would, ``NeedsPerson`` where no row or no usable column is."""
    source = source_of(place.connection, place.reader)
    window = Window.of_day(day)
    shape = _shape(source, _asking(dataset, place, tuple(dict.fromkeys([*only, *known]))), window)
    usable = tuple(name for name in shape.names if NAME.fullmatch(name) and not name.endswith("__raw"))
    places = {name: number for number, name in enumerate(shape.names, 1)}
    unusable = tuple(shown(name, places[name]) for name in shape.names if name not in usable)
    if not usable:
        raise NeedsPerson(
            f"{dataset}, {place.connection.name}: none of its columns has a name of lower-case letters, digits and _; "
            f"found {', '.join(unusable[:10])}. Whoever keeps the source gives it such a header, or a view."
        )
    absent = [name for name in only if name not in usable]
    if absent:
        raise NeedsPerson(f"--columns: {absent[0]!r} is no column of the source; it has {', '.join(usable)}.")
    usable = tuple(name for name in usable if not only or name in only)
    rows: list[tuple[str | None, ...]] = []
    with closing(cast(Any, source.read(_asking(dataset, place, usable), window))) as batches:
        for batch in batches:
            rows += [tuple(row) for row in batch]
            if len(rows) >= MOST_ROWS:
                break
    return Seen(place, day, usable, dict(shape.columns), tuple(rows[:MOST_ROWS]), unusable)


class _Heard(Exception):
    """Ends a reading once the shape is known."""


class _Ear(Gate):
    """Listens to the first shape, whatever columns it has."""

    def hear(self, shape: Shape) -> None:
        self.heard = shape
        raise _Heard


def _shape(source: Any, contract: Contract, window: Window) -> Shape:
    ear = _Ear(contract, contract.source.connection, ())
    try:
        with ear.listening(), closing(source.read(contract, window)) as batches:
            for _ in batches:
                pass
    except _Heard:
        pass
    if ear.heard is None:
        raise NeedsPerson(
            f"{contract.dataset}, {contract.source.connection}: the source gave no row for {window}, so its columns "
            "cannot be seen. Choose a day that has some with --day."
        )
    return ear.heard


def _asking(dataset: str, place: Place, names: tuple[str, ...]) -> Contract:
    """A contract that only asks for columns: of a list that is read whole."""
    return Contract(
        dataset=dataset, title="", version="", owner="", purpose="", master="province", mode="snapshot",
        key=names[:1], cursor=None, order_key=names[0] if names else "",
        columns=tuple(Column(name, "string", name, "internal", {}) for name in names), rules=(),
        source=SourceSpec(place.connection.name, place.reader, None), endpoints=(), schedule="", block_share=1.0,
        delete_brake=1.0, path=Path(f"{dataset}.odcs.yaml"),
    )  # fmt: skip
