"""What the portal accepted and what it was asked, read from its data folder with or without the server.

The portal writes these tables in the transaction of each acceptance (``portal_store``); they survive SIGKILL
and a restart. They hold whole records, synthetic persons included, and never leave the folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.sandbox.request_log import RequestLog, as_time

FILE = "portal.sqlite"
TABLES = """
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


class AcceptanceLog(RequestLog):
    """Reads the data folder of a portal."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / FILE)

    def effects(self, after: int = 0) -> Iterator[Effect]:
        """Every accepted record in the order of acceptance, from the one that follows ``after``."""
        for row in self.read("SELECT * FROM effects WHERE seq > ? ORDER BY seq", after):
            seq, at, request_id, service, key, kind, sha256, effect = row
            yield Effect(seq, as_time(at), request_id, service, key, kind, sha256, bool(effect))

    def dossiers(self) -> Iterator[HeldDossier]:
        """What the portal holds now, by dossier code."""
        statement = "SELECT ma_ho_so, sha256, created_at, changed_at, body FROM dossiers ORDER BY ma_ho_so"
        for key, sha256, created, changed, body in self.read(statement):
            yield HeldDossier(key, sha256, as_time(created), as_time(changed), json.loads(body))

    def steps(self) -> Iterator[HeldStep]:
        """The steps that the portal holds now, by dossier and time."""
        for row in self.read("SELECT * FROM steps ORDER BY 1, 2, 3, 4"):
            ma_ho_so, moment, status, officer, sha256, at, body = row
            yield HeldStep(ma_ho_so, moment, status, officer, sha256, as_time(at), json.loads(body))

    def warnings(self) -> Iterator[Warned]:
        """What was kept with a warning."""
        for row in self.read("SELECT request_id, ma_ho_so, field, words FROM warnings ORDER BY seq"):
            yield Warned(*row)

    def forgotten(self) -> list[str]:
        """Dossier codes that the portal accepted and lost again on request, in order."""
        return [code for (code,) in self.read("SELECT ma_ho_so FROM forgotten ORDER BY seq")]
