"""What the platform accepted and what it was asked, read from its data folder with or without the server.

The platform writes these tables in the transaction of each acceptance (``platform_store``); they survive SIGKILL and
a restart. They hold whole records, synthetic persons included, and never leave the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.sandbox.request_log import RequestLog, as_time

FILE = "platform.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS effects (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, ma_giao_dich TEXT NOT NULL,
    dataset TEXT NOT NULL, khoa TEXT NOT NULL, phien_ban INTEGER NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL,
    effect INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    dataset TEXT NOT NULL, khoa TEXT NOT NULL, phien_ban INTEGER NOT NULL, sha256 TEXT NOT NULL, ban_ghi TEXT,
    ma_giao_dich TEXT NOT NULL, changed_at REAL NOT NULL, PRIMARY KEY (dataset, khoa)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _edits (
    dataset TEXT NOT NULL, khoa TEXT NOT NULL, ban_ghi TEXT, PRIMARY KEY (dataset, khoa)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """One accepted record. ``effect`` is false for a version that was held already, or an older one."""

    seq: int
    time: datetime
    request_id: str
    ma_giao_dich: str
    """The trace id of the sender."""
    dataset: str
    khoa: str
    phien_ban: int
    kind: str
    """``cap_nhat`` or ``xoa``."""
    sha256: str
    effect: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A pushed record as the platform accepted it last; ``record`` is None when that was a deletion."""

    khoa: str
    phien_ban: int
    sha256: str
    ma_giao_dich: str
    changed_at: datetime
    record: dict[str, Any] | None = field(repr=False)


class PlatformLog(RequestLog):
    """Reads the data folder of a platform."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / FILE)

    def effects(self, after: int = 0) -> Iterator[Effect]:
        """Every accepted record in the order of acceptance, from the one that follows ``after``."""
        for row in self.read("SELECT * FROM effects WHERE seq > ? ORDER BY seq", after):
            seq, at, request_id, trace, dataset, khoa, phien_ban, kind, sha256, effect = row
            what = (dataset, khoa, phien_ban, kind, sha256)
            yield Effect(seq, as_time(at), request_id, trace, *what, bool(effect))

    def held(self, dataset: str) -> Iterator[Held]:
        """What was pushed of a dataset, the deleted records included, by key."""
        statement = (
            "SELECT khoa, phien_ban, sha256, ma_giao_dich, changed_at, ban_ghi FROM records"
            " WHERE dataset = ? ORDER BY khoa"
        )
        for khoa, phien_ban, sha256, trace, at, body in self.read(statement, dataset):
            yield Held(khoa, phien_ban, sha256, trace, as_time(at), None if body is None else json.loads(body))
