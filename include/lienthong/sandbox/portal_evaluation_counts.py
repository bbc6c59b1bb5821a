"""Counters of the units and of the province in a period, counted once for each state of the acceptance log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lienthong.sandbox.portal_catalogue import Catalogue, department_id
from lienthong.sandbox.portal_evaluation_facts import NAMES, Facts, State
from lienthong.sandbox.portal_evaluation_procedures import Procedures
from lienthong.sandbox.portal_evaluation_scores import Counters

BLANK_IN = "147"
"""The unit in whose code the portal shows a blank."""
PROVINCE, DEPARTMENT, COMMUNE = "PROVINCE", "PROVINCIAL_DEPARTMENT", "COMMUNE_PEOPLE_COMMITTEE"


@dataclass(frozen=True, slots=True)
class Department:
    """One row of the portal's list of units, with the portal's own key."""

    code: str
    name: str
    kind: str

    @property
    def id(self) -> str:
        """What the portal calls it by."""
        return department_id(self.code)

    @property
    def shown_code(self) -> str:
        """The code as the portal spells it."""
        head, dot, tail = self.code.rpartition(".")
        return f"{head}. {tail}" if dot and tail == BLANK_IN else self.code

    @property
    def level(self) -> str:
        """Level as the catalogue of procedures numbers it: 1 province, 3 commune."""
        return "3" if self.kind == COMMUNE else "1"


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a question is about, as yyyyMMdd, both included."""

    first: str
    last: str


class Counts:
    """What the portal counts below one province; the caller has opened a transaction around each call."""

    def __init__(self, root: str, catalogue: Catalogue, facts: Facts) -> None:
        self._facts = facts
        self._procedures = Procedures(catalogue)
        name = catalogue.agencies.get(root, {}).get("TENDONVI", root)
        self.root = Department(root, str(name), PROVINCE)
        self.units = [
            Department(code, str(entry["TENDONVI"]), COMMUNE if str(entry["CAPDONVI"]) == "3" else DEPARTMENT)
            for code, entry in catalogue.agencies.items()
            if code.rpartition(".")[0] == root
        ]
        under = {one.code: self._procedures.under(one.code, one.level) for one in self.units}
        # The province answers for the procedures of every level.
        under[root] = self._procedures.public()
        self._authority = {code: {each.code: each for each in own} for code, own in under.items()}
        self._seen: State = (0, 0, "")
        self._known: dict[tuple[Period, str], dict[str, Counters]] = {}

    def of(self, period: Period, only: str = "") -> dict[str, Counters]:
        """The counters by code of the unit, of one procedure where ``only`` names it; the province has its own, with
        the dossiers of units that are not listed any more."""
        state = self._facts.refresh(self._procedures)
        if state != self._seen:
            self._seen, self._known = state, {}
        if (period, only) not in self._known:
            self._known[period, only] = self._counted(period, state[2], only)
        return self._known[period, only]

    def running(self, period: Period) -> bool:
        """Whether nothing has been told yet of a day behind the period."""
        return self._seen[2] <= period.last

    def _counted(self, period: Period, newest: str, only: str) -> dict[str, Counters]:
        counts = {one.code: self._started(one, period) for one in (self.root, *self.units)}
        until = min(period.last, newest or period.last) + "235959"
        for unit, *numbers in self._facts.tally(period.first, period.last, until, only):
            for place in self._places(unit, counts):
                own = counts[place]
                for name, number in zip(NAMES, numbers, strict=True):
                    setattr(own, name, getattr(own, name) + number)
        seen: dict[tuple[str, str], set[str]] = {}
        for unit, procedure, *shown in self._facts.procedures(period.first, period.last, only):
            for place in self._places(unit, counts):
                for name in self._shows(place, procedure, *shown):
                    seen.setdefault((place, name), set()).add(procedure)
        for (place, name), codes in seen.items():
            setattr(counts[place], name, len(codes))
        return counts

    def _places(self, unit: str, known: Mapping[str, Counters]) -> Iterator[str]:
        """Where a dossier of a unit is counted: at the province, and at the listed unit that it belongs to."""
        yield self.root.code
        code = ".".join(unit.split(".")[: self.root.code.count(".") + 2])
        if code in known and code != self.root.code:
            yield code

    def _shows(self, unit: str, code: str, citizen: int, online: int, paid: int, told: int) -> Iterator[str]:
        """The counts of procedures in which one is counted: those of services and citizens, of a unit's own only."""
        own = self._authority[unit].get(code)
        if own and own.people and citizen:
            yield "citizen_procedures"
        if own and own.online and online:
            yield "online_procedures"
        if self._procedures.of(code).fee:
            yield "fee_procedures"
            if paid:
                yield "paid_procedures"
            if told:
                yield "told_procedures"

    def _started(self, one: Department, period: Period) -> Counters:
        """What the catalogue alone says of a unit."""
        own, public = self._authority[one.code].values(), self._authority[self.root.code].values()
        return Counters(
            for_people=sum(each.people for each in own),
            authority=len(own),
            full=sum(each.full for each in own),
            partial=sum(each.online and not each.full for each in own),
            published=sum(period.first <= each.in_force <= period.last for each in public),
            in_full=sum(each.whole for each in public),
            public=len(public),
        )
