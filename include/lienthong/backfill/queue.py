"""What was asked for stands in the warehouse until it is done: no restart loses it, no day is in it twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lienthong.backfill.plan import Part, Preview
from lienthong.errors import NeedsPerson
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

LOCK = "backfills"


@dataclass(frozen=True, slots=True)
class PartState:
    """One part of a backfill as the queue and the ledger have it."""

    number: int
    part: Part
    state: str
    airflow_id: int | None
    next_day: date | None
    again: tuple[date, ...]
    """Days of a walk whose source was down; they are walked once more at the end."""
    promoted: int
    """Days of it that were promoted since the backfill was asked for."""
    failed: tuple[date, ...]
    """Days of an ended part that were not."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """One request with where it stands."""

    backfill_id: int
    datasets: tuple[str, ...]
    units: tuple[str, ...]
    first: date
    last: date
    reprocess: bool
    newest_first: bool
    held: bool
    state: str
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    parts: tuple[PartState, ...]
    waiting_to_leave: int
    """Records that are promoted and wait to be released."""
    seconds: float
    """Since its first part began; 0 before that."""

    @property
    def windows(self) -> int:
        """Days that were to be run."""
        return sum(part.part.days for part in self.parts)

    @property
    def promoted(self) -> int:
        """Days that are."""
        return sum(part.promoted for part in self.parts)

    @property
    def failed(self) -> list[tuple[str, date]]:
        """Days that ended without being promoted, by dataset."""
        return [(part.part.dataset, day) for part in self.parts for day in part.failed]

    @property
    def seconds_left(self) -> float | None:
        """How long it will go on at the pace that it has had; None while nothing is known of that."""
        if self.state != "open" or not self.promoted or not self.seconds:
            return None
        return self.seconds / self.promoted * (self.windows - self.promoted - len(self.failed))


def ask(session: Session, home: Path, preview: Preview, by: str) -> int:
    """Put what the preview lists into the queue; gives its number. A day that is in the queue already is refused."""
    request = preview.request
    if not preview.parts:
        raise NeedsPerson(
            "Nothing is left to run: every day asked for is promoted and misses no source. Ask with --reprocess to "
            "read the sources again."
        )
    session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [LOCK])
    _no_overlap(session, home, preview)
    backfill_id: int = one(
        session,
        "INSERT INTO ops.backfills (datasets, units, first_day, last_day, reprocess, newest_first, held, asked_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING backfill_id",
        [
            list(dict.fromkeys(part.dataset for part in preview.parts)), list(request.units), request.first,
            request.last, request.reprocess, request.newest_first, request.held, by,
        ],
    )["backfill_id"]  # fmt: skip
    session.cursor().executemany(
        "INSERT INTO ops.backfill_parts (backfill_id, number, dataset, first_day, last_day)"
        " VALUES (%s, %s, %s, %s, %s)",
        [(backfill_id, n, part.dataset, part.first, part.last) for n, part in enumerate(preview.parts, 1)],
    )
    _note(session, backfill_id, "asked", by)
    return backfill_id


def _no_overlap(session: Session, home: Path, preview: Preview) -> None:
    for part in preview.parts:
        values = {
            "dataset": part.dataset, "first": part.first, "last": part.last, "units": list(preview.request.units),
        }  # fmt: skip
        other = session.execute(statement(home, "backfill/overlap"), values).fetchone()
        if other is not None:
            raise NeedsPerson(
                f"{part.dataset} from {other['first_day']} to {other['last_day']} is already asked for by backfill "
                f"{other['backfill_id']} ({other['state']}, {other['asked_by']}). Wait for it, or cancel it: "
                f"lienthong backfill cancel {other['backfill_id']}"
            )


def pause(session: Session, backfill_id: int, by: str) -> None:
    """Start nothing new of it; what runs ends."""
    _turn(session, backfill_id, "open", "paused", "paused", by)


def resume(session: Session, backfill_id: int, by: str) -> None:
    """Go on where it was paused."""
    _turn(session, backfill_id, "paused", "open", "resumed", by)


def cancel(session: Session, backfill_id: int, by: str) -> None:
    """What has not begun never will; a day that runs ends whole, and the feeder clears what Airflow still holds."""
    state = _state(session, backfill_id)
    _turn(session, backfill_id, state if state in ("open", "paused") else "open", "cancelled", "cancelled", by)
    session.execute(
        "UPDATE ops.backfill_parts SET state = 'cancelled', ended_at = clock_timestamp()"
        " WHERE backfill_id = %s AND state = 'waiting'",
        [backfill_id],
    )
    _close(session, backfill_id)


def release(session: Session, home: Path, backfill_id: int, by: str) -> int:
    """Let what its windows promoted leave for the receivers; gives the number of records."""
    _state(session, backfill_id)  # a promote of it that is under way is waited for, so that its rows are seen below
    session.execute("UPDATE ops.backfills SET held = false WHERE backfill_id = %s", [backfill_id])
    _note(session, backfill_id, "released", by)
    return session.execute(statement(home, "backfill/release"), {"backfill_id": backfill_id}).rowcount


def listed(session: Session, home: Path, *, backfill_id: int | None = None, open_only: bool = False) -> list[Backfill]:
    """The backfills, newest first, or one of them; a number that none has is refused."""
    if backfill_id is not None:
        _state(session, backfill_id)
    values = {"backfill_id": backfill_id, "open_only": open_only}
    rows = session.execute(statement(home, "backfill/listed"), values).fetchall()
    parts: dict[int, list[PartState]] = {}
    for row in session.execute(statement(home, "backfill/parts"), {"backfills": [r["backfill_id"] for r in rows]}):
        parts.setdefault(row["backfill_id"], []).append(_part(row))
    return [_backfill(row, parts.get(row["backfill_id"], [])) for row in rows]


def begin(session: Session, backfill_id: int, number: int, next_day: date | None = None) -> bool:
    """Note that a waiting part runs, a walk with its first day; False when a person has stopped the backfill."""
    if _state(session, backfill_id) != "open":
        return False
    begun = session.execute(
        "UPDATE ops.backfill_parts SET state = 'running', next_day = %s,"
        " begun_at = coalesce(begun_at, clock_timestamp())"
        " WHERE backfill_id = %s AND number = %s AND state = 'waiting'",
        [next_day, backfill_id, number],
    )
    return begun.rowcount == 1


def known_as(session: Session, backfill_id: int, number: int, airflow_id: int) -> None:
    """Note which backfill of Airflow's runs a part."""
    session.execute(
        "UPDATE ops.backfill_parts SET airflow_id = %s WHERE backfill_id = %s AND number = %s",
        [airflow_id, backfill_id, number],
    )


