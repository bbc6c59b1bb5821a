"""What was worked out for one reader is kept for the next, as long as the marts are the same; never more than so many.

A value belongs to a state of the marts: after a refresh it is made anew. What else it depends on (receipts, runs) moves
all day while records are sent, so of that it may be ``LAG`` seconds behind. Who asks for a value that is being made
waits for it, instead of making it a second time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

MOST = 64
LAG = 60.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """A state of the warehouse: ``marts`` names what the last refresh left, ``around`` what moves between refreshes."""

    marts: str
    around: str


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    state: State | None = None
    made_at: float = 0.0
    value: Any = None

    def holds(self, state: State, now: float) -> bool:
        if self.state is None or self.state.marts != state.marts:
            return False
        return self.state.around == state.around or now - self.made_at < LAG


class Kept:
    """Values by what was asked for; of more than ``most`` the one that was not asked for the longest goes."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, state: State, make: Callable[[], T]) -> T:
        """The value of the key in this state, made where it is not there; what fails is not kept."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            now = self._clock()
            if not entry.holds(state, now):
                entry.value, entry.state, entry.made_at = make(), state, now
            value: T = entry.value
            return value
