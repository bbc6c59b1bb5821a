"""The sandbox's mail system: an SMTP server that keeps what arrives, and a page on which it is read. Nothing leaves.

    python -m lienthong.sandbox.mailbox --port-smtp 8025 --port-http 8026 --data var/sandbox/mailbox

Every address has a mailbox. A letter is on the disk before it is answered (``mailbox_store``); what the page shows
and how the server is made to misbehave stands in ``mailbox_viewer`` and ``mailbox_misbehaviour``.
SANDBOX_MAILBOX_CONTROL_TOKEN opens the control interface.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from lienthong.errors import NeedsPerson
from lienthong.sandbox.mailbox_misbehaviour import MailMisbehaviour
from lienthong.sandbox.mailbox_smtp import Postman, SmtpDoor, listening
from lienthong.sandbox.mailbox_store import MailStore
from lienthong.sandbox.mailbox_viewer import Viewer

START_SECONDS = 10.0
STOP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How one mailbox is set up; port 0 takes a free one."""

    data: Path
    host: str = "127.0.0.1"
    port_smtp: int = 0
    port_http: int = 0
    docs: Path | None = None
    token: str = ""
    tls: ssl.SSLContext | None = None
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A mailbox that serves in a thread of this process."""

    host: str
    port: int
    url: str
    store: MailStore


Told = Callable[[int, str], None]


async def _serve(options: Options, store: MailStore, told: Told, stop: asyncio.Event) -> None:
    """Serve both sides until ``stop`` is set; ``told`` hears the SMTP port and the page's address."""
    misbehaviour = MailMisbehaviour()
    door = SmtpDoor(options.host, options.port_smtp, Postman(store, misbehaviour), options.tls, options.require_tls)

    async def changed() -> None:
        await (door.close() if misbehaviour.down else door.open())

    viewer = Viewer(store, misbehaviour, options.token, changed, options.docs)
    config = uvicorn.Config(
        viewer.application(), ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False,
        server_header=False, timeout_graceful_shutdown=STOP_SECONDS,
    )  # fmt: skip
    server = uvicorn.Server(config)
    await door.open()
    try:
        with listening(options.host, options.port_http) as listener:
            pages = asyncio.create_task(server._serve([listener]))  # without uvicorn's own signal handlers
            host, port = listener.getsockname()[:2]
            told(door.port, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
            ended = asyncio.create_task(stop.wait())
            await asyncio.wait((pages, ended), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            server.should_exit = True
            await pages
    finally:
        await door.close()


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await _serve(options, store, _print, stop)

    with contextlib.closing(MailStore(options.data)) as store:
        asyncio.run(run())


def _print(port: int, url: str) -> None:
    sys.stdout.write(f"sandbox mailbox: SMTP port {port}, page {url}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def running_mailbox(options: Options) -> Iterator[Running]:
    """Serve in a thread while the block runs."""
    found: list[Running] = []
    wrong: list[NeedsPerson] = []
    ready, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    def told(port: int, url: str) -> None:
        found.append(Running(options.host, port, url, store))
        ready.set()

    def run() -> None:
        try:
            loop.run_until_complete(_serve(options, store, told, stop))
        except NeedsPerson as error:
            wrong.append(error)
        finally:
            ready.set()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    with contextlib.closing(MailStore(options.data)) as store:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait(START_SECONDS)
        if not found:
            raise wrong[0] if wrong else NeedsPerson("Sandbox mailbox: it did not start within 10 seconds.")
        try:
            yield found[0]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a clean stop, 2 when the mailbox cannot start."""
    line = argparse.ArgumentParser(prog="python -m lienthong.sandbox.mailbox", description="The sandbox's mail system.")
    line.add_argument("--host", default="127.0.0.1")
    line.add_argument("--port-smtp", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--port-http", type=int, required=True, help="0 takes a free one and prints it")
    line.add_argument("--data", type=Path, required=True, help="folder of the letters")
    line.add_argument("--docs", type=Path, help="folder of Data Docs to show below /docs/")
    given = line.parse_args(arguments)
    token = os.environ.get("SANDBOX_MAILBOX_CONTROL_TOKEN", "")
    try:
        serve(Options(given.data, given.host, given.port_smtp, given.port_http, given.docs, token))
    except NeedsPerson as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
