"""What the portal says about a record before it is held: problems refuse it, warnings do not.

``strict`` refuses a record that breaks the field tables of ``portal_fields``; ``lenient`` keeps it and turns each
problem into a warning. Words are Vietnamese and never repeat a value, because the portal's words end in logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.portal_fields import (
    DOSSIER,
    IDENTITY_DIGITS,
    NEXT_STATUSES,
    STEP,
    Rows,
    exists,
)

PROFILES = ("strict", "lenient")
MISSING = "là trường bắt buộc nhưng đang thiếu"
DOSSIER_CODE = re.compile(r"(?P<unit>[0-9A-Z]+(?:\.[0-9A-Z]+)*)-(?P<date>[0-9]{8}|[0-9]{6})-(?P<serial>[0-9]{4,7})")
LONGEST_OFFICER = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about one field."""

    field: str
    words: str

    def __str__(self) -> str:
        return f"{self.field} {self.words}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The first problem that refuses the record, if any, and what is kept with a warning."""

    problem: Finding | None
    warnings: tuple[Finding, ...] = ()


class Judge:
    """Applies one profile to dossiers and steps."""

    def __init__(self, profile: str, catalogue: Catalogue) -> None:
        self._strict = profile == "strict"
        self._catalogue = catalogue

    def dossier(self, record: Mapping[str, Any]) -> Judgement:
        """Judge one element of ``data`` of DongBoHoSoMC."""
        return self._settle(
            (*_table(record, DOSSIER), *_identities(record), *self._procedure(record)),
            (*_unknown(record, DOSSIER), *_code_of(record), *self._doubts(record)),
        )

    def step(self, record: Mapping[str, Any]) -> Judgement:
        """Judge one element of ``data`` of CapNhatTienDoHoSoMC."""
        officer = record.get("NguoiXuLy")
        long = isinstance(officer, str) and len(officer) > LONGEST_OFFICER
        warnings = (Finding("NguoiXuLy", f"dài hơn {LONGEST_OFFICER} ký tự"),) if long else ()
        return self._settle(tuple(_table(record, STEP)), (*_unknown(record, STEP), *warnings))

    def _settle(self, problems: tuple[Finding, ...], warnings: tuple[Finding, ...]) -> Judgement:
        if not problems:
            return Judgement(None, warnings)
        return Judgement(problems[0]) if self._strict else Judgement(None, problems + warnings)

    def _procedure(self, record: Mapping[str, Any]) -> Iterator[Finding]:
        code = record.get("MaTTHC")
        if isinstance(code, str) and code and code not in self._catalogue.procedures:
            yield Finding("MaTTHC", "không có trong danh mục thủ tục hành chính")

    def _doubts(self, record: Mapping[str, Any]) -> Iterator[Finding]:
        if _text(record, "MaTTHC") in self._catalogue.withdrawn:
            yield Finding("MaTTHC", "là thủ tục đã hết hiệu lực công bố")
        if _text(record, "MaLinhVuc") not in self._catalogue.fields:
            yield Finding("MaLinhVuc", "không có trong danh mục lĩnh vực")


def transition(before: str, after: str) -> Finding | None:
    """A warning when a status does not usually follow another; jumps are accepted."""
    if before == after or after in NEXT_STATUSES.get(before, ()):
        return None
    return Finding("TrangThaiHoSo", f"chuyển từ {before} sang {after} không theo trình tự thường gặp")


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _table(record: Mapping[str, Any], table: Rows, path: str = "") -> Iterator[Finding]:
    for name, rule in table.fields.items():
        value = record.get(name)
        if not value and (value is None or value == rule.empty):
            if rule.compulsory:
                yield Finding(path + name, MISSING)
        elif isinstance(rule, Rows):
            yield from _rows(value, rule, path + name)
        else:
            words = rule.check(value)
            if words:
                yield Finding(path + name, words)
    for (name, trigger), needed in table.requires.items():
        if record.get(name) == trigger and not record.get(needed):
            yield Finding(path + needed, MISSING)


def _rows(value: Any, table: Rows, path: str) -> Iterator[Finding]:
    if not isinstance(value, list):
        yield Finding(path, "phải là danh sách")
        return
    for number, row in enumerate(value):
        if not isinstance(row, dict):
            yield Finding(f"{path}[{number}]", "phải là đối tượng")
        else:
            yield from _table(row, table, f"{path}[{number}].")


def _identities(record: Mapping[str, Any]) -> Iterator[Finding]:
    rows = record.get("DinhDanhCHS")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        digits = IDENTITY_DIGITS.get(_text(row, "LoaiDinhDanh")) if isinstance(row, dict) else None
        value = _text(row, "SoDinhDanh") if digits else ""
        if value and not (len(value) == digits and value.isascii() and value.isdigit()):
            yield Finding(f"DinhDanhCHS[{number}].SoDinhDanh", f"phải gồm {digits} chữ số")


def _unknown(record: Mapping[str, Any], table: Rows) -> Iterator[Finding]:
    if record.keys() <= table.fields.keys():
        return
    for name in sorted(record.keys() - table.fields.keys()):
        yield Finding(name[:60], "không phải là trường của thông điệp")


def _code_of(record: Mapping[str, Any]) -> Iterator[Finding]:
    match = DOSSIER_CODE.fullmatch(_text(record, "MaHoSo"))
    if match is None:
        yield Finding("MaHoSo", "không đúng cấu trúc mã hồ sơ")
        return
    day = match["date"] if len(match["date"]) == 8 else "20" + match["date"]
    if not exists(day):
        yield Finding("MaHoSo", "chứa ngày không có thật")
    elif not _text(record, "NgayTiepNhan").startswith(day):
        yield Finding("MaHoSo", "có ngày khác với NgayTiepNhan")
