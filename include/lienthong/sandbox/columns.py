"""The columns of the two tables that a unit keeps, in the order in which every kind of store holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HO_SO: Mapping[str, str] = {
    "ma_ho_so": "text", "ma_tthc": "text", "ma_don_vi": "text", "don_vi_xu_ly": "text",
    "kenh_thuc_hien": "int", "chu_ho_so": "text", "loai_doi_tuong": "int", "loai_dinh_danh": "int",
    "so_dinh_danh": "text", "ma_so_thue": "text", "so_dien_thoai": "text", "email": "text",
    "dia_chi": "text", "trich_yeu": "text", "ngay_nop": "time", "ngay_tiep_nhan": "time",
    "ngay_hen_tra": "time", "trang_thai": "int", "ngay_ket_thuc_xu_ly": "time", "ngay_tra": "time",
    "ngay_tu_choi": "time", "hinh_thuc_tra": "int", "noi_nop": "int", "co_so_hoa": "int",
    "xac_thuc_vneid": "int", "thanh_toan_truc_tuyen": "int", "muc_phi": "int", "ma_giay_to_ket_qua": "text",
    "duong_dan_ket_qua": "text", "giay_to_tai_su_dung": "int", "lay_tu_kho_dmqg": "int", "ghi_chu": "text",
    "cap_nhat_luc": "time",
}  # fmt: skip
TIEN_TRINH: Mapping[str, str] = {
    "ma_ho_so": "text", "thoi_diem_xu_ly": "time", "trang_thai": "int", "nguoi_xu_ly": "text",
    "chuc_danh": "text", "phong_ban_xu_ly": "text", "noi_dung_xu_ly": "text", "ngay_bat_dau": "time",
    "ngay_ket_thuc_theo_quy_dinh": "time", "cap_nhat_luc": "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """One of the two datasets: its name, its columns with their kinds, and its natural key."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


TABLES = (
    Table("ho_so", HO_SO, ("ma_ho_so",)),
    Table("tien_trinh", TIEN_TRINH, ("ma_ho_so", "thoi_diem_xu_ly", "trang_thai")),
)
CURSOR = "cap_nhat_luc"
