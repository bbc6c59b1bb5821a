"""Threads that deliver. They never touch the database and never outlive their process."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lienthong.endpoints import Delivery, Item


@dataclass(eq=False, slots=True)
class Job:
    """Items that are delivered together, and what came of it: a delivery, or the fault of ours that broke it."""

    items: tuple[Item, ...]
    doubtful: bool
    delivery: Delivery | None = None
    error: BaseException | None = None

    @property
    def finished(self) -> bool:
        """Whether the job has either."""
        return self.delivery is not None or self.error is not None


class Workers:
    """``count`` daemon threads, so that a request without answer cannot hold up the end of the process.

    A job stays in ``busy`` from ``submit`` until its taker removes it: an interruption loses none."""

    def __init__(self, count: int, work: Callable[[Job], Delivery]) -> None:
        self._work = work
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.busy: set[Job] = set()
        self._threads = [threading.Thread(target=self._run, name=f"deliver-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job."""
        self.busy.add(job)
        self._jobs.put(job)

    def next_finished(self, timeout: float) -> Job | None:
        """The next finished job, or None when there is none within ``timeout`` seconds."""
        try:
            return self._finished.get(timeout=timeout)
        except queue.Empty:
            return None

    def recall(self) -> list[Job]:
        """Take back the jobs that no thread has begun."""
        recalled: list[Job] = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                recalled.append(job)
        self.busy.difference_update(recalled)
        return recalled

    def await_busy(self, seconds: float | None) -> None:
        """Return when every busy job is finished, or when the time is up."""
        until = None if seconds is None else time.monotonic() + seconds
        while not all(job.finished for job in self.busy) and (until is None or time.monotonic() < until):
            self.next_finished(0.05)

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        for _ in self._threads:
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.delivery = self._work(job)
            except BaseException as error:  # handed to the sender, which stops and raises it
                job.error = error
            self._finished.put(job)