def back(session: Session, backfill_id: int, number: int) -> None:
    """Let a part wait again that Airflow has lost."""
    session.execute(
        "UPDATE ops.backfill_parts SET state = 'waiting', airflow_id = NULL"
        " WHERE backfill_id = %s AND number = %s AND state = 'running'",
        [backfill_id, number],
    )


def walk(session: Session, backfill_id: int, number: int, next_day: date | None, again: Sequence[date]) -> None:
    """Note how far a part has come that is walked day by day."""
    session.execute(
        "UPDATE ops.backfill_parts SET next_day = %s, again = %s WHERE backfill_id = %s AND number = %s",
        [next_day, list(again), backfill_id, number],
    )


def end(session: Session, backfill_id: int, number: int, state: str = "done") -> None:
    """Note that a part has ended; with the last one the backfill is done."""
    session.execute(
        "UPDATE ops.backfill_parts SET state = %s, ended_at = clock_timestamp()"
        " WHERE backfill_id = %s AND number = %s AND state IN ('waiting', 'running')",
        [state, backfill_id, number],
    )
    _close(session, backfill_id)


def _close(session: Session, backfill_id: int) -> None:
    session.execute(
        "UPDATE ops.backfills b SET state = CASE WHEN b.state = 'cancelled' THEN b.state ELSE 'done' END,"
        " ended_at = clock_timestamp() WHERE b.backfill_id = %(id)s AND b.ended_at IS NULL AND NOT EXISTS ("
        "SELECT FROM ops.backfill_parts p WHERE p.backfill_id = %(id)s AND p.state IN ('waiting', 'running'))",
        {"id": backfill_id},
    )


def _turn(session: Session, backfill_id: int, before: str, after: str, act: str, by: str) -> None:
    state = _state(session, backfill_id)
    if state != before:
        raise NeedsPerson(f"Backfill {backfill_id} is {state}; only one that is {before} can be {act}.")
    session.execute("UPDATE ops.backfills SET state = %s WHERE backfill_id = %s", [after, backfill_id])
    _note(session, backfill_id, act, by)


def _state(session: Session, backfill_id: int) -> str:
    row = session.execute("SELECT state FROM ops.backfills WHERE backfill_id = %s FOR UPDATE", [backfill_id]).fetchone()
    if row is None:
        raise NeedsPerson(f"There is no backfill {backfill_id}; `lienthong backfill list` shows those that there are.")
    return str(row["state"])


def _note(session: Session, backfill_id: int, act: str, by: str) -> None:
    session.execute("INSERT INTO ops.backfill_acts (backfill_id, act, by) VALUES (%s, %s, %s)", [backfill_id, act, by])


def _part(row: dict[str, Any]) -> PartState:
    return PartState(
        number=row["number"],
        part=Part(row["dataset"], row["first_day"], row["last_day"]),
        state=row["state"],
        airflow_id=row["airflow_id"],
        next_day=row["next_day"],
        again=tuple(row["again"]),
        promoted=row["promoted"],
        failed=tuple(row["failed"]),
    )


def _backfill(row: dict[str, Any], parts: Sequence[PartState]) -> Backfill:
    return Backfill(
        backfill_id=row["backfill_id"], datasets=tuple(row["datasets"]), units=tuple(row["units"]),
        first=row["first_day"], last=row["last_day"], reprocess=row["reprocess"], newest_first=row["newest_first"],
        held=row["held"], state=row["state"], asked_by=row["asked_by"], asked_at=row["asked_at"],
        ended_at=row["ended_at"], parts=tuple(parts), waiting_to_leave=row["waiting_to_leave"],
        seconds=float(row["seconds"] or 0),
    )  # fmt: skip
