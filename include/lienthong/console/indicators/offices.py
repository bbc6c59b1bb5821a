"""How the offices of a unit work through their dossiers; of officers only pseudonyms, and no group of a few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lienthong.console.indicators.asked import Period
from lienthong.console.indicators.board import Board
from lienthong.console.queries import Look
from lienthong.indicators import reading


def offices(look: Look, code: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The offices of a unit in one month: they are counted by month, so of a longer period its last one is shown."""
    board = Board(look, query)
    unit = board.unit(code)
    months = [period for period in board.periods if period.kind == "month"]
    asked = board.asked.period
    within = [one for one in months if asked.start <= one.start <= asked.last]
    month = max(within, default=Period("month", asked.start.replace(day=1)))
    officers: dict[str, list[dict[str, Any]]] = {}
    for row in reading.officers(look.session, code, month.start):
        officers.setdefault(row["office"], []).append(row)
    return {
        **board.view(), "unit": code, "name": unit.name, "month": month,
        "offices": [
            {"office": row["office"], "figures": row, "officers": officers.get(row["office"], [])}
            for row in reading.offices(look.session, code, month.start)
        ],
        "months": months,
    }  # fmt: skip
