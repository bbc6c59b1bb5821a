"""Pages of records and of changes: whoever walks them to the end misses nothing and gets nothing twice.

A walk over records gives each key at most once, in order, and tells the version at which it began; what is promoted
meanwhile has a higher version, so the changes since that one make the copy whole. A walk over changes goes up to the
version that stood when it began; what is changed again meanwhile leaves this walk and is in the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.share.marks import Mark
from lienthong.share.shape import Shape
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

RECORDS, CHANGES = "records", "changes"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows with ``key``, ``version``, ``change``, ``deleted`` and ``record`` (JSON as text, or None), and the mark of
    the next page, None on the last."""

    rows: list[dict[str, Any]]
    next: Mark | None


def records(session: Session, home: Path, shape: Shape, mark: Mark, limit: int) -> Page:
    """The records after a mark, in the order of their keys."""
    rows = _rows(session, home, RECORDS, shape, {"key": mark.key, "limit": limit + 1})
    return _page(rows, mark, limit)


def changes(session: Session, home: Path, shape: Shape, mark: Mark, limit: int) -> Page:
    """What changed after a mark and up to the version ``mark.start``, tombstones too."""
    values = {"change": mark.change, "key": mark.key, "until": mark.start, "limit": limit + 1}
    return _page(_rows(session, home, CHANGES, shape, values), mark, limit)


def record(session: Session, home: Path, shape: Shape, key: str) -> dict[str, Any] | None:
    """One record, a deleted one without content, or None."""
    rows = _rows(session, home, "record", shape, {"key": key})
    return rows[0] if rows else None


def _rows(session: Session, home: Path, name: str, shape: Shape, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    core = sql.Identifier("core", shape.contract.dataset)
    return list(session.execute(statement(home, f"share/{name}", core=core, columns=shape.texts()), values))


def _page(rows: list[dict[str, Any]], mark: Mark, limit: int) -> Page:
    """One row more was asked for than the page holds: it tells whether there is another page."""
    kept = rows[:limit]
    last = kept[-1] if len(rows) > limit else None
    return Page(kept, Mark(mark.kind, mark.dataset, mark.start, last["change"], last["key"]) if last else None)
