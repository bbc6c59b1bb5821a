"""What the portal accepted and what it was asked, read from its data folder with or without the server.

The portal writes these tables in the transaction of each acceptance (``portal_store``); they survive SIGKILL
and a restart. They hold whole records, synthetic persons included, and never leave the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = "portal.sqlite"
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL, time REAL NOT NULL, service TEXT NOT NULL,
    http_status INTEGER NOT NULL, code TEXT NOT NULL, records INTEGER NOT NULL, fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS effects (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, service TEXT NOT NULL,
    record_key TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL, effect INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS warnings (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, ma_ho_so TEXT NOT NULL,
    field TEXT NOT NULL, words TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS forgotten (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, ma_ho_so TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dossiers (
    ma_ho_so TEXT PRIMARY KEY, sha256 TEXT NOT NULL, trang_thai TEXT NOT NULL, don_vi_xu_ly TEXT NOT NULL,
    ma_don_vi TEXT NOT NULL, ngay_tiep_nhan TEXT NOT NULL, created_at REAL NOT NULL, changed_at REAL NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS dossiers_by_reception ON dossiers (ngay_tiep_nhan, ma_ho_so);
CREATE TABLE IF NOT EXISTS steps (
    ma_ho_so TEXT NOT NULL, thoi_diem_xu_ly TEXT NOT NULL, trang_thai TEXT NOT NULL, nguoi_xu_ly TEXT NOT NULL,
    sha256 TEXT NOT NULL, received_at REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (ma_ho_so, thoi_diem_xu_ly, trang_thai, nguoi_xu_ly)) WITHOUT ROWID;
"""


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(record: Mapping[str, Any]) -> str:
    """The one text of a record: keys sorted, no spaces, letters as they are."""
    return _CANONICAL.encode(record)


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(record).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Effect:
    """One accepted record. ``effect`` is false when an identical update or step changed nothing."""

    seq: int
    time: datetime
    request_id: str
    service: str
    record_key: str
    """``MaHoSo``, or ``MaHoSo|ThoiDiemXuLy|TrangThai|NguoiXuLy`` for a step."""
    kind: str
    """``create``, ``update`` or ``step``."""
    sha256: str
    effect: bool


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
    """Records in ``data`` of the request."""
    fault: str
    """The misbehaviour that shaped the answer, or empty."""


@dataclass(frozen=True, slots=True)
class HeldDossier:
    """A dossier as the portal holds it now."""

    ma_ho_so: str
    sha256: str
    created_at: datetime
    changed_at: datetime
    record: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldStep:
    """A progress step as the portal holds it now."""

    ma_ho_so: str
    thoi_diem_xu_ly: str
    trang_thai: str
    nguoi_xu_ly: str = field(repr=False)
    sha256: str
    received_at: datetime
    record: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the portal kept although it did not like it; never the value itself."""

    request_id: str
    ma_ho_so: str
    field: str
    words: str


class AcceptanceLog:
    """Reads the data folder of a portal, also while the server runs or after it was killed.

    Each call sees one consistent state and gives the oldest entry first.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / FILE

    def effects(self, after: int = 0) -> Iterator[Effect]:
        """Every accepted record in the order of acceptance, from the one that follows ``after``."""
        for row in self._read("SELECT * FROM effects WHERE seq > ? ORDER BY seq", after):
            seq, at, request_id, service, key, kind, sha256, effect = row
            yield Effect(seq, _time(at), request_id, service, key, kind, sha256, bool(effect))

    def requests(self, after: int = 0) -> Iterator[Request]:
        """Every request below ``/mapi``, the refused and the unanswered included."""
        for row in self._read("SELECT * FROM requests WHERE seq > ? ORDER BY seq", after):
            seq, request_id, at, service, status, code, records, fault = row
            yield Request(seq, request_id, _time(at), service, status, code, records, fault)

    def dossiers(self) -> Iterator[HeldDossier]:
        """What the portal holds now, by dossier code."""
        statement = "SELECT ma_ho_so, sha256, created_at, changed_at, body FROM dossiers ORDER BY ma_ho_so"
        for key, sha256, created, changed, body in self._read(statement):
            yield HeldDossier(key, sha256, _time(created), _time(changed), json.loads(body))

    def steps(self) -> Iterator[HeldStep]:
        """The steps that the portal holds now, by dossier and time."""
        for row in self._read("SELECT * FROM steps ORDER BY 1, 2, 3, 4"):
            ma_ho_so, moment, status, officer, sha256, at, body = row
            yield HeldStep(ma_ho_so, moment, status, officer, sha256, _time(at), json.loads(body))

    def warnings(self) -> Iterator[Warned]:
        """What was kept with a warning."""
        for row in self._read("SELECT request_id, ma_ho_so, field, words FROM warnings ORDER BY seq"):
            yield Warned(*row)

    def forgotten(self) -> list[str]:
        """Dossier codes that the portal accepted and lost again on request, in order."""
        return [code for (code,) in self._read("SELECT ma_ho_so FROM forgotten ORDER BY seq")]

    def _read(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        if not self.path.exists():
            return
        # Not opened read-only: after a SIGKILL the first reader has to recover the write-ahead log.
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield from connection.execute(statement, values)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
