"""Days on which offices of Viet Nam work: weekdays that are no public holiday, and Saturdays swapped for one.

The days come from the ``holidays`` package (Labour Code 2019, art. 112, with the yearly notices on swapped days). A
year that its table does not know yet has its weekdays.
"""

from __future__ import annotations

from datetime import date
from functools import cache


def works(day: date) -> bool:
    """Whether offices work on the day."""
    off, swapped = days_off(day.year)
    return day in swapped or (day.weekday() < 5 and day not in off)


@cache
def days_off(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of a year, and its Saturdays worked in exchange for another day."""
    import holidays  # half a second, and only some rules need it

    table = holidays.country_holidays("VN", years=year)
    return frozenset(table), frozenset(day for day in table.weekend_workdays if day.year == year)
