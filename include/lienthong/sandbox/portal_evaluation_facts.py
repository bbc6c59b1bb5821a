"""What each accepted dossier is to the index of Decision 766, kept up with the acceptance log record by record.

A dossier becomes one row of facts when its record or one of its steps is accepted; only what changed since the last
question is judged again. End of processing and appointment follow the portal's own rules (time_and_deadlines.md 2),
the flags the fields of national_portal.md 6: what was not pushed does not count.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from lienthong.sandbox.portal_evaluation_procedures import Procedures
from lienthong.sandbox.portal_fields import moment

TABLES = """
CREATE TABLE IF NOT EXISTS evaluation_facts (
    ma_ho_so TEXT PRIMARY KEY, ma_don_vi TEXT NOT NULL, ma_tthc TEXT NOT NULL, received TEXT NOT NULL,
    due TEXT NOT NULL, on_time INTEGER, seconds INTEGER NOT NULL, online INTEGER NOT NULL, postal INTEGER NOT NULL,
    result INTEGER NOT NULL, digitised INTEGER NOT NULL, reused INTEGER NOT NULL, from_store INTEGER NOT NULL,
    citizen INTEGER NOT NULL, owes INTEGER NOT NULL, paid INTEGER NOT NULL, fee_told INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS evaluation_facts_by_reception ON evaluation_facts (received);
CREATE TABLE IF NOT EXISTS evaluation_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), effects INTEGER NOT NULL, forgotten INTEGER NOT NULL,
    newest TEXT NOT NULL);
INSERT OR IGNORE INTO evaluation_state VALUES (1, 0, 0, '');
"""
# What the log says has changed since the state that was seen last.
_CHANGED = """
SELECT CASE kind WHEN 'step' THEN substr(record_key, 1, instr(record_key, '|') - 1) ELSE record_key END
FROM effects WHERE seq > ? AND seq <= ? AND effect
UNION SELECT ma_ho_so FROM forgotten WHERE seq > ? AND seq <= ?
"""
_ADD = "INSERT INTO evaluation_facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# An open dossier is in time as long as its appointment has not passed at the end of what is looked at.
_TALLY = """
SELECT ma_don_vi, count(*), sum(coalesce(on_time, due >= :until)), count(on_time), sum(seconds),
    sum(online AND coalesce(on_time, due >= :until)), sum(online), sum(postal), sum(result), sum(digitised),
    sum(reused), sum(from_store), sum(citizen), sum(owes), sum(paid), sum(fee_told)
FROM evaluation_facts WHERE received BETWEEN :first AND :last AND (:only = '' OR ma_tthc = :only) GROUP BY 1
"""
_SHOWN = """
SELECT ma_don_vi, ma_tthc, max(citizen), max(online), max(paid), max(fee_told)
FROM evaluation_facts WHERE received BETWEEN :first AND :last AND (:only = '' OR ma_tthc = :only) GROUP BY 1, 2
"""
NAMES = (
    "received", "on_time", "ended", "seconds", "online_on_time", "online", "postal", "result", "digitised", "reused",
    "from_store", "citizen", "owes", "paid", "fee_told",
)  # fmt: skip
"""What ``tally`` counts, in the order of its columns behind the unit."""
ACCEPTED = frozenset({"2", "4", "5", "6", "8", "9", "10"})
CLOSING = (("9",), ("10",), ("8", "3", "7"))
"""Statuses that end processing, the first that a history has before the others."""

Steps = Sequence[tuple[str, str]]
State = tuple[int, int, str]
"""The newest effect and the newest loss that were seen, and the newest day that anything was told of."""


class Facts:
    """The rows of facts of one portal; the caller has opened a transaction around each call."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def refresh(self, procedures: Procedures) -> State:
        """Judge what was accepted or lost since the last time; gives the state that is known now."""
        effects, forgotten, newest = self._db.execute(
            "SELECT effects, forgotten, newest FROM evaluation_state"
        ).fetchone()
        now: tuple[int, int] = self._db.execute(
            "SELECT (SELECT coalesce(max(seq), 0) FROM effects), (SELECT coalesce(max(seq), 0) FROM forgotten)"
        ).fetchone()
        if now == (effects, forgotten):
            return (*now, str(newest))
        codes = [code for (code,) in self._db.execute(_CHANGED, (effects, now[0], forgotten, now[1]))]
        self._db.executemany("DELETE FROM evaluation_facts WHERE ma_ho_so = ?", ((code,) for code in codes))
        days: list[str] = [newest]
        self._db.executemany(_ADD, self._judged(codes, procedures, days))
        state = (*now, max(days))
        self._db.execute("UPDATE evaluation_state SET effects = ?, forgotten = ?, newest = ?", state)
        return state

    def tally(self, first: str, last: str, until: str, only: str) -> Iterator[tuple[Any, ...]]:
        """Counts per unit of the dossiers received from ``first`` to ``last`` (yyyyMMdd, both included), an open one
        judged at ``until`` (14 digits); of one procedure where ``only`` names it."""
        yield from self._db.execute(_TALLY, {**_between(first, last, only), "until": until})

    def procedures(self, first: str, last: str, only: str) -> Iterator[tuple[str, str, int, int, int, int]]:
        """Each unit's procedures that had dossiers, and whether one of them was connected to a citizen's data, handed
        in online, paid online, and came with a fee."""
        yield from self._db.execute(_SHOWN, _between(first, last, only))

    def _judged(self, codes: Iterable[str], procedures: Procedures, days: list[str]) -> Iterator[tuple[Any, ...]]:
        for code in codes:
            held = self._db.execute("SELECT ma_don_vi, body FROM dossiers WHERE ma_ho_so = ?", (code,)).fetchone()
            if held is None:
                continue
            found = self._db.execute(
                "SELECT thoi_diem_xu_ly, trang_thai FROM steps WHERE ma_ho_so = ? ORDER BY 1", (code,)
            )
            steps = [step for step in found if _is_moment(step[0])]
            record = json.loads(held[1])
            if counted(record, steps):
                days[0] = max(days[0], record["NgayTiepNhan"][:8], *(step[0][:8] for step in steps[-1:]))
                yield code, held[0], *facts(record, steps, procedures)


