"""Enterprises, officials, insurance and prices: the shared databases 6, 7, 9 and 10.

What changes does so on days of its own, so a day can be made without those before it.
"""

from __future__ import annotations

from datetime import date, timedelta

from lienthong.sandbox.shared.model import Chance, Row, communes, home_of
from lienthong.sandbox.units import units

ENTERPRISES, OFFICIALS, INSURED = 500, 420, 600
EDITED = (17, 140, 333)
"""Places of the enterprises that the department changed in its own copy."""
MARKETS = 12
_YEAR = 365


_LEGAL_FORMS = {"Công ty TNHH MTV": "1", "Công ty TNHH": "2", "Công ty Cổ phần": "3", "Doanh nghiệp tư nhân": "4"}
_TRADES = ("4620", "4632", "4669", "0126", "0127", "0124", "4101", "4933", "5510", "1077", "3315", "4772")


def enterprises(chance: Chance, day: date) -> list[Row]:
    """Every enterprise; a change names another representative, capital or state."""
    rows: list[Row] = []
    for n in range(1, ENTERPRISES + 1):
        record, home = chance.of(n), home_of(n)
        company = record.company(n)
        count, last = record.changes(day, 120)
        now = record.of("state", count)
        registered = record.day(date(2003, 1, 1), date(2024, 12, 31))
        earlier = record.day(registered, date(2025, 6, 30)) if record.share(0.6) else None
        form = next(code for words, code in _LEGAL_FORMS.items() if company.ten.startswith(words))
        rows.append(
            {
                "ma_so_doanh_nghiep": company.ma_so_thue,
                "ten_doanh_nghiep": company.ten,
                "loai_hinh": form,
                "nguoi_dai_dien": now.person().ho_ten,
                "tru_so": record.address(home),
                "ma_xa": home.ma_xa,
                "von_dieu_le": now.number(3, 900) * 100_000_000,
                "nganh_chinh": record.pick(_TRADES),
                "duong_day_nong": record.phone() if record.share(0.85) else None,
                "thu_dien_tu": record.mail() if record.share(0.7) else None,
                "tinh_trang": now.weighted({"1": 88, "2": 7, "3": 3, "4": 2}),
                "ngay_dang_ky": registered,
                "ngay_thay_doi": last if count else earlier,
            }
        )
    return rows


def enterprises_of_the_department(chance: Chance, day: date) -> list[Row]:
    """The same enterprises, of which the department changed three on its own."""
    rows = enterprises(chance, day)
    for place in EDITED:
        row, edit = rows[place], chance.of("edited", place)
        row["tru_so"] = edit.address(home_of(place + 2))
        row["duong_day_nong"] = edit.phone()
        row["tinh_trang"] = "2" if row["tinh_trang"] == "1" else "1"
    return rows


_POSTS = {
    "1": (("Chủ tịch Ủy ban nhân dân", "Phó Chủ tịch Ủy ban nhân dân", "Chủ tịch Hội Nông dân"), ("01.002", "01.003")),
    "2": (("Chuyên viên", "Chuyên viên chính", "Kế toán viên", "Văn thư"), ("01.003", "01.002", "06.031", "02.007")),
    "3": (("Giáo viên", "Y sĩ", "Kỹ sư", "Cán bộ thư viện"), ("V.07.05.15", "V.08.03.07", "V.05.02.07", "V.10.02.06")),
}


def officials(chance: Chance, day: date) -> list[Row]:
    """Everybody whom the units employ; pay rises, and a few retire."""
    rows: list[Row] = []
    places = units()
    for n in range(1, OFFICIALS + 1):
        record = chance.of(n)
        person, unit = record.person(record.number(1966, 1999)), places[n % len(places)]
        kind = record.weighted({"1": 10, "2": 55, "3": 35}) if unit.commune else record.weighted({"2": 6, "3": 4})
        posts, ranks = _POSTS[kind]
        grade = record.number(0, 8)
        rises, _ = record.changes(day, 400)
        rows.append(
            {
                "ma_can_bo": f"CB-{n:06d}",
                "ho_ten": person.ho_ten,
                "ngay_sinh": person.ngay_sinh,
                "gioi_tinh": "2" if person.female else "1",
                "so_dinh_danh": person.so_dinh_danh,
                "ma_don_vi": unit.code,
                "loai": kind,
                "chuc_vu": record.pick(posts),
                "ngach": record.pick(ranks),
                "he_so_luong": round(2.34 + 0.33 * (grade + rises), 2),
                "trinh_do": record.weighted({"1": 6, "2": 10, "3": 65, "4": 18, "5": 1}),
                "ngay_tuyen_dung": person.ngay_sinh + timedelta(days=record.number(22 * _YEAR + 6, 25 * _YEAR)),
                "trang_thai": "3" if record.of("retired").changes(day, 2500)[0] else record.weighted({"1": 97, "2": 3}),
            }
        )
    return rows


