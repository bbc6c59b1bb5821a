"""Answers of the platform in the form of each pattern of calling."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

OK = 0
FAILED = -1


class Pattern(StrEnum):
    """The three ways in which a shared platform is called."""

    LGSP = "lgsp"
    OAUTH2 = "oauth2"
    ADAPTER = "portal_adapter"


class Refused(Exception):
    """The platform says no to a whole request, with words, in HTTP 200."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Answer:
    """Code, words and result."""

    code: int
    message: str
    result: dict[str, Any] = field(default_factory=dict)

    def shortened(self, keep: int) -> Answer:
        """The same answer with every list of the result cut to its first ``keep`` entries."""
        result = {name: value[:keep] if isinstance(value, list) else value for name, value in self.result.items()}
        return Answer(self.code, self.message, result)

    def encode(self, pattern: Pattern) -> bytes:
        """JSON in UTF-8: numbers as numbers, but in the adapter's pattern everything as text."""
        if pattern is Pattern.OAUTH2:
            return _json({"Status": self.code, "Message": self.message, "Result": self.result})
        body = {"error_code": self.code, "message": self.message, "result": self.result}
        return _json(as_text(body) if pattern is Pattern.ADAPTER else body)

    def nested(self, pattern: Pattern) -> bytes:
        """The answer as an adapter in between wraps it: its own success around our JSON as a string."""
        return Answer(OK, self.encode(pattern).decode()).encode(pattern)


def as_text(value: Any) -> Any:
    """The same value with every number in it as text; what is absent stays null."""
    if isinstance(value, dict):
        return {name: as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_text(part) for part in value]
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _json(value: object) -> bytes:
    # A lone surrogate may come back in a key that a client sent: spoil that letter, not the answer.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
