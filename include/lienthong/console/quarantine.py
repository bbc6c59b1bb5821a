"""Held rows: which, why, since when; and their way back, opened here and walked by Airflow.

Of a row only columns that are not personal are read. A waiver or a new judgement is asked for in one short
transaction: a run of the kind ``redrive`` then stands open in the ledger, and whoever next works through the dataset's
redrives ends it, as after a crash.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import Response

from lienthong.alerts.telling import PSEUDO_RULES, UNKNOWN_RULE
from lienthong.batches import LOCAL
from lienthong.console import acts
from lienthong.console.acting import Person, Sealed, Who, forms, needs, see
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import LARGEST, Missing, NotDone, by_number, page_number, typed
from lienthong.console.queries import Look
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.warehouse import held, waivers
from lienthong.warehouse.quarantine import BLOCKED, Selection, ask_redrive
from lienthong.warehouse.statements import statement
from lienthong.warehouse.waivers import NEVER

READ = ["GET", "HEAD"]
DAG = "late_sources"
"""Ends open redrives before anything else."""
SHOWN = 50
LONGEST_KEY = 200
routes = APIRouter()


@routes.api_route("/quarantine", methods=READ)
def every(request: Request, person: Who) -> Response:
    """Held rows by what is asked for."""
    with desk_of(request).look() as look:
        view = _list(look, request)
    return page(request, "quarantine.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/quarantine/{number:int}", methods=READ)
def single(request: Request, person: Who, number: int) -> Response:
    """One held row: the rules in words, what may be shown of it, every step, and what can be done."""
    with desk_of(request).look() as look:
        view = row_view(look, number)
    view |= {"done": request.query_params.get("done", ""), "received": []}
    return page(request, "held.html.j2", {**view, **offered(request, person, view["contract"])})


def offered(request: Request, person: Person, contract: Contract) -> dict[str, Any]:
    """What the page of a held row may offer this person."""
    given = forms(request, person, DAG, f"ingest.{contract.dataset}")
    return {**given, "may_see_persons": given["may"] and person.may_see_persons()}


@routes.api_route("/quarantine/{number:int}/redrive", methods=["POST"], dependencies=[needs(DAG)])
def again(request: Request, person: Who, form: Sealed, number: int, later: BackgroundTasks) -> Response:
    """Have one row judged again by the present rules."""
    desk = desk_of(request)
    with desk.act() as look:
        row, contract = found(look, number)
        person.must(f"ingest.{contract.dataset}")
        _redrive(look, contract, person.name, form.get("reason"), (), (row["source"],), (row["record_key"],))
    return _later(see(request, "quarantine", number, done="redrive"), later, desk.wake)


@routes.api_route("/quarantine/{number:int}/waive", methods=["POST"], dependencies=[needs(DAG)])
def waive(request: Request, person: Who, form: Sealed, number: int, later: BackgroundTasks) -> Response:
    """Let one record pass until a day although it breaks the named rules."""
    desk = desk_of(request)
    until = _until(form.get("until"))
    with desk.act() as look:
        row, contract = found(look, number)
        person.must(f"ingest.{contract.dataset}")
        try:
            waiver = waivers.grant(
                look.session, contract, source=row["source"], record_key=row["record_key"], rules=form.all("rule"),
                reason=form.get("reason"), by=person.name, until=until,
            )  # fmt: skip
            selection = Selection(
                (), (row["source"],), (row["record_key"],), by=person.name, reason=f"waiver {waiver.waiver_id}"
            )
            ask_redrive(look.session, look.home, contract, selection)
        except NeedsPerson as error:
            raise _not_done(error) from None
    return _later(see(request, "quarantine", number, done="waive"), later, desk.wake)


@routes.api_route("/quarantine/redrive", methods=["POST"], dependencies=[needs(DAG)])
def all_again(request: Request, person: Who, form: Sealed, later: BackgroundTasks) -> Response:
    """Have the held rows of a dataset judged again, or those of one source or one rule."""
    desk = desk_of(request)
    with desk.act() as look:
        contract = look.contracts.get(form.get("dataset"))
        if contract is None:
            raise NotDone("Hãy chọn một bộ dữ liệu.", "Choose a dataset.")
        person.must(f"ingest.{contract.dataset}")
        _redrive(look, contract, person.name, form.get("reason"), form.all("rule"), form.all("unit"), ())
    query = {name: form.get(name) for name in ("dataset", "unit", "rule")}
    return _later(see(request, "quarantine", done="redrive", **query), later, desk.wake)


def _later(answer: Response, later: BackgroundTasks, wake: Any) -> Response:
    later.add_task(wake, DAG)
    answer.background = later
    return answer


def _redrive(look: Look, contract: Contract, by: str, reason: str, rules: Any, sources: Any, keys: Any) -> None:
    selection = Selection(tuple(rules), tuple(sources), tuple(keys), by=by, reason=reason[:500])
    try:
        windows = ask_redrive(look.session, look.home, contract, selection)
    except NeedsPerson as error:
        raise _not_done(error) from None
    if not windows:
        raise NotDone("Không có bản ghi nào đang giữ như vậy.", "No such row is held.")
    acts.note(
        look.session, "redrive", by, dataset=contract.dataset, place=", ".join(sources), count=windows,
        subject=", ".join([*keys, *rules]), reason=reason[:500],
    )  # fmt: skip


def _not_done(error: NeedsPerson) -> NotDone:
    return NotDone("Yêu cầu này không được nhận; lý do ở dưới.", "This was not taken; the reason is below.", str(error))


def _until(text: str) -> datetime:
    """The end of a day; the day itself is included."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), LOCAL)
    except (ValueError, OverflowError):
        raise NotDone("Hãy ghi ngày cuối cùng được cho qua.", "Give the last day of the waiver.") from None