def _between(first: str, last: str, only: str) -> dict[str, str]:
    return {"first": first, "last": last + "~", "only": only}  # "~" follows every digit


def counted(record: Mapping[str, Any], steps: Steps) -> bool:
    """Whether a dossier was ever accepted: one that is only registered, or refused at the door, was not received."""
    accepted = _text(record, "TrangThaiHoSo") in ACCEPTED or any(status in ACCEPTED for _, status in steps)
    return accepted and _is_moment(record.get("NgayTiepNhan"))


def facts(record: Mapping[str, Any], steps: Steps, procedures: Procedures) -> tuple[Any, ...]:
    """The columns of one dossier behind its code and its unit."""
    received, procedure = _text(record, "NgayTiepNhan"), procedures.of(_text(record, "MaTTHC"))
    due = record["NgayHenTra"] if _is_moment(record.get("NgayHenTra")) else procedure.due(received)
    end, waited, requests = ending(steps)
    result = any(
        row.get("MaGiayToKetQua") and row.get("DuongDanTepTinKetQua") for row in _rows(record, "DanhSachGiayToKetQua")
    )
    papers = [row for row in _rows(record, "TaiLieuNop") if row.get("IsDeleted") not in ("True", "1")]
    stored = any(row.get("DuocLayTuKhoDMQG") == "1" for row in papers)
    fees = [float(row.get("Gia") or 0) for row in _rows(record, "DanhSachLePhi")]
    owes = procedure.fee and (not fees or any(fees))
    known = (
        _text(record, "TaiKhoanDuocXacThucVoiVNeID") == "1"
        or stored
        or any(row.get("MaCSDL") == "1" for row in _rows(record, "DSKetNoiCSDL"))
    )
    return (
        procedure.code,
        received,
        due,
        None if end is None else int(requests < 2 and _seconds(end) - waited <= _seconds(due)),
        0 if end is None else max(0, _seconds(end) - _seconds(received) - waited),
        int(_text(record, "KenhThucHien") == "2" and (result or not procedure.document)),
        int(_text(record, "KenhThucHien") == "3"),
        int(result),
        int(result and bool(papers)),
        int(_text(record, "HoSoCoThanhPhanSoHoa") == "1"),
        int(stored),
        int(known),
        int(owes),
        int(owes and _text(record, "DuocThanhToanTrucTuyen") in ("1", "2")),
        int(procedure.fee and any(fees)),
    )


def ending(steps: Steps) -> tuple[str | None, int, int]:
    """The end of processing, if there is one, the seconds that supplements took before it, and how many requests it
    still waits for at the end: a pending request is the end itself, a second one makes the dossier late."""
    accepted = any(status in ACCEPTED for _, status in steps)
    requests = sum(status == "5" for _, status in steps)
    for statuses in CLOSING[: 3 if accepted else 2]:
        closing = [moment for moment, status in steps if status in statuses]
        if closing:
            return closing[-1], _waited(steps, closing[-1]), 0
    if steps and steps[-1][1] == "5":
        return steps[-1][0], _waited(steps, steps[-1][0]), requests
    return None, 0, 0


def _waited(steps: Steps, end: str) -> int:
    """From each request for a supplement to the step that follows it, before the end."""
    return sum(
        _seconds(given) - _seconds(asked)
        for (asked, status), (given, _) in pairwise(steps)
        if status == "5" and given <= end
    )


def _seconds(text: str) -> int:
    """A moment of 14 digits as a number."""
    day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    return day.toordinal() * 86_400 + int(text[8:10]) * 3_600 + int(text[10:12]) * 60 + int(text[12:14])


def _is_moment(value: Any) -> bool:
    return bool(value) and not moment(value)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _rows(record: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = record.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
