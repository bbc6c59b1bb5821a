"""Problems: which are open, what each is and who was told of it, and who has pledged to see to it until when.

A pledge is the ledger's own (``alerts.desk``), the same as by command: the problem keeps the last one, and who took it
back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lienthong.alerts import desk as ledger
from lienthong.alerts import words as letter_words
from lienthong.alerts.facts import Problem, held_by_rule
from lienthong.alerts.letter import showable
from lienthong.alerts.telling import PLATFORM_TO_DO, TO_DO, Teller
from lienthong.batches import LOCAL
from lienthong.console.acting import Form, Sealed, Who, forms, needs, see
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import LARGEST, Missing, NotDone, View, by_number, line_of
from lienthong.console.queries import Look, Row
from lienthong.console.words import PROBLEMS
from lienthong.errors import NeedsPerson
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
DAG = "alerts"
"""Writes the letters that a pledge keeps back."""
LONGEST_NOTE = 500
HERE_TO_DO = {
    "rows": "Đơn vị sửa từng bản ghi tại phần mềm của mình theo nội dung dưới đây; danh sách đầy đủ ở tệp kèm theo thư "
    "gửi đơn vị. Bản ghi đã sửa được tự động nhận ở lần đồng bộ sau."
}
"""What letters say of themselves, said of a page."""
_CLASS = re.compile(r" ?\(([A-Za-z_.]*(?:Error|Exception|Timeout|Refused|Closed))\)\.?$")
_ADDRESS = re.compile(r"\S+@\S+")
routes = APIRouter()


@routes.api_route("/problems", methods=READ)
def every(request: Request, person: Who) -> Response:
    """What is wrong; the query says of what kind, where, and whether what is mended counts."""
    with desk_of(request).look() as look:
        view = problems(look, request.query_params)
    return page(request, "problems.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/problems/{number:int}", methods=READ)
def single(request: Request, person: Who, number: int) -> Response:
    """One problem, the letters that tell of it, and who sees to it."""
    with desk_of(request).look() as look:
        view = problem(look, number, request.query_params.get("done", ""))
    return page(request, "problem.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/problems/pledge", methods=["POST"], dependencies=[needs(DAG)])
def pledge(request: Request, person: Who, form: Sealed) -> Response:
    """Promise to see to problems: until the end of a day no letter but the all clear speaks of them."""
    numbers, until, note = _numbers(form), _until(form.get("until")), form.get("note")[:LONGEST_NOTE]
    with desk_of(request).act() as look:
        for number in numbers:
            try:
                ledger.acknowledge(look.session, number, by=person.name, until=until, note=note)
            except NeedsPerson as error:
                raise NotDone(
                    "Chưa ghi nhận được; lý do ở dưới.", "The pledge was not taken; the reason is below.", str(error)
                ) from None
    return _after(request, numbers, "pledged")


@routes.api_route("/problems/unpledge", methods=["POST"], dependencies=[needs(DAG)])
def unpledge(request: Request, person: Who, form: Sealed) -> Response:
    """Take a promise back: letters speak of the problem again from now on."""
    numbers, note = _numbers(form), form.get("note")[:LONGEST_NOTE]
    with desk_of(request).act() as look:
        for number in numbers:
            values = {"problem": number, "by": person.name, "note": note}
            taken = look.session.execute(statement(look.home, "console/unpledge"), values)
            if taken.rowcount != 1:
                raise NotDone(f"Vấn đề {number} không có ai đang nhận.", f"Nobody sees to problem {number} at present.")
    return _after(request, numbers, "unpledged")


def _numbers(form: Form) -> list[int]:
    """The problems that were chosen, each once and in one order, so that two people cannot wait for each other."""
    found = {int(text) for text in form.all("problem") if re.fullmatch("[0-9]{1,18}", text)}
    if not found:
        raise NotDone("Hãy chọn ít nhất một vấn đề.", "Choose at least one problem.")
    return sorted(found)


def _until(text: str) -> datetime:
    """The end of a day; the day itself is included."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), LOCAL)
    except (ValueError, OverflowError):
        raise NotDone("Hãy ghi ngày xử lý xong.", "Give the day until which letters are to wait.") from None


