"""One reconciliation of one endpoint: killed in the middle and called again it goes on, called twice it finds the same.

Inside first, in seconds and without the receiver. Then what the receiver lists, part by part; each part stands by
itself, so that a receiver which goes away costs only what was not asked yet.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints import Endpoint, Feed, Holder, Holding, Incomplete
from lienthong.errors import NeedsPerson, ReceiverBusy, TryAgain
from lienthong.mapi import Call
from lienthong.publishing.circuit import Circuit
from lienthong.publishing.trail import note_calls
from lienthong.reconcile import differences, planning
from lienthong.reconcile.inside import Inside, knowledge, look_inside
from lienthong.reconcile.looking import TABLES, Looking
from lienthong.reconcile.options import Options
from lienthong.reconcile.planning import Look, Planned
from lienthong.warehouse import Warehouse, problems
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

log = logging.getLogger(__name__)

FAILURES = 5
"""Requests without an answer in a row after which a look is left to the next try."""
PATIENCE = 30.0
"""Longest pause in seconds that a receiver may ask for."""
FIRST_PAUSE = 0.5
LONGEST = "30min"
"""Of one statement, an answer that is read included: nothing of a look may hang for ever."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one look found: records by what became of them, parts looked at and refused, differences that are open."""

    endpoint: str
    records: int
    unaccounted: int
    orphans: int
    parts: int
    refused: int
    missing: int
    different: int
    extra: int
    sent_again: int


def reconcile(
    warehouse: Warehouse,
    endpoint: Endpoint,
    connection: Connection,
    contracts: Mapping[str, Contract],
    asked: tuple[date, date] | None = None,
) -> Reconciled:
    """Lay what ``endpoint`` holds beside the receipts, and the receipts beside ``core``; of ``asked`` days only, or of
    those that are due. One look of an endpoint at a time.

    Raises ``NeedsPerson`` when answers were refused (the others stand), ``ReceiverBusy`` when the receiver does not
    answer, ``ReceiverRefused`` when it rejects our rights: the look goes on with the next call."""
    options = Options.of(connection)
    with warehouse.alone(f"reconcile {endpoint.name}"), warehouse.session(autocommit=True) as session:
        return _Run(warehouse, session, endpoint, contracts, options).run(asked)


