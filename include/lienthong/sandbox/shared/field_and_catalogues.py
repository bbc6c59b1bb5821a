"""The shared databases 19 to 25 and the catalogues of the first: what stands in the field, and what is wrong in it."""

from __future__ import annotations

from datetime import date, datetime

from lienthong.sandbox.shared.catalogues import CATALOGUES, office_of
from lienthong.sandbox.shared.daily import citizen_reports, decision, measurements, sanctions
from lienthong.sandbox.shared.model import START, Chance, Commune, Dataset, Fault, Row, Store, communes

_BUILDING = "H15.16"
# The numbers are real, the lengths only of their size.
_HIGHWAYS = {
    "QL.1": 176.0, "QL.1D": 14.2, "QL.14": 138.5, "QL.14C": 68.4, "QL.19C": 102.0, "QL.25": 69.5, "QL.26": 119.0,
    "QL.27": 87.6, "QL.29": 178.3,
}  # fmt: skip
_PRODUCTS = (
    ("Cà phê rang xay", "2"), ("Cà phê hòa tan", "2"), ("Ca cao bột", "2"), ("Rượu cần", "2"), ("Trà mãng cầu", "2"),
    ("Hồ tiêu đen", "1"), ("Mắc ca sấy", "1"), ("Mật ong hoa cà phê", "1"), ("Sầu riêng cấp đông", "1"),
    ("Nước mắm cá cơm", "1"), ("Cá ngừ đại dương", "1"), ("Bơ sáp", "1"), ("Gạo hữu cơ", "1"), ("Bò một nắng", "1"),
    ("Tinh bột nghệ", "3"), ("Đông trùng hạ thảo", "3"), ("Thổ cẩm", "4"), ("Gùi mây", "4"), ("Hoa lan rừng", "5"),
    ("Du lịch cộng đồng buôn", "6"),
)  # fmt: skip
_POINTS = {"3": (50, 69.5), "4": (70, 89.5), "5": (90, 97.5)}
_MARKETS = ("Chợ Trung tâm", "Chợ Mới", "Chợ Phiên")
_SIZES = {"1": (400, 900), "2": (200, 390), "3": (20, 190)}
_LODGINGS = {"KS": "Khách sạn", "NN": "Nhà nghỉ", "CH": "Căn hộ", "BT": "Biệt thự", "NO": "Nhà vườn", "BC": "Trại"}
_SIGNS = (
    "Đại Ngàn", "Biển Xanh", "Hoa Cà Phê", "Ban Mai", "Thác Bạc", "Sông Ba", "Hương Rừng", "Nắng Gió", "Mây Trắng",
)  # fmt: skip


def _short(commune: Commune) -> str:
    return commune.ten.partition(" ")[2]


def _updated(chance: Chance, day: date) -> date:
    """The day on which a record was last changed; most were before the sandbox begins."""
    changes, last = chance.changes(day)
    return last if changes else chance.of("before").day(date(2025, 1, 2), START)


def _roads(chance: Chance, day: date) -> list[Row]:
    plan: list[tuple[str, str, str, Commune | None]] = [(code, f"Quốc lộ {code[3:]}", "QL", None) for code in _HIGHWAYS]
    plan += [(f"DT.{n}", f"Đường tỉnh {n}", "DT", None) for n in range(641, 700, 2)]
    for commune in communes():
        urban = commune.ten.startswith("Phường")
        for n in (1, 2):
            drawn = chance.of("name", commune.ma_xa, n)
            name = f"Đường {drawn.street()}, {commune.ten}" if urban else f"Đường xã {_short(commune)}, tuyến {n}"
            grade = "DO" if urban else "DX"
            plan.append((f"{grade}.{commune.ma_xa}.{n:02d}", name, grade, commune))
    return [_road(chance.of(code), day, code, name, grade, commune) for code, name, grade, commune in plan]


