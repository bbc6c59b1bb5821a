"""The only writer of ``publish``: every change is one transaction that only the newest sender can commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from lienthong.endpoints import Feed, Item, Verdict
from lienthong.errors import TryAgain
from lienthong.mapi import Call
from lienthong.publishing.bodies import bodies_statement
from lienthong.publishing.receipts import GENESIS, Receipt, seal
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, explain

Place = tuple[str, str]
START: Place = ("", "")
"""Before the first order key and record key of a backlog."""
REPLACED = "phiên bản này không còn trong kho"
UNTOLD = "bản ghi đã bị xóa tại nguồn; nơi nhận này không nhận thao tác xóa nên không gửi"
"""Reasons of records that are closed without being sent."""

_CALL = [field.name for field in fields(Call)]
_RECEIPT = [field.name for field in fields(Receipt)]
# Not dataclasses.astuple, which copies every value deeply.
_call_values = attrgetter(*_CALL)


@dataclass(frozen=True, slots=True)
class Claim:
    """Records taken from a backlog, and how far the walk through it has come."""

    items: list[Item]
    after: Place
    end: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """The new state of one claimed record; ``wait`` seconds pass before it is due again."""

    item: Item
    state: str
    tries: int = 0
    wait: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Records that stay open when a sender ends."""

    in_doubt: int
    pending: int
    held: int


