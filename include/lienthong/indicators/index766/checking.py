"""A file of published counters and scores is checked line by line: what the counters determine, and what not and why.

The columns are those of ``tests/indicators/index_766_vectors.csv``: the portal's own counters beside the scores that
it published for the same units on the same day."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.indicators.index766.ruleset import Group, RuleSet
from lienthong.indicators.index766.scoring import Scored, rounded, score

WORDS = ("department_code", "name", "type", "group", "class")
COUNTERS = (
    "received", "on_time", "overdue", "mean_days", "e_results", "digitised", "reused", "synced_personal",
    "citizen_data", "citizen_formality", "citizen_formality_of", "paid_online", "with_fee", "online_payment_formality",
    "online_payment_formality_of", "online_fee_formality", "online_fee_formality_of", "satisfied", "satisfied_of",
    "pakn", "pakn_tthc", "pakn_on_time", "pakn_handled", "pakn_staff", "sync_dossiers", "sync_dossiers_of",
)  # fmt: skip
PUBLISHED = (
    "on_time_rate", "online_ratio", "sub_original_result", "sub_digitised", "sub_reused", "sub_synced_personal",
    "sub_citizen_dossier", "sub_citizen_formality", "sub_certified_copy", "sub_sat_receiving", "sub_sat_pakn_on_time",
    "sub_sat_pakn_handled", "score_transparency", "score_progress", "score_online", "score_digitised", "score_payment",
    "score_satisfaction", "score_total",
)  # fmt: skip
COLUMNS = (*WORDS, *COUNTERS, *PUBLISHED)


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of the file: its counters, and what was published. An empty cell is not known, never 0."""

    line: int
    unit: str
    name: str
    counters: Mapping[str, Decimal | None]
    published: Mapping[str, Decimal | None]
    class_name: str


@dataclass(frozen=True, slots=True)
class Line:
    """One published figure of one unit beside the computed one. ``kind``: part, group, check (a figure that must
    agree with others of the same row), total or class. Only where ``determined`` is a difference a contradiction."""

    unit: str
    name: str
    number: str
    code: str
    title: str
    kind: str
    numerator: Decimal | None
    denominator: Decimal | None
    ratio: Decimal | None
    max: Decimal | None
    computed: Decimal | str | None
    published: Decimal | str | None
    determined: bool
    why: str = ""
    room: Decimal | None = None
    """Points of the parts of a group that are not determined: what is published beyond the others lies within."""

    @property
    def difference(self) -> Decimal | None:
        """Computed minus published, where both are numbers."""
        if isinstance(self.computed, Decimal) and isinstance(self.published, Decimal):
            return self.computed - self.published
        return None

    @property
    def contradicts(self) -> bool:
        """Whether the counters say something else than was published, or leave no room for it."""
        if self.room is not None:
            return self.difference is not None and not 0 <= -self.difference <= self.room
        return self.determined and None not in (self.computed, self.published) and self.computed != self.published


