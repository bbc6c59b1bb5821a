"""What does not agree, by key: read by command line and console, and sent again by a person's word."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lienthong.endpoints import ENDPOINTS
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

Row = dict[str, Any]


def standing(session: Session, home: Path) -> list[Row]:
    """How each endpoint and dataset came out of its newest look, with the differences that are open now."""
    return list(session.execute(statement(home, "reconcile/standing")))


def listed(
    session: Session,
    home: Path,
    endpoint: str = "",
    dataset: str = "",
    kind: str = "",
    *,
    closed: bool = False,
    after: int = 0,
    most: int = 100,
) -> list[Row]:
    """Differences, the newest first; empty means all. ``after`` is the number behind which a page begins."""
    values = {"endpoint": endpoint, "dataset": dataset, "kind": kind, "closed": closed, "after": after, "most": most}
    return list(session.execute(statement(home, "reconcile/listed"), values))


def parts(session: Session, home: Path, endpoint: str, *, most: int = 50) -> list[Row]:
    """The parts of the newest daily look at an endpoint, those that were refused first."""
    return list(session.execute(statement(home, "reconcile/parts"), {"endpoint": endpoint, "most": most}))


def send_again(
    session: Session,
    home: Path,
    endpoint: str,
    *,
    dataset: str = "",
    kind: str = "",
    keys: Iterable[str] = (),
    once: bool = False,
) -> int:
    """Let what is missing or different at a receiver leave once more: of a dataset, of one kind, with these keys; empty
    means all. With a missing record goes what the receiver loses together with it, also where a newer version of the
    record itself waits. Gives the number of differences of which something goes. ``once`` leaves out what was sent
    again already."""
    hang_on: dict[str, str] = getattr(ENDPOINTS.get(endpoint), "hang_on", {})
    values = {"endpoint": endpoint, "dataset": dataset, "kind": kind, "keys": list(keys), "once": once}
    together = {"children": list(hang_on), "parents": list(hang_on.values())}
    return session.execute(statement(home, "reconcile/send_again"), {**values, **together}).rowcount
