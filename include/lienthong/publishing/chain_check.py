"""A chain holds when every receipt continues the one before it, the last is its head, and no anchor says otherwise.

Whoever changes a receipt and computes everything after it anew has a chain that holds in itself. That shows in the
head, which an export names, or in an anchor: the place and hash of a former head, noted outside of the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from lienthong.batches import LOCAL
from lienthong.publishing.receipts import GENESIS, Break, Link, Walk

MOST = 20
"""Findings of one chain that are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a chain, noted at some time."""

    at: datetime
    endpoint: str
    place: int
    hash: str


@dataclass(frozen=True, slots=True)
class Epoch(Anchor):
    """A person's word that a chain goes on from here although earlier anchors from ``lost_from`` on do not hold."""

    lost_from: int
    lost_to: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain says that it ends."""

    place: int = 0
    hash: str = GENESIS


START = Head()
"""What the first receipt follows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a chain; as a text, a sentence for a person."""

    endpoint: str
    place: int
    kind: str
    expected: str
    found: str
    mend: str

    def __str__(self) -> str:
        """Endpoint, place, what was expected and found, and who can mend it."""
        return f"{self.endpoint}, place {self.place}: expected {self.expected}, found {self.found}. {self.mend}"


@dataclass(slots=True)
class Chain:
    """What was seen of one chain: it holds when ``wrong`` is zero."""

    endpoint: str
    after: int = 0
    receipts: int = 0
    place: int = 0
    hash: str = GENESIS
    anchored: Anchor | None = None
    epochs: list[Epoch] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    wrong: int = 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it if not too many are kept already."""
        self.wrong += 1
        if len(self.findings) < MOST:
            self.findings.append(finding)


def short(text: str) -> str:
    """The beginning of a hash, enough to find it again."""
    return f"{text[:16]}…" if len(text) == len(GENESIS) else text


_SAID = {
    "missing": ("{}", "{}: what stands between is missing"),
    "order": ("{}", "{}: it stands here twice or out of order"),
    "link": ("a receipt that follows {}", "one that follows {}: what came before it is not what it followed"),
    "changed": ("the hash {} of what it says", "{}: it was changed after it was written"),
}


class Check:
    """Takes the receipts of one chain in their order and says in the end whether it holds, in flat memory."""

    def __init__(
        self, endpoint: str, head: Head, anchors: Iterable[Anchor], mend: str, *, after: Head = START,
        as_of: datetime | None = None,
    ) -> None:  # fmt: skip
        """``after`` is what the first receipt follows; ``as_of`` when the chain was copied, None for the living one:
        what was anchored later and lies beyond its end was not there yet."""
        self.chain = Chain(endpoint, after.place)
        self._head = head
        self._mend = mend
        self._as_of = as_of
        self._walk = Walk(after.place, after.hash)
        self._unmet = 0
        self._anchors: dict[int, list[Anchor]] = {}
        for anchor in anchors:
            if anchor.place >= after.place:
                self._anchors.setdefault(anchor.place, []).append(anchor)
        if after.place == 0 and after.hash != GENESIS:
            self.note("link", 1, "a first receipt that follows nothing", f"one that follows {short(after.hash)}")
        self._compare(after.place, after.hash)

    def note(self, kind: str, place: int, expected: str, found: str) -> None:
        """Add a finding at ``place``."""
        self.chain.add(Finding(self.chain.endpoint, place, kind, expected, found, self._mend))

    @property
    def next(self) -> int:
        """The place of the receipt that should come next."""
        return self._walk.place + 1

    def take(self, link: Link) -> None:
        """The next receipt."""
        self.chain.receipts += 1
        wrong = self._walk.step(link)
        if wrong is not None:
            self._say(wrong)
        if link.place in self._anchors:
            self._compare(link.place, link.hash)

    def _say(self, wrong: Break) -> None:
        expected, found = _SAID[wrong.kind]
        self.note(wrong.kind, wrong.place, expected.format(short(wrong.expected)), found.format(short(wrong.found)))

    def _compare(self, place: int, found: str) -> None:
        for anchor in self._anchors.pop(place, ()):
            if anchor.hash == found:
                if self.chain.anchored is None or self.chain.anchored.place <= place:
                    self.chain.anchored = anchor
                continue
            self._unmet += 1
            if self._unmet == 1:  # all after it differ too
                self.note(
                    "anchor", place, f"{short(anchor.hash)}, as was noted on {when(anchor.at)}",
                    f"{short(found)}: the chain up to here is another one",
                )  # fmt: skip

    def end(self) -> Chain:
        """What was seen, after the last receipt."""
        chain, walk, head = self.chain, self._walk, self._head
        chain.place, chain.hash = walk.place, walk.hash
        if walk.place < head.place:
            self.note("cut", walk.place + 1, f"receipts up to the head at place {head.place}",
                      f"the end of the chain at place {walk.place}")  # fmt: skip
        elif walk.place > head.place:
            self.note("beyond", head.place + 1, f"the end of the chain, as the head at place {head.place} says",
                      f"receipts up to place {walk.place}")  # fmt: skip
        elif walk.hash != head.hash:
            self.note("head", walk.place, f"{short(head.hash)}, as the head says", short(walk.hash))
        # What was met is taken out; what lies before the end and is left stands at a place that is missing.
        lost = [
            anchor
            for place, anchors in self._anchors.items()
            for anchor in anchors
            if place <= walk.place or self._as_of is None or anchor.at <= self._as_of
        ]
        if lost:
            last = max(lost, key=lambda anchor: anchor.place)
            held = f"the last that holds is place {chain.anchored.place}" if chain.anchored else "none holds"
            self.note("lost", last.place, f"the receipt {short(last.hash)} that was noted on {when(last.at)}",
                      f"none at this place ({len(lost)} anchors without their receipt; {held})")  # fmt: skip
        return chain


def when(moment: datetime) -> str:
    """A moment in local time, to the minute."""
    return f"{moment.astimezone(LOCAL):%Y-%m-%d %H:%M}"
