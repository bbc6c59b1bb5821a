"""The fields of the two pushed records and what each may hold, as tables that ``portal_validation`` applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, ClassVar

Check = Callable[[Any], str]
"""Gives what is wrong with a value in Vietnamese, or an empty text; never repeats the value."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold. Empty text and null count as absent."""

    empty: ClassVar[object] = ""
    check: Check
    compulsory: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A nested list; an absent or null list counts as empty."""

    empty: ClassVar[object] = []
    compulsory: ClassVar[bool] = False
    fields: dict[str, Field | Rows]
    requires: dict[tuple[str, str], str] = field(default_factory=dict)
    """(field, value) that makes another field compulsory."""


def text(longest: int | None = None) -> Check:
    """Any text up to ``longest`` characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "phải là chuỗi"
        return f"vượt quá {longest} ký tự" if longest is not None and len(value) > longest else ""

    return check


def code(*allowed: str) -> Check:
    """One out of a closed list of texts."""
    words = f"phải là một trong các mã {', '.join(allowed)}"
    return lambda value: "" if isinstance(value, str) and value in allowed else words


def moment(value: Any) -> str:
    """Fourteen digits that are a moment which exists."""
    good = (
        isinstance(value, str)
        and len(value) == 14
        and value.isascii()
        and value.isdigit()
        and value[8:10] < "24"
        and value[10:12] < "60"
        and value[12:] < "60"
        and exists(value[:8])
    )
    return "" if good else "phải gồm 14 chữ số yyyyMMddHHmmss và là thời điểm có thật"


@lru_cache(maxsize=4096)
def exists(day: str) -> bool:
    """Whether eight digits are a day of the calendar."""
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return False
    return True


def whole(value: Any) -> str:
    """A whole number, as a number or as digits."""
    good = isinstance(value, int) and not isinstance(value, bool)
    return "" if good or (isinstance(value, str) and value.isascii() and value.isdigit()) else "phải là số nguyên"


