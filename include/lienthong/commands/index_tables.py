"""Tables of the index as a person reads them in a terminal, and the CSV of every checked figure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lienthong.errors import NeedsPerson

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lienthong.indicators.index766 import Difference, Forecast, Interval, OfUnit, RuleSet
    from lienthong.indicators.index766.checking import Line

COLUMNS = (
    "department_code", "name", "number", "code", "item", "kind", "numerator", "denominator", "ratio", "max",
    "computed", "published", "difference", "determined", "why",
)  # fmt: skip


def write(path: Path, lines: Iterable[Line]) -> None:
    """Every figure, computed beside published, as CSV in UTF-8 that spreadsheets open."""
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            sheet = csv.writer(file)
            sheet.writerow(COLUMNS)
            sheet.writerows(map(_cells, lines))
    except OSError as error:
        raise NeedsPerson(
            f"{path.name} cannot be written: {error.strerror}. Name another file with --output."
        ) from None


def _cells(line: Line) -> tuple[object, ...]:
    return (
        line.unit, line.name, line.number, line.code, line.title, line.kind, line.numerator, line.denominator,
        line.ratio, line.max, line.computed, line.published, line.difference, "yes" if line.determined else "no",
        line.why,
    )  # fmt: skip


def show(console: Console, lines: Sequence[Line], rules: RuleSet) -> None:
    """The units with their groups, the count for every figure, and what the counters do not determine and why."""
    groups = [group.code for group in rules.groups]
    of_unit: dict[str, dict[str, Line]] = {}
    for line in lines:
        of_unit.setdefault(line.unit, {})[f"{line.kind} {line.code}"] = line
    table = _table("Computed; ≠ published where they differ; (published) where not determined", "unit", "name")
    for code in ("1.4", *groups, "total"):
        table.add_column(code, justify="right")
    table.add_column("class")
    for unit, own in of_unit.items():
        cells = [own["part DOSSIER_SYNC"], *(own[f"group {code}"] for code in groups), own["total TOTAL"]]
        _row(table, unit, own["total TOTAL"].name, *map(_cell, cells), _cell(own["class CLASS"]))
    console.print(table)
    counted = _table("Every figure", "no.", "code", "figure")
    for name in ("units", "equal", "differ", "computed only", "not determined"):
        counted.add_column(name, justify="right")
    every: dict[tuple[str, str, str], Counter[str]] = {}
    for line in lines:
        every.setdefault((line.number, line.code, line.title), Counter())[_outcome(line)] += 1
    for (number, code, title), outcomes in every.items():
        names = ("equal", "differ", "computed only", "not determined")
        _row(counted, number, code, title, str(outcomes.total()), *(str(outcomes[name]) for name in names))
    console.print(counted)
    _reasons(console, lines)
    determined = [line for line in lines if line.determined and line.published is not None]
    equal = [line for line in determined if not line.contradicts]
    wrong = [line for line in lines if line.contradicts]
    console.print(
        f"{len(of_unit)} units, rules {rules.version} ({rules.wording}): {len(equal)} of"
        f" {len(determined)} published figures that the counters determine are equal to the cent.",
        highlight=False,
    )
    for line in wrong:
        console.print(
            f"Contradiction: {line.unit} {line.number or line.code} {line.title}: computed {line.computed}, published"
            f" {line.published}.",
            highlight=False,
            markup=False,
        )


def _reasons(console: Console, lines: Sequence[Line]) -> None:
    missing: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if not line.determined:
            missing.setdefault((line.number or line.code, line.kind, line.why), []).append(line)
    for (what, kind, why), own in missing.items():
        units = f"{len(own)} units" if len(own) > 1 else own[0].unit
        console.print(f"Not determined: {what} ({units}): {why}", highlight=False, markup=False)
        rests = sorted(-line.difference for line in own if line.difference is not None)
        if kind == "group" and rests:
            tally = Counter(rests).most_common(1)[0]
            console.print(
                f"    Published beyond what is determined: from {rests[0]} to {rests[-1]} of {own[0].room} points"
                f" ({tally[0]} in {tally[1]} of them).",
                highlight=False,
            )


def _outcome(line: Line) -> str:
    if line.contradicts:
        return "differ"
    if not line.determined:
        return "not determined"
    return "computed only" if line.published is None else "equal"


def _cell(line: Line) -> str:
    if line.contradicts:
        return f"{_text(line.computed)} ≠ {_text(line.published)}"
    return _text(line.computed) if line.determined else f"({_text(line.published)})"


def units_table(found: Sequence[OfUnit]) -> Table:
    """Units with the points of each group, of those that are determined."""
    first = found[0]
    rules = first.scored.ruleset
    table = _table(
        f"{first.period} as of the end of {first.stands}; rules {rules.version} ({rules.wording})", "unit", "name"
    )
    for name in ("received", *(group.group.code for group in first.scored.groups), "points", "of", "with published"):
        table.add_column(name, justify="right")
    for one in found:
        points = [f"{group.score}/{group.reachable}" for group in one.scored.groups]
        _row(
            table, one.unit, one.name, _text(one.counters["received"]), *points, _text(one.scored.score),
            _text(one.scored.reachable), _text(one.completed),
        )  # fmt: skip
    return table


def print_parts(console: Console, one: OfUnit) -> None:
    """Every part of one unit: its counts and points, or why there are none."""
    table = _table(f"{one.unit} {one.name}", "no.", "figure")
    for name in ("numerator", "denominator", "%", "points", "of"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for part in one.scored.parts:
        ratio = "" if part.ratio is None else f"{part.ratio * 100:.2f}"
        points = _text(part.score) if part.determined else ""
        row = (part.part.number, part.part.name, _text(part.numerator), _text(part.denominator), ratio, points)
        _row(table, *row, _text(part.part.max), part.why)
    console.print(table)


def forecast_table(one: Forecast) -> Table:
    """Today's points, the expected ones and their two intervals."""
    names = {part.part.code: f"{part.part.number} {part.part.name}" for part in one.present.parts}
    names |= {group.group.code: group.group.name for group in one.present.groups}
    table = _table(f"{one.unit} {one.name}: {one.period} from the end of {one.stands}, {one.days} days left", "figure")
    for name in ("now", "expected", "5 of 10 cases", "9 of 10 cases"):
        table.add_column(name, justify="right")
    for code, interval in {**one.parts, **one.groups}.items():
        _row(table, names[code], *_interval(interval))
    _row(table, f"Điểm xác định được (trên {one.present.reachable})", *_interval(one.total))
    if one.completed is not None:
        _row(table, "Tổng điểm, phần còn lại theo Cổng", *_interval(one.completed))
    return table


