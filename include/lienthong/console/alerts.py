"""Alerts: what was told to whom, what was not and why, and who could not be told at all; mailboxes are not shown.

A letter that was given up can leave once more, to a reader who is still to be written to and about something that is
still so: its attachment holds rows of a unit, and an address that left the contacts is nobody's any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import Response

from lienthong.alerts.contacts import contacts
from lienthong.alerts.facts import Problem, Reader
from lienthong.alerts.manners import DAILY, Manners
from lienthong.alerts.readers import OWNER, PROVINCE, Directory
from lienthong.console import acts
from lienthong.console.acting import Sealed, Who, forms, needs, see
from lienthong.console.answer import desk_of, page
from lienthong.console.pages import NotDone, View, by_number, line_of, page_number
from lienthong.console.problems import DAG, plain, pledges
from lienthong.console.queries import Look, Row
from lienthong.console.words import TEXTS
from lienthong.settings import TIMEZONE, Settings
from lienthong.warehouse.statements import statement

READ = ["GET", "HEAD"]
SHOWN = 50
MOST_DEAD = 500
MOST_LINES = 12
NAMED = 8
"""Recipients that are named in one line."""
TEAM = "tinh"
"""In the filter by unit: the province's data team."""
routes = APIRouter()


@routes.api_route("/alerts", methods=READ)
def every(request: Request, person: Who) -> Response:
    """What needs a person first, whom nobody can tell, and every letter."""
    desk = desk_of(request)
    with desk.look() as look:
        view = alerts(look, desk.settings, request.query_params)
    return page(request, "alerts.html.j2", {**view, **forms(request, person, DAG)})


@routes.api_route("/alerts/resend", methods=["POST"], dependencies=[needs(DAG)])
def resend(request: Request, person: Who, form: Sealed, later: BackgroundTasks) -> Response:
    """Let letters that were given up leave once more."""
    asked = {int(text) for text in form.all("letter") if re.fullmatch("[0-9]{1,18}", text)}
    desk = desk_of(request)
    with desk.act() as look:
        chosen = [row for row in _dead(look, people(look)) if row["letter_id"] in asked and not row["why_not"]]
        values = {"letters": [row["letter_id"] for row in chosen]}
        sent = sorted(row["letter_id"] for row in look.session.execute(
            statement(look.home, "console/letters_again"), values))  # fmt: skip
        if not sent:
            raise NotDone("Không có thư nào như vậy để gửi lại.", "No such letter can be sent again.")
        acts.note(look.session, "resend", person.name, place=DAG, subject=_listed(sent), count=len(sent),
                  reason=plain(chosen[0]["reason"]))  # fmt: skip
    later.add_task(desk.wake, DAG)
    answer = see(request, "alerts", done=str(len(sent)))
    answer.background = later
    return answer