def amount(value: Any) -> str:
    """An amount of money, as a number or as its digits."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    digits = isinstance(value, str) and value.isascii() and value.replace(".", "", 1).isdigit()
    return "" if number or digits else "phải là số tiền"


def truth(value: Any) -> str:
    """A JSON boolean or its texts."""
    good = isinstance(value, bool) or (isinstance(value, str) and value in ("True", "False", "0", "1"))
    return "" if good else "phải là True hoặc False"


TEXT = Field(text())
FLAG = code("0", "1")
DELETED = Field(code("False", "True", "0", "1"))
MOMENT = Field(moment)
STATUSES = {
    "1": "Mới đăng ký",
    "2": "Được tiếp nhận",
    "3": "Không được tiếp nhận",
    "4": "Đang xử lý",
    "5": "Yêu cầu bổ sung giấy tờ",
    "6": "Yêu cầu thực hiện nghĩa vụ tài chính",
    "7": "Công dân yêu cầu rút hồ sơ",
    "8": "Dừng xử lý",
    "9": "Đã xử lý xong",
    "10": "Đã trả kết quả",
}
NEXT_STATUSES = {
    "1": ("2", "3", "7"),
    "2": ("4", "5", "6", "7", "8", "9"),
    "4": ("4", "5", "6", "7", "8", "9"),
    "5": ("2", "4", "3", "7", "8"),
    "6": ("4", "7", "8", "9"),
    "8": ("4", "10"),
    "9": ("10", "4"),
    "10": ("9",),
}
"""Transitions that raise no eyebrow; any other is kept with a warning."""
IDENTITY_DIGITS = {"1": 12, "2": 9}

_FEES = Rows({
    "TenPhiLePhi": TEXT, "MaPhiLePhi": Field(text(), True), "HinhThucThu": Field(text(), True),
    "Gia": Field(amount, True), "LoaiPhiLePhi": Field(text(), True),
})  # fmt: skip
_OTHER_FILES = Rows({"TenGiayTo": TEXT, "SoLuong": Field(whole), "LoaiGiayTo": Field(whole)})
_SUBMITTED = Rows(
    {
        "TepDinhKemId": TEXT, "TenTepDinhKem": Field(text(4000)), "IsDeleted": DELETED, "MaThanhPhanHoSo": TEXT,
        "DuongDanTaiTepTin": TEXT, "DuocSoHoa": Field(FLAG), "DuocTaiSuDung": Field(code("0", "1", "2")),
        "DuocLayTuKhoDMQG": Field(FLAG), "MaKetQuaThayThe": TEXT,
    },
    {("DuocTaiSuDung", "2"): "MaKetQuaThayThe"},
)  # fmt: skip
_RESULTS = Rows({
    "TenGiayTo": Field(text(2000)), "MaThanhPhanHoSo": TEXT, "GiayToId": TEXT, "DuongDanTepTinKetQua": TEXT,
    "MaGiayToKetQua": TEXT,
})  # fmt: skip
_SUPPLEMENTS = Rows({
    "HoSoBoSungId": Field(whole), "NguoiYeuCauBoSung": TEXT, "NoiDungBoSung": TEXT, "NgayBoSung": MOMENT,
    "NguoiTiepNhanBoSung": TEXT, "ThongTinTiepNhan": TEXT, "NgayTiepNhanBoSung": MOMENT,
    "TrangThaiBoSung": Field(truth), "DanhSachGiayToBoSung": Rows({}), "DanhSachLePhiBoSung": Rows({}),
    "NgayHenTraTruoc": MOMENT, "NgayHenTraMoi": MOMENT,
})  # fmt: skip

DOSSIER = Rows({
    "MaHoSo": Field(text(), True),
    "MaTTHC": Field(text(), True),
    "TenTTHC": Field(text(), True),
    "MaLinhVuc": Field(text(), True),
    "TenLinhVuc": TEXT,
    "SoBienNhan": TEXT,
    "KenhThucHien": Field(code("1", "2", "3")),
    "ChuHoSo": TEXT,
    "SoGiayToChuHoSo": TEXT,
    "DinhDanhCHS": Rows({"LoaiDinhDanh": Field(code("1", "2"), True), "SoDinhDanh": Field(text(), True)}),
    "LoaiDoiTuong": Field(code("1", "2", "3", "4"), True),
    "MaDoiTuong": TEXT,
    "ThongTinKhac": TEXT,
    "Email": TEXT,
    "Fax": TEXT,
    "SoDienThoai": TEXT,
    "TrichYeuHoSo": Field(text(1000)),
    "NgayNopHoSo": MOMENT,
    "NgayTiepNhan": Field(moment, True),
    "NgayHenTra": MOMENT,
    "TrangThaiHoSo": Field(code(*STATUSES), True),
    "NgayTra": MOMENT,
    "ThongTinTra": TEXT,
    "HinhThuc": Field(FLAG, True),
    "NgayKetThucXuLy": MOMENT,
    "NgayTuChoi": MOMENT,
    "DonViXuLy": Field(text(), True),
    "GhiChu": Field(text(2000)),
    "NoiNopHoSo": Field(code("1", "2"), True),
    "HoSoCoThanhPhanSoHoa": Field(FLAG, True),
    "TaiKhoanDuocXacThucVoiVNeID": Field(FLAG, True),
    "DuocThanhToanTrucTuyen": Field(code("0", "1", "2", "3"), True),
    "DSKetNoiCSDL": Rows({"MaCSDL": Field(text(), True)}),
    "TaiLieuNop": _SUBMITTED,
    "DanhSachLePhi": _FEES,
    "DanhSachTepDinhKemKhac": _OTHER_FILES,
    "DanhSachHoSoBoSung": _SUPPLEMENTS,
    "DanhSachGiayToKetQua": _RESULTS,
})  # fmt: skip

STEP = Rows({
    "MaHoSo": Field(text(), True),
    "NguoiXuLy": Field(text(), True),
    "ChucDanh": TEXT,
    "ThoiDiemXuLy": Field(moment, True),
    "PhongBanXuLy": TEXT,
    "NoiDungXuLy": TEXT,
    "TrangThai": Field(code(*STATUSES), True),
    "NgayBatDau": MOMENT,
    "NgayKetThucTheoQuyDinh": MOMENT,
})  # fmt: skip
