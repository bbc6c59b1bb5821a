"""The national catalogues of the first shared database, whole and the same on every day.

Codes and names are the public ones. A code that has ended stays, with the code that took its place.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path

from babel import Locale

from lienthong.sandbox.shared.model import Chance, Dataset, Row, Store, communes
from lienthong.sandbox.units import units

_TWO_LEVELS = date(2025, 7, 1)
_PROVINCE, _PROVINCE_AGENCY = "66", "H15"
_RESOLUTION, _LIST = "Nghị quyết 1660/NQ-UBTVQH15", "Quyết định 19/2025/QĐ-TTg"
_KINDS = {"tinh": "Tỉnh", "thanh_pho": "Thành phố"}
# Codes that stood for something until the merger, and the code of today: of the province, and of three communes whose
# codes a first draft of the list of 2025 carried on.
_ENDED_PROVINCE = ("54", "Tỉnh Phú Yên", "66")
_ENDED_COMMUNES = (
    ("22066", "Xã Xuân Cảnh", "22060"),
    ("22306", "Xã Hòa Quang Nam", "22303"),
    ("24481", "Xã Hòa Sơn", "24472"),
)
# Regions and test entries that the library has beside the codes of ISO 3166-1.
_NO_COUNTRIES = ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ")
_ENDED_COUNTRIES = (
    ("BU", "Miến Điện", "Burma", date(1989, 12, 5), "MM"),
    ("TP", "Đông Timor", "East Timor", date(2002, 5, 20), "TL"),
    ("ZR", "Zaire", "Zaire", date(1997, 7, 14), "CD"),
)


@cache
def office_of(commune: str) -> str:
    """The code of the office of a commune."""
    return next(unit.code for unit in units() if unit.commune == commune)


def _units_of_the_country(_: Chance, __: date) -> list[Row]:
    def row(code: str, name: str, level: str, kind: str, parent: str | None, **more: str | date | None) -> Row:
        base: Row = {"ma_dvhc": code, "ten_dvhc": name, "cap": level, "loai": kind, "ma_cha": parent}
        rest: Row = {"hieu_luc_tu": None, "hieu_luc_den": None, "ma_thay_the": None, "can_cu": None}
        return {**base, **rest, **more}

    rows = [
        row(one["ma_dvhc"], f"{_KINDS[one['loai']]} {one['ten']}", "1", one["loai"], None, can_cu=_LIST)
        for one in _table("tinh.tsv")
    ]
    code, name, successor = _ENDED_PROVINCE
    rows.append(row(code, name, "1", "tinh", None, hieu_luc_den=_TWO_LEVELS, ma_thay_the=successor, can_cu=_LIST))
    for commune in communes():
        kind = "phuong" if commune.ten.startswith("Phường") else "xa"
        rows.append(row(*commune, "2", kind, _PROVINCE, hieu_luc_tu=_TWO_LEVELS, can_cu=_RESOLUTION))
    for code, name, successor in _ENDED_COMMUNES:
        rows.append(row(code, name, "2", "xa", _PROVINCE, hieu_luc_den=_TWO_LEVELS, ma_thay_the=successor))
    return rows


def _ethnic_groups(_: Chance, __: date) -> list[Row]:
    return [{name: value or None for name, value in one.items()} for one in _table("dan_toc.tsv")]


def _agencies(_: Chance, __: date) -> list[Row]:
    def row(code: str, name: str, level: str, parent: str | None, place: str | None, since: date | None) -> Row:
        return {
            "ma_co_quan": code, "ten_co_quan": name, "cap": level, "ma_cha": parent, "ma_dvhc": place,
            "hieu_luc_tu": since, "hieu_luc_den": None, "ma_thay_the": None,
        }  # fmt: skip

    rows = [
        row(one["ma_don_vi"], one["ten_don_vi"], "0", None, None, None)
        for one in _table("../catalogue_agencies.tsv")
        if one["cap_don_vi"] == "0"
    ]
    rows.append(row(_PROVINCE_AGENCY, "UBND tỉnh Đắk Lắk", "1", None, _PROVINCE, None))
    for unit in units():
        name = f"UBND {unit.name[0].lower()}{unit.name[1:]}" if unit.commune else unit.name
        place = unit.commune or _PROVINCE
        rows.append(row(unit.code, name, "3" if unit.commune else "1", _PROVINCE_AGENCY, place, _TWO_LEVELS))
    return rows


def _fields(_: Chance, __: date) -> list[Row]:
    return [
        {
            "ma_linh_vuc": one["ma_linh_vuc"], "ten_linh_vuc": one["ten_linh_vuc"],
            "ma_co_quan": one["ma_linh_vuc"].partition("-")[0],
            "hieu_luc_tu": None, "hieu_luc_den": None, "ma_thay_the": None,
        }
        for one in _table("../catalogue_fields.tsv")
    ]  # fmt: skip


def _countries(_: Chance, __: date) -> list[Row]:
    names = ((*names, None, None) for names in _names_of_countries())
    return [
        {
            "ma_quoc_gia": code, "ten_quoc_gia": name, "ten_tieng_anh": english,
            "hieu_luc_tu": None, "hieu_luc_den": until, "ma_thay_the": successor,
        }
        for code, name, english, until, successor in (*names, *_ENDED_COUNTRIES)
    ]  # fmt: skip


@cache
def _names_of_countries() -> tuple[tuple[str, str, str], ...]:
    vietnamese, english = (
        {str(code): str(name) for code, name in Locale(language).territories.items()} for language in ("vi", "en")
    )
    codes = sorted(code for code in vietnamese if len(code) == 2 and code not in _NO_COUNTRIES)
    return tuple((code, vietnamese[code], english[code]) for code in codes)


def _table(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")


_MAKERS: dict[str, Callable[[Chance, date], list[Row]]] = {
    "don_vi_hanh_chinh": _units_of_the_country,
    "dan_toc": _ethnic_groups,
    "co_quan": _agencies,
    "linh_vuc": _fields,
    "quoc_gia": _countries,
}
CATALOGUES: tuple[Dataset, ...] = tuple(Dataset(name, Store("platform"), make) for name, make in _MAKERS.items())
