"""Invented owners and officers: names, citizen numbers, tax codes, telephones. Nobody real can be meant.

A citizen number is well formed but ends in 900000 or more, the range kept for invented persons; one number belongs
to one person and so to one name. Tax codes begin with 99, mobile numbers with prefixes that no operator was given,
and mail addresses lie in ``example.com``.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lienthong.sandbox.noise import Bools, Ids, Ints, mixed, pick, share
from lienthong.sandbox.units import Unit, units

Texts = NDArray[np.object_]
PERSONS = 1_200_000
COMPANIES = 24_000
CITIZEN, ENTERPRISE, AGENCY, OTHER = 1, 2, 3, 4
OFFICERS = 12  # per unit: three at the desk, the rest specialists

_SURNAMES = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
    "Đinh",
    "Trương",
    "Mai",
    "Tô",
    "Hà",
    "Cao",
    "Lương",
    "Đoàn",
]
_MIDDLE = {
    "m": ["Văn", "Hữu", "Đức", "Công", "Quang", "Minh", "Thanh", "Xuân", "Đình", "Ngọc"],
    "f": ["Thị", "Ngọc", "Thu", "Thanh", "Kim", "Mỹ"],
}
_GIVEN = {
    "m": [
        "An",
        "Bình",
        "Cường",
        "Dũng",
        "Hải",
        "Hùng",
        "Khoa",
        "Lâm",
        "Long",
        "Nam",
        "Phong",
        "Phúc",
        "Quân",
        "Sơn",
        "Tài",
        "Thắng",
        "Tiến",
        "Trung",
        "Tuấn",
        "Vinh",
    ],
    "f": [
        "Anh",
        "Chi",
        "Dung",
        "Giang",
        "Hà",
        "Hạnh",
        "Hiền",
        "Hoa",
        "Hương",
        "Lan",
        "Liên",
        "Loan",
        "Mai",
        "Nga",
        "Nhung",
        "Oanh",
        "Phương",
        "Thảo",
        "Trang",
        "Yến",
    ],
}
_EDE_GIVEN = {"m": "Y Bhăn|Y Thiêm|Y Khuê|Y Nguôm|Y Ruê|Y Sân", "f": "H'Len|H'Yar|H'Juê|H'Bla|H'Nguôl|H'Xuân"}
_EDE_CLANS = ["Niê", "Êban", "Ayun", "Kbuôr", "Mlô", "Byă", "Kriêng", "Hđơk", "Adrơng", "Ktla"]
_COMPANY_KINDS = ("Công ty TNHH", "Công ty TNHH MTV", "Công ty Cổ phần", "Doanh nghiệp tư nhân")
_COMPANY_WORDS = [
    "Cà phê",
    "Hồ tiêu",
    "Cao su",
    "Xây dựng",
    "Vận tải",
    "Thương mại",
    "Du lịch",
    "Nông sản",
    "Cơ khí",
    "Thủy sản",
    "Dược phẩm",
    "Điện lạnh",
]
_AGENCIES = ("Trường Tiểu học", "Trường THCS", "Trạm Y tế", "Ban Quản lý dự án", "Trung tâm Dịch vụ công ích")
_OTHERS = ("Hợp tác xã", "Tổ hợp tác", "Hội Nông dân", "Hộ kinh doanh")
# Province of birth registration: Đắk Lắk, Phú Yên, then neighbours and provinces that many settlers came from.
_FOREIGN_PREFIXES = ("067", "064", "068", "040", "042", "038", "052", "049", "051", "004", "020", "031", "079")
_FREE_MOBILE = ("030", "031", "050", "051", "053", "054", "057", "071", "074", "080")
_TAX_WEIGHTS = np.array([31, 29, 23, 19, 17, 13, 7, 5, 3])
_SITES = ("Thôn {}", "Buôn {}", "Tổ dân phố {}")


def person_names(person: Ints) -> Texts:
    """The name of each person; about one in eight has an Ê Đê name."""
    ids = person.astype(np.uint64)
    names = _names()
    return np.where(
        _female(person),
        names["f"][pick(ids, "given f", len(names["f"]))],
        names["m"][pick(ids, "given m", len(names["m"]))],
    )


def citizen_numbers(person: Ints, former_phu_yen: Bools) -> Texts:
    """Twelve digits for each person: six that tell birth registration, sex and year, six of the invented range."""
    ids = person.astype(np.uint64)
    block, serial = np.divmod(person, 100_000)
    year = 1945 + block * 5 + pick(ids, "year", 5)  # a block has its own years, so no number falls twice
    century = (year >= 2000) * 2 + _female(person)
    home, foreign = share(ids, "home"), pick(ids, "elsewhere", len(_FOREIGN_PREFIXES))
    own = np.where(former_phu_yen ^ (home > 0.97), "054", "066").astype(object)
    prefix = np.where(home < 0.08, np.array(_FOREIGN_PREFIXES, object)[foreign], own)
    numbers: Texts = prefix + _texts(century) + _two_digits()[year % 100] + _texts(900_000 + serial)
    return numbers


def old_card_numbers(person: Ints) -> Texts:
    """Nine digits of the identity card before 2016, in the same invented range."""
    block, serial = np.divmod(person, 100_000)
    return _texts((240 + block) * 1_000_000 + 900_000 + serial)


def tax_codes(company: Ints) -> Texts:
    """Ten digits with the right check digit; bodies for which the rule gives no digit are stepped over."""
    body = 990_000_000 + company * 3
    for _ in range(2):  # bodies lie three apart, so two steps never meet the next one
        body = body + (_remainder(body) == 0)
    check = (10 - _remainder(body)) % 10
    return _texts(body * 10 + check)


def organisation_names(ids: Ids, owner: Ints, company: Ints) -> Texts:
    """The name of an enterprise, agency or other organisation, numbered so that it is plainly invented."""
    words = np.array(_COMPANY_WORDS, object)[company % len(_COMPANY_WORDS)]
    kinds = np.array(_COMPANY_KINDS, object)[company // 12 % len(_COMPANY_KINDS)]
    number = _texts(company)
    enterprise = kinds + " " + words + " " + number
    agency = np.array(_AGENCIES, object)[pick(ids, "agency", len(_AGENCIES))] + " số " + number
    other = np.array(_OTHERS, object)[pick(ids, "other", len(_OTHERS))] + " " + words + " " + number
    names: Texts = np.where(owner == ENTERPRISE, enterprise, np.where(owner == AGENCY, agency, other))
    return names


def telephones(owner_number: Ints) -> Texts:
    """A mobile number of a prefix without operator for each owner."""
    ids = owner_number.astype(np.uint64)
    prefix = np.array(_FREE_MOBILE, object)[pick(ids, "prefix", len(_FREE_MOBILE))]
    numbers: Texts = prefix + _texts(1_000_000 + pick(ids, "mobile", 9_000_000))
    return numbers


def mail_addresses(owner_number: Ints) -> Texts:
    """A mail address in ``example.com`` for each owner."""
    mails: Texts = "nguoi.dan." + _texts(owner_number) + "@example.com"
    return mails


def addresses(ids: Ids, commune: Ints) -> Texts:
    """A hamlet and the commune, given as the place of its unit among the 116."""
    sites = _addresses()
    found: Texts = sites[commune, pick(ids, "site", sites.shape[1])]
    return found


def household_businesses(ids: Ids, owner: Ints) -> Bools:
    """Which organisations are household businesses: since July 2025 their tax code is a citizen number."""
    found: Bools = (owner == OTHER) & (pick(ids, "other", len(_OTHERS)) == len(_OTHERS) - 1)
    return found


def old_card(ids: Ids, owner: Ints) -> Bools:
    """Which citizens still show the nine-digit card."""
    found: Bools = (owner == CITIZEN) & (share(ids, "old card") < 0.004)
    return found


def has_telephone(ids: Ids) -> Bools:
    """Which owners left a telephone number."""
    found: Bools = share(ids, "telephone") < 0.94
    return found


@cache
def officers() -> tuple[Texts, Texts, Texts]:
    """Names, posts and rooms of each unit's officers: one row a unit, one column an officer."""
    places = np.arange(len(units()) * OFFICERS, dtype=np.int64)
    names = person_names(7_000_000 + places).reshape(len(units()), OFFICERS)
    posts = np.array([["Công chức một cửa"] * 3 + ["Chuyên viên"] * (OFFICERS - 3)] * len(units()), object)
    return names, posts, np.array([_rooms(unit) for unit in units()], object)


