"""Owners and officers are invented, well formed, and one number belongs to one name."""

import re

import numpy as np
import pytest

from lienthong.sandbox import people
from tests.unit.sandbox_kit import show_day

# The 63 codes of Circular 07/2016/TT-BCA: every number below 097 but the ones that were never given out.
NEVER_GIVEN = {3, 5, 7, 9, 13, 16, 18, 21, 23, 28, 29, 32, 39, 41, 43, 47, 50, 53, 55, 57, 59, 61, 63, 65, 69, 71, 73,
               76, 78, 81, 85, 88, 90}  # fmt: skip
PROVINCES = {f"{code:03d}" for code in range(1, 97) if code not in NEVER_GIVEN}


@pytest.fixture(scope="module")
def persons():
    return np.arange(0, people.PERSONS, 17)


def test_citizen_numbers_are_well_formed_and_invented(persons):
    numbers = people.citizen_numbers(persons, np.zeros(len(persons), bool))
    assert all(re.fullmatch(r"\d{12}", number) for number in numbers)
    assert {number[:3] for number in numbers} <= PROVINCES
    assert min(int(number[6:]) for number in numbers) >= 900_000
    assert {number[3] for number in numbers} == {"0", "1", "2", "3"}
    home = np.mean([number.startswith("066") for number in numbers])
    assert home > 0.85
    coast = people.citizen_numbers(persons, np.ones(len(persons), bool))
    assert np.mean([number.startswith("054") for number in coast]) > 0.85


def test_a_number_has_one_name(persons):
    clash = np.concatenate([np.arange(serial, people.PERSONS, 100_000) for serial in range(0, 100_000, 50)])
    numbers = people.citizen_numbers(clash, clash % 3 == 0)
    assert len(set(numbers)) == len(clash)  # persons who share the last six digits differ in the year
    names = people.person_names(persons)
    assert (names == people.person_names(persons)).all()
    assert {"H'", "Y "} <= {name[:2] for name in names}


def test_sex_of_name_and_number_agree(persons):
    names = people.person_names(persons)
    numbers = people.citizen_numbers(persons, np.zeros(len(persons), bool))
    women = np.array([" Thị " in name or name.startswith("H'") for name in names])
    assert {number[3] for number in numbers[women]} == {"1", "3"}


def test_tax_codes_bear_the_right_check_digit_and_nobodys_body():
    codes = people.tax_codes(np.arange(people.COMPANIES))
    assert len(set(codes)) == people.COMPANIES
    weights = (31, 29, 23, 19, 17, 13, 7, 5, 3)
    for code in codes[::11]:
        rest = sum(int(digit) * weight for digit, weight in zip(code, weights, strict=False)) % 11
        assert rest != 0
        assert int(code[9]) == (10 - rest) % 10
        assert code.startswith("99")


def test_rows_of_owners_are_consistent():
    columns = show_day().ho_so.columns
    spoilt = {planted.record_key for planted in show_day().planted if planted.dataset == "ho_so"}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    kinds = set()
    for row in rows:
        if row["ma_ho_so"] in spoilt:
            continue
        citizen = row["loai_doi_tuong"] == 1
        assert (row["loai_dinh_danh"] is not None) == (row["so_dinh_danh"] is not None) == citizen
        if citizen:
            length = {1: 12, 2: 9}[row["loai_dinh_danh"]]
            assert re.fullmatch(rf"\d{{{length}}}", row["so_dinh_danh"])
            assert int(row["so_dinh_danh"][-6:]) >= 900_000
        if row["loai_doi_tuong"] == 2:
            assert re.fullmatch(r"99\d{8}", row["ma_so_thue"])
        if row["ma_so_thue"] and len(row["ma_so_thue"]) == 12:
            kinds.add("household business")
            assert int(row["ma_so_thue"][6:]) >= 900_000
        assert row["so_dien_thoai"] is None or re.fullmatch(r"0[3578]\d{8}", row["so_dien_thoai"])
        assert row["email"] is None or row["email"].endswith("@example.com")
        kinds.add(row["loai_dinh_danh"])
    assert kinds >= {1, 2, "household business"}


def test_officers_belong_to_their_unit_and_have_names_and_rooms():
    names, posts, rooms = people.officers()
    assert names.shape == posts.shape == rooms.shape == (116, people.OFFICERS)
    assert all(2 <= len(name) <= 50 for name in names.ravel())
