"""When somebody may be written to, and when something is worth a letter: pure functions of the clock and the settings.

Working days are those of ``rules.calendar``. Every moment has a time zone and is seen in Asia/Ho_Chi_Minh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from lienthong.batches import LOCAL
from lienthong.rules.calendar import works
from lienthong.settings import Settings

IMMEDIATE = ("blocked", "source_down", "schema_drift", "shrunk", "stale")
DAILY = ("rows", "warnings", "conflict", "ended_code", "unreconciled")


@dataclass(frozen=True, slots=True)
class Manners:
    """The manners of one installation; see ``Settings`` for each."""

    opens: time
    closes: time
    digest_at: time
    gather: timedelta
    escalate_after: int
    summary_from: int

    @classmethod
    def of(cls, settings: Settings) -> Manners:
        """The manners that the settings ask for."""
        return cls(
            *settings.office_hours,
            settings.digest_at,
            settings.gather,
            settings.escalate_after,
            settings.summary_from,
        )

    def at_work(self, now: datetime) -> bool:
        """Whether ``now`` lies within the office hours of a working day."""
        local = now.astimezone(LOCAL)
        return works(local.date()) and self.opens <= local.time() < self.closes

    def digest_time(self, now: datetime) -> bool:
        """Whether the digests of the day may be written: from their time to the end of the office hours."""
        return self.at_work(now) and now.astimezone(LOCAL).time() >= self.digest_at

    def ripe(self, since: datetime, now: datetime, tolerance: timedelta) -> bool:
        """Whether a problem has gone on beyond its tolerance, and long enough for others to have joined it."""
        return now - since >= max(self.gather, tolerance)

    def escalates(self, told: datetime, acknowledged_until: datetime | None, now: datetime) -> bool:
        """Whether ``escalate_after`` working days are over since the owner was told, or since its pledge ended."""
        start = max(told, acknowledged_until) if acknowledged_until else told
        return self._working_days(start, now) >= self.escalate_after

    def _working_days(self, start: datetime, end: datetime) -> int:
        """Whole working days between two moments: the day of ``start`` is not counted."""
        first, last = start.astimezone(LOCAL).date(), end.astimezone(LOCAL).date()
        days = max(0, min((last - first).days, 10 * self.escalate_after + 30))  # as many as can matter
        return sum(works(first + timedelta(days=number)) for number in range(1, days + 1))
