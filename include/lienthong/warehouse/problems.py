"""What is wrong and whose it is, noted in the transaction that found it: the facts that alerts are written from.

Each kind follows from what the ledger holds, so runs may come in any order and a repetition changes nothing:

- ``source_down``, ``schema_drift``: open while some window of the source is owed, its newest try having failed. A
  backfill of another day closes nothing; reading what is owed does. A source that is read whole owes nothing that is
  older than what it gave last.
- ``blocked``, ``warnings``: about the newest window that was judged of the source. Judging an older one changes
  nothing; what stays behind of a blocked window are held rows, which have a problem of their own.
- ``rows``: open while a row of the source waits in the quarantine, whichever run put it there.
- ``stale``: what the watcher sees from outside.
- ``shrunk``: open from a promote that the brake on deletions stopped until one of a whole snapshot, of that window or
  a later one, that it let pass.
- ``conflict``: open while another holder of the records holds some of them otherwise; the source is the holder.
- ``unreconciled``: open while a receiver, its receipts and core do not agree about records; the source is the receiver.
- ``ended_code``: open while current rows of the source point to a code that its catalogue has ended or let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.rules import VALIDITY, Rule
from lienthong.settings import Settings
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

SUCCESSOR = "ma_thay_the"
"""Column of a catalogue with the code that takes the place of an ended one."""
POINTS_NOWHERE = (
    "SELECT NULL::text AS source, NULL::text AS record_key, NULL::text AS column_name, NULL::text AS code,"
    " NULL::date AS ended, NULL::text AS successor WHERE false"
)


def note_source(session: Session, contract: Contract, window: Window, run_id: int, source: str) -> None:  # noqa: ARG001 - hooks are called alike
    """Note what became of one source in the transaction that landed it or found it missing."""
    _settle(session, contract.dataset, "problems_source", {"source": source, "whole": contract.mode == "snapshot"})


def note_verdict(session: Session, contract: Contract, window: Window, run_id: int) -> None:  # noqa: ARG001 - hooks are called alike
    """Note blocked sources and broken warnings in the transaction that records the verdict."""
    values = {"run_id": run_id, "waiting": WAITING, "warning": [rule.id for rule in contract.warning]}
    marks = sql.Identifier("landing", f"{contract.dataset}__{run_id}__marks")
    _settle(session, contract.dataset, "problems_verdict", values, marks=marks)


def note_promote(session: Session, contract: Contract, window: Window, run_id: int) -> None:  # noqa: ARG001 - hooks are called alike
    """Note held and corrected rows in the promote transaction."""
    _settle(session, contract.dataset, "problems_rows", {})


def note_stale(session: Session, dataset: str, looked: Iterable[str], stale: Mapping[str, datetime | None]) -> None:
    """Note which of the sources that were looked at are stale; ``stale`` has the end of the newest good window."""
    values = {"looked": list(looked), "stale": list(stale), "good_until": list(stale.values())}
    _settle(session, dataset, "problems_stale", values)


def note_shrunk(session: Session, contract: Contract, window: Window, run_id: int, gone: int, held: int) -> None:
    """Note that a source has lost more records than its brake allows, or with ``gone`` 0 that it gave them all."""
    values = {"run_id": run_id, "waiting": WAITING, "window": window.start, "gone": gone, "held": held}
    _settle(session, contract.dataset, "problems_shrunk", values)


def note_conflicts(session: Session, contract: Contract, window: Window, holder: str) -> None:
    """Note which records another holder holds otherwise, in the transaction that compared them."""
    values = {"source": holder, "master": contract.master, "window": window.start}
    _settle(session, contract.dataset, "problems_conflict", values)


def note_unreconciled(session: Session, dataset: str, endpoint: str) -> None:
    """Note which records of a dataset a receiver, its receipts and ``core`` do not agree about."""
    _settle(session, dataset, "problems_unreconciled", {"source": endpoint})


def note_ended(session: Session, contract: Contract, catalogues: Mapping[str, Contract], window: Window) -> None:
    """Note the current rows of a snapshot dataset that point to an ended code; ``catalogues`` are all contracts.

    A dataset of events keeps the codes of its time, and a rule with ``at`` judges by a date of the row."""
    found = [rule for rule in contract.rules if rule.kind == "exists_in" and "at" not in rule.arguments]
    looked = [_pointing(contract, rule, catalogues[rule.arguments["dataset"]]) for rule in found]
    pointing: list[sql.Composable] = [query for query in looked if query is not None]
    if contract.mode != "snapshot" or not pointing:
        pointing = [sql.SQL(POINTS_NOWHERE)]  # closes what was noted before the contract changed
    query = sql.SQL(" UNION ALL ").join(pointing)
    _settle(session, contract.dataset, "problems_ended", {"window": window.start}, pointing=query)


def _pointing(contract: Contract, rule: Rule, catalogue: Contract) -> sql.Composed | None:
    """The rows whose code the catalogue has ended or no longer holds; None when its codes do not end.

    A code that left without an end ended with the window that no longer held it, which is what a deletion's source
    time is: the machine's time of the deletion may lie after the moment at which people live."""
    if not set(VALIDITY) <= set(catalogue.names):
        return None
    column, target = rule.columns[0], rule.arguments.get("column", rule.columns[0])
    successor = sql.Identifier("k", SUCCESSOR) if SUCCESSOR in catalogue.names else sql.SQL("NULL::text")
    return sql.SQL(
        "SELECT c._source AS source, c._record_key AS record_key, {name} AS column_name, c.{column}::text AS code,"
        " r.ended, r.successor FROM core.{dataset} c"
        " JOIN (SELECT DISTINCT ON (k.{target}) k.{target} AS target, e.ended, {successor} AS successor"
        " FROM core.{catalogue} k CROSS JOIN LATERAL"
        " (SELECT coalesce(k.{until}, CASE WHEN k._deleted_at IS NOT NULL THEN k._source_time::date END)) e (ended)"
        " ORDER BY k.{target}, e.ended DESC NULLS LAST, k._record_key) r ON r.target = c.{column}"
        " WHERE c._deleted_at IS NULL AND r.ended <= (ops.moment() AT TIME ZONE current_setting('TimeZone'))::date"
        " AND NOT EXISTS (SELECT FROM core.{catalogue} v WHERE v.{target} = c.{column} AND v._deleted_at IS NULL"
        " AND (v.{until} IS NULL OR v.{until} > (ops.moment() AT TIME ZONE current_setting('TimeZone'))::date))"
    ).format(
        name=sql.Literal(column), column=sql.Identifier(column), until=sql.Identifier(VALIDITY[1]),
        successor=successor, dataset=sql.Identifier(contract.dataset), catalogue=sql.Identifier(catalogue.dataset),
        target=sql.Identifier(target),
    )  # fmt: skip


def _settle(session: Session, dataset: str, look: str, values: dict[str, Any], **parts: sql.Composable) -> None:
    settings = Settings.from_env()
    query = statement(
        settings.home, "warehouse/problems_settle", look=statement(settings.home, f"warehouse/{look}", **parts)
    )
    # Looks at the same facts come one after the other, so that the later one sees what the earlier one saw. Beside the
    # letters' update of many problems (alerts.compose) none of them runs: their rows are locked in no certain order.
    session.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('ops.problems', 3)),"
        " pg_advisory_xact_lock(hashtextextended(%s, 3))",
        [f"{look}:{dataset}:{values.get('source', '')}"],
    )
    session.execute(query, {**values, "dataset": dataset, "cooling_off": settings.cooling_off})