def _shown(look: Look) -> str:
    """By dataset the columns whose values a page may show."""
    return json.dumps(
        {name: [c.name for c in contract.columns if not c.personal] for name, contract in look.contracts.items()}
    )


def found(look: Look, number: int) -> tuple[dict[str, Any], Contract]:
    """A held row by its number, without a personal value, and its contract."""
    row = None
    if number <= LARGEST:
        values = {"number": number, "shown": _shown(look)}
        row = look.session.execute(statement(look.home, "console/held_row"), values).fetchone()
    contract = look.contracts.get(row["dataset"]) if row else None
    if row is None or contract is None:
        raise Missing(f"Không có bản ghi giữ số {number}.", f"There is no held row {number}.")
    return row, contract


def row_view(look: Look, number: int) -> dict[str, Any]:
    """What the page of a held row shows to everybody."""
    row, contract = found(look, number)
    names = look.unit_names()
    broken = {name: _said(look, contract.dataset, name) for name in row["rules"]}
    about = {column for rule in contract.rules if rule.id in row["rules"] for column in rule.columns}
    never = {rule.id for rule in contract.rejecting if rule.kind in NEVER or rule.severity == "block"} | {BLOCKED}
    known = {rule.id for rule in contract.rejecting}
    waivable = [name for name in row["rules"] if name in known - never and not row["record_key"].startswith("row:")]
    return {
        "now": look.now, "number": number, "row": row, "contract": contract, "broken": broken, "waivable": waivable,
        "unit": names.get(row["source"], ""),
        "values": [{"column": column, "value": row["raw"].get(column.name), "length": row["lengths"].get(column.name),
                    "about": column.name in about} for column in contract.columns],
        "steps": held.transitions(look.session, row), "waiting": _waiting(look, contract.dataset),
        "last": (look.now.astimezone(LOCAL) + timedelta(days=30)).date(),
    }  # fmt: skip


def _waiting(look: Look, dataset: str) -> int:
    """Redrives of the dataset that are not ended yet."""
    query = "SELECT count(*) AS n FROM ops.runs WHERE dataset = %s AND kind = 'redrive' AND state = 'open'"
    counted = look.session.execute(query, [dataset]).fetchone() or {"n": 0}
    return int(counted["n"])


def _said(look: Look, dataset: str, name: str) -> str:
    contract = look.contracts.get(dataset)
    rules = {rule.id: rule.sentence for rule in contract.rules} if contract else {}
    return rules.get(name) or PSEUDO_RULES.get(name, UNKNOWN_RULE)


def _list(look: Look, request: Request) -> dict[str, Any]:
    query = request.query_params
    state = query.get("state", "open")
    state = {"all": ""}.get(state, state if state in held.STATES else "open")
    every = look.session.execute(statement(look.home, "console/held_choices"), {"state": state})
    # an address or a form holds no name that cannot be seen whole
    choices = [row for row in every if all(typed(row[n], LONGEST_KEY) == row[n] for n in ("dataset", "source", "rule"))]
    asked = {name: _one_of(query.get(name, ""), {row[column] for row in choices}) for name, column in
             (("dataset", "dataset"), ("unit", "source"), ("rule", "rule"))}  # fmt: skip
    key = typed(query.get("key", ""), LONGEST_KEY)
    at = page_number(query.get("page", "1"))
    values = {"dataset": asked["dataset"], "source": asked["unit"], "rule": asked["rule"], "state": state, "key": key,
              "most": SHOWN, "skip": (at - 1) * SHOWN}  # fmt: skip
    rows = list(look.session.execute(statement(look.home, "console/held"), values))
    names = look.unit_names()
    by_rule: Counter[tuple[str, str]] = Counter()
    for row in choices:
        if asked["dataset"] in ("", row["dataset"]) and asked["unit"] in ("", row["source"]):
            by_rule[row["dataset"], row["rule"]] += row["count"]
    return {
        "now": look.now, "asked": {**asked, "state": state or "all", "key": key}, "at": at, "shown": SHOWN,
        "rows": [{**row, "unit": names.get(row["source"], ""), "title": _title(look, row["dataset"]),
                  "said": [_said(look, row["dataset"], name) for name in row["rules"]]} for row in rows],
        "total": rows[0]["total"] if rows else 0,
        "datasets": sorted({(_title(look, row["dataset"]), row["dataset"]) for row in choices}),
        "units": sorted({(row["source"], names.get(row["source"], "")) for row in choices},
                        key=lambda item: by_number(item[0])),
        "rules": [{"dataset": dataset, "rule": rule, "count": count, "said": _said(look, dataset, rule),
                   "title": _title(look, dataset)} for (dataset, rule), count in by_rule.most_common(12)],
        "every_rule": sorted({(_said(look, row["dataset"], row["rule"]), row["rule"]) for row in choices
                              if asked["dataset"] in ("", row["dataset"])}),
        "waiting": _waiting(look, asked["dataset"]) if asked["dataset"] else 0,
        "held_states": held.STATES, "done": query.get("done", ""),
    }  # fmt: skip


def _one_of(text: str, known: set[str]) -> str:
    return text if text in known else ""


def _title(look: Look, dataset: str) -> str:
    contract = look.contracts.get(dataset)
    return contract.title if contract else dataset
