"""What a backfill would run, day by day, before anything is run: the same answer that the queue then carries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.warehouse import ledger
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

LONGEST = 3_660
"""Days that one request may cover."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for; days are local, both included. Without units every source is read."""

    datasets: tuple[str, ...]
    first: date
    last: date
    units: tuple[str, ...] = ()
    reprocess: bool = False
    """Run days again that are whole already."""
    newest_first: bool = False
    held: bool = False
    """What is promoted waits to be released before it leaves for the receivers."""


@dataclass(frozen=True, slots=True)
class Part:
    """Days of one dataset without a gap, and what to expect of them."""

    dataset: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it covers."""
        return (self.last - self.first).days + 1

    @property
    def windows(self) -> list[Window]:
        """The windows of its days, oldest first."""
        return [Window.of_day(self.first + timedelta(days=n)) for n in range(self.days)]


@dataclass(frozen=True, slots=True)
class Cost:
    """What the days of one dataset are expected to bring and take, by what they brought before or else by what the
    windows usually do; None while none was run."""

    dataset: str
    to_run: int
    whole: int
    """Days of the range that are left alone because they are whole."""
    rows: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The parts in the order in which they begin, and what each dataset costs."""

    request: Request
    parts: tuple[Part, ...]
    costs: tuple[Cost, ...]

    @property
    def windows(self) -> int:
        """Days to be run over all datasets."""
        return sum(cost.to_run for cost in self.costs)


def preview(session: Session, home: Path, contracts: Mapping[str, Contract], request: Request) -> Preview:
    """Exactly what the request would run; a request that cannot end well is refused with the reason.

    A list that is read whole and that the days refer to comes along by itself where it is not promoted yet."""
    _sensible(contracts, request)
    wanted = _with_lists(session, contracts, request)
    todo = {dataset: _todo(session, home, contracts[dataset], request) for dataset in _in_order(contracts, wanted)}
    _references_there(session, contracts, request, todo)
    parts = [part for dataset, days in todo.items() for part in _parts(dataset, days, request.newest_first)]
    costs = [_cost(session, home, contracts[dataset], request, days) for dataset, days in todo.items()]
    return Preview(request, tuple(parts), tuple(costs))


def _with_lists(session: Session, contracts: Mapping[str, Contract], request: Request) -> list[str]:
    """The datasets asked for, and the lists that they refer to of which no late enough window is promoted."""
    found = list(request.datasets)
    if request.units:
        return found
    for name in found:  # grows while it is walked: a list may refer to another one
        found += [
            other
            for other in contracts[name].waits_for
            if contracts[other].mode == "snapshot"
            and other not in found
            and not ledger.settled(session, other, Window.of_day(request.last), exactly=False)
        ]
    return found


def _in_order(contracts: Mapping[str, Contract], wanted: Sequence[str]) -> list[str]:
    """The datasets, each once, behind those that it refers to."""
    found: list[str] = []

    def add(name: str) -> None:
        for other in contracts[name].waits_for:
            if other in wanted and other not in found:
                add(other)
        if name not in found:
            found.append(name)

    for name in wanted:
        add(name)
    return found


def _sensible(contracts: Mapping[str, Contract], request: Request) -> None:
    unknown = [name for name in request.datasets if name not in contracts]
    if unknown:
        raise NeedsPerson(f"There is no dataset {unknown[0]!r}; there are {', '.join(contracts)}.")
    days = (request.last - request.first).days + 1
    if not 1 <= days <= LONGEST:
        raise NeedsPerson(
            f"The days must run from an earlier to a later one, at most {LONGEST} of them; {request.first} to "
            f"{request.last} do not."
        )
    for name in request.datasets:
        contract = contracts[name]
        if request.units and not contract.source.for_each:
            raise NeedsPerson(
                f"{name} is read from one source, so it cannot be run for {', '.join(request.units)} alone."
            )


def _days(contract: Contract, request: Request) -> list[date]:
    first = request.last if contract.mode == "snapshot" else request.first
    return [first + timedelta(days=n) for n in range((request.last - first).days + 1)]


def _todo(session: Session, home: Path, contract: Contract, request: Request) -> tuple[date, ...]:
    """The days to be run, oldest first. What is read whole is read once, for the last day: a source tells of now."""
    days = _days(contract, request)
    first = days[0]
    units = list(request.units)
    if units:
        known = set(ledger.members(session, contract.source.for_each or "", Window.of_day(request.last)))
        known |= set(ledger.members(session, contract.source.for_each or "", Window.of_day(first)))
        strange = [unit for unit in units if unit not in known]
        if strange:
            raise NeedsPerson(
                f"{', '.join(strange)}: no unit of {contract.source.for_each} has this code on these days. "
                "`lienthong status` lists the units."
            )
    if request.reprocess:
        return tuple(days)
    values = {"dataset": contract.dataset, "first": first, "last": request.last, "units": units}
    whole = {row["day"] for row in session.execute(statement(home, "backfill/whole"), values)}
    return tuple(day for day in days if day not in whole)


def _references_there(
    session: Session, contracts: Mapping[str, Contract], request: Request, todo: Mapping[str, Sequence[date]]
) -> None:
    """A window that would wait for ever is refused now: what it refers to must be there, or be asked for as well."""
    for dataset, days in todo.items():
        for other in contracts[dataset].waits_for:
            exactly = contracts[other].mode != "snapshot"
            coming = set(todo.get(other, ()))
            for day in reversed(days):
                if day in coming or (not exactly and coming and max(coming) >= day):
                    continue
                if not ledger.settled(session, other, Window.of_day(day), exactly=exactly):
                    since = f"for {day}" if exactly else f"for {day} or a later day"
                    raise NeedsPerson(
                        f"{dataset} of {day} refers to {other}, which is not promoted {since}. Ask for it as well: "
                        f"lienthong backfill {other} {' '.join(request.datasets)} ..."
                    )
                if not exactly:
                    break  # the newest day asks for the newest list


def _parts(dataset: str, days: Sequence[date], newest_first: bool) -> list[Part]:
    """Runs of days without a gap, in the order in which they are to begin."""
    found: list[Part] = []
    first = None
    for day, after in pairwise([*days, date.max]):
        first = first or day
        if after != day + timedelta(days=1):
            found.append(Part(dataset, first, day))
            first = None
    return found[::-1] if newest_first else found


def _cost(session: Session, home: Path, contract: Contract, request: Request, days: Sequence[date]) -> Cost:
    starts = [Window.of_day(day).start for day in days]
    values: dict[str, Any] = {"dataset": contract.dataset, "units": list(request.units), "windows": starts}
    usual = session.execute(statement(home, "backfill/usual"), values).fetchone() or {}
    rows, seconds = (usual.get("rows"), usual.get("seconds")) if days else (0, 0)
    return Cost(
        dataset=contract.dataset,
        to_run=len(days),
        whole=len(_days(contract, request)) - len(days),
        rows=None if rows is None else round(rows),
        seconds=None if seconds is None else float(seconds),
    )
