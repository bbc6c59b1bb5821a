"""Every request is written down as it was answered, in the transaction of its effects and before the answer leaves.

One connection, one thread, one transaction a request. ``synchronous = NORMAL`` survives the death of the process at
any instant; only a crash of the operating system may lose the newest answers.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TABLE = """
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL, time REAL NOT NULL, service TEXT NOT NULL,
    http_status INTEGER NOT NULL, code TEXT NOT NULL, records INTEGER NOT NULL, fault TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one request is going to be answered, decided before it is handled so that the log tells the truth."""

    request_id: str
    service: str
    http_status: int
    records: int
    fault: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was answered; ``http_status`` is 0 where the connection was closed without an answer."""

    seq: int
    request_id: str
    time: datetime
    service: str
    http_status: int
    code: str
    """``error_code`` of the answer as text, empty where there was none."""
    count: int
    """Records in the request."""
    fault: str
    """The misbehaviour that shaped the answer, or empty."""


class RequestLog:
    """Reads the data folder of a server, also while it runs or after it was killed.

    Each call sees one consistent state and gives the oldest entry first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def requests(self, after: int = 0) -> Iterator[Request]:
        """Every request, the refused and the unanswered included."""
        for row in self.read("SELECT * FROM requests WHERE seq > ? ORDER BY seq", after):
            seq, request_id, at, service, status, code, records, fault = row
            yield Request(seq, request_id, as_time(at), service, status, code, records, fault)

    def read(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of one query; none while there is no file."""
        if not self.path.exists():
            return
        # Not opened read-only: after a SIGKILL the first reader has to recover the write-ahead log.
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield from connection.execute(statement, values)


def as_time(seconds: float) -> datetime:
    """A time of the log as a time with its zone."""
    return datetime.fromtimestamp(seconds, UTC)


class LoggedStore:
    """The state of one server beside its log of requests; a subclass adds what the server holds."""

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # check_same_thread: a test builds the server in one thread and serves it from another, never from both.
        self._db = sqlite3.connect(
            path, timeout=30, isolation_level=None, cached_statements=64, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(TABLE + tables)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception leaves the state as it was."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def log_request(self, delivery: Delivery, code: str) -> None:
        """Append one request with the answer that it gets."""
        outcome = (delivery.http_status, code, delivery.records, delivery.fault)
        self._db.execute(
            "INSERT INTO requests (request_id, time, service, http_status, code, records, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (delivery.request_id, time.time(), delivery.service, *outcome),
        )
