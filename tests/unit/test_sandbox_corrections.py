"""A unit that corrects its rows: the wrong ones are gone from their days, the right ones come with a later day."""

from datetime import date

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox import trouble
from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.province import Province
from lienthong.sandbox.units import unit, units
from tests.unit.sandbox_kit import SHOW_DAY, read, read_sqlite

NEXT = date(2025, 10, 1)
SHOWN = "H15.131"


@pytest.fixture(scope="module")
def story(new_database, tmp_path_factory):
    """The province before and after the day on which four units have corrected their rows."""
    with new_database() as database:
        province = Province(tmp_path_factory.mktemp("var"), database, habits=Habits(monthly={"2025-09": 30_000}))
        province.make_day(SHOW_DAY)
        planted = province.truth.read(SHOW_DAY)
        guilty = {one.source for one in planted if "rule" in one.expected and one.fault == "code_of_other_unit"}
        guilty |= {one.source for one in planted if one.fault in ("duplicate_key", "step_in_future")} | {SHOWN}
        before = rows(province, SHOW_DAY)
        for code in guilty:
            trouble.mend(province, code)
        province.make_day(NEXT)
        yield guilty, planted, before, rows(province, SHOW_DAY), rows(province, NEXT), province


def rows(province, day):
    entries = province.connections()

    def content(one, dataset):
        if one.store == "rest":
            return read_sqlite(province.department_file(), dataset, day)
        return read(entries[one.connection_id], dataset, day)

    return {
        (one.code, dataset): sorted(content(one, dataset), key=str)
        for one in units() for dataset in ("ho_so", "tien_trinh")
    }  # fmt: skip


def test_only_the_wrong_rows_of_these_units_are_gone(story):
    guilty, planted, before, after, _, _ = story
    wrong = {
        (one.source, one.dataset, one.record_key.split("|")[0])
        for one in planted if "rule" in one.expected and one.source in guilty
    }  # fmt: skip
    assert len(wrong) > 12
    for (code, dataset), held in before.items():
        now = after[code, dataset]
        if code not in guilty:
            assert now == held, code
        elif dataset == "ho_so":
            gone = [row["ma_ho_so"] for row in held if row not in now]
            assert {(code, dataset, key) for key in gone} == {one for one in wrong if one[:2] == (code, dataset)}
            assert [row for row in now if row not in held] == []


def test_the_right_rows_come_with_the_later_day(story):
    _, planted, before, _, later, _ = story
    due = [one for one in planted if one.source == SHOWN and "rule" in one.expected]
    assert len(due) == 11
    came = {row["ma_ho_so"]: row for row in later[SHOWN, "ho_so"]}
    for one in due:
        row = came[one.record_key]
        wrong = next(old for old in before[SHOWN, "ho_so"] if old["ma_ho_so"] == one.record_key)
        assert row["cap_nhat_luc"].startswith(str(NEXT))
        assert [name for name in one.columns if row[name] != wrong[name]] == list(one.columns), one.fault


def test_nothing_that_was_planted_is_left_in_their_days(story):
    guilty, planted, _, _, _, province = story
    left = [one for one in province.truth.read(SHOW_DAY) if one.source in guilty and "exception" not in one.expected]
    assert left == []
    others = [one for one in province.truth.read(SHOW_DAY) if one.source not in guilty]
    assert others == [one for one in planted if one.source not in guilty]


def test_their_steps_bear_the_right_code_again(story):
    _, planted, _, after, _, _ = story
    wrong = {one.record_key for one in planted if one.fault == "code_of_other_unit"}
    assert wrong
    steps = {row["ma_ho_so"] for (code, dataset), held in after.items() if dataset == "tien_trinh" for row in held}
    assert not steps & wrong


def test_a_correction_comes_with_a_day_that_is_not_made_yet(story):
    *_, province = story
    with pytest.raises(NeedsPerson, match="must come with a day after 2025-10-01"):
        province.correct(SHOWN, NEXT)
    assert province.corrections[unit(SHOWN).code].applied


def test_without_a_day_there_is_nothing_to_correct(tmp_path, new_database):
    with new_database() as database, pytest.raises(NeedsPerson, match="Run a day first"):
        Province(tmp_path, database).correct(SHOWN)
