"""The receipts that travel between tasks: windows, batches, verdicts. Never data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lienthong.settings import TIMEZONE

LOCAL = ZoneInfo(TIMEZONE)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of source time, start inclusive and end exclusive, both with a time zone."""

    start: datetime
    end: datetime

    @classmethod
    def of_day(cls, day: date) -> Window:
        """The local day from midnight to midnight, Asia/Ho_Chi_Minh."""
        start = datetime.combine(day, time(), LOCAL)
        return cls(start, start + timedelta(days=1))

    @property
    def day(self) -> date:
        """The local date on which the window starts."""
        return self.start.astimezone(LOCAL).date()

    @property
    def local_start(self) -> datetime:
        """Start as local wall time without zone: the form in which sources keep their times."""
        return self.start.astimezone(LOCAL).replace(tzinfo=None)

    @property
    def local_end(self) -> datetime:
        """End as local wall time without zone."""
        return self.end.astimezone(LOCAL).replace(tzinfo=None)

    def __str__(self) -> str:
        return self.day.isoformat()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one extraction of one lane did: counts per outcome and the names of the sources that failed."""

    dataset: str
    window: str
    run_id: int
    rows: int
    landed: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found in one run: rows judged, rows that break a ``quarantine`` or ``block`` rule, and
    the count per rule. ``blocked`` names the sources of which nothing may be promoted."""

    dataset: str
    window: str
    run_id: int
    rows: int
    rejected: int
    failing: dict[str, int]
    blocked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counts of one promote; ``extracted`` equals the sum of the other five, or nothing is committed."""

    dataset: str
    window: str
    run_id: int
    extracted: int
    inserted: int
    updated: int
    unchanged: int
    superseded: int
    quarantined: int
    deleted: int
    enqueued: int

    @property
    def balanced(self) -> bool:
        """Whether every extracted row is accounted for exactly once."""
        parts = self.inserted + self.updated + self.unchanged + self.superseded + self.quarantined
        return self.extracted == parts
