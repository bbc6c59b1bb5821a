"""Freshness seen from outside: a silent source or a dead scheduler is noticed by the age of the last good window.

Nothing here asks whether a task ran. A source is stale when its next window has ended and been promised (the latency of
the contract) and has still not arrived. What is noted already, because the source is down, has changed or is blocked,
is not noted again. When nothing at all is fresh, or no source of a dataset that has many, it is not the units' doing:
one problem of the platform is noted in place of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lienthong.batches import LOCAL
from lienthong.contracts import Contract
from lienthong.warehouse import Warehouse
from lienthong.warehouse.problems import note_stale
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, one

PLATFORM = ""
WINDOW = timedelta(days=1)  # every dataset is read by the day; see orchestration.daily
# After the platform stood still its sources come back one by one; until then they are given time.
CONVALESCENCE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look saw: sources looked at, those that are stale as (dataset, source), and whether all are."""

    looked: int
    stale: tuple[tuple[str, str], ...]
    platform: bool


def watch(warehouse: Warehouse, contracts: Mapping[str, Contract]) -> Watched:
    """Look at every source once and note what is stale, in one transaction; looking again changes nothing."""
    with warehouse.session() as session:
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts.watch', 3))")
        now: datetime = one(session, "SELECT ops.moment() AS now")["now"]
        newest = {name: _newest(session, warehouse, contract, now) for name, contract in contracts.items()}
        stale = {
            name: {
                source: good for source, (good, owed) in found.items() if now > owed + WINDOW + contracts[name].latency
            }
            for name, found in newest.items()
        }
        looked, late = sum(map(len, newest.values())), sum(map(len, stale.values()))
        platform = looked > 0 and looked == late
        note_stale(session, PLATFORM, [PLATFORM], {PLATFORM: _last(stale)} if platform else {})
        if not platform:
            _note_sources(session, newest, stale, now)
    return Watched(looked, tuple((name, source) for name, found in stale.items() for source in found), platform)


def _note_sources(
    session: Session,
    newest: Mapping[str, Mapping[str, object]],
    stale: Mapping[str, Mapping[str, datetime | None]],
    now: datetime,
) -> None:
    """Note stale sources one by one, but for those whose trouble is known, and while the platform recovers."""
    known = {
        (row["dataset"], row["source"]): row["kind"]
        for row in session.execute(
            "SELECT dataset, source, min(kind) FILTER (WHERE kind = 'stale') AS kind FROM ops.problems"
            " WHERE closed_at IS NULL AND kind IN ('stale', 'source_down', 'schema_drift', 'blocked') GROUP BY 1, 2"
        )
    }
    recovering = {
        row["dataset"]
        for row in session.execute(
            "SELECT dataset FROM ops.problems WHERE kind = 'stale' AND source = '' AND closed_at > %s",
            [now - CONVALESCENCE],
        )
    }
    for name, found in stale.items():
        noted = {source for dataset, source in known if dataset == name}
        whole = len(found) == len(newest[name]) > 1 and not noted.issuperset(found)
        note_stale(session, name, [PLATFORM], {PLATFORM: _last({name: found})} if whole else {})
        if not whole:
            wait = PLATFORM in noted or recovering & {name, PLATFORM}
            late = {
                source: good
                for source, good in found.items()
                if known.get((name, source)) or not (wait or source in noted)
            }
            note_stale(session, name, newest[name].keys() | noted - {PLATFORM}, late)


def _newest(
    session: Session, warehouse: Warehouse, contract: Contract, now: datetime
) -> dict[str, tuple[datetime | None, datetime]]:
    """For each source that has to give data today: the end of its newest good window, and since when one is owed."""
    sources = _sources(session, warehouse, contract, now)
    values = {"dataset": contract.dataset, "sources": list(sources), "valid_from": list(sources.values())}
    rows = session.execute(statement(warehouse.home, "alerts/newest"), values)
    return {row["source"]: (row["good_until"], row["owed_from"]) for row in rows}


def _sources(session: Session, warehouse: Warehouse, contract: Contract, now: datetime) -> dict[str, datetime | None]:
    """The sources of today, each with the moment from which it exists; None when it always has."""
    if contract.source.for_each is None:
        return {contract.source.connection: None}
    query = statement(warehouse.home, "alerts/units_today", units=names((contract.source.for_each,), "core"))
    rows = session.execute(query, {"day": now.astimezone(LOCAL).date()})
    return {row["unit"]: row["valid_from"] for row in rows}


def _last(stale: Mapping[str, Mapping[str, datetime | None]]) -> datetime | None:
    """The newest good window of all."""
    return max((good for found in stale.values() for good in found.values() if good), default=None)
