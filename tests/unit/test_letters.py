"""Letters are data: what they may show, when they are written, and that nothing is lost on the way through JSON."""

import json
import unicodedata
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lienthong.alerts.letter import Broken, Held, Letter, Told, masked, showable
from lienthong.alerts.manners import Manners
from lienthong.batches import LOCAL
from lienthong.contracts import Column
from lienthong.errors import NeedsPerson
from lienthong.rules.calendar import works
from lienthong.settings import Settings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
BROKEN = st.builds(Broken, TEXT, TEXT, TEXT, TEXT, st.integers(), st.lists(TEXT, max_size=10).map(tuple))
TOLD = st.builds(
    Told, st.integers(), *[TEXT] * 9, st.integers(), TEXT, TEXT, st.lists(BROKEN, max_size=3).map(tuple)
)  # fmt: skip
LETTERS = st.builds(
    Letter, TEXT, TEXT, TEXT, TEXT, st.lists(TOLD, max_size=3).map(tuple),
    st.lists(st.builds(Held, *[TEXT] * 11), max_size=3).map(tuple), st.integers(),
    st.lists(TEXT, max_size=3).map(tuple), st.dictionaries(TEXT, TEXT, max_size=2),
)  # fmt: skip


@given(LETTERS)
def test_a_letter_survives_json(letter):
    assert Letter.from_json(json.loads(json.dumps(letter.to_json()))) == letter


def test_a_field_that_no_version_had_is_refused():
    given = Letter("digest", "x", "", "", ()).to_json()
    with pytest.raises(TypeError):
        Letter.from_json({**given, "colour": "red"})
    del given["told"]
    with pytest.raises(KeyError):
        Letter.from_json(given)


@given(st.text(max_size=300), st.integers(2, 100))
def test_what_is_shown_is_one_short_line_without_a_character_that_acts(text, limit):
    shown = showable(text, limit)
    assert len(shown) <= limit
    assert {unicodedata.category(character)[0] for character in shown} <= set("LMNPSZ")
    assert not set(shown) & set("\u200b\u202e\u2028\u3164\ufeff\r\n\t")
    assert shown == shown.strip()
    assert showable(shown, limit) == shown, "showing it again changes nothing"


@given(
    st.from_regex(r"0[0-9]{8,11}", fullmatch=True),
    st.lists(st.sampled_from(["", "", "\u200b", "\u00ad", "\u202a", "\ufe0f"]), min_size=12, max_size=12),
    st.text(st.characters(categories=["L", "Z"]), max_size=20),
)
def test_a_number_that_may_name_a_person_is_never_shown_however_it_is_hidden(number, hidden, around):
    text = around + "".join(a + b for a, b in zip(number, hidden, strict=False)) + around
    digits = [character for character in showable(text, 200) if character.isdigit()]
    assert digits == []


@pytest.mark.parametrize(
    "text",
    ["066 090 900 001", "0912.345.678", "+84 912 345 678", "84-912-345-678", "CCCD:066090900001", "066_090_900_001",
     "٠٦٦٠٩٠٩٠٠٠٠١", "０６６０９０９００００１", "H15.066090900001", "x" * 840 + "066090900001"],
)  # fmt: skip
def test_forms_in_which_people_write_such_numbers(text):
    assert sum(character.isdigit() for character in showable(text, 100)) < 9


@pytest.mark.parametrize(
    "text",
    ["H15.131-250930-0001", "000.00.12.H15-20250930-0000001", "H15.131-250930-0001|2025-09-30 08:00:00|4",
     "2025-09-30T08:00:00", "30/09/2025 08:00:00", "1.001193.000.00.00.H15", "Xã Ea Súp",
     "row:" + "0123456789abcdef" * 2],
)  # fmt: skip
def test_codes_and_times_stay_readable(text):
    assert showable(text) == text


