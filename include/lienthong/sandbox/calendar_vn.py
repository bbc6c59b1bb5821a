"""Working time of Vietnamese offices: every moment computed here lies on a working day between its four limits.

Times are whole seconds of local wall time since 1 January 1970, in NumPy arrays, so a day's dossiers are dated in
one step. The limits themselves are working time: reception at exactly 11:30 or 17:00 counts from that moment,
reception after it from the next opening. A period of whole days keeps the time of day; what is left of it is added
within the day, over lunch and into the next morning; a period that ends exactly at a limit ends there.

Days off come from the ``holidays`` package (Labour Code 2019, art. 112, with the yearly notices on days swapped for
a working Saturday): its table holds for Viet Nam and is locked with the other requirements.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lienthong.errors import NeedsPerson
from lienthong.sandbox.noise import Bools, Ints

DAY = 86_400
HOUR = 3_600
HOURS_PER_DAY = 8  # the conversion that the one-stop systems use, whatever the limits are
WORKING_DAYS, CALENDAR_DAYS, WORKING_HOURS = 0, 1, 2
UNITS = {
    "ngày làm việc": WORKING_DAYS, "ngày": CALENDAR_DAYS,
    "giờ": WORKING_HOURS, "giờ làm việc": WORKING_HOURS,
}  # fmt: skip
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days from 1 January 1970 to ``day``."""
    return (day - _EPOCH).days


def seconds(moment: datetime) -> int:
    """Seconds from 1 January 1970 to a local wall time without zone."""
    return (moment - datetime.combine(_EPOCH, time())) // timedelta(seconds=1)


def moment(value: int) -> datetime:
    """The local wall time that ``seconds`` turned into a number."""
    return datetime.combine(_EPOCH, time()) + timedelta(seconds=int(value))


def unit_of(text: str) -> int:
    """The unit that DONVITINH of a procedure names; an unknown one is refused with the list of the known."""
    key = " ".join(text.split()).casefold()
    if key not in UNITS:
        raise NeedsPerson(
            f"Unit of a processing time: expected one of {', '.join(UNITS)}; found {text!r}. "
            "Mend DONVITINH in the catalogue of procedures."
        )
    return UNITS[key]


