"""The rows of a day: the same in any order, each change once, and everything planted is known."""

import json
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from lienthong.sandbox.columns import TABLES
from lienthong.sandbox.faults import KINDS, LATE_CHANGE, SHOW_DAY, SHOW_UNIT, STEP_KINDS
from lienthong.sandbox.spoil import foreign_code, name_variants
from lienthong.sandbox.truth import TruthLog
from lienthong.sandbox.units import unit, units
from tests.unit.sandbox_kit import days, made, new_days, show_day


def rows(table):
    return list(zip(*(values.tolist() for values in table.columns.values()), strict=True))


def content(day):
    return rows(day.ho_so), rows(day.tien_trinh), day.planted


def test_a_day_has_the_columns_of_the_sources():
    for table in TABLES:
        assert list(show_day().rows(table.name).columns) == list(table.columns)


def test_days_are_the_same_in_any_order():
    few = {"monthly": {"2025-08": 3_000, "2025-09": 3_000}}
    wanted = [date(2025, 9, 30), date(2025, 8, 6), date(2025, 9, 2), date(2025, 8, 29)]
    late_first, early_first = new_days(**few), new_days(**few)
    one = {day: content(late_first.make(day)) for day in wanted}
    other = {day: content(early_first.make(day)) for day in sorted(wanted)}
    assert one == other
    assert content(late_first.make(wanted[1])) == one[wanted[1]]
    assert content(new_days(seed=1, **few).make(wanted[1])) != one[wanted[1]]


def test_an_ordinary_day_is_of_the_announced_size():
    headers = [len(made(day).ho_so) for day in (date(2025, 7, 9), date(2025, 8, 12), SHOW_DAY)]
    assert all(8_000 < count < 13_000 for count in headers)
    assert len(made(date(2025, 7, 13)).ho_so) < 200


def test_a_row_lies_in_its_day_and_says_when_it_changed():
    day = show_day()
    for table in TABLES:
        changed = day.rows(table.name).columns["cap_nhat_luc"]
        assert {str(moment)[:10] for moment in changed} == {str(SHOW_DAY)}
    last = {}
    columns = day.tien_trinh.columns
    added = {one.record_key for one in day.planted if one.fault.startswith("step_") and one.fault != "step_duplicate"}
    for code, moment, status in zip(
        columns["ma_ho_so"], columns["thoi_diem_xu_ly"], columns["trang_thai"], strict=True
    ):
        if f"{code}|{moment}|{status}" not in added:
            last[code] = max(last.get(code, ("", 0)), (moment, status))
    spoilt = {one.record_key for one in day.planted if one.dataset == "ho_so"}
    for row in rows(day.ho_so):
        header = dict(zip(day.ho_so.columns, row, strict=True))
        if header["ma_ho_so"] not in spoilt:
            assert last[header["ma_ho_so"]] == (header["cap_nhat_luc"], header["trang_thai"])


def test_headers_agree_with_their_status():
    spoilt = {one.record_key for one in show_day().planted}
    for row in rows(show_day().ho_so):
        header = dict(zip(show_day().ho_so.columns, row, strict=True))
        if header["ma_ho_so"] in spoilt:
            continue
        status = header["trang_thai"]
        assert (header["ngay_ket_thuc_xu_ly"] is not None) == (status in (3, 7, 8, 9, 10))
        assert (header["ngay_tra"] is not None) == (status == 10)
        assert (header["ngay_tu_choi"] is not None) == (status == 3)
        assert header["noi_nop"] == (1 if header["kenh_thuc_hien"] == 2 else 2)
        assert (header["muc_phi"] > 0) == (header["thanh_toan_truc_tuyen"] != 0)
        assert (header["ma_giay_to_ket_qua"] is None) == (header["duong_dan_ket_qua"] is None)
        assert header["ma_giay_to_ket_qua"] is None or status in (9, 10)
        code, received = header["ma_ho_so"].split("-"), header["ngay_tiep_nhan"]
        assert (code[0], code[1]) == (header["ma_don_vi"], received[2:10].replace("-", ""))


def test_each_kind_of_fault_is_there_on_the_day_of_the_demonstration():
    faults = Counter(planted.fault for planted in show_day().planted)
    expected = {kind.name for kind in (*KINDS, *STEP_KINDS, LATE_CHANGE)} | {"mended", "waits_for_dossier"}
    assert set(faults) == expected


@pytest.mark.parametrize("day", [date(2025, 7, 10), date(2025, 8, 13), date(2025, 9, 17), SHOW_DAY])
def test_an_ordinary_day_has_about_fifty_faulty_headers(day):
    outside = {"mended", LATE_CHANGE.name, "deleted_at_source"}
    planted = made(day).planted
    assert 30 <= sum(one.dataset == "ho_so" and one.fault not in outside for one in planted) <= 65


