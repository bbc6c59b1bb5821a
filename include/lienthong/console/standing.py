"""Where a source stands: one state out of its age, its problems and its held rows; the most pressing one decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lienthong.batches import LOCAL
from lienthong.console.queries import Known, Look
from lienthong.console.words import BEHIND, STATES
from lienthong.contracts import Contract

WINDOW = timedelta(days=1)
OFF = ("blocked", "schema_drift", "shrunk", "source_down")
_PLACE = {state: place for place, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One source of one dataset.

    ``good_day`` is the last day that is whole in the warehouse; ``late`` counts the promised windows that are not."""

    dataset: str
    source: str
    state: str
    good_day: date | None
    late: int
    score: Decimal | None
    score_7: Decimal | None
    held: int
    problems: tuple[Mapping[str, Any], ...]

    @property
    def place(self) -> int:
        """Its place among the states: 0 is the most pressing."""
        return _PLACE[self.state]

    @property
    def missed(self) -> tuple[date, ...]:
        """First and last of the days that could not be read although no newer one is owed, as when a day of the past
        was asked for once more; else empty. ``alerts.watch`` asks for the newest window, a problem is about any."""
        found = [p for p in self.problems if p["kind"] == "source_down" and p["last_window"] is not None]
        if self.good_day is None or self.late or not found:
            return ()
        first = min(p["first_window"] or p["last_window"] for p in found).astimezone(LOCAL).date()
        last = max(p["last_window"] for p in found).astimezone(LOCAL).date()
        return (first, last) if last <= self.good_day else ()

    @property
    def behind(self) -> bool:
        """Whether the newest promised window is missing."""
        return self.state in BEHIND


def cell(known: Known, contract: Contract, problems: Sequence[Mapping[str, Any]], now: datetime) -> Cell:
    """Where a source stands at a moment."""
    late = 0
    if known.owed_from is not None:
        late = max(0, -((known.owed_from + WINDOW + contract.latency - now) // WINDOW))
    kinds = {problem["kind"] for problem in problems}
    good = known.good_until
    return Cell(
        dataset=known.dataset,
        source=known.source,
        state=_state(kinds, late, good is not None, known.held),
        good_day=(good - timedelta(seconds=1)).astimezone(LOCAL).date() if good else None,
        late=late,
        score=known.score,
        score_7=known.score_7,
        held=known.held,
        problems=tuple(problems),
    )


def _state(kinds: set[str], late: int, ever: bool, held: int) -> str:
    off = next((kind for kind in OFF if kind in kinds), "")
    if off:
        return off
    if late or "stale" in kinds:
        return "behind" if ever else "never"
    if not ever:
        return "never"
    if held or "rows" in kinds:
        return "rows"
    return "review" if kinds else "good"


def cells_of(look: Look, datasets: Iterable[str], units: Iterable[str] | None = None) -> list[Cell]:
    """The cells of every source of some datasets, or of some units only; the problems are the open ones.

    A dataset with one source has the problems of its other holders too: there is no other place for them."""
    contracts = [look.contracts[name] for name in datasets]
    only = None if units is None else set(units)
    asked = [
        (contract.dataset, source, begin)
        for contract in contracts
        for source, begin in look.sources(contract).items()
        if only is None or source in only
    ]
    open_problems, _ = look.problems(most=100_000)
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for problem in open_problems:
        contract = look.contracts.get(problem["dataset"])
        if contract is not None and contract.source.for_each is None:
            found.setdefault((contract.dataset, contract.source.connection), []).append(problem)
        else:
            found.setdefault((problem["dataset"], problem["source"]), []).append(problem)
    return [
        cell(known, look.contracts[known.dataset], found.get((known.dataset, known.source), []), look.now)
        for known in look.cells(asked)
    ]
