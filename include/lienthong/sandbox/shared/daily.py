"""What comes by change: measurements of stations, sanctions, and reports of citizens of one day.

A record appears once, on the day on which it was last changed.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from lienthong.sandbox.shared.catalogues import office_of
from lienthong.sandbox.shared.model import Chance, Commune, Row, communes

_BUILDING, _POLICE, _ENVIRONMENT = "H15.16", "H15.39", "H15.50"
# Unit and usual range of each parameter.
_AIR = {
    "PM25": ("ug/m3", 8.0, 45.0), "PM10": ("ug/m3", 15.0, 90.0),
    "SO2": ("ug/m3", 5.0, 60.0), "NO2": ("ug/m3", 5.0, 70.0),
}  # fmt: skip
_WATER = {"pH": ("-", 6.3, 7.9), "DO": ("mg/l", 4.5, 7.5), "COD": ("mg/l", 6.0, 28.0), "TSS": ("mg/l", 8.0, 60.0)}
_STATIONS = (
    ("DLA-KK-01", "24133", _AIR), ("DLA-KK-02", "22015", _AIR), ("DLA-KK-03", "24305", _AIR),
    ("DLA-NM-01", "24241", _WATER), ("DLA-NM-02", "22258", _WATER),
)  # fmt: skip
_HOURS = (2, 8, 14, 20)
_REPORTS = {
    "HT": "Mặt đường bị sụt lún, xe đi lại khó", "MT": "Rác thải để nhiều ngày chưa thu gom",
    "GT": "Đèn tín hiệu không hoạt động", "TT": "Vật liệu xây dựng lấn chiếm vỉa hè",
    "AN": "Quán hát gây ồn sau 22 giờ", "DN": "Đèn đường bị hỏng, ban đêm rất tối",
    "KH": "Cây xanh gãy cành chắn lối đi",
}  # fmt: skip


def measurements(chance: Chance, day: date) -> list[Row]:
    """What the stations measured on the day, each parameter four times."""
    rows: list[Row] = []
    for station, commune, parameters in _STATIONS:
        for hour in _HOURS:
            at = datetime.combine(day, time(hour))
            arrived = at + timedelta(seconds=chance.of(station, at).number(300, 2400))
            for name, (measure, low, high) in parameters.items():
                drawn = chance.of(station, at, name)
                state = drawn.weighted({"00": 97, "01": 1, "02": 2})
                value = None if state == "02" else drawn.decimal(low, high, 1)
                rows.append(
                    {
                        "ma_tram": station, "thoi_diem_do": at, "thong_so": name, "gia_tri": value,
                        "don_vi_do": measure, "trang_thai_thiet_bi": state, "ma_xa": commune, "cap_nhat_luc": arrived,
                    }
                )  # fmt: skip
    return rows


def sanctions(chance: Chance, day: date) -> list[Row]:
    """The decisions that were entered, or carried out, on the day."""
    count = chance.of(day).number(18, 45) if day.weekday() < 5 else chance.of(day).number(10, 14)
    return [_sanction(chance.of(day, n), day, n) for n in range(1, count + 1)]


def _place_of(day: date, n: int) -> Commune:
    """Where the n-th decision of a day was made: the same for every seed, so that its code can be named."""
    return communes()[(day.toordinal() * 31 + n * 37) % len(communes())]


def decision(day: date, n: int) -> str:
    """The code of the n-th decision of a day."""
    return f"XP-{_place_of(day, n).ma_xa}-{day:%y%m%d}-{n:03d}"


def _sanction(chance: Chance, day: date, n: int) -> Row:
    commune, age, person = _place_of(day, n), chance.number(0, 6), chance.person()
    decided, alone = day - timedelta(days=age), chance.share(0.85)
    form = chance.weighted({"1": 15, "2": 80, "3": 3, "4": 2})
    state = chance.weighted({"2": 2, "3": 7, "4": 1}) if age else "1"
    return {
        "ma_quyet_dinh": decision(day, n),
        "ma_co_quan": office_of(commune.ma_xa) if chance.share(0.7) else _POLICE,
        "ma_xa": commune.ma_xa,
        "linh_vuc_vi_pham": chance.weighted({"GT": 45, "XD": 15, "DD": 8, "MT": 8, "TM": 8, "TP": 6, "AN": 7, "LN": 3}),
        "ngay_vi_pham": decided - timedelta(days=chance.number(1, 7)),
        "ngay_quyet_dinh": decided,
        "loai_doi_tuong": "CN" if alone else "TC",
        "nguoi_vi_pham": person.ho_ten if alone else chance.company().ten,
        "so_dinh_danh": person.so_dinh_danh if alone else None,
        "hinh_thuc": form,
        "so_tien": 50_000 * chance.number(8, 800) * (1 if alone else 2) if form == "2" else None,
        "trang_thai": state,
        "ngay_thi_hanh": day if state == "3" else None,
        "cap_nhat_luc": chance.moment(day),
    }


def citizen_reports(chance: Chance, day: date) -> list[Row]:
    """The reports that came in or were dealt with on the day."""
    count = chance.of(day).number(30, 70) if day.weekday() < 5 else chance.of(day).number(15, 30)
    return [_citizen_report(chance.of(day, n), day, n) for n in range(1, count + 1)]


def _citizen_report(chance: Chance, day: date, n: int) -> Row:
    """A report as it stands on the day; an older one appears with what became of it."""
    commune, age, field = chance.commune(), chance.number(0, 5), chance.pick(tuple(_REPORTS))
    sent = datetime.combine(day - timedelta(days=age), time(6)) + timedelta(seconds=chance.number(0, 39_600))
    state = chance.weighted({"2": 2, "3": 7, "4": 1} if age else {"1": 6, "2": 3, "3": 1})
    touched = chance.moment(day) if age else sent + timedelta(seconds=chance.number(600, 18_000))
    ended, named = state in ("3", "4"), chance.share(0.8)
    others = (_BUILDING, _POLICE, _ENVIRONMENT)
    return {
        "ma_phan_anh": f"PA-{sent:%y%m%d}-{age * 1000 + n:04d}",
        "thoi_diem_gui": sent,
        "kenh": chance.weighted({"app": 6, "web": 2, "tong_dai": 2, "truc_tiep": 1}),
        "linh_vuc": field,
        "ma_xa": commune.ma_xa,
        "nguoi_phan_anh": chance.person().ho_ten if named else None,
        "so_dien_thoai": chance.phone() if named else None,
        "noi_dung_phan_anh": f"{_REPORTS[field]}, gần số {chance.number(1, 300)} {chance.street()}, {commune.ten}",
        "ma_co_quan_xu_ly": office_of(commune.ma_xa) if chance.share(0.8) else chance.pick(others),
        "trang_thai": state,
        "han_xu_ly": datetime.combine(sent.date() + timedelta(days=chance.number(3, 7)), time(17)),
        "thoi_diem_hoan_thanh": touched - timedelta(seconds=chance.number(0, 300)) if ended else None,
        "muc_do_hai_long": chance.weighted({"1": 1, "2": 3, "3": 6}) if ended and chance.share(0.5) else None,
        "cap_nhat_luc": touched,
    }
