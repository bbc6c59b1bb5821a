"""An HTTP server on loopback that answers as a script says, for what no well-meaning portal can be brought to do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any

    @property
    def service(self) -> str:
        return self.body.get("service", "login") if isinstance(self.body, dict) else "batch"


@dataclass
class Reply:
    """One answer: JSON of a value, or raw bytes; ``claim`` is a Content-Length that need not be true."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    claim: int | None = None
    drip: float = 0.0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


DROP = Reply(status=0)
GOOD = Reply({"error_code": "0", "message": "Thành công"})
Script = Callable[[Seen], Reply]


def session(value: str = "phien-1") -> Reply:
    return Reply({"session": value, "error_code": 0, "message": "Thành công"})


class Server(ThreadingHTTPServer):
    """``script`` answers everything but the login, ``login`` the login; ``seen`` is what arrived, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.script: Script = lambda _: GOOD
        self.login: Script = lambda _: session()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, service: str) -> list[Seen]:
        return [one for one in self.seen if one.service == service]

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        one = Seen(self.path, dict(self.headers), json.loads(content or b"null"))
        self.server.seen.append(one)
        reply = (self.server.login if one.service == "login" else self.server.script)(one)
        if reply.status == 0:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.content) if reply.claim is None else reply.claim))
        self.end_headers()
        for place in range(0, len(reply.content), 1 if reply.drip else 1 << 20):
            self.wfile.write(reply.content[place : place + (1 if reply.drip else 1 << 20)])
            self.wfile.flush()
            time.sleep(reply.drip)
        if reply.claim is not None:
            self.close_connection = True

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
