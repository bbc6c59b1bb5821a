"""Ours, theirs, and why: every difference to the portal's figures is followed to the dossiers that make it.

What no dossier explains is said with its size, and never spread over the causes that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from psycopg import sql

from lienthong.batches import LOCAL
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.ruleset import Part, RuleSet, ruleset
from lienthong.indicators.index766.scoring import PartScore, points_of
from lienthong.indicators.index766.warehouse import (
    COLUMNS,
    ENDPOINT,
    OfUnit,
    Published,
    facts_of,
    known,
    of_warehouse,
    stands,
)
from lienthong.settings import Settings
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session

CAUSES = {
    "refused": "Cổng từ chối nhận hồ sơ",
    "in_doubt": "Đã gửi nhưng chưa rõ Cổng đã nhận hay chưa",
    "pending": "Hồ sơ đang chờ gửi lên Cổng",
    "unsent": "Hồ sơ chưa từng được gửi lên Cổng",
    "change_refused": "Cổng từ chối thay đổi mới nhất, còn giữ trạng thái cũ",
    "change_waits": "Thay đổi mới nhất chưa lên Cổng",
    "steps_wait": "Bước xử lý chưa lên Cổng",
    "new_since": "Hồ sơ vào kho dữ liệu sau ngày chụp số liệu",
    "gone_since": "Hồ sơ không còn được tính sau ngày chụp số liệu",
    "restated": "Hồ sơ được sửa sau ngày chụp số liệu",
    "time_passed": "Hồ sơ đang xử lý, hạn trả đến sau ngày chụp số liệu",
    "held": "Dòng hồ sơ đang bị giữ lại vì sai quy tắc: chưa bên nào tính",
    "definition": "Cách đếm khác nhau",
    "provisional": "Cờ chất lượng của Cổng",
}
"""Why the two sides differ, in the order in which a dossier is assigned to its first cause."""
SHOWN = 20
FACTS = frozenset({
    "received", "on_time", "results_due", "e_results", "digitised", "reused", "synced_personal", "citizen_data",
    "with_fee", "paid_online", "online_dossiers", "online_dossiers_of", "satisfied", "satisfied_of",
})  # fmt: skip
"""Counters to which one dossier adds 1 or nothing."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a difference: how many dossiers, what they add to ours beyond theirs, points, and examples.
    ``said`` are the receiver's own words."""

    cause: str
    words: str
    dossiers: int
    numerator: int = 0
    denominator: int = 0
    points: Decimal | None = None
    examples: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one unit on both sides. The unexplained rest is that of the counters; where theirs are not
    published there is no rest to speak of, only the difference in points."""

    unit: str
    name: str
    number: str
    code: str
    title: str
    ours: Decimal | None
    theirs: Published
    score: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    reasons: tuple[Reason, ...]
    unexplained_numerator: Decimal | None
    unexplained_denominator: Decimal | None
    note: str = ""
    """What ``OfUnit.note`` says."""

    @property
    def explained(self) -> bool:
        """Whether the two sides agree, or the causes found make all of the difference."""
        rest = (self.unexplained_numerator, self.unexplained_denominator)
        return self.score == 0 and not any(rest) if None in rest else not any(rest)


def compare(
    session: Session,
    period: Period,
    *,
    settings: Settings,
    rules: RuleSet | None = None,
    units: Sequence[str] = (),
) -> list[Difference]:
    """Every figure that the portal has published of the period, beside ours of today. Empty when it has none."""
    rules = rules or ruleset(settings.home)
    found = [one for one in of_warehouse(session, period, settings=settings, rules=rules, units=units) if one.published]
    if not found:
        return []
    held = _held(session, period, settings)
    causes: dict[datetime, list[dict[str, Any]]] = {}
    differences = []
    for one in found:
        for day in sorted({figure.taken for figure in one.published.values()}):
            # The snapshot of a day shows the day's end at best.
            moment = datetime.combine(day + timedelta(days=1), time(), LOCAL)
            if moment not in causes:
                causes[moment] = _causes(session, period, moment, settings, rules, units)
        differences += list(_of_unit(one, causes, held.get(one.unit, 0), settings.agency))
    return differences


def _causes(
    session: Session, period: Period, moment: datetime, settings: Settings, rules: RuleSet, units: Sequence[str]
) -> list[dict[str, Any]]:
    parts = [part for part in rules.parts if _by_dossier(part)]
    values = sql.SQL(", ").join(
        sql.SQL("({code}, {n}, {d}, coalesce({tn}, {bn}), coalesce({td}, {bd}))").format(
            code=sql.Literal(part.code),
            **{
                short: sql.Identifier(alias, name)
                for kind, name in (("n", part.numerator[0]), ("d", part.denominator[0]))
                for short, alias in ((kind, "n"), (f"t{kind}", "t"), (f"b{kind}", "b"))
            },
        )
        for part in parts
    )
    home, end = settings.home, stands(session, period) + timedelta(days=1)
    query = statement(
        home, "marts/index766_differences",
        now=facts_of(home, known(home, "as_of"), "end"),
        taken=facts_of(home, known(home, "moment"), "taken_end"),
        before=facts_of(home, statement(home, "marts/index766_before", columns=names(COLUMNS)), "taken_end"),
        parts=values,
    )  # fmt: skip
    given = {
        "first": period.first, "next": period.next, "as_of": None, "end": end, "moment": moment,
        "taken_end": min(end, moment.date()), "endpoint": ENDPOINT, "agency": settings.agency, "units": list(units),
        "shown": SHOWN,
    }  # fmt: skip
    return session.execute(query, given).fetchall()


def _by_dossier(part: Part) -> bool:
    return len(part.numerator) == len(part.denominator) == 1 and {*part.numerator, *part.denominator} <= FACTS


def _held(session: Session, period: Period, settings: Settings) -> dict[str, int]:
    """Open held rows of dossiers that came in the period, by unit and in sum."""
    rows = session.execute(statement(settings.home, "marts/index766_held"), {
        "first": period.first, "next": period.next, "agency": settings.agency,
    })  # fmt: skip
    return {row["unit"]: row["rows"] for row in rows}


def _of_unit(
    one: OfUnit, causes: Mapping[datetime, Iterable[Mapping[str, Any]]], held: int, agency: str
) -> Iterable[Difference]:
    for group in one.scored.groups:
        for part in (each for each in one.scored.parts if each.part.group == group.group.code):
            theirs = one.published.get(part.part.code)
            if theirs is None:
                continue
            moment = datetime.combine(theirs.taken + timedelta(days=1), time(), LOCAL)
            reasons = _reasons(one.unit, part, causes[moment], agency)
            yield _difference(one, part, theirs, [*reasons, *_other(part, theirs, held)])
        theirs = one.published.get(group.group.code)
        if theirs is not None:
            own = group.score if group.whole else None
            yield _plain(one, group.group.code, group.group.name, own, theirs)
    theirs = one.published.get("TOTAL")
    if theirs is not None:
        yield _plain(one, "TOTAL", "Tổng điểm", one.completed, theirs)


def _reasons(unit: str, part: PartScore, rows: Iterable[Mapping[str, Any]], agency: str) -> list[Reason]:
    # The line of synchronisation counts what the portal has; what it lacks is only in our denominator.
    sync = part.part.code == "DOSSIER_SYNC"
    code = "PROGRESS_ON_TIME" if sync else part.part.code
    merged: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["code"] == code and unit in (row["ma_don_vi"], row["level_sum"], agency) and (
            not sync or row["cause"] in ("refused", "in_doubt", "pending", "unsent")
        ):  # fmt: skip
            merged.setdefault((row["cause"], row["said"]), []).append(row)
    found = []
    for (cause, said), own in merged.items():
        numerator = 0 if sync else int(sum(row["numerator"] for row in own))
        denominator = int(sum(row["denominator"] for row in own))
        examples = sorted({code for row in own for code in row["examples"]})[:SHOWN]
        found.append(Reason(
            cause, CAUSES[cause], int(sum(row["dossiers"] for row in own)), numerator, denominator,
            _points(part, numerator, denominator), tuple(examples), said,
        ))  # fmt: skip
    return sorted(found, key=lambda reason: (-reason.dossiers, reason.cause, reason.said))


def _points(part: PartScore, numerator: int, denominator: int) -> Decimal | None:
    """What the part would have more or less without these dossiers' difference."""
    if part.score is None or part.numerator is None or part.denominator is None:
        return None
    without = max(part.numerator - numerator, Decimal(0)), max(part.denominator - denominator, Decimal(0))
    return part.score - points_of(part.part, *without)


