"""Questions to the services of this machine: does it answer, and is it well?"""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from lienthong.services.ports import HOST

_direct = build_opener(ProxyHandler({}))


def answers(port: int) -> bool:
    """Whether somebody listens on this port of the loopback address."""
    return reachable(HOST, port, 1.0)


def reachable(host: str, port: int, timeout: float = 5.0) -> bool:
    """Whether a connection can be opened."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


class AirflowHealth:
    """What the api-server says about itself and the others, asked at most twice a second."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._url = f"http://{HOST}:{port}/api/v2/monitor/health"
        self._asked = 0.0
        self._answer: dict[str, Any] = {}
        self._warming: socket.socket | None = None

    def restarted(self) -> None:
        """Forget what a former api-server said."""
        self._answer = {}
        self._warming = None

    def api_server(self) -> bool:
        """Whether the api-server answers. Once it does, it is asked to put together the API of the tasks, which it
        does for seconds at the first question; better now than when the first tasks wait for it."""
        answers = bool(self._look())
        if answers and self._warming is None:
            self._warming = _ask_and_leave(self._port, "/execution/health")
        return answers

    def component(self, name: str, since: float) -> bool:
        """Whether a component (``scheduler``, ``dag_processor``, ``triggerer``) is well and has said so since."""
        entry = self._look().get(name) or {}
        beat = _seconds(entry.get(f"latest_{name}_heartbeat"))
        return entry.get("status") == "healthy" and beat >= since

    def works(self, name: str) -> bool:
        """Whether a component still says that it works; what nobody can know counts as yes.

        A scheduler that lost its database can hang for hours, waiting for the tasks that it still runs."""
        answer = self._look()
        known = (answer.get("metadatabase") or {}).get("status") == "healthy"
        return not known or (answer.get(name) or {}).get("status") == "healthy"

    def _look(self) -> dict[str, Any]:
        now = time.monotonic()
        if now - self._asked >= 0.5:
            self._asked = now
            try:
                with _direct.open(self._url, timeout=2) as response:
                    self._answer = json.load(response)
            except (URLError, OSError, ValueError):
                self._answer = {}
        return self._answer


def _ask_and_leave(port: int, path: str) -> socket.socket | None:
    """Send a question without waiting for the answer, which comes as long as the connection stands."""
    try:
        connection = socket.create_connection((HOST, port), 1.0)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    except OSError:
        return None
    return connection


def _seconds(text: str | None) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() if text else 0.0
