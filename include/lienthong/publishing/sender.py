"""One sender per endpoint: claims, delivers and settles until nothing is due. The database has the last word.

Only this thread touches the database; the workers only speak to the receiver. What a killed sender leaves is at
most the few requests that it had claimed, and the next one finds out about each before it sends anything else.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from dataclasses import dataclass

from lienthong.crashpoints import crashpoint
from lienthong.endpoints import Delivery, Endpoint, Feed, Item, Outcome, Verdict
from lienthong.errors import LienThongError, ReceiverBusy, ReceiverRefused
from lienthong.publishing.circuit import Circuit, backoff
from lienthong.publishing.outbox import START, Outbox, Settlement
from lienthong.publishing.workers import Job, Workers
from lienthong.warehouse import Warehouse

log = logging.getLogger(__name__)

SMALLEST_PORTION = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sender waits, gives up or asks for a person. Times are seconds."""

    max_attempts: int = 20
    """Tries of one record that count before it becomes a dead letter."""
    circuit_after: int = 5
    """Failures in a row after which the rest goes back to the outbox."""
    refusals_at_once: int = 200
    """Refusals without one acceptance after which the fault is taken to be ours, not the records'."""
    patience: float = 30.0
    """Longest pause that a receiver may ask for while records stay claimed."""
    linger: float = 10.0
    """Records due within this time are waited for before the sender ends."""
    first_pause: float = 0.5
    """Bound of the pause after a first failure; it doubles."""
    first_retry: float = 60.0
    """Bound of the wait of a record that may be accepted later; it doubles up to six hours."""
    settle_answers: int = 50
    settle_seconds: float = 0.25
    """Answers are written in groups that reach one of these two."""
    grace: float = 20.0
    """How long an interrupted sender waits for requests that are under way."""


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What one run did, in records, and what it left open. ``held`` steps wait for their dossier."""

    sent: int
    accepted: int
    refused: int
    in_doubt: int
    dead: int
    held: int
    pending: int
    requests: int
    seconds: float


def publish(warehouse: Warehouse, endpoint: Endpoint, limits: Limits | None = None) -> PublishReport:
    """Send what is due to ``endpoint`` until nothing is. Never two senders of one endpoint at once.

    Raises ``TryAgain`` when another sender is at work, ``ReceiverBusy`` when the receiver does not answer or asks
    for a long pause, ``ReceiverRefused`` when it rejects our rights. What was accepted before stays settled."""
    with warehouse.session(autocommit=True) as session:
        outbox = Outbox(session, warehouse.home, endpoint.name)
        doubtful = outbox.open()
        log.info("%s: sender %d starts; %d records in doubt from a former one", endpoint.name, outbox.token, doubtful)
        try:
            return _Sender(outbox, endpoint, limits or Limits()).run()
        finally:
            outbox.close()


class _Sender:
    def __init__(self, outbox: Outbox, endpoint: Endpoint, limits: Limits) -> None:
        self._outbox = outbox
        self._endpoint = endpoint
        self._limits = limits
        self._circuit = Circuit(limits.circuit_after, limits.patience, limits.first_pause)
        self._workers = Workers(endpoint.in_flight, self._work)
        self._ready: deque[Job] = deque()
        self._answers: list[Delivery] = []
        self._first_answer_at = 0.0
        self._heard = False
        self._trouble: LienThongError | None = None
        self._refused: ReceiverRefused | None = None
        self._counts: Counter[str] = Counter()
        self._started = time.monotonic()

    def run(self) -> PublishReport:
        try:
            self._until_nothing_is_due()
        except BaseException as error:
            # A thread of ours that still speaks while the next sender starts could overtake it.
            self._wind_down(None if isinstance(error, LienThongError) else self._limits.grace)
            log.warning("%s: stopped early (%s); %s", self._endpoint.name, type(error).__name__, self._summary())
            raise
        finally:
            self._workers.stop()
        left = self._outbox.left(self._endpoint.feeds)
        report = PublishReport(
            sent=self._counts["sent"],
            accepted=self._counts["accepted"],
            refused=self._counts["refused"],
            in_doubt=left.in_doubt,
            dead=self._counts["dead"],
            held=left.held,
            pending=left.pending,
            requests=self._counts["requests"],
            seconds=time.monotonic() - self._started,
        )
        log.info("%s: %s; left: %s", self._endpoint.name, self._summary(), left)
        return report

    def _summary(self) -> str:
        names = ("sent", "accepted", "refused", "dead", "requests")
        return ", ".join(f"{self._counts[name]} {name}" for name in names)

    # -- the walk through the backlog

    def _until_nothing_is_due(self) -> None:
        feeds = self._endpoint.feeds
        while True:
            started = self._outbox.now()
            if sum(self._drain(feed, doubtful) for doubtful in (True, False) for feed in feeds):
                continue
            wait = self._outbox.next_due(after=started)
            if wait is None or wait > self._limits.linger:
                return
            time.sleep(wait)

    def _drain(self, feed: Feed, doubtful: bool) -> int:
        """Walk once through the backlog of a feed; gives the number of records taken."""
        taken, after, end = 0, START, False
        while True:
            while not end and len(self._ready) < self._endpoint.in_flight:
                claim = self._outbox.claim(feed, doubtful, after, self._portion(feed))
                after, end = claim.after, claim.end
                taken += len(claim.items)
                self._prepare(feed, claim.items, doubtful)
            self._dispatch()
            if not (self._workers.busy or self._ready or self._answers):
                return taken
            self._collect()

    def _portion(self, feed: Feed) -> int:
        return max(SMALLEST_PORTION, 4 * feed.per_request * self._endpoint.in_flight)

    def _prepare(self, feed: Feed, items: list[Item], doubtful: bool) -> None:
        incomplete = Delivery()
        for item in items:
            if item.missing:
                words = f"chưa đủ trường bắt buộc: {item.missing}"
                incomplete.settle([item], Outcome.TRY_AGAIN, message=words)
        if incomplete.verdicts:
            self._add_answer(incomplete)
        whole = [item for item in items if not item.missing]
        self._ready.extend(Job(tuple(group), doubtful) for group in self._endpoint.group(feed, whole))

    def _dispatch(self) -> None:
        # One job under way and one waiting for each thread, so that none idles while answers are written.
        while self._ready and len(self._workers.busy) < 2 * self._endpoint.in_flight and not self._circuit.pause:
            # In this order an interruption leaves the job in both places and not in none.
            self._workers.submit(self._ready[0])
            self._ready.popleft()

    # -- in the worker threads

    def _work(self, job: Job) -> Delivery:
        if self._circuit.pause:
            unsent = Delivery()
            unsent.settle(job.items, Outcome.NOT_TAKEN)
            return unsent
        crashpoint("publish.before_send", self._endpoint.name)
        delivery = self._endpoint.resolve(job.items) if job.doubtful else self._endpoint.deliver(job.items)
        if delivery.trouble is None:
            self._circuit.succeeded()
        else:
            self._trouble = delivery.trouble
            self._circuit.failed(getattr(delivery.trouble, "retry_after", None))
        return delivery

    # -- answers

    def _collect(self) -> None:
        """Take one answer, or wait a little; write the group when it is large or old enough."""
        wait = self._limits.settle_seconds
        if self._workers.busy:
            job = self._workers.next_finished(wait)
            if job is not None:
                self._take(job)
        elif self._ready and not self._answers:
            time.sleep(min(wait, self._circuit.pause))
        age = time.monotonic() - self._first_answer_at
        if self._answers and (
            not self._workers.busy or age >= wait or len(self._answers) >= self._limits.settle_answers
        ):
            self._flush()
            self._judge_the_run()

    def _take(self, job: Job) -> None:
        delivery = job.delivery
        if delivery is None:
            # A fault of ours in the middle of a delivery: what was sent of it is not known.
            delivery = Delivery()
            delivery.settle(job.items, Outcome.IN_DOUBT)
        self._add_answer(delivery)
        self._workers.busy.discard(job)
        if job.error is not None:
            raise job.error

    def _add_answer(self, delivery: Delivery) -> None:
        if not self._answers:
            self._first_answer_at = time.monotonic()
        self._answers.append(delivery)

    def _flush(self) -> None:
        """Write what is known. Forgotten here only once the database has it."""
        answers = list(self._answers)
        calls = [call for delivery in answers for call in delivery.calls]
        heard = (c.service != "login" and c.outcome in ("accepted", "refused") for c in calls)
        self._heard = self._heard or any(heard)
        verdicts = [verdict for delivery in answers for verdict in delivery.verdicts]
        settlements = [self._settlement(verdict) for verdict in verdicts]
        final = [v for v in verdicts if v.outcome in (Outcome.ACCEPTED, Outcome.REFUSED)]
        crashpoint("publish.before_settle", self._endpoint.name)
        self._outbox.settle(settlements, final, calls)
        del self._answers[: len(answers)]
        self._counts["sent"] += sum(v.outcome is not Outcome.NOT_TAKEN for v in verdicts)
        self._counts["requests"] += len(calls)
        self._counts["dead"] += sum(s.state == "dead" for s in settlements)
        self._counts.update(str(v.outcome) for v in final)
        refusals = [d.trouble for d in answers if isinstance(d.trouble, ReceiverRefused)]
        self._refused = self._refused or next(iter(refusals), None)

    def _settlement(self, verdict: Verdict) -> Settlement:
        item, outcome = verdict.item, verdict.outcome
        if outcome is Outcome.ACCEPTED:
            return Settlement(item, "done", tries=1)
        if outcome is Outcome.REFUSED:
            return Settlement(item, "dead", tries=1, reason=f"mã {verdict.code}: {verdict.message}")
        if outcome is Outcome.NOT_TAKEN:
            return Settlement(item, "in_doubt" if item.doubtful else "pending", wait=self._circuit.pause)
        # While a receiver answers nobody, no record of its backlog is to blame.
        tries = 1 if outcome is Outcome.TRY_AGAIN or self._heard else 0
        if item.attempts + tries >= self._limits.max_attempts:
            return Settlement(item, "dead", tries, reason=f"hết {item.attempts + tries} lần thử; {verdict.message}")
        if outcome is Outcome.TRY_AGAIN:
            wait = backoff(item.attempts, self._limits.first_retry, 6 * 3600)
            return Settlement(item, "pending", tries, wait, verdict.message)
        wait = max(self._circuit.pause, backoff(item.attempts, self._limits.first_pause, 3600))
        return Settlement(item, "in_doubt", tries, wait, verdict.message)

    def _judge_the_run(self) -> None:
        name = self._endpoint.name
        if self._refused is not None:
            raise self._refused
        if self._circuit.open:
            raise ReceiverBusy(
                f"{name}: no usable answer to {self._circuit.failures} requests in a row, or a long pause was asked "
                f"for; the rest waits in the outbox for the next try. The last: {self._trouble}",
                self._circuit.pause,
            )
        if not self._counts["accepted"] and self._counts["refused"] >= self._limits.refusals_at_once:
            raise ReceiverRefused(
                f"{name}: {self._counts['refused']} records were refused and none was accepted, so the fault is "
                "probably not theirs. The receipts have the receiver's words; whoever maintains the connection or "
                "the statements of this endpoint can mend it, then redrive the dead letters."
            )

    # -- the end

    def _wind_down(self, grace: float | None) -> None:
        """Give back what was not sent, wait for what was, and write what came of it."""
        unsent = Delivery()
        waiting = [job for job in self._ready if job not in self._workers.busy]
        for job in [*waiting, *self._workers.recall()]:
            unsent.settle(job.items, Outcome.NOT_TAKEN)
        self._ready.clear()
        self._answers.append(unsent)
        self._workers.await_busy(grace)
        known = {id(delivery) for delivery in self._answers}
        self._answers += [job.delivery for job in self._workers.busy if job.delivery and id(job.delivery) not in known]
        try:
            self._flush()
        except LienThongError as error:
            # The next sender finds these records claimed by one that is gone, and asks about each.
            log.warning("%s: the last answers were not written (%s)", self._endpoint.name, type(error).__name__)