def alerts(look: Look, settings: Settings, query: Mapping[str, str]) -> View:
    """The page: the pressing first, then the letters that are asked for."""
    names, known, manners = look.unit_names(), people(look), Manners.of(settings)
    rows = list(look.session.execute(statement(look.home, "console/alert_problems")))
    lines = [{**line_of(look, row, names), "why": _why(row, known.directory, manners, look)} for row in rows]
    pledged = [
        line for line in lines if line["acknowledged_at"] and line["acknowledged_until"] > line["acknowledged_at"]
    ]
    untold = [line for line in lines if line["told_at"] is None and line["why"] != "pledged"]
    overdue = [line for line in lines if line["escalated_at"] is not None and line["why"] != "pledged"]
    return {
        "now": look.now, "at_work": manners.at_work(look.now), "opens": manners.opens, "digest_at": manners.digest_at,
        "counts": look.session.execute(statement(look.home, "console/alert_counts")).fetchone(),
        "open": len(lines), "refused": _by_reason(_dead(look, known)),
        "overdue": overdue[:MOST_LINES], "overdue_all": len(overdue),
        "untold": untold[:MOST_LINES], "untold_all": len(untold),
        "pledged": sorted(pledged, key=lambda line: line["acknowledged_until"]),
        "coverage": _coverage(look, known, lines, names), "most": MOST_LINES, "done": query.get("done", ""),
        **pledges(look), **_letters(look, query, names),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    """Whom letters go to today."""

    directory: Directory
    readers: frozenset[Reader]
    units: frozenset[str]


def people(look: Look) -> People:
    """The contacts of this moment and the support of every contract."""
    known = contacts(look.session)
    readers = {Reader(OWNER if c.unit else PROVINCE, c.channel, c.address, c.unit) for c in known}
    readers |= {reader._replace(role=OWNER) for reader in readers}
    readers |= {
        Reader(OWNER, channel.tool, channel.address, "")
        for contract in look.contracts.values() for channel in contract.support if channel.scope == "issues"
    }  # fmt: skip
    units = frozenset(contact.unit for contact in known if contact.unit)
    return People(Directory(known, look.contracts), frozenset(readers), units)


def _given(row: Row) -> bool:
    """Whether somebody has pledged to see to a problem; a pledge that ended when it was given took one back."""
    return row["acknowledged_at"] is not None and row["acknowledged_until"] > row["acknowledged_at"]


def _why(row: Row, directory: Directory, manners: Manners, look: Look) -> str:
    """Why nobody is written to about an open problem just now; ``due`` when the next round does."""
    problem = Problem(**{field.name: row[field.name] for field in fields(Problem)})
    contract = look.contracts.get(problem.dataset)
    owners = directory.owners(problem)
    if not problem.speaks(look.now):
        return "pledged"
    if not owners:
        return "nobody"
    if problem.kind in DAILY:
        return "digest"
    tolerance = contract.down_tolerance if contract and problem.kind == "source_down" else manners.gather
    if not manners.ripe(problem.since, look.now, tolerance):
        return "ripening"
    quiet = not manners.at_work(look.now) and not any(person.any_hour for person in owners)
    return "quiet" if quiet else "due"


def _dead(look: Look, known: People) -> list[Row]:
    """Letters that were given up, each with the reason why it may not leave again, or an empty one."""
    rows = look.session.execute(statement(look.home, "console/letters_dead"), {"most": MOST_DEAD})
    found = []
    for row in rows:
        reader = Reader(row["role"], row["channel"], row.pop("address"), row["unit"])
        why = "" if row["timely"] else "mended"
        found.append({**row, "why_not": why if reader in known.readers else "gone"})
    return found


def _by_reason(rows: Sequence[Row]) -> list[View]:
    """Letters that were given up by the mail server's words, the most first."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(plain(row["reason"]), []).append(row)
    return [
        {"reason": reason, "count": len(own), "newest": max(row["created_at"] for row in own),
         "to": list(dict.fromkeys((row["recipient"], row["unit"]) for row in own))[:NAMED],
         "people": len({(row["recipient"], row["unit"]) for row in own}),
         "again": [row["letter_id"] for row in own if not row["why_not"]],
         "gone": sum(row["why_not"] == "gone" for row in own),
         "mended": sum(row["why_not"] == "mended" for row in own)}
        for reason, own in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]  # fmt: skip


def _coverage(look: Look, known: People, lines: Sequence[Row], names: Mapping[str, str]) -> View:
    """Which units nobody is known of; those with open problems first."""
    units = {
        code for contract in look.contracts.values() if contract.source.for_each for code in look.sources(contract)
    }
    reached = units & known.units
    trouble = {unit: sum(line["unit"] == unit for line in lines) for unit in units - reached}
    missing = sorted(trouble, key=lambda unit: (-trouble[unit], by_number(unit)))
    return {
        "units": len(units),
        "reached": len(reached),
        "team": len(known.directory.province),
        "missing": [{"code": code, "name": names.get(code) or code, "problems": trouble[code]} for code in missing],
    }


def _letters(look: Look, query: Mapping[str, str], names: Mapping[str, str]) -> View:
    unit = query.get("unit", "")
    asked = {
        "unit": unit if unit in names or unit == TEAM else "",
        "state": query.get("state", "") if query.get("state") in TEXTS["letter_state"] else "",
        "kind": query.get("kind", "") if query.get("kind") in TEXTS["letter"] else "",
        "first": _day(query.get("first", "")), "last": _day(query.get("last", "")),
    }  # fmt: skip
    at = page_number(query.get("page", "1"))
    values = {"state": asked["state"], "kind": asked["kind"], "unit": "" if asked["unit"] == TEAM else asked["unit"],
              "role": PROVINCE if asked["unit"] == TEAM else "", "first": asked["first"] or None,
              "last": asked["last"] or None, "timezone": TIMEZONE, "most": SHOWN, "skip": (at - 1) * SHOWN}  # fmt: skip
    rows = list(look.session.execute(statement(look.home, "console/alert_letters"), values))
    return {
        "asked": asked, "at": at, "shown": SHOWN, "total": rows[0]["total"] if rows else 0, "team": TEAM,
        "letters": [{**row, "reason": plain(row["reason"])} for row in rows],
        "kinds": list(TEXTS["letter"]), "states_of_letters": list(TEXTS["letter_state"]),
        "units": sorted(names.items(), key=lambda item: by_number(item[0])),
    }  # fmt: skip


def _day(text: str) -> str:
    """A day of a filter; one that is none asks for nothing."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _listed(numbers: Sequence[int], most: int = 30) -> str:
    shown = ", ".join(f"#{number}" for number in numbers[:most])
    return f"{shown} …" if len(numbers) > most else shown
