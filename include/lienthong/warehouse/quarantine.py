"""A held row has a way back: taken up again it is judged like any other row, in the window in which it came.

A *redrive* is a run that reads no source. It lands chosen rows of the quarantine again, judges them by the present
rules and promotes what passes. Each window has a redrive of its own, because rules look at the window of a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.rules import Rule
from lienthong.warehouse import ledger
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, Warehouse, one

# What stands among the rules of a row that was held with its whole source. A redrive judges the row alone.
BLOCKED = "nguon_bi_chan"
PIPELINE = "pipeline"
RECHECK_DAYS = 14
MOST_PAIRS = 200
"""Windows times sources that one window lets be read again; the newest come first."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which held rows a redrive takes up: those that break one of the rules, of one of the sources, with one of the
    keys; an empty tuple asks for all. ``waiting`` asks only for rows that waited for what is there now."""

    rules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    waiting: bool = False
    by: str = PIPELINE
    reason: str = ""

    def to_json(self) -> str:
        """The form in which the ledger keeps it, so that a killed redrive goes on with the same rows."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Selection:
        """The selection that the ledger kept."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**given)


WAITING_ROWS = Selection(waiting=True, reason="the record that the row refers to has come or changed")


def open_redrives(session: Session, home: Path, contract: Contract, selection: Selection) -> int:
    """Open a redrive for every window that holds chosen rows; gives their number. The caller is alone with the
    redrives of the dataset, and none of them is open."""
    chosen, values = _chosen(contract, selection)
    query = statement(home, "warehouse/held_windows", chosen=chosen)
    windows = [Window(row["window_start"], row["window_end"]) for row in session.execute(query, values)]
    for window in windows:
        ledger.open_redrive(session, contract.dataset, window, selection.to_json())
    return len(windows)


def ask_redrive(session: Session, home: Path, contract: Contract, selection: Selection) -> int:
    """Open redrives and leave them to whoever next ends those of the dataset; gives their number. Refused while others
    of the dataset are open or being opened, since nobody is waited for here."""
    found = one(
        session, "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 2)) AS got", [f"redrive {contract.dataset}"]
    )
    if not found["got"] or ledger.unfinished_redrive(session, contract.dataset) is not None:
        raise NeedsPerson(
            f"{contract.dataset}: held rows are being judged again already, as somebody asked before. Ask once more "
            "when that has ended; it takes a minute."
        )
    return open_redrives(session, home, contract, selection)


def selection_of(session: Session, run_id: int) -> Selection | None:
    """What a redrive takes up; None for a run that reads sources."""
    found = one(session, "SELECT kind, selection FROM ops.runs WHERE run_id = %s", [run_id])
    if found["kind"] == "read":
        return None
    # A redrive that was opened before selections were kept was one of waiting rows.
    return Selection.from_json(found["selection"]) if found["selection"] else WAITING_ROWS


def land_held(
    session: Session, home: Warehouse, contract: Contract, window: Window, landing: sql.Identifier, selection: Selection
) -> int:
    """Land the chosen rows of the window as they were received; gives their number.

    Rows of the same record, and rows that broke the same rule of uniqueness, come all together or not at all: one of
    them alone would pass."""
    chosen, values = _chosen(contract, selection)
    raw = sql.SQL(", ").join(sql.SQL("q.raw ->> {}").format(sql.Literal(name)) for name in contract.names)
    query = statement(
        home.home, "warehouse/held", chosen=chosen, landing=landing, columns=names(contract.names), values=raw
    )
    unique = [rule.id for rule in contract.rejecting if looks_at_others(rule)]
    return session.execute(query, {**values, "window_start": window.start, "unique": unique}).rowcount


def looks_at_others(rule: Rule) -> bool:
    """Whether the rule compares a row with other rows of its landing: one of them alone would pass."""
    said = str(rule.arguments.get("expression", ""))
    return rule.kind in ("unique", "transition") or re.search(r"\)\s*OVER\b", said, re.IGNORECASE) is not None


def _chosen(contract: Contract, selection: Selection) -> tuple[sql.Composable, dict[str, Any]]:
    if selection.waiting:
        waiting = waiting_rules(contract)
        due = sql.SQL(" OR ").join([sql.SQL("false"), *(_due(contract, rule) for rule in waiting)])
        # Whoever breaks another rule as well does not wait: its department has to mend it.
        condition = sql.SQL("cardinality(q.rules) > 0 AND q.rules <@ %(rules)s::text[] AND ({})").format(due)
        return condition, {"dataset": contract.dataset, "rules": [rule.id for rule in waiting]}
    parts = [sql.SQL("true")]
    parts += [sql.SQL("q.rules && %(rules)s::text[]")] if selection.rules else []
    parts += [sql.SQL("q.source = ANY (%(sources)s)")] if selection.sources else []
    parts += [sql.SQL("q.record_key = ANY (%(keys)s)")] if selection.keys else []
    given = {"rules": selection.rules, "sources": selection.sources, "keys": selection.keys}
    return sql.SQL(" AND ").join(parts), {
        "dataset": contract.dataset,
        **{name: list(value) for name, value in given.items()},
    }


def waiting_rules(contract: Contract) -> list[Rule]:
    """Rules whose rejected rows only wait: what they refer to may still come or change.

    Whether a unit was valid on a day (``at``) does not change with time; which record an SQL condition looks at is
    known only when ``by`` names the column that both share."""
    return [rule for rule in contract.rejecting if rule.reference != contract.dataset and _may_come(rule)]


def _may_come(rule: Rule) -> bool:
    if rule.kind == "exists_in":
        return "at" not in rule.arguments
    return rule.kind == "sql" and rule.reference is not None and "by" in rule.arguments


def _due(contract: Contract, rule: Rule) -> sql.Composed:
    """The row breaks the rule, and since it was judged the record that it refers to came, changed or went."""
    name = str(rule.arguments.get("by", rule.columns[0]))
    target = str(rule.arguments.get("by", rule.arguments.get("column", name)))
    text = next(column.type == "string" for column in contract.columns if column.name == name)
    since = sql.SQL(
        "r._loaded_at > q.judged_at AND r._deleted_at IS NULL"
        if rule.kind == "exists_in"
        else "greatest(r._loaded_at, r._deleted_at) > q.judged_at"
    )
    return sql.SQL(
        "({} = ANY (q.rules) AND EXISTS (SELECT FROM {} r"
        " WHERE {} = normalize(btrim(q.raw ->> {}, E' \\t\\r\\n\\u00a0'), NFC) AND {}))"
    ).format(
        sql.Literal(rule.id),
        sql.Identifier("core", str(rule.arguments["dataset"])),
        sql.Identifier("r", target) if text else sql.SQL("{}::text").format(sql.Identifier("r", target)),
        sql.Literal(name),
        since,
    )


def rules_of_the_key(contract: Contract) -> list[str]:
    """Rules that a corrected row may pass under another key only, and the mark of a source that was held whole."""
    return [rule.id for rule in contract.rejecting if set(rule.columns) & set(contract.key)] + [BLOCKED]


def pairs_to_recheck(
    session: Session, home: Warehouse, contract: Contract, window: Window
) -> dict[Window, tuple[str, ...]]:
    """Sources to read again by window, newest first, now that ``window`` is promoted.

    A row without a usable key that is corrected comes back under another key, in a later window: only its own
    window, read again, shows that it is gone. Each window asks once, for the ``RECHECK_DAYS`` before it and at most
    ``MOST_PAIRS`` sources in them, but the windows of a backfill do not ask each other; a source that is read whole
    needs no asking."""
    if contract.mode == "snapshot":
        return {}
    values = {
        "dataset": contract.dataset,
        "window_start": window.start,
        "days": RECHECK_DAYS,
        "rules": rules_of_the_key(contract),
        "most": MOST_PAIRS,
    }
    found: dict[Window, tuple[str, ...]] = {}
    for row in session.execute(statement(home.home, "warehouse/held_pairs"), values):
        place = Window(row["window_start"], row["window_end"])
        found[place] = (*found.get(place, ()), row["source"])
    return found


def moved(session: Session, dataset: str, landing: sql.Identifier) -> bool:
    """Whether a landed held row was closed meanwhile: its source took it back, or a newer version came."""
    query = sql.SQL(
        "SELECT FROM {} l WHERE l._line = 0 AND NOT EXISTS (SELECT FROM quarantine.rows q WHERE q.dataset = %s"
        " AND q.source = l._source AND q.record_key = l._held_key AND q.place = l._held_place AND q.state = 'open')"
        " LIMIT 1"
    ).format(landing)
    return session.execute(query, [dataset]).fetchone() is not None


def speak(session: Session, run_id: int, selection: Selection | None) -> None:
    """Tell the ledger of transitions who acts in this transaction, in which run and why."""
    said = selection or Selection()
    session.execute(
        "SELECT set_config('lienthong.run', %s, true), set_config('lienthong.actor', %s, true),"
        " set_config('lienthong.reason', %s, true)",
        [str(run_id), said.by, said.reason],
    )
