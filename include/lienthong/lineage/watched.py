"""The steps, watched: each is a span with its counts; what was promoted or sent is told to whoever wants to know.

Whatever goes wrong with the telling costs the step nothing but a line in its log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from lienthong.batches import Batch, Ledger, Verdict, Window
from lienthong.lineage import notes
from lienthong.lineage.facts import RunFacts, facts_of
from lienthong.publishing import PublishReport
from lienthong.steps import Pipeline

log = logging.getLogger("lienthong")
P = ParamSpec("P")
T = TypeVar("T")
Count = Callable[[Mapping[str, int]], None]


class Teller(Protocol):
    """Whoever is told; ``orchestration`` has one that speaks to Airflow."""

    def span(self, name: str, labels: Mapping[str, str]) -> AbstractContextManager[Count]:
        """Around one step; what it yields takes the step's counts."""

    def runs_for(self, dag_id: str, window: Window | None = None) -> bool:
        """Whether the step is the work of this DAG, for this window: then its run may be noted on."""

    def note(self, text: str) -> None:
        """Set the note of the run."""

    @property
    def lineage(self) -> bool:
        """Whether anybody wants to know of datasets."""

    def datasets(self, inputs: list[Any], outputs: list[Any]) -> None:
        """Say what the running task reads and writes."""


def counts_of(done: object) -> dict[str, int]:
    """The counts in a step's receipt; of names only how many there are."""
    if isinstance(done, bool) or done is None:
        return {}
    if isinstance(done, int):
        return {"count": done}
    if is_dataclass(done):
        given = ((part.name, getattr(done, part.name)) for part in fields(done))
        whole = {name: value for name, value in given if not isinstance(value, bool | str)}
        return {
            name: value if isinstance(value, int) else len(value)
            for name, value in whole.items()
            if isinstance(value, int | Sized)
        }
    return {"count": len(done)} if isinstance(done, Sized) and not isinstance(done, str) else {}


def _labels(given: Iterable[object]) -> dict[str, str]:
    """The dataset or endpoint that a step is about, and its window."""
    found: dict[str, str] = {}
    for value in given:
        if isinstance(value, Window):
            found["window"] = str(value)
        elif isinstance(value, str):
            found.setdefault("of", value)
    return found


def _watched(step: Callable[P, T]) -> Callable[P, T]:
    """The same step within a span."""

    @wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        watched: Any = args[0]
        with watched.teller.span(step.__name__, _labels(args[1:])) as count:
            done = step(*args, **kwargs)
            count(counts_of(done))
            return done

    return run


_extract, _judge = _watched(Pipeline.extract), _watched(Pipeline.judge)
_promote, _publish = _watched(Pipeline.promote), _watched(Pipeline.publish)


@dataclass(frozen=True, slots=True)
class Watched(Pipeline):
    """A pipeline whose steps are told of to a ``teller``."""

    teller: Teller

    plan = _watched(Pipeline.plan)
    redrive = _watched(Pipeline.redrive)
    compare = _watched(Pipeline.compare)
    reconcile = _watched(Pipeline.reconcile)
    tell = _watched(Pipeline.tell)
    marts = _watched(Pipeline.marts)
    indicators = _watched(Pipeline.indicators)
    data_docs = _watched(Pipeline.data_docs)
    keep_house = _watched(Pipeline.keep_house)
    exports = _watched(Pipeline.exports)
    end_redrives = _watched(Pipeline.end_redrives)
    run_late = _watched(Pipeline.run_late)

    def extract(self, dataset: str, window: Window, sources: Iterable[str]) -> Batch:
        """The step, and which sources gave how many rows: told here, where their connections are known already."""
        wanted = tuple(sources)
        done = _extract(self, dataset, window, wanted)
        if self.teller.lineage:
            self._safely("lineage", lambda: self._tell_extracted(done, wanted))
        return done

    def judge(self, dataset: str, window: Window) -> Verdict:
        """The step, and each rule's finding."""
        verdict = _judge(self, dataset, window)
        if self.teller.lineage:
            self._safely("lineage", lambda: self._tell_judged(verdict))
        return verdict

    def promote(self, dataset: str, window: Window) -> Ledger:
        """The step, the run's note, and what came from where."""
        done = _promote(self, dataset, window)
        noted = self.teller.runs_for(f"ingest.{dataset}", window)
        if noted or self.teller.lineage:
            self._safely("the note of the run", lambda: self._tell_promoted(done, noted))
        return done

    def publish(self, endpoint: str) -> PublishReport:
        """The step, the run's note, and who was sent what."""
        done = _publish(self, endpoint)
        self._safely("the note of the run", lambda: self._tell_published(endpoint, done))
        return done

    def _tell_extracted(self, done: Batch, wanted: tuple[str, ...]) -> None:
        from lienthong.lineage import datasets

        contract, facts = self.contracts[done.dataset], self._facts(done.run_id)
        landed = {source: facts.landed[source] for source in wanted if source in facts.landed}
        inputs = datasets.sources(contract, landed, self._connection)
        # A dataset of one source is read and promoted by one task, which would be said to read what it writes.
        outputs = [datasets.landed(contract, self.warehouse.connection)] if contract.source.for_each else []
        if inputs:
            self.teller.datasets(inputs, outputs)

    def _tell_judged(self, verdict: Verdict) -> None:
        from lienthong.lineage import datasets

        facts = self._facts(verdict.run_id)
        self.teller.datasets([datasets.judged(self.contracts[facts.dataset], facts, self.warehouse.connection)], [])

    def _tell_promoted(self, done: Ledger, noted: bool) -> None:
        facts = self._facts(done.run_id)
        if noted:
            self.teller.note(notes.of_ingest(facts, self.settings.console_url))
        if self.teller.lineage:
            from lienthong.lineage import datasets

            contract, ours = self.contracts[done.dataset], self.warehouse.connection
            self.teller.datasets([datasets.landing(contract, ours)], [datasets.promoted(contract, facts, ours)])

    def _tell_published(self, endpoint: str, done: PublishReport) -> None:
        note = notes.of_publish(endpoint, done, self.settings.console_url)
        if note and self.teller.runs_for(f"publish.{endpoint}"):
            self.teller.note(note)
        if self.teller.lineage:
            from lienthong.lineage import datasets

            fed = [contract for contract in self.contracts.values() if endpoint in contract.endpoints]
            inputs = datasets.fed_by(fed, self.warehouse.connection)
            self.teller.datasets(inputs, [datasets.receiver(endpoint, done.accepted, self.lookup)])

    def _facts(self, run_id: int) -> RunFacts:
        with self.warehouse.session() as session:
            return facts_of(session, run_id)

    def _safely(self, what: str, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # telling is no part of the step; foreign words may repeat what they were given
            log.warning("%s was not told: %s", what, type(error).__name__)
