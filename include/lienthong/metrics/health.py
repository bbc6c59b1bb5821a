"""Whether all is well, for a monitor that asks every minute: the warehouse answers, tasks run, records leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from lienthong.errors import LienThongError
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

FRESH = 5.0
"""Seconds for which one look serves everybody who asks."""
MOST_SILENT = timedelta(hours=3)
"""Without a word of any task for so long the scheduler is not running: the indicators are refreshed every hour."""
MOST_WAITING = timedelta(hours=24)
"""A record that may leave and does not for so long has a receiver that is away or a sender that does not run."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was asked, by name: whether it is well, and the number behind it where there is one."""

    checks: dict[str, dict[str, Any]]

    @property
    def well(self) -> bool:
        """Whether everything is."""
        return all(check["well"] for check in self.checks.values())

    @property
    def status(self) -> int:
        """What HTTP calls it."""
        return 200 if self.well else 503

    def told(self, *, whole: bool) -> dict[str, Any]:
        """For an answer; without ``whole`` no more than a word."""
        word = {"status": "ok" if self.well else "failing"}
        return {**word, "checks": self.checks} if whole else word


@dataclass(slots=True)
class Watch:
    """The last look, good for everybody who asks within some seconds: the page is open to anybody."""

    home: Path
    session: Callable[[], AbstractContextManager[Session]]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: Health | None = None
    _until: float = 0.0

    def look(self) -> Health:
        """What is well and what is not; a warehouse that does not answer is told of, not raised."""
        with self._lock:
            if self._found is None or self.clock() >= self._until:
                self._found = self._ask()
                self._until = self.clock() + FRESH
            return self._found

    def _ask(self) -> Health:
        try:
            with self.session() as session:
                row = one(session, statement(self.home, "metrics/health"))
        except LienThongError:
            return Health({"warehouse": {"well": False}})
        return Health({
            "warehouse": {"well": True},
            "tasks": _under(row["ledger_age"], MOST_SILENT),
            "outbox": _under(row["oldest"], MOST_WAITING),
        })  # fmt: skip


def _under(seconds: Any, limit: timedelta) -> dict[str, Any]:
    most = int(limit.total_seconds())
    age = None if seconds is None else int(seconds)
    return {"well": age is None or age <= most, "seconds": age, "limit": most}
