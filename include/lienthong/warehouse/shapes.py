"""A source is landed only with a shape that was accepted: its first one, or one for which a person has spoken.

``ops.shapes`` keeps every shape that a source showed, who accepted it and why. An accepted shape stays accepted, since
files of earlier windows keep their first line; what was accepted last is what a new shape is compared with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lienthong.contracts import Contract
from lienthong.errors import LienThongError, NeedsPerson
from lienthong.settings import Settings
from lienthong.sources.proposals import proposed
from lienthong.sources.shapes import SEEN, Drifted, Gate, Shape, as_json
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

PIPELINE = "pipeline"
FIRST = "the first shape with which the source was landed"
REFINED = "no difference from the shape that was accepted"
SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """One shape of one source: ``told`` has its differences and the proposed change; without ``accepted_at`` it
    waits for a person."""

    shape_id: int
    dataset: str
    source: str
    shape: Shape
    told: Mapping[str, Any]
    first_seen_at: datetime
    seen_at: datetime
    accepted_at: datetime | None
    accepted_by: str | None
    reason: str | None

    @property
    def lines(self) -> list[str]:
        """The differences from what was accepted when it was seen, a sentence each."""
        return [str(line) for line in self.told.get("lines", ())]

    @property
    def proposal(self) -> str:
        """The change of the contract that would follow it, for the data team."""
        return str(self.told.get("proposal", ""))


def gate(session: Session, contract: Contract, source: str) -> Gate:
    """What stands between one source and the landing; the first shape is decided by one transaction at a time."""
    known = _accepted(session, contract.dataset, source)
    if not known:
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [f"shape:{contract.dataset}:{source}"])
        known = _accepted(session, contract.dataset, source)
    return Gate(contract, source, known)


def _accepted(session: Session, dataset: str, source: str) -> tuple[Shape, ...]:
    rows = session.execute(
        "SELECT columns, kind FROM ops.shapes WHERE dataset = %s AND source = %s AND accepted_at IS NOT NULL"
        " ORDER BY accepted_at DESC, shape_id DESC",
        [dataset, source],
    )
    return tuple(Shape.from_json(row["columns"], row["kind"]) for row in rows)


def keep(session: Session, run_id: int, passed: Gate) -> None:
    """Note the shape with which a source was just landed; the first one is accepted by that."""
    if passed.heard is None:
        return
    # What one page shows of rows that name their own values is a part of what was accepted, and no shape of its own.
    shape = passed.accepted[0] if passed.heard.kind == SEEN and passed.accepted else passed.heard
    shape_id = _note(session, run_id, passed.contract.dataset, passed.source, shape, {})
    session.execute(
        "UPDATE ops.shapes SET accepted_at = ops.moment(), accepted_by = %s, reason = %s"
        " WHERE shape_id = %s AND accepted_at IS NULL",
        [PIPELINE, REFINED if passed.accepted else FIRST, shape_id],
    )


def note_missing(session: Session, contract: Contract, source: str, run_id: int, error: LienThongError) -> None:
    """Note the shape for which a source was not let pass, with its differences; of any other failure, that none was
    seen."""
    if isinstance(error, Drifted):
        told = {"lines": error.lines, "proposal": proposed(contract, error.changes)}
        _note(session, run_id, contract.dataset, source, error.shape, told)
    else:
        session.execute("UPDATE ops.batches SET shape_id = NULL WHERE run_id = %s AND source = %s", [run_id, source])


def _note(session: Session, run_id: int, dataset: str, source: str, shape: Shape, told: Mapping[str, Any]) -> int:
    values = {
        "run_id": run_id, "dataset": dataset, "source": source, "kind": shape.kind, "digest": shape.digest,
        "columns": json.dumps(as_json(shape), ensure_ascii=False), "told": json.dumps(told, ensure_ascii=False),
    }  # fmt: skip
    number: int = one(session, statement(Settings.from_env().home, "warehouse/shapes_note"), values)["shape_id"]
    return number


def listed(session: Session, dataset: str = "", source: str = "") -> list[Kept]:
    """Of each source the newest accepted shape, and before it what waits for a person."""
    query = statement(Settings.from_env().home, "warehouse/shapes_list")
    rows = session.execute(query, {"dataset": dataset, "source": source})
    return [_kept(row) for row in rows]


def accept(
    session: Session, contract: Contract, source: str, *, by: str, reason: str, shape_id: int | None = None
) -> Kept:
    """Take the shape of a source that waits as accepted, by whom and why; its next read lands.

    Raises ``NeedsPerson`` when none waits, or several and none is named, when it lacks a column that the contract
    reads (the contract is changed first), or when name or reason are missing."""
    by, reason = by.strip(), reason.strip()
    if not by or len(reason) < SHORTEST_REASON:
        raise NeedsPerson(
            f"Accepting a shape needs a name and a reason of at least {SHORTEST_REASON} characters: the letter or "
            "agreement by which the source was changed. Whoever accepts it knows."
        )
    session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [f"shape:{contract.dataset}:{source}"])
    waiting = [kept for kept in listed(session, contract.dataset, source) if kept.accepted_at is None]
    if shape_id is None and len(waiting) > 1:
        numbers = ", ".join(str(kept.shape_id) for kept in waiting)
        raise NeedsPerson(
            f"{contract.dataset}: {source} showed several shapes that wait ({numbers}). `lienthong sources show` tells "
            "them apart; name the one that is meant with --shape."
        )
    waiting = [kept for kept in waiting if shape_id in (None, kept.shape_id)]
    if not waiting:
        raise NeedsPerson(
            f"{contract.dataset}: no changed shape of {source!r} waits to be accepted. `lienthong sources show` "
            "lists those that do."
        )
    newest = waiting[0]
    missing = [name for name in contract.names if name not in newest.shape.names]
    if missing:
        raise NeedsPerson(
            f"{contract.dataset}: {source} no longer gives {', '.join(missing)}, which the contract reads. The source "
            "puts it back, or the data team changes the contract first: `lienthong sources show` proposes how."
        )
    row = one(
        session,
        "UPDATE ops.shapes SET accepted_at = ops.moment(), accepted_by = %s, reason = %s"
        " WHERE shape_id = %s RETURNING *",
        [by, reason, newest.shape_id],
    )
    return _kept(row)


def _kept(row: Mapping[str, Any]) -> Kept:
    given = {name: row[name] for name in Kept.__slots__ if name != "shape"}
    return Kept(shape=Shape.from_json(row["columns"], row["kind"]), **given)
