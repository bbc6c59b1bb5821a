"""Shared databases 11 to 18: public works, schools, health, food, welfare, labour and building permits.

Keys and communes follow from the number of the record, so that they are the same for every seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from lienthong.sandbox.shared.model import START, Chance, Commune, Dataset, Fault, Row, Store, communes

_WORKS = (
    ("Nâng cấp đường giao thông", "Giao thông"),
    ("Xây dựng cầu dân sinh", "Giao thông"),
    ("Kiên cố hóa kênh mương", "Nông nghiệp và thủy lợi"),
    ("Sửa chữa hồ chứa nước", "Nông nghiệp và thủy lợi"),
    ("Xây dựng phòng học trường tiểu học", "Giáo dục và đào tạo"),
    ("Cải tạo trạm y tế", "Y tế, dân số và gia đình"),
    ("Xây dựng trụ sở làm việc", "Hoạt động của cơ quan nhà nước"),
    ("Hệ thống cấp nước sinh hoạt", "Cấp nước, thoát nước"),
)
_TOTALS = {"C": (4_000, 230_000), "B": (240_000, 1_500_000), "A": (4_600_000, 9_000_000)}
_FLOWERS = ("Hoa Hồng", "Sơn Ca", "Hướng Dương", "Hoa Mai", "Họa Mi", "Vành Khuyên", "Hoa Sen", "Tuổi Thơ")
_HEROES = ("Lê Lợi", "Nguyễn Trãi", "Võ Thị Sáu", "Kim Đồng", "Lý Tự Trọng", "Nguyễn Du", "Phan Đình Phùng", "Y Jút")
_SCHOOLS = {
    "1": ("Trường Mầm non", _FLOWERS, (6, 18), 26),
    "2": ("Trường Tiểu học", _HEROES, (12, 32), 34),
    "3": ("Trường THCS", _HEROES, (10, 28), 40),
    "4": ("Trường THPT", _HEROES, (18, 42), 43),
}
# Places of care after the health stations: how many, form, technical level, first word of the name.
_CARE = (
    (12, "1", "2", "Bệnh viện Đa khoa số"),
    (30, "2", "2", "Phòng khám Đa khoa số"),
    (70, "3", "1", "Phòng khám Chuyên khoa số"),
    (25, "4", "1", "Phòng chẩn trị y học cổ truyền số"),
    (6, "5", "1", "Nhà hộ sinh số"),
    (9, "7", "1", "Cơ sở xét nghiệm số"),
)
_FOOD = {"2": "Cửa hàng thực phẩm", "3": "Quán ăn", "4": "Bếp ăn tập thể", "5": "Xe bán bánh mì"}
_MERIT = {"5": "TB", "6": "BB", "7": "CDHH", "8": "TD", "9": "KC", "10": "CM", "11": "TNLS"}
_HAMLETS = {"1": ("Thôn", "Buôn"), "2": ("Tổ dân phố",)}
_PEOPLES = {"01": 45.0, "02": 8.0, "07": 9.0, "08": 5.0, "09": 3.0, "10": 4.0, "20": 10.0, "12": 16.0}
_INDUSTRIES = {"A": 55.0, "C": 10.0, "F": 7.0, "G": 13.0, "H": 4.0, "I": 6.0, "P": 5.0}
_PERMITS_A_DAY = 25  # at most, so that the running number of a year says the day


def _commune(number: int) -> Commune:
    return communes()[number * 7 % len(communes())]


def _within(commune: Commune) -> str:
    """The commune's name inside a longer one: ``phường Ea Kao``."""
    return commune.ten[0].lower() + commune.ten[1:]


def _province_code(commune: Commune) -> str:
    """The old province in codes that were given before July 2025: 54 for the communes of Phú Yên."""
    return "54" if commune.ma_xa < "22400" else "66"


def _years_later(day: date, years: int) -> date:
    """The same day some years later; the 28th for the 29th of February."""
    return date(day.year + years, day.month, min(day.day, 28) if day.month == 2 else day.day)


def _projects(chance: Chance, day: date) -> list[Row]:
    rows = (_project(chance.of(n), n, day) for n in range(1, 181))
    return [row for row in rows if row]


