"""What names of columns say: whose data stand there, what they count, which of them tells when a row was changed.

When a name says nothing, a text is taken for personal data, until a person has looked at it.
"""

from __future__ import annotations

import re

from lienthong.rules.vietnam import PHONE

_SENSITIVE = re.compile(
    r"^(dan_toc|ton_giao|chinh_kien|suc_khoe|thuong_tat|ty_le_ton_thuong|khuyet_tat|benh|tien_su|sinh_trac|van_tay|hinh_anh|anh_"
    r"|toa_do_ca_nhan|tai_khoan|so_tai_khoan|quan_he_hinh_su|tien_an|mat_khau)"
)
_PERSONAL = re.compile(
    r"^(chu_|ho_ten|ho_va_ten|ho_dem|nguoi_|dia_chi|thu_dien_tu_|email|so_dien_thoai|dien_thoai|fax$|so_dinh_danh"
    r"|so_cccd|so_cmnd|cccd|cmnd|can_cuoc|so_ho_chieu|ho_chieu|so_giay_to|so_the|ma_so_thue|ma_dinh_danh|ma_cong_dan"
    r"|ma_doi_tuong|ma_so_bhxh|ngay_sinh|nam_sinh|noi_sinh|que_quan|noi_o|thuong_tru|tam_tru|ghi_chu|noi_dung|trich_yeu"
    r"|y_kien|duong_dan|lien_ket|tep_|ten_tep|ten_nguoi|ten_chu|bien_so)"
    # Wherever it stands: by whom, to whom, whose.
    r"|(^|_)(boi|by|nguoi|user|username|ho_ten|chu_ho|chu_so_huu|gia_chu|cap_cho|ten_dang_nhap)(_|$)"
)
_PLAIN = re.compile(
    r"^(id|stt|ma|so|ngay|gio|luc|nam|thang|quy|tuan|loai|hang|cap|nhom|linh_vuc|trang_thai|tinh_trang|hinh_thuc"
    r"|phan_loai|muc|dien_tich|chieu|be_rong|do_|khoi_luong|gia|don_gia|don_vi_tinh|don_vi_do|tong|ty_le|thoi_diem"
    r"|thoi_gian|thoi_han|cap_nhat|hieu_luc|kinh_do|vi_do|thong_so|ket_cau|co_|gioi_tinh)(_|$)"
    r"|^ky(_bao_cao|_du_lieu|_han|_hoc)?$|^(updated|modified|created)(_at|_on|_date|_time)?$"
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
_SUMS = re.compile(r"^(tong|ty_le|muc)_")
_CITIZEN = re.compile(
    r"0(01|02|04|06|08|10|11|12|14|15|17|19|20|22|24|25|26|27|30|31|33|34|35|36|37|38|40|42|44|45|46|48|49|51|52|54|56"
    r"|58|60|62|64|66|67|68|70|72|74|75|77|79|80|82|83|84|86|87|89|91|92|93|94|95|96)"
    r"([01][0-9]{2}|[23][0-2][0-9])(?!0{6})[0-9]{6}"
)
"""A citizen number: a province, century and sex, a year of birth up to the 2020s, a number that is not round."""
_PERSON = re.compile(r"@|^(0|\+84)\d{9,10}$|^\d{9}$|^\d{12}$|https?://")
_IN_A_RECORD_CODE = re.compile(r"@|https?://")
_NUMBERED = re.compile(r"(ma|so)_")
_LIKE_A_NAME = re.compile(r"[^\W\d_]+([' ][^\W\d_]+){1,5}")


def secrecy(name: str, kind: str, values: list[str]) -> tuple[str, bool]:
    """The class of confidentiality to propose, and whether the name is enough to know it."""
    if _SENSITIVE.match(name):
        return "sensitive", True
    counted = kind in ("integer", "number") and bool(_COUNTS.match(name) or _SUMS.match(name))
    if _PERSONAL.search(name) and not counted:
        return "personal", True
    if _show_persons(name, kind, values):
        return "personal", True
    if kind != "string" or _THINGS.match(name):
        return "internal", True
    if _PLAIN.search(name):
        return ("personal", False) if _named(name, values) else ("internal", True)
    return "personal", False


def _show_persons(name: str, kind: str, values: list[str]) -> bool:
    """Whether numbers, addresses or links of persons stand there; what a code of records may look like by chance
    counts in a column named so only when it is the most of it."""

    def share(found: int, whole: int) -> bool:
        return bool(values) and found * whole >= len(values)

    if kind in ("integer", "number"):  # a leading 0 is lost in a number
        return share(sum(1 for value in values if len(value) > 9 and is_citizen_number(value.zfill(12))), 2)
    if kind != "string":
        return False
    if share(sum(1 for value in values if is_citizen_number(value)), 10):
        return True
    if not _NUMBERED.match(name):
        return share(sum(1 for value in values if _PERSON.search(value)), 10)
    return share(sum(1 for value in values if _IN_A_RECORD_CODE.search(value)), 10) or share(
        sum(1 for value in values if re.search(PHONE, value)), 2
    )


def _named(name: str, values: list[str]) -> bool:
    """Whether most values of a column that should hold codes or figures are written like somebody's name: two to six
    words of letters, each with a capital."""
    words = [value for value in values if _LIKE_A_NAME.fullmatch(value) and value == value.title()]
    return not name.startswith("don_vi_") and bool(values) and len(words) * 2 >= len(values)


def is_citizen_number(value: str) -> bool:
    """Whether it has the form of a citizen number: province, century, year of birth."""
    return bool(_CITIZEN.fullmatch(value))


def is_plain(name: str) -> bool:
    """Whether the name alone says that no person's data stand there."""
    return bool(_PLAIN.search(name)) and not _PERSONAL.search(name) and not _SENSITIVE.match(name)


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
