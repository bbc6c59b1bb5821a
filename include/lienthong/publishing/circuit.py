"""Patience with a receiver in trouble: growing pauses with full jitter, and an end to the patience."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable


def backoff(tries: int, first: float, longest: float) -> float:
    """Seconds to wait after the ``tries``-th failure: anything up to a bound that doubles each time."""
    return random.uniform(0, min(longest, first * 2 ** min(tries, 40)))  # noqa: S311 # spreads load, hides nothing


class Circuit:
    """Shared by the threads of one sender: nobody sends while it pauses, and the sender gives up once it is open.

    It opens after ``threshold`` failures in a row, or when the receiver asks for a longer pause than ``patience``."""

    def __init__(
        self, threshold: int, patience: float, first: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._patience = patience
        self._first = first
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._resume_at = 0.0

    def succeeded(self) -> None:
        """The receiver answered: what went before is forgiven, an announced pause is still kept."""
        with self._lock:
            self._failures = 0

    def failed(self, retry_after: float | None) -> None:
        """The receiver did not answer, or asked for a pause of ``retry_after`` seconds."""
        with self._lock:
            # Requests that left before the pause began tell of the same incident.
            if self._clock() >= self._resume_at:
                self._failures += 1
            own = backoff(self._failures, self._first, self._patience)
            wait = own if retry_after is None else max(own, retry_after)
            self._resume_at = max(self._resume_at, self._clock() + wait)

    @property
    def pause(self) -> float:
        """Seconds until the next request may leave; 0 when it may leave now."""
        with self._lock:
            return max(0.0, self._resume_at - self._clock())

    @property
    def failures(self) -> int:
        """Failures since the last answer."""
        with self._lock:
            return self._failures

    @property
    def open(self) -> bool:
        """Whether to give up for now."""
        return self.failures >= self._threshold or self.pause > self._patience
