"""A token may ask so many times a minute; one system that asks without end does not cost the others their answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A bucket per token that holds a minute's requests and fills evenly. It counts within one process."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._full = float(per_minute)
        self._clock = clock
        self._left: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, token_id: int) -> float:
        """Take one request: 0 when it may go on, else the seconds after which one may."""
        with self._lock:
            now = self._clock()
            left, seen = self._left.get(token_id, (self._full, now))
            left = min(self._full, left + (now - seen) * self._full / 60)
            taken = left >= 1
            self._left[token_id] = (left - 1 if taken else left, now)
            return 0.0 if taken else (1 - left) * 60 / self._full
