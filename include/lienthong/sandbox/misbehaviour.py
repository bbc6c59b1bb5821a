"""Faults that portal and platform of the sandbox show on request; same rules, seed and requests, same faults.

A rule names a fault, the requests that it may hit and how often it does. The first rule that decides how a
request ends wins; delays of several rules add up. Faults with ``"after": true`` strike when the request has
already taken effect, so that only the answer is lost or spoiled.

    latency         waits ``ms`` before the request is handled
    slow            handles the request, answers ``ms`` later
    slow_body       handles the request, then takes ``ms`` to trickle the body
    http_error      answers HTTP ``status`` (500; also 401, 403, 502, 503 ...), with ``retry_after`` if given
    rate_limit      lets ``per_second`` requests pass, answers 429 to the rest, with ``retry_after`` if given
    redirect        answers ``status`` 308 (or 301, 302, 303, 307) to ``location``
    drop            closes the TCP connection without an answer
    html            answers a web page instead of JSON, with HTTP ``status`` 200 unless given
    empty           answers HTTP 200 without a body
    fail            answers HTTP 200 with ``code`` and ``message`` in the server's own form
    malformed       answers HTTP 200 with JSON that is cut in the middle
    nested          puts the real answer as a JSON string into ``message`` of another answer
    shorten         cuts the list of a pull to its first ``keep`` entries (0)
    omit            leaves ``part`` out of an answer of the evaluation API: a group, a sub-indicator, a counter, a unit
    blank           the same, but the figures of ``part`` are there without a value
    orion           answers a batch with 207, every identifier under success and no errors, as Orion-LD does
    expire_session  ends the session of the request before it is looked at
    refuse          refuses single records with ``code`` and ``message`` ("{khoa}" is filled in)
    forget          accepts single records, says so, and does not keep them
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from lienthong.errors import NeedsPerson

DELAYS = frozenset({"latency"})
RECORD_FAULTS = frozenset({"refuse", "forget"})
BEFORE = frozenset({"rate_limit", "redirect", "http_error", "drop", "html", "empty", "malformed", "fail"})
"""Faults that keep a request from being handled, unless ``after`` is set."""
ALWAYS_AFTER = frozenset({"slow", "slow_body", "nested", "shorten", "omit", "blank", "orion"})
FAULTS = DELAYS | RECORD_FAULTS | BEFORE | ALWAYS_AFTER | {"expire_session"}
STATUS = {"http_error": 500, "rate_limit": 429, "redirect": 308}
"""HTTP status of a fault that does not name one; 200 for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Unset conditions do not restrict: ``{"fault": "drop"}`` alone drops every request."""

    fault: str
    service: str | None = None
    """Service that is hit, ``login``, or ``*`` for every one; unset means every service but the login."""
    ma_ho_so: str | None = None
    """Only requests, or for ``refuse`` and ``forget`` records, with this dossier code."""
    khoa: str | None = None
    """The same for the key of a record of the shared platform."""
    dataset: str | None = None
    """Only requests that are about this dataset of the shared platform."""
    times: int | None = None
    """Strikes at most so often, then never again."""
    every: int = 1
    """Strikes the k-th, 2k-th ... match only."""
    probability: float = 1.0
    """Share of matches that are hit: drawn per request, or fixed per key for record faults."""
    seed: int = 0
    after: bool = False
    ms: int = 7000
    status: int | None = None
    retry_after: float | None = None
    per_second: float = 1.0
    location: str = "/moved/mapi/g"
    code: str | None = None
    message: str | None = None
    """Unset: what the server says by itself."""
    keep: int = 0
    part: str = ""

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise NeedsPerson(
                f"Misbehaviour: expected a fault out of {', '.join(sorted(FAULTS))}; found {self.fault!r}. "
                "Mend the rule that was sent."
            )
        sane = self.every >= 1 and 0 <= self.probability <= 1 and self.ms >= 0 and self.per_second >= 0
        if not sane or not 100 <= self.http_status <= 599 or self.keep < 0:
            raise NeedsPerson(
                f"Misbehaviour {self.fault!r}: expected every >= 1, probability 0 to 1, status 100 to 599 and no "
                "negative ms, per_second or keep; found another value. Mend the rule that was sent."
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rule:
        """A rule from JSON; an unknown key or a value of another type is refused by its name."""
        known = {f.name: f.type for f in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise NeedsPerson(f"Misbehaviour: expected keys out of {', '.join(known)}; found {key!r}.")
            if not _fits(str(known[key]), value):
                raise NeedsPerson(
                    f"Misbehaviour: {key!r} must be {known[key]}; found {type(value).__name__}. Mend the rule."
                )
        if "fault" not in values:
            raise NeedsPerson("Misbehaviour: the key 'fault' is missing. Mend the rule that was sent.")
        return cls(**values)

    @property
    def http_status(self) -> int:
        """Status of the answer when this rule ends the request."""
        return STATUS.get(self.fault, 200) if self.status is None else self.status

    @property
    def strikes_after(self) -> bool:
        """Whether the request is handled first."""
        return self.after or self.fault in ALWAYS_AFTER


def _fits(kind: str, value: object) -> bool:
    if value is None:
        return "None" in kind
    if isinstance(value, bool):
        return kind == "bool"
    accepted: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
    return isinstance(value, accepted.get(kind.split(" ")[0], ()))


@dataclass(slots=True)
class _Live:
    """A rule with what it has met so far."""

    number: int
    rule: Rule
    matched: int = 0
    fired: int = 0
    tokens: float = 0.0
    filled_at: float = 0.0
    draws: random.Random = field(default_factory=random.Random)

    def strikes(self, key: str | None) -> bool:
        """Count one match and say whether the rule strikes it."""
        if self.rule.times is not None and self.fired >= self.rule.times:
            return False
        self.matched += 1
        struck = self.matched % self.rule.every == 0 and self._drawn(key)
        self.fired += struck
        return struck

    def _drawn(self, key: str | None) -> bool:
        if self.rule.probability >= 1:
            return True
        if key is None:
            return self.draws.random() < self.rule.probability
        # A record's fate hangs on its key, so it is the same whatever the order or the number of tries.
        number = hashlib.sha256(f"{self.rule.seed}|{key}".encode("utf-8", "replace")).digest()[:8]
        return int.from_bytes(number, "big") / 2**64 < self.rule.probability


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to happen to one request."""

    delay: float = 0.0
    """Seconds to wait before it is handled."""
    expire_session: bool = False
    end: Rule | None = None
    """The rule that decides how the request ends; None for a good answer."""


