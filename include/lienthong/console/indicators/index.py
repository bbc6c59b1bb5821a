"""The index of Decision 766 as the province computes it for itself, beside what the portal published."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lienthong.console import charts
from lienthong.console.indicators.asked import NotAsked
from lienthong.console.indicators.board import LEVELS, Board
from lienthong.console.indicators.figures import FEW
from lienthong.console.pages import by_number
from lienthong.console.queries import Look
from lienthong.errors import NeedsPerson
from lienthong.indicators.index766 import comparing, forecasting, warehouse
from lienthong.indicators.index766.forecasting import Forecast
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.warehouse import OfUnit
from lienthong.settings import Settings


def overview(look: Look, settings: Settings, query: Mapping[str, str]) -> dict[str, Any]:
    """The province's six groups, and the units by their points."""
    board = Board(look, query)
    period = _period(board)
    found = _index(board, settings, period)
    own = next((one for one in found if one.unit == board.agency), None)
    levels = {level: _ranked([one for one in found if one.level == level]) for level in LEVELS}
    return {
        **board.view(), "agency": board.agency, "groups": _groups(own) if own else [], "one": own,
        "levels": [{"level": level, "lines": lines} for level, lines in levels.items() if lines],
    }  # fmt: skip


def place(look: Look, settings: Settings, code: str, query: Mapping[str, str], language: str) -> dict[str, Any]:
    """One unit: every part of its index, and why the portal's figure is another one. What was sent has no history, so
    the reasons are those of today, and none are given for an earlier day of knowledge."""
    board = Board(look, query)
    unit = board.unit(code)
    period = _period(board)
    found = [one for one in _index(board, settings, period) if one.unit == code]
    today = bool(found) and board.asked.asof is None
    differences = board.kept("compare", code, make=lambda: comparing.compare(
        look.session, period, settings=settings, units=[code])) if today and found[0].published else []  # fmt: skip
    running = today and found[0].stands < period.last
    ahead = board.kept("forecast", code, make=lambda: _ahead(look, period, settings, code)) if running else None
    return {
        **board.view(), "ahead": ahead, "unit": code, "name": board.name(code, language), "real": unit.level in LEVELS,
        "one": found[0] if found else None, "groups": _groups(found[0]) if found else [],
        "differences": [one for one in differences if one.code in {part.part.code for part in found[0].scored.parts}],
    }  # fmt: skip


def _index(board: Board, settings: Settings, period: Period) -> list[OfUnit]:
    """The index of all units: one of them alone costs the province's page the same, and the others nothing then."""
    return board.kept("index", make=lambda: warehouse.of_warehouse(
        board.look.session, period, board.asked.as_of, settings=settings))  # fmt: skip


def _ahead(look: Look, period: Period, settings: Settings, unit: str) -> Forecast | None:
    """The forecast; None for a unit without a past to replay."""
    try:
        return forecasting.forecast(look.session, period, settings=settings, unit=unit)
    except NeedsPerson:
        return None


def _period(board: Board) -> Period:
    if board.asked.period.kind == "day":
        raise NotAsked("Chỉ số 766 tính theo tháng, quý hoặc năm.", "The index is of a month, a quarter or a year.")
    if board.asked.period.start > board.horizon:
        raise NotAsked("Kỳ này chưa có số liệu.", "There are no figures of this period yet.")
    return Period.parse(board.asked.period.code)


def _groups(one: OfUnit) -> list[dict[str, Any]]:
    """The groups with their parts, a bar of their points of the most there can be, and the published points."""
    lines = []
    for group in one.scored.groups:
        most = group.group.max
        published = one.published.get(group.group.code)
        marks = _marks(published.score if published else None)
        axis = charts.Scale(0.0, float(most), float(most))
        lines.append({
            "group": group, "max": most, "published": published,
            "bar": charts.bar(float(group.score), axis, marks=marks, track=True),
            "parts": [
                {"part": part, "published": one.published.get(part.part.code)}
                for part in one.scored.parts if part.part.group == group.group.code
            ],
        })  # fmt: skip
    return lines


def _marks(published: Decimal | None) -> list[tuple[float, str]]:
    return [] if published is None else [(float(published), "mean")]


def _ranked(units: list[OfUnit]) -> list[dict[str, Any]]:
    """By the share of the points that the known counters can give; equal shares share a place. Units with a few
    dossiers stand behind the others and have no place: one dossier decides their points."""
    shares = {one.unit: one.scored.score / (one.scored.reachable or 1) for one in units}
    few = {one.unit for one in units if (one.counters["received"] or 0) < FEW}
    many = [share for unit, share in shares.items() if unit not in few]
    return [
        {"one": one, "share": shares[one.unit], "few": one.unit in few,
         "rank": None if one.unit in few else 1 + sum(other > shares[one.unit] for other in many)}
        for one in sorted(units, key=lambda one: (one.unit in few, -shares[one.unit], by_number(one.unit)))
    ]  # fmt: skip
