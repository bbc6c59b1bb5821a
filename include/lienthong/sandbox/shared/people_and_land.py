"""Households, civil status, house numbers, land, enterprises, officials, insurance and prices: databases 2 to 7, 9, 10.

Codes of records follow from their number alone; everything else is drawn. What changes does so on days of its own,
so a day can be made without those before it.
"""

from __future__ import annotations

from datetime import date, timedelta

from lienthong.sandbox.shared import enterprises_and_prices as others
from lienthong.sandbox.shared.model import START, Chance, Dataset, Fault, Row, Store, home_of

HOUSEHOLDS, HOUSES, PARCELS = 400, 360, 450
NEW_HOUSES = 60  # of them come one by one during the half-year
_YEAR = 365
_LONG_AGO = date(2005, 1, 1)


def _households(chance: Chance, day: date) -> list[Row]:
    rows: list[Row] = []
    for n in range(1, HOUSEHOLDS + 1):
        record, home = chance.of(n), home_of(n)
        head, members = record.person(), record.number(1, 7)
        count, _ = record.changes(day, 150)
        left = count > 0 and record.of("left").share(0.05)
        members = max(1, members + (record.of("members").pick((-1, 1)) if count else 0))
        rows.append(
            {
                "ma_ho": f"HGD-{home.ma_xa}-{n:06d}",
                "ma_xa": home.ma_xa,
                "chu_ho": head.ho_ten,
                "so_dinh_danh": head.so_dinh_danh,
                "dia_chi": record.address(home),
                "loai_cu_tru": record.weighted({"1": 9, "2": 1}),
                "so_nhan_khau": members,
                "so_lao_dong": record.number(0, members) if record.share(0.95) else None,
                "ngay_dang_ky": record.day(_LONG_AGO, date(2025, 6, 30)),
                "trang_thai": "2" if left else "1",
            }
        )
    return rows


_EVENTS = {"khai_sinh": ("KS", 50.0), "ket_hon": ("KH", 25.0), "khai_tu": ("KT", 20.0), "nhan_con": ("NC", 5.0)}


def _civil_events(chance: Chance, day: date) -> list[Row]:
    """The events registered on the day, and two of earlier days that were corrected on it."""
    count = _registered(chance, day)
    rows = [_civil_event(chance, day, n) for n in range(count)]
    corrections = chance.of(day, "corrected")
    for ago in corrections.sample(range(1, 20), 2):
        earlier = day - timedelta(days=ago)
        if earlier >= START:
            row = _civil_event(chance, earlier, corrections.number(0, _registered(chance, earlier) - 1))
            rows.append({**row, "trang_thai": "2", "ngay_cap_nhat": corrections.moment(day)})
    return rows


def _registered(chance: Chance, day: date) -> int:
    return chance.of(day, "count").number(30, 55) if day.weekday() < 5 else 10


def _civil_event(chance: Chance, day: date, n: int) -> Row:
    record = chance.of(day, n)
    kind, home = record.weighted({kind: weight for kind, (_, weight) in _EVENTS.items()}), record.commune()
    happened = day
    if kind == "khai_sinh":
        happened = day - timedelta(days=record.number(2, 45))
        person = record.person(happened.year)._replace(ngay_sinh=happened)
    elif kind == "khai_tu":
        happened = day - timedelta(days=record.number(0, 9))
        person = record.person(record.number(1945, 1965))
    else:
        person = record.person(record.number(1975, 2004))
    number = (day - date(day.year, 1, 1)).days * 100 + n
    return {
        "so_dang_ky": f"{_EVENTS[kind][0]}-{home.ma_xa}-{day.year}-{number:05d}",
        "loai_su_kien": kind,
        "ma_xa": home.ma_xa,
        "ho_ten": person.ho_ten,
        "so_dinh_danh": person.so_dinh_danh,
        "ngay_sinh": person.ngay_sinh,
        "gioi_tinh": "2" if person.female else "1",
        "ngay_su_kien": happened,
        "ngay_dang_ky": day,
        "trang_thai": "1",
        "ngay_cap_nhat": record.moment(day),
    }


