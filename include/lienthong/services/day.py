"""One day through Airflow: each ingest is triggered when what it refers to is there; when nothing is left to send,
those concerned are told.

Airflow runs the day; this module triggers, watches and says in one sentence what went wrong. A source that is down is
no failure: it is named in the report. A receiver that does not answer is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from lienthong.airflow_api import AirflowApi, Run
from lienthong.batches import Window
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.services.ledger_view import DayState, LedgerView

PARSE_PATIENCE = 120.0
BROKEN_PATIENCE = 10.0
"""Seconds for which an import error may still be the one of an older file."""
ASSET_PATIENCE = 4.0
"""Seconds in which a promoted dataset wakes its publish DAG."""
OUTAGE = 90.0
"""Seconds for which a warehouse that does not answer counts as restarting."""
STUCK = 15.0
"""Seconds without progress after which a receiver is asked whether it is there at all."""


class Narrator(Protocol):
    """Whoever shows the progress of a day."""

    def stage(self, name: str) -> None:
        """A new stage begins."""

    def show(self, state: DayState) -> None:
        """The numbers now."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A system that records are sent to."""

    name: str
    address: str
    reachable: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """What belongs to a day: the datasets with those that they refer to, and the receivers."""

    datasets: Mapping[str, tuple[str, ...]]
    receivers: Mapping[str, Receiver]
    closing: tuple[tuple[str, ...], ...] = ()
    """DAGs that close the day, after the last receipt, stage by stage: first what finds problems, then the letters to
    their owners and the scorecard."""
    afterwards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Datasets that say what became of what was sent, with those that they refer to: read once, after the last
    receipt, and not again with the same day."""


def _nothing() -> None:
    return None


@dataclass(slots=True)
class DayRun:
    """Runs one day through a living Airflow; ``run`` gives the sentences of what went wrong, none if nothing did."""

    day: date
    plan: Plan
    api: AirflowApi
    view: LedgerView
    narrator: Narrator
    limit: float
    """Seconds from the first trigger to the last receipt."""
    parsed_since: float
    """DAG files read before this moment may be older than what lies in the folder."""
    check: Callable[[], None]
    """Raises when the services are gone."""
    morning: Callable[[], None] = _nothing
    """Called before the day is closed: the night is over."""
    pause: float = 1.0
    failed: dict[str, str] = field(default_factory=dict)
    """What went wrong so far, by dataset or receiver."""
    _deadline: float = 0.0
    _silent_since: float = 0.0

    def run(self) -> list[str]:
        """Trigger, watch, verify."""
        self.narrator.stage("parse")
        self._wait_for_dags()
        self._deadline = time.monotonic() + self.limit
        self.narrator.stage("ingest")
        self._ingest(self.plan.datasets)
        self.narrator.stage("publish")
        self._publish()
        taken = self.view.promoted() if self.plan.afterwards else set()
        self._ingest({name: others for name, others in self.plan.afterwards.items() if name not in taken})
        if self.plan.closing:
            self.narrator.stage("tell")
            self.morning()
            self._close()
        return [*self.failed.values(), *self._not_promoted()]

    def _wait_for_dags(self) -> None:
        """Until Airflow has read every DAG file anew; a file that cannot be read is named."""
        wanted = {self._ingest_dag(name) for name in self._datasets}
        wanted |= {name for stage in self.plan.closing for name in stage}
        wanted |= {self._publish_dag(name) for name in self.plan.receivers}
        started = time.monotonic()
        while True:
            known = {dag.dag_id: dag for dag in self.api.dags()}
            fresh = {name for name, dag in known.items() if dag.parsed_at >= self.parsed_since and not dag.broken}
            if wanted <= fresh:
                break
            waited = time.monotonic() - started
            if waited > BROKEN_PATIENCE:
                self._name_broken()
            if waited > PARSE_PATIENCE:
                raise NeedsPerson(
                    f"Airflow has not loaded {', '.join(sorted(wanted - fresh))} within {PARSE_PATIENCE:.0f} s; "
                    "var/log/dag-processor.log says why."
                )
            self._rest()
        for name in sorted(wanted):
            if known[name].paused:
                self.api.unpause(name)

    def _name_broken(self) -> None:
        errors = self.api.import_errors()
        if errors:
            file, said = next(iter(errors.items()))
            raise NeedsPerson(f"Airflow cannot load dags/{file}: {said}")

    @property
    def _datasets(self) -> dict[str, tuple[str, ...]]:
        return {**self.plan.datasets, **self.plan.afterwards}

    def _ingest(self, datasets: Mapping[str, tuple[str, ...]]) -> None:
        window = Window.of_day(self.day)
        waiting = dict(datasets)
        runs: dict[str, str] = {}
        while waiting or runs:
            self._trigger(waiting, runs, window)
            if not runs:
                continue  # what waited, waits for a dataset that failed
            found = {(run.dag_id, run.run_id): run for run in self.api.of_window(map(self._ingest_dag, runs), window)}
            for name, run_id in list(runs.items()):
                run = found.get((self._ingest_dag(name), run_id))
                if run is not None and run.state == "failed":
                    self.failed[name] = self.why(run)
                if (run is not None and run.ended) or self._blocked(name):
                    del runs[name]
            self.look()
            if runs:
                self._in_time(", ".join(self._ingest_dag(name) for name in runs))
                self._rest()

    def _trigger(self, waiting: dict[str, tuple[str, ...]], runs: dict[str, str], window: Window) -> None:
        """Start what refers to nothing that is still on its way: a run that waits costs a place and a process."""
        for name, references in list(waiting.items()):
            if self._blocked(name):
                del waiting[name]
            elif not any(other in waiting or other in runs for other in references):
                del waiting[name]
                runs[name] = self.api.run_window(self._ingest_dag(name), f"day__{self.day}", window)

    def _blocked(self, dataset: str) -> bool:
        """Whether it waits for a dataset that failed."""
        return any(name in self.failed or self._blocked(name) for name in self._datasets.get(dataset, ()))

    def _publish(self) -> None:
        waits = [_Wait(self, receiver, time.time()) for receiver in self.plan.receivers.values()]
        while waits:
            state = self.look()
            if state is not None:
                waits = [wait for wait in waits if not wait.over(state.due.get(wait.receiver.name, 0))]
            if waits:
                due = sum(state.due.values()) if state else "an unknown number of"
                self._in_time(f"{due} records for {', '.join(wait.receiver.name for wait in waits)}")
                self._rest()

    def _close(self) -> None:
        stamp = f"day__{self.day}__{time.time_ns() // 1_000_000}"
        for stage in self.plan.closing:
            left = set(stage)
            for name in stage:
                self.api.run_now(name, stamp)
            while left:
                for name in sorted(left):
                    run = next((run for run in self.api.runs(name) if run.run_id == stamp), None)
                    if run is not None and run.ended:
                        left.remove(name)
                        if run.state == "failed":
                            self.failed[name] = self.why(run)
                if left:
                    self._in_time(", ".join(sorted(left)))
                    self._rest()

    def _not_promoted(self) -> list[str]:
        while self.look() is None:
            self._rest()
        left = set(self._datasets) - self.view.promoted() - set(self.failed)
        names = ", ".join(sorted(name for name in left if not self._blocked(name)))
        return [f"Not promoted on {self.day}: {names}; `lienthong status` and Airflow's log say why."] if names else []

    def look(self) -> DayState | None:
        """The ledger now, shown to whoever watches; None while the warehouse restarts."""
        try:
            state = self.view.look()
        except TryAgain:
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since > OUTAGE:
                raise
            return None
        self._silent_since = 0.0
        self.narrator.show(state)
        return state

    def why(self, run: Run) -> str:
        """One sentence on a run that failed."""
        reasons = self.api.failures(run.dag_id, run.run_id)
        return f"{run.dag_id} of {self.day} failed: {'; '.join(reasons) or 'no task says why'}"

    def _in_time(self, unfinished: str) -> None:
        if time.monotonic() > self._deadline:
            raise NeedsPerson(
                f"{self.day} was not finished within {self.limit:.0f} s: {unfinished} is left. Run the day again to go "
                "on where it stopped, or allow more seconds with LIENTHONG_RUN_LIMIT."
            )

    def _rest(self) -> None:
        self.check()
        time.sleep(self.pause)

    @staticmethod
    def _ingest_dag(dataset: str) -> str:
        return f"ingest.{dataset}"

    @staticmethod
    def _publish_dag(endpoint: str) -> str:
        return f"publish.{endpoint}"


@dataclass(slots=True)
class _Wait:
    """Waits for one receiver to have got everything that can be sent now."""

    day: DayRun
    receiver: Receiver
    since: float
    """When the last dataset was promoted."""
    asked: bool = False
    due: int = -1
    moved_at: float = field(default_factory=time.monotonic)

    def over(self, due: int) -> bool:
        """Whether nothing is left, or what is left cannot be sent now; a failure is noted."""
        if due != self.due:
            self.due, self.moved_at = due, time.monotonic()
        dag = f"publish.{self.receiver.name}"
        runs = self.day.api.runs(dag)
        if any(not run.ended for run in runs):
            return self._gone(due)
        if not due:
            return True
        later = [run for run in runs if run.started >= self.since]
        if later:
            # It sent until nothing was due: what is left waits for something else, and the report says so.
            if later[0].state == "failed":
                self.day.failed[self.receiver.name] = self._sentence(later[0], due)
            return True
        if not self.asked and time.time() - self.since > ASSET_PATIENCE:
            self.day.api.run_now(dag, f"manual__{int(self.since)}")
            self.asked = True
        return False

    def _gone(self, due: int) -> bool:
        """Whether a run keeps trying to reach a receiver that is not there."""
        if time.monotonic() - self.moved_at < STUCK or not due or self.receiver.reachable():
            return False
        self.day.failed[self.receiver.name] = _unreachable(self.receiver, due)
        return True

    def _sentence(self, run: Run, due: int) -> str:
        if not self.receiver.reachable():
            return _unreachable(self.receiver, due)
        return self.day.why(run)


def _unreachable(receiver: Receiver, due: int) -> str:
    return (
        f"{receiver.name} at {receiver.address} does not answer; {due} records stay in the outbox and leave with the "
        f"next run. Start it, or mend AIRFLOW_CONN_{receiver.name.upper()}."
    )