@cache
def days_off(first_year: int, last_year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of Viet Nam, and the Saturdays worked in exchange for one of them."""
    import holidays  # about 0.1 s, and only the sandbox needs it

    table = holidays.country_holidays("VN", years=range(first_year, last_year + 1))
    return frozenset(table), frozenset(table.weekend_workdays)


class WorkingTime:
    """A calendar of working days and the four limits of each; moments outside its years are refused."""

    def __init__(
        self,
        first_year: int = 2025,
        last_year: int = 2027,
        *,
        limits: tuple[time, time, time, time] = (time(7), time(11, 30), time(13, 30), time(17)),
        holidays: Iterable[date] | None = None,
        worked: Iterable[date] | None = None,
    ) -> None:
        off, exchanged = days_off(first_year, last_year) if holidays is None else (holidays, worked or ())
        self._first = day_number(date(first_year, 1, 1))
        days = np.arange(self._first, day_number(date(last_year + 1, 1, 1)))
        self._works = (days + 3) % 7 < 5  # 1 January 1970 was a Thursday
        for listed, works in ((off, False), (exchanged, True)):
            for day in listed:
                place = day_number(day) - self._first
                if 0 <= place < len(days):
                    self._works[place] = works
        self._nth = days[self._works]
        self._rank: Ints = np.cumsum(self._works) - self._works  # working days before each day
        self._open, self._lunch, self._back, self._close = (limit.hour * HOUR + limit.minute * 60 for limit in limits)
        self._morning = self._lunch - self._open
        self._length = self._morning + self._close - self._back

    def works(self, days: Ints | int) -> Bools:
        """Whether each day, given as its number, is a working day."""
        return self._works[self._place(days)]

    def next_day(self, days: Ints | int, ahead: int = 0) -> Ints:
        """The first working day from each day on, or the one ``ahead`` working days later."""
        return self._on(self._rank[self._place(days)] + ahead)

    def start(self, times: Ints) -> Ints:
        """The moment from which a reception counts: itself in working time, else the next opening."""
        day, clock = np.divmod(times, DAY)
        working = self.works(day)
        clock = np.where((clock > self._lunch) & (clock < self._back), self._back, clock)
        early = clock < self._open
        inside = working & ~early & (clock <= self._close)
        opening = np.where(working & early, day, self.next_day(day + (working & (clock > self._close))))
        return np.where(inside, day * DAY + clock, opening * DAY + self._open)

    def elapsed(self, times: Ints) -> Ints:
        """Working seconds from the calendar's first day to each moment."""
        day, clock = np.divmod(times, DAY)
        place = self._place(day)
        morning = np.clip(clock - self._open, 0, self._morning)
        afternoon = np.clip(clock - self._back, 0, self._length - self._morning)
        today = np.where(self._works[place], morning + afternoon, 0)
        passed: Ints = self._rank[place] * self._length + today
        return passed

    def at(self, elapsed: Ints) -> Ints:
        """The moment at which so many working seconds have passed; a full day ends at closing time."""
        whole = np.maximum(elapsed - 1, 0) // self._length
        rest = elapsed - whole * self._length
        clock = self._open + rest + np.where(rest > self._morning, self._back - self._lunch, 0)
        moments: Ints = self._on(whole) * DAY + clock
        return moments

    def add_days(self, starts: Ints, days: Ints | int) -> Ints:
        """The same time of day so many working days later."""
        day, clock = np.divmod(starts, DAY)
        moments: Ints = self._on(self._rank[self._place(day)] + days) * DAY + clock
        return moments

    def add_seconds(self, starts: Ints, amount: Ints | int) -> Ints:
        """Working seconds added to moments of working time; nothing added changes nothing."""
        return np.where(np.asarray(amount) > 0, self.at(self.elapsed(starts) + amount), starts)

    def due(self, received: Ints, amount: NDArray[np.float64], unit: NDArray[np.int8]) -> Ints:
        """The appointment for each reception: ``amount`` in days or hours as its ``unit`` says."""
        starts = self.start(received)
        hours = np.where(unit == WORKING_HOURS, amount, amount * HOURS_PER_DAY)
        days, rest = np.divmod(hours, HOURS_PER_DAY)
        whole, left = days.astype(np.int64), np.rint(rest * HOUR).astype(np.int64)
        day, clock = np.divmod(starts, DAY)
        kept = np.where(unit == CALENDAR_DAYS, self.next_day(day + whole) * DAY + clock, starts)
        worked = self.add_days(starts, np.where(unit == CALENDAR_DAYS, 0, whole))
        return self.add_seconds(np.where(unit == CALENDAR_DAYS, kept, worked), left)

    def same_day(self, received: Ints, cutoff: time) -> Ints:
        """Closing time of the day of reception, or of the next working day when received after ``cutoff``."""
        day, clock = np.divmod(self.start(received), DAY)
        late = clock > cutoff.hour * HOUR + cutoff.minute * 60
        return self.next_day(day, 0) * DAY * ~late + self.next_day(day, 1) * DAY * late + self._close

    def extended(self, due: Ints, requested: Ints, delivered: Ints) -> Ints:
        """The appointment after a supplement: moved by the days it took less one, then by a working day."""
        day, clock = np.divmod(due, DAY)
        taken = np.maximum(delivered // DAY - requested // DAY - 1, 0)
        moved = day + taken
        return self.next_day(moved + 1) * DAY + clock

    def due_at(self, received: datetime, amount: float, unit: str) -> datetime:
        """``due`` for one reception, with the unit in the catalogue's words."""
        found = self.due(np.array([seconds(received)]), np.array([amount]), np.array([unit_of(unit)], dtype=np.int8))
        return moment(int(found[0]))

    def _place(self, days: Ints | int) -> Ints:
        place = np.asarray(days) - self._first
        if place.size and (place.min() < 0 or place.max() >= len(self._works)):
            years = [moment((self._first + n) * DAY).year for n in (0, len(self._works) - 1)]
            raise NeedsPerson(
                f"Working time is known for {years[0]} to {years[1]}; a day outside was asked for. "
                "Give WorkingTime more years."
            )
        return place

    def _on(self, rank: Ints | int) -> Ints:
        if np.size(rank) and np.max(rank) >= len(self._nth):
            raise NeedsPerson("Working time ends before the period does. Give WorkingTime more years.")
        days: Ints = self._nth[np.asarray(rank)]
        return days
