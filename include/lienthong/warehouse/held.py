"""What is held, as it can be shown: names, rules, states and times, never a value of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.warehouse.quarantine import BLOCKED
from lienthong.warehouse.store import Session

STATES = ("open", "corrected", "withdrawn", "waived", "released")
LISTED = (
    "dataset", "source", "record_key", "place", "state", "rules", "line", "window_start", "first_seen", "last_seen",
    "closed_at", "waiver",
)  # fmt: skip
TOLD = ("from_state", "to_state", "rules", "at", "run_id", "actor", "reason", "waiver")


def listed(
    session: Session,
    *,
    dataset: str | None = None,
    source: str | None = None,
    rule: str | None = None,
    state: str | None = "open",
    key: str | None = None,
    limit: int = 1000,
) -> list[dict[str, Any]]:
    """Held rows by what is asked for, longest held first; a state of None asks for all."""
    asked = {"dataset": dataset, "source": source, "state": state, "record_key": key}
    parts: list[sql.Composable] = [sql.SQL("true")]
    parts += [sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n, v in asked.items() if v]
    parts += [sql.SQL("%(rule)s = ANY (rules)")] if rule else []
    query = sql.SQL(
        "SELECT {} FROM quarantine.rows WHERE {}"
        " ORDER BY first_seen, dataset, source, record_key, place LIMIT %(limit)s"
    ).format(sql.SQL(", ").join(map(sql.Identifier, LISTED)), sql.SQL(" AND ").join(parts))
    return list(session.execute(query, {**asked, "rule": rule, "limit": limit}))


def transitions(session: Session, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every step of one held row, in order, as it was written."""
    query = sql.SQL(
        "SELECT {} FROM quarantine.transitions WHERE dataset = %(dataset)s AND source = %(source)s"
        " AND record_key = %(record_key)s AND place = %(place)s ORDER BY transition_id"
    ).format(sql.SQL(", ").join(map(sql.Identifier, TOLD)))
    return list(session.execute(query, row))


def require_known(
    session: Session, contracts: Iterable[Contract], rules: Iterable[str] = (), sources: Iterable[str] = ()
) -> None:
    """Raise ``NeedsPerson`` for a rule or a source that none of the datasets has, now or among its held rows."""
    chosen = list(contracts)
    datasets = [contract.dataset for contract in chosen]
    where = ", ".join(datasets)
    known = {rule.id for contract in chosen for rule in contract.rejecting} | {BLOCKED}
    for rule in rules:
        if rule not in known:
            held = session.execute(
                "SELECT 1 FROM quarantine.rows WHERE dataset = ANY (%s) AND %s = ANY (rules) LIMIT 1", [datasets, rule]
            ).fetchone()
            if held is None:
                raise NeedsPerson(f"There is no rejecting rule {rule!r} in {where}.{_near(rule, known)}")
    for source in sources:
        query = (
            "SELECT DISTINCT b.source FROM ops.batches b JOIN ops.runs r USING (run_id)"
            " WHERE r.dataset = ANY (%s) AND r.kind = 'read'"
        )
        read = {row["source"] for row in session.execute(query, [datasets])}
        if source not in read:
            raise NeedsPerson(f"No source {source!r} of {where} was ever read.{_near(source, read)}")


def source_of(session: Session, dataset: str, key: str) -> str:
    """The only source of which an open row with this key is held; raises ``NeedsPerson`` when it is not one."""
    rows = session.execute(
        "SELECT DISTINCT source FROM quarantine.rows WHERE dataset = %s AND record_key = %s AND state = 'open'"
        " ORDER BY 1",
        [dataset, key],
    )
    found = [row["source"] for row in rows]
    if not found:
        raise NeedsPerson(f"{dataset}: no open row {key!r} is held. `lienthong quarantine list` shows what is.")
    if len(found) > 1:
        raise NeedsPerson(f"{dataset}: {key!r} is held of {', '.join(found)}; name one with --unit.")
    return str(found[0])


def _near(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), 3)
    return f" Was {' or '.join(near)} meant?" if near else ""
