"""Receipts form a chain: each hash covers the one before it, so a change, a gap or a reordering shows.

The hash is SHA-256 of the previous hash followed by the canonical JSON of the receipt. It can be computed again
from an export, without the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

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


def seal(previous: str, content: Mapping[str, Any]) -> str:
    """The hash of a receipt with this content, everything but its two hashes, that follows ``previous``."""
    moment = content["answered_at"].astimezone(UTC).isoformat(timespec="microseconds")
    text = previous + _encode({**content, "answered_at": moment})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def first_break(receipts: Iterable[Receipt], place: int = 0, previous: str = GENESIS) -> int | None:
    """The place of the first receipt that does not continue the chain, or None when all do.

    ``receipts`` come in the order of their places and follow the receipt at ``place`` with hash ``previous``."""
    for receipt in receipts:
        place += 1
        if receipt.place != place or receipt.previous != previous or receipt.sealed().hash != receipt.hash:
            return place
        previous = receipt.hash
    return None