def _house_numbers(chance: Chance, day: date) -> list[Row]:
    rows: list[Row] = []
    for n in range(1, HOUSES + 1):
        record, home = chance.of(n), home_of(n)
        old = n <= HOUSES - NEW_HOUSES
        put_up = record.day(date(2012, 1, 1), date(2025, 6, 30)) if old else record.day(START, date(2025, 12, 31))
        if put_up > day:
            continue
        middle, urban = chance.of("middle", home.ma_xa), home.ten.startswith("Phường")
        number, side = record.number(1, 399), record.number(1, 60)
        rows.append(
            {
                "ma_dia_chi": f"DC-{home.ma_xa}-{n:05d}",
                "so_nha": record.weighted({f"{number}": 7, f"{number}A": 1, f"{number}/{side}": 2}),
                "ten_duong": record.street() if urban or record.share(0.4) else None,
                "to_dan_pho": f"Tổ dân phố {side % 15 + 1}" if urban else f"{record.pick(('Thôn', 'Buôn'))} {side}",
                "ma_xa": home.ma_xa,
                "loai_cong_trinh": record.weighted({"1": 70, "2": 20, "3": 6, "4": 4}),
                "vi_do": round(middle.decimal(12.3, 13.4) + record.decimal(-0.02, 0.02, 5), 5),
                "kinh_do": round(middle.decimal(107.9, 109.2) + record.decimal(-0.02, 0.02, 5), 5),
                "ngay_gan_so": put_up,
                "trang_thai": "2" if record.changes(day, 1500)[0] else "1",
            }
        )
    return rows


_RURAL_USES = {"ONT": 45, "CLN": 35, "LUC": 8, "HNK": 7, "RSX": 5}
_FOR_FIFTY_YEARS = ("CLN", "HNK", "RSX", "LUC")


def _sheet(number: int) -> int:
    return number % 120 + 1


def _parcel(number: int) -> str:
    return f"{home_of(number).ma_xa}-{_sheet(number):03d}-{number:04d}"


def _parcels(chance: Chance, day: date) -> list[Row]:
    """A parcel changes hands now and then: another user, another certificate."""
    rows: list[Row] = []
    for n in range(1, PARCELS + 1):
        record, home = chance.of(n), home_of(n)
        use = "ODT" if home.ten.startswith("Phường") else record.weighted(_RURAL_USES)
        count, last = record.changes(day, 250)
        now = record.of("use", count)
        user = now.person()
        signed = last if count else now.day(_LONG_AGO, date(2025, 6, 28))
        certified = count > 0 or now.share(0.9)
        fixed = certified and use in _FOR_FIFTY_YEARS
        rows.append(
            {
                "ma_thua_dat": _parcel(n),
                "ma_xa": home.ma_xa,
                "so_to": _sheet(n),
                "so_thua": n,
                "dien_tich": record.decimal(60, 480, 1) if use in ("ODT", "ONT") else record.decimal(500, 24_000, 1),
                "muc_dich_su_dung": use,
                "chu_su_dung": user.ho_ten,
                "so_dinh_danh": user.so_dinh_danh,
                "dia_chi": now.address(home),
                "so_phat_hanh": f"{now.pick(('BS', 'CK', 'DA', 'DK'))} {now.number(100_000, 999_999)}"
                if certified
                else None,
                "ngay_cap": signed if certified else None,
                "thoi_han_su_dung": signed + timedelta(days=50 * _YEAR) if fixed else None,
                "trang_thai": now.weighted({"1": 88, "2": 2, "3": 10}),
            }
        )
    return rows


def _lose_the_zero(row: Row) -> None:
    row["so_dinh_danh"] = str(row["so_dinh_danh"]).removeprefix("0")


def _measure_nothing(row: Row) -> None:
    row["dien_tich"] = 0.0


DATASETS: tuple[Dataset, ...] = (
    Dataset("ho_gia_dinh", Store("platform"), _households),
    Dataset("ho_tich", Store("platform"), _civil_events, cursor="ngay_cap_nhat"),
    Dataset("dia_chi_so_nha", Store("xlsx"), _house_numbers),
    Dataset("thua_dat", Store("postgres"), _parcels),
    Dataset("doanh_nghiep", Store("platform"), others.enterprises),
    Dataset("doanh_nghiep_dia_phuong", Store("sqlite"), others.enterprises_of_the_department, copy_of="doanh_nghiep"),
    Dataset("can_bo", Store("postgres"), others.officials),
    Dataset("tham_gia_bao_hiem", Store("rest"), others.insured),
    Dataset("gia_hang_hoa", Store("csv"), others.prices),
)
FAULTS: tuple[Fault, ...] = (
    Fault("ho_gia_dinh", "citizen_number_short", date(2025, 9, 30), f"HGD-{home_of(40).ma_xa}-000040",
          ("so_dinh_danh",), "so_dinh_danh_hop_le", _lose_the_zero),
    Fault("thua_dat", "parcel_without_area", date(2025, 9, 30), _parcel(77), ("dien_tich",), "dien_tich_hop_le",
          _measure_nothing),
)  # fmt: skip