def _rooms(unit: Unit) -> list[str]:
    if unit.commune:
        desk = "Trung tâm Phục vụ hành chính công"
        rooms = ("Phòng Kinh tế", "Phòng Văn hóa - Xã hội", "Văn phòng HĐND và UBND")
    else:
        desk = "Bộ phận Tiếp nhận và Trả kết quả"
        rooms = ("Văn phòng", "Phòng Chuyên môn nghiệp vụ", "Phòng Thanh tra - Pháp chế")
    return [desk] * 3 + [rooms[n % 3] for n in range(OFFICERS - 3)]


@cache
def _names() -> dict[str, Texts]:
    found = {}
    for sex in ("m", "f"):
        kinh = [" ".join(parts) for parts in product(_SURNAMES, _MIDDLE[sex], _GIVEN[sex])]
        ede = [" ".join(parts) for parts in product(_EDE_GIVEN[sex].split("|"), _EDE_CLANS)]
        found[sex] = np.array(kinh + ede * (len(kinh) // 7 // len(ede)), object)
    return found


@cache
def _addresses() -> Texts:
    return np.array(
        [[f"{_SITES[n % 3].format(n + 1)}, {u.name}, tỉnh Đắk Lắk" for n in range(18)] for u in units()], object
    )


@cache
def _two_digits() -> Texts:
    return np.array([f"{n:02d}" for n in range(100)], object)


def _texts(numbers: Ints) -> Texts:
    found = np.empty(len(numbers), object)
    found[:] = list(map(str, numbers.tolist()))
    return found


def _female(person: Ints) -> Bools:
    female: Bools = mixed(person.astype(np.uint64), "sex") & np.uint64(1) == 1
    return female


def _remainder(body: Ints) -> Ints:
    digits = body[:, None] // 10 ** np.arange(8, -1, -1) % 10
    found: Ints = (digits * _TAX_WEIGHTS).sum(axis=1) % 11
    return found
