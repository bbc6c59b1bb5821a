"""The same index from our own records: what they determine is scored, what they cannot know is named.

``held`` counts every dossier that we hold; ``synchronised`` only those that the portal has accepted, which is what it
can count. As of a moment, the facts are those known then; receipts have no history and are always of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.batches import LOCAL
from lienthong.errors import NeedsPerson
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.ruleset import Part, RuleSet, ruleset
from lienthong.indicators.index766.scoring import Scored, points_of, score
from lienthong.settings import Settings
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session

ENDPOINT = "national_portal"
NOTES = {
    "DOSSIER_SYNC": "Mẫu số là hồ sơ trong kho dữ liệu của tỉnh, thay cho số của báo cáo quốc gia.",
    "ONLINE_DOSSIER": "Chưa kiểm chứng được ở cấp đơn vị: Cổng không công bố bộ đếm của nhóm này cho từng đơn vị.",
    "ONLINE_PAYMENT_FORMALITY": "Mẫu số là số thủ tục có phí đã phát sinh hồ sơ tại đơn vị.",
    "FEE_FORMALITY": "Hiểu là thủ tục có phí mà hồ sơ gửi đi có dữ liệu phí; Cổng chưa giải thích bộ đếm này.",
    "DOSSIER_RECEIVING_SATISFACTION": (
        "Cận trên: không có dữ liệu nối phản ánh, đánh giá không hài lòng với từng hồ sơ, chỉ trừ hồ sơ trễ hạn."
    ),
}


@dataclass(frozen=True, slots=True)
class Published:
    """One figure as the portal published it, with the day of the snapshot and its flag of quality. ``derived``: it
    published the counters, or the parts, and no points; the points are those of the rules."""

    score: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    quality: str
    taken: date
    derived: bool = False


@dataclass(frozen=True, slots=True)
class OfUnit:
    """The index of one unit in one period. ``completed`` is the total with the published points of what is not
    determined here, None when they are not known. ``note`` is to be shown beside the points: the rules are not those
    of the period."""

    unit: str
    name: str
    level: str
    period: Period
    stands: date
    counters: Mapping[str, int | Decimal | None]
    scored: Scored
    published: Mapping[str, Published]
    completed: Decimal | None
    note: str = ""


def of_warehouse(
    session: Session,
    period: Period,
    as_of: datetime | None = None,
    *,
    settings: Settings,
    rules: RuleSet | None = None,
    units: Sequence[str] = (),
    synchronised: bool = False,
) -> list[OfUnit]:
    """The index of the units asked for, or of all: communes, provincial bodies, their two sums and the province."""
    rules = rules or ruleset(settings.home)
    stood = stands(session, period, as_of)
    values = {
        "first": period.first, "next": period.next, "end": stood + timedelta(days=1), "as_of": as_of,
        "units": list(units), "agency": settings.agency, "endpoint": ENDPOINT, "synchronised": synchronised,
    }  # fmt: skip
    facts = facts_of(settings.home, known(settings.home, "as_of"), "end")
    rows = session.execute(statement(settings.home, "marts/index766_counters", facts=facts), values).fetchall()
    _require_known(units, {row["unit"] for row in rows}, period)
    figures = published(session, period, settings=settings, rules=rules, units=units, as_of=as_of)
    return [_of_unit(row, period, stood, rules, figures.get(row["unit"], {})) for row in rows]


def stands(session: Session, period: Period, as_of: datetime | None = None) -> date:
    """The day at whose end open dossiers are looked at: the period's last, or the newest whole day before it."""
    row = session.execute("SELECT horizon FROM marts.indicator_state").fetchone()
    if row is None:
        raise NeedsPerson(
            "The marts of indicators were never filled: run the DAG `scorecard`, or a day with `make run`."
        )
    day: date = min(period.last, row["horizon"])
    if as_of is not None:
        # A day is known when it is over.
        day = min(day, as_of.astimezone(LOCAL).date() - timedelta(days=1))
    if day < period.first:
        raise NeedsPerson(f"Nothing is known of {period} yet: it begins on {period.first}, and {day} is the last day.")
    return day