def _project(draw: Chance, n: int, day: date) -> Row | None:
    """A project from its approval on; one in twelve is approved after the first day."""
    commune, (work, branch) = _commune(n), draw.pick(_WORKS)
    group = draw.weighted({"C": 80, "B": 17, "A": 3})
    total = draw.number(*_TOTALS[group])
    decided = draw.day(START, date(2026, 12, 20)) if n % 12 == 0 else draw.day(date(2022, 1, 10), date(2025, 6, 27))
    if decided > day:
        return None
    begun = decided + timedelta(days=draw.number(30, 200))
    done = begun + timedelta(days=draw.number(300, 1_200))
    started, closed, yearly, pace = begun <= day, draw.pick("34"), draw.decimal(0.1, 0.6), draw.decimal(0.5, 1.0)
    plan = round(total * yearly) if started else None
    # What was spent is told when a project reports, about every six weeks, and grows with the year.
    _, told = draw.changes(day, every=45)
    part = told.timetuple().tm_yday / 366 if told.year == day.year else 0.0
    return {
        "ma_du_an": f"79{n:05d}",
        "ten_du_an": f"{work} {_within(commune)}",
        "nhom_du_an": group,
        "nganh_linh_vuc": branch,
        "don_vi_chu_dau_tu": f"UBND {_within(commune)}" if group == "C" else "Ban Quản lý dự án đầu tư xây dựng tỉnh",
        "ma_xa": commune.ma_xa if group == "C" else None,
        "nguon_von": draw.weighted({"1": 25, "2": 50, "3": 15, "4": 6, "5": 4}),
        "so_quyet_dinh": f"{draw.number(1, 3_400)}/QĐ-UBND",
        "ngay_quyet_dinh": decided,
        "tong_muc_dau_tu": total,
        "nam_ke_hoach": day.year,
        "von_ke_hoach_nam": plan,
        "von_giai_ngan": round(plan * part * pace, 1) if plan else None,
        "ngay_khoi_cong": begun if started else None,
        "ngay_hoan_thanh_du_kien": done,
        "trang_thai": "1" if not started else "2" if day < done else closed,
    }


def _schools(chance: Chance, day: date) -> list[Row]:
    return [_school(chance.of(n), n, day) for n in range(1, 501)]


