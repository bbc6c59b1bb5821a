"""Runs an application of the sandbox: in this process until SIGTERM, or in a thread for a test."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import uvicorn

from lienthong.errors import NeedsPerson
from lienthong.sandbox.web import DroppableProtocol
from lienthong.sandbox.web_app import WebApp

START_SECONDS = 10.0
STOP_SECONDS = 3
"""How long a stop waits for answers that are on their way."""
KEEP_ALIVE_SECONDS = 75


def until_told(serve: Callable[[], None]) -> int:
    """Exit code of a server: 0 after a clean stop, 2 when it cannot start, which is said in one line."""
    try:
        serve()
    except NeedsPerson as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def serve_here(app: WebApp, listener: socket.socket, remark: str = "") -> None:
    """Serve until SIGTERM or SIGINT; then finish the answers on their way and return."""
    with contextlib.suppress(_Ended):
        # Uvicorn repeats the signal after its own clean stop; this turns the repetition into an ordinary end.
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        sys.stdout.write(f"{app.name}: {url(listener)}{remark}\n")
        sys.stdout.flush()
        _server(app).run(sockets=[listener])


@contextlib.contextmanager
def serving(app: WebApp, listener: socket.socket) -> Iterator[str]:
    """Serve in a thread while the block runs; gives the address."""
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _await_start(app, server, thread)
        yield url(listener)
    finally:
        server.should_exit = True
        thread.join()


class _Ended(BaseException):
    """A signal asked for the end."""


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise _Ended


@contextlib.contextmanager
def listening(name: str, host: str, port: int) -> Iterator[socket.socket]:
    """An open door for the server ``name``; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise NeedsPerson(
                f"{name[:1].upper()}{name[1:]}: expected a free port at {host}:{port}; found {error.strerror}. "
                "Stop the other process or choose another --port."
            ) from None
        # From here on a caller is queued until the server takes it, so the address may be announced.
        listener.listen(256)
        yield listener


def url(listener: socket.socket) -> str:
    """The address at which the door is."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(app: WebApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            cast(Any, app),
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


def _await_start(app: WebApp, server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise NeedsPerson(f"{app.name}: expected it to serve within 10 seconds; it did not start.")
        time.sleep(0.005)
