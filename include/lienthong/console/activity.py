"""Who did what: every ledger of people's acts on one page, newest first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lienthong.console.answer import desk_of, page
from lienthong.console.pages import page_number, typed
from lienthong.console.words import TEXTS
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
SHOWN = 100
routes = APIRouter()


@routes.api_route("/activity", methods=READ)
def every(request: Request) -> Response:
    """Acts of people; the query says whose and which."""
    query = request.query_params
    by = typed(query.get("by", ""), 100)
    act = query.get("act", "") if query.get("act") in TEXTS["act"] else ""
    number = page_number(query.get("page", "1"))
    values = {"by": by, "act": act, "most": SHOWN, "skip": (number - 1) * SHOWN}
    with desk_of(request).look() as look:
        rows = list(look.session.execute(statement(look.home, "console/activity"), values))
        titles = {name: contract.title for name, contract in look.contracts.items()}
        names = look.unit_names()
    view = {"rows": rows, "total": rows[0]["total"] if rows else 0, "titles": titles, "names": names, "now": look.now,
            "asked": {"by": by, "act": act}, "at": number, "shown": SHOWN, "acts": list(TEXTS["act"])}  # fmt: skip
    return page(request, "activity.html.j2", view)
