"""The few pieces of ASGI that the sandbox's servers need: reading a body, answering, dropping a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"
TRANSPORT = "lienthong.transport"
PIECES = 10
"""Parts in which a trickled body leaves."""


class DroppableProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol that lets the application close the connection without an answer."""

    def on_message_begin(self) -> None:
        """Put the transport where the application finds it."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class TooLarge(Exception):
    """The body is longer than allowed."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and the way back to its caller."""

    scope: Scope
    receive: Receive
    send: Send

    async def body(self, longest: int | None) -> bytes:
        """The whole body; ``TooLarge`` as soon as it is longer than ``longest``."""
        body = b""
        while True:
            event = await self.receive()
            piece: bytes = event.get("body", b"")
            body += piece
            if longest is not None and len(body) > longest:
                raise TooLarge
            if not event.get("more_body", False):
                return body

    async def answer(
        self,
        status: int,
        body: bytes,
        headers: Sequence[tuple[bytes, bytes]] = (),
        content_type: bytes = JSON,
        trickle: float = 0.0,
    ) -> None:
        """Send one answer, its body spread over ``trickle`` seconds."""
        fixed = ((b"content-type", content_type), (b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
        if trickle:
            size = max(1, -(-len(body) // PIECES))
            for start in range(0, len(body), size):
                await asyncio.sleep(trickle / PIECES)
                piece = body[start : start + size]
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
            body = b""
        await self.send({"type": "http.response.body", "body": body})

    async def drop(self) -> None:
        """Close the TCP connection; returns when it is closed, and no answer can be sent after that."""
        self.scope["extensions"][TRANSPORT]["transport"].close()
        while (await self.receive())["type"] != "http.disconnect":
            pass
