"""Days that people ask to be run: what each request has come to, a preview of a new one, and what may be done with it.

A page computes the preview as the queue does, and the queue computes it once more when it is asked: what a person has
confirmed is what runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from fastapi.responses import Response

from lienthong.backfill import queue
from lienthong.backfill.plan import LONGEST, Preview, preview
from lienthong.backfill.plan import Request as Asked
from lienthong.backfill.queue import Backfill
from lienthong.batches import LOCAL
from lienthong.console.acting import Form, Sealed, Who, forms, needs, sealed, see
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import Missing, NotDone, by_number, typed
from lienthong.console.queries import Look
from lienthong.errors import NeedsPerson

READ = ["GET", "HEAD"]
DAG = "backfills"
MOST = 50
"""Backfills that have ended, the newest of them."""
MOST_FAILED = 200
TURNS = {"pause": queue.pause, "resume": queue.resume, "cancel": queue.cancel}
ACTS = (*TURNS, "release")
routes = APIRouter()


@routes.api_route("/backfills", methods=READ)
def every(request: Request, person: Who) -> Response:
    """What is under way, and what has ended."""
    with desk_of(request).look() as look:
        found = queue.listed(look.session, look.home)
        view = {"now": look.now, "titles": _titles(look), "open": [one for one in found if one.ended_at is None],
                "ended": [one for one in found if one.ended_at is not None][:MOST]}  # fmt: skip
    return page(request, "backfills.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/backfills/new", methods=READ)
def new(request: Request, person: Who) -> Response:
    """The form; with days filled in, what would run and what it takes."""
    given = Form({name: request.query_params.getlist(name) for name in request.query_params})
    with desk_of(request).look() as look:
        view = _new(look, given)
    return page(request, "backfill_new.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/backfills", methods=["POST"], dependencies=[needs(DAG)])
def ask(request: Request, person: Who, form: Sealed, later: BackgroundTasks) -> Response:
    """Put into the queue what a preview has shown, if it is still the same."""
    desk = desk_of(request)
    with desk.act() as look:
        wanted = _asked(look, form)
        found = _preview(look, wanted)
        if str(found.windows) != form.get("windows"):
            raise NotDone(
                "Từ lúc xem trước đến nay đã có thay đổi; hãy xem trước lại rồi xác nhận.",
                "Something has changed since the preview; look at it again, then confirm.",
            )
        person.must(*(f"ingest.{part.dataset}" for part in found.parts))
        try:
            number = queue.ask(look.session, look.home, found, person.name)
        except NeedsPerson as error:
            raise NotDone("Chưa xếp hàng được: có ngày đã nằm trong một yêu cầu khác hoặc không còn gì để chạy.",
                          "Not put into the queue: a day is in another request already, or nothing is left to run.",
                          str(error)) from None  # fmt: skip
    later.add_task(desk.wake, DAG)
    answer = see(request, "backfills", number, done="asked")
    answer.background = later
    return answer


@routes.api_route("/backfills/{number:int}", methods=READ)
def single(request: Request, person: Who, number: int) -> Response:
    """One of them with its parts, the days that failed, and what people did to it."""
    with desk_of(request).look() as look:
        found = _one(look, number)
        acts = list(
            look.session.execute(
                "SELECT act, by, at FROM ops.backfill_acts WHERE backfill_id = %s ORDER BY act_id", [number]
            )
        )
        view = {"now": look.now, "titles": _titles(look), "one": found, "acts": acts,
                "last_only": _last_only(look, found.datasets, found.first, found.last),
                "failed": found.failed[:MOST_FAILED], "done": request.query_params.get("done", ""),
                "names": look.unit_names()}  # fmt: skip
    rights = (DAG, *(f"ingest.{name}" for name in found.datasets))
    return page(request, "backfill.html.j2", {**view, **forms(request, person, *rights)})


@routes.api_route("/backfills/{number:int}/{act}", methods=["POST"], dependencies=[needs(DAG), Depends(sealed)])
def turn(request: Request, person: Who, number: int, act: str, later: BackgroundTasks) -> Response:
    """Pause it, let it go on, end it, or let leave what it holds back."""
    if act not in ACTS:
        raise Missing("Không có thao tác này.", "There is no such action.")
    desk = desk_of(request)
    with desk.act() as look:
        found = _one(look, number)
        person.must(*(f"ingest.{name}" for name in found.datasets))
        try:
            if act == "release":
                queue.release(look.session, look.home, number, person.name)
            else:
                TURNS[act](look.session, number, person.name)
        except NeedsPerson as error:
            raise NotDone("Yêu cầu này đang ở trạng thái không cho thao tác đó.",
                          "The request is in a state that does not allow this.", str(error)) from None  # fmt: skip
    for dag in sorted(_publishers(look, found)) if act == "release" else [DAG]:
        later.add_task(desk.wake, dag)
    answer = see(request, "backfills", number, done=act)
    answer.background = later
    return answer


def _publishers(look: Look, found: Backfill) -> set[str]:
    contracts = [look.contracts[name] for name in found.datasets if name in look.contracts]
    return {f"publish.{endpoint}" for contract in contracts for endpoint in contract.endpoints}


def _one(look: Look, number: int) -> Backfill:
    found = [one for one in queue.listed(look.session, look.home) if one.backfill_id == number]
    if not found:
        raise Missing(f"Không có yêu cầu chạy lại số {number}.", f"There is no backfill {number}.")
    return found[0]


def _last_only(look: Look, datasets: Iterable[str], first: date, last: date) -> dict[str, date]:
    """Of several days' datasets those of which only the last day is read, because a source gives what is there now."""
    lists = (name for name in datasets if name in look.contracts and look.contracts[name].mode == "snapshot")
    return dict.fromkeys(lists, last) if first != last else {}


