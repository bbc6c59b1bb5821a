"""The services that give something out: catalogues and look-ups of dossiers. They change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from lienthong.sandbox.portal_answers import MALFORMED, Answer, Refused
from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.portal_fields import STATUSES
from lienthong.sandbox.portal_store import PortalStore

Envelope = Mapping[str, Any]
Pull = Callable[[Envelope], Answer]


class Pulls:
    """Answers pulls from the catalogue and from the dossiers that are held."""

    def __init__(self, catalogue: Catalogue, store: PortalStore) -> None:
        self._catalogue = catalogue
        self._store = store
        self.services: dict[str, Pull] = {
            "LayDanhSachTTHC": self._procedures,
            "LayThuTuc": self._procedure,
            "LayDanhMucLinhVuc": lambda _: _result(list(catalogue.fields.values())),
            "LayDanhMucCoQuan": lambda _: _result(list(catalogue.agencies.values())),
            "TraCuuHoSo": self._dossier,
            "DanhSachHoSo": self._dossiers,
        }

    def _procedures(self, _: Envelope) -> Answer:
        names = self._catalogue.procedures.items()
        return _result([{"MATTHC": code, "TENTTHC": entry["TENTTHC"]} for code, entry in names])

    def _procedure(self, envelope: Envelope) -> Answer:
        entry = self._catalogue.procedures.get(parameter(envelope, "maTTHC"))
        return _result([] if entry is None else [entry])

    def _dossier(self, envelope: Envelope) -> Answer:
        body = self._store.body(parameter(envelope, "mahoso"))
        return _result([] if body is None else [self._looked_up(json.loads(body))])

    def _looked_up(self, record: dict[str, Any]) -> dict[str, Any]:
        """The fields of national_portal.md 9.3; a dossier names its unit, the look-up adds the code."""
        status, unit = str(record.get("TrangThaiHoSo", "")), str(record.get("DonViXuLy", ""))
        return {
            "MaTTHC": record.get("MaTTHC", ""),
            "MaDVC": "",
            "TenDVC": record.get("TenTTHC", ""),
            "MaHoSo": record["MaHoSo"],
            "HoTenNguoiNop": record.get("ChuHoSo", ""),
            "MaTrangThai": status,
            "TrangThaiHoSo": STATUSES.get(status, ""),
            "DonViXuLy": unit,
            "MaDonViXuLy": self._catalogue.agency_code(unit) or unit_of(record["MaHoSo"]),
            "NgayNop": record.get("NgayNopHoSo", ""),
            "NgayTiepNhan": record.get("NgayTiepNhan", ""),
            "NgayHenTra": record.get("NgayHenTra", ""),
            "HinhThucNhanKQ": record.get("HinhThuc", ""),
        }

    def _dossiers(self, envelope: Envelope) -> Answer:
        first, last = (_day(envelope, name) for name in ("ngayNhan1", "ngayNhan2"))
        unit = parameter(envelope, "donViXuLy", empty=True)
        records = map(json.loads, self._store.bodies(unit, f"{first}000000", f"{last}235959"))
        return Answer("0", "Thành công", {"data": [_listed(record) for record in records]})


def parameter(envelope: Envelope, name: str, *, empty: bool = False) -> str:
    """A text parameter of the envelope, or a refusal that names it."""
    value = envelope.get(name)
    if not isinstance(value, str) or (not value and not empty):
        raise Refused(MALFORMED, f"Thiếu tham số {name} hoặc tham số không phải là chuỗi")
    return value


def unit_of(ma_ho_so: str) -> str:
    """The agency code in front of the date and the serial of a dossier code; empty when there is none."""
    parts = ma_ho_so.rsplit("-", 2)
    return parts[0] if len(parts) == 3 else ""


def _day(envelope: Envelope, name: str) -> str:
    try:
        return date.fromisoformat(parameter(envelope, name)).strftime("%Y%m%d")
    except ValueError:
        raise Refused(MALFORMED, f"Tham số {name} phải có dạng yyyy-MM-dd") from None


def _result(rows: list[dict[str, Any]]) -> Answer:
    return Answer("0", "Thành công", {"result": rows})


def _listed(record: dict[str, Any]) -> dict[str, Any]:
    """One row of the list: what the licence clients read, then the codes that a reconciliation compares."""
    return {
        "maHoSo": record["MaHoSo"],
        "hoTen": record.get("ChuHoSo", ""),
        "soCmnd": record.get("SoGiayToChuHoSo", ""),
        "ngayNhanHoSo": record.get("NgayTiepNhan", ""),
        "ngayHenTraGplx": record.get("NgayHenTra", ""),
        "maTTHC": record.get("MaTTHC", ""),
        "trangThaiHoSo": record.get("TrangThaiHoSo", ""),
        "donViXuLy": record.get("DonViXuLy", ""),
    }
