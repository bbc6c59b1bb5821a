"""The way into the console: light to import, built at the first request, and shut when it cannot be built.

Airflow imports plugins in every process, also in those that never answer a request. What the console needs is
imported by the process that serves its first page.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("lienthong.console")
SHUT = (
    "Bảng điều khiển đang đóng vì không dựng được; nhật ký của api-server cho biết lý do.\n"
    "The console is shut because it could not be built; the log of the api-server says why.\n"
)


class Door:
    """An ASGI application that builds the real one when it is first asked; nobody enters before that has worked."""

    def __init__(self, build: Callable[[], App]) -> None:
        self._build = build
        self._app: App | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 503 and try to build again with the next one."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        app = self._app or await asyncio.to_thread(self._open)
        if app is None:
            await _shut(scope, send)
        else:
            await app(scope, receive, send)

    def _open(self) -> App | None:
        with self._lock:
            if self._app is None:
                try:
                    self._app = self._build()
                except Exception as error:  # whatever is wrong with it: a page without its guard must not be shown
                    log.error("The console stays shut: %s: %s", type(error).__name__, error)
            return self._app


async def _shut(scope: Scope, send: Send) -> None:
    body = b"" if scope["method"] == "HEAD" else SHUT.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"),
               (b"x-content-type-options", b"nosniff")]  # fmt: skip
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
