"""What became of something over time: a rule window by window, a unit's score day by day, the letters to a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from lienthong.console import charts
from lienthong.console.answer import desk_of, page, visit_of
from lienthong.console.pages import Missing, View
from lienthong.console.problems import plain
from lienthong.console.queries import Look, Row
from lienthong.console.words import day, share, whole
from lienthong.quality.dimensions import DIMENSIONS
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
IN_TABLE, ON_PAGE = 14, 60
"""Windows of a rule's history: beside the rule, and on its own page."""
SCORE_DAYS = 30
MOST_SOURCES = 50
MOST_LETTERS = 10
routes = APIRouter()


@routes.api_route("/datasets/{dataset}/rules/{rule}", methods=READ)
def of_rule(request: Request, dataset: str, rule: str) -> Response:
    """One rule of a dataset: its sentence, how often it was broken window by window, and by whom."""
    with desk_of(request).look() as look:
        view = rule_page(look, dataset, rule, visit_of(request).language)
    return page(request, "rule.html.j2", view)


def rule_page(look: Look, dataset: str, rule: str, language: str) -> View:
    """The history of one rule."""
    contract = look.contracts.get(dataset)
    own = next((one for one in contract.rules if one.id == rule), None) if contract else None
    if contract is None or own is None:
        raise Missing("Không có quy tắc này.", "There is no such rule.")
    rows = _history(look, dataset, ON_PAGE, rule).get(rule, [])
    values = {"runs": [row["run_id"] for row in rows], "rule": rule, "most": MOST_SOURCES}
    names = look.unit_names() if contract.source.for_each else {}
    sources = look.session.execute(statement(look.home, "console/rule_sources"), values) if rows else ()
    return {
        "now": look.now, "contract": contract, "rule": own, "dimension": DIMENSIONS[own.dimension],
        "rows": list(reversed(rows)), "drawing": _drawn(rows, own.sentence, language), "told": _told(rows, language),
        "sources": [{**row, "unit": row["source"] if row["source"] in names else "",
                     "name": names.get(row["source"]) or row["source"]} for row in sources],
        "rejecting": own in contract.rejecting,
    }  # fmt: skip


def of_dataset(look: Look, dataset: str, language: str) -> View:
    """For the page of a dataset: beside each rule its newest windows as a small line, and the same in words."""
    found = _history(look, dataset, IN_TABLE)
    return {"history": {
        rule: {"spark": charts.spark([float(row["failing"]) for row in rows], _told(rows, language)),
               "told": _told(rows, language)}
        for rule, rows in found.items()
    }}  # fmt: skip


def of_unit(look: Look, code: str, language: str) -> View:
    """For the page of a unit: its scores over time, and the newest letters to it."""
    datasets = [contract.dataset for contract in look.contracts.values() if contract.source.for_each]
    values = {"datasets": datasets, "source": code, "days": SCORE_DAYS}
    scores: dict[str, list[Row]] = {}
    for row in look.session.execute(statement(look.home, "console/scores"), values):
        scores.setdefault(row["dataset"], []).append(row)
    letters = look.session.execute(statement(look.home, "console/unit_letters"), {"unit": code, "most": MOST_LETTERS})
    reached = look.session.execute(
        "SELECT count(*) AS n FROM ops.contacts WHERE scope = 'unit' AND unit = %s AND active", [code]
    ).fetchone()
    return {
        "trend": {name: _trend(name, rows, look.contracts[name].title, language) for name, rows in scores.items()},
        "letters": [{**row, "reason": plain(row["reason"])} for row in letters],
        "reached": reached["n"] if reached else 0,
    }


def _history(look: Look, dataset: str, windows: int, rule: str = "") -> dict[str, list[Row]]:
    values = {"dataset": dataset, "windows": windows, "rule": rule}
    found: dict[str, list[Row]] = {}
    for row in look.session.execute(statement(look.home, "console/rule_history"), values):
        found.setdefault(row["rule"], []).append(row)
    return found


def _told(rows: Sequence[Row], language: str) -> str:
    """A rule's windows in a sentence."""
    broken = [row for row in rows if row["failing"]]
    vi = language == "vi"
    if not rows:
        return "chưa xét kỳ nào" if vi else "not judged yet"
    if not broken:
        return f"không vi phạm trong {len(rows)} kỳ" if vi else f"not broken in {len(rows)} windows"
    most = max(broken, key=lambda row: (row["failing"], row["window_start"]))
    count, when = whole(language, most["failing"]), day(language, most["window_start"])
    if vi:
        return f"vi phạm ở {len(broken)}/{len(rows)} kỳ, nhiều nhất {count} ngày {when}"
    return f"broken in {len(broken)} of {len(rows)} windows, most on {when}: {count}"


def _short(when: date | datetime, language: str) -> str:
    """A day on an axis: without its year."""
    return day(language, when)[:-5]


def _drawn(rows: Sequence[Row], sentence: str, language: str) -> Markup:
    points = [
        charts.Point(
            _short(row["window_start"], language),
            f"{day(language, row['window_start'])}: "
            f"{whole(language, row['failing'])} / {whole(language, row['checked'])}",
            float(row["failing"]),
        )
        for row in rows
    ]
    name = "vi phạm" if language == "vi" else "broken"
    return charts.line(
        "quytac", sentence, _told(rows, language), [charts.Series(name, points)],
        lambda value: whole(language, round(value)), lambda value: whole(language, round(value)), zero=True,
    ) if points else Markup("")  # fmt: skip


def _trend(dataset: str, rows: Sequence[Mapping[str, Any]], title: str, language: str) -> Markup:
    """The score of one dataset of a unit; nothing for fewer than two days."""
    points = [
        charts.Point(
            _short(row["day"], language),
            f"{day(language, row['day'])}: {share(language, row['score'])}", float(row["score"]),
        )
        for row in rows
    ]  # fmt: skip
    first, last = rows[0], rows[-1]
    words = f"{day(language, first['day'])}: {share(language, first['score'])}; " \
            f"{day(language, last['day'])}: {share(language, last['score'])}"  # fmt: skip
    name = "điểm" if language == "vi" else "score"
    return charts.line(
        f"diem-{dataset}", title, words, [charts.Series(name, points)],
        lambda value: share(language, value), lambda value: share(language, value), top=1.0,
    )  # fmt: skip
