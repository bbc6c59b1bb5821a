"""What names of columns say: whose data stand there, what they count, which of them tells when a row was changed.

When a name says nothing, a text is taken for personal data, until a person has looked at it.
"""

from __future__ import annotations

import re

_SENSITIVE = re.compile(
    r"^(dan_toc|ton_giao|chinh_kien|suc_khoe|khuyet_tat|benh|tien_su|sinh_trac|van_tay|hinh_anh|anh_|toa_do_ca_nhan"
    r"|tai_khoan|so_tai_khoan|quan_he_hinh_su|tien_an|mat_khau)"
)
_PERSONAL = re.compile(
    r"^(chu_|ho_ten|ho_va_ten|ho_dem|nguoi_|dia_chi|thu_dien_tu_|email|so_dien_thoai|dien_thoai|fax$|so_dinh_danh"
    r"|so_cccd|so_cmnd|cccd|cmnd|can_cuoc|so_ho_chieu|ho_chieu|so_giay_to|so_the|ma_so_thue|ma_dinh_danh|ma_cong_dan"
    r"|ma_doi_tuong|ma_so_bhxh|ngay_sinh|nam_sinh|noi_sinh|que_quan|noi_o|thuong_tru|tam_tru|ghi_chu|noi_dung|trich_yeu"
    r"|y_kien|duong_dan|lien_ket|tep_|ten_tep|ten_nguoi|ten_chu|bien_so)"
)
_PLAIN = re.compile(
    r"^(id|stt|ma|so|ngay|gio|luc|nam|thang|quy|tuan|ky|loai|hang|cap|nhom|linh_vuc|trang_thai|tinh_trang|hinh_thuc"
    r"|phan_loai|muc|dien_tich|chieu|be_rong|do_|khoi_luong|gia|don_gia|don_vi_tinh|don_vi_do|tong|ty_le|thoi_diem"
    r"|thoi_gian|thoi_han|cap_nhat|hieu_luc|kinh_do|vi_do|thong_so|ket_cau|co_|gioi_tinh|updated|modified|created)(_|$)"
    r"|_(luc|so_luong)$"
)
_THINGS = re.compile(
    r"^ten_(xa|phuong|huyen|tinh|thon|don_vi|co_quan|linh_vuc|tthc|thu_tuc|tuyen|duong|cho|truong|tram|san_pham"
    r"|hang_hoa|du_an|loai|nhom|co_so|cong_trinh|dvhc|cap|danh_muc)(_|$)"
)
_COUNTS = re.compile(
    r"^so_(luong|tien|ho|nguoi|nhan_khau|lao_dong|hoc_sinh|giao_vien|tang|phong|giuong|can_bo|ngay|thang|nam|lan|quay"
    r"|gian|cho|ban|phieu|vu|sao|lop)(_|$)"
)
_CHANGED = re.compile(
    r"^(cap_nhat_luc|ngay_cap_nhat|ngay_gio_cap_nhat|thoi_diem_cap_nhat|thoi_gian_cap_nhat|cap_nhat|sua_luc|ngay_sua"
    r"|nhan_luc|updated(_at|_on)?|modified(_at|_on)?|last_(update|updated|modified))$"
)
_PERSON = re.compile(r"@|^(0|\+84)\d{9,10}$|^\d{9}$|^\d{12}$|https?://")


def secrecy(name: str, kind: str, coded: bool, values: list[str]) -> tuple[str, bool]:
    """The class of confidentiality to propose, and whether the name is enough to know it."""
    if _SENSITIVE.match(name):
        return "sensitive", True
    if _PERSONAL.match(name):
        return "personal", True
    alike = sum(1 for value in values if _PERSON.search(value))
    if kind == "string" and values and alike * 10 >= len(values) and not name.startswith(("ma_", "so_")):
        return "personal", True
    if kind != "string" or coded or _PLAIN.search(name) or _THINGS.match(name):
        return "internal", True
    return "personal", False


def is_plain(name: str) -> bool:
    """Whether the name alone says that no person's data stand there."""
    return bool(_PLAIN.search(name)) and not _PERSONAL.match(name) and not _SENSITIVE.match(name)


def is_name(name: str) -> bool:
    """Whether it names a record: digits in it are a text, whatever they look like."""
    return bool(re.match(r"(ma|id|so)(_|$)", name)) and not counts(name)


def counts(name: str) -> bool:
    """Whether it says how many."""
    return bool(_COUNTS.match(name))


def tells_change(name: str) -> bool:
    """Whether it says when a row was changed."""
    return bool(_CHANGED.match(name))


def form(name: str) -> str:
    """The kind of rule about the form of a column of this name, or an empty text."""
    if re.fullmatch(r"(so_)?dien_thoai(_\w+)?", name):
        return "phone"
    if re.fullmatch(r"(so_dinh_danh|so_cccd|cccd|so_can_cuoc)(_\w+)?", name):
        return "citizen_number"
    return ""
