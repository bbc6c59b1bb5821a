"""Start, find and stop the supervisor from another process."""

from __future__ import annotations

import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil

from lienthong.errors import NeedsPerson
from lienthong.services import board, space
from lienthong.services.airflow import MAIL, PLATFORM, PORTAL, UNITS, WAREHOUSE, foreign
from lienthong.services.folders import Folders
from lienthong.services.keys import Keys, load
from lienthong.services.postgres import Server
from lienthong.services.processes import Leader, open_log, sweep
from lienthong.services.supervisor import how_it_ended

BOOT_PATIENCE = 300.0
STOP_PATIENCE = 60.0

NOTHING_RUNS = "No services were running."

Watcher = Callable[[Mapping[str, Any]], None]


def running(folders: Folders) -> dict[str, Any] | None:
    """The board of the supervisor that lives now, or None."""
    if not board.is_held(folders):
        return None
    content = board.read(folders)
    supervisor = Leader(int(content.get("pid", -1)), float(content.get("created", 0)))
    return content if supervisor.alive else None


@dataclass(slots=True)
class Handle:
    """A supervisor that this process started."""

    folders: Folders
    process: subprocess.Popen[bytes]
    tether: int | None
    kept: bool = True

    def let_go(self) -> None:
        """Leave it running when this process ends."""
        self.kept = False

    def stop(self) -> None:
        """Stop every service and wait until none is left."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                clean(self.folders)
        if self.tether is not None:
            os.close(self.tether)
            self.tether = None


def start(folders: Folders, *, tethered: bool) -> Handle:
    """Start the supervisor in a session of its own. Tethered, it ends with this process, however that ends."""
    _writable(folders)
    space.check_start(folders)
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "lienthong.services.keeper"]
    if tethered:
        command += ["--tether", str(read_end)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with open_log(folders.log / "supervisor.log") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(read_end,) if tethered else (),
        )
    os.close(read_end)
    if not tethered:
        os.close(write_end)
    return Handle(folders, process, write_end if tethered else None)


@contextmanager
def started(folders: Folders, *, tethered: bool) -> Iterator[Handle]:
    """The services for the time of the block, or longer if they are let go within it."""
    handle = start(folders, tethered=tethered)
    try:
        yield handle
    finally:
        if handle.kept:
            handle.stop()


def attend(folders: Folders, handle: Handle, watcher: Watcher, pause: float) -> str:
    """Stay until the supervisor ends by itself; gives its sentence, empty when it was told to stop."""
    while handle.process.poll() is None:
        watcher(board.read(folders))
        time.sleep(pause)
    return _why_gone(folders, handle) if handle.process.returncode else ""


def check_alive(folders: Folders, handle: Handle | None) -> None:
    """Raise with the supervisor's sentence when it is gone; ``handle`` is None when somebody else started it."""
    gone = not board.is_held(folders) if handle is None else handle.process.poll() is not None
    if gone:
        raise NeedsPerson(_why_gone(folders, handle))


def check_same(present: Mapping[str, Any], folders: Folders, env: Mapping[str, str]) -> None:
    """Refuse to use services that were started with other connections than the caller has now."""
    now = fingerprints(env, load(folders.secrets))
    for name, found in present.get("connections", {}).items():
        if found != now[name]:
            raise NeedsPerson(
                f"The services that run were started with another {name} than is set now. `make down` stops them; "
                "then try again."
            )


def fingerprints(env: Mapping[str, str], keys: Keys) -> dict[str, str]:
    """What tells one set of the caller's connections from another without revealing them."""
    return {
        name: hmac.new(keys.jwt.encode(), env[name].encode(), "sha256").hexdigest() if foreign(env, name) else ""
        for name in (WAREHOUSE, PORTAL, PLATFORM, UNITS, MAIL)
    }


def wait(
    folders: Folders,
    needed: Iterable[str] | None,
    watcher: Watcher,
    handle: Handle | None = None,
    patience: float = BOOT_PATIENCE,
) -> dict[str, Any]:
    """Wait until the needed services (all, if None) are ready; raises with the supervisor's sentence if they fail."""
    deadline = time.monotonic() + patience
    names = None if needed is None else set(needed)
    pid = handle.process.pid if handle else None
    while True:
        content = board.read(folders)
        if pid is None or content.get("pid") == pid:
            watcher(content)
            if content.get("phase") in (board.FAILED, board.STOPPED):
                raise NeedsPerson(content.get("sentence") or "The services were stopped while they started.")
            if _all_ready(content, names):
                return content
        check_alive(folders, handle)
        if time.monotonic() > deadline:
            raise NeedsPerson(f"The services were not ready within {patience:.0f} s; {folders.log} holds their logs.")
        time.sleep(0.1)


def _all_ready(content: Mapping[str, Any], names: set[str] | None) -> bool:
    services = content.get("services", {})
    wanted = set(services) if names is None else names & set(services)
    return bool(wanted) and all(services[name]["state"] in ("ready", "done") for name in wanted)


def _why_gone(folders: Folders, handle: Handle | None) -> str:
    """The supervisor's own sentence; else what can be seen from outside."""
    content = board.read(folders)
    if content.get("sentence") and (handle is None or content.get("pid") == handle.process.pid):
        return str(content["sentence"])
    with suppress(OSError):
        space.check_run(folders)
    if handle is None or (handle.process.returncode or 0) < 0:
        how = f" by {how_it_ended(handle.process.returncode)}" if handle is not None else ""
        return f"The services were stopped from outside{how}."
    return _last_error(folders) or f"The supervisor ended without a word; see {folders.log / 'supervisor.log'}."


def _last_error(folders: Folders) -> str:
    try:
        lines = (folders.log / "supervisor.log").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.split("ERROR", 1)[1].strip() for line in reversed(lines) if "ERROR" in line), "")


def stop(folders: Folders) -> str:
    """Stop the supervisor that runs and everything of it, or what a killed one left; gives what was done."""
    content = running(folders)
    if content is None:
        left = clean(folders)
        return f"Stopped what a killed supervisor had left ({left} processes)." if left else NOTHING_RUNS
    with suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(int(content["pid"]))
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_PATIENCE)
        except psutil.TimeoutExpired:
            supervisor.kill()
            clean(folders)
    return "The services are stopped."


def clean(folders: Folders) -> int:
    """End what a supervisor that was killed left behind; gives the number of processes."""
    if not folders.var.exists():
        return 0
    with board.held(folders):
        stray = Server.at(folders).stop_stray()
        return stray + sweep(folders.owner, board.leaders(board.read(folders)))


def _writable(folders: Folders) -> None:
    try:
        folders.log.mkdir(parents=True, exist_ok=True)
        with open_log(folders.log / "supervisor.log"):
            pass
    except OSError as error:
        space.check_start(folders)
        raise NeedsPerson(
            f"{folders.var} must be a folder that can be written to: {error.strerror}. "
            "Mend its rights, or choose another with LIENTHONG_VAR."
        ) from error