def read(path: Path) -> list[Row]:
    """The units of a file; every mistake is told with its line, and then nothing is given."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _refuse_columns(path, list(reader.fieldnames or []))
            rows, mistakes = [], []
            for given in reader:
                row, wrong = _row(reader.line_num, given)
                rows.append(row)
                mistakes += wrong
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NeedsPerson(f"{path.name} cannot be read as CSV in UTF-8: {type(error).__name__}.") from None
    codes = [row.unit for row in rows]
    mistakes += [f"line {row.line}: {row.unit} stands twice" for n, row in enumerate(rows) if row.unit in codes[:n]]
    if mistakes:
        more = f"; and {len(mistakes) - 10} more" if len(mistakes) > 10 else ""
        raise NeedsPerson(f"{path.name}: {'; '.join(mistakes[:10])}{more}. Whoever made the file can mend it.")
    if not rows:
        raise NeedsPerson(f"{path.name} has no unit below its first line.")
    return rows


def check(rows: Iterable[Row], ruleset: RuleSet) -> list[Line]:
    """Every figure of every unit, computed and published."""
    return [line for row in rows for line in _lines(row, score(row.counters, ruleset))]


def _refuse_columns(path: Path, found: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in found]
    unknown = [name or "(empty)" for name in found if name not in COLUMNS]
    twice = sorted({name for name in found if found.count(name) > 1})
    said = [f"{words} {', '.join(names)}" for words, names in (
        ("missing:", missing), ("not known:", unknown), ("twice:", twice)) if names]  # fmt: skip
    if said:
        raise NeedsPerson(
            f"{path.name}, line 1: the columns are not those of the published counters; {'; '.join(said)}."
        )


def _row(line: int, given: Mapping[str, str | None]) -> tuple[Row, list[str]]:
    mistakes = []
    numbers: dict[str, Decimal | None] = {}
    if None in given or None in given.values():
        mistakes.append(f"line {line}: not as many cells as columns")
    for name in (*COUNTERS, *PUBLISHED):
        text = (given.get(name) or "").strip()
        try:
            numbers[name] = Decimal(text) if text else None
            wrong = bool(text) and not (numbers[name] is not None and Decimal(text).is_finite() and Decimal(text) >= 0)
        except InvalidOperation:
            wrong = True
        if wrong:
            mistakes.append(f"line {line}: {name} is {text[:20]!r}, not a number from 0")
    # The portal's codes carry blanks now and then.
    unit = "".join((given.get("department_code") or "").split())
    if not unit:
        mistakes.append(f"line {line}: department_code is empty")
    counters = {name: numbers.get(name) for name in COUNTERS}
    published = {name: numbers.get(name) for name in PUBLISHED}
    name, class_name = ((given.get(column) or "").strip() for column in ("name", "class"))
    return Row(line, unit, name, counters, published, class_name), mistakes


def _lines(row: Row, scored: Scored) -> Iterable[Line]:
    yield from _checks(row)
    for group in scored.groups:
        for part in (one for one in scored.parts if one.part.group == group.group.code):
            spec = part.part
            yield Line(
                row.unit, row.name, spec.number, spec.code, spec.name, "part", part.numerator, part.denominator,
                part.ratio, spec.max, part.score, row.published.get(spec.column), part.determined, part.why,
            )  # fmt: skip
        yield _group(row, group.group, scored)
    yield from _total(row, scored)


def _group(row: Row, group: Group, scored: Scored) -> Line:
    own = next(one for one in scored.groups if one.group is group)
    published = row.published.get(group.column)
    missing = [one.part.number for one in scored.parts if one.part.group == group.code and not one.determined]
    why = "" if own.whole else f"Phần {', '.join(missing)} không xác định được."
    return Line(
        row.unit, row.name, "", group.code, group.name, "group", None, None, None, group.max, own.score, published,
        own.whole, why, None if own.whole else group.max - own.reachable,
    )  # fmt: skip


def _checks(row: Row) -> Iterable[Line]:
    """Published figures that follow from others of the row, whatever the rules of the index are."""
    counted, said = row.counters, row.published
    received, on_time, overdue = (counted[name] for name in ("received", "on_time", "overdue"))
    rate = _percent(on_time, received)
    yield _checked(row, "on_time_rate", "Tỷ lệ đúng hạn đã công bố (%)", rate, said["on_time_rate"])
    rest = received - on_time if received is not None and on_time is not None else None
    yield _checked(row, "overdue", "Tiếp nhận trừ đúng hạn bằng trễ hạn", rest, overdue)
    online = _percent(said["score_online"], Decimal(12))
    yield _checked(row, "online_ratio", "Tỷ lệ của nhóm trực tuyến (%)", online, said["online_ratio"])


def _checked(row: Row, code: str, title: str, computed: Decimal | None, published: Decimal | None) -> Line:
    return Line(
        row.unit, row.name, "", code, title, "check", None, None, None, None, computed, published, computed is not None,
    )  # fmt: skip


def _percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    if part is None or whole is None:
        return None
    return rounded(part * 100 / whole) if whole else Decimal(0)


def _total(row: Row, scored: Scored) -> Iterable[Line]:
    """The total from the groups: computed where the counters determine them, else as published."""
    whole = {one.group.code: one.score for one in scored.groups if one.whole}
    groups = [whole.get(one.group.code, row.published[one.group.column]) for one in scored.groups]
    computed = None if None in groups else sum((one for one in groups if one is not None), Decimal(0))
    taken = ", ".join(one.group.code for one in scored.groups if not one.whole)
    why = f"Nhóm {taken} lấy theo số đã công bố." if taken else ""
    published = row.published["score_total"]
    points = sum((one.max for one in scored.ruleset.groups), Decimal(0))
    yield Line(
        row.unit, row.name, "", "TOTAL", "Tổng điểm", "total", None, None, None, points,
        computed, published, computed is not None, why,
    )  # fmt: skip
    name = None if computed is None else scored.ruleset.class_of(computed)
    yield Line(
        row.unit, row.name, "", "CLASS", "Xếp loại", "class", None, None, None, None, name, row.class_name or None,
        name is not None,
    )  # fmt: skip