def _school(draw: Chance, n: int, day: date) -> Row:
    commune = communes()[n % len(communes())]
    level = "12314"[n // len(communes())]
    kind, names, classes, size = _SCHOOLS[level]
    # Numbers of pupils are counted anew now and then; the school itself stays.
    count = draw.of("quy mô", draw.changes(day, every=200)[0])
    rooms = draw.number(*classes)
    pupils = rooms * count.number(size - 6, size)
    year = day.year if day.month >= 9 else day.year - 1
    return {
        "ma_truong": f"{_province_code(commune)}{900_000 + n}",
        "ten_truong": f"{kind} {draw.pick(names)}",
        "cap_hoc": level,
        "loai_hinh": draw.weighted({"1": 82, "2": 3, "3": 15}) if level == "1" else "1",
        "ma_xa": commune.ma_xa,
        "tru_so": draw.address(commune),
        "duong_day_nong": draw.phone(),
        "nam_hoc": f"{year}-{year + 1}",
        "so_lop": rooms,
        "so_hoc_sinh": pupils,
        "so_hoc_sinh_dan_toc_thieu_so": int(pupils * draw.decimal(0.02, 0.85)),
        "so_giao_vien": round(rooms * draw.decimal(1.2, 2.1)),
        "so_phong_hoc": rooms + draw.number(0, 4),
        "dat_chuan_quoc_gia": draw.weighted({"0": 42, "1": 48, "2": 10}),
        "ngay_thanh_lap": draw.day(date(1977, 8, 1), date(2022, 8, 30)),
        "trang_thai": "1",
    }


def _health_places(chance: Chance, day: date) -> list[Row]:
    stations = [("6", "1", f"Trạm Y tế {_within(_commune(n))}") for n in range(1, len(communes()) + 1)]
    places = stations + [(form, level, f"{name} {n}") for many, form, level, name in _CARE for n in range(1, many + 1)]
    return [_health_place(chance.of(n), n, *place, day) for n, place in enumerate(places, 1)]


def _health_place(draw: Chance, n: int, form: str, level: str, name: str, day: date) -> Row:
    commune, code = _commune(n), _province_code(_commune(n))
    now = draw.of("nhân lực", draw.changes(day, every=150)[0])
    planned = {"1": draw.number(8, 60) * 10, "5": draw.number(3, 8)}.get(form, 0)
    beds = planned + now.number(0, 30) if form == "1" else planned + (now.number(2, 5) if form == "6" else 0)
    return {
        "ma_co_so": f"{code}{n:03d}",
        "ten_co_so": name,
        "hinh_thuc": form,
        "cap_chuyen_mon": level,
        "loai_hinh": "1" if form in "16" else "2",
        "so_giay_phep": f"{draw.number(1, 4_800):06d}/{'PY' if code == '54' else 'ĐL'}-GPHĐ",
        "ngay_cap_giay_phep": draw.day(date(2013, 3, 1), date(2025, 6, 27)),
        "ma_xa": commune.ma_xa,
        "tru_so": draw.address(commune),
        "duong_day_nong": draw.phone(),
        "so_giuong_ke_hoach": planned,
        "so_giuong_thuc_ke": beds,
        "so_bac_si": now.number(*{"1": (20, 140), "2": (5, 18)}.get(form, (1, 4))),
        "kham_bhyt": "1" if form in "16" else draw.weighted({"1": 35, "0": 65}),
        "trang_thai": draw.weighted({"1": 97, "2": 2, "3": 1}),
    }


def _food_places(chance: Chance, day: date) -> list[Row]:
    return [_food_place(chance.of(n), n, day) for n in range(1, 401)]


def _food_place(draw: Chance, n: int, day: date) -> Row:
    commune, owner, company = _commune(n), draw.person(), draw.company()
    kind = draw.weighted({"1": 25, "2": 30, "3": 30, "4": 7, "5": 8})
    own_name = f"{_FOOD.get(kind, '')} {owner.ho_ten.rsplit(' ', 1)[-1]} {n}"
    proven, given = n % 3 != 0, draw.day(date(2023, 1, 9), date(2025, 6, 27))
    changes, last = draw.changes(day, every=150)
    before = draw.day(date(2024, 1, 8), date(2025, 6, 27)) if draw.share(0.7) else None
    seen = last if changes else before
    return {
        "ma_co_so": f"TP66-{n:06d}",
        "ten_co_so": company.ten if kind == "1" else own_name,
        "loai_co_so": kind,
        "nganh_quan_ly": {"1": "2", "2": "3"}.get(kind, "1"),
        "nguoi_dai_dien": owner.ho_ten,
        "ma_so_thue": company.ma_so_thue if kind == "1" else owner.so_dinh_danh if kind in "23" else None,
        "ma_xa": commune.ma_xa,
        "dia_chi": draw.address(commune),
        "so_dien_thoai": draw.phone(),
        "so_giay_chung_nhan": f"{draw.number(1, 1_900):04d}/{given.year}/ATTP-CNĐK" if proven else None,
        "ngay_cap": given if proven else None,
        "ngay_het_han": _years_later(given, 3) if proven else None,
        "ngay_kiem_tra": seen,
        "ket_qua_kiem_tra": draw.of("kiểm tra", changes).weighted({"1": 84, "2": 13, "3": 3}) if seen else None,
        "trang_thai": draw.weighted({"1": 94, "2": 3, "3": 3}),
    }


def _merit(chance: Chance, day: date) -> list[Row]:
    return [_merited(chance.of(n), n, day) for n in range(1, 451)]


def _merited(draw: Chance, n: int, day: date) -> Row:
    group = tuple(_MERIT)[n % len(_MERIT)]
    who = draw.person(draw.number(1945, 1990 if group == "11" else 1957))
    least = {"5": 21, "6": 61, "7": 21}.get(group)
    rate = draw.number(least, 95) if least else None
    ends = draw.day(START, START + timedelta(days=730)) if draw.share(0.06) else None
    ended = ends is not None and ends <= day
    return {
        "so_ho_so": f"{_MERIT[group]}/{n:06d}",
        "ho_ten": who.ho_ten,
        "so_dinh_danh": who.so_dinh_danh,
        "ngay_sinh": who.ngay_sinh,
        "gioi_tinh": "2" if who.female else "1",
        "loai_doi_tuong": group,
        "ty_le_ton_thuong": rate,
        "muc_tro_cap": 90_000 * rate if rate else 1_000 * draw.number(1_600, 4_200),
        "so_quyet_dinh": f"{draw.number(1, 2_900)}/QĐ-SNV",
        "ngay_huong": draw.day(date(1995, 1, 1), date(2021, 12, 1)),
        "ngay_thoi_huong": ends if ended else None,
        "hinh_thuc_chi_tra": "12"[(n + draw.changes(day, every=300)[0]) % 2],
        "ma_xa": _commune(n).ma_xa,
        "trang_thai": "3" if ended else "1",
    }


def _poor(chance: Chance, day: date) -> list[Row]:
    rows = (_poor_household(chance.of(n), n, day) for n in range(1, 361))
    return [row for row in rows if row]


def _poor_household(draw: Chance, n: int, day: date) -> Row | None:
    """A household from its recognition on: most of them with the review of 2024, some during the year."""
    commune, head = _commune(n), draw.person()
    known = draw.day(date(2024, 12, 2), date(2024, 12, 20))
    known = draw.day(START, START + timedelta(days=540)) if n % 6 == 0 else known
    if known > day:
        return None
    changes, last = draw.changes(day, every=500)
    moved = changes if changes and last > known else 0
    kind = min(draw.weighted({1: 50, 2: 38, 3: 12}) + moved, 3)
    area = "2" if commune.ten.startswith("Phường") else "1"
    limit, points = 140 if area == "1" else 175, draw.of("điểm", kind)
    missing = points.number(*{1: (3, 8), 2: (0, 2), 3: (0, 4)}[kind])
    ede = head.ho_ten.startswith(("Y ", "H'"))
    recognised = last if moved else known
    return {
        "ma_ho": f"HN{commune.ma_xa}-{n:04d}",
        "ma_xa": commune.ma_xa,
        "thon_buon": f"{draw.pick(_HAMLETS[area])} {draw.number(1, 14)}",
        "chu_ho": head.ho_ten,
        "so_dinh_danh": head.so_dinh_danh,
        "dan_toc": "12" if ede else draw.weighted(_PEOPLES),
        "so_nhan_khau": draw.number(1, 9),
        "khu_vuc": area,
        "loai_ho": str(kind),
        "nam_ra_soat": recognised.year,
        "diem_thu_nhap": points.number(limit + 5, limit + 80) if kind == 3 else points.number(45, limit),
        "diem_thieu_hut": 10 * missing,
        "so_chi_so_thieu_hut": missing,
        "nguyen_nhan": points.pick("12345678") if kind < 3 else None,
        "so_quyet_dinh": f"{draw.of('quyết định', moved).number(1, 640)}/QĐ-UBND",
        "ngay_cong_nhan": recognised,
    }


def _workers(chance: Chance, day: date) -> list[Row]:
    return [_worker(chance.of(n), n, day) for n in range(1, 601)]


def _worker(draw: Chance, n: int, day: date) -> Row:
    who = draw.person(draw.number(1960, 2008))
    first = draw.day(date(2024, 9, 3), date(2025, 6, 27))
    changes, last = draw.changes(day, every=180)
    now = draw.of("việc làm", changes)
    state = now.weighted({"1": 84, "2": 4, "3": 12})
    works = state == "1"
    return {
        "ma_dang_ky": f"LD-{n:08d}",
        "ho_ten": who.ho_ten,
        "so_dinh_danh": who.so_dinh_danh,
        "ngay_sinh": who.ngay_sinh,
        "gioi_tinh": "2" if who.female else "1",
        "ma_xa": _commune(n).ma_xa,
        "so_dien_thoai": draw.phone() if draw.share(0.85) else None,
        "trinh_do_pho_thong": draw.weighted({"1": 6, "2": 22, "3": 38, "4": 34}),
        "trinh_do_chuyen_mon": draw.weighted({"1": 70, "2": 6, "3": 5, "4": 5, "5": 4, "6": 3, "7": 6, "8": 1}),
        "tinh_trang_viec_lam": state,
        "vi_the_viec_lam": now.weighted({"1": 3, "2": 42, "3": 20, "4": 33, "5": 2}) if works else None,
        "nganh_kinh_te": now.weighted(_INDUSTRIES) if works else None,
        "thang_that_nghiep": now.number(1, 30) if state == "2" else None,
        "nhu_cau": now.weighted({"0": 68, "1": 20, "2": 7, "3": 5}),
        "ngay_thu_thap": last if changes else first,
    }


def _permits(chance: Chance, day: date) -> list[Row]:
    """The permits granted on the day, and earlier ones that were prolonged, amended or withdrawn on it."""
    draw = chance.of(day)
    rows = [_permit(chance, day, place, day, {"trang_thai": "1"}) for place in range(_granted(chance, day))]
    for before in sorted({draw.number(15, 85) for _ in range(len(rows) // 3)}):
        granted_on = day - timedelta(days=before)
        granted = _granted(chance, granted_on)
        if granted_on >= START and granted:
            rows.append(_permit(chance, granted_on, draw.number(0, granted - 1), day, _decision(draw, granted_on)))
    return rows


def _granted(chance: Chance, day: date) -> int:
    """How many permits are granted on a day: offices rest on Sundays and grant few on Saturdays."""
    most = {5: 4, 6: 0}.get(day.weekday(), _PERMITS_A_DAY)
    return chance.of("số giấy phép", day).number(most // 2, most)


def _decision(draw: Chance, granted_on: date) -> Mapping[str, str | date]:
    status = draw.weighted({"2": 45, "3": 45, "4": 10})
    return {"trang_thai": status} | ({"han_khoi_cong": _years_later(granted_on, 2)} if status == "2" else {})


def _permit(chance: Chance, granted_on: date, place: int, day: date, decision: Mapping[str, str | date]) -> Row:
    draw, number = chance.of(granted_on, place), granted_on.timetuple().tm_yday * _PERMITS_A_DAY + place
    commune, owner, company = _commune(number), draw.person(), draw.company()
    private = number % 8 != 0
    storeys, ground = draw.number(1, 5) if private else draw.number(1, 9), draw.decimal(60, 220, 1)
    ground = ground if private else ground * 10
    return {
        "so_giay_phep": f"{number:04d}/{granted_on.year}/GPXD-{commune.ma_xa if private else 'SXD'}",
        "loai_giay_phep": draw.weighted({"1": 82, "2": 12, "3": 1, "4": 5}),
        "loai_cong_trinh": "1" if private else draw.pick("234"),
        "cap_cong_trinh": draw.pick(("III", "IV")) if private else "II",
        "chu_dau_tu": owner.ho_ten if private else company.ten,
        "so_dinh_danh": owner.so_dinh_danh if private else None,
        "ma_xa": commune.ma_xa,
        "dia_chi": draw.address(commune),
        "so_to_ban_do": draw.number(1, 160),
        "so_thua": draw.number(1, 900),
        "so_tang": storeys,
        "dien_tich_xay_dung": ground,
        "tong_dien_tich_san": round(ground * (1 + 0.9 * (storeys - 1)), 1),
        "ngay_cap": granted_on,
        "han_khoi_cong": _years_later(granted_on, 1),
        **decision,
        "cap_nhat_luc": chance.of(granted_on, place, day).moment(day),
    }


DATASETS: tuple[Dataset, ...] = (
    Dataset("du_an_dau_tu_cong", Store("xlsx"), _projects),
    Dataset("co_so_giao_duc", Store("postgres"), _schools),
    Dataset("co_so_y_te", Store("csv", encoding="windows-1258"), _health_places),
    Dataset("co_so_thuc_pham", Store("xlsx"), _food_places),
    Dataset("nguoi_co_cong", Store("csv", encoding="tcvn3"), _merit),
    Dataset("ho_ngheo", Store("xlsx"), _poor),
    Dataset("lao_dong_viec_lam", Store("sqlite"), _workers),
    Dataset("giay_phep_xay_dung", Store("postgres"), _permits, cursor="cap_nhat_luc"),
)


def _overspend(row: Row) -> None:
    row.update(von_ke_hoach_nam=2_000, von_giai_ngan=2_512.5)


def _typed_as_number(row: Row) -> None:
    """What a spreadsheet makes of twelve digits in a cell of numbers."""
    row["so_dinh_danh"] = f"{int(str(row['so_dinh_danh'])):.5E}"


def _prolong(row: Row) -> None:
    row["ngay_het_han"] = date(2031, 5, 20)


def _shrink(row: Row) -> None:
    row["tong_dien_tich_san"] = 12.5


FAULTS: tuple[Fault, ...] = (
    Fault("co_so_thuc_pham", "certificate_too_long", date(2025, 9, 29), "TP66-000040", ("ngay_het_han",),
          "thoi_han_ba_nam", _prolong),
    Fault("du_an_dau_tu_cong", "spent_more_than_planned", date(2025, 9, 30), "7900017",
          ("von_ke_hoach_nam", "von_giai_ngan"), "giai_ngan_khong_vuot_ke_hoach", _overspend),
    Fault("ho_ngheo", "citizen_number_scientific", date(2025, 9, 30), "HN24250-0016", ("so_dinh_danh",),
          "so_dinh_danh_hop_le", _typed_as_number),
    Fault("giay_phep_xay_dung", "floor_smaller_than_ground", date(2025, 9, 30), "6834/2025/GPXD-24133",
          ("tong_dien_tich_san",), "san_khong_nho_hon_xay_dung", _shrink),
)  # fmt: skip
