"""What the centre accepted and what it was asked, read from its data folder with or without the server.

The centre writes these tables in the transaction of each request (``centre_store``); they survive SIGKILL and a
restart. ``effects`` is the judge of a sender: one line for every entity of every accepted request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.sandbox.request_log import RequestLog, as_time

FILE = "centre.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS entities (
    tenant TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, entity TEXT NOT NULL, sha256 TEXT NOT NULL,
    changed_at REAL NOT NULL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_by_type ON entities (tenant, type, id);
CREATE TABLE IF NOT EXISTS instances (
    tenant TEXT NOT NULL, id TEXT NOT NULL, attribute TEXT NOT NULL, observed_at TEXT NOT NULL, instance TEXT NOT NULL,
    type TEXT NOT NULL, PRIMARY KEY (tenant, id, attribute, observed_at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscriptions (
    tenant TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, last_at REAL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effects (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, tenant TEXT NOT NULL,
    operation TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER, sha256 TEXT NOT NULL,
    effect INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """One accepted entity. ``effect`` is false where it changed nothing that the centre holds."""

    seq: int
    time: datetime
    request_id: str
    tenant: str
    operation: str
    id: str
    kind: str
    """``create``, ``update`` or ``delete``."""
    version: int | None
    """Value of the property ``version``, where the sender gives one."""
    sha256: str
    """Of the canonical JSON of what was sent, without its context; of a deletion, of its identifier."""
    effect: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An entity as the centre holds it."""

    tenant: str
    id: str
    type: str
    sha256: str
    changed_at: datetime
    entity: dict[str, Any] = field(repr=False)


class CentreLog(RequestLog):
    """Reads the data folder of a centre."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / FILE)

    def effects(self, after: int = 0) -> Iterator[Effect]:
        """Every accepted entity in the order of acceptance, from the one that follows ``after``."""
        for row in self.read("SELECT * FROM effects WHERE seq > ? ORDER BY seq", after):
            seq, at, request_id, tenant, operation, identifier, kind, version, sha256, effect = row
            what = (operation, identifier, kind, version, sha256)
            yield Effect(seq, as_time(at), request_id, tenant, *what, bool(effect))

    def held(self, tenant: str = "") -> Iterator[Held]:
        """What the centre holds for a tenant, by identifier; the default tenant is the empty text."""
        statement = "SELECT id, type, sha256, changed_at, entity FROM entities WHERE tenant = ? ORDER BY id"
        for identifier, kind, sha256, at, entity in self.read(statement, tenant):
            yield Held(tenant, identifier, kind, sha256, as_time(at), json.loads(entity))
