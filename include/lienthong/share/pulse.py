"""Whether the warehouse answers, asked at most once a second however many want to know."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lienthong.share.pool import Pool

FRESH = 1.0  # seconds for which one answer serves everybody


class Pulse:
    """The last answer; while one caller asks the warehouse, the others are told what was known before."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._lock = threading.Lock()
        self._known: bool | None = None
        self._asked_at = 0.0

    def beats(self) -> bool:
        """Whether the warehouse answered when it was asked last, a second ago at most unless it is being asked."""
        known = self._known
        if self._lock.acquire(blocking=known is None):
            try:
                if self._known is None or self._clock() - self._asked_at >= FRESH:
                    self._known = self._ask()
                    self._asked_at = self._clock()
                return self._known
            finally:
                self._lock.release()
        return bool(known)

    def _ask(self) -> bool:
        try:
            with self._pool.session() as session:
                session.execute("SELECT 1 FROM share.tokens LIMIT 0")
        except Exception:  # whatever it is, the answer is the same
            return False
        return True
