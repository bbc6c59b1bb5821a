"""Sessions of the portal: opaque, of fixed lifetime, in memory only, so a restart ends them all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable


class Sessions:
    """Who may speak until when; ``clock`` counts seconds and is replaced in tests."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends: dict[str, float] = {}

    def open(self) -> str:
        """A new session; the expired ones are thrown away on the way."""
        now = self._clock()
        self._ends = {session: end for session, end in self._ends.items() if end > now}
        session = secrets.token_hex(16)
        self._ends[session] = now + self._seconds
        return session

    def alive(self, session: object) -> bool:
        """Whether the session was opened here and has not expired."""
        return isinstance(session, str) and self._ends.get(session, 0.0) > self._clock()

    def expire(self, session: object) -> None:
        """End a session before its time."""
        if isinstance(session, str):
            self._ends.pop(session, None)
