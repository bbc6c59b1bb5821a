"""What a run of the ledger did, in counts and names; no value of any row is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from lienthong.batches import LOCAL
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.store import Session, one


@dataclass(frozen=True, slots=True)
class RuleFact:
    """What one rule found; for a rule about a window ``checked`` and ``failing`` count sources."""

    rule: str
    severity: str
    checked: int
    failing: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run: its counts, its sources by what became of them, and its rules."""

    run_id: int
    dataset: str
    day: date
    partial: bool
    read: int
    inserted: int
    updated: int
    unchanged: int
    superseded: int
    held: int
    deleted: int
    enqueued: int
    landed: Mapping[str, int]
    """Rows by source, of those that were promoted."""
    missing: tuple[str, ...]
    blocked: tuple[str, ...]
    rules: tuple[RuleFact, ...]

    @property
    def sources(self) -> int:
        """How many sources were asked."""
        return len(self.landed) + len(self.missing) + len(self.blocked)

    @property
    def taken(self) -> int:
        """Rows that are in the warehouse as they were read, or in a newer version."""
        return self.read - self.held


def facts_of(session: Session, run_id: int) -> RunFacts:
    """The facts of one run, as far as it has come; what is not known yet counts as nothing."""
    run = one(session, "SELECT * FROM ops.runs WHERE run_id = %s", [run_id])
    batches = list(session.execute(
        "SELECT source, state, rows FROM ops.batches WHERE run_id = %s AND source <> %s ORDER BY source",
        [run_id, WAITING],
    ))  # fmt: skip
    rules = session.execute(
        "SELECT rule, severity, checked, failing FROM ops.verdicts WHERE run_id = %s ORDER BY rule", [run_id]
    )
    return RunFacts(
        run_id=run_id,
        dataset=run["dataset"],
        day=run["window_start"].astimezone(LOCAL).date(),
        partial=run["partial"],
        **{ours: run[theirs] or 0 for ours, theirs in _COUNTS.items()},
        landed={row["source"]: row["rows"] for row in batches if row["state"] == "landed"},
        missing=_in_state(batches, "missing"),
        blocked=_in_state(batches, "blocked"),
        rules=tuple(RuleFact(**row) for row in rules),
    )


_COUNTS = {
    "read": "extracted", "inserted": "inserted", "updated": "updated", "unchanged": "unchanged",
    "superseded": "superseded", "held": "quarantined", "deleted": "deleted", "enqueued": "enqueued",
}  # fmt: skip


def _in_state(batches: list[dict[str, Any]], state: str) -> tuple[str, ...]:
    return tuple(row["source"] for row in batches if row["state"] == state)
