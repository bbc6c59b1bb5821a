"""The sandbox's «Đắk Lắk số» app: takes documents over real HTTP, keeps the newest version of each, shows them to all.

    SANDBOX_APP_KEY=... python -m lienthong.sandbox.app_receiver --port 8095 --data var/sandbox/app

Everything that is accepted is in the data folder before the answer leaves (``app_receiver_log.AppLog``).
SANDBOX_APP_CONTROL_TOKEN opens the control interface (``web_control``).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lienthong.sandbox.app_receiver_app import AppReceiver, AppReceiverApp, ReceiverOptions
from lienthong.sandbox.app_receiver_log import AppLog
from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.web_server import listening, serve_here, serving, until_told


@dataclass(frozen=True, slots=True)
class Running:
    """An app that serves in a thread of this process."""

    url: str
    misbehaviour: Misbehaviour
    log: AppLog


def serve(options: ReceiverOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way, close the log and return."""
    with listening(AppReceiverApp.name, host, port) as listener, contextlib.closing(AppReceiver(options)) as receiver:
        serve_here(AppReceiverApp(receiver), listener)


@contextlib.contextmanager
def running_receiver(options: ReceiverOptions, port: int = 0) -> Iterator[Running]:
    """Serve on loopback in a thread while the block runs; port 0 takes a free one."""
    with (
        listening(AppReceiverApp.name, "127.0.0.1", port) as listener,
        contextlib.closing(AppReceiver(options)) as receiver,
        serving(AppReceiverApp(receiver), listener) as url,
    ):
        yield Running(url, receiver.misbehaviour, AppLog(options.data))


def parser() -> argparse.ArgumentParser:
    """The command line; the key comes from the environment only."""
    line = argparse.ArgumentParser(
        prog="python -m lienthong.sandbox.app_receiver", description="The sandbox's public app of the province."
    )
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--data", type=Path, required=True, help="folder of the acceptance log")
    line.add_argument("--max-body-bytes", type=int, default=4_000_000)
    return line


def options(given: argparse.Namespace, env: Mapping[str, str]) -> ReceiverOptions:
    """The app's options from the command line and the environment."""
    return ReceiverOptions(
        data=given.data,
        key=env.get("SANDBOX_APP_KEY", ""),
        max_body_bytes=given.max_body_bytes,
        control_token=env.get("SANDBOX_APP_CONTROL_TOKEN", ""),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a clean stop, 2 when the app cannot start."""
    given = parser().parse_args(arguments)
    return until_told(lambda: serve(options(given, os.environ), given.host, given.port))


if __name__ == "__main__":
    sys.exit(main())
