"""Where a walk stands, as a text that callers hand back unread; what is no such text is refused."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

LARGEST = 2**62
LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Mark:
    """After which record a walk goes on. ``kind`` is the walk's, so that a mark of one is not taken for another's;
    ``start`` is the version at which it began, or for changes the one that it goes up to."""

    kind: str
    dataset: str
    start: int
    change: int
    key: str

    def text(self) -> str:
        """The mark as it stands in a page's ``next``."""
        told = json.dumps([self.kind, self.dataset, self.start, self.change, self.key], separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def read(text: str, kind: str, dataset: str) -> Mark | None:
    """The mark that was given for this walk of this dataset, or None."""
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        told = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    match told:
        case [str(found), str(of), int(start), int(change), str(key)] if (
            (found, of) == (kind, dataset) and _counts(start) and _counts(change) and sendable(key)
        ):
            return Mark(kind, dataset, start, change, key)
    return None


def _counts(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number <= LARGEST


def sendable(key: str) -> bool:
    """Whether PostgreSQL can hold the text: without NUL and half characters."""
    return "\x00" not in key and not any("\ud800" <= letter <= "\udfff" for letter in key)
