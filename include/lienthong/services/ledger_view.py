"""What the warehouse says about one day while it is run: the numbers of the progress display and the last word on
whether the day is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from lienthong.batches import Window
from lienthong.warehouse import Warehouse
from lienthong.warehouse.ledger import WAITING

HORIZON = 60
"""Seconds within which a record that waits for its next try is still worth waiting for."""


@dataclass(frozen=True, slots=True)
class DatasetState:
    """One dataset and window now."""

    state: str
    sources: int
    read: int
    missing: int
    rows: int


@dataclass(frozen=True, slots=True)
class DayState:
    """Everything of one day now."""

    datasets: Mapping[str, DatasetState] = field(default_factory=dict)
    due: Mapping[str, int] = field(default_factory=dict)
    """Records that want to be sent now or soon, by endpoint."""
    accepted: int = 0
    refused: int = 0


class LedgerView:
    """Reads the ledger of one day; every question is one short session."""

    def __init__(self, warehouse: Warehouse, day: date, since: float) -> None:
        self._warehouse = warehouse
        self._start = Window.of_day(day).start
        self._since = since

    def look(self) -> DayState:
        """The state now; what was over before ``since`` does not count."""
        with self._warehouse.session() as session:
            runs = session.execute(
                "SELECT DISTINCT ON (dataset) r.dataset, r.run_id, r.state, r.judged_at IS NOT NULL AS judged,"
                " (SELECT count(*) FROM ops.batches b WHERE b.run_id = r.run_id AND b.source <> %(waiting)s) AS n,"
                " (SELECT count(*) FROM ops.batches b WHERE b.run_id = r.run_id AND b.state = 'landed') AS landed,"
                " (SELECT count(*) FROM ops.batches b WHERE b.run_id = r.run_id AND b.state = 'missing') AS missing,"
                " (SELECT coalesce(sum(rows), 0) FROM ops.batches b WHERE b.run_id = r.run_id)::bigint AS rows"
                " FROM ops.runs r WHERE r.window_start = %(start)s AND r.kind = 'read'"
                " AND (r.state = 'open' OR r.closed_at >= to_timestamp(%(since)s)) ORDER BY dataset, run_id DESC",
                {"start": self._start, "since": self._since, "waiting": WAITING},
            )
            datasets = {
                row["dataset"]: DatasetState(
                    _word(row["state"], row["judged"], row["n"] - row["landed"] - row["missing"]),
                    row["n"], row["landed"], row["missing"], row["rows"],
                )
                for row in runs
            }  # fmt: skip
            due = session.execute(
                "SELECT endpoint, count(*) AS n FROM publish.outbox WHERE state = 'claimed' OR (state IN"
                " ('pending', 'in_doubt') AND next_attempt_at <= clock_timestamp() + make_interval(secs => %s))"
                " GROUP BY 1",
                [HORIZON],
            )
            waiting = {row["endpoint"]: row["n"] for row in due}
            outcomes = session.execute(
                "SELECT outcome, count(*) AS n FROM publish.receipts WHERE answered_at >= to_timestamp(%s) GROUP BY 1",
                [self._since],
            )
            counts = {row["outcome"]: row["n"] for row in outcomes}
        return DayState(datasets, waiting, counts.get("accepted", 0), counts.get("refused", 0))

    def promoted(self) -> set[str]:
        """Datasets of which this window has been promoted, now or earlier, and none is left open."""
        with self._warehouse.session() as session:
            rows = session.execute(
                "SELECT dataset FROM ops.runs WHERE window_start = %s AND kind = 'read'"
                " GROUP BY 1 HAVING bool_and(state = 'promoted')",
                [self._start],
            )
            return {row["dataset"] for row in rows}


def _word(state: str, judged: bool, unread: int) -> str:
    if state == "promoted":
        return "promoted"
    if judged:
        return "promoting"
    return "reading" if unread else "judging"