def test_a_cell_of_megabytes_costs_nothing():
    began = datetime.now(LOCAL)
    assert len(showable("\u202e" * 10_000_000)) <= 80
    assert showable("a\u0300" * 5_000_000).endswith("…")
    assert datetime.now(LOCAL) - began < timedelta(seconds=2)


@pytest.mark.parametrize(("secrecy", "shown"), [
    ("public", "Nguyễn Văn Mật"), ("internal", "Nguyễn Văn Mật"), ("personal", "•••• (14 ký tự, đã che)"),
    ("sensitive", "•••• (14 ký tự, đã che)"),
])  # fmt: skip
def test_a_personal_value_is_shown_by_its_length(secrecy, shown):
    column = Column("chu_ho_so", "string", "Chủ hồ sơ", secrecy, {})
    assert masked("Nguyễn Văn Mật", column) == shown
    assert masked(None, column) == masked("  ", column) == ""


# -- when


def moment(number, hour, minute=0, month=9):
    return datetime(2025, month, number, hour, minute, tzinfo=LOCAL)


def test_working_days_are_those_of_viet_nam():
    assert not works(date(2025, 9, 1)), "National Day has two days"
    assert not works(date(2025, 9, 2))
    assert works(date(2025, 9, 3))
    assert not works(date(2025, 9, 6)), "a Saturday"
    assert not works(date(2025, 5, 2)), "free, in exchange for a Saturday"
    assert works(date(2025, 4, 26)), "that Saturday"


def test_office_hours_and_the_time_of_the_digest():
    manners = Manners.of(Settings.from_env({}))
    assert [manners.at_work(moment(8, h, m)) for h, m in ((6, 59), (7, 0), (16, 59), (17, 0))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [manners.digest_time(moment(8, h, m)) for h, m in ((7, 29), (7, 30), (17, 0))] == [False, True, False]
    assert not manners.at_work(moment(2, 9))


@pytest.mark.parametrize(("told", "pledged", "now", "due"), [
    (moment(8, 9), None, moment(10, 16), False),
    (moment(8, 9), None, moment(11, 7, 30), True),
    (moment(29, 9, month=8), None, moment(4, 7, 30), False),  # a weekend and two days of celebration between
    (moment(29, 9, month=8), None, moment(5, 7, 30), True),
    (moment(8, 9), moment(10, 9), moment(12, 7, 30), False),
    (moment(8, 9), moment(10, 9), moment(15, 7, 30), True),
])  # fmt: skip
def test_escalation_counts_working_days(told, pledged, now, due):
    assert Manners.of(Settings.from_env({})).escalates(told, pledged, now) is due


@settings(max_examples=50)
@given(st.integers(0, 20_000), st.integers(0, 500), st.sampled_from([0, 6]))
def test_a_problem_is_ripe_beyond_its_tolerance_and_the_time_to_gather(since, minutes, tolerance):
    manners = Manners.of(Settings.from_env({}))
    start = moment(1, 0) + timedelta(minutes=since)
    ripe = manners.ripe(start, start + timedelta(minutes=minutes), timedelta(hours=tolerance))
    assert ripe is (minutes >= max(2, tolerance * 60))


# -- settings


@pytest.mark.parametrize(("name", "value"), [
    ("MAIL_FROM", "not a mailbox"), ("MAIL_FROM", "a@b.example\nBcc: c@d.example"), ("CONSOLE_URL", "javascript:1"),
    ("DOCS_URL", 'http://x.example/"onclick='), ("OFFICE_HOURS", "17:00-07:00"), ("OFFICE_HOURS", "7-17"),
    ("DIGEST_AT", "6:00"), ("DIGEST_AT", "06:00"), ("DIGEST_AT", "24:00"), ("GATHER", "-1"), ("COOLING_OFF", "1.5"),
    ("ESCALATE_AFTER", "0"), ("SUMMARY_FROM", "٣"),
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_by_its_name(name, value):
    with pytest.raises(NeedsPerson, match=f"LIENTHONG_{name}"):
        Settings.from_env({f"LIENTHONG_{name}": value})
