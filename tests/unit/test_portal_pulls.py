"""Catalogues and look-ups over HTTP, and what the catalogue itself must hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.make_catalogue import CATALOGUE, build, encode
from lienthong.sandbox.portal_catalogue import Catalogue
from tests.unit.portal_kit import CITIZEN, CODE, Kit, dossier, open_portal

PROCEDURES: list[dict[str, Any]] = list(Catalogue().procedures.values())


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with open_portal(tmp_path_factory.mktemp("portal")) as kit:
        kit.client.push(
            dossier(),
            dossier("H15.50.05.13-250901-0001", NgayTiepNhan="20250901080000", DonViXuLy="Chi nhánh đất đai"),
            dossier("H15.50-250930-0001", NgayTiepNhan="20250930235959", DonViXuLy="Sở Nông nghiệp"),
        )
        yield kit


def ask(kit: Kit, service: str, **keys: Any) -> list[dict[str, Any]]:
    answer = kit.client.ask(service, **keys).json
    assert answer["error_code"] == "0", answer["message"]
    rows: list[dict[str, Any]] = answer["data" if service == "DanhSachHoSo" else "result"]
    return rows


def test_every_listed_procedure_can_be_pulled_whole(kit: Kit) -> None:
    listed = ask(kit, "LayDanhSachTTHC")
    assert len(listed) >= 200
    assert listed[0].keys() == {"MATTHC", "TENTTHC"}
    for row in listed[::40]:
        (whole,) = ask(kit, "LayThuTuc", maTTHC=row["MATTHC"])
        assert whole["TENTTHC"] == row["TENTTHC"]
    assert ask(kit, "LayThuTuc", maTTHC="9.999999") == []


def test_fields_and_agencies(kit: Kit) -> None:
    fields = {row["MALINHVUC"]: row for row in ask(kit, "LayDanhMucLinhVuc")}
    assert fields["G03-GD10"] == {
        "MALINHVUC": "G03-GD10", "TENLINHVUC": "Hệ thống văn bằng, chứng chỉ", "MANGANH": "G03",
    }  # fmt: skip
    agencies = {row["MADONVI"]: row for row in ask(kit, "LayDanhMucCoQuan")}
    assert agencies["H15.102"] == {"MADONVI": "H15.102", "TENDONVI": "UBND phường Tân Lập", "CAPDONVI": "3"}
    assert sum(row["CAPDONVI"] == "3" for row in agencies.values()) == 102
    assert {row["MANGANH"] for row in fields.values()} <= agencies.keys()


def test_lookup_of_a_dossier(kit: Kit) -> None:
    assert ask(kit, "TraCuuHoSo", mahoso=CODE) == [
        {
            "MaTTHC": "1.001193", "MaDVC": "", "TenDVC": "Đăng ký khai sinh", "MaHoSo": CODE,
            "HoTenNguoiNop": "Người Thử Nghiệm", "MaTrangThai": "4", "TrangThaiHoSo": "Đang xử lý",
            "DonViXuLy": "UBND phường Tân Lập", "MaDonViXuLy": "H15.102", "NgayNop": "20250929213000",
            "NgayTiepNhan": "20250930073500", "NgayHenTra": "20251001170000", "HinhThucNhanKQ": "0",
        }
    ]  # fmt: skip
    (land,) = ask(kit, "TraCuuHoSo", mahoso="H15.50.05.13-250901-0001")
    assert land["MaDonViXuLy"] == "H15.50.05.13"
    assert ask(kit, "TraCuuHoSo", mahoso="H15.102-250930-9999") == []


@pytest.mark.parametrize(
    ("unit", "first", "last", "serials"),
    [
        ("", "2025-09-01", "2025-09-30", ["H15.50.05.13", "H15.102", "H15.50"]),
        ("", "2025-09-30", "2025-09-30", ["H15.102", "H15.50"]),
        ("H15.50", "2025-09-01", "2025-09-30", ["H15.50.05.13", "H15.50"]),
        ("H15", "2025-09-01", "2025-09-29", ["H15.50.05.13"]),
        ("UBND phường Tân Lập", "2025-09-01", "2025-09-30", ["H15.102"]),
        ("H15.5", "2025-09-01", "2025-09-30", []),
        ("", "2025-10-01", "2025-10-31", []),
    ],
)
def test_list_of_dossiers_by_unit_and_days(kit: Kit, unit: str, first: str, last: str, serials: list[str]) -> None:
    rows = ask(kit, "DanhSachHoSo", donViXuLy=unit, ngayNhan1=first, ngayNhan2=last)
    assert [row["maHoSo"].rsplit("-", 2)[0] for row in rows] == serials


@pytest.mark.parametrize(
    ("service", "keys", "named"),
    [
        ("LayThuTuc", {}, "maTTHC"),
        ("LayThuTuc", {"maTTHC": 1}, "maTTHC"),
        ("TraCuuHoSo", {}, "mahoso"),
        ("DanhSachHoSo", {"ngayNhan1": "2025-09-01", "ngayNhan2": "2025-09-02"}, "donViXuLy"),
        ("DanhSachHoSo", {"donViXuLy": "", "ngayNhan1": "01/09/2025", "ngayNhan2": "2025-09-02"}, "ngayNhan1"),
    ],
)
def test_missing_or_malformed_parameter_is_named(kit: Kit, service: str, keys: dict[str, Any], named: str) -> None:
    answer = kit.client.ask(service, **keys).json
    assert answer["error_code"] == "-2"
    assert named in answer["message"]


def test_pulls_leave_no_effect(kit: Kit) -> None:
    before = len(list(kit.running.log.effects()))
    ask(kit, "TraCuuHoSo", mahoso=CODE)
    assert len(list(kit.running.log.effects())) == before


def test_no_request_log_holds_a_personal_value(kit: Kit) -> None:
    assert CITIZEN not in repr(list(kit.running.log.requests()))


def test_catalogue_is_what_its_sources_make() -> None:
    assert CATALOGUE.read_text(encoding="utf-8") == encode(build())


def test_catalogue_says_that_it_is_invented() -> None:
    note = build()["note"]
    assert "không phải cơ sở dữ liệu quốc gia" in note
    assert "invented" in note


def test_codes_of_the_catalogue() -> None:
    catalogue = Catalogue()
    assert 200 <= len(PROCEDURES) == len(catalogue.procedures)
    assert "1.001193" in catalogue.procedures
    assert all(re.fullmatch(r"\d\.\d{6}", code) for code in catalogue.procedures)
    assert all(re.fullmatch(r"G\d{2}-[A-Z]{2}\d{2}", code) for code in catalogue.fields)
    results = [row["MAKETQUA"] for entry in PROCEDURES for row in entry["KETQUATHUCHIEN"]]
    assert len(results) == len(set(results))
    forms = [bool(re.fullmatch(r"KQ\.G\d{2}\.\d{6}", code)) for code in results]
    assert any(forms)
    assert all(
        form or re.fullmatch(r"000\.00\.00\.G\d{2}-KQ\d{6}", code) for form, code in zip(forms, results, strict=True)
    )


def test_levels_channels_durations_and_fees_of_the_catalogue() -> None:
    catalogue = Catalogue()
    levels = [{row["CAPTHUCHIEN"] for row in entry["CAPTHUCHIEN"]} for entry in PROCEDURES]
    assert all(level and level <= {"1", "3"} for level in levels)
    assert 0.40 <= sum("3" in level for level in levels) / len(levels) <= 0.50
    assert {"1", "3"} in levels
    rows = [list(chain(*(c["THOIGIAN"] for c in entry["CACHTHUCTHUCHIEN"]))) for entry in PROCEDURES]
    assert {row["DONVITINH"] for row in chain(*rows)} == {"Ngày làm việc", "Ngày", "Giờ làm việc"}
    assert all(int(row["THOIGIANGIAIQUYET"]) > 0 for row in chain(*rows))
    assert any(len(c["THOIGIAN"]) > 1 for entry in PROCEDURES for c in entry["CACHTHUCTHUCHIEN"])
    with_fee = sum(any(row["PHILEPHI"] for row in procedure) for procedure in rows)
    assert 0.35 <= with_fee / len(rows) <= 0.45
    assert len(catalogue.withdrawn) == 1
    assert all(entry["LINHVUCTHUCHIEN"][0]["MALINHVUC"] in catalogue.fields for entry in PROCEDURES)


def test_catalogue_that_cannot_be_read_names_its_mender(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("catalogue") / "catalogue.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(NeedsPerson, match="make_catalogue"):
        Catalogue(path)
