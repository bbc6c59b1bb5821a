"""What people see and do about problems: list them, look at one with its letters, pledge to see to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lienthong.errors import NeedsPerson
from lienthong.warehouse.store import Session, one

LONGEST_PLEDGE = timedelta(days=31)
COLUMNS = (
    "problem_id, kind, dataset, source, since, last_seen_at, first_window, last_window, count, closed_at, told_at,"
    " escalated_at, acknowledged_by, acknowledged_until, acknowledgement"
)


def listed(session: Session, *, everything: bool = False, limit: int = 1000) -> list[dict[str, Any]]:
    """The open problems, with ``everything`` also the mended ones, the newest first; counts and names, no value."""
    return list(
        session.execute(
            f"SELECT {COLUMNS} FROM ops.problems WHERE closed_at IS NULL OR %s"  # noqa: S608 - a constant
            " ORDER BY closed_at IS NOT NULL, since DESC, problem_id DESC LIMIT %s",
            [everything, limit],
        )
    )


def letters(session: Session, *, everything: bool = False, limit: int = 1000) -> list[dict[str, Any]]:
    """The letters that wait or were refused, with ``everything`` also those that were sent, the newest first."""
    return list(
        session.execute(
            "SELECT letter_id, kind, recipient, unit, channel, address, state, attempts, next_attempt_at, created_at,"
            " sent_at, reason FROM ops.letters WHERE state <> 'sent' OR %s ORDER BY letter_id DESC LIMIT %s",
            [everything, limit],
        )
    )


def shown(session: Session, problem: int) -> dict[str, Any]:
    """One problem with its counts per rule and the letters that tell of it."""
    row = session.execute(
        f"SELECT {COLUMNS}, opened_at, acknowledged_at, details FROM ops.problems"  # noqa: S608 - a constant
        " WHERE problem_id = %s",
        [problem],
    ).fetchone()
    if row is None:
        raise _unknown(problem)
    letters = session.execute(
        "SELECT l.letter_id, l.kind, p.state AS told_as, l.recipient, l.state, l.created_at, l.sent_at, l.reason"
        " FROM ops.letter_problems p JOIN ops.letters l USING (letter_id) WHERE p.problem_id = %s ORDER BY letter_id",
        [problem],
    )
    return {**row, "letters": list(letters)}


def acknowledge(session: Session, problem: int, *, by: str, until: datetime, note: str) -> None:
    """Pledge to see to an open problem: until then no letter but the all clear speaks of it, nothing is escalated.

    A later pledge replaces an earlier one; one that ends now takes it back."""
    now: datetime = one(session, "SELECT ops.moment() AS now")["now"]
    if not by.strip() or not note.strip():
        raise NeedsPerson("A pledge needs a name (--by) and what is going to be done (--note); nothing was noted.")
    if not now <= until <= now + LONGEST_PLEDGE:
        raise NeedsPerson(
            f"A pledge lasts from now ({now:%Y-%m-%d %H:%M}) to at most {LONGEST_PLEDGE.days} days later; it was asked "
            f"until {until:%Y-%m-%d %H:%M}. Nothing was noted."
        )
    row = session.execute("SELECT closed_at FROM ops.problems WHERE problem_id = %s FOR UPDATE", [problem]).fetchone()
    if row is None:
        raise _unknown(problem)
    if row["closed_at"] is not None:
        raise NeedsPerson(f"Problem {problem} is mended already; there is nothing to pledge.")
    session.execute(
        "UPDATE ops.problems SET acknowledged_by = %s, acknowledged_at = %s, acknowledged_until = %s,"
        " acknowledgement = %s WHERE problem_id = %s",
        [by.strip(), now, until, note.strip(), problem],
    )


def _unknown(problem: int) -> NeedsPerson:
    return NeedsPerson(f"There is no problem {problem}; `lienthong alerts list --all` shows those there are.")
