"""Reconciliation: whether any receiver holds something else than we do, dataset by dataset and key by key.

What a receiver cannot list is known by its receipts alone. That is never shown as agreement: a receipt proves what was
once taken and not what is held today.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import Response

from lienthong.console import acts
from lienthong.console.acting import Sealed, Who, forms, needs, see
from lienthong.console.answer import desk_of, page
from lienthong.console.desk import Desk
from lienthong.console.endpoints import known
from lienthong.console.pages import LARGEST, NotDone, View, title_of, typed
from lienthong.console.queries import Look, Row
from lienthong.console.words import TEXTS
from lienthong.endpoints import ENDPOINTS
from lienthong.reconcile import differences
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
SHOWN = 100
LONGEST_KEY = 200
MOST_PARTS = 500
COMING = 12
"""Parts of the coming slice that are named."""
SENDABLE = ("missing", "different")
COUNTED = ("unaccounted", "orphans", "open_missing", "open_different", "open_extra")
routes = APIRouter()


@routes.api_route("/reconciliation", methods=READ)
def every(request: Request) -> Response:
    """All receivers and datasets, the other holders, and the way to the figures that the portal publishes."""
    desk = desk_of(request)
    with desk.look() as look:
        view = overview(look, desk)
    return page(request, "reconciliation.html.j2", view)


@routes.api_route("/reconciliation/{endpoint}", methods=READ)
def single(request: Request, person: Who, endpoint: str) -> Response:
    """One receiver: its datasets, the keys that differ, and how far the look has come."""
    known(endpoint)
    desk = desk_of(request)
    with desk.look() as look:
        view = one(look, desk, endpoint, request.query_params)
    return page(request, "reconciliation_one.html.j2", {**view, **forms(request, person, f"publish.{endpoint}")})


@routes.api_route("/reconciliation/{endpoint}/resend", methods=["POST"], dependencies=[needs("publish.{endpoint}")])
def resend(request: Request, person: Who, form: Sealed, endpoint: str, later: BackgroundTasks) -> Response:
    """Have records that the receiver lacks or holds otherwise leave once more."""
    known(endpoint)
    desk = desk_of(request)
    dataset, kind, keys = form.get("dataset"), form.get("kind"), form.all("key")
    if kind not in SENDABLE:
        raise NotDone(
            "Loại sai lệch này cần người xem; không gửi lại được.", "A difference of this kind needs a person."
        )
    with desk.act() as look:
        count = differences.send_again(look.session, look.home, endpoint, dataset=dataset, kind=kind, keys=keys)
        if not count:
            raise NotDone("Không còn bản ghi nào như vậy để gửi lại.", "No such record is left to be sent again.")
        acts.note(look.session, "resend", person.name, dataset=dataset, place=endpoint, count=count,
                  subject=", ".join(keys)[:500], reason=f"đối soát: {TEXTS['difference'][kind][0]}")  # fmt: skip
    later.add_task(desk.wake, f"publish.{endpoint}")
    answer = see(request, "reconciliation", endpoint, done=str(count))
    answer.background = later
    return answer


def overview(look: Look, desk: Desk) -> View:
    """Every receiver with its datasets, and what the other holders of our records hold."""
    standing = _standing(look, desk)
    sides = _sides(look)
    return {
        "now": look.now, "agency": desk.settings.agency, "sides": sides,
        "endpoints": [{"endpoint": name, "lines": standing.get(name, [])} for name in sorted(ENDPOINTS)],
        "otherwise": sum(line["otherwise"] for lines in standing.values() for line in lines),
        "sides_otherwise": sum(side["otherwise"] for side in sides),
        "receipts_only": sum(line["state"] == "receipts" for lines in standing.values() for line in lines),
        "unseen": sum(line["state"] in ("never", "partly") for lines in standing.values() for line in lines),
    }  # fmt: skip


def one(look: Look, desk: Desk, endpoint: str, query: Mapping[str, str]) -> View:
    """One receiver."""
    lines = _standing(look, desk).get(endpoint, [])
    datasets = {line["dataset"] for line in lines}
    asked = {
        "dataset": query.get("dataset", "") if query.get("dataset") in datasets else "",
        "kind": query.get("kind", "") if query.get("kind") in TEXTS["difference"] else "",
        "closed": "1" if query.get("closed") == "1" else "",
    }
    text = query.get("after", "")
    after = min(int(text), LARGEST) if re.fullmatch("[0-9]{1,18}", text) else 0
    rows = differences.listed(
        look.session, look.home, endpoint, asked["dataset"], asked["kind"], closed=bool(asked["closed"]), after=after,
        most=SHOWN + 1,
    )  # fmt: skip
    parts = differences.parts(look.session, look.home, endpoint, most=MOST_PARTS)
    shown = [
        {**row, "title": title_of(look, row["dataset"]), "columns": _titles(look, row),
         # a form holds no key that cannot be seen whole
         "sendable": row["sendable"] and typed(row["record_key"], LONGEST_KEY) == row["record_key"]}
        for row in rows[:SHOWN]
    ]  # fmt: skip
    return {
        "now": look.now, "endpoint": endpoint, "lines": lines, "asked": asked, "rows": shown,
        "further": str(rows[SHOWN - 1]["difference_id"]) if len(rows) > SHOWN else "", "after": after,
        "refused": [part for part in parts if part["state"] == "refused"],
        "coming": [part for part in parts if part["state"] == "planned"][:COMING],
        "looked": [part for part in parts if part["state"] == "looked"][:COMING],
        "titles": {name: contract.title for name, contract in look.contracts.items()},
        "names": look.unit_names(), "kinds": list(TEXTS["difference"]), "sendable": SENDABLE,
        "done": query.get("done", ""),
    }  # fmt: skip


def _titles(look: Look, row: Row) -> list[str]:
    """The fields that differ as the contract calls them; the receiver's own name where it has none."""
    contract = look.contracts.get(row["dataset"])
    titles = {column.name: column.title for column in contract.columns} if contract else {}
    return [titles.get(name, name) for name in row["fields"]]