COLUMNS = (
    "ma_ho_so", "ma_don_vi", "level_sum", "ma_tthc", "received_on", "known_from", "counted", "national", "open_until",
    "ended_at", "due_at", "working_minutes", "result_due", "e_result", "digitised", "from_store", "vneid", "has_fee",
    "paid_online", "online",
)  # fmt: skip
"""What the index needs of the marts' facts."""


def known(home: Path, as_of: str) -> sql.Composed:
    """The facts of dossiers as known at the value of this name, or now when it is null."""
    return statement(home, "marts/index766_known", columns=names(COLUMNS), as_of=sql.Placeholder(as_of))


def facts_of(home: Path, rows: sql.Composed, end: str) -> sql.Composed:
    """What each dossier of ``rows`` counts for; an open one as it stands at the value of the name ``end``."""
    return statement(home, "marts/index766_facts", rows=rows, end=sql.Placeholder(end))


def published(
    session: Session,
    period: Period,
    *,
    settings: Settings,
    rules: RuleSet,
    units: Sequence[str] = (),
    as_of: datetime | None = None,
) -> dict[str, dict[str, Published]]:
    """What the portal published last, by unit and by the code of a part, a group or ``TOTAL``."""
    values = {
        "kind": period.kind, "year": period.year, "number": period.number, "units": list(units),
        "as_of": as_of and as_of.astimezone(LOCAL).date(),
    }  # fmt: skip
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in session.execute(statement(settings.home, "marts/index766_published"), values):
        rows.setdefault(row["unit"], {})[row["code"]] = row
    return {unit: _figures(own, rules) for unit, own in rows.items()}


def _figures(rows: Mapping[str, Mapping[str, Any]], rules: RuleSet) -> dict[str, Published]:
    found = {}
    for part in rules.parts:
        own = [rows[code] for code in part.published if code in rows]
        if len(own) == len(part.published):
            found[part.code] = _published(part, own)
    for group in rules.groups:
        counted = [found.get(part.code) for part in group.parts if part.max]
        if group.published in rows:
            found[group.code] = _plain(rows[group.published])
        elif all(one and one.score is not None for one in counted):
            found[group.code] = _sum(one for one in counted if one)
    if rules.total in rows:
        found["TOTAL"] = _plain(rows[rules.total])
    elif all(group.code in found for group in rules.groups):
        found["TOTAL"] = _sum(found[group.code] for group in rules.groups)
    return found


def _published(part: Part, rows: Sequence[Mapping[str, Any]]) -> Published:
    numerators = [row["numerator"] for row in rows]
    numerator = None if None in numerators else sum(numerators, Decimal(0))
    denominator, points = rows[0]["denominator"], rows[0]["score"]
    derived = False
    if points is None and numerator is not None and denominator is not None:
        points, derived = points_of(part, numerator, denominator), True
    quality = ", ".join(sorted({row["quality"] for row in rows if row["quality"]}))
    return Published(points, numerator, denominator, quality, min(row["taken"] for row in rows), derived)


def _plain(row: Mapping[str, Any]) -> Published:
    return Published(row["score"], None, None, row["quality"] or "", row["taken"])


def _sum(figures: Iterable[Published]) -> Published:
    own = list(figures)
    points = sum((one.score for one in own if one.score is not None), Decimal(0))
    return Published(points, None, None, "", min(one.taken for one in own), derived=True)


def _of_unit(
    row: Mapping[str, Any], period: Period, stood: date, rules: RuleSet, figures: Mapping[str, Published]
) -> OfUnit:
    counters = {name: value for name, value in row.items() if name not in ("unit", "name", "level")}
    scored = score(counters, rules, NOTES)
    known = {code: figure.score for code, figure in figures.items() if figure.score is not None}
    return OfUnit(
        row["unit"], row["name"], row["level"], period, stood, counters, scored, figures, scored.completed(known),
        rules.note(period.first),
    )  # fmt: skip


def _require_known(units: Sequence[str], found: set[str], period: Period) -> None:
    unknown = sorted(set(units) - found)
    if unknown:
        raise NeedsPerson(
            f"No unit {', '.join(unknown)} in {period}. `lienthong index warehouse` without --unit lists all."
        )
