"""Runs the portal: in this process until SIGTERM, or in a thread for a test."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import uvicorn

from lienthong.errors import NeedsPerson
from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.portal_app import PortalApp
from lienthong.sandbox.portal_http import DroppableProtocol
from lienthong.sandbox.portal_log import AcceptanceLog
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_services import Portal

START_SECONDS = 10.0
STOP_SECONDS = 3
"""How long a stop waits for answers that are on their way."""
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True, slots=True)
class Running:
    """A portal that serves in a thread of this process."""

    url: str
    misbehaviour: Misbehaviour
    log: AcceptanceLog


def serve(options: PortalOptions, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way, close the log and return."""
    with (
        _listening(host, port) as listener,
        contextlib.closing(Portal(options)) as portal,
        contextlib.suppress(_Ended),
    ):
        # Uvicorn repeats the signal after its own clean stop; this turns the repetition into an ordinary end.
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        sys.stdout.write(f"sandbox portal: {_url(listener)} ({options.profile})\n")
        sys.stdout.flush()
        _server(portal).run(sockets=[listener])


@contextlib.contextmanager
def running_portal(options: PortalOptions, port: int = 0) -> Iterator[Running]:
    """Serve on loopback in a thread while the block runs; port 0 takes a free one."""
    with _listening("127.0.0.1", port) as listener, contextlib.closing(Portal(options)) as portal:
        server = _server(portal)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield Running(_url(listener), portal.misbehaviour, AcceptanceLog(options.data))
        finally:
            server.should_exit = True
            thread.join()


class _Ended(BaseException):
    """A signal asked for the end."""


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise _Ended


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise NeedsPerson(
                f"Sandbox portal: expected a free port at {host}:{port}; found {error.strerror}. "
                "Stop the other process or choose another --port."
            ) from None
        # From here on a caller is queued until the server takes it, so the address may be announced.
        listener.listen(256)
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(portal: Portal) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            cast(Any, PortalApp(portal)),
            http=DroppableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # The control interface trusts the peer's address; a header must not be able to change it.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise NeedsPerson("Sandbox portal: expected it to serve within 10 seconds; it did not start.")
        time.sleep(0.005)
