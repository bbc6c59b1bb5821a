"""One indicator: what it says, how it went, and which units are where; and one unit of it with its dossiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from lienthong.console import charts
from lienthong.console.indicators.asked import NotAsked
from lienthong.console.indicators.board import LEVELS, Board, Unit
from lienthong.console.indicators.difference import LEAF, leaf_of
from lienthong.console.indicators.figures import Figure, axis_of, brief, on_axis, percent
from lienthong.console.indicators.overview import LOCAL, NATIONAL, periods_told, points, target_of, told
from lienthong.console.pages import by_number
from lienthong.console.queries import Look
from lienthong.indicators import reading
from lienthong.indicators.declared import Indicator

SORTS = ("rank", "name", "value", "numerator", "denominator")
Line = dict[str, Any]


def indicator(look: Look, ident: str, query: Mapping[str, str], language: str) -> dict[str, Any]:
    """The province and its levels, two charts, and the ranking of the units of each level."""
    board = Board(look, query)
    one = board.indicator(ident)
    period = board.asked.period
    sums = [board.agency, board.communes, board.bodies]
    found = board.figures([ident], sums, [period])
    sort = _sort(query.get("sort", ""))
    ranked = ranking(board, one)
    return {
        **board.view(),
        "indicator": one,
        "tiles": [
            (board.name(code, language), found[ident, code, period]) for code in sums
        ],
        "charts": [_chart(board, one, inside, language) for inside in (True, False)],
        "levels": [
            _drawn(one, level, lines, sort, found[ident, board.sum_of(lines[0]["code"]), period], language)
            for level, lines in ranked.items() if lines
        ],
        "sort": {"name": sort[0], "down": sort[1]},
        "asked_sort": query.get("sort", "") if sort != _sort("") else "",
        "differs": board.indicators.get({NATIONAL: LOCAL, LOCAL: NATIONAL}.get(ident, "")),
        "two_parts": one.form in ("ratio", "mean"),
    }  # fmt: skip


def _sort(text: str) -> tuple[str, bool]:
    """Which column, and whether the largest comes first; a name that means nothing is the rank."""
    name = text.removeprefix("-")
    return (name, text.startswith("-")) if name in SORTS else ("rank", False)


def ranking(board: Board, one: Indicator) -> dict[str, list[Line]]:
    """The units of each level, the best first; equal values share a place. Who has no value, or one of a few, has no
    place: four of four would stand before 99 of a hundred."""
    period = board.asked.period
    units = {level: board.of_level(level) for level in LEVELS}
    codes = [unit.code for level in LEVELS for unit in units[level]]
    found = board.figures([one.id], codes, [period]) if codes else {}
    return {level: _ranked(one, units[level], [found[one.id, unit.code, period] for unit in units[level]])
            for level in LEVELS}  # fmt: skip


def _ranked(one: Indicator, units: Sequence[Unit], figures: Sequence[Figure]) -> list[Line]:
    lines: list[Line] = [
        {"code": unit.code, "name": unit.name, "figure": figure, "rank": None}
        for unit, figure in zip(units, figures, strict=True)
    ]
    up = one.better != "down"
    known = [line["figure"].value for line in lines if line["figure"].value is not None and not line["figure"].few]
    for line in lines:
        value = line["figure"].value
        if value is not None and not line["figure"].few:
            line["rank"] = 1 + sum(other > value if up else other < value for other in known)
    return sorted(lines, key=lambda line: (line["rank"] or 9999, line["figure"].value is None, by_number(line["code"])))


def _drawn(
    one: Indicator, level: str, lines: list[Line], sort: tuple[str, bool], mean: Figure, language: str
) -> dict[str, Any]:
    """The lines with their bars on one axis, in the order that was asked for."""
    axis = axis_of(one, [line["figure"] for line in lines])
    marks = []
    if mean.value is not None and one.form not in ("count", "sum", "stock"):
        marks.append((float(mean.value), "mean"))
    if one.target is not None and axis.low <= float(one.target) <= axis.high:
        marks.append((float(one.target), "target"))
    for line in lines:
        value = line["figure"].value
        tone = {"green": "good", "yellow": "warn", "short": "warn", "red": "bad"}.get(line["figure"].standing, "")
        line["bar"] = charts.bar(None if value is None else float(value), axis, tone=tone, marks=marks)
    name, down = sort
    if name == "name":
        lines.sort(key=lambda line: by_number(line["code"]), reverse=down)
    elif name != "rank":
        own = {"value": "value", "numerator": "numerator", "denominator": "denominator"}[name]
        lines.sort(key=lambda line: _size(getattr(line["figure"], own), down))
    elif down:
        lines.sort(key=lambda line: -(line["rank"] or 0))
    return {
        "level": level, "lines": lines, "marks": [name for _, name in marks], "mean": mean,
        "axis": charts.bar_axis(axis, lambda value: on_axis(one, value, language)),
        "few": any(line["figure"].few for line in lines),
        "beyond": any(
            line["figure"].value is not None and axis.beyond(float(line["figure"].value)) for line in lines
        ),
    }  # fmt: skip


def _size(value: Decimal | None, down: bool) -> tuple[bool, Decimal]:
    """Who has no figure stands last, whichever way."""
    return value is None, Decimal(0) if value is None else -value if down else value


def _chart(board: Board, one: Indicator, inside: bool, language: str, unit: Unit | None = None) -> dict[str, Any]:
    """One line over time; of a unit with the line of its level."""
    own = unit.code if unit else board.agency
    other = board.sum_of(own) if unit else ""
    if other == own:
        other = ""
    periods = board.trend(inside)
    heading = periods_told(board.asked.period, language, inside)
    heading += "" if percent(one) else f" ({one.unit})"
    ident = "ngay" if inside else "ky"
    if not periods:
        return {"id": ident, "title": heading, "drawing": "", "figures": [], "rows": []}
    found = board.figures([one.id], [own, *([other] if other else [])], periods)
    figures = [found[one.id, own, period] for period in periods]
    compared = [found[one.id, other, period] for period in periods] if other else []
    series = [charts.Series(board.name(own, language), points(figures, language))]
    if compared and one.form in ("ratio", "mean", "percentile"):
        series.append(charts.Series(board.name(other, language), points(compared, language), "other"))
    near = percent(one)
    drawing = charts.line(
        f"ve-{ident}", f"{one.name}, {heading.lower()}", told(figures, language), series,
        lambda value: on_axis(one, value, language), lambda value: brief(one, value, language),
        target=target_of(figures[-1], language),
        zero=not near, top=1.0 if near else None, bridge=2 if periods[0].kind == "day" else 0,
    )  # fmt: skip
    return {
        "id": ident, "title": heading, "drawing": drawing, "figures": figures,
        "rows": list(zip(figures, compared or figures, strict=True)),
    }  # fmt: skip


def place(look: Look, ident: str, code: str, query: Mapping[str, str], language: str) -> dict[str, Any]:
    """One unit's indicator beside its level's."""
    board = Board(look, query)
    one, unit = board.indicator(ident), board.unit(code)
    period = board.asked.period
    other = board.sum_of(code)
    found = board.figures([ident], [code, other, board.agency], [period])
    codes = dict.fromkeys([code, other, board.agency])
    return {
        **board.view(),
        "indicator": one,
        "unit": code,
        "name": board.name(code, language),
        "real": unit.level in LEVELS,
        "compared": board.name(other, language) if other != code else "",
        "tiles": [(board.name(each, language), found[ident, each, period]) for each in codes],
        "charts": [_chart(board, one, inside, language, unit) for inside in (True, False)],
        "drill": _drill(board, one, code, query),
        "pair": ident in (NATIONAL, LOCAL),
        "agency": board.agency,
        "units": board.units,
    }


def _within(one: Indicator) -> bool:
    """Whether the numerator counts dossiers of the denominator, so that there is a rest."""
    odd = ("_minutes", "_amount", "_baseline")
    return one.form == "ratio" and not any(
        name.startswith("-") or name.endswith(odd) for name in (*one.numerator, *one.denominator)
    )


def _drill(board: Board, one: Indicator, unit: str, query: Mapping[str, str]) -> dict[str, Any] | None:
    """One leaf of the dossiers that a part of the figure counts; None where it counts no dossiers at all."""
    names = ("numerator",) if not one.denominator else ("rest", "numerator") if _within(one) else ("denominator",)
    part, leaf = query.get("part") or names[0], leaf_of(query)
    if part not in names:
        raise NotAsked("Không có phần này của chỉ số.", "The indicator has no such part.")
    period = board.asked.period
    # How many there are in all the figure says itself; counting them here would read them all.
    rows = board.kept("behind", one.id, unit, part, leaf, make=lambda: reading.behind(
        board.look.session, one.id, unit, period.kind, period.start, part, LEAF + 1, leaf * LEAF, board.asked.as_of,
        home=board.look.home, counted=False,
    ).rows)  # fmt: skip
    if not rows and one.base not in ("received", "resolved", "pending"):
        return None
    return {"parts": names, "part": part, "leaf": leaf, "rows": rows[:LEAF], "more": len(rows) > LEAF}
