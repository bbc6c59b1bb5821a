"""A waiver lets one record pass although it breaks named rules: somebody said who, why and until when.

It works in the marks: while it is in force, its bits move from ``broken`` to ``waived``, whenever the record is
judged. What was promoted under a waiver stays when the waiver ends; the next version of the record is held again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.warehouse.quarantine import BLOCKED
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse, one

LONGEST = timedelta(days=366)
SHORTEST_REASON = 10
# A row that breaks one of these has no typed value, no name of its own or no text that a table can hold.
NEVER = ("type", "unique", "legal_characters")

IN_FORCE = "revoked_at IS NULL AND valid_until > ops.moment()"


@dataclass(frozen=True, slots=True)
class Waiver:
    """One grant: for which record and rules, why, by whom, until when; and who took it back."""

    waiver_id: int
    dataset: str
    source: str
    record_key: str
    rules: tuple[str, ...]
    reason: str
    granted_by: str
    granted_at: datetime
    valid_until: datetime
    revoked_at: datetime | None
    revoked_by: str | None


COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Waiver.__slots__)


def grant(
    session: Session,
    contract: Contract,
    *,
    source: str,
    record_key: str,
    rules: Sequence[str],
    reason: str,
    by: str,
    until: datetime,
) -> Waiver:
    """Write a waiver for a held record; the same grant a second time gives the first. The redrive is the caller's.

    Raises ``NeedsPerson`` when the record is not held, does not break one of the rules, when a rule can never be
    waived, or when reason, name or end are missing or out of range."""
    reason, by = reason.strip(), by.strip()
    _require_words(session, reason, by, until)
    broken = _broken(session, contract, source, record_key)
    for rule in rules:
        _require_waivable(contract, record_key, rule, broken)
    if not rules:
        raise NeedsPerson("A waiver names the rules that the record may break; none was named.")
    values = {
        "dataset": contract.dataset, "source": source, "record_key": record_key, "rules": sorted(set(rules)),
        "reason": reason, "granted_by": by, "valid_until": until,
    }  # fmt: skip
    found = session.execute(
        sql.SQL("SELECT {} FROM quarantine.waivers WHERE {} AND {}").format(
            COLUMNS,
            sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in values),
            sql.SQL(IN_FORCE),
        ),
        values,
    ).fetchone()
    if found is None:
        found = one(
            session,
            sql.SQL("INSERT INTO quarantine.waivers ({}) VALUES ({}) RETURNING {}").format(
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.Placeholder, values)),
                COLUMNS,
            ),
            values,
        )
    return _waiver(found)


def _require_words(session: Session, reason: str, by: str, until: datetime) -> None:
    now: datetime = one(session, "SELECT ops.moment() AS now")["now"]
    if len(reason) < SHORTEST_REASON:
        raise NeedsPerson(
            f"A waiver needs a reason of at least {SHORTEST_REASON} characters, found {len(reason)}: the decision or "
            "letter that allows it. Whoever grants it knows."
        )
    if not by:
        raise NeedsPerson("A waiver needs the name of the person or office that grants it; none was given.")
    if not now < until <= now + LONGEST:
        raise NeedsPerson(
            f"A waiver ends after today and within {LONGEST.days} days; this one would end on {until:%Y-%m-%d}. "
            "Whoever grants it chooses another day."
        )


def _broken(session: Session, contract: Contract, source: str, record_key: str) -> set[str]:
    rows = list(
        session.execute(
            "SELECT rules FROM quarantine.rows WHERE dataset = %s AND source = %s AND record_key = %s"
            " AND state = 'open' FOR UPDATE",
            [contract.dataset, source, record_key],
        )
    )
    if record_key.startswith("row:"):
        raise NeedsPerson(
            f"{contract.dataset}: {record_key!r} has no key of its own, so no waiver can find it again. Its source "
            "gives it a key, or removes it."
        )
    if not rows:
        raise NeedsPerson(
            f"{contract.dataset}: no open row {record_key!r} of {source} is held, so there is nothing to waive. "
            "`lienthong quarantine show` tells what became of it."
        )
    return {rule for row in rows for rule in row["rules"]}


def _require_waivable(contract: Contract, record_key: str, rule_id: str, broken: set[str]) -> None:
    if rule_id not in broken:
        raise NeedsPerson(
            f"{contract.dataset}: {record_key!r} does not break {rule_id!r}; it breaks {', '.join(sorted(broken))}. "
            "Only a broken rule can be waived."
        )
    if rule_id == BLOCKED:
        raise NeedsPerson(
            f"{contract.dataset}: the whole source of {record_key!r} was held ({BLOCKED}); that is no rule about the "
            "record. The unit mends its source, or the data team redrives the record."
        )
    rule = next((rule for rule in contract.rejecting if rule.id == rule_id), None)
    if rule is None:
        raise NeedsPerson(
            f"{contract.dataset}: rule {rule_id!r} is no longer in the contract. Redrive the row instead of waiving."
        )
    if rule.severity == "block":
        raise NeedsPerson(
            f"{contract.dataset}: rule {rule_id!r} holds a whole source (severity block), so no single record can be "
            "let pass. The unit corrects the record, or the data team changes the rule."
        )
    if rule.kind in NEVER or (rule.kind == "required" and set(rule.columns) & set(contract.key)):
        raise NeedsPerson(
            f"{contract.dataset}: rule {rule_id!r} (kind {rule.kind}) can never be waived: without it the warehouse "
            "could not hold or name the record. The unit corrects the record at its source."
        )


def revoke(session: Session, waiver_id: int, by: str) -> Waiver:
    """Take a waiver back: later versions are judged without it, what was promoted stays. Twice gives the first."""
    if not by.strip():
        raise NeedsPerson("Taking a waiver back needs the name of who does it; none was given.")
    session.execute(
        "UPDATE quarantine.waivers SET revoked_at = ops.moment(), revoked_by = %s"
        " WHERE waiver_id = %s AND revoked_at IS NULL",
        [by.strip(), waiver_id],
    )
    found = session.execute(
        sql.SQL("SELECT {} FROM quarantine.waivers WHERE waiver_id = %s").format(COLUMNS), [waiver_id]
    ).fetchone()
    if found is None:
        raise NeedsPerson(f"There is no waiver {waiver_id}. `lienthong quarantine waivers` lists them.")
    return _waiver(found)


def waivers(session: Session, dataset: str | None = None, *, in_force: bool = False) -> list[Waiver]:
    """Waivers of one dataset or of all, newest first; ``in_force`` leaves out what is over or taken back."""
    query = sql.SQL("SELECT {} FROM quarantine.waivers WHERE (%(dataset)s::text IS NULL OR dataset = %(dataset)s){}"
                    " ORDER BY waiver_id DESC").format(
        COLUMNS, sql.SQL(f" AND {IN_FORCE}" if in_force else "")
    )  # fmt: skip
    return [_waiver(row) for row in session.execute(query, {"dataset": dataset})]


def apply(session: Session, home: Warehouse, contract: Contract, marks: sql.Identifier) -> int:
    """Move the waived bits of a marks table from ``broken`` to ``waived``; gives the rows that it touched."""
    bits = {rule.id: 1 << place for place, rule in enumerate(contract.rejecting)}
    found: dict[tuple[str, str], int] = {}
    for waiver in waivers(session, contract.dataset, in_force=True):
        place = (waiver.source, waiver.record_key)
        for rule in waiver.rules:
            found[place] = found.get(place, 0) | bits.get(rule, 0)
    if not found:
        return 0
    values = {"sources": [s for s, _ in found], "keys": [k for _, k in found], "bits": list(found.values())}
    return session.execute(statement(home.home, "warehouse/waive", marks=marks), values).rowcount


def _waiver(row: dict[str, Any]) -> Waiver:
    return Waiver(**{**row, "rules": tuple(row["rules"])})