def _standing(look: Look, desk: Desk) -> dict[str, list[View]]:
    """By receiver a line for each dataset that is bound to it; one that was never looked at has no counts.

    ``round`` is in how many daily looks everything has its turn, ``left`` how many are still to come."""
    found = {(row["endpoint"], row["dataset"]): row for row in differences.standing(look.session, look.home)}
    bound = {(name, c.dataset) for c in look.contracts.values() for name in c.endpoints}
    lines: dict[str, list[View]] = {}
    for endpoint, dataset in sorted(bound | found.keys()):
        row = found.get((endpoint, dataset))
        otherwise = sum(row[name] for name in COUNTED) if row else 0
        under_way = row is not None and row["knows"] == "list" and row["whole_since"] is None
        turns = desk.reconciled_within(endpoint) if under_way else 0
        lines.setdefault(endpoint, []).append({
            "dataset": dataset, "title": title_of(look, dataset), "row": row, "otherwise": otherwise,
            "state": _state(row, otherwise), "round": turns, "left": max(1, turns - row["looks"]) if row else turns,
        })  # fmt: skip
    return lines


def _state(row: Row | None, otherwise: int) -> str:
    """The most pressing of what is known; ``equal`` only where the receiver's own list was looked at whole, or where a
    comparison was made and agrees."""
    if row is None:
        return "never"
    if otherwise or (row["knows"] == "comparison" and row["compared_otherwise"]):
        return "otherwise"
    if row["refused_parts"]:
        return "stopped"
    if row["knows"] == "receipts" or (row["knows"] == "comparison" and row["compared_at"] is None):
        return "receipts"
    return "partly" if row["knows"] == "list" and row["whole_since"] is None else "equal"


def _sides(look: Look) -> list[View]:
    """The datasets that another holder holds too, as the newest comparison found them."""
    pairs: list[tuple[str, str]] = [
        (contract.dataset, contract.counterpart.connection)
        for contract in look.contracts.values()
        if contract.counterpart
    ]
    values = {"datasets": [dataset for dataset, _ in pairs], "holders": [holder for _, holder in pairs]}
    rows = look.session.execute(statement(look.home, "console/comparisons"), values)
    return [_side(look, row) for row in rows]


def _side(look: Look, row: dict[str, Any]) -> View:
    otherwise = row["changed"] + row["behind"] + row["missing"] + row["extra"]
    state = "never" if row["compared_at"] is None else "otherwise" if otherwise else "equal"
    return {**row, "title": title_of(look, row["dataset"]), "otherwise": otherwise, "state": state,
            "master": look.contracts[row["dataset"]].master}  # fmt: skip