def _interval(interval: Interval) -> tuple[str, ...]:
    spans = (f"{low} – {high}" for low, high in (interval.half, interval.ninety))
    return (_text(interval.present), _text(interval.expected), *spans)


def say(console: Console, *notes: str) -> None:
    """What must be read beside the figures, where there is something."""
    for note in filter(None, notes):
        console.print(note, highlight=False, markup=False)


def differences_table(found: Sequence[Difference]) -> Table:
    """Both sides of every figure, the rest that no dossier explains, and the causes with their first dossiers."""
    table = _table("Ours – theirs – why", "unit", "figure")
    for name in ("ours", "theirs", "points", "counts", "unexplained"):
        table.add_column(name, justify="right")
    table.add_column("why", overflow="fold")
    for one in found:
        _row(
            table, one.unit, f"{one.number} {one.title}".strip(), _text(one.ours), _text(one.theirs.score),
            _text(one.score), _pair(one.numerator, one.denominator),
            _pair(one.unexplained_numerator, one.unexplained_denominator), "\n".join(map(_reason, one.reasons)),
        )  # fmt: skip
    return table


def _reason(reason: Any) -> str:
    words = f"{reason.words}: {reason.dossiers}" if reason.dossiers else reason.words
    if reason.numerator or reason.denominator:
        words += f" ({_pair(reason.numerator, reason.denominator)})"
    words += f" «{reason.said}»" if reason.said else ""
    named = ", ".join(reason.examples[:3])
    return f"{words}: {named}{', …' if len(reason.examples) > 3 else ''}" if named else words


def _pair(numerator: Decimal | int | None, denominator: Decimal | int | None) -> str:
    return "" if numerator is None and denominator is None else f"{numerator or 0:+}/{denominator or 0:+}"


def agree(one: Difference) -> bool:
    """Whether both sides say the same, in counts and in points."""
    return one.score == 0 and not one.numerator and not one.denominator


def _text(value: Decimal | int | str | None) -> str:
    from lienthong.alerts.letter import showable

    if isinstance(value, str):
        return showable(value, 200)
    return "" if value is None else f"{value:,}"


def _row(table: Table, *cells: str) -> None:
    """Cells as they are: a file's words are no markup."""
    from rich.text import Text

    table.add_row(*map(Text, cells))


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name)
    return table
