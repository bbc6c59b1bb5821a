"""Receipts form a chain: each hash covers the one before it, so a change, a gap or a reordering shows.

The hash is SHA-256 of the previous hash followed by the canonical JSON of the receipt. It can be computed again
from an export, without the database (``chain_files``), and is compared with what was noted elsewhere
(``chain_anchors``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

GENESIS = "0" * 64
"""What the first receipt of an endpoint follows."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receiver said about one version of one record, and its link in the chain of the endpoint."""

    endpoint: str
    place: int
    dataset: str
    record_key: str
    version: int
    outcome: str
    code: str
    message: str
    request_id: str
    body_sha256: str
    answered_at: datetime
    previous: str
    hash: str = ""

    def sealed(self) -> Receipt:
        """The same receipt with the hash that belongs to it."""
        content = {name: getattr(self, name) for name in _CONTENT}
        return Receipt(**content, previous=self.previous, hash=seal(self.previous, content))


_CONTENT = tuple(field.name for field in fields(Receipt) if field.name not in ("previous", "hash"))
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def moment_text(moment: datetime) -> str:
    """A moment as it is sealed: in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(content: Mapping[str, Any]) -> str:
    """What is sealed of a receipt: everything but its two hashes, its moment as ``moment_text`` gives it."""
    return _encode(content)


def digest(previous: str, text: str) -> str:
    """The hash of a receipt with this canonical text that follows ``previous``."""
    return hashlib.sha256((previous + text).encode("utf-8")).hexdigest()


def seal(previous: str, content: Mapping[str, Any]) -> str:
    """The hash of a receipt with this content, everything but its two hashes, that follows ``previous``."""
    return digest(previous, canonical({**content, "answered_at": moment_text(content["answered_at"])}))


class Link(NamedTuple):
    """A receipt as its chain sees it; ``text`` is its canonical JSON."""

    endpoint: str
    place: int
    previous: str
    hash: str
    text: str


class Break(NamedTuple):
    """Where a chain does not hold, and in which way: missing, order, link or changed."""

    kind: str
    place: int
    expected: str
    found: str


@dataclass(slots=True)
class Walk:
    """Follows one chain from the receipt at ``place`` with ``hash`` on, and holds no more than the last one."""

    place: int = 0
    hash: str = GENESIS

    def step(self, link: Link) -> Break | None:
        """Take the next receipt: None when it continues the chain, else what is wrong; goes on from it either way."""
        place, previous = self.place + 1, self.hash
        self.place, self.hash = link.place, link.hash
        if link.place != place:
            kind = "missing" if link.place > place else "order"
            return Break(kind, place, f"place {place}", f"place {link.place}")
        if link.previous != previous:
            return Break("link", place, previous, link.previous)
        sealed = digest(previous, link.text)
        return None if sealed == link.hash else Break("changed", place, sealed, link.hash)


def first_break(receipts: Iterable[Receipt], place: int = 0, previous: str = GENESIS) -> int | None:
    """The place of the first receipt that does not continue the chain, or None when all do.

    ``receipts`` come in the order of their places and follow the receipt at ``place`` with hash ``previous``."""
    walk = Walk(place, previous)
    for receipt in receipts:
        content = {name: getattr(receipt, name) for name in _CONTENT}
        text = canonical({**content, "answered_at": moment_text(receipt.answered_at)})
        found = walk.step(Link(receipt.endpoint, receipt.place, receipt.previous, receipt.hash, text))
        if found is not None:
            return found.place
    return None
