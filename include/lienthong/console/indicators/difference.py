"""Why the two shares of dossiers on time differ: every dossier of a period, by how each definition counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lienthong.console.indicators.asked import NotAsked
from lienthong.console.indicators.board import LEVELS, Board
from lienthong.console.indicators.overview import LOCAL, NATIONAL
from lienthong.console.indicators.wording import RULES
from lienthong.console.queries import Look
from lienthong.indicators.reasons import REASONS
from lienthong.indicators.reasons import reason as why
from lienthong.warehouse.statements import statement

LEAF = 50
MOST_LEAVES = 100_000


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, and how many dossiers it puts where: on time and late of the national, then of the local count."""

    name: str
    words: tuple[str, str]
    national: tuple[int, int]
    local: tuple[int, int]
    dossiers: int


def difference(look: Look, code: str, query: Mapping[str, str], language: str) -> dict[str, Any]:
    """Both shares of a unit, how one becomes the other, and the dossiers of the reason that was asked for."""
    board = Board(look, {name: value for name, value in query.items() if name != "asof"})
    unit = board.unit(code or board.agency)
    period = board.asked.period
    reason, leaf = query.get("reason", ""), leaf_of(query)
    if reason and reason not in REASONS:
        raise NotAsked("Không có lý do này.", "There is no such reason.")
    first, last = board.counts_of(period)
    values = {
        "units": units_of(board, unit.code), "first": first, "last": last, "stands": last + timedelta(days=1),
    }  # fmt: skip
    judged = statement(look.home, "console/differ", reason=why(look.home))

    def read(name: str, **more: Any) -> list[dict[str, Any]]:
        return list(look.session.execute(statement(look.home, f"console/{name}", judged=judged), {**values, **more}))

    counts = board.kept("differ_counts", unit.code, make=lambda: read("differ_counts"))
    rows = [] if not reason else board.kept(
        "differ_rows", unit.code, reason, leaf,
        make=lambda: read("differ_rows", reason=reason, most=LEAF + 1, skip=leaf * LEAF),
    )  # fmt: skip
    pair = [ident for ident in (NATIONAL, LOCAL) if ident in board.indicators]
    figures = board.figures(pair, [unit.code], [period])
    return {
        **board.view(),
        "unit": unit.code, "name": board.name(unit.code, language), "real": unit.level in LEVELS,
        "agency": board.agency, "rules": RULES,
        "pair": [figures[ident, unit.code, period] for ident in pair],
        "same": [
            _count(counts, "same", "nationally", "on_time"), _count(counts, "same", "nationally", "late"),
        ],
        "reasons": _reasons(counts),
        "totals": [(_count(counts, None, side, "on_time"), _count(counts, None, side, "late"))
                   for side in ("nationally", "locally")],
        "reason": reason, "words": REASONS.get(reason, ("", "")),
        "rows": rows[:LEAF], "leaf": leaf, "more": len(rows) > LEAF, "units": board.units,
    }  # fmt: skip


def units_of(board: Board, code: str) -> list[str]:
    """The units that a unit or a sum of units stands for."""
    if code == board.agency:
        return list(board.units)
    return [code, *(unit.code for unit in board.units.values() if unit.sum == code)]


def leaf_of(query: Mapping[str, str]) -> int:
    """Which leaf of a list is asked for; 0 is the first."""
    text = query.get("leaf", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= MOST_LEAVES):
        raise NotAsked("Số trang không hợp lệ.", "There is no such leaf of the list.")
    return int(text)


def _reasons(counts: Sequence[Mapping[str, Any]]) -> list[Reason]:
    found = {row["reason"] for row in counts}
    return [
        Reason(
            name, words,
            (_count(counts, name, "nationally", "on_time"), _count(counts, name, "nationally", "late")),
            (_count(counts, name, "locally", "on_time"), _count(counts, name, "locally", "late")),
            sum(row["n"] for row in counts if row["reason"] == name),
        )
        for name, words in REASONS.items() if name in found
    ]  # fmt: skip


def _count(counts: Sequence[Mapping[str, Any]], reason: str | None, side: str, how: str) -> int:
    return sum(row["n"] for row in counts if reason in (None, row["reason"]) and row[side] == how)
