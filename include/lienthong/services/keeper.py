"""The supervisor's process: one for each installation, alone in its session, parent of everything else.

    python -m lienthong.services.keeper [--tether FD]

It ends on SIGTERM and SIGINT, when the disk is about to be full, when a service cannot be kept, and, when tethered,
as soon as the other end of the pipe FD is closed, which happens however its owner dies.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from lienthong.errors import LienThongError
from lienthong.services import board, space
from lienthong.services.board import Board
from lienthong.services.control import fingerprints
from lienthong.services.embedded import Setup, services
from lienthong.services.folders import Folders
from lienthong.services.ports import HOST
from lienthong.services.postgres import Server
from lienthong.services.processes import adopt_orphans, sweep
from lienthong.services.supervisor import State, Supervisor

log = logging.getLogger("lienthong.services")


def main() -> int:
    """Keep the services until told to stop; 0 after a clean end, 1 with a sentence on the board otherwise."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tether", type=int)
    tether = arguments.parse_args().tether
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr)
    try:
        folders = Folders.from_env()
        with board.held(folders):
            return _keep(folders, tether)
    except LienThongError as error:
        log.error("%s", error)
        return 1


def _keep(folders: Folders, tether: int | None) -> int:
    left = board.leaders(board.read(folders))
    adopt_orphans()
    own = Board(folders)
    own.say()
    try:
        # Before the ports are chosen: what is left of an earlier life may still listen.
        swept = Server.at(folders).stop_stray() + sweep(folders.owner, left)
        if swept:
            log.warning("stopped %d processes that an earlier supervisor left", swept)
        setup, notices = Setup.make(folders, os.environ)
        own.say(notices=notices, **_facts(setup))
        supervisor = _supervisor(setup, own, tether)
    except LienThongError as error:
        log.error("%s", error)
        own.say(phase=board.FAILED, sentence=str(error))
        return 1
    sentence = supervisor.run()
    try:
        own.say(phase=board.FAILED if sentence else board.STOPPED, sentence=sentence)
    except LienThongError as error:
        # Whoever waits reads the last error of the log then.
        log.error("%s", sentence or error)
    return 1 if sentence else 0


def _supervisor(setup: Setup, own: Board, tether: int | None) -> Supervisor:
    def tell(present: dict[str, dict[str, Any]]) -> None:
        own.say(services=present, phase=_phase(own.phase, present))

    def watch() -> None:
        space.check_run(setup.folders)
        if tether is not None and _cut(tether):
            log.info("whoever started the services is gone")
            supervisor.stop()

    def on_signal(number: int, _frame: object) -> None:
        log.info("told to stop by %s", signal.Signals(number).name)
        supervisor.stop()

    supervisor = Supervisor(services(setup), setup.folders.log, setup.folders.home, tell, watch)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    return supervisor


def _phase(before: str, present: Mapping[str, Mapping[str, Any]]) -> str:
    states = {entry["state"] for entry in present.values()}
    if states & {State.STOPPING, State.STOPPED}:
        return board.STOPPING
    if before == board.STARTING and not states <= {State.READY, State.DONE}:
        return board.STARTING
    return board.RUNNING


def _facts(setup: Setup) -> dict[str, Any]:
    return {
        "ports": dict(setup.ports),
        "address": f"http://{HOST}:{setup.ports['airflow']}",
        "socket_folder": str(setup.server.socket_folder),
        "connections": fingerprints(setup.env, setup.keys),
        "prepared_at": time.time(),
    }


def _cut(tether: int) -> bool:
    """Whether the other end of the pipe is closed; nothing is ever written to it."""
    return bool(select.select([tether], [], [], 0)[0])


if __name__ == "__main__":
    sys.exit(main())
