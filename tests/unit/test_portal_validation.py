"""The two validation profiles over HTTP: strict refuses what the field tables forbid, lenient keeps and warns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.portal_fields import DOSSIER, STEP
from lienthong.sandbox.portal_validation import transition
from tests.unit.portal_kit import CITIZEN, Kit, dossier, open_portal, step

COMPULSORY = (
    "MaTTHC", "TenTTHC", "MaLinhVuc", "LoaiDoiTuong", "NgayTiepNhan", "TrangThaiHoSo", "HinhThuc", "DonViXuLy",
    "NoiNopHoSo", "HoSoCoThanhPhanSoHoa", "TaiKhoanDuocXacThucVoiVNeID", "DuocThanhToanTrucTuyen",
)  # fmt: skip
COMPULSORY_STEP = ("NguoiXuLy", "ThoiDiemXuLy", "TrangThai")
MOMENTS = ("NgayNopHoSo", "NgayTiepNhan", "NgayHenTra", "NgayTra", "NgayKetThucXuLy", "NgayTuChoi")
CLOSED = {
    "KenhThucHien": "0", "LoaiDoiTuong": "5", "TrangThaiHoSo": "11", "HinhThuc": "2", "NoiNopHoSo": "3",
    "HoSoCoThanhPhanSoHoa": "True", "TaiKhoanDuocXacThucVoiVNeID": "2", "DuocThanhToanTrucTuyen": "4",
}  # fmt: skip
FILE = {"TenTepDinhKem": "a.pdf"}

BROKEN: list[tuple[str, dict[str, Any]]] = [
    *((name, {name: value}) for name in COMPULSORY for value in ("", None)),
    *((name, {name: 1}) for name in ("TenTTHC", "DonViXuLy", "TrangThaiHoSo", "ChuHoSo")),
    *((name, {name: value}) for name, value in CLOSED.items()),
    *(
        (name, {name: value})
        for name in MOMENTS
        for value in ("2025-09-30", "20250230000000", "20250930240000", "20250930126000", "2025093007350٣")
    ),
    ("MaTTHC", {"MaTTHC": "9.999999"}),
    ("MaTTHC", {"MaTTHC": "1.001193.H15"}),
    ("GhiChu", {"GhiChu": "x" * 2001}),
    ("TrichYeuHoSo", {"TrichYeuHoSo": "x" * 1001}),
    ("TaiLieuNop", {"TaiLieuNop": "x"}),
    ("TaiLieuNop[1]", {"TaiLieuNop": [FILE, "x"]}),
    ("TaiLieuNop[0].TenTepDinhKem", {"TaiLieuNop": [{"TenTepDinhKem": "x" * 4001}]}),
    ("TaiLieuNop[0].IsDeleted", {"TaiLieuNop": [{"IsDeleted": "yes"}]}),
    ("TaiLieuNop[0].DuocSoHoa", {"TaiLieuNop": [{"DuocSoHoa": "2"}]}),
    ("TaiLieuNop[0].DuocTaiSuDung", {"TaiLieuNop": [{"DuocTaiSuDung": "3"}]}),
    ("TaiLieuNop[0].MaKetQuaThayThe", {"TaiLieuNop": [{"DuocTaiSuDung": "2", "MaKetQuaThayThe": ""}]}),
    ("DanhSachGiayToKetQua[0].TenGiayTo", {"DanhSachGiayToKetQua": [{"TenGiayTo": "x" * 2001}]}),
    ("DSKetNoiCSDL[0].MaCSDL", {"DSKetNoiCSDL": [{}]}),
    ("DinhDanhCHS[0].LoaiDinhDanh", {"DinhDanhCHS": [{"LoaiDinhDanh": "3", "SoDinhDanh": CITIZEN}]}),
    ("DinhDanhCHS[0].SoDinhDanh", {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": CITIZEN[1:]}]}),
    ("DinhDanhCHS[0].SoDinhDanh", {"DinhDanhCHS": [{"LoaiDinhDanh": "2", "SoDinhDanh": CITIZEN}]}),
    ("DanhSachLePhi[0].Gia", {"DanhSachLePhi": [
        {"MaPhiLePhi": "1", "HinhThucThu": "1", "LoaiPhiLePhi": "1", "Gia": "miễn phí"}]}),
    ("DanhSachTepDinhKemKhac[0].SoLuong", {"DanhSachTepDinhKemKhac": [{"SoLuong": "một"}]}),
    ("DanhSachHoSoBoSung[0].NgayBoSung", {"DanhSachHoSoBoSung": [{"NgayBoSung": "hôm qua"}]}),
    ("DanhSachHoSoBoSung[0].TrangThaiBoSung", {"DanhSachHoSoBoSung": [{"TrangThaiBoSung": "xong"}]}),
]  # fmt: skip
BROKEN_STEPS: list[tuple[str, dict[str, Any]]] = [
    *((name, {name: value}) for name in COMPULSORY_STEP for value in ("", None)),
    ("TrangThai", {"TrangThai": "0"}),
    ("TrangThai", {"TrangThai": 4}),
    ("ThoiDiemXuLy", {"ThoiDiemXuLy": "20250930"}),
    ("NgayBatDau", {"NgayBatDau": "20251301000000"}),
    ("ChucDanh", {"ChucDanh": ["x"]}),
]

serial = count(1)


def fresh() -> str:
    return f"H15.102-250930-{next(serial):04d}"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with open_portal(tmp_path_factory.mktemp("strict")) as kit:
        yield kit


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with open_portal(tmp_path_factory.mktemp("lenient"), profile="lenient") as kit:
        yield kit


def held(kit: Kit, code: str) -> bool:
    return bool(kit.client.ask("TraCuuHoSo", mahoso=code).json["result"])


@pytest.mark.parametrize(("name", "change"), BROKEN)
def test_strict_refuses_and_names_the_field(strict: Kit, name: str, change: dict[str, Any]) -> None:
    code = fresh()
    answer = strict.client.push(dossier(code, **change)).json
    assert answer["error_code"] == "-5"
    assert answer["message"].startswith(f"Hồ sơ {code}: {name} ")
    assert CITIZEN not in answer["message"]
    assert not held(strict, code)


@pytest.mark.parametrize(("name", "change"), BROKEN)
def test_lenient_keeps_and_warns(lenient: Kit, name: str, change: dict[str, Any]) -> None:
    code = fresh()
    assert lenient.client.push(dossier(code, **change)).json["error_code"] == "0"
    assert held(lenient, code)
    warnings = [w for w in lenient.running.log.warnings() if w.ma_ho_so == code]
    assert name in {w.field for w in warnings}
    assert all(CITIZEN not in w.words for w in warnings)


@pytest.mark.parametrize("name", COMPULSORY)
def test_absent_key_counts_as_missing(strict: Kit, name: str) -> None:
    record = dossier(fresh())
    del record[name]
    assert f"{name} là trường bắt buộc" in strict.client.push(record).json["message"]


@pytest.mark.parametrize(("name", "change"), BROKEN_STEPS)
def test_steps_in_both_profiles(strict: Kit, lenient: Kit, name: str, change: dict[str, Any]) -> None:
    code = fresh()
    for kit, expected in ((strict, "-5"), (lenient, "0")):
        assert kit.client.push(dossier(code)).json["error_code"] == "0"
        answer = kit.client.steps(step(code, **change)).json
        assert answer["error_code"] == expected
        assert expected == "0" or f": {name} " in answer["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"KenhThucHien": ""}, {"KenhThucHien": None}, {"DinhDanhCHS": []}, {"DinhDanhCHS": None},
        {"DinhDanhCHS": [{"LoaiDinhDanh": "2", "SoDinhDanh": "900000001"}]}, {"GhiChu": "x" * 2000},
        {"NgayTiepNhan": "20250930235959"}, {"TrangThaiHoSo": "10"}, {"LoaiDoiTuong": "4"},
        {"DanhSachLePhi": [{"MaPhiLePhi": "1", "HinhThucThu": "1", "LoaiPhiLePhi": "1", "Gia": 8000}]},
        {"TaiLieuNop": [{"IsDeleted": "0", "DuocTaiSuDung": "2", "MaKetQuaThayThe": "KQ.G15.000122"}]},
        {"DanhSachHoSoBoSung": [{"HoSoBoSungId": 1, "TrangThaiBoSung": True, "NgayBoSung": "20250930080000"}]},
        {"DanhSachTepDinhKemKhac": [{"TenGiayTo": "khác", "SoLuong": 1, "LoaiGiayTo": 2}]},
    ],
)  # fmt: skip
def test_strict_takes_what_the_field_tables_allow(strict: Kit, change: dict[str, Any]) -> None:
    code = fresh()
    assert strict.client.push(dossier(code, **change)).json["error_code"] == "0"
    assert [w for w in strict.running.log.warnings() if w.ma_ho_so == code] == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("MaHoSo", {"NgayTiepNhan": "20251001080000"}),
        ("MaLinhVuc", {"MaLinhVuc": "G99-XX01"}),
        ("TenMoi", {"TenMoi": "x"}),
        ("MaTTHC", {"MaTTHC": next(iter(Catalogue().withdrawn))}),
    ],
)
def test_strict_keeps_what_is_only_odd_and_warns(strict: Kit, name: str, change: dict[str, Any]) -> None:
    code = fresh()
    assert strict.client.push(dossier(code, **change)).json["error_code"] == "0"
    assert [w.field for w in strict.running.log.warnings() if w.ma_ho_so == code] == [name]


@pytest.mark.parametrize("code", ["HS-1", "H15.102-251301-0001", "H15.102-250930-01"])
def test_odd_dossier_code_is_kept_with_a_warning(strict: Kit, code: str) -> None:
    assert strict.client.push(dossier(code)).json["error_code"] == "0"
    assert "MaHoSo" in {w.field for w in strict.running.log.warnings() if w.ma_ho_so == code}


def test_dossier_without_a_code_is_refused_by_both_profiles(strict: Kit, lenient: Kit) -> None:
    for kit in (strict, lenient):
        assert "MaHoSo" in kit.client.push(dossier("")).json["message"]


def test_the_parameters_above_cover_every_compulsory_field() -> None:
    needed = {name for name, rule in DOSSIER.fields.items() if rule.compulsory}
    assert needed == {*COMPULSORY, "MaHoSo"}
    assert {name for name, rule in STEP.fields.items() if rule.compulsory} == {*COMPULSORY_STEP, "MaHoSo"}


def test_usual_transitions_raise_no_warning() -> None:
    assert transition("2", "4") is None
    assert transition("4", "4") is None
    assert transition("3", "4") is not None
