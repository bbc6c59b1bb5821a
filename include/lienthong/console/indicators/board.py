"""One page's view of the indicators: what is declared, which units and periods there are, and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from lienthong.alerts.letter import showable
from lienthong.batches import LOCAL
from lienthong.console.indicators import asked as asking
from lienthong.console.indicators.asked import Asked, Period
from lienthong.console.indicators.figures import Figure, figures
from lienthong.console.indicators.kept import State
from lienthong.console.pages import Missing, by_number
from lienthong.console.queries import Look
from lienthong.console.words import LANGUAGES
from lienthong.indicators import declared, reading
from lienthong.indicators.declared import Indicator
from lienthong.warehouse.statements import statement

T = TypeVar("T")
LEVELS = ("department", "commune")
"""Levels of units that are laid beside each other; the others are their sums."""


class NothingYet(Missing):
    """The marts of indicators were never filled."""

    def __init__(self) -> None:
        super().__init__(
            "Chưa có số liệu chỉ số: kho chỉ số chưa được tính lần nào.",
            "There are no indicators yet: they were never computed.",
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, or one of the sums of units."""

    code: str
    name: str
    level: str
    sum: str | None
    valid_from: date | None
    valid_to: date | None

    def stands_in(self, period: Period) -> bool:
        """Whether it existed on a day of the period."""
        return (self.valid_from or date.min) <= period.last and (self.valid_to or date.max) >= period.start


class Board:
    """What every page of the indicators begins with; two small statements."""

    def __init__(self, look: Look, query: Mapping[str, str]) -> None:
        self.look = look
        self.today = look.now.astimezone(LOCAL).date()
        self.indicators: Mapping[str, Indicator] = declared.declared(look.home)
        rows = list(look.session.execute(statement(look.home, "console/indicator_periods")))
        self.periods = [Period(row["kind"], row["start"]) for row in rows]
        given = asking.read(query, self.periods, self.today)
        if given is None or not rows:
            raise NothingYet
        self.asked: Asked = given
        self.horizon: date = rows[0]["horizon"]
        self.agency: str = rows[0]["agency"]
        self.floor: date = rows[0]["floor"]
        self.state = State(rows[0]["marts"], rows[0]["around"])
        found = look.session.execute(statement(look.home, "console/indicator_units"))
        # Names come from outside, and stand in drawings too.
        self.units = {row["code"]: Unit(**{**row, "name": showable(row["name"], 120)}) for row in found}

    @property
    def communes(self) -> str:
        """The sum of all communes."""
        return f"{self.agency}-XA"

    @property
    def bodies(self) -> str:
        """The sum of all provincial bodies."""
        return f"{self.agency}-SO"

    def name(self, code: str, language: str) -> str:
        """What a unit is called; the sums of units have names of their own."""
        words = {
            self.agency: ("Toàn tỉnh", "The province"), self.communes: ("Cấp xã", "Communes"),
            self.bodies: ("Cơ quan cấp tỉnh", "Provincial bodies"),
        }.get(code)  # fmt: skip
        return words[LANGUAGES.index(language)] if words else self.units[code].name

    def sum_of(self, unit: str) -> str:
        """The sum that a unit is compared with; a sum is compared with the province."""
        level = self.units[unit].level
        return {"commune": self.communes, "department": self.bodies}.get(level, self.agency)

    def indicator(self, ident: str) -> Indicator:
        """A declared indicator."""
        found = self.indicators.get(ident)
        if found is None:
            raise Missing("Không có chỉ số này.", "There is no such indicator.")
        return found

    def unit(self, code: str) -> Unit:
        """A known unit."""
        found = self.units.get(code)
        if found is None:
            raise Missing("Không có đơn vị này trong danh mục đơn vị.", "No unit of this code is in the list of units.")
        return found

    def of_level(self, level: str) -> list[Unit]:
        """The units of a level that stood in the asked period, in the order of their codes."""
        own = [unit for unit in self.units.values() if unit.level == level and unit.stands_in(self.asked.period)]
        return sorted(own, key=lambda unit: by_number(unit.code))

    def kept(self, what: str, *asked: Hashable, make: Callable[[], T]) -> T:
        """What is too dear to make for every reader, of the asked period: from an earlier page of the same state."""
        return self.look.kept.get((what, self.asked, *asked), self.state, make)

    def figures(
        self, indicators: Sequence[str], units: Sequence[str], periods: Sequence[Period]
    ) -> dict[tuple[str, str, Period], Figure]:
        """The figures of some indicators and units in periods of one kind that follow each other."""
        values = reading.values(
            self.look.session,
            indicators=tuple(indicators),
            units=tuple(units),
            kind=periods[0].kind,
            first=periods[0].start,
            last=periods[-1].start,
            as_of=self.asked.as_of,
        )
        places = ((one, unit, period) for one in indicators for unit in units for period in periods)
        return figures(self.indicators, values, places)

    def counts_of(self, period: Period) -> tuple[date, date]:
        """The first and the last day that the figures of a period count: neither before the floor of the settings nor
        beyond the horizon."""
        return max(period.start, self.floor), min(period.last, self.horizon)

    def trend(self, inside: bool) -> list[Period]:
        """The periods of a line: those that the asked one consists of as far as they have come, or those before it."""
        asked = self.asked.period
        if inside and asked.kind != "day":
            parts = asked.within("month" if asked.kind == "year" else "day")
            return [one for one in parts if one.start <= self.horizon]
        before = {"day": 30, "month": 12, "quarter": 7, "year": 4}[asked.kind]
        first = min((one.start for one in self.periods if one.kind == asked.kind), default=date.min)
        line = (asked.moved(-steps) for steps in range(before, -1, -1))
        return [one for one in line if one.last >= first or one == asked]

    def view(self) -> dict[str, Any]:
        """What every template of the indicators needs."""
        return {
            "asked": self.asked, "periods": self._choices(), "horizon": self.horizon, "today": self.today,
            "datasets": self.look.contracts,
            "owners": {contract.path.parent.name: contract.owner for contract in self.look.contracts.values()},
        }  # fmt: skip

    def _choices(self) -> Iterable[Period]:
        chosen = self.asked.period
        return self.periods if chosen in self.periods else [chosen, *self.periods]
