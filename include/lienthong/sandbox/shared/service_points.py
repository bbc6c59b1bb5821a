"""The service points of all 116 units, as one office keeps them in a workbook: hours, counters, equipment, network."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from lienthong.sandbox.shared.model import START, Chance, Dataset, Row, Store, communes
from lienthong.sandbox.units import Unit, units

_TOWN = {commune.ma_xa: commune for commune in communes()}
_MORNINGS = {"07:30-11:30": 6, "07:00-11:30": 4}
_AFTERNOONS = {"13:30-17:00": 8, "13:00-16:30": 2}
_SPEEDS = (100, 150, 200, 300, 500, 1000)


def _points(chance: Chance, day: date) -> list[Row]:
    return [_point(chance.of(unit.code), day, unit) for unit in units()]


def _point(chance: Chance, day: date, unit: Unit) -> Row:
    """What a unit reported last; a report changes about twice a year."""
    town = _TOWN.get(unit.commune)
    urban = town is None or town.ten.startswith("Phường")
    counters = chance.number(4, 9) if urban else chance.number(2, 5)
    staff = counters + chance.number(2, 6)
    place = chance.address(town) if town else f"{chance.number(1, 120)} {chance.street()}, tỉnh Đắk Lắk"
    changes, last = chance.changes(day, 180)
    reported = last if changes else chance.of("before").day(date(2025, 3, 3), START - timedelta(days=1))
    now = chance.of("state", changes)
    joined = chance.share(0.86) or now.share(0.5)
    return {
        "ma_don_vi": unit.code,
        "tru_so": place,
        "dien_thoai": f"026{chance.pick('27')}3{chance.number(0, 999_999):06d}",
        "gio_sang": chance.weighted(_MORNINGS),
        "gio_chieu": chance.weighted(_AFTERNOONS),
        "lam_thu_bay": "1" if chance.share(0.35) else "0",
        "so_quay": counters,
        "so_can_bo": staff,
        "so_may_tinh": max(counters, staff - now.number(0, 4)),
        "so_may_quet": now.number(1, counters) if chance.share(0.94) else 0,
        "mang_chuyen_dung": "1" if joined else "0",
        "bang_thong_mbps": now.pick(_SPEEDS) if joined else chance.pick((50, 100)),
        "cap_nhat_luc": datetime.combine(reported, chance.of("hour").moment(reported).time()),
    }


DATASETS: tuple[Dataset, ...] = (Dataset("diem_phuc_vu", Store("xlsx"), _points),)
