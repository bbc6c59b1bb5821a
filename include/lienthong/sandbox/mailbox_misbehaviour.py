"""Faults that the sandbox's mail server shows on request.

    down     refuses connections until the rule is removed
    busy     answers MAIL with 421 and closes the connection
    defer    answers RCPT with 451, or the ``status`` that is given
    refuse   answers RCPT with 550, or the ``status`` that is given
    reject   answers DATA with 554, or the ``status`` that is given; nothing is kept
    stall    says nothing for ``ms`` when a letter begins
    slow     takes ``ms`` more before it answers DATA
    drop     keeps the letter and closes the connection before it answers

``address`` restricts a rule to one mailbox, ``times`` to its first strikes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lienthong.errors import NeedsPerson

STATUS = {"busy": 421, "defer": 451, "refuse": 550, "reject": 554}
FAULTS = ("down", *STATUS, "stall", "slow", "drop")


@dataclass(frozen=True, slots=True)
class MailFault:
    """One rule."""

    fault: str
    address: str | None = None
    times: int | None = None
    status: int | None = None
    message: str = "not now"
    ms: int = 60_000

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise NeedsPerson(f"Mailbox: expected a fault out of {', '.join(FAULTS)}; found {self.fault!r}.")
        plain = self.message.isascii() and self.message.isprintable()
        if not plain or self.ms < 0 or not 400 <= self.code <= 599:
            raise NeedsPerson(
                f"Mailbox fault {self.fault!r}: expected a status from 400 to 599, an ASCII message on one line and no "
                "negative ms. Mend the rule that was sent."
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MailFault:
        """A rule from JSON; an unknown key or a value of another type is refused."""
        kinds = {"fault": str, "address": str, "times": int, "status": int, "message": str, "ms": int}
        for key, value in values.items():
            if key not in kinds or isinstance(value, bool) or not isinstance(value, kinds[key]):
                raise NeedsPerson(
                    f"Mailbox: expected the keys {', '.join(kinds)}; {key!r} is none or has no such value."
                )
        if "fault" not in values:
            raise NeedsPerson("Mailbox: the key 'fault' is missing. Mend the rule that was sent.")
        return cls(**values)

    @property
    def code(self) -> int:
        """The status with which the server answers."""
        return self.status or STATUS.get(self.fault, 450)

    @property
    def reply(self) -> str:
        """The line with which the server answers."""
        return f"{self.code} {self.message}"


@dataclass(slots=True)
class _Live:
    number: int
    rule: MailFault
    fired: int = 0


class MailMisbehaviour:
    """The rules in force, in the order in which they were added; safe to change while the server works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Live] = []
        self._last = 0

    def add(self, rule: MailFault) -> int:
        """Put a rule in force; gives its number."""
        with self._lock:
            self._last += 1
            self._rules.append(_Live(self._last, rule))
            return self._last

    def remove(self, number: int | None = None) -> int:
        """Take one rule out of force, or all; gives how many."""
        with self._lock:
            kept = [live for live in self._rules if number is not None and live.number != number]
            gone = len(self._rules) - len(kept)
            self._rules = kept
            return gone

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with ``id`` and how often it ``fired``."""
        with self._lock:
            return [{"id": live.number, **asdict(live.rule), "fired": live.fired} for live in self._rules]

    @property
    def down(self) -> bool:
        """Whether connections are refused."""
        with self._lock:
            return any(live.rule.fault == "down" for live in self._rules)

    def strike(self, fault: str, address: str | None = None) -> MailFault | None:
        """The rule that strikes now, which counts as one strike, or None."""
        with self._lock:
            for live in self._rules:
                rule = live.rule
                spent = rule.times is not None and live.fired >= rule.times
                meant = rule.address is None or (address is not None and rule.address.lower() == address.lower())
                if rule.fault == fault and meant and not spent:
                    live.fired += 1
                    return rule
        return None
