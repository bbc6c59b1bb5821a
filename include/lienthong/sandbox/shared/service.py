"""What the REST service tells of shared databases: whole or by window, a page after the other in each one's own way.

``page`` names the next page in ``trang_sau``, ``cursor`` gives a ``con_tro_sau`` for ``con_tro``, ``link`` puts the
address of the next page into the header ``Link``. The rows of a page are in ``du_lieu``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

REGISTER = "_bo_du_lieu"
"""Table of the file: name, cursor and paging of each dataset."""


@dataclass(frozen=True, slots=True)
class Described:
    """A dataset of the service; without a ``cursor`` it is given whole."""

    name: str
    cursor: str | None
    paging: str


def rest_file(sandbox: Path) -> Path:
    """The file behind the shared datasets of the REST service."""
    return sandbox / "shared" / "chia_se.sqlite"


def switched(place: Path, dataset: str) -> Path:
    """The file beside which the switch of one dataset lies."""
    return place.with_name(f"{dataset}.rest")


def described(place: Path, name: str) -> Described | None:
    """What the register says of a dataset; None for one that the service does not have."""
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        found = database.execute(f"SELECT ten, con_tro, phan_trang FROM {REGISTER} WHERE ten = ?", (name,))  # noqa: S608 - own name
        row = found.fetchone()
    return Described(*row) if row else None


def shared_page(
    place: Path, known: Described, span: tuple[str, str] | None, page: int, size: int, asked: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """The content of one page, and the query of the next where a link leads to it; ``page`` counts pages from 1, or
    is the number of the first row with paging ``cursor``."""
    first = (page - 1) * size if known.paging != "cursor" else page - 1
    where = f" WHERE {known.cursor} >= ? AND {known.cursor} < ?" if span else ""
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute(
            f"SELECT * FROM {known.name}{where} ORDER BY {known.cursor or 'rowid'}, rowid LIMIT ? OFFSET ?",  # noqa: S608 - names of the register
            (*(span or ()), size + 1, first),
        ).fetchall()
    content: dict[str, Any] = {"du_lieu": [dict(row) for row in found[:size]]}
    more = len(found) > size
    if known.paging == "page":
        content["trang_sau"] = page + 1 if more else None
    elif known.paging == "cursor":
        content["con_tro_sau"] = str(page + size) if more else None
    elif more:
        return content, urlencode({**asked, "trang": str(page + 1)})
    return content, ""