def test_the_commune_of_the_demonstration_has_exactly_eleven_rejected_dossiers():
    rejected = [one for one in show_day().planted if one.source == SHOW_UNIT and one.dataset == "ho_so"]
    assert len({one.record_key for one in rejected}) == len(rejected) == 11
    assert all("rule" in one.expected for one in rejected)
    assert len({one.expected["rule"] for one in rejected}) >= 6


def test_a_fault_stays_until_it_is_mended():
    open_faults, mended = {}, set()
    for n in range(14):
        day = date(2025, 9, 1) + timedelta(n)
        for one in made(day).planted:
            if one.dataset != "ho_so" or "exception" in one.expected:
                if one.fault == "mended":
                    mended.add(one.record_key)
                continue
            assert one.record_key not in mended
            assert open_faults.setdefault(one.record_key, one.fault) == one.fault
    assert 0.2 < len(mended & set(open_faults)) / len(open_faults) < 0.45


def test_a_mended_row_is_good_on_the_next_working_day():
    friday, monday = date(2025, 9, 12), date(2025, 9, 15)
    bad = {one.record_key: one for one in made(friday).planted if one.fault == "missing_unit"}
    table = made(monday).ho_so.columns
    good = dict(zip(table["ma_ho_so"], table["don_vi_xu_ly"], strict=True))
    mended = [one.record_key for one in made(monday).planted if one.fault == "mended"]
    seen = [code for code in mended if code in bad]
    for code in seen:
        assert good[code] == unit(bad[code].source).name
    assert len(mended) > 3


def test_a_deleted_dossier_is_not_seen_again():
    gone = [one.record_key for one in made(date(2025, 9, 10)).planted if one.fault == "deleted_at_source"]
    assert gone
    for n in range(6):
        table = made(date(2025, 9, 10) + timedelta(n))
        assert not set(gone) & set(table.ho_so.columns["ma_ho_so"])
        assert not set(gone) & set(table.tien_trinh.columns["ma_ho_so"])


def test_steps_of_a_rejected_dossier_wait_for_it():
    planted = show_day().planted
    rejected = {one.record_key for one in planted if one.dataset == "ho_so" and "rule" in one.expected}
    waiting = {one.record_key for one in planted if "waits_for" in one.expected}
    steps = show_day().tien_trinh.columns
    keys = zip(steps["ma_ho_so"], steps["thoi_diem_xu_ly"], steps["trang_thai"], strict=True)
    assert waiting == {"|".join(map(str, key)) for key in keys if key[0] in rejected}
    assert {one.expected["waits_for"] for one in planted if "waits_for" in one.expected} <= rejected


def test_the_truth_holds_no_personal_value(tmp_path):
    log = TruthLog(tmp_path)
    log.write(SHOW_DAY, show_day().planted)
    lines = log.path(SHOW_DAY).read_text(encoding="utf-8").splitlines()
    assert sorted(map(str, log.read(SHOW_DAY))) == sorted(map(str, show_day().planted))
    names = {"day", "fault", "dataset", "source", "record_key", "columns", "expected"}
    assert all(set(json.loads(line)) == names for line in lines)
    headers = show_day().ho_so.columns
    personal = {
        str(value)
        for name in ("chu_ho_so", "so_dinh_danh", "so_dien_thoai", "email", "dia_chi", "duong_dan_ket_qua")
        for value in headers[name]
        if value is not None
    }
    written = "\n".join(lines)
    assert not [value for value in personal if value in written]
    assert log.read(date(2030, 1, 1)) == []


def test_other_spellings_of_a_name_mean_the_same_unit():
    assert "Xã Hoà Sơn" in name_variants("Xã Hòa Sơn")
    assert "Xã Ea H\u2019Leo" in name_variants("Xã Ea H'Leo")
    assert all(name_variants(one.name) and one.name not in name_variants(one.name) for one in units())


def test_a_foreign_code_is_nobodys():
    assert foreign_code("H15.131-250930-0007", unit("H15.102")) == "H15.102-250930-9007"
    serials = np.concatenate([days().upto(SHOW_DAY)[0].serial])
    assert serials.max() < 9_000


def test_a_province_without_dossiers_has_empty_days():
    empty = new_days(monthly={"2025-09": 0}).make(date(2025, 9, 3))
    assert (len(empty.ho_so), len(empty.tien_trinh), empty.planted) == (0, 0, ())
    nothing = new_days(monthly={}).make(date(2025, 9, 3))
    assert len(nothing.ho_so) == 0