def _road(chance: Chance, day: date, code: str, name: str, grade: str, commune: Commune | None) -> Row:
    local, updated = commune is not None, _updated(chance, day)
    surface = chance.weighted({"BTXM": 5, "LN": 2, "CP": 2, "DAT": 1} if grade == "DX" else {"BTN": 8, "LN": 2})
    length = chance.decimal(0.4, 9, 1) if local else chance.decimal(8, 70, 1)
    ends = [(commune or chance.commune()).ma_xa for _ in range(2)]
    return {
        "ma_tuyen": code,
        "ten_tuyen": name,
        "cap_duong": grade,
        "ma_xa_dau": ends[0],
        "ma_xa_cuoi": ends[1],
        "chieu_dai": _HIGHWAYS.get(code, length),
        "be_rong_mat_duong": chance.decimal(3, 9, 1) if local else chance.decimal(6, 22, 1),
        "ket_cau_mat": surface,
        "tinh_trang": chance.of("state", updated).weighted({"1": 90, "2": 4, "3": 5, "4": 1}),
        "ma_don_vi_quan_ly": office_of(commune.ma_xa) if commune else _BUILDING,
        "nam_dua_vao_su_dung": chance.number(1986, 2024),
        "ngay_cap_nhat": updated,
    }


def _products(chance: Chance, day: date) -> list[Row]:
    return [_product(chance.of(n), day, n) for n in range(1, 241 + (day - START).days // 7)]


def _product(chance: Chance, day: date, n: int) -> Row:
    commune, (product, group) = chance.commune(), chance.pick(_PRODUCTS)
    stars = chance.weighted({"3": 70, "4": 27, "5": 3})
    kind = chance.weighted({"DN": 30, "HTX": 35, "THT": 10, "HKD": 25})
    holders = {
        "DN": chance.company().ten, "HTX": f"Hợp tác xã Nông nghiệp {_short(commune)}",
        "THT": f"Tổ hợp tác {_short(commune)}", "HKD": f"Cơ sở sản xuất {product} {_short(commune)}",
    }  # fmt: skip
    decided, updated = chance.day(date(2021, 7, 1), date(2025, 6, 20)), _updated(chance, day)
    expires = date(decided.year + 3, decided.month, min(decided.day, 28))
    return {
        "ma_san_pham": f"OCOP-66-{n:05d}",
        "ten_san_pham": f"{product} {_short(commune)}",
        "nhom_san_pham": group,
        "chu_the": holders[kind],
        "loai_chu_the": kind,
        "ma_xa": commune.ma_xa,
        "tru_so": chance.address(commune),
        "duong_day_nong": chance.phone(),
        "diem": chance.decimal(*_POINTS[stars], 1),
        "hang_sao": stars,
        "so_quyet_dinh": f"{chance.number(11, 3200)}/QĐ-UBND",
        "ngay_quyet_dinh": decided,
        "ngay_het_han": expires,
        "trang_thai": "2" if expires < updated else chance.of("state", updated).weighted({"1": 98, "3": 2}),
        "ngay_cap_nhat": updated,
    }


def _markets(chance: Chance, day: date) -> list[Row]:
    places = [(commune, n) for commune in communes() for n in range(1, chance.of(commune.ma_xa).number(1, 2) + 1)]
    return [_market(chance.of(commune.ma_xa, n), day, commune, n) for commune, n in places]


def _market(chance: Chance, day: date, commune: Commune, n: int) -> Row:
    urban = commune.ten.startswith("Phường")
    rank = chance.weighted({"1": 1, "2": 3, "3": 6} if urban else {"2": 1, "3": 12})
    stalls, updated = chance.number(*_SIZES[rank]), _updated(chance, day)
    now = chance.of("state", updated)
    return {
        "ma_cho": f"CHO-{commune.ma_xa}-{n:02d}",
        "ten_cho": f"{_MARKETS[n - 1]} {_short(commune)}",
        "hang_cho": rank,
        "ma_xa": commune.ma_xa,
        "vi_tri": f"{chance.number(1, 300)} {chance.street()}",
        "dien_tich": stalls * chance.number(12, 30),
        "so_diem_kinh_doanh": stalls,
        "so_ho_kinh_doanh": stalls * now.number(55, 98) // 100,
        "hinh_thuc_quan_ly": chance.weighted({"DN": 2, "HTX": 1, "BQL": 4, "UBND": 3}),
        "tan_suat_hop": "ngay" if urban or chance.share(0.8) else "phien",
        "nam_xay_dung": chance.number(1992, 2024),
        "duong_day_nong": chance.phone(),
        "trang_thai": now.weighted({"1": 94, "2": 4, "3": 2}),
        "ngay_cap_nhat": updated,
    }


def _lodgings(chance: Chance, day: date) -> list[Row]:
    return [_lodging(chance.of(n), day, n) for n in range(1, 221 + (day - START).days // 5)]


def _lodging(chance: Chance, day: date, n: int) -> Row:
    commune, kind = chance.commune(), chance.weighted({"KS": 30, "NN": 45, "CH": 5, "BT": 4, "NO": 13, "BC": 3})
    rooms, updated = chance.number(4, 120 if kind == "KS" else 20), _updated(chance, day)
    rated = {"0": 40, "1": 25, "2": 20, "3": 10, "4": 4, "5": 1} if kind == "KS" else {"0": 1}
    return {
        "ma_co_so": f"LT-{n:05d}",
        "ten_co_so": f"{_LODGINGS[kind]} {chance.pick(_SIGNS)} {n}",
        "loai_hinh": kind,
        "hang_sao": chance.weighted(rated),
        "ma_so_doanh_nghiep": chance.company().ma_so_thue if kind in ("KS", "CH", "BT") else None,
        "nguoi_dai_dien": chance.person().ho_ten,
        "ma_xa": commune.ma_xa,
        "tru_so": chance.address(commune),
        "duong_day_nong": chance.phone(),
        "thu_dien_tu": chance.mail() if chance.share(0.6) else None,
        "so_phong": rooms,
        "so_giuong": rooms * chance.number(10, 19) // 10,
        "trang_thai": chance.of("state", updated).weighted({"1": 92, "2": 5, "3": 3}),
        "ngay_cap_nhat": updated,
    }


DATASETS: tuple[Dataset, ...] = (
    *CATALOGUES,
    Dataset("tuyen_duong", Store("csv", encoding="vni", delimiter="\t", ending="tsv"), _roads),
    Dataset("san_pham_ocop", Store("xlsx"), _products),
    Dataset("quan_trac_moi_truong", Store("rest", paging="cursor"), measurements, cursor="cap_nhat_luc"),
    Dataset("cho_truyen_thong", Store("csv", ending="zip"), _markets),
    Dataset("co_so_luu_tru", Store("rest", paging="link"), _lodgings),
    Dataset("xu_phat_hanh_chinh", Store("postgres"), sanctions, cursor="cap_nhat_luc", kinds={"ngay_thi_hanh": "date"}),
    Dataset(
        "phan_anh_hien_truong",
        Store("rest"),
        citizen_reports,
        cursor="cap_nhat_luc",
        kinds={"thoi_diem_hoan_thanh": "time"},
    ),
)


def _code_of_nowhere(row: Row) -> None:
    row["ma_xa_cuoi"] = "20620"


def _lost_point(row: Row) -> None:
    row["gia_tri"] = 71.0


def _offence_after_decision(row: Row) -> None:
    row["ngay_vi_pham"] = date(2025, 10, 3)


_ACID = ("DLA-NM-01", datetime.fromisoformat("2025-09-30 08:00"), "pH")
FAULTS: tuple[Fault, ...] = (
    Fault(
        "tuyen_duong",
        "ma_xa_khong_co_that",
        date(2025, 9, 29),
        "DX.24211.01",
        ("ma_xa_cuoi",),
        "ma_xa_cuoi_ton_tai",
        _code_of_nowhere,
    ),
    Fault(
        "quan_trac_moi_truong",
        "mat_dau_thap_phan",
        date(2025, 9, 30),
        "|".join(map(str, _ACID)),
        ("gia_tri",),
        "gia_tri_hop_ly",
        _lost_point,
        find=lambda row: (row["ma_tram"], row["thoi_diem_do"], row["thong_so"]) == _ACID,
    ),
    Fault(
        "xu_phat_hanh_chinh",
        "quyet_dinh_truoc_bien_ban",
        date(2025, 9, 30),
        decision(date(2025, 9, 30), 3),
        ("ngay_vi_pham",),
        "quyet_dinh_sau_bien_ban",
        _offence_after_decision,
    ),
)
