"""Inside the warehouse: of every record that is bound to an endpoint it is known what became of its newest version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.endpoints import Feed
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

FATES = ("accepted", "on_the_way", "held_back", "waiting_parent", "refused", "not_told", "unaccounted")


@dataclass(frozen=True, slots=True)
class Inside:
    """The records of one dataset by what became of their newest version; ``orphans`` are counted apart."""

    dataset: str
    knows: str
    counts: dict[str, int]
    orphans: int

    @property
    def records(self) -> int:
        """All of them: each is counted exactly once."""
        return sum(self.counts.values())


def look_inside(
    session: Session, home: Path, reconciliation: int, endpoint: str, feed: Feed, knows: str
) -> Inside:  # fmt: skip
    """Count the records of a feed and keep what cannot be accounted for, in one transaction; again changes nothing."""
    core = sql.Identifier("core", feed.dataset)
    values: dict[str, Any] = {"endpoint": endpoint, "dataset": feed.dataset}
    told = {"parent": feed.parent, "deletions": feed.deletions}
    with session.transaction():
        session.execute("SET LOCAL work_mem = '128MB'")  # a million receipts, hashed once
        rows = list(session.execute(statement(home, "reconcile/inside", core=core), {**values, **told}))
        lost: dict[str, Any] = next((r for r in rows if r["fate"] == "unaccounted"), {"keys": [], "versions": []})
        orphans = list(session.execute(statement(home, "reconcile/orphans", core=core), values))
        seen = {
            "unaccounted": (lost["keys"], lost["versions"]),
            "orphan": ([row["record_key"] for row in orphans], [row["version"] for row in orphans]),
        }
        for kind, (keys, versions) in seen.items():
            given = {**values, "kind": kind, "keys": keys, "versions": versions, "reconciliation": reconciliation}
            session.execute(statement(home, "reconcile/inside_seen"), given)
        counts = {fate: next((row["n"] for row in rows if row["fate"] == fate), 0) for fate in FATES}
        found = Inside(feed.dataset, knows, counts, len(orphans))
        _keep(session, reconciliation, found)
    return found


def knowledge(contract: Contract, endpoint: str, listed: bool) -> str:
    """What is known of what the receiver holds of a dataset: its list, a comparison, or nothing beyond the receipts."""
    if listed:
        return "list"
    other = contract.counterpart
    return "comparison" if other is not None and other.connection == endpoint else "receipts"


def _keep(session: Session, reconciliation: int, found: Inside) -> None:
    names = ("reconciliation_id", "dataset", "knows", "records", *FATES, "orphans")
    values = (reconciliation, found.dataset, found.knows, found.records, *found.counts.values(), found.orphans)
    session.execute(
        "DELETE FROM ops.reconciled WHERE reconciliation_id = %s AND dataset = %s", [reconciliation, found.dataset]
    )
    query = sql.SQL("INSERT INTO ops.reconciled ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(sql.Placeholder() * len(names))
    )
    session.execute(query, values)
