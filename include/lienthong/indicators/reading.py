"""What the indicators say, or said at a moment, and the dossiers behind a figure: codes and times, never a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.errors import NeedsPerson
from lienthong.indicators.declared import get
from lienthong.indicators.measures import DAYS, IN_TIME, MEASURES, OPEN_IN_TIME, STOCKS
from lienthong.indicators.parts import COLUMNS
from lienthong.indicators.reasons import REASONS, reason
from lienthong.settings import ROOT
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

KINDS = ("day", "month", "quarter", "year")
NUMERATOR, DENOMINATOR, REST = "numerator", "denominator", "rest"


@dataclass(frozen=True, slots=True)
class Value:
    """One figure, with what it was made from and since when it is said. Ratios are fractions."""

    indicator: str
    unit: str
    kind: str
    start: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal
    known_from: datetime


@dataclass(frozen=True, slots=True)
class Behind:
    """A page of the dossiers behind a figure, and how many there are in all; None where they were not counted."""

    total: int | None
    rows: list[dict[str, Any]]


def values(
    session: Session,
    *,
    indicators: Iterable[str] = (),
    units: Iterable[str] = (),
    kind: str,
    first: date,
    last: date,
    as_of: datetime | None = None,
) -> list[Value]:
    """The values of periods of ``kind`` that begin from ``first`` to ``last``; none named means all. With ``as_of``:
    what was said at that moment."""
    rows = session.execute(
        statement(ROOT, "marts/indicators_values"),
        {
            "indicators": list(indicators), "units": list(units), "kind": _kind(kind), "first": first, "last": last,
            "as_of": as_of,
        },
    )  # fmt: skip
    return [Value(**row) for row in rows]


def behind(
    session: Session,
    indicator: str,
    unit: str,
    kind: str,
    start: date,
    part: str = NUMERATOR,
    limit: int = 100,
    offset: int = 0,
    as_of: datetime | None = None,
    *,
    home: Path = ROOT,
    counted: bool = True,
) -> Behind:
    """The dossiers that one part of a figure counts, ordered by reception; empty where it counts no dossiers. ``rest``
    are those that the denominator counts and the numerator does not. Without ``counted`` only the page is read."""
    declared = get(home, indicator)
    above, below = _any(declared.numerator), _any(declared.denominator)
    if part == NUMERATOR:
        test = below if declared.form == "percentile" else above
    elif part == REST and above is not None and below is not None:
        test = sql.SQL("({}) AND ({}) IS NOT TRUE").format(below, above)
    else:
        test = below
    if test is None:
        return Behind(0, [])
    return _page(session, test, unit, kind, start, limit, offset, as_of, counted=counted)


def _any(measures: Iterable[str]) -> sql.Composable | None:
    """Whether one of the measures counts a dossier; None where none of them counts dossiers."""
    tests = [test for name in measures if (test := _test(name.lstrip("-"))) is not None]
    return sql.SQL(" OR ").join(tests) if tests else None


def definitions_differ(
    session: Session,
    unit: str,
    kind: str,
    start: date,
    limit: int = 100,
    offset: int = 0,
    as_of: datetime | None = None,
) -> Behind:
    """The dossiers received in the period that one definition counts as on time and the other does not, each with the
    reason (``ly_do``); both judge what is not finished at the end of the period, or at the horizon."""
    return _page(session, sql.SQL("f.counted AND {}").format(_in(DAYS["received"])), unit, kind, start, limit, offset,
        as_of, differ=True)  # fmt: skip


def offices(session: Session, unit: str, start: date) -> list[dict[str, Any]]:
    """The resolved dossiers of each handling office in the month that begins at ``start``."""
    query = "SELECT * FROM marts.offices WHERE unit = %s AND start = %s ORDER BY resolved DESC, office"
    return list(session.execute(query, [unit, start]))


def officers(session: Session, unit: str, start: date) -> list[dict[str, Any]]:
    """The same per officer, by pseudonym; groups below ten are one rest group without one, or not shown."""
    query = "SELECT * FROM marts.officers WHERE unit = %s AND start = %s ORDER BY office, resolved DESC, officer"
    return list(session.execute(query, [unit, start]))


def _page(
    session: Session, test: sql.Composable, unit: str, kind: str, start: date, limit: int, offset: int,
    as_of: datetime | None, *, differ: bool = False, counted: bool = True,
) -> Behind:  # fmt: skip
    period = session.execute(
        # What counts lies between the first day of the period that counts and the last one that is known.
        "SELECT p.begins AS start, p.stands AS last, p.stands, u.level FROM marts.periods p CROSS JOIN marts.units u"
        " WHERE (p.kind, p.start, u.unit) = (%s, %s, %s)",
        [_kind(kind), start, unit],
    ).fetchone()
    if period is None:
        return Behind(0, [])
    query = statement(
        ROOT, "marts/dossiers_behind", test=test, place=_place(period["level"]), reason=reason(ROOT),
        reached=sql.SQL("reason IS NOT NULL" if differ else "true"),
        total=sql.SQL("count(*) OVER ()" if counted else "NULL::bigint"),
        columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
    )  # fmt: skip
    rows = list(session.execute(
        query, {**period, "unit": unit, "limit": limit, "offset": offset, "as_of": as_of}
    ))  # fmt: skip
    total = None if not counted else rows[0]["total"] if rows else 0
    return Behind(total, [_told(row) for row in rows])


def _place(level: str) -> sql.Composable:
    """Which dossiers ``f`` belong to a unit of this level."""
    if level == "province":
        return sql.SQL("true")
    return sql.SQL("f.level_sum = %(unit)s" if level in ("communes", "departments") else "f.ma_don_vi = %(unit)s")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in row.items() if name != "total"}
    return {**given, "ly_do": REASONS[row["reason"]][0] if row["reason"] else ""}


def _test(measure: str) -> sql.Composable | None:
    """Whether a dossier ``f`` is counted by a measure in the period ``p``; None for measures of something else."""
    if measure in MEASURES:
        found = MEASURES[measure]
        return sql.SQL("({} AND ({}) <> 0)").format(_in(DAYS[found.event]), found.adds)
    if measure == IN_TIME:
        return sql.SQL("({} AND {} AND coalesce(f.open_until >= p.stands + 1, true))").format(
            _in(DAYS["received"]), sql.SQL(OPEN_IN_TIME)
        )
    if measure == "p90_minutes":
        return _test("working_counted")
    return _stock(measure)


def _stock(measure: str) -> sql.Composable | None:
    at = sql.SQL("p.start - 1" if measure == "carried_over" else "p.stands")
    if measure in ("pending", "carried_over"):
        return sql.SQL("({})").format(sql.SQL(STOCKS["pending"]).format(at=at))
    if measure in ("overdue", "pending_in_time"):
        late = sql.SQL(STOCKS["overdue"]).format(at=at)
        if measure == "overdue":
            return sql.SQL("({})").format(late)
        return sql.SQL("(({}) AND NOT coalesce({}, false))").format(sql.SQL(STOCKS["pending"]).format(at=at), late)
    return None


def _in(day: Any) -> sql.Composed:
    return sql.SQL("({}) BETWEEN p.start AND p.stands").format(sql.SQL(day))


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise NeedsPerson(f"There is no kind of period {kind!r}; there are {', '.join(KINDS)}.")
    return kind


def names(session: Session) -> dict[str, str]:
    """The name of each unit that has indicators."""
    rows: Sequence[dict[str, Any]] = session.execute("SELECT unit, name FROM marts.units ORDER BY unit").fetchall()
    return {row["unit"]: row["name"] for row in rows}
