"""What the portal holds of dossiers: its list by unit and days of reception, and the look-up of one.

Of the list's fields only ``maHoSo``, ``ngayNhanHoSo`` and ``ngayHenTraGplx`` are known from clients; the others are
compared where a row has them. Names of persons, which both services give, are dropped on reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from lienthong.connections import Connection
from lienthong.endpoints.holding import Held, Part, unread
from lienthong.mapi import Call, Mapi, NotTaken
from lienthong.mapi.client import Unreadable
from lienthong.mapi.options import Given

FIELDS = ("MaTTHC", "TrangThaiHoSo", "NgayTiepNhan", "NgayHenTra")
"""What a mark is made of, in its order."""
LISTED = {"MaTTHC": "maTTHC", "TrangThaiHoSo": "trangThaiHoSo", "NgayTiepNhan": "ngayNhanHoSo",
          "NgayHenTra": "ngayHenTraGplx"}  # fmt: skip
"""The same in a row of the list, unless the connection says otherwise."""
KEYS = ("maHoSo", "MaHoSo")
MOMENTS = ("NgayTiepNhan", "NgayHenTra")


class PortalList:
    """Reads what the portal holds.

    Beside those of mapi the connection may say: ``list_unit``, how the list is asked for a unit (``code``, ``name``, or
    ``none`` for the whole province at once); ``list_fields``, what a row is compared by, as
    ``NgayTiepNhan=ngayNhanHoSo, TrangThaiHoSo=trangThaiHoSo``."""

    def __init__(self, client: Mapi, connection: Connection) -> None:
        given = Given(connection)
        self._client = client
        self.by = given.choice("list_unit", ("code", "name", "none"))
        self._names = _names(given)
        self.fields = FIELDS

    def dossiers(self, part: Part, calls: list[Call]) -> Iterator[Held]:
        """The dossiers of the part; one outside of its days is none of it."""
        if part.first_day is None or part.last_day is None:
            raise ValueError("the portal lists dossiers by days")
        unit = {"code": part.unit, "name": part.unit_name or part.unit, "none": ""}[self.by]
        days = {"ngayNhan1": part.first_day.isoformat(), "ngayNhan2": part.last_day.isoformat()}
        answer = self._client.call("DanhSachHoSo", {"donViXuLy": unit, **days}, calls=calls)
        if not answer.accepted:
            raise NotTaken(f"{self._client.name}: DanhSachHoSo was answered with code {answer.code}.")
        rows = answer.result.get("data") if isinstance(answer.result, dict) else answer.result
        if not isinstance(rows, list):
            raise unread(self._client.name, "something else behind an accepted DanhSachHoSo")
        for row in rows:
            name = next((row[key] for key in KEYS if row.get(key)), None) if isinstance(row, dict) else None
            if not isinstance(name, str):
                raise unread(self._client.name, "a row without a dossier code")
            held = Held(name, tuple(self._shown(row, field) for field in FIELDS), _day(row.get(LISTED["NgayTiepNhan"])))
            if held.day is None or part.first_day <= held.day <= part.last_day:
                yield held

    def dossier(self, ma_ho_so: str, calls: list[Call]) -> Held | None:
        """One dossier as TraCuuHoSo shows it, or None. Raises ``Incomplete`` for an answer that says nothing of it."""
        try:
            found, _ = self._client.look_up(ma_ho_so, calls)
        except Unreadable:
            raise unread(self._client.name, "something else behind an accepted TraCuuHoSo") from None
        if found is None:
            return None
        marks = mark_of(found).split("|")
        return Held(ma_ho_so, tuple(mark if field in self._names and mark else None
                                    for field, mark in zip(FIELDS, marks, strict=True)))  # fmt: skip

    def _shown(self, row: dict[str, Any], field: str) -> str | None:
        value = row.get(self._names.get(field, ""))
        if value is None:
            return None
        if field in MOMENTS:
            text = _moment(value)
            return text if len(text) in (0, 14) else None
        text = _text(value)
        # The list may tell the status in words, which the mark does not have.
        return None if field == "TrangThaiHoSo" and not text.isdigit() else text


def mark_of(found: dict[str, Any]) -> str:
    """What a lookup shows of a dossier, in the form of the ``mark`` that our statement computes."""
    status = found.get("MaTrangThai") or found.get("TrangThaiHoSo")
    moments = (_moment(found.get(name)) for name in MOMENTS)
    return "|".join((_text(found.get("MaTTHC")), _text(status), *moments))


def _names(given: Given) -> dict[str, str]:
    text = given.text("list_fields", "")
    if not text:
        return LISTED
    pairs = [pair.partition("=") for pair in text.split(",")]
    names = {field.strip(): name.strip() for field, _, name in pairs}
    if not set(names) <= set(FIELDS) or not all(names.values()):
        raise given.fail("list_fields", f"pairs as NgayTiepNhan=ngayNhanHoSo out of {', '.join(FIELDS)}")
    return names


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _moment(value: Any) -> str:
    """Fourteen digits, whichever of the portal's two spellings a time comes in."""
    text = _text(value)
    if european := re.match(r"(\d\d)/(\d\d)/(\d{4})(.*)", text):
        day, month, year, rest = european.groups()
        text = f"{year}{month}{day}{rest}"
    return re.sub(r"\D", "", text)[:14]


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(_moment(value)[:8])
    except ValueError:
        return None
