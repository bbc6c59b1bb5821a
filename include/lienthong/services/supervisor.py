"""Starts services in the order of their needs, restarts those that die, and leaves none behind when it ends.

It knows nothing of what the services do. One thread, one loop: a child is started by the same thread that lives as
long as the supervisor, because the kernel ties "tell me when my parent dies" to a thread.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lienthong.errors import LienThongError
from lienthong.services.account import Account
from lienthong.services.processes import (
    Leader,
    bury_orphans,
    kill_orphans,
    kill_session,
    spawn,
    trim_log,
)

log = logging.getLogger(__name__)

QUICK = 30.0
"""Seconds; a death sooner than this after the start, or before the service was ever ready, counts towards giving up."""
DEATHS = 10
FIRST_DEATHS = 3
"""Quick deaths allowed to a service that was never ready: nothing has changed since it was last tried."""
LONGEST_PAUSE = 30.0
HOUSEKEEPING = 3.0


class State(StrEnum):
    """Where one service stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    PAUSING = "pausing"
    STOPPING = "stopping"
    STOPPED = "stopped"


def _always() -> bool:
    return True


def _never() -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """One process to keep, or with ``once`` one step to see through."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    after: tuple[str, ...] = ()
    """Services that must be ready (steps: done) before this one starts. They are stopped after it."""
    behind: tuple[str, ...] = ()
    """Services that must be ready before the first start of this one, only to have the processor to themselves."""
    outlives: tuple[str, ...] = ()
    """Further services that must be gone before this one is stopped."""
    ready: Callable[[], bool] = _always
    well: Callable[[], bool] = _always
    """Asked every few seconds once it is ready: whether it still does its work."""
    tolerance: float = 10.0
    """Seconds for which it may not be well before it is killed and started again."""
    once: bool = False
    skip: Callable[[], bool] = _never
    """Asked before a step runs: whether its work is already done."""
    before: Callable[[], None] = _nothing
    """Run before each start."""
    done: Callable[[], None] = _nothing
    """Run when a step has ended well."""
    patience: float = 180.0
    """Seconds from start to ready (steps: to the end)."""
    grace: float = 10.0
    """Seconds from the polite signal to SIGKILL."""
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM
    account: Account | None = None
    nice: int = 0


@dataclass(slots=True)
class _Kept:
    """What is known of one service now."""

    service: Service
    state: State = State.WAITING
    process: subprocess.Popen[bytes] | None = None
    leader: Leader | None = None
    started: float = 0.0
    seconds: float = 0.0
    restarts: int = 0
    deaths: int = 0
    was_ready: bool = False
    next_look: float = 0.0
    unwell_since: float = 0.0
    resume: float = 0.0
    last_exit: str = ""

    def snapshot(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"state": str(self.state), "restarts": self.restarts, "seconds": round(self.seconds, 2)}
        if self.process is not None and self.leader is not None:
            entry |= {"pid": self.leader.pid, "created": self.leader.created}
        if self.last_exit:
            entry["last_exit"] = self.last_exit
        return entry


class GivenUp(LienThongError):
    """A service cannot be kept running; the message says which and why."""


@dataclass(slots=True)
class Supervisor:
    """Keeps a set of services until ``stop`` is called or one cannot be kept."""

    services: Sequence[Service]
    logs: Path
    folder: Path
    tell: Callable[[dict[str, dict[str, Any]]], None]
    """Called with the state of every service whenever one has changed."""
    watch: Callable[[], None] = _nothing
    """Called every few seconds; an error of ours that it raises stops everything."""
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _told: dict[str, dict[str, Any]] = field(default_factory=dict)
    _housekeeping: float = 0.0

    def __post_init__(self) -> None:
        self._kept = {service.name: _Kept(service) for service in self.services}

    def stop(self) -> None:
        """Ask the loop to end; for signal handlers."""
        self._stopping.set()

    def run(self) -> str:
        """Keep the services until asked to stop; gives the sentence of what went wrong, or an empty one."""
        try:
            while not self._stopping.is_set():
                self._step()
                self._stopping.wait(0.05 if self._moving() else 0.5)
        except (LienThongError, OSError) as error:
            log.error("%s", error)
            return str(error)
        finally:
            self._stop_all()
        return ""

    def _step(self) -> None:
        for kept in self._kept.values():
            self._advance(kept)
        now = time.monotonic()
        if now >= self._housekeeping:
            self._housekeeping = now + HOUSEKEEPING
            self.watch()
            # Tasks of a scheduler that died end a moment after it was buried.
            bury_orphans(other.process.pid for other in self._kept.values() if other.process is not None)
            for path in self.logs.glob("*.log"):
                with suppress(OSError):
                    trim_log(path)
        self._tell()

    def _moving(self) -> bool:
        return any(kept.state not in (State.READY, State.DONE) for kept in self._kept.values())

    def _advance(self, kept: _Kept) -> None:
        if kept.process is not None and kept.process.poll() is not None:
            self._ended(kept, kept.process.returncode)
        elif kept.state is State.WAITING or (kept.state is State.PAUSING and time.monotonic() >= kept.resume):
            # All that it needs, not only the nearest: after a restart of the first, steps between them stay done.
            first = () if kept.restarts else kept.service.behind
            if all(self._kept[name].state in (State.READY, State.DONE) for name in (*self._needs(kept), *first)):
                self._start(kept)
        elif kept.state is State.STARTING:
            self._look(kept)
        elif kept.state is State.READY:
            self._look_after(kept)

    def _start(self, kept: _Kept) -> None:
        service = kept.service
        if service.once and service.skip():
            kept.state = State.DONE
            return
        service.before()
        kept.started = time.monotonic()
        try:
            kept.process = spawn(
                service.command,
                environment=service.environment,
                log=self.logs / f"{service.name}.log",
                folder=self.folder,
                account=service.account,
                death_signal=service.death_signal,
                nice=service.nice,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise GivenUp(f"{service.name} cannot be started: {error}") from error
        kept.leader = Leader.of(kept.process.pid)
        kept.state = State.STARTING
        kept.next_look = 0.0
        log.info("%s started as process %d", service.name, kept.process.pid)

    def _look(self, kept: _Kept) -> None:
        now = time.monotonic()
        if now < kept.next_look:
            return
        kept.next_look = now + 0.2
        if not kept.service.once and kept.service.ready():
            kept.state = State.READY
            kept.was_ready = True
            kept.seconds = time.monotonic() - kept.started
            log.info("%s is ready after %.1f s", kept.service.name, kept.seconds)
        elif now - kept.started > kept.service.patience:
            raise GivenUp(
                f"{kept.service.name} was not ready within {kept.service.patience:.0f} s. "
                f"Its log {self.logs / f'{kept.service.name}.log'} says why."
            )

    def _look_after(self, kept: _Kept) -> None:
        """Kill a service that runs but does not work, so that it is started again."""
        now = time.monotonic()
        if now < kept.next_look or kept.process is None:
            return
        kept.next_look = now + HOUSEKEEPING
        if kept.service.well():
            kept.unwell_since = 0.0
        elif not kept.unwell_since:
            kept.unwell_since = now
        elif now - kept.unwell_since > kept.service.tolerance:
            log.warning("%s runs but does not work any more; it is killed", kept.service.name)
            kept.unwell_since = 0.0
            kill_session(kept.process.pid)

    def _ended(self, kept: _Kept, code: int) -> None:
        service = kept.service
        lived = time.monotonic() - kept.started
        self._bury(kept)
        kept.last_exit = how_it_ended(code)
        if service.once and code == 0:
            service.done()
            kept.state = State.DONE
            kept.seconds = lived
            log.info("%s is done after %.1f s", service.name, lived)
            return
        if service.once:
            raise GivenUp(f"{service.name} failed ({kept.last_exit}): {self._last_words(service.name)}")
        kept.deaths = kept.deaths + 1 if lived < QUICK or not kept.was_ready else 1
        kept.restarts += 1
        allowed = DEATHS if kept.was_ready else FIRST_DEATHS
        if kept.deaths >= allowed:
            raise GivenUp(
                f"{service.name} died {kept.deaths} times in a row, the last time with {kept.last_exit}: "
                f"{self._last_words(service.name)}"
            )
        pause = min(0.25 * 2**kept.deaths, LONGEST_PAUSE)
        kept.state = State.PAUSING
        kept.resume = time.monotonic() + pause
        log.warning("%s ended with %s; restart %d in %.1f s", service.name, kept.last_exit, kept.restarts, pause)

    def _bury(self, kept: _Kept) -> None:
        """Take away what a dead service left: its session, and on Linux what was handed to us as orphans."""
        if kept.process is not None:
            kill_session(kept.process.pid)
        kept.process = None
        kill_orphans(other.process.pid for other in self._kept.values() if other.process is not None)

    def _last_words(self, name: str) -> str:
        path = self.logs / f"{name}.log"
        with suppress(OSError):
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 4000))
                lines = file.read().decode(errors="replace").split("\n")
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return f"{said[-1][:300]} (more in {path})"
        return f"it said nothing; see {path}"

    def _stop_all(self) -> None:
        log.info("stopping")
        deadlines: dict[str, float] = {}
        while alive := [kept for kept in self._kept.values() if kept.process is not None]:
            for kept in alive:
                self._stop_one(kept, deadlines)
            self._tell_if_possible()
            time.sleep(0.05)
        for kept in self._kept.values():
            if kept.state is not State.DONE:
                kept.state = State.STOPPED
        kill_orphans(())
        self._tell_if_possible()
        log.info("stopped")

    def _stop_one(self, kept: _Kept, deadlines: dict[str, float]) -> None:
        process = kept.process
        if process is None:
            return
        name = kept.service.name
        now = time.monotonic()
        if process.poll() is not None:
            self._bury(kept)
            kept.state = State.STOPPED
            log.info("%s stopped with %s", name, how_it_ended(process.returncode))
        elif name not in deadlines:
            if not self._needed(kept):
                process.send_signal(signal.SIGTERM if kept.service.once else kept.service.stop_signal)
                kept.state = State.STOPPING
                deadlines[name] = now + kept.service.grace
        elif now >= deadlines[name]:
            log.warning("%s did not end within %.0f s and is killed", name, kept.service.grace)
            kill_session(process.pid)
            deadlines[name] = now + kept.service.grace

    def _needed(self, kept: _Kept) -> bool:
        """Whether something that still runs must be stopped first."""
        name = kept.service.name
        return any(
            other.process is not None and (name in self._needs(other) or other.service.name in kept.service.outlives)
            for other in self._kept.values()
        )

    def _needs(self, kept: _Kept) -> set[str]:
        """What a service needs, and what that needs in turn."""
        direct = set(kept.service.after)
        return direct.union(*(self._needs(self._kept[name]) for name in direct))

    def _tell_if_possible(self) -> None:
        """Stopping goes on whoever cannot be told, on a full disk above all."""
        with suppress(OSError, LienThongError):
            self._tell()

    def _tell(self) -> None:
        present = {name: kept.snapshot() for name, kept in self._kept.items()}
        if present != self._told:
            self._told = present
            self.tell(present)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