def _other(part: PartScore, theirs: Published, held: int) -> Iterable[Reason]:
    """What is known about a difference without being a number of dossiers on one side."""
    if part.part.max == 0:
        return
    if held and part.determined:
        yield Reason("held", CAUSES["held"], held)
    if part.why:
        yield Reason("definition", part.why, 0)
    if theirs.quality:
        yield Reason("provisional", CAUSES["provisional"], 0, said=theirs.quality)


def _difference(one: OfUnit, part: PartScore, theirs: Published, reasons: Sequence[Reason]) -> Difference:
    own = part if part.determined else None
    score = None if own is None else _minus(own.score, theirs.score)
    numerator = None if own is None else _minus(own.numerator, theirs.numerator)
    denominator = None if own is None else _minus(own.denominator, theirs.denominator)
    return Difference(
        one.unit, one.name, part.part.number, part.part.code, part.part.name, own.score if own else None, theirs, score,
        numerator, denominator, tuple(reasons),
        None if numerator is None else numerator - sum(reason.numerator for reason in reasons),
        None if denominator is None else denominator - sum(reason.denominator for reason in reasons),
        one.note,
    )  # fmt: skip


def _plain(one: OfUnit, code: str, title: str, own: Decimal | None, theirs: Published) -> Difference:
    return Difference(
        one.unit, one.name, "", code, title, own, theirs, _minus(own, theirs.score), None, None, (), None, None,
        one.note,
    )  # fmt: skip


def _minus(own: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    return None if own is None or theirs is None else own - theirs
