"""One look at the queue moves each part on as far as it goes now; it may be killed and repeated anywhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from lienthong.backfill import queue
from lienthong.backfill.airflow import AirflowBackfills, Begun
from lienthong.backfill.queue import Backfill, PartState
from lienthong.batches import Window
from lienthong.errors import LienThongError, NeedsPerson, SourceDown
from lienthong.steps import Pipeline
from lienthong.warehouse import ledger

log = logging.getLogger("lienthong")

SLOW_START = timedelta(minutes=10)
"""After so long without a day that begins, a person is told where to look."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What one look found: parts that are on their way or wait for their turn, and sentences for people."""

    open: int
    notes: tuple[str, ...]
    walked: bool = False
    """Whether a day of some units was walked, so that the next may follow at once."""
    troubles: tuple[LienThongError, ...] = ()
    """What kept single backfills from being looked after; the others were."""


@dataclass(slots=True)
class Feeder:
    """Looks after every open backfill once, for one Airflow."""

    pipeline: Pipeline
    airflow: AirflowBackfills
    notes: list[str] = field(default_factory=list)
    troubles: list[LienThongError] = field(default_factory=list)

    def look(self) -> Fed:
        """Move every part on; one look at a time. Days of some units come last, one of them a look, so that nobody
        waits long for the queue."""
        with self.pipeline.warehouse.alone(queue.LOCK):
            backfills = self._listed()[::-1]
            whole = [one for one in backfills if not one.units]
            busy = {part.part.dataset for one in whole for part in one.parts if part.state == "running"}
            left = sum(self._each(one, partial(self._whole, busy=busy)) for one in whole)
            walked: list[date] = []
            left += sum(self._each(one, partial(self._some, walked=walked)) for one in backfills if one.units)
        return Fed(left, tuple(self.notes), bool(walked), tuple(self.troubles))

    def _listed(self) -> list[Backfill]:
        with self.pipeline.warehouse.session() as session:
            return queue.listed(session, self.pipeline.warehouse.home, open_only=True)

    def _each(self, backfill: Backfill, look: Callable[[Backfill], int]) -> int:
        """Parts of one backfill that a further look can move; what is wrong with one costs only its own look."""
        try:
            return look(backfill)
        except LienThongError as error:
            self._say(f"Backfill {backfill.backfill_id} could not be looked after: {error}")
            self.troubles.append(error)
            return 0

    # Whole days: Airflow runs them.

    def _whole(self, backfill: Backfill, busy: set[str]) -> int:
        left = 0
        waiting: set[str] = set()
        for part in backfill.parts:
            dataset = part.part.dataset
            over = part.state in ("done", "cancelled")
            if part.state == "running":
                over = self._running(backfill, part)
            elif part.state == "waiting" and backfill.state == "open" and dataset not in waiting | busy:
                self._begin(backfill, part)
                busy.add(dataset)
            if not over:
                waiting.add(dataset)
                left += backfill.state != "paused" or part.state == "running"
        return left

    def _begin(self, backfill: Backfill, part: PartState) -> None:
        active = self.airflow.active(part.part.dataset)
        if self._foreign(backfill, part, active) or self._dag_paused(part):
            return
        # Noted as running first: no day of it may run that the queue takes for one of nobody's.
        with self.pipeline.warehouse.session() as session:
            begun = queue.begin(session, backfill.backfill_id, part.number)
        if begun:
            self._give(backfill, part, active)

    def _give(self, backfill: Backfill, part: PartState, active: Begun | None) -> int | None:
        """The part's backfill in Airflow: the one that a killed look began, or a new one."""
        ours = _ours(backfill, part)
        if self._foreign(backfill, part, active):
            return None
        airflow_id = (
            self.airflow.begin(part.part, ours, newest_first=backfill.newest_first)
            if active is None
            else active.airflow_id
        )
        if airflow_id is not None:
            with self.pipeline.warehouse.session() as session:
                queue.known_as(session, backfill.backfill_id, part.number, airflow_id)
        return airflow_id

    def _foreign(self, backfill: Backfill, part: PartState, active: Begun | None) -> bool:
        if active is None or active.ours == _ours(backfill, part):
            return False
        self._say(f"{part.part.dataset}: waits for another backfill of its DAG, begun in Airflow itself.")
        return True

    def _dag_paused(self, part: PartState) -> bool:
        if not self.airflow.paused(part.part.dataset):
            return False
        self._say(
            f"{part.part.dataset}: its DAG ingest.{part.part.dataset} is paused in Airflow; whoever paused it lets "
            "it go on there."
        )
        return True

    def _running(self, backfill: Backfill, part: PartState) -> bool:
        """Look after a part that has begun; gives whether no further look need be taken at it."""
        airflow_id = part.airflow_id
        if airflow_id is None:
            # Cut off between the note that it runs and Airflow's number of it.
            active = self.airflow.active(part.part.dataset)
            known = active is not None and active.ours == _ours(backfill, part)
            if not known and part.promoted == part.part.days:
                self._end(backfill, part)  # it was begun, and was over before this look
                return True
            if not known and backfill.state != "open":
                return self._given_up(backfill, part)
            airflow_id = self._give(backfill, part, active)
            if airflow_id is None:
                return False
        found = self.airflow.found(airflow_id)
        if found is None or found.ours != _ours(backfill, part):
            return self._given_up(backfill, part)
        if backfill.state == "cancelled":
            return self._cancel(backfill, part, airflow_id)
        if found.over:
            self._end(backfill, part)
            return True
        self._keep_pace(backfill, part, found)
        return backfill.state == "paused"

    def _given_up(self, backfill: Backfill, part: PartState) -> bool:
        """Airflow does not know it, as after its database was made anew: it waits once more, unless it is cancelled."""
        if backfill.state == "cancelled":
            self._end(backfill, part, "cancelled")
            return True
        with self.pipeline.warehouse.session() as session:
            queue.back(session, backfill.backfill_id, part.number)
        return backfill.state == "paused"

    def _keep_pace(self, backfill: Backfill, part: PartState, found: Begun) -> None:
        if found.paused and backfill.state == "open":
            self.airflow.go_on(found.airflow_id)
        elif not found.paused and backfill.state == "paused":
            self.airflow.pause(found.airflow_id)
        if backfill.state != "open" or self._dag_paused(part):
            return
        if not part.promoted and backfill.seconds > SLOW_START.total_seconds():
            self._say(
                f"Backfill {backfill.backfill_id}: no day of {part.part.dataset} was promoted within "
                f"{SLOW_START.total_seconds() / 60:.0f} minutes. Look at ingest.{part.part.dataset} in Airflow: is a "
                "run waiting for another dataset, or are twenty other runs in front of it?"
            )

    def _cancel(self, backfill: Backfill, part: PartState, airflow_id: int) -> bool:
        self.airflow.cancel(airflow_id)
        if self.airflow.clear_up(part.part, _ours(backfill, part)):
            return False  # a day that runs ends whole
        self._end(backfill, part, "cancelled")
        return True

    # Some units: they are walked here, by the same steps as a whole window.

    def _some(self, backfill: Backfill, walked: list[date]) -> int:
        unfinished = [part for part in backfill.parts if part.state in ("waiting", "running")]
        if backfill.state == "cancelled":
            for part in unfinished:
                self._end(backfill, part, "cancelled")
        if backfill.state != "open" or not unfinished:
            return 0
        if not walked:
            return len(unfinished) - self._walk(backfill, unfinished[0], walked)
        return len(unfinished)

    def _walk(self, backfill: Backfill, part: PartState, walked: list[date]) -> bool:
        """Walk the next day of a part, unless a person has just stopped it; gives whether the part is over."""
        days = [window.day for window in part.part.windows]
        if backfill.newest_first:
            days.reverse()
        upcoming, again = part.next_day, list(part.again)
        if not self._may_walk(backfill, part, days[0]):
            return False
        if part.state == "waiting":
            upcoming = days[0]
        day = upcoming or again[0]
        down = self._day(backfill, part, day, second=upcoming is None)
        walked.append(day)
        if upcoming is None:
            again.remove(day)
        else:
            again += [day] * down
            upcoming = dict(pairwise(days)).get(day)
        if upcoming is None and not again:
            self._end(backfill, part)
            return True
        with self.pipeline.warehouse.session() as session:
            queue.walk(session, backfill.backfill_id, part.number, upcoming, again)
        return False

    def _may_walk(self, backfill: Backfill, part: PartState, first: date) -> bool:
        """Whether nobody has paused or cancelled it meanwhile; a part that waits is begun."""
        with self.pipeline.warehouse.session() as session:
            if part.state == "waiting":
                return queue.begin(session, backfill.backfill_id, part.number, first)
            now = queue.listed(session, self.pipeline.warehouse.home, backfill_id=backfill.backfill_id)[0]
        return now.state == "open"

    def _day(self, backfill: Backfill, part: PartState, day: date, *, second: bool) -> bool:
        """Read one day; gives whether a source of it was down. What fails costs only this day, and is listed."""
        dataset, window = part.part.dataset, Window.of_day(day)
        only: Iterable[str] = backfill.units
        if second:
            only = self._missing(dataset, window, backfill.units) or only
        try:
            self.pipeline.run(dataset, window, only, backfill=backfill.backfill_id)
        except SourceDown as error:
            log.warning("%s", error)
            return True
        except NeedsPerson as error:
            log.warning("%s", error)
            return False
        return bool(self._missing(dataset, window, backfill.units))

    def _missing(self, dataset: str, window: Window, units: Iterable[str]) -> list[str]:
        with self.pipeline.warehouse.session() as session:
            return sorted(set(units) & set(ledger.missing(session, dataset, window)))

    def _end(self, backfill: Backfill, part: PartState, state: str = "done") -> None:
        with self.pipeline.warehouse.session() as session:
            queue.end(session, backfill.backfill_id, part.number, state)

    def _say(self, sentence: str) -> None:
        log.warning("%s", sentence)
        self.notes.append(sentence)


def _ours(backfill: Backfill, part: PartState) -> dict[str, Any]:
    """What Airflow keeps with the runs of a part, and what their tasks read."""
    return {"backfill": backfill.backfill_id, "part": part.number}
