"""What the public app accepted and holds: an acceptance is in the write-ahead log before its answer leaves.

``AppLog`` reads the data folder with or without the server; it survives SIGKILL and a restart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.sandbox.portal_log import canonical, digest
from lienthong.sandbox.request_log import Delivery, LoggedStore, RequestLog, as_time

FILE = "app.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS effects (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL,
    version INTEGER NOT NULL, status TEXT NOT NULL, sha256 TEXT NOT NULL, effect INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, document TEXT, changed_at REAL NOT NULL,
    PRIMARY KEY (collection, key)) WITHOUT ROWID;
"""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """One accepted document. ``effect`` is false for a version that was held already, or an older one."""

    seq: int
    time: datetime
    request_id: str
    collection: str
    key: str
    version: int
    status: str
    """What the answer said: ``created``, ``updated``, ``deleted``, ``unchanged`` or ``stale``."""
    sha256: str
    """Of the canonical JSON of the document; of a deletion, of an empty one."""
    effect: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A document as the app holds it; None when it was deleted."""

    key: str
    version: int
    changed_at: datetime
    document: Document | None = field(repr=False)


class AppLog(RequestLog):
    """Reads the data folder of an app."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / FILE)

    def effects(self, after: int = 0) -> Iterator[Effect]:
        """Every accepted document in the order of acceptance, from the one that follows ``after``."""
        for row in self.read("SELECT * FROM effects WHERE seq > ? ORDER BY seq", after):
            seq, at, request_id, collection, key, version, status, sha256, effect = row
            yield Effect(seq, as_time(at), request_id, collection, key, version, status, sha256, bool(effect))

    def held(self, collection: str) -> Iterator[Held]:
        """What the app holds of a collection, the deleted documents included, by key."""
        rows = self.read(
            "SELECT key, version, changed_at, document FROM documents WHERE collection = ? ORDER BY key", collection
        )
        for key, version, at, body in rows:
            yield Held(key, version, as_time(at), None if body is None else json.loads(body))


class AppStore(LoggedStore):
    """What the app holds, beside its log of requests."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, TABLES)

    def accept(
        self, delivery: Delivery, collection: str, key: str, version: int, document: Document | None, *, keep: bool
    ) -> str:
        """Log an acceptance, and hold it when it is newer than what is held; gives its status.

        ``keep`` false says yes and loses the document."""
        row = self._db.execute(
            "SELECT version, document IS NOT NULL FROM documents WHERE collection = ? AND key = ?", (collection, key)
        ).fetchone()
        newer = row is None or version > row[0]
        status = _status(None if row is None else row[0], version, document, there=bool(row and row[1]))
        now = time.time()
        if newer and keep:
            body = None if document is None else canonical(document)
            held = (collection, key, version, body, now)
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", held)
        self._db.execute(
            "INSERT INTO effects (time, request_id, collection, key, version, status, sha256, effect)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (now, delivery.request_id, collection, key, version, status, digest(document or {}), newer),
        )
        return status

    def documents(self, collection: str) -> list[Document]:
        """Every document of a collection that is not deleted, by key."""
        rows = self._db.execute(
            "SELECT document FROM documents WHERE collection = ? AND document IS NOT NULL ORDER BY key", (collection,)
        )
        return [json.loads(body) for (body,) in rows]

    def document(self, collection: str, key: str) -> tuple[int, Document] | None:
        """One document with its version; None when there is none."""
        row = self._db.execute(
            "SELECT version, document FROM documents WHERE collection = ? AND key = ? AND document IS NOT NULL",
            (collection, key),
        ).fetchone()
        return None if row is None else (int(row[0]), json.loads(row[1]))


def _status(held: int | None, version: int, document: Document | None, *, there: bool) -> str:
    if held is not None and version < held:
        return "stale"
    if held == version:
        return "unchanged"
    if document is None:
        return "deleted"
    return "updated" if there else "created"
