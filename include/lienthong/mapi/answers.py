"""What receivers say, in one form: a code, words, a result; and one note of every request, however it ended."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from lienthong.errors import LienThongError, ReceiverRefused
from lienthong.mapi.masking import HIDDEN
from lienthong.mapi.transport import NoAnswer

Mask = Callable[[str], str]

_NUMBER = re.compile(r"[+-]?\d{1,9}")
_NESTINGS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the audit trail keeps it: counts and codes, no content."""

    request_id: str
    service: str
    records: int
    outcome: str
    code: str
    message: str
    started_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. ``message`` is masked; its own words are only asked for phrases."""

    request_id: str
    code: str
    message: str
    answered_at: datetime
    result: Any = field(default=None, repr=False)
    words: str = field(default="", repr=False)
    good: Collection[str] = ("0",)
    """Codes that mean success."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the request: 0, "0" and "00" are one code."""
        return self.code in self.good

    def says(self, *phrases: str) -> bool:
        """Whether one of the phrases occurs in the receiver's own words."""
        text = self.words.casefold()
        return any(phrase in text for phrase in phrases)


@dataclass(slots=True)
class Noted:
    """A request under way: its id, and what is known of its end."""

    request_id: str
    outcome: str = "error"
    code: str = ""
    message: str = ""

    def heard(self, answer: Answer) -> Answer:
        """The same answer, noted."""
        self.outcome, self.code, self.message = _said(answer)
        return answer


def _said(answer: Answer) -> tuple[str, str, str]:
    return "accepted" if answer.accepted else "refused", answer.code, answer.message


@contextmanager
def noted(calls: list[Call], service: str, records: int) -> Iterator[Noted]:
    """Give the block an id for its one request, and add the request to ``calls`` whatever becomes of it."""
    note = Noted(str(uuid.uuid4()))
    started_at, started = datetime.now(UTC), time.monotonic()
    try:
        yield note
    except LienThongError as error:
        note.outcome, note.message = _outcome(error), str(error)
        raise
    finally:
        seconds = time.monotonic() - started
        calls.append(
            Call(note.request_id, service, records, note.outcome, note.code, note.message, started_at, seconds)
        )


def _outcome(error: LienThongError) -> str:
    if isinstance(error, ReceiverRefused):
        return "stopped"
    return "in_doubt" if isinstance(error, NoAnswer) else "not_taken"


def hiding(mask: Mask, secrets: Collection[str]) -> Mask:
    """The mask for a receiver that may repeat what we sent to identify ourselves."""
    known = [secret for secret in secrets if secret]
    return lambda words: mask(reduce(lambda text, secret: text.replace(secret, HIDDEN), known, words))


def unwrapped(value: dict[str, Any], code: str = "error_code", message: str = "message") -> dict[str, Any]:
    """The national answer inside the ``message`` of a provincial adapter, however deep, or the answer itself."""
    for _ in range(_NESTINGS):
        value = _inner(value, code, message)
    return value


def _inner(value: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    text = value.get(message)
    if isinstance(text, str) and text.lstrip().startswith("{"):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return value
        if isinstance(inner, dict) and code in inner:
            return inner
    return value


def code_of(value: Any) -> str | None:
    """One spelling for numbers, numeric strings and "00"; other text as it is, cut short."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return str(int(text)) if _NUMBER.fullmatch(text) else text[:20] or None
