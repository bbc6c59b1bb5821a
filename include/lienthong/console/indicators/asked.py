"""What a reader asks of the indicators: a period and a day of knowledge, checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from lienthong.batches import LOCAL

KINDS = ("month", "quarter", "year", "day")
"""Kinds of periods in the order in which a reader chooses; a day is only reached from a chart."""
_QUARTERS = ("I", "II", "III", "IV")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class NotAsked(Exception):
    """The question has no meaning; the words say what is possible."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi, self.en = vi, en


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A day, month, quarter or year by its first day."""

    kind: str
    start: date

    @property
    def code(self) -> str:
        """How an address names it: ``2025``, ``2025-Q3``, ``2025-09`` or ``2025-09-30``."""
        if self.kind == "year":
            return f"{self.start.year}"
        if self.kind == "quarter":
            return f"{self.start.year}-Q{self._quarter}"
        return f"{self.start:%Y-%m}" if self.kind == "month" else self.start.isoformat()

    @property
    def last(self) -> date:
        """Its last day."""
        return self.moved(1).start - timedelta(days=1)

    @property
    def _quarter(self) -> int:
        return (self.start.month + 2) // 3

    def moved(self, steps: int) -> Period:
        """The period so many steps later, or earlier."""
        if self.kind == "day":
            return Period("day", self.start + timedelta(days=steps))
        months = {"month": 1, "quarter": 3, "year": 12}[self.kind] * steps
        number = self.start.year * 12 + self.start.month - 1 + months
        return Period(self.kind, date(number // 12, number % 12 + 1, 1))

    def within(self, kind: str) -> list[Period]:
        """The smaller periods that it consists of."""
        one = Period(kind, self.start)
        found = []
        while one.start <= self.last:
            found.append(one)
            one = one.moved(1)
        return found

    def name(self, language: str) -> str:
        """``tháng 9/2025``, ``quý III/2025``."""
        if self.kind == "year":
            return f"năm {self.start.year}" if language == "vi" else f"{self.start.year}"
        if self.kind == "quarter":
            roman = _QUARTERS[self._quarter - 1]
            return f"quý {roman}/{self.start.year}" if language == "vi" else f"Q{self._quarter} {self.start.year}"
        if self.kind == "month":
            return (f"tháng {self.start.month}/{self.start.year}" if language == "vi"
                    else f"{_MONTHS[self.start.month - 1]} {self.start.year}")  # fmt: skip
        return (f"ngày {self.start:%d/%m/%Y}" if language == "vi"
                else f"{self.start.day} {_MONTHS[self.start.month - 1]} {self.start.year}")  # fmt: skip

    def short(self, language: str) -> str:
        """Its name on an axis."""
        if self.kind == "day":
            return f"{self.start:%d/%m}" if language == "vi" else f"{self.start.day} {_MONTHS[self.start.month - 1]}"
        if self.kind == "month":
            return f"{self.start:%m/%Y}" if language == "vi" else self.name(language)
        return self.name(language).removeprefix("quý ").removeprefix("năm ")


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, and the day at whose end the figures were known; None for what is known now."""

    period: Period
    asof: date | None

    @property
    def as_of(self) -> datetime | None:
        """The moment of knowledge: the end of that day."""
        return None if self.asof is None else datetime.combine(self.asof + timedelta(days=1), time(), LOCAL)

    def query(self, period: Period | None = None) -> dict[str, str]:
        """The same question in an address."""
        return {
            "period": (period or self.period).code, "asof": self.asof.isoformat() if self.asof else "",
        }  # fmt: skip


def period_of(code: str) -> Period:
    """The period of a code; one that names nothing is refused."""
    found = re.fullmatch(r"(20[0-9]{2})(?:-Q([1-4])|-([0-9]{2})(?:-([0-9]{2}))?)?", code)
    try:
        if found is None:
            raise ValueError
        year, quarter, month, day = found.groups()
        if quarter:
            return Period("quarter", date(int(year), int(quarter) * 3 - 2, 1))
        if day:
            return Period("day", date(int(year), int(month), int(day)))
        return Period("month", date(int(year), int(month), 1)) if month else Period("year", date(int(year), 1, 1))
    except ValueError:
        raise NotAsked(
            "Kỳ phải có dạng 2025, 2025-Q3, 2025-09 hoặc 2025-09-30.",
            "A period is written 2025, 2025-Q3, 2025-09 or 2025-09-30.",
        ) from None


def read(query: Mapping[str, str], known: Sequence[Period], today: date) -> Asked | None:
    """What is asked, by default for the newest month that is known; None while nothing is known at all.

    A question without a meaning is ``NotAsked``: a reader who mistyped must not see another period's figures."""
    kind, code, asof = query.get("kind", ""), query.get("period", ""), query.get("asof", "")
    if kind and kind not in KINDS:
        raise NotAsked(
            "Loại kỳ phải là month (tháng), quarter (quý), year (năm) hoặc day (ngày).",
            "A kind of period is one of month, quarter, year, day.",
        )
    day = _day(asof, today)
    if code:
        period = period_of(code)
        if kind and kind != period.kind:
            raise NotAsked(f"Kỳ {period.code} không thuộc loại kỳ {kind}.", f"The period {period.code} is no {kind}.")
        return Asked(period, day)
    newest = max((period.start for period in known if period.kind == (kind or "month")), default=None)
    if newest is None:
        return None
    return Asked(Period(kind or "month", newest), day)


def _day(text: str, today: date) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text) if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        found = None
    if found is None:
        raise NotAsked("Ngày phải có dạng 2025-09-30.", "A day is written 2025-09-30.")
    if found > today:
        raise NotAsked(
            f"Chưa thể biết số liệu của ngày {found:%d/%m/%Y}; hôm nay là {today:%d/%m/%Y}.",
            f"Nothing can be known as of {found}; today is {today}.",
        )
    return found
