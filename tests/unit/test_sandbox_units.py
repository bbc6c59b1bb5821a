"""The reference list of units and the ways in which they keep their data."""

import csv
import unicodedata
from collections import Counter

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.units import REFERENCE, unit, units


def test_the_reference_list_is_the_province_of_july_2025():
    with REFERENCE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == [
        "ma_don_vi", "ten_don_vi", "ten_tren_cong", "loai", "ma_xa", "hieu_luc_tu", "hieu_luc_den",
    ]  # fmt: skip
    assert len(rows) == len({row["ma_don_vi"] for row in rows}) == 116
    communes = [row for row in rows if row["loai"] == "COMMUNE_PEOPLE_COMMITTEE"]
    assert len(communes) == len({row["ma_xa"] for row in communes}) == 102
    assert Counter(row["ten_don_vi"].split()[0] for row in communes) == {"Xã": 88, "Phường": 14}
    assert Counter(row["ma_xa"][:2] for row in communes) == {"22": 34, "24": 68}
    assert {row["hieu_luc_tu"] for row in rows} == {"2025-07-01"}
    assert not any(row["hieu_luc_den"] for row in rows)
    assert all(unicodedata.is_normalized("NFC", value) for row in rows for value in row.values())
    assert not any("\u2019" in row["ten_don_vi"] for row in rows)


@pytest.mark.parametrize(
    ("code", "name", "commune"),
    [
        ("H15.131", "Xã Ea Súp", "24211"),
        ("H15.102", "Phường Tân Lập", "24121"),
        ("H15.176", "Xã Xuân Cảnh", "22060"),  # 22066 in the first draft of the list
        ("H15.185", "Xã Phú Hòa 2", "22303"),
        ("H15.139", "Xã Hòa Sơn", "24472"),
        ("H15.169", "Phường Phú Yên", "22240"),
        ("H15.10", "Sở Nội vụ", ""),
    ],
)
def test_known_units(code, name, commune):
    found = unit(code)
    assert (found.name, found.commune) == (name, commune)


def test_every_kind_of_store_is_in_use():
    communes = Counter(one.store for one in units() if one.commune)
    assert communes == {"postgres": 78, "sqlite": 10, "csv": 8, "excel": 6}
    bodies = Counter(one.store for one in units() if not one.commune)
    assert bodies == {"postgres": 10, "sqlite": 1, "csv": 1, "excel": 1, "rest": 1}
    assert unit("H15.10").store == "rest"
    assert {one.store for one in units() if not one.keyed} >= {"postgres", "sqlite", "csv", "excel"}


def test_a_unit_goes_by_each_of_its_names():
    assert unit("H15.131") is unit("h15_131") is unit("unit_h15_131")
    assert (unit("H15.102").namespace, unit("H15.16").namespace) == ("c_24121", "s_16")
    with pytest.raises(NeedsPerson, match="116"):
        unit("H15.999")
