"""The receivers: what waits for each, how each answers, what it refused in its own words, and a record's receipts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import Response

from lienthong.console import acts
from lienthong.console.acting import Sealed, Who, forms, needs, see
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import Missing, NotDone, typed
from lienthong.console.queries import Look
from lienthong.endpoints import ENDPOINTS
from lienthong.publishing import dead
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
MOST_REASONS = 100
MOST_RECEIPTS = 100
LONGEST_KEY = 200
routes = APIRouter()


@routes.api_route("/endpoints", methods=READ)
def every(request: Request) -> Response:
    """All receivers beside each other, and the receipts of a record that is asked for."""
    with desk_of(request).look() as look:
        view = {"now": look.now, "endpoints": _standing(look, sorted(ENDPOINTS)), **_found(look, request)}
    return page(request, "endpoints.html.j2", view)


@routes.api_route("/endpoints/{endpoint}", methods=READ)
def single(request: Request, person: Who, endpoint: str) -> Response:
    """One receiver: what it refused, by its own words."""
    known(endpoint)
    with desk_of(request).look() as look:
        view: dict[str, Any] = {
            "now": look.now,
            "one": _standing(look, [endpoint])[0],
            "refused": dead.listed(look.session, look.home, endpoint, most=MOST_REASONS),
            "titles": {name: contract.title for name, contract in look.contracts.items()},
            "fed_by": [c for c in look.contracts.values() if endpoint in c.endpoints],
            "done": request.query_params.get("done", ""),
        }
    return page(request, "endpoint.html.j2", {**view, **forms(request, person, f"publish.{endpoint}")})


@routes.api_route("/endpoints/{endpoint}/resend", methods=["POST"], dependencies=[needs("publish.{endpoint}")])
def resend(request: Request, person: Who, form: Sealed, endpoint: str, later: BackgroundTasks) -> Response:
    """Let what the receiver refused leave once more."""
    known(endpoint)
    desk = desk_of(request)
    dataset, mark = form.get("dataset"), form.get("mark")
    with desk.act() as look:
        groups = dead.listed(look.session, look.home, endpoint, most=MOST_REASONS)
        why = [group["reason"] for group in groups if (group["dataset"], group["mark"]) == (dataset, mark)]
        count = dead.send_again(look.session, look.home, endpoint, dataset=dataset, mark=mark) if why else 0
        if not count:
            raise NotDone("Không còn bản ghi nào như vậy để gửi lại.", "No such record is left to be sent again.")
        acts.note(look.session, "resend", person.name, dataset=dataset, place=endpoint, count=count, reason=why[0])
    later.add_task(desk.wake, f"publish.{endpoint}")
    answer = see(request, "endpoints", endpoint, done=str(count))
    answer.background = later
    return answer


def known(endpoint: str) -> None:
    """Raise ``Missing`` for a receiver that there is not."""
    if endpoint not in ENDPOINTS:
        raise Missing("Không có nơi nhận này.", "There is no such receiver.")


def _standing(look: Look, names: list[str]) -> list[dict[str, Any]]:
    rows = look.session.execute(statement(look.home, "console/endpoints"), {"endpoints": names})
    return list(rows)


def _found(look: Look, request: Request) -> dict[str, Any]:
    """What receivers said about the record whose key is asked for, and where it waits."""
    key = typed(request.query_params.get("key", ""), LONGEST_KEY)
    if not key:
        return {"key": "", "receipts": [], "waiting": [], "titles": {}}
    pairs = [(endpoint, c.dataset) for c in look.contracts.values() for endpoint in c.endpoints]
    values = {"key": key, "most": MOST_RECEIPTS, "endpoints": [e for e, _ in pairs], "datasets": [d for _, d in pairs]}
    return {
        "key": key,
        "receipts": list(look.session.execute(statement(look.home, "console/receipts"), values)),
        "waiting": list(look.session.execute(statement(look.home, "console/waiting"), values)),
        "titles": {name: contract.title for name, contract in look.contracts.items()},
    }
