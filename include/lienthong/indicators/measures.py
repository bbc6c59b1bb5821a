"""Each additive measure is said once: by which day a dossier counts, and how much it adds.

From here come the sums of the refresh and the dossiers behind a figure, so the two cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

RECEIVED, ENDED, LEFT, LATE = "received", "ended", "left", "late"
DAYS: dict[str, LiteralString] = {
    RECEIVED: "f.received_on",
    ENDED: "CASE WHEN f.local_class IN ('early', 'on_time', 'late') THEN f.local_end END",
    # Whoever has come to an end is no longer pending; who was stopped for good neither, without having been resolved.
    LEFT: "CASE WHEN f.local_class IN ('early', 'on_time', 'late') OR f.trang_thai = '8' THEN f.local_end END",
    # From the day after its due date on, a dossier that is not finished is overdue.
    LATE: "CASE WHEN f.local_class IN ('open', 'late') THEN f.due_at::date + 1 END",
}
"""The day on which each event of a dossier falls; NULL where it has none."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one dossier ``f`` adds to a measure on the day of ``event``: SQL that is true, false or a number."""

    event: str
    test: LiteralString
    amount: LiteralString = "1"

    @property
    def adds(self) -> sql.Composed:
        """The amount as a number, nothing where the test fails."""
        return sql.SQL("CASE WHEN {} THEN {} ELSE 0 END").format(sql.SQL(self.test), sql.SQL(self.amount))


def _received(test: LiteralString = "true", amount: LiteralString = "1") -> Measure:
    return Measure(RECEIVED, f"f.counted AND {test}", amount)


TIMED: LiteralString = "f.trang_thai <> '7' AND f.working_minutes IS NOT NULL"
_LIMITED: LiteralString = f"{TIMED} AND f.limit_minutes IS NOT NULL"
MEASURES: dict[str, Measure] = {
    "received": _received(),
    "online": _received("f.online"),
    "post": _received("f.channel = 3"),
    "direct": _received("coalesce(f.channel, 1) = 1"),
    "full_process": _received("f.full_process"),
    "digitised": _received("f.digitised"),
    "reused": _received("f.reused"),
    "from_store": _received("f.from_store"),
    "vneid": _received("f.vneid"),
    "fee_dossiers": _received("f.has_fee"),
    "fee_paid_online": _received("f.has_fee AND f.paid_online"),
    "fee_amount": _received("true", "f.fee"),
    "supplemented": _received("f.supplements > 0"),
    "supplement_requests": _received("true", "f.supplements"),
    "outside_known": _received("f.outside_commune IS NOT NULL"),
    "outside": _received("f.outside_commune"),
    "results_due": _received("f.result_due"),
    "e_results": _received("f.result_due AND f.e_result"),
    "national_on_time": _received("f.national = 'on_time'"),
    "national_late": _received("f.national = 'late'"),
    "national_open": _received("f.national = 'open'"),
    "resolved": Measure(ENDED, "true"),
    "early": Measure(ENDED, "f.local_class = 'early'"),
    "on_time": Measure(ENDED, "f.local_class = 'on_time'"),
    "late": Measure(ENDED, "f.local_class = 'late'"),
    "withdrawn": Measure(ENDED, "f.trang_thai = '7'"),
    "working_minutes": Measure(ENDED, TIMED, "f.working_minutes"),
    "working_counted": Measure(ENDED, TIMED),
    "limit_minutes": Measure(ENDED, _LIMITED, "f.limit_minutes"),
    "limited_minutes": Measure(ENDED, _LIMITED, "f.working_minutes"),
    "limited": Measure(ENDED, _LIMITED),
    "within_limit": Measure(ENDED, f"{_LIMITED} AND f.working_minutes <= f.limit_minutes"),
    "opened": Measure(RECEIVED, "f.local_class <> 'outside'"),
    "closed": Measure(LEFT, "true"),
    "overdue_in": Measure(LATE, "true"),
    "overdue_out": Measure(ENDED, "f.local_class = 'late'"),
}

IN_TIME = "national_open_in_time"
OPEN_IN_TIME: LiteralString = "f.counted AND f.national = 'open'"
"""Dossiers that count as within time as long as ``open_until`` is not before the end of the day they are judged at."""

KINDS: tuple[LiteralString, ...] = ("day", "month", "quarter", "year")
FEEDBACK: dict[str, LiteralString] = {
    "feedback": "true",
    "feedback_rated": "f.rating IS NOT NULL",
    "feedback_satisfied": "f.rating = 3",
}
FLOWS = ("opened", "closed", "overdue_in", "overdue_out")
"""What moves the stocks: it counts also where it happened before the floor, as what the periods begin with."""

STORED = (*MEASURES, IN_TIME, *FEEDBACK)
"""The measures that ``marts.cells`` adds up."""

STOCKS: dict[str, LiteralString] = {
    "pending": f"f.local_class <> 'outside' AND f.received_on <= {{at}} AND coalesce(({DAYS[LEFT]}) > {{at}}, true)",
    "overdue": "f.local_class IN ('open', 'late') AND f.received_on <= {at} AND f.due_at::date < {at}"
    " AND (f.local_class = 'open' OR f.local_end > {at})",
}
"""Whether a dossier belongs to a stock at the end of the day ``at``."""

DERIVED = (
    *("carried_over", "pending", "pending_in_time", "overdue", "p90_minutes", "communes_receiving", "communes_free"),
    *("fee_baseline", "points", "counters", "computers", "staff", "scanners", "network", "bandwidth"),
)
"""What is read beside the cells: stocks, the percentile, communes counted, the baseline of fees, equipment."""

KNOWN = frozenset((*STORED, *DERIVED))
