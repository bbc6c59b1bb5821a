"""What the sender asks of an endpoint, and what it hears: records go out as requests and come back as verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from lienthong.contracts import Column
from lienthong.errors import LienThongError
from lienthong.mapi import Call


class Outcome(StrEnum):
    """What became of one record in one delivery."""

    ACCEPTED = "accepted"
    """The receiver holds it: a receipt is written."""
    REFUSED = "refused"
    """The receiver judged it and said no: a dead letter with the receiver's words."""
    TRY_AGAIN = "try_again"
    """Not taken, for a reason of this record that may pass; the try counts."""
    NOT_TAKEN = "not_taken"
    """Certainly not taken and not judged; the try does not count."""
    IN_DOUBT = "in_doubt"
    """Sent, and nobody knows whether it was taken; found out before anything else is sent for it."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One dataset that an endpoint takes.

    With a ``parent`` dataset a record leaves only when the receiver has accepted the parent's record whose key
    is its order key, and the records of one order key leave in the order of their keys. ``deletions`` tells whether
    the receiver can be told that a record is gone. ``columns`` make the bodies of a dataset that has no statement of
    its own, with ``texts`` every value of them as text. ``told`` is what the connection says of the bodies, bound to
    the statement by name."""

    dataset: str
    per_request: int
    parent: str | None = None
    deletions: bool = False
    columns: tuple[Column, ...] = ()
    texts: bool = False
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one record on its way. ``body`` is the exact text that is sent, now and at any repetition.

    ``mark`` is what a lookup at the receiver can show of this version, ``mark_before`` the mark of the version
    accepted last. ``known`` tells whether the receiver ever accepted a version of the record. ``missing`` names
    compulsory fields that have no value yet: such an item is not sent. ``deleted`` says that the version is the end
    of the record."""

    dataset: str
    record_key: str
    version: int
    order_key: str
    body: str = field(repr=False)
    mark: str = ""
    mark_before: str | None = None
    known: bool = False
    doubtful: bool = False
    attempts: int = 0
    missing: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one delivery found out about one record; ``message`` is masked."""

    item: Item
    outcome: Outcome
    code: str
    message: str
    request_id: str
    answered_at: datetime


@dataclass(slots=True)
class Delivery:
    """The verdicts of one delivery, one for each record, and every request that it took.

    ``trouble`` is the error that ended it early: of the receiver (``TryAgain``) or of our rights there
    (``ReceiverRefused``). The verdicts stand all the same."""

    verdicts: list[Verdict] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    trouble: LienThongError | None = None

    def settle(
        self, items: Sequence[Item], outcome: Outcome, code: str = "", message: str = "", request_id: str = ""
    ) -> None:
        """Give every one of ``items`` the same verdict."""
        now = datetime.now(UTC)
        self.verdicts.extend(Verdict(item, outcome, code, message, request_id, now) for item in items)


class Endpoint(Protocol):
    """A receiver of records. Safe to share between threads; never raises for what a receiver does."""

    name: str
    """Name of the endpoint, of its connection and of its statements: ``sql/publish/<name>.<dataset>.sql``, or
    ``sql/publish/<name>.sql`` for every dataset that has none."""
    feeds: tuple[Feed, ...]
    """Datasets that it takes, parents first."""
    in_flight: int
    """Requests that it may be sent side by side."""

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """Split claimed items into deliveries that may run side by side; order inside one is kept."""

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send the items of one group, in as many requests as that takes."""

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Find out what became of items in doubt: by lookup, or by sending the same bodies where that is harmless."""

    def close(self) -> None:
        """Let go of connections."""


def filled(feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
    """Requests of one dataset, each as full as it may be, in the order of the items."""
    size = feed.per_request
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def parted(items: Sequence[Item]) -> list[list[Item]]:
    """What is in doubt, as it may be sent again: together what merely lost its sender, singly what got no answer. One
    record may be what the receiver chokes on, and its neighbours must not share its fate."""
    together = [item for item in items if not item.attempts]
    return [together, *([item] for item in items if item.attempts)]