GOOD = Plan()
PORTAL_WORDS = "Hồ sơ {khoa} bị từ chối: dữ liệu chưa hợp lệ"


class Misbehaviour:
    """The rules in force, in the order in which they were added; safe to change while the portal serves."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, refusal: tuple[str, str] = ("-5", PORTAL_WORDS)
    ) -> None:
        self._clock = clock
        self._refusal = refusal
        self._lock = threading.Lock()
        self._rules: list[_Live] = []
        self._last = 0

    def add(self, rule: Rule | None = None, **values: Any) -> int:
        """Put a rule in force and return its number; either a ``Rule`` or its fields."""
        given = Rule.of(values) if rule is None else rule
        with self._lock:
            self._last += 1
            live = _Live(self._last, given, tokens=given.per_second, filled_at=self._clock())
            live.draws.seed(given.seed)
            # A new list, so that a request that is being planned goes on with the old one.
            self._rules = [*self._rules, live]
            return live.number

    def remove(self, number: int) -> bool:
        """Take one rule out of force; False when it was not there."""
        with self._lock:
            kept = [live for live in self._rules if live.number != number]
            found = len(kept) < len(self._rules)
            self._rules = kept
            return found

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules = []

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with ``id`` and how often it ``matched`` and ``fired``."""
        return [
            {"id": live.number, **asdict(live.rule), "matched": live.matched, "fired": live.fired}
            for live in self._rules
        ]

    def plan(self, service: str, keys: Collection[str], dataset: str = "") -> Plan:
        """Decide the fate of a request that asks ``service`` about the records ``keys`` of ``dataset``."""
        if not self._rules:
            return GOOD
        delay, expire, end = 0.0, False, None
        for live in self._rules:
            rule = live.rule
            if rule.fault in RECORD_FAULTS or not _concerns(rule, service, keys, dataset):
                continue
            if rule.fault == "latency":
                delay += rule.ms / 1000 if live.strikes(None) else 0.0
            elif rule.fault == "expire_session":
                expire = live.strikes(None) or expire
            elif end is None and self._ends(live):
                end = rule
        return Plan(delay, expire, end)

    def words(self, rule: Rule, key: str = "") -> tuple[str, str]:
        """Code and words with which a rule lets the server say no."""
        code, message = self._refusal
        chosen = message if rule.message is None else rule.message
        return rule.code or code, chosen.replace("{khoa}", key).replace("{ma_ho_so}", key)

    def refusal(self, service: str, key: str, dataset: str = "") -> tuple[str, str] | None:
        """Code and words with which to refuse one record, or None."""
        rule = self._strike("refuse", service, key, dataset)
        return None if rule is None else self.words(rule, key)

    def forgets(self, service: str, key: str, dataset: str = "") -> bool:
        """Whether to lose one record that is accepted."""
        return self._strike("forget", service, key, dataset) is not None

    def _strike(self, fault: str, service: str, key: str, dataset: str) -> Rule | None:
        for live in self._rules:
            if live.rule.fault == fault and _concerns(live.rule, service, (key,), dataset) and live.strikes(key):
                return live.rule
        return None

    def _ends(self, live: _Live) -> bool:
        if live.rule.fault == "rate_limit" and self._passes(live):
            return False
        return live.strikes(None)

    def _passes(self, live: _Live) -> bool:
        """Take a token from the rule's bucket, which holds one second's worth."""
        now = self._clock()
        limit = live.rule.per_second
        live.tokens = min(max(limit, 1.0) if limit else 0.0, live.tokens + (now - live.filled_at) * limit)
        live.filled_at = now
        if live.tokens < 1:
            return False
        live.tokens -= 1
        return True


def _concerns(rule: Rule, service: str, keys: Collection[str], dataset: str) -> bool:
    wanted = rule.service
    if wanted != "*" and (wanted != service if wanted else service == "login"):
        return False
    if rule.dataset not in (None, dataset):
        return False
    return all(key is None or key in keys for key in (rule.ma_ho_so, rule.khoa))
