"""What the supervisor says about itself, and the lock that tells whether it lives.

The lock is held by the process, not by a file that could stay behind: it goes when the process goes.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lienthong.errors import NeedsPerson, TryAgain
from lienthong.services.folders import Folders
from lienthong.services.keys import write_private
from lienthong.services.processes import Leader

STARTING, RUNNING, STOPPING, STOPPED, FAILED = "starting", "running", "stopping", "stopped", "failed"


class AlreadyRunning(TryAgain):
    """Another supervisor or question holds this installation."""


@contextmanager
def held(folders: Folders, patience: float = 2.0) -> Iterator[None]:
    """Hold the installation for the time of the block; ``AlreadyRunning`` when somebody else does."""
    folders.var.mkdir(parents=True, exist_ok=True)
    number = os.open(folders.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience
        while not _locked(number):
            if time.monotonic() > deadline:
                raise AlreadyRunning(f"The services of {folders.var} are already running (`make down` stops them).")
            time.sleep(0.05)
        yield
    finally:
        os.close(number)


def _locked(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(folders: Folders) -> bool:
    """Whether a supervisor of this installation lives now."""
    try:
        number = os.open(folders.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def read(folders: Folders) -> dict[str, Any]:
    """What the last supervisor wrote, or nothing; believe it only while the lock is held."""
    try:
        content: dict[str, Any] = json.loads(folders.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def leaders(content: Mapping[str, Any]) -> list[Leader]:
    """The processes that a board names."""
    services = content.get("services", {}).values()
    return [Leader(entry["pid"], entry["created"]) for entry in services if "pid" in entry]


class Board:
    """Written by the supervisor, read by ``make up``, ``make down`` and ``lienthong status``."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        present = Leader.of(os.getpid())
        self._content: dict[str, Any] = {
            "pid": os.getpid(),
            "created": present.created if present else 0.0,
            "phase": STARTING,
            "sentence": "",
            "started_at": time.time(),
            "services": {},
        }

    @property
    def phase(self) -> str:
        """Where the whole stands."""
        return str(self._content["phase"])

    def say(self, **entries: Any) -> None:
        """Change entries and write the whole; a full disk is reported as such."""
        self._content |= entries
        try:
            write_private(self._folders.state, json.dumps(self._content, ensure_ascii=False, indent=1))
        except OSError as error:
            raise NeedsPerson(f"{self._folders.state} cannot be written: {error.strerror}.") from error
