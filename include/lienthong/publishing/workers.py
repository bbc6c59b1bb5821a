"""Threads that deliver. They never touch the database and never outlive their process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from lienthong.endpoints import Delivery, Item


@dataclass(frozen=True, slots=True)
class Job:
    """Items that are delivered together."""

    items: tuple[Item, ...]
    doubtful: bool


@dataclass(frozen=True, slots=True)
class Done:
    """A job with its delivery, or with the error of our own that broke it."""

    job: Job
    delivery: Delivery
    error: BaseException | None = None


class Workers:
    """``count`` daemon threads, so that a request without answer cannot hold up the end of the process."""

    def __init__(self, count: int, work: Callable[[Job], Delivery]) -> None:
        self._work = work
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self.busy: dict[int, Job] = {}
        self._threads = [threading.Thread(target=self._run, name=f"deliver-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job; it counts as busy until ``next_done`` gives it back."""
        self.busy[id(job)] = job
        self._jobs.put(job)

    def next_done(self, timeout: float) -> Done | None:
        """The next finished job, or None when there is none within ``timeout`` seconds."""
        try:
            done = self._done.get(timeout=timeout) if timeout > 0 else self._done.get_nowait()
        except queue.Empty:
            return None
        del self.busy[id(done.job)]
        return done

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        for _ in self._threads:
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                done = Done(job, self._work(job))
            except BaseException as error:  # handed to the sender, which stops and raises it
                done = Done(job, Delivery(), error)
            self._done.put(done)
