"""The index at the end of the period is replayed from the unit's own past, with as much doubt as that past has shown.

Two things still change the counters: dossiers that are open today, and those that will come. For the first, past days
show what share of the dossiers open then was late, or had its result, as many days later. For the second, each day
that is left is a past day of the same weekday, looked at as old as that day's dossiers will be at the end. Both are
drawn with replacement, and so is the set of days drawn from; the seed is fixed, so that the same facts give the same
forecast. On the last day nothing is left to draw, and the forecast is the present value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from lienthong.errors import NeedsPerson
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.ruleset import RuleSet, ruleset
from lienthong.indicators.index766.scoring import Scored, score
from lienthong.indicators.index766.warehouse import ENDPOINT, NOTES, facts_of, known, of_warehouse
from lienthong.rules.calendar import works
from lienthong.settings import Settings
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

Ints = np.ndarray[Any, np.dtype[np.int64]]

ON_END = ("results_due", "e_results", "digitised", "online_on_end")
"""Counters that a dossier adds to when it has ended; the others it adds to from the day on which it came."""
AT_ONCE = (
    "received", "reused", "synced_personal", "citizen_data", "with_fee", "paid_online", "sync_dossiers",
    "online_at_once",
)  # fmt: skip
COUNTERS = ("on_time", *ON_END, *AT_ONCE)
SAME = {
    "satisfied": ("on_time",), "satisfied_of": ("received",), "sync_dossiers_of": ("received",),
    "online_dossiers": ("online_on_end", "online_at_once"), "online_dossiers_of": ("received",),
}  # fmt: skip
"""Counters of the index that grow with these."""
HISTORY = 84
"""Days of the past that are drawn from."""
FEWEST = 4
"""Days of one kind below which days of other kinds are drawn from too."""
DRAWS = 1000
SEED = 766
FAR = np.int64(10**6)
"""A day that never comes."""


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Groups of dossiers with the same days; days are ordinals of the calendar."""

    received_on: Ints
    due_on: Ints
    ended_on: Ints
    late: np.ndarray[Any, np.dtype[np.bool_]]
    counts: Mapping[str, Ints]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Cohorts:
        """From rows with received_on, due_on, ended_on (dates or None), late, and the counters."""

        def days(name: str) -> Ints:
            return np.array([row[name].toordinal() if row[name] else FAR for row in rows], np.int64)

        return cls(
            days("received_on"), days("due_on"), days("ended_on"), np.array([row["late"] for row in rows], bool),
            {name: np.array([row[name] for row in rows], np.int64) for name in (*ON_END, *AT_ONCE)},
        )  # fmt: skip

    def where(self, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Cohorts:
        """The groups for which it holds."""
        return Cohorts(
            self.received_on[chosen], self.due_on[chosen], self.ended_on[chosen], self.late[chosen],
            {name: values[chosen] for name, values in self.counts.items()},
        )  # fmt: skip

    def in_time(self, day: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which groups are on time, or still within time, at the end of the day."""
        return np.where(self.ended_on <= day, ~self.late, self.due_on > day)

    def standing(self, day: int) -> Ints:
        """The counters at the end of the day, in the order of ``COUNTERS``."""
        ended = self.ended_on <= day
        found = [int(self.counts["received"][self.in_time(day)].sum())]
        found += [int(self.counts[name][ended].sum()) for name in ON_END]
        found += [int(self.counts[name].sum()) for name in AT_ONCE]
        return np.array(found, np.int64)


@dataclass(frozen=True, slots=True)
class Interval:
    """What is expected (the median), and between what limits in five and in nine of ten cases."""

    present: Decimal | None
    expected: Decimal
    half: tuple[Decimal, Decimal]
    ninety: tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The determined parts, groups and points of one unit at the end of the period; ``days`` are left until then.
    ``parts`` and ``groups`` are keyed by code. ``completed`` has the published points of the rest, when known."""

    unit: str
    name: str
    period: Period
    stands: date
    days: int
    present: Scored
    parts: Mapping[str, Interval]
    groups: Mapping[str, Interval]
    total: Interval
    completed: Interval | None


def forecast(
    session: Session,
    period: Period,
    *,
    settings: Settings,
    unit: str = "",
    rules: RuleSet | None = None,
    as_of: datetime | None = None,
    synchronised: bool = False,
) -> Forecast:
    """The index of a unit, or of the province, at the end of the period."""
    rules, unit = rules or ruleset(settings.home), unit or settings.agency
    (own,) = of_warehouse(
        session, period, as_of, settings=settings, rules=rules, units=[unit], synchronised=synchronised
    )
    first = min(period.first, own.stands - timedelta(days=HISTORY))
    values = {
        "first": first, "next": own.stands + timedelta(days=1), "end": own.stands + timedelta(days=1), "as_of": as_of,
        "units": [unit], "agency": settings.agency, "endpoint": ENDPOINT, "synchronised": synchronised,
    }  # fmt: skip
    facts = facts_of(settings.home, known(settings.home, "as_of"), "end")
    rows = session.execute(statement(settings.home, "marts/index766_cohorts", facts=facts), values).fetchall()
    drawn = increments(Cohorts.of(rows), period, own.stands)
    results = _results(own.counters, drawn, rules)
    present = score(own.counters, rules, NOTES)
    figures = {code: one.score for code, one in own.published.items() if one.score is not None}
    totals = [one.completed(figures) for one in results]
    return Forecast(
        unit, own.name, period, own.stands, (period.last - own.stands).days, present,
        {one.part.code: _interval(one.score, [each.parts[n].score for each in results])
         for n, one in enumerate(present.parts) if one.determined and one.part.max},
        {one.group.code: _interval(one.score, [each.groups[n].score for each in results])
         for n, one in enumerate(present.groups)},
        _interval(present.score, [one.score for one in results]),
        None if own.completed is None else _interval(own.completed, totals),
    )  # fmt: skip


def increments(cohorts: Cohorts, period: Period, stands: date, *, draws: int = DRAWS) -> Ints:
    """Draws of what the counters will have more or less at the period's end, in the order of ``COUNTERS``; no draw
    when the period is over."""
    today, last = stands.toordinal(), period.last.toordinal()
    if today >= last:
        return np.zeros((0, len(COUNTERS)), np.int64)
    if not len(cohorts.received_on):
        raise NeedsPerson(
            f"Nothing can be forecast for {period}: in the {HISTORY} days before {stands} no dossier was received."
        )
    chance = np.random.default_rng(SEED)
    return _open(cohorts, period, today, last, chance, draws) + _coming(cohorts, today, last, chance, draws)


def _open(cohorts: Cohorts, period: Period, today: int, last: int, chance: np.random.Generator, draws: int) -> Ints:
    """What becomes of the dossiers of the period that are open today."""
    stretch = today - period.first.toordinal() + 1
    begun = int(cohorts.received_on.min())
    ahead = min(last - today, max((today - begun) // 2, 1))
    now = cohorts.where((cohorts.received_on > today - stretch) & (cohorts.ended_on > today))
    stock = int(now.counts["received"].sum())
    due = int(now.counts["received"][(now.due_on > today) & (now.due_on <= last)].sum())
    found = np.zeros((draws, len(COUNTERS)), np.int64)
    if not stock:
        return found
    lost, gained = [], []
    for origin in range(max(begun + 1, today - ahead - HISTORY), today - ahead + 1):
        then = cohorts.where(
            (cohorts.received_on <= origin) & (cohorts.received_on > origin - stretch) & (cohorts.ended_on > origin)
        )
        waiting = int(then.counts["received"].sum())
        if not waiting:
            continue
        later = origin + ahead
        risk = then.where((then.due_on > origin) & (then.due_on <= later))
        at_risk = int(risk.counts["received"].sum())
        late = int(risk.counts["received"][~risk.in_time(later)].sum())
        lost.append(late / at_risk if at_risk else 0.0)
        ended = then.ended_on <= later
        gained.append([int(then.counts[name][ended].sum()) / waiting for name in ON_END])
    if not lost:
        return found
    which = _drawn(chance, len(lost), draws, 1)[:, 0]
    found[:, COUNTERS.index("on_time")] = -chance.binomial(due, np.array(lost)[which])
    for place, name in enumerate(ON_END):
        share = np.clip(np.array(gained)[which, place], 0, 1)
        found[:, COUNTERS.index(name)] = chance.binomial(stock, share)
    return found


def _coming(cohorts: Cohorts, today: int, last: int, chance: np.random.Generator, draws: int) -> Ints:
    """What the dossiers of the days that are left will add."""
    found = np.zeros((draws, len(COUNTERS)), np.int64)
    begun = max(int(cohorts.received_on.min()), today - HISTORY)
    past = {day: cohorts.where(cohorts.received_on == day) for day in range(begun, today + 1)}
    for kind, days in _kinds(range(today + 1, last + 1)).items():
        like = _like(kind, list(past))
        which = _drawn(chance, len(like), draws, len(days))
        for place, day in enumerate(days):
            age = last - day
            stood = np.array([past[one].standing(min(one + age, today)) for one in like], np.int64)
            found += stood[which[:, place]]
    return found


def _kind(day: int) -> int:
    """The weekday of a working day, 7 for a day off."""
    when = date.fromordinal(day)
    return when.weekday() if works(when) else 7


def _kinds(days: range) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for day in days:
        found.setdefault(_kind(day), []).append(day)
    return found


def _like(kind: int, past: list[int]) -> list[int]:
    """Past days of the kind; where there are too few, of all working days or all days off; else any."""
    same = [day for day in past if _kind(day) == kind]
    if len(same) >= FEWEST:
        return same
    return [day for day in past if (_kind(day) == 7) == (kind == 7)] or past


def _drawn(chance: np.random.Generator, size: int, draws: int, times: int) -> Ints:
    """Places below ``size``, drawn from a set that is itself drawn anew in each draw: the past is only a sample."""
    sets = chance.integers(size, size=(draws, size))
    return np.take_along_axis(sets, chance.integers(size, size=(draws, times)), axis=1)


def _results(counters: Mapping[str, int | Decimal | None], drawn: Ints, rules: RuleSet) -> list[Scored]:
    if not len(drawn):
        return [score(counters, rules, NOTES)]
    results = []
    for changes in drawn.tolist():
        change = dict(zip(COUNTERS, changes, strict=True))
        change |= {name: sum(change[one] for one in others) for name, others in SAME.items()}
        moved = {
            name: value if value is None or name not in change else max(value + change[name], 0)
            for name, value in counters.items()
        }
        results.append(score(moved, rules, NOTES))
    return results


def _interval(present: Decimal | None, values: Sequence[Decimal | None]) -> Interval:
    known = sorted(value for value in values if value is not None)

    def at(share: float) -> Decimal:
        return known[round(share * (len(known) - 1))]

    return Interval(present, at(0.5), (at(0.25), at(0.75)), (at(0.05), at(0.95)))
