"""What a receiver refused for good can be sent again by a person's word: its text is made anew from the warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session


def listed(session: Session, home: Path, endpoint: str = "", *, most: int, keys: int = 10) -> list[dict[str, Any]]:
    """Refused records of one receiver or of all, by dataset and the receiver's words, the most numerous first; of each
    at most ``keys`` record keys. ``due`` counts those of which nothing newer is or was on its way."""
    return list(
        session.execute(statement(home, "publish/dead.listed"), {"endpoint": endpoint, "most": most, "keys": keys})
    )


def send_again(
    session: Session,
    home: Path,
    endpoint: str,
    *,
    dataset: str = "",
    reason: str = "",
    mark: str = "",
    keys: Iterable[str] = (),
) -> int:
    """Let refused records leave once more: of a dataset, with a reason or the mark of one, with these keys; empty means
    all. Gives their number. A version of which a newer one is or was on its way stays as it is, and what no longer
    stands in the warehouse is closed by the sender."""
    values = {"endpoint": endpoint, "dataset": dataset, "reason": reason, "mark": mark, "keys": list(keys)}
    return session.execute(statement(home, "publish/dead.send_again"), values).rowcount
