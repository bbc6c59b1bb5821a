"""Personal values of a held row are shown once, to whoever is named for it, after the look at them was noted.

Airflow knows no right for this, so there are two questions: may this person act on the dataset, as for every action;
and is this person named in ``LIENTHONG_PERSONAL_DATA``. The note stands in the ledger before a value is read: a look
that could not be noted shows nothing, and one that failed after it stays noted.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lienthong.console import acts
from lienthong.console.acting import PERSONAL, Sealed, Who, needs, sees_persons
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import NotDone
from lienthong.console.quarantine import DAG, found, offered, row_view
from lienthong.warehouse.statements import statement

SHORTEST_REASON = 10
LONGEST_REASON = 500
routes = APIRouter()


@routes.api_route(
    "/quarantine/{number:int}/values", methods=["POST"], dependencies=[needs(DAG), sees_persons()], tags=[PERSONAL]
)
def values(request: Request, person: Who, form: Sealed, number: int) -> Response:
    """The row as it was received. Who looked, at which row and why is noted first, in a transaction of its own."""
    desk, reason = desk_of(request), form.get("reason")[:LONGEST_REASON]
    with desk.act() as look:
        row, contract = found(look, number)
        person.must(f"ingest.{contract.dataset}")
        if len(reason) < SHORTEST_REASON:
            raise NotDone(
                f"Hãy ghi lý do xem dữ liệu cá nhân, ít nhất {SHORTEST_REASON} ký tự.",
                f"Give the reason for looking at personal data, at least {SHORTEST_REASON} characters.",
            )
        acts.note(look.session, "looked", person.name, dataset=contract.dataset, place=row["source"],
                  subject=str(number), count=1, reason=reason)  # fmt: skip
    with desk.look() as look:
        view = row_view(look, number)
        given = {item["name"]: item for item in look.session.execute(
            statement(look.home, "console/held_values"), {"number": number})}  # fmt: skip
    titles = {column.name: column.title for column in contract.columns}
    personal = {column.name for column in contract.columns if column.personal}
    about = {item["column"].name for item in view["values"] if item["about"]}
    # what the contract does not name may be personal too
    view["received"] = [
        {"name": name, "title": titles.get(name, ""), "value": inert((given.get(name) or {}).get("value")),
         "personal": name in personal or name not in titles, "about": name in about}
        for name in [*titles, *sorted(given.keys() - titles.keys())]
    ]  # fmt: skip
    view["done"] = ""
    answer = page(request, "held.html.j2", {**view, **offered(request, person, contract)})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def inert(value: Any) -> str:
    """A value as it was received, whole digits and all, without characters that act or cannot be seen."""
    text = unicodedata.normalize("NFC", "" if value is None else str(value))
    return "".join(" " if c.isspace() else "" if unicodedata.category(c).startswith("C") else c for c in text).strip()
