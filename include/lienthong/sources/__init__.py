"""Every source gives rows as text in the order of the contract's columns, bounded by the window, and writes nothing.

A reader has one method. Which reader serves a connection follows from the connection's type, or from the
contract when it names a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.sources.catalogue import CatalogueSource
from lienthong.sources.evaluation import EvaluationSource
from lienthong.sources.files import FileSource
from lienthong.sources.platform import PlatformSource
from lienthong.sources.rest import RestSource
from lienthong.sources.tables import DATABASES, TableSource

Rows = Sequence[Sequence[str | None]]


class Source(Protocol):
    """One system that holds rows of a dataset."""

    def read(self, contract: Contract, window: Window) -> Iterator[Rows]:
        """Give every row whose cursor lies in the window (all rows of a snapshot), in batches of a few thousand.

        Raises ``SourceDown`` when the source does not answer and ``SourceChanged`` when it lacks a column."""
        ...


READERS: dict[str, Callable[[Connection], Source]] = {
    **dict.fromkeys(DATABASES, TableSource),
    "fs": FileSource,
    "http": RestSource,
    "https": RestSource,
    "catalogue": CatalogueSource,
    "evaluation": EvaluationSource,
    "platform": PlatformSource,
}


def source_of(connection: Connection, reader: str | None = None) -> Source:
    """The reader of a connection; an unknown type is refused with the types that are known."""
    kind = reader or connection.kind
    if kind not in READERS:
        raise NeedsPerson(
            f"Connection {connection.name!r} is of type {kind!r}; sources of type {', '.join(READERS)} can be read. "
            "Whoever keeps the connections can mend it."
        )
    return READERS[kind](connection)
