"""The portal's durable state: an acceptance is in the write-ahead log before its answer leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lienthong.sandbox.portal_evaluation_facts import TABLES as EVALUATION
from lienthong.sandbox.portal_evaluation_facts import Facts
from lienthong.sandbox.portal_log import FILE, TABLES
from lienthong.sandbox.request_log import Delivery, LoggedStore

StepKey = tuple[str, str, str, str]
"""MaHoSo, ThoiDiemXuLy, TrangThai, NguoiXuLy: a step has no identifier of its own."""


@dataclass(frozen=True, slots=True)
class DossierRow:
    """One dossier ready to be held: its columns for look-ups and its canonical body."""

    ma_ho_so: str
    sha256: str
    trang_thai: str
    don_vi_xu_ly: str
    ma_don_vi: str
    ngay_tiep_nhan: str
    body: str


class PortalStore(LoggedStore):
    """The only writer of the data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, TABLES + EVALUATION)
        self.facts = Facts(self._db)

    def held(self, ma_ho_so: str) -> tuple[str, str] | None:
        """Digest and status of the dossier that is held, or None."""
        row: tuple[str, str] | None = self._db.execute(
            "SELECT sha256, trang_thai FROM dossiers WHERE ma_ho_so = ?", (ma_ho_so,)
        ).fetchone()
        return row

    def create(self, row: DossierRow) -> None:
        """Hold a dossier that was not held."""
        now = time.time()
        looked_up_by = (row.trang_thai, row.don_vi_xu_ly, row.ma_don_vi, row.ngay_tiep_nhan)
        self._db.execute(
            "INSERT INTO dossiers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.ma_ho_so, row.sha256, *looked_up_by, now, now, row.body),
        )

    def replace(self, row: DossierRow) -> None:
        """Put a whole record in the place of the one that is held."""
        looked_up_by = (row.trang_thai, row.don_vi_xu_ly, row.ma_don_vi, row.ngay_tiep_nhan)
        self._db.execute(
            "UPDATE dossiers SET sha256 = ?, trang_thai = ?, don_vi_xu_ly = ?, ma_don_vi = ?, ngay_tiep_nhan = ?,"
            " changed_at = ?, body = ? WHERE ma_ho_so = ?",
            (row.sha256, *looked_up_by, time.time(), row.body, row.ma_ho_so),
        )

    def add_step(self, key: StepKey, sha256: str, body: str) -> bool:
        """Hold a step; False when its natural key is held already, and then nothing changes."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, sha256, time.time(), body)
        )
        return done.rowcount == 1

    def forget(self, ma_ho_so: str) -> bool:
        """Lose a dossier and its steps, as a real receiver may after a restore; the log of effects stays."""
        if self._db.execute("DELETE FROM dossiers WHERE ma_ho_so = ?", (ma_ho_so,)).rowcount == 0:
            return False
        self._db.execute("DELETE FROM steps WHERE ma_ho_so = ?", (ma_ho_so,))
        self._db.execute("INSERT INTO forgotten (time, ma_ho_so) VALUES (?, ?)", (time.time(), ma_ho_so))
        return True

    def log_effect(self, delivery: Delivery, record_key: str, kind: str, sha256: str, effect: bool) -> None:
        """Append one accepted record."""
        self._db.execute(
            "INSERT INTO effects (time, request_id, service, record_key, kind, sha256, effect)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (time.time(), delivery.request_id, delivery.service, record_key, kind, sha256, effect),
        )

    def log_warning(self, delivery: Delivery, ma_ho_so: str, field: str, words: str) -> None:
        """Append something that was kept although the portal did not like it."""
        self._db.execute(
            "INSERT INTO warnings (time, request_id, ma_ho_so, field, words) VALUES (?, ?, ?, ?, ?)",
            (time.time(), delivery.request_id, ma_ho_so, field, words),
        )

    def body(self, ma_ho_so: str) -> str | None:
        """The canonical body of one dossier, or None."""
        row = self._db.execute("SELECT body FROM dossiers WHERE ma_ho_so = ?", (ma_ho_so,)).fetchone()
        return None if row is None else str(row[0])

    def bodies(self, unit: str, first: str, last: str) -> Iterator[str]:
        """Bodies of the dossiers of one unit received between two moments of 14 digits, both included.

        ``unit`` is a name, or a code that stands for every unit below it too; empty means every unit.
        """
        statement = "SELECT body FROM dossiers WHERE ngay_tiep_nhan BETWEEN ? AND ?"
        values = [first, last]
        if unit:
            # "/" follows "." in ASCII, so this range is every code that begins with the unit's own and a dot.
            statement += " AND (don_vi_xu_ly = ? OR ma_don_vi = ? OR (ma_don_vi > ? AND ma_don_vi < ?))"
            values += [unit, unit, unit + ".", unit + "/"]
        rows = self._db.execute(statement + " ORDER BY ngay_tiep_nhan, ma_ho_so", values)
        return (str(body) for (body,) in rows)
