"""The chains of the warehouse: walked, copied into a file and anchored, each from one state of the database.

Senders go on meanwhile. What they add after that state is not seen, and is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg.rows import tuple_row

from lienthong.errors import NeedsPerson
from lienthong.publishing import chain_anchors, chain_files
from lienthong.publishing.chain_check import START, Anchor, Chain, Check, Epoch, Head
from lienthong.publishing.receipts import GENESIS, Link, canonical
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse, one

AT_ONCE = 5_000
LEAST = -(2**63)  # of the numbers that a place can be
RUNBOOK = "docs/runbooks/restore-from-a-backup.md"
MEND = (
    "Who administers the warehouse can lay it beside an export or a backup; if it came back from a backup, "
    f"{RUNBOOK} goes on."
)
_NAMES = ("dataset", "record_key", "version", "outcome", "code", "message", "request_id", "body_sha256", "answered_at")


@dataclass(frozen=True, slots=True)
class Now:
    """The heads of all chains in one state of the warehouse, which is younger than ``copied_at`` and older than
    ``noted_at``: an export has all that was anchored before it was begun."""

    heads: dict[str, Head]
    copied_at: datetime
    noted_at: datetime


@contextmanager
def _one_state(warehouse: Warehouse) -> Iterator[tuple[Session, Now]]:
    with warehouse.session() as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = session.execute(statement(warehouse.home, "publish/receipts.heads")).fetchall()
        clock = one(session, "SELECT transaction_timestamp() AS c, clock_timestamp() AS n")
        heads = {row["endpoint"]: Head(row["place"], row["hash"] or GENESIS) for row in rows}
        yield session, Now(heads, clock["c"], clock["n"])


def links(session: Session, home: Path, endpoint: str, after: int = 0) -> Iterator[Link]:
    """The receipts of one chain beyond a place, by a cursor of the server: memory stays flat.

    Of a whole chain also those that stand before its first place, where none may be."""
    first = after + 1 if after else LEAST
    with session.cursor(name="receipts", row_factory=tuple_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(statement(home, "publish/receipts.walk"), {"endpoint": endpoint, "first": first})
        for place, previous, digest, *rest in cursor:
            content = {"endpoint": endpoint, "place": place, **dict(zip(_NAMES, rest, strict=True))}
            yield Link(endpoint, place, previous, digest, canonical(content))


def verify(warehouse: Warehouse, lines: Sequence[Anchor]) -> list[Chain]:
    """Every chain of the warehouse against itself, its head and the anchors, which were read before."""
    with _one_state(warehouse) as (session, now):
        return [
            _walked(session, warehouse.home, endpoint, now.heads.get(endpoint, START), lines)
            for endpoint in sorted({*now.heads, *(line.endpoint for line in lines)})
        ]


def _walked(
    session: Session, home: Path, endpoint: str, head: Head, lines: Iterable[Anchor], after: Head = START
) -> Chain:
    anchors, epochs = chain_anchors.standing(lines, endpoint)
    check = Check(endpoint, head, anchors, MEND, after=after)
    check.chain.epochs = epochs
    for link in links(session, home, endpoint, after.place):
        check.take(link)
    return check.end()


def export(warehouse: Warehouse, path: Path, endpoints: Sequence[str] = (), from_place: int = 1) -> int:
    """Copy chains, all when none is named, into a file that appears whole or not at all; gives how many receipts."""
    if from_place > 1 and len(endpoints) != 1:
        raise NeedsPerson("--from-place counts the receipts of one chain: name exactly one endpoint with it.")
    with _one_state(warehouse) as (session, now):
        unknown = [endpoint for endpoint in endpoints if endpoint not in now.heads]
        if unknown:
            raise NeedsPerson(
                f"There are no receipts of {', '.join(unknown)}; there are some of {', '.join(now.heads) or 'nobody'}."
            )
        chosen = sorted(set(endpoints) or now.heads)
        parts = [
            chain_files.Part(endpoint, _before(session, endpoint, from_place), now.heads[endpoint])
            for endpoint in chosen
        ]
        found = (link for part in parts for link in links(session, warehouse.home, part.endpoint, part.after.place))
        return chain_files.write(path, now.copied_at, parts, found)


def _before(session: Session, endpoint: str, from_place: int) -> Head:
    if from_place == 1:
        return START
    row = session.execute(
        "SELECT hash FROM publish.receipts WHERE endpoint = %s AND place = %s", [endpoint, from_place - 1]
    ).fetchone()
    if row is None:
        raise NeedsPerson(
            f"{endpoint}: expected a receipt at place {from_place - 1}, before --from-place, and found none. "
            "`lienthong verify` says where the chain ends."
        )
    return Head(from_place - 1, row["hash"])


def anchor(warehouse: Warehouse, path: Path) -> int:
    """Note the heads that moved since they were noted last; gives how many.

    A chain that does not hold from its last anchor on, or no longer meets one, is not noted: the others are, and then
    a person is told."""
    with warehouse.alone("anchors"):
        lines = chain_anchors.read(path)
        added: list[Anchor] = []
        wrong: list[Chain] = []
        with _one_state(warehouse) as (session, now):
            for endpoint in sorted({*now.heads, *(line.endpoint for line in lines)}):
                head = now.heads.get(endpoint, START)
                chain = _since(session, warehouse.home, endpoint, head, lines)
                if chain.wrong:
                    wrong.append(chain)
                elif chain.receipts:
                    added.append(Anchor(now.noted_at, endpoint, head.place, head.hash))
        try:
            chain_anchors.append(path, added)
        finally:
            # Said also when the disk refuses the others: this is what a person must not miss.
            require_whole(wrong, "do not hold and were not anchored")
    return len(added)


def require_whole(chains: Iterable[Chain], said: str = "do not hold") -> None:
    """Raise ``NeedsPerson`` with the first finding of each chain that has one."""
    wrong = [chain for chain in chains if chain.wrong]
    if wrong:
        raise NeedsPerson(
            f"The receipts of {', '.join(chain.endpoint for chain in wrong)} {said}; "
            f"`lienthong verify` tells all. {' '.join(str(chain.findings[0]) for chain in wrong)}"
        )


def _since(session: Session, home: Path, endpoint: str, head: Head, lines: Iterable[Anchor]) -> Chain:
    """The chain from the last anchor before the first that is not met; every anchor is looked up."""
    anchors, _ = chain_anchors.standing(lines, endpoint)
    unmet = _unmet(session, endpoint, anchors)
    met = [line for line in anchors if not unmet or line.place < unmet[0].place]
    last = max(met, key=lambda line: line.place, default=None)
    after = Head(last.place, last.hash) if last else START
    return _walked(session, home, endpoint, head, lines, after)


def _unmet(session: Session, endpoint: str, anchors: Sequence[Anchor]) -> list[Anchor]:
    """Anchors whose place holds another receipt or none, in the order of their places."""
    rows = session.execute(
        "SELECT place, hash FROM publish.receipts WHERE endpoint = %s AND place = ANY(%s)",
        [endpoint, [line.place for line in anchors]],
    )
    found = {row["place"]: row["hash"] for row in rows}
    return sorted((line for line in anchors if found.get(line.place) != line.hash), key=lambda line: line.place)


def begin_epoch(warehouse: Warehouse, path: Path, reason: str, by: str) -> list[Epoch]:
    """Go on from the chains as they are where they do not meet their anchors, by a person's word that is kept."""
    if not reason.strip():
        raise NeedsPerson("Say with --reason why the receipts that were anchored are not there any more.")
    with warehouse.alone("anchors"):
        lines = chain_anchors.read(path)
        begun: list[Epoch] = []
        with _one_state(warehouse) as (session, now):
            for endpoint in sorted({line.endpoint for line in lines}):
                anchors, _ = chain_anchors.standing(lines, endpoint)
                unmet = _unmet(session, endpoint, anchors)
                if unmet:
                    head = now.heads.get(endpoint, START)
                    begun.append(
                        Epoch(now.noted_at, endpoint, head.place, head.hash, unmet[0].place, unmet[-1].place,
                              reason.strip(), by)
                    )  # fmt: skip
        chain_anchors.append(path, begun)
    return begun
