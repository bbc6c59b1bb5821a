"""What a person did from a page is written in the transaction that does it: one cannot be without the other."""

from __future__ import annotations

from lienthong.warehouse.store import Session


def note(
    session: Session, act: str, by: str, *, dataset: str = "", place: str = "", subject: str = "", count: int = 0,
    reason: str = "",
) -> None:  # fmt: skip
    """Keep who did what, to what and why."""
    session.execute(
        "INSERT INTO ops.acts (by, act, dataset, place, subject, count, reason) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [by, act, dataset, place, subject, count, reason],
    )
