"""The first page of the indicators: the province for one period, and its units beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from lienthong.console import charts
from lienthong.console.indicators.asked import Period
from lienthong.console.indicators.board import LEVELS, Board
from lienthong.console.indicators.figures import Figure, limit
from lienthong.console.queries import Look

NATIONAL, LOCAL = "dung_han_quoc_gia", "dung_han_dia_phuong"
"""The two definitions of on time; neither is ever shown without the other."""
CARDS = (
    "ho_so_tiep_nhan", "ho_so_giai_quyet", "ho_so_dang_giai_quyet", "ty_le_qua_han",
    "thoi_gian_trung_binh", "giam_thoi_gian", "ty_le_truc_tuyen", "ty_le_toan_trinh", "ty_le_ket_qua_dien_tu",
    "ty_le_so_hoa", "hai_long_phan_anh", "tien_do_phi_dia_gioi",
)  # fmt: skip
"""What leaders ask for first; the tables below have the rest."""
COLUMNS = (
    NATIONAL, LOCAL, "ty_le_qua_han", "ty_le_truc_tuyen", "ty_le_so_hoa", "giam_thoi_gian", "thoi_gian_trung_binh",
)  # fmt: skip
"""What units are laid beside each other by."""


def overview(look: Look, query: Mapping[str, str], language: str) -> dict[str, Any]:
    """Cards of what has limits, the same unit by unit as a map of colours, and everything in tables."""
    board = Board(look, query)
    period = board.asked.period
    trend = board.trend(inside=False)
    everything = board.figures(list(board.indicators), [board.agency], trend)
    of_province = {ident: everything[ident, board.agency, period] for ident in board.indicators}
    drawn = {
        ident: _trend([everything[ident, board.agency, one] for one in trend], language) for ident in board.indicators
    }
    pair = [ident for ident in (NATIONAL, LOCAL) if ident in board.indicators]
    cards = [ident for ident in CARDS if ident in board.indicators]
    columns = [ident for ident in COLUMNS if ident in board.indicators]
    groups: dict[str, list[Figure]] = {}
    for ident, one in board.indicators.items():
        groups.setdefault(one.group, []).append(of_province[ident])
    return {
        **board.view(),
        "pair": [(of_province[ident], drawn[ident]) for ident in pair],
        "cards": [(of_province[ident], drawn[ident]) for ident in cards],
        "trend": trend,
        "levels": _levels(board, columns),
        "groups": list(groups.items()),
    }


def _trend(figures: Sequence[Figure], language: str) -> Markup:
    known = [figure for figure in figures if figure.value is not None]
    if len(known) < 2:
        return Markup("")
    first, last = known[0], known[-1]
    told = f"{_told(first, language)} → {_told(last, language)}"
    return charts.spark([None if one.value is None else float(one.value) for one in figures], told)


def _told(figure: Figure, language: str) -> str:
    return f"{figure.period.name(language)}: {figure.text(language)}"


def _levels(board: Board, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Units of each level with their main indicators, those with the most that is not met first."""
    period = board.asked.period
    units = {level: board.of_level(level) for level in LEVELS}
    codes = [unit.code for level in LEVELS for unit in units[level]]
    if not codes or not columns:
        return []
    found = board.figures(columns, codes, [period])
    levels = []
    for level in LEVELS:
        lines: list[dict[str, Any]] = [
            {"code": unit.code, "name": unit.name, "figures": [found[ident, unit.code, period] for ident in columns]}
            for unit in units[level]
        ]
        lines.sort(key=_worst_first)
        if lines:
            levels.append({
                "level": level, "lines": lines, "indicators": [board.indicators[ident] for ident in columns],
                "few": any(figure.few for line in lines for figure in line["figures"]),
            })  # fmt: skip
    return levels


def _worst_first(line: Mapping[str, Any]) -> tuple[int, int, int]:
    standings = ["none" if figure.few else figure.standing for figure in line["figures"]]
    return -standings.count("red"), -standings.count("yellow") - standings.count("short"), standings.count("none")


def told(figures: Sequence[Figure], language: str) -> str:
    """A line in one sentence, for those who hear it: where it begins and ends, its lowest and highest."""
    known = [(figure, figure.value) for figure in figures if figure.value is not None]
    if not known:
        return ""
    low, high = min(known, key=lambda item: item[1])[0], max(known, key=lambda item: item[1])[0]
    vi = language == "vi"
    words = ("đầu kỳ", "cuối kỳ", "thấp nhất", "cao nhất") if vi else ("first", "last", "lowest", "highest")
    chosen = (known[0][0], known[-1][0], low, high)
    return "; ".join(f"{word} {_told(figure, language)}" for word, figure in zip(words, chosen, strict=True))


def points(figures: Sequence[Figure], language: str) -> list[charts.Point]:
    """A line's points: what each tells has its parts too."""
    return [
        charts.Point(
            figure.period.short(language),
            f"{_told(figure, language)}" + (f" ({parts})" if (parts := figure.parts(language)) else ""),
            None if figure.value is None else float(figure.value),
        )
        for figure in figures
    ]


def target_of(figure: Figure, language: str) -> tuple[float, str] | None:
    """The target as a line of a chart, with its words; where there is none, the limit from which on it is good."""
    one, vi = figure.indicator, language == "vi"
    if one.target is not None:
        return float(one.target), f"{'Mục tiêu' if vi else 'Target'} {limit(one, one.target, language)}"
    if one.limits is not None:
        return float(one.limits[0]), f"{'Ngưỡng đạt' if vi else 'Good from'} {limit(one, one.limits[0], language)}"
    return None


def periods_told(period: Period, language: str, inside: bool) -> str:
    """What a chart shows, as its heading."""
    vi = language == "vi"
    if inside:
        steps = ("Theo tháng", "Month by month") if period.kind == "year" else ("Theo ngày", "Day by day")
        return f"{steps[0 if vi else 1]}, {period.name(language)}"
    return {
        "day": ("Những ngày gần đây", "The days before"), "month": ("Các tháng gần đây", "The months before"),
        "quarter": ("Các quý gần đây", "The quarters before"), "year": ("Các năm gần đây", "The years before"),
    }[period.kind][0 if vi else 1]  # fmt: skip