_FEES = {"1": 1_650_000, "2": 396_000, "3": 105_300, "4": 210_000}


def insured(chance: Chance, day: date) -> list[Row]:
    """One stretch of insurance for each person; some employers are among the enterprises."""
    rows: list[Row] = []
    for n in range(1, INSURED + 1):
        record = chance.of(n)
        person, kind = record.person(), record.weighted({"1": 25, "2": 5, "3": 60, "4": 10})
        employer = record.company(record.number(1, ENTERPRISES)).ma_so_thue
        began = record.day(date(2015, 1, 1), date(2025, 6, 1))
        count, last = record.changes(day, 200)
        state = record.of("state", count).weighted({"1": 80, "2": 8, "3": 12})
        rows.append(
            {
                "ma_tham_gia": f"TG-{n:08d}",
                "ho_ten": person.ho_ten,
                "ngay_sinh": person.ngay_sinh,
                "so_dinh_danh": person.so_dinh_danh,
                "loai_bao_hiem": kind,
                "so_the_bhyt": f"{record.pick(('GD', 'DN', 'HC', 'TE'))}466{9_900_000_000 + n}"
                if kind == "3"
                else None,
                "ma_xa": record.commune().ma_xa,
                "ma_so_doanh_nghiep": employer if kind in ("1", "4") else None,
                "muc_dong": _FEES[kind] + record.number(0, 20) * 10_000,
                "tu_ngay": began,
                "den_ngay": (last if count else record.day(began, date(2025, 6, 30))) if state == "3" else None,
                "trang_thai": state,
            }
        )
    return rows


_GOODS = (
    ("01.0001", "Gạo tẻ thường", "kg", 17_500), ("01.0002", "Gạo thơm Jasmine", "kg", 23_000),
    ("01.0003", "Thịt lợn mông sấn", "kg", 125_000), ("01.0004", "Cá ngừ đại dương", "kg", 160_000),
    ("01.0005", "Dầu ăn chai 1 lít", "lít", 52_000), ("02.0001", "Phân NPK 16-16-8 bao 50 kg", "bao", 890_000),
    ("02.0002", "Phân urê Cà Mau bao 50 kg", "bao", 640_000), ("03.0001", "Xi măng PCB40 bao 50 kg", "bao", 94_000),
    ("03.0002", "Cát xây", "m3", 380_000), ("04.0001", "Xăng E5 RON 92", "lít", 19_900),
    ("04.0002", "Khí hóa lỏng bình 12 kg", "bình", 432_000), ("05.0001", "Cà phê nhân xô", "kg", 118_000),
    ("05.0002", "Hồ tiêu đen", "kg", 148_000), ("05.0003", "Sầu riêng Ri6 loại 1", "tấn", 62_000_000),
)  # fmt: skip


def prices(chance: Chance, day: date) -> list[Row]:
    """What things cost at the markets on the newest working day; a price moves a little from survey to survey."""
    rows: list[Row] = []
    survey = _working_day(day)
    for place in chance.of("markets").sample(communes(), MARKETS):
        for code, name, unit, usual in _GOODS:
            record = chance.of(code, place.ma_xa)
            rows.append(
                {
                    "ma_mat_hang": code,
                    "ma_xa": place.ma_xa,
                    "ten_mat_hang": name,
                    "nhom": code[:2],
                    "don_vi_tinh": unit,
                    "gia": _price(record, survey, usual),
                    "gia_ky_truoc": _price(record, _working_day(survey - timedelta(days=1)), usual),
                    "nguon": record.weighted({"1": 6, "2": 3, "3": 1}),
                    "ngay_khao_sat": survey,
                }
            )
    return rows


def _working_day(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))


def _price(record: Chance, survey: date, usual: int) -> int:
    return round(usual * (1 + record.of(survey).decimal(-0.06, 0.06, 4)) / 100) * 100
