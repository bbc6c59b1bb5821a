"""One look at the queue moves each part on as far as it goes now; it may be killed and repeated anywhere."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta

from lienthong.backfill import queue
from lienthong.backfill.airflow import AirflowBackfills
from lienthong.backfill.queue import Backfill, PartState
from lienthong.batches import Window
from lienthong.errors import NeedsPerson, SourceDown
from lienthong.steps import Pipeline

log = logging.getLogger("lienthong")

WALK = 45.0
"""Seconds for which one look may walk through days of some units."""
SLOW_START = timedelta(minutes=10)
"""After so long without a day that begins, a person is told where to look."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What one look found: parts that are on their way or wait for their turn, and sentences for people."""

    open: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class Feeder:
    """Looks after every open backfill once, for one Airflow."""

    pipeline: Pipeline
    airflow: AirflowBackfills
    notes: list[str] = field(default_factory=list)

    def look(self) -> Fed:
        """Move every part on; one look at a time."""
        with self.pipeline.warehouse.alone(queue.LOCK):
            backfills = self._listed()
            busy = {
                part.part.dataset
                for backfill in backfills
                for part in backfill.parts
                if part.state == "running" and not backfill.units
            }
            left = sum(self._one(backfill, busy) for backfill in reversed(backfills))
        return Fed(left, tuple(self.notes))

    def _listed(self) -> list[Backfill]:
        with self.pipeline.warehouse.session() as session:
            return queue.listed(session, self.pipeline.warehouse.home, open_only=True)

    def _one(self, backfill: Backfill, busy: set[str]) -> int:
        """Parts of one backfill that are left after this look and that a further look can move."""
        left = 0
        begun: set[str] = set()
        for part in backfill.parts:
            if part.state == "running":
                over = self._running(backfill, part)
            elif part.state == "waiting" and part.part.dataset not in begun and self._free(backfill, part, busy):
                over = self._begin(backfill, part)
                busy.add(part.part.dataset)
            else:
                over = part.state in ("done", "cancelled")
            if not over:
                begun.add(part.part.dataset)
                left += backfill.state != "paused" or part.state == "running"
        return left

    def _free(self, backfill: Backfill, part: PartState, busy: set[str]) -> bool:
        return backfill.state == "open" and (bool(backfill.units) or part.part.dataset not in busy)

    def _begin(self, backfill: Backfill, part: PartState) -> bool:
        """Begin a part; gives whether it is over already."""
        if backfill.units:
            self._mark(backfill, part)
            return self._walk(backfill, part)
        ours = {"backfill": backfill.backfill_id, "part": part.number}
        active = self.airflow.active(part.part.dataset)
        if active is None:
            airflow_id = self.airflow.begin(part.part, ours, newest_first=backfill.newest_first)
        else:
            # Begun by a look that was killed before it could note so; or somebody else's, which has to end first.
            airflow_id = active.airflow_id if active.ours == ours else None
        if airflow_id is None:
            self._say(f"{part.part.dataset}: waits for another backfill of its DAG, begun in Airflow itself.")
            return False
        self._mark(backfill, part, airflow_id)
        return False

    def _mark(self, backfill: Backfill, part: PartState, airflow_id: int | None = None) -> None:
        with self.pipeline.warehouse.session() as session:
            queue.begin(session, backfill.backfill_id, part.number, airflow_id)

    def _running(self, backfill: Backfill, part: PartState) -> bool:
        """Look after a part that has begun; gives whether it is over."""
        if backfill.state == "cancelled":
            return self._cancel(backfill, part)
        if part.airflow_id is None:
            return backfill.state == "paused" or self._walk(backfill, part)
        found = self.airflow.found(part.airflow_id)
        if found.over:
            self._end(backfill, part)
            return True
        if found.paused and backfill.state == "open":
            self.airflow.go_on(part.airflow_id)
        elif not found.paused and backfill.state == "paused":
            self.airflow.pause(part.airflow_id)
        if backfill.state == "open" and not part.promoted and backfill.seconds > SLOW_START.total_seconds():
            self._say(
                f"Backfill {backfill.backfill_id}: no day of {part.part.dataset} was promoted within "
                f"{SLOW_START.total_seconds() / 60:.0f} minutes. Look at ingest.{part.part.dataset} in Airflow: is a "
                "run waiting for another dataset, or are twenty other runs in front of it?"
            )
        return backfill.state == "paused"

    def _cancel(self, backfill: Backfill, part: PartState) -> bool:
        if part.airflow_id is not None:
            self.airflow.cancel(part.airflow_id)
            if self.airflow.clear_up(part.part):
                return False  # a day that runs ends whole
        self._end(backfill, part, "cancelled")
        return True

    def _walk(self, backfill: Backfill, part: PartState) -> bool:
        """Read some units day by day, by the same steps as a whole window; gives whether the part is over."""
        until = time.monotonic() + WALK
        days = [window.day for window in part.part.windows]
        if backfill.newest_first:
            days.reverse()
        place = days.index(part.next_day) if part.next_day in days else 0
        for number in range(place, len(days)):
            if number > place and (time.monotonic() > until or self._stopped(backfill)):
                return False
            try:
                self.pipeline.run(part.part.dataset, Window.of_day(days[number]), only=backfill.units)
            except (SourceDown, NeedsPerson) as error:
                # It costs only its own day, which the backfill then lists as failed.
                log.warning("%s", error)
            if number + 1 < len(days):
                with self.pipeline.warehouse.session() as session:
                    queue.walk(session, backfill.backfill_id, part.number, days[number + 1])
        self._end(backfill, part)
        return True

    def _stopped(self, backfill: Backfill) -> bool:
        """Whether a person has paused or cancelled it meanwhile."""
        with self.pipeline.warehouse.session() as session:
            now = queue.listed(session, self.pipeline.warehouse.home, backfill_id=backfill.backfill_id)[0]
        return now.state != "open"

    def _end(self, backfill: Backfill, part: PartState, state: str = "done") -> None:
        with self.pipeline.warehouse.session() as session:
            queue.end(session, backfill.backfill_id, part.number, state)

    def _say(self, sentence: str) -> None:
        log.warning("%s", sentence)
        self.notes.append(sentence)