class Outbox:
    """The outbox, receipts and calls of one endpoint, in the hands of one sender at a time."""

    def __init__(self, session: Session, home: Path, endpoint: str) -> None:
        # Prepared statements would get plans that do not know how small a portion is.
        session.prepare_threshold = None
        self._session = session
        self._home = home
        self.endpoint = endpoint
        self.token = 0

    def open(self) -> int:
        """Become the sender of the endpoint; gives the number of records that a former one left in doubt."""
        with _explained():
            locked = self._one(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS got", [f"publish:{self.endpoint}"]
            )
            if not locked["got"]:
                raise TryAgain(f"{self.endpoint}: another sender is at work; this one leaves the outbox to it.")
            with self._session.transaction():
                self.token = self._one("SELECT nextval('publish.tokens') AS token")["token"]
                self._session.execute(
                    "INSERT INTO publish.chain_heads (endpoint, place, hash, token) VALUES (%s, 0, %s, %s)"
                    " ON CONFLICT (endpoint) DO UPDATE SET token = excluded.token",
                    [self.endpoint, GENESIS, self.token],
                )
                doubtful = self._run("take_over").rowcount
                self._run("clean")
        return doubtful

    def close(self) -> None:
        """Let the next sender in at once: a server ends a session only some time after its client has left."""
        with suppress(psycopg.Error):  # a session that broke off has let go
            self._session.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"publish:{self.endpoint}"])

    def claim(self, feed: Feed, doubtful: bool, after: Place, portion: int) -> Claim:
        """Take the next records that are due, with the exact text that is sent for each now and ever after."""
        given = {
            "dataset": feed.dataset,
            "parent": feed.parent,
            "state": "in_doubt" if doubtful else "pending",
            "after_order": after[0],
            "after_record": after[1],
            "portion": portion,
        }
        with self._transaction():
            due = self._run("due", **given).fetchall()
            if not due:
                return Claim([], after, end=True)
            locked = {(row["record_key"], row["version"]) for row in self._run("lock", **given, **_columns(due))}
            rows = _in_sequence(due, locked, feed)
            rows = self._without_untold(feed, rows)
            bodies = self._bodies(feed, [row for row in rows if row["body"] is None])
            items = [_item(feed, row, bodies, doubtful) for row in rows if row["body"] or row["record_key"] in bodies]
            self._keep(feed, items, bodies)
            gone = [row for row in rows if row["body"] is None and row["record_key"] not in bodies]
            if gone:
                self._run("give_way", dataset=feed.dataset, reason=REPLACED, **_columns(gone))
        return Claim(items, (due[-1]["order_key"], due[-1]["record_key"]), end=len(due) < portion)

    def _without_untold(self, feed: Feed, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Close the deletions that the receiver cannot be told of; gives the other rows."""
        untold = [row for row in rows if row["deleted"] and not feed.deletions]
        if not untold:
            return rows
        self._run("give_way", dataset=feed.dataset, reason=UNTOLD, **_columns(untold))
        return [row for row in rows if feed.deletions or not row["deleted"]]

    def settle(self, settlements: Sequence[Settlement], verdicts: Sequence[Verdict], calls: Sequence[Call]) -> None:
        """Write new states, one receipt for each verdict and the calls; all, or nothing if we are not the sender."""
        with self._transaction() as head:
            if verdicts:
                self._add_receipts(head, verdicts)
            if calls:
                self._copy("calls", ["endpoint", *_CALL], [(self.endpoint, *_call_values(call)) for call in calls])
            for dataset in {s.item.dataset for s in settlements}:
                self._settle(dataset, [s for s in settlements if s.item.dataset == dataset])

    def _settle(self, dataset: str, settlements: Sequence[Settlement]) -> None:
        written = self._run(
            "settle",
            dataset=dataset,
            **_keys([s.item for s in settlements]),
            states=[s.state for s in settlements],
            tries=[s.tries for s in settlements],
            waits=[s.wait for s in settlements],
            reasons=[s.reason for s in settlements],
        ).rowcount
        if written != len(settlements):
            raise self._replaced()
        closed = [s.item for s in settlements if s.state != "in_doubt"]
        if closed:
            self._run("forget", dataset=dataset, **_keys(closed))

    def now(self) -> datetime:
        """The time of the database, by which records become due."""
        with _explained():
            moment: datetime = self._one("SELECT clock_timestamp() AS now")["now"]
        return moment

    def next_due(self, after: datetime) -> float | None:
        """Seconds until the first open record that was not yet due at ``after`` is due, or None."""
        with _explained():
            row = self._one(
                "SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float8 AS wait"
                " FROM publish.outbox WHERE endpoint = %s AND state IN ('pending', 'in_doubt')"
                " AND next_attempt_at > %s AND next_attempt_at < 'infinity'",
                [self.endpoint, after],
            )
        return None if row["wait"] is None else max(0.0, row["wait"])

    def left(self, feeds: Sequence[Feed]) -> Left:
        """What stays open, over all feeds."""
        with _explained():
            rows = [self._run("left", dataset=feed.dataset, parent=feed.parent).fetchone() or {} for feed in feeds]
        return Left(*(sum(row[name] for row in rows) for name in ("in_doubt", "pending", "held")))

    def _bodies(self, feed: Feed, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if not rows:
            return {}
        given = {**feed.told, **_columns(rows)}
        made = self._session.execute(bodies_statement(self._home, self.endpoint, feed), given)
        return {row["record_key"]: row for row in made}

    def _keep(self, feed: Feed, items: Sequence[Item], made: dict[str, Any]) -> None:
        if not items:
            return
        self._run("claim", dataset=feed.dataset, **_keys(items), marks=[item.mark for item in items])
        new = [(self.endpoint, feed.dataset, i.record_key, i.version, i.body) for i in items if i.record_key in made]
        self._copy("bodies", ["endpoint", "dataset", "record_key", "version", "body"], new)

    def _add_receipts(self, head: dict[str, Any], verdicts: Sequence[Verdict]) -> None:
        place, previous = head["place"], head["hash"]
        rows = []
        for verdict in verdicts:
            place += 1
            content = _receipt(self.endpoint, place, verdict)
            digest = seal(previous, content)
            rows.append((*content.values(), previous, digest))
            previous = digest
        self._copy("receipts", _RECEIPT, rows)
        self._session.execute(
            "UPDATE publish.chain_heads SET place = %s, hash = %s WHERE endpoint = %s", [place, previous, self.endpoint]
        )

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier("publish", table), names)
        with self._session.cursor().copy(query) as copy:
            for row in rows:
                copy.write_row(row)

    @contextmanager
    def _transaction(self) -> Iterator[dict[str, Any]]:
        """A transaction that holds the head of the chain, which only the newest sender gets."""
        with _explained(), self._session.transaction():
            head = self._session.execute(
                "SELECT place, hash FROM publish.chain_heads WHERE endpoint = %s AND token = %s FOR UPDATE",
                [self.endpoint, self.token],
            ).fetchone()
            if head is None:
                raise self._replaced()
            yield head

    def _replaced(self) -> TryAgain:
        return TryAgain(f"{self.endpoint}: another sender has taken over; nothing of this one is written any more.")

    def _run(self, name: str, **given: Any) -> psycopg.Cursor[dict[str, Any]]:
        values = {"endpoint": self.endpoint, "token": self.token, **given}
        return self._session.execute(statement(self._home, f"publish/outbox.{name}"), values)

    def _one(self, query: LiteralString, values: Sequence[Any] = ()) -> dict[str, Any]:
        return self._session.execute(query, values).fetchall()[0]


@contextmanager
def _explained() -> Iterator[None]:
    """The server's own words may hold a row, so its error is not chained."""
    try:
        yield
    except psycopg.Error as error:
        raise explain(error) from None


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {"keys": [row["record_key"] for row in rows], "versions": [row["version"] for row in rows]}


def _keys(items: Sequence[Item]) -> dict[str, list[Any]]:
    return {"keys": [item.record_key for item in items], "versions": [item.version for item in items]}


def _in_sequence(due: Sequence[dict[str, Any]], locked: set[tuple[str, int]], feed: Feed) -> list[dict[str, Any]]:
    """The locked rows. With a parent: of each order key no more than fit a request, and none after a gap."""
    taken: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for row in due:
        free = (row["record_key"], row["version"]) in locked
        if feed.parent is not None:
            count = counts.get(row["order_key"], 0)
            free = free and count < feed.per_request
            counts[row["order_key"]] = count + 1 if free else feed.per_request
        if free:
            taken.append(row)
    return taken


def _item(feed: Feed, row: dict[str, Any], made: dict[str, dict[str, Any]], doubtful: bool) -> Item:
    new = made.get(row["record_key"])
    return Item(
        dataset=feed.dataset,
        record_key=row["record_key"],
        version=row["version"],
        order_key=row["order_key"],
        body=new["body"] if new else row["body"],
        mark=new["mark"] if new else row["mark"] or "",
        mark_before=row["mark_before"],
        known=row["known"],
        doubtful=doubtful,
        attempts=row["attempts"],
        missing=(new["missing"] or "") if new else "",
        deleted=row["deleted"],
    )


def _receipt(endpoint: str, place: int, verdict: Verdict) -> dict[str, Any]:
    """What a receipt says, in the order of its columns."""
    item = verdict.item
    return {
        "endpoint": endpoint,
        "place": place,
        "dataset": item.dataset,
        "record_key": item.record_key,
        "version": item.version,
        "outcome": str(verdict.outcome),
        "code": verdict.code,
        "message": verdict.message,
        "request_id": verdict.request_id,
        "body_sha256": hashlib.sha256(item.body.encode("utf-8")).hexdigest(),
        "answered_at": verdict.answered_at,
    }
