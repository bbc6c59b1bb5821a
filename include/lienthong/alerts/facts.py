"""What the warehouse knows when letters are written: problems, who has heard of them, and the rows that are held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

Place = tuple[str, str]
"""A dataset and a source."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of ``ops.problems``; every moment has a time zone."""

    problem_id: int
    kind: str
    dataset: str
    source: str
    since: datetime
    first_window: datetime | None
    last_window: datetime | None
    count: int
    details: Mapping[str, Any]
    closed_at: datetime | None
    told_at: datetime | None
    escalated_at: datetime | None
    acknowledged_until: datetime | None

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.dataset, self.source

    @property
    def of_platform(self) -> bool:
        """Whether it is about all sources, of one dataset or of every one: no unit can mend it."""
        return not self.source

    @property
    def of_receiver(self) -> bool:
        """Whether it is about what a receiver holds: no department can mend it."""
        return self.kind == "unreconciled"

    def speaks(self, now: datetime) -> bool:
        """Whether it is open and nobody has pledged to see to it by a later moment than now."""
        return self.closed_at is None and (self.acknowledged_until is None or self.acknowledged_until <= now)


class Reader(NamedTuple):
    """Who has heard something: a role at an address, for one unit or for none."""

    role: str
    channel: str
    address: str
    unit: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What one reader knows of one problem: letter numbers, so that a clock set back confuses nothing."""

    told_at: datetime | None
    told: int
    mended: int
    escalated: bool
    root: str


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Held rows of one place that break one rule, and up to ten of their record keys."""

    rule: str
    count: int
    keys: tuple[str, ...]


def standing(session: Session, home: Path) -> list[Problem]:
    """The problems that letters may have to speak of, in the order in which they were first seen."""
    return [Problem(**row) for row in session.execute(statement(home, "alerts/standing"))]


def heard_of(session: Session, home: Path, problems: Iterable[Problem]) -> dict[int, dict[Reader, Heard]]:
    """Who has heard of each problem."""
    found: dict[int, dict[Reader, Heard]] = {problem.problem_id: {} for problem in problems}
    for row in session.execute(statement(home, "alerts/heard"), {"problems": list(found)}):
        reader = Reader(row["role"], row["channel"], row["address"], row["unit"])
        found[row["problem_id"]][reader] = Heard(
            row["told_at"], row["told"], row["mended"], row["escalated"], row["root"]
        )
    return found


def held_by_rule(session: Session, home: Path, places: Iterable[Place]) -> dict[Place, list[RuleCount]]:
    """The held rows of each place by rule."""
    found: dict[Place, list[RuleCount]] = {}
    for row in session.execute(statement(home, "alerts/held_keys"), _lists(places)):
        count = RuleCount(row["rule"], row["count"], tuple(row["keys"]))
        found.setdefault((row["dataset"], row["source"]), []).append(count)
    return found


def held_rows(session: Session, home: Path, places: Iterable[Place], most: int) -> tuple[list[dict[str, Any]], int]:
    """Up to ``most`` held rows of the places, as received, and how many more there are."""
    lists = _lists(places)
    if not lists["datasets"]:
        return [], 0
    rows = list(session.execute(statement(home, "alerts/held_rows"), {**lists, "most": most}))
    return rows, (rows[0]["total"] - len(rows) if rows else 0)


def _lists(places: Iterable[Place]) -> dict[str, list[str]]:
    wanted = sorted(set(places))
    return {"datasets": [dataset for dataset, _ in wanted], "sources": [source for _, source in wanted]}