def _titles(look: Look) -> dict[str, str]:
    return {name: contract.title for name, contract in look.contracts.items()}


def _new(look: Look, given: Form) -> dict[str, Any]:
    """The form as it was filled in, and the preview of a whole one; what is wrong with it is said beside it."""
    view: dict[str, Any] = {
        "now": look.now,
        "datasets": sorted(
            look.contracts.values(), key=lambda contract: (not contract.source.for_each, contract.title)
        ),
        "units": sorted(look.unit_names().items(), key=lambda item: by_number(item[0])),
        "titles": _titles(look),
        "given": {name: typed(given.get(name), 10) for name in ("first", "last", "reprocess", "newest", "hold")},
        "chosen": given.all("dataset"),
        "only": given.all("unit"),
        "preview": None,
        "last_only": {},
        "wrong": None,
        "yesterday": (look.now.astimezone(LOCAL) - timedelta(days=1)).date(),
    }
    if not given.values.keys() & {"first", "last"}:  # a link to the form may have chosen a dataset or a unit
        return view
    try:
        found = _preview(look, _asked(look, given))
        every = [cost.dataset for cost in found.costs]
        last_only = _last_only(look, every, found.request.first, found.request.last)
        view |= {"preview": found, "last_only": last_only}
    except NotDone as error:
        view["wrong"] = error
    return view


def _asked(look: Look, given: Form) -> Asked:
    """What a form asks for."""
    datasets = given.all("dataset")
    unknown = [name for name in datasets if name not in look.contracts]
    if not datasets or unknown:
        raise NotDone("Hãy chọn ít nhất một bộ dữ liệu có trong danh sách.", "Choose at least one dataset of the list.")
    first, last = _day(given.get("first")), _day(given.get("last"))
    if not 0 <= (last - first).days < LONGEST:
        raise NotDone(f"Ngày cuối phải từ ngày đầu trở đi, cách nhau dưới {LONGEST} ngày.",
                      f"The last day is the first or a later one, less than {LONGEST} days away.")  # fmt: skip
    units = given.all("unit")
    if units and [name for name in datasets if not look.contracts[name].source.for_each]:
        raise NotDone(
            "Chỉ chọn riêng đơn vị cho bộ dữ liệu mà mỗi đơn vị là một nguồn; bộ dữ liệu còn lại chỉ có một nguồn.",
            "Single units can be chosen for datasets of which each unit is a source; the others have one source.",
        )
    return Asked(
        tuple(datasets), first, last, tuple(units),
        reprocess=given.get("reprocess") == "1", newest_first=given.get("newest") == "1", held=given.get("hold") == "1",
    )  # fmt: skip


def _preview(look: Look, asked: Asked) -> Preview:
    try:
        return preview(look.session, look.home, look.contracts, asked)
    except NeedsPerson as error:
        raise NotDone("Yêu cầu này không thể chạy đến cùng nên không được nhận.",
                      "This request could not end well, so it is not taken.", str(error)) from None  # fmt: skip


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotDone("Hãy ghi ngày đầu và ngày cuối.", "Give the first and the last day.") from None
