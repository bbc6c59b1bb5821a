"""What is wrong and whose it is, noted in the transaction that found it: the facts that alerts are written from.

Each kind follows from what the ledger holds, so runs may come in any order and a repetition changes nothing:

- ``source_down``, ``schema_drift``: open while some window of the source is owed, its newest try having failed. A
  backfill of another day closes nothing; reading what is owed does.
- ``blocked``, ``warnings``: about the newest window that was judged of the source. Judging an older one changes
  nothing; what stays behind of a blocked window are held rows, which have a problem of their own.
- ``rows``: open while a row of the source waits in the quarantine, whichever run put it there.
- ``stale``: what the watcher sees from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.settings import Settings
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session


def note_source(session: Session, contract: Contract, window: Window, run_id: int, source: str) -> None:  # noqa: ARG001 - hooks are called alike
    """Note what became of one source in the transaction that landed it or found it missing."""
    _settle(session, contract.dataset, "problems_source", {"source": source})


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