def _after(request: Request, numbers: list[int], done: str) -> Response:
    """The one problem that was meant, else the list of them."""
    return see(request, "problems", numbers[0], done=done) if len(numbers) == 1 else see(request, "problems", done=done)


def pledges(look: Look) -> View:
    """What a form needs to offer a pledge: the day that it proposes, and the last one that is taken."""
    today = look.now.astimezone(LOCAL).date()
    return {"proposed": today + timedelta(days=3), "latest": today + ledger.LONGEST_PLEDGE - timedelta(days=1)}


def problems(look: Look, query: Mapping[str, str]) -> View:
    """The problems that a reader asks for; a filter that means nothing is left out."""
    names = look.unit_names()
    kind = query.get("kind", "") if query.get("kind") in PROBLEMS else ""
    dataset = query.get("dataset", "") if query.get("dataset") in look.contracts else ""
    source = query.get("unit", "") if query.get("unit") in names else ""
    everything = query.get("all") == "1"
    rows, total = look.problems(everything=everything, kind=kind, dataset=dataset, source=source)
    return {
        "now": look.now,
        "problems": [line_of(look, row, names) for row in rows],
        "total": total,
        "asked": {"kind": kind, "dataset": dataset, "unit": source, "all": everything},
        "kinds": list(PROBLEMS),
        "datasets": sorted(look.contracts.values(), key=lambda contract: contract.title),
        "units": sorted(names.items(), key=lambda item: by_number(item[0])),
        "done": query.get("done", ""),
        **pledges(look),
    }


def problem(look: Look, number: int, done: str = "") -> View:
    """One problem as its letters tell it, and the letters themselves."""
    row = look.problem(number) if number <= LARGEST else None
    if row is None:
        raise Missing(f"Không có vấn đề số {number}.", f"There is no problem {number}.")
    names = look.unit_names()
    known = Problem(**{field.name: row[field.name] for field in fields(Problem)})
    told = Teller(look.contracts, names, held_by_rule(look.session, look.home, [known.place])).told(known, "still")
    reason, raised = _without_class(told.reason)
    contract = look.contracts.get(row["dataset"])
    conflicts = look.conflicts(row["dataset"], row["source"]) if row["kind"] == "conflict" else []
    titles = {column.name: column.title for column in contract.columns} if contract else {}
    return {
        "now": look.now,
        "problem": line_of(look, row, names),
        "told": told,
        "reason": reason,
        "raised": raised,
        "happened": letter_words.happened(told) if told.source else "",
        "to_do": PLATFORM_TO_DO if known.of_platform else HERE_TO_DO.get(known.kind, TO_DO.get(known.kind, "")),
        "last_window": _last_window(row),
        "differences": [
            {**item, "titles": [showable(titles.get(column, column)) for column in item["columns"]]}
            for item in conflicts
        ],
        "letters": [{**letter, "reason": plain(letter["reason"])} for letter in look.letters(number)],
        "done": done,
        **pledges(look),
    }


def _last_window(row: Row) -> Any:
    """The last window that it is about; a stale source's is the end of the last good one."""
    last = row["last_window"]
    return last - timedelta(seconds=1) if last is not None and row["kind"] == "stale" else last


def _without_class(reason: str) -> tuple[str, str]:
    """A reason as people read it, and the class of the error that it names at its end for an engineer."""
    found = _CLASS.search(reason)
    return (reason, "") if found is None else (f"{reason[: found.start()]}.", found[1])


def plain(reason: str | None) -> str:
    """A mail server's words without the mailboxes in them."""
    return showable(_ADDRESS.sub("…", reason or ""), 200)
