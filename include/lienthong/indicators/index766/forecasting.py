"""The index at the end of the period is replayed from the unit's own past, with as much doubt as that past has shown.

Two things still change the counters: dossiers that are open today, and those that will come; ``replaying`` draws both.
The seed is fixed, so that the same facts give the same forecast. On the last day nothing is left to draw, and the
forecast is the present value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from lienthong.indicators.index766.cohorts import COUNTERS, Cohorts, Ints
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.replaying import HISTORY, Replayed, replay
from lienthong.indicators.index766.ruleset import RuleSet, ruleset
from lienthong.indicators.index766.scoring import Scored, score
from lienthong.indicators.index766.warehouse import ENDPOINT, NOTES, facts_of, known, of_warehouse
from lienthong.settings import Settings
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

SAME = {
    "satisfied": ("on_time",), "satisfied_of": ("received",), "sync_dossiers_of": ("received",),
    "online_dossiers": ("online_on_end", "online_at_once"), "online_dossiers_of": ("received",),
}  # fmt: skip
"""Counters of the index that grow with these."""
TOLD = 0.01
"""Share of the dossiers whose end the past cannot show, from which on the forecast says so."""


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
    ``parts`` and ``groups`` are keyed by code. ``completed`` has the published points of the rest, when known.
    ``doubt`` says why the intervals are wider than the past alone makes them, ``note`` what ``OfUnit.note`` says."""

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
    doubt: str = ""
    note: str = ""


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
    left = max((period.last - own.stands).days, 0)
    first = min(period.first, own.stands - timedelta(days=HISTORY + left))
    values = {
        "first": first, "next": own.stands + timedelta(days=1), "end": own.stands + timedelta(days=1), "as_of": as_of,
        "units": [unit], "agency": settings.agency, "endpoint": ENDPOINT, "synchronised": synchronised,
    }  # fmt: skip
    facts = facts_of(settings.home, known(settings.home, "as_of"), "end")
    rows = session.execute(statement(settings.home, "marts/index766_cohorts", facts=facts), values).fetchall()
    drawn = replay(Cohorts.of(rows), period, own.stands)
    results = _results(own.counters, drawn.changes, rules)
    present = score(own.counters, rules, NOTES)
    figures = {code: one.score for code, one in own.published.items() if one.score is not None}
    totals = [one.completed(figures) for one in results]
    return Forecast(
        unit, own.name, period, own.stands, left, present,
        {one.part.code: _interval(one.score, [each.parts[n].score for each in results])
         for n, one in enumerate(present.parts) if one.determined and one.part.max},
        {one.group.code: _interval(one.score, [each.groups[n].score for each in results])
         for n, one in enumerate(present.groups)},
        _interval(present.score, [one.score for one in results]),
        None if own.completed is None else _interval(own.completed, totals),
        _doubt(drawn), own.note,
    )  # fmt: skip


def _doubt(drawn: Replayed) -> str:
    if drawn.unknown < TOLD:
        return ""
    return (
        f"Số liệu mới có {drawn.days} ngày: {drawn.unknown * 100:.0f} % hồ sơ của kỳ sẽ chờ lâu hơn mọi hồ sơ đã theo"
        " dõi được, nên khoảng dự báo được nới rộng theo mọi khả năng của chúng."
    )


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