class _Run:
    def __init__(
        self, warehouse: Warehouse, session: Session, endpoint: Endpoint, contracts: Mapping[str, Contract],
        options: Options,
    ) -> None:  # fmt: skip
        # Prepared statements would get plans that do not know how full the session's tables are.
        session.prepare_threshold = None
        session.execute("SELECT set_config('statement_timeout', %s, false)", [LONGEST])
        self._warehouse = warehouse
        self._session = session
        self._endpoint = endpoint
        self._options = options
        self._contracts = contracts
        self._circuit = Circuit(FAILURES, PATIENCE, FIRST_PAUSE)
        self._feeds = [
            feed
            for feed in endpoint.feeds
            if feed.dataset in contracts and endpoint.name in contracts[feed.dataset].endpoints
        ]

    def run(self, asked: tuple[date, date] | None) -> Reconciled:
        session = self._session
        with session.transaction():
            look = planning.open_look(session, self._endpoint.name, asked)
        listed = self._listed()
        inside = [self._inside(look, feed, feed.dataset in listed) for feed in self._feeds]
        if listed and isinstance(self._endpoint, Holder):
            self._ask(look, self._endpoint, listed)
        for feed in self._feeds:
            self._note(feed)
        sent_again = self._send_again(look)
        self._close(look, whole=bool(listed))
        done = self._report(look, inside, sent_again)
        log.info("%s", done)
        if done.refused:
            raise NeedsPerson(self._refusals(look, done))
        return done

    def _listed(self) -> dict[str, tuple[Feed, Holding]]:
        if not isinstance(self._endpoint, Holder):
            return {}
        holdings = {holding.dataset: holding for holding in self._endpoint.holdings}
        return {feed.dataset: (feed, holdings[feed.dataset]) for feed in self._feeds if feed.dataset in holdings}

    def _inside(self, look: Look, feed: Feed, listed: bool) -> Inside:
        name = self._endpoint.name
        knows = knowledge(self._contracts[feed.dataset], name, listed)
        found = look_inside(self._session, self._warehouse.home, look.number, name, feed, knows)
        log.info("%s %s: %s, %d orphans", name, feed.dataset, found.counts, found.orphans)
        return found

    # -- what the receiver lists

    def _ask(self, look: Look, holder: Holder, listed: Mapping[str, tuple[Feed, Holding]]) -> None:
        session, home = self._session, self._warehouse.home
        for query in (*TABLES, planning.GRID):
            session.execute(query)
        session.execute("TRUNCATE grid")
        lookings = {
            dataset: Looking(session, home, self._endpoint.name, feed, holding, self._options, look.number)
            for dataset, (feed, holding) in listed.items()
        }
        begun = ""
        for dataset, (_, holding) in listed.items():
            if holding.day_column:
                lookings[dataset].begin()
                begun = dataset
            planning.add_to_grid(session, home, look, dataset, bool(holding.day_column), self._options)
        if not self._planned(look):
            with session.transaction():
                planning.plan(session, home, look, self._options)
        for dataset, looking in lookings.items():
            parts = planning.left(session, look, dataset)
            if parts and dataset != begun:
                looking.begin()  # the tables of the session hold one dataset at a time
                begun = dataset
            for planned in parts:
                self._part(look, planned, holder, looking)

    def _planned(self, look: Look) -> bool:
        return one(
            self._session,
            "SELECT EXISTS (SELECT FROM ops.reconciliation_parts WHERE reconciliation_id = %s) AS planned",
            [look.number],
        )["planned"] is True  # fmt: skip

    def _part(self, look: Look, planned: Planned, holder: Holder, looking: Looking) -> None:
        """One part; what the receiver does not answer is asked again, until the circuit opens."""
        while True:
            calls: list[Call] = []
            try:
                looking.look(planned, holder, calls)
            except Incomplete as error:
                self._refuse(look, planned, error)
            except TryAgain as error:
                self._wait(error)
                continue
            finally:
                note_calls(self._warehouse, self._endpoint.name, calls)
            self._circuit.succeeded()
            return

    def _wait(self, error: TryAgain) -> None:
        self._circuit.failed(getattr(error, "retry_after", None))
        if self._circuit.open:
            raise ReceiverBusy(
                f"{self._endpoint.name}: no usable answer to {self._circuit.failures} questions in a row, or a long "
                f"pause was asked for; the look goes on with the next try. The last: {error}",
                self._circuit.pause,
            ) from None
        time.sleep(self._circuit.pause)

    def _refuse(self, look: Look, planned: Planned, error: Incomplete) -> None:
        log.warning("%s", error)
        self._session.execute(
            "UPDATE ops.reconciliation_parts SET state = 'refused', reason = %s, looked_at = clock_timestamp()"
            " WHERE reconciliation_id = %s AND number = %s",
            [str(error), look.number, planned.number],
        )

    # -- what follows

    def _note(self, feed: Feed) -> None:
        with self._session.transaction():
            problems.note_unreconciled(self._session, feed.dataset, self._endpoint.name)

    def _send_again(self, look: Look) -> int:
        """Only where the connection says so, and each difference once: a receiver that took it and still does not hold
        it needs a person. So does one of which an answer was refused: what it holds is not known."""
        if self._options.send_again != "once" or self._parts(look)["refused"]:
            return 0
        name = self._endpoint.name
        with self._session.transaction():
            count = differences.send_again(self._session, self._warehouse.home, name, once=True)
            if count:
                self._session.execute(
                    "INSERT INTO ops.acts (by, act, place, count, reason) VALUES (%s, 'resend', %s, %s, %s)",
                    ["lienthong", name, count, "reconcile_send_again"],
                )
        return count

    def _close(self, look: Look, *, whole: bool) -> None:
        session = self._session
        since = None
        # A few days that a person asked for say nothing about the rest.
        if whole and look.asked is None:
            query = statement(self._warehouse.home, "reconcile/whole_since")
            since = one(session, query, {"endpoint": look.endpoint})["since"]
        session.execute(
            "UPDATE ops.reconciliations SET state = 'done', closed_at = clock_timestamp(), whole_since = %s"
            " WHERE reconciliation_id = %s",
            [since, look.number],
        )

    def _report(self, look: Look, inside: list[Inside], sent_again: int) -> Reconciled:
        row = self._parts(look)
        open_now = dict(self._open())
        return Reconciled(
            self._endpoint.name,
            sum(found.records for found in inside),
            sum(found.counts["unaccounted"] for found in inside),
            sum(found.orphans for found in inside),
            row["parts"],
            row["refused"],
            open_now.get("missing", 0),
            open_now.get("different", 0),
            open_now.get("extra", 0),
            sent_again,
        )

    def _parts(self, look: Look) -> dict[str, int]:
        return one(
            self._session,
            "SELECT count(*) AS parts, count(*) FILTER (WHERE state = 'refused') AS refused"
            " FROM ops.reconciliation_parts WHERE reconciliation_id = %s",
            [look.number],
        )

    def _open(self) -> Iterator[tuple[str, int]]:
        query = (
            "SELECT kind, count(*) AS n FROM ops.differences WHERE endpoint = %s AND closed_at IS NULL GROUP BY kind"
        )
        for row in self._session.execute(query, [self._endpoint.name]):
            yield row["kind"], row["n"]

    def _refusals(self, look: Look, done: Reconciled) -> str:
        row = one(
            self._session,
            "SELECT reason FROM ops.reconciliation_parts WHERE reconciliation_id = %s AND state = 'refused'"
            " ORDER BY number LIMIT 1",
            [look.number],
        )
        return f"{done.refused} of {done.parts} answers were refused, the others stand. The first: {row['reason']}"
