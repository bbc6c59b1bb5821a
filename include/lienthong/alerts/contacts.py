"""Whom to write to stands in a table, never in code: the contacts of each unit, and the province's data team.

A list comes in as CSV (UTF-8, ``,`` or ``;``) with one line a contact and these columns, by either name:

    pham_vi   scope          don_vi (unit) or tinh (province)
    don_vi    unit           the unit's code, empty for the province
    ten       name           how the letter names its reader, e.g. UBND xã Ea Súp
    kenh      channel        email or apprise; empty is email
    dia_chi   address        the mailbox; for apprise the name of an Airflow connection
    gio_hanh_chinh  working_hours   co or khong (yes or no); with khong the contact may be told at any hour
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.warehouse.store import Session

COLUMNS = {
    "pham_vi": "scope", "don_vi": "unit", "ten": "name", "kenh": "channel", "dia_chi": "address",
    "gio_hanh_chinh": "working_hours",
}  # fmt: skip
SCOPES = {"don_vi": "unit", "unit": "unit", "tinh": "province", "province": "province"}
YES = {"": True, "co": True, "yes": True, "1": True, "khong": False, "no": False, "0": False}
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}")
CONNECTION = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True, order=True)
class Contact:
    """One address: of a unit (``scope`` ``unit``), or of the province's data team (``province``, ``unit`` empty).

    ``working_hours`` says that it is written to in office hours only; without it also at night if it cannot wait."""

    scope: str
    unit: str
    name: str
    channel: str
    address: str
    working_hours: bool = True


def contacts(session: Session) -> list[Contact]:
    """The active contacts, in order."""
    rows = session.execute(
        "SELECT scope, unit, name, channel, address, working_hours FROM ops.contacts WHERE active"
        " ORDER BY scope, unit, channel, address"
    )
    return [Contact(**row) for row in rows]


def set_contact(session: Session, contact: Contact) -> None:
    """Add the contact, or give one with the same scope, unit and address its new name and hours."""
    complaint = complaint_about(contact)
    if complaint:
        raise NeedsPerson(f"The contact was not changed: {complaint}.")
    session.execute(
        "INSERT INTO ops.contacts AS c (scope, unit, name, channel, address, working_hours)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (scope, unit, channel, address) DO UPDATE"
        " SET name = excluded.name, working_hours = excluded.working_hours, active = true, changed_at = ops.moment()"
        " WHERE (c.name, c.working_hours, c.active) IS DISTINCT FROM (excluded.name, excluded.working_hours, true)",
        [contact.scope, contact.unit, contact.name, contact.channel, contact.address, contact.working_hours],
    )


def remove_contact(session: Session, unit: str, address: str) -> int:
    """Stop writing to an address of a unit, or of the province when ``unit`` is empty; what it was told is kept."""
    done = session.execute(
        "UPDATE ops.contacts SET active = false, changed_at = ops.moment() WHERE unit = %s AND address = %s AND active",
        [unit, address],
    )
    return done.rowcount


def import_contacts(session: Session, given: Iterable[Contact]) -> tuple[int, int]:
    """Make the table hold exactly these contacts; gives how many were added or changed, and how many removed."""
    wanted, present = set(given), set(contacts(session))
    for contact in sorted(wanted - present):
        set_contact(session, contact)
    kept = {(contact.scope, contact.unit, contact.channel, contact.address) for contact in wanted}
    gone = [c for c in present if (c.scope, c.unit, c.channel, c.address) not in kept]
    for contact in gone:
        remove_contact(session, contact.unit, contact.address)
    return len(wanted - present), len(gone)


def read_contacts(path: Path, units: Collection[str] = ()) -> list[Contact]:
    """The contacts of a CSV file, or one error that names every line that is wrong; ``units`` are the known codes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NeedsPerson(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__}).") from None
    try:
        lines = iter(list(csv.reader(io.StringIO(text), delimiter=";" if ";" in text.partition("\n")[0] else ",")))
    except csv.Error as error:
        raise NeedsPerson(f"{path.name} cannot be read as CSV ({error}). Whoever made the file mends it.") from None
    header = [_word(name) for name in next(lines, [])]
    names = [COLUMNS.get(name, name) for name in header]
    missing = {"scope", "unit", "name", "address"} - set(names)
    strange = set(names) - set(COLUMNS.values())
    if missing or strange or len(set(names)) < len(names):
        raise NeedsPerson(
            f"{path.name}, line 1: expected the columns {', '.join(COLUMNS)} (or {', '.join(COLUMNS.values())}), "
            f"each once; found {', '.join(header)}. Whoever made the file mends its first line."
        )
    return _checked(path.name, lines, names, units)


def _checked(file: str, lines: Iterable[list[str]], names: list[str], units: Collection[str]) -> list[Contact]:
    found: list[Contact] = []
    complaints: list[str] = []
    seen: set[tuple[str, str, str, str]] = set()
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        contact, complaint = _contact(cells, names, units)
        key = (contact.scope, contact.unit, contact.channel, contact.address)
        if not complaint and key in seen:
            complaint = "the same address stands twice for it"
        seen.add(key)
        found.append(contact)
        if complaint:
            complaints.append(f"line {number}: {complaint}")
    if complaints or not found:
        what = "; ".join(complaints[:20]) or "no contact stands in it"
        more = f"; and {len(complaints) - 20} more" if len(complaints) > 20 else ""
        raise NeedsPerson(f"{file}: nothing was imported. {what}{more}. Whoever made the file mends these lines.")
    return found


def _contact(cells: list[str], names: list[str], units: Collection[str]) -> tuple[Contact, str]:
    """The contact of one line, and what is wrong with it or an empty text."""
    values = dict.fromkeys(COLUMNS.values(), "") | dict(zip(names, (cell.strip() for cell in cells), strict=False))
    scope, hours = SCOPES.get(_word(values["scope"]), ""), YES.get(_word(values["working_hours"]))
    contact = Contact(
        scope=scope,
        unit=values["unit"],
        name=unicodedata.normalize("NFC", values["name"]),
        channel=values["channel"].lower() or "email",
        address=values["address"],
        working_hours=hours is not False,
    )
    if len(cells) != len(names):
        return contact, f"expected {len(names)} cells, found {len(cells)}"
    if hours is None:
        return contact, "working_hours must be co or khong (yes or no)"
    if scope == "unit" and contact.unit and units and contact.unit not in units:
        return contact, f"unit {contact.unit!r} is not in the list of units"
    return contact, complaint_about(contact)


def complaint_about(contact: Contact) -> str:
    """What is wrong with a contact, or an empty text."""
    if contact.scope not in ("unit", "province"):
        return "scope must be don_vi (unit) or tinh (province)"
    if (contact.scope == "unit") != bool(contact.unit):
        return "a unit's contact needs the unit's code, the province's has none"
    if not 0 < len(contact.name) <= 200 or not contact.name.isprintable():
        return "name must be 1 to 200 printable characters"
    if contact.channel not in ("email", "apprise"):
        return "channel must be email or apprise"
    if contact.channel == "apprise" and contact.address == "mail":
        return "the connection mail is the mail server; a chat needs a connection of its own"
    form, expected = (MAILBOX, "a mailbox") if contact.channel == "email" else (CONNECTION, "the name of a connection")
    return "" if form.fullmatch(contact.address) else f"address must be {expected}"


def _word(text: str) -> str:
    """A word of the header or of a code, without diacritics and in the form with underscores."""
    plain = unicodedata.normalize("NFD", text.strip().lower().replace("đ", "d"))
    return re.sub(r"[\s-]+", "_", "".join(c for c in plain if not unicodedata.combining(c)))
