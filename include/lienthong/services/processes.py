"""A process that is started here never outlives its installation.

Each one leads its own session, so that everything it forks is found by the session's number; on Linux it also gets a
signal when its parent dies, and what it leaves behind is handed to the supervisor. What still survives, because
somebody killed the supervisor with SIGKILL, carries the owner's name in its environment and is swept at the next start.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from lienthong.services.account import Account

OWNER = "LIENTHONG_OWNER"
LOG_LIMIT = 10_000_000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Leader:
    """One started process as a later one can recognise it: numbers are reused, times of birth are not."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Leader | None:
        """The process that has this number now."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @property
    def alive(self) -> bool:
        """Whether it is still the same process, and not a zombie."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    account: Account | None = None,
    death_signal: int = signal.SIGTERM,
    nice: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; what it says is added to its log."""
    with open_log(log) as output:
        return subprocess.Popen(  # noqa: S603 - commands come from this package, never from a user's text
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before(os.getpid(), account, death_signal, nice),
        )


def _before(parent: int, account: Account | None, death_signal: int, nice: int) -> Callable[[], None]:
    def prepare() -> None:
        if nice:
            os.nice(nice)
        if account is not None:
            account.enter()
        if _libc is not None:
            # After the change of account: the kernel forgets the wish when the owner changes.
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def adopt_orphans() -> None:
    """From now on, processes whose parent dies become our children (Linux), so that they can be found."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_orphans(known: Iterable[int]) -> int:
    """Kill and bury direct children that nobody started on purpose; gives their number."""
    leaders = set(known)
    count = 0
    for child in psutil.Process().children():
        if child.pid in leaders:
            continue
        _kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
        count += 1
    return count


def bury_orphans(known: Iterable[int]) -> int:
    """Bury direct children that were handed to us and have ended; gives their number."""
    leaders = set(known)
    count = 0
    for child in psutil.Process().children():
        with suppress(ChildProcessError, psutil.Error):
            if child.pid not in leaders and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
                count += 1
    return count


def session_members(leader: int) -> list[psutil.Process]:
    """Living processes of the session that this process started, the leader among them if it lives."""
    found = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill_session(leader: int) -> int:
    """Kill everything in the session at once; gives the number of processes."""
    members = session_members(leader)
    for process in members:
        _kill(process, signal.SIGKILL)
    return len(members)


def sweep(owner: str, leaders: Iterable[Leader], grace: float = 5.0) -> int:
    """Stop everything that an earlier supervisor of this owner left; gives the number of processes."""
    recorded = list(leaders)
    left = _left(owner, recorded)
    if not left:
        return 0
    for process in left:
        _kill(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=grace)
    for process in {*alive, *_left(owner, recorded)}:
        _kill(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=grace)
    return len(left)


def _left(owner: str, leaders: Sequence[Leader]) -> list[psutil.Process]:
    sessions = {leader.pid for leader in leaders if not _reused(leader)}
    return [process for process in psutil.process_iter() if _belongs(process, owner, sessions)]


def _belongs(process: psutil.Process, owner: str, sessions: set[int]) -> bool:
    if process.pid == os.getpid():
        return False
    with suppress(OSError, psutil.Error):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if os.getsid(process.pid) in sessions:
            return True
        # A task's process hides its environment from others of its account; its session gave it away already.
        return process.environ().get(OWNER) == owner
    return False


def _reused(leader: Leader) -> bool:
    """Whether another process has taken the number since."""
    present = Leader.of(leader.pid)
    return present is not None and present != leader


def _kill(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def open_log(path: Path) -> BinaryIO:
    """The log of one process, ready to be added to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    trim_log(path)
    return path.open("ab")


def trim_log(path: Path) -> None:
    """Put a long log aside as ``.1`` and go on with an empty one, also while a process writes to it."""
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
