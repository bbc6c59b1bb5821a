"""Requests leave at an agreed rate, however many threads send them."""

from __future__ import annotations

import threading
import time


class Pace:
    """A token bucket that holds one token: the calls of ``wait`` return at least ``1/rate`` seconds apart."""

    def __init__(self, per_second: float | None) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may leave; at once when no rate was agreed."""
        if not self._gap:
            return
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._next)
            self._next = slot + self._gap
        time.sleep(slot - now)
