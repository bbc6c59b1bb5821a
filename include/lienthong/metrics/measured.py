"""What is measured: a few statements over one state of the warehouse, asked at most every ten seconds.

Labels are names of contracts, endpoints, kinds and states, whose number is known; units are counted, never named.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lienthong.contracts import Contract
from lienthong.endpoints import ENDPOINTS
from lienthong.metrics.text import Family, Sample, render
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

FRESH = 10.0
"""Seconds for which one answer serves everybody who asks."""

ROWS = ("extracted", "inserted", "updated", "unchanged", "superseded", "quarantined", "deleted")
KINDS = ("missing", "different", "extra", "unaccounted", "orphan")
OUTBOX = ("pending", "held", "claimed", "in_doubt", "dead")
_RUN = "lienthong_run_duration_seconds"

# Column of a statement, and the family that it feeds.
DATASETS = {
    "newest_age": Family(
        "lienthong_freshness_seconds", "gauge", "Age of the newest day that is whole, by the freshest source."
    ),
    "worst_age": Family(
        "lienthong_freshness_worst_seconds", "gauge", "Age of the newest day that is whole, by the source most behind."
    ),
    "sources": Family("lienthong_sources", "gauge", "Sources that the newest window asked."),
    "sources_late": Family("lienthong_sources_late", "gauge", "Sources that owe a day beyond the contract's promise."),
    "windows_late": Family(
        "lienthong_windows_late", "gauge", "Days that sources owe beyond the contract's promise, over all sources."
    ),
    "windows_missing": Family(
        "lienthong_windows_missing", "gauge", "Windows that were asked for and that a source did not give."
    ),
    "held": Family("lienthong_quarantine_open_rows", "gauge", "Rows that wait in the quarantine."),
    "newest_seconds": Family("lienthong_run_newest_seconds", "gauge", "How long the newest promoted run took."),
    "open_seconds": Family("lienthong_run_open_seconds", "gauge", "Age of the oldest run that is not promoted."),
}
RUN = Family(_RUN, "summary", "How long runs took from the first request to the promotion.")
MOVED = Family("lienthong_rows_total", "counter", "Rows of all runs, by what became of them.")
WAITS = Family("lienthong_outbox_records", "gauge", "Records that a receiver has not accepted, by state.")
OLDEST = Family("lienthong_outbox_oldest_seconds", "gauge", "How long the oldest record that may leave has waited.")
RECEIPTS = Family("lienthong_receipts_total", "counter", "Receipts, by what the receiver said.")
PROBLEMS = Family("lienthong_problems_open", "gauge", "Open problems, by kind.")
WHOLE = {
    "indicators_age": Family("lienthong_indicators_age_seconds", "gauge", "Since the indicators were last refreshed."),
    "ledger_age": Family("lienthong_ledger_age_seconds", "gauge", "Since a task last wrote into the ledger."),
    "backfill_parts": Family("lienthong_backfill_parts", "gauge", "Parts of backfills that wait or run."),
    "backfill_idle": Family("lienthong_backfill_idle_seconds", "gauge", "Since the slowest open backfill last moved."),
}
DIFFERENCES = Family(
    "lienthong_reconcile_differences", "gauge", "Records about which a receiver, its receipts and the warehouse differ."
)
RECONCILED = {
    "age": Family("lienthong_reconcile_age_seconds", "gauge", "Since a receiver was last looked at to the end."),
    "whole_age": Family(
        "lienthong_reconcile_whole_age_seconds", "gauge", "Age of the oldest look among all that a receiver can list."
    ),
    "refused": Family(
        "lienthong_reconcile_refused_answers", "gauge", "Answers of the newest look that lacked too much to be taken."
    ),
}
BACKFILLS = Family("lienthong_backfills", "gauge", "Backfills that have not ended, by state.")
LETTERS = Family("lienthong_letters", "gauge", "Letters that have not been sent, by state.")
FAMILIES = (
    *DATASETS.values(), RUN, MOVED, WAITS, OLDEST, RECEIPTS, PROBLEMS, *WHOLE.values(), BACKFILLS, LETTERS, DIFFERENCES,
    *RECONCILED.values(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """The receipts of an endpoint up to a place in its chain."""

    place: int
    hash: str
    accepted: int
    refused: int


@dataclass(slots=True)
class Measures:
    """The newest answer, and up to where receipts were counted; ``session`` opens a read-only session."""

    home: Path
    session: Callable[[], AbstractContextManager[Session]]
    contracts: Callable[[], Mapping[str, Contract]]
    clock: Callable[[], float] = time.monotonic
    _counted: dict[str, Counted] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _text: str = ""
    _until: float | None = None

    def text(self) -> str:
        """All measures in the text form; ten callers at once ask the warehouse once."""
        with self._lock:
            if self._until is None or self.clock() >= self._until:
                contracts = self.contracts()
                with self.session() as session:
                    self._text = render(FAMILIES, self._samples(session, contracts))
                self._until = self.clock() + FRESH
            return self._text

    def _rows(self, session: Session, name: str, **values: Any) -> list[dict[str, Any]]:
        return list(session.execute(statement(self.home, f"metrics/{name}"), values))

    def _samples(self, session: Session, contracts: Mapping[str, Contract]) -> Iterator[Sample]:
        yield from self._datasets(session, contracts)
        yield from self._endpoints(session)
        for row in self._rows(session, "problems"):
            yield Sample(PROBLEMS.name, {"kind": row["kind"]}, row["open"])
        row = one(session, statement(self.home, "metrics/whole"))
        for column, family in WHOLE.items():
            if row[column] is not None:
                yield Sample(family.name, {}, row[column])
        for state in ("open", "paused"):
            yield Sample(BACKFILLS.name, {"state": state}, row[f"backfills_{state}"])
        for state in ("waiting", "dead"):
            yield Sample(LETTERS.name, {"state": state}, row[f"letters_{state}"])

    def _datasets(self, session: Session, contracts: Mapping[str, Contract]) -> Iterator[Sample]:
        known = list(contracts.values())
        rows = self._rows(
            session, "datasets", waiting=WAITING, datasets=[one.dataset for one in known],
            latencies=[one.latency for one in known], whole=[one.mode == "snapshot" for one in known],
        )  # fmt: skip
        for row in rows:
            labels = {"dataset": row["dataset"]}
            for column, family in DATASETS.items():
                if row[column] is not None:
                    yield Sample(family.name, labels, row[column])
            yield Sample(RUN.name, labels, row["seconds"], "_sum")
            yield Sample(RUN.name, labels, row["runs"], "_count")
            for outcome in ROWS:
                yield Sample(MOVED.name, {**labels, "outcome": outcome}, int(row[outcome]))

    def _endpoints(self, session: Session) -> Iterator[Sample]:
        for row in self._rows(session, "outbox", endpoints=list(ENDPOINTS)):
            for state in OUTBOX:
                yield Sample(WAITS.name, {"endpoint": row["endpoint"], "state": state}, row[state])
            yield Sample(OLDEST.name, {"endpoint": row["endpoint"]}, row["oldest"])
        for row in self._rows(session, "reconcile", endpoints=list(ENDPOINTS)):
            for kind in KINDS:
                yield Sample(DIFFERENCES.name, {"endpoint": row["endpoint"], "kind": kind}, row[kind])
            for column, family in RECONCILED.items():
                if row[column] is not None:
                    yield Sample(family.name, {"endpoint": row["endpoint"]}, row[column])
        self._count(session)
        for endpoint, counted in self._counted.items():
            for outcome in ("accepted", "refused"):
                labels = {"endpoint": endpoint, "outcome": outcome}
                yield Sample(RECEIPTS.name, labels, getattr(counted, outcome))

    def _count(self, session: Session) -> None:
        """Add the receipts since the last time: to count millions anew for every answer would not be cheap."""
        before = self._counted
        rows = self._rows(
            session, "receipts", endpoints=list(before), places=[one.place for one in before.values()],
            hashes=[one.hash for one in before.values()],
        )  # fmt: skip
        self._counted = {}
        for row in rows:
            known = before[row["endpoint"]] if row["counted_from"] else Counted(0, "", 0, 0)
            self._counted[row["endpoint"]] = Counted(
                row["head"], row["hash"], known.accepted + row["accepted"], known.refused + row["refused"]
            )
