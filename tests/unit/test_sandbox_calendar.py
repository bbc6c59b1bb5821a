"""Working time: each edge case of the due date, and the calculator against a clerk who counts by the minute."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.calendar_vn import WorkingTime, day_number, days_off, moment, seconds, unit_of

CALENDAR = WorkingTime()
DAYS, CALENDAR_DAYS, HOURS = "Ngày làm việc", "Ngày", "Giờ làm việc"


def due(received, amount, unit=DAYS, calendar=CALENDAR):
    return calendar.due_at(datetime.fromisoformat(received), amount, unit)


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2025-09-24 06:15", "2025-09-25 07:00"),  # before the opening: from 07:00
        ("2025-09-24 07:00", "2025-09-25 07:00"),
        ("2025-09-24 11:30", "2025-09-25 11:30"),  # the limit itself is working time
        ("2025-09-24 11:31", "2025-09-25 13:30"),  # lunch: from 13:30
        ("2025-09-24 13:30", "2025-09-25 13:30"),
        ("2025-09-24 17:00", "2025-09-25 17:00"),
        ("2025-09-24 17:01", "2025-09-26 07:00"),  # after the close: from the next opening
        ("2025-09-26 17:30", "2025-09-30 07:00"),  # Friday evening counts from Monday
        ("2025-09-27 10:00", "2025-09-30 07:00"),  # so does Saturday
        ("2025-08-29 16:00", "2025-09-03 16:00"),  # the eve of 30 August to 2 September
        ("2025-08-29 17:01", "2025-09-04 07:00"),
        ("2025-04-25 09:00", "2025-04-26 09:00"),  # the Saturday worked in exchange for 2 May
        ("2025-04-26 17:30", "2025-04-29 07:00"),
    ],
)
def test_one_working_day(received, expected):
    assert due(received, 1) == at(expected)


@pytest.mark.parametrize(
    ("received", "amount", "unit", "expected"),
    [
        ("2025-09-24 07:00", 4.5, HOURS, "2025-09-24 11:30"),  # ends exactly at a limit, and stays there
        ("2025-09-24 09:00", 4, HOURS, "2025-09-24 15:00"),  # over lunch
        ("2025-09-24 15:00", 4, HOURS, "2025-09-25 09:00"),  # into the next morning
        ("2025-09-26 16:00", 2, HOURS, "2025-09-29 08:00"),  # over the weekend
        ("2025-08-29 16:30", 1, HOURS, "2025-09-03 07:30"),  # over the holiday block, checked again after the roll
        ("2025-09-24 11:30", 1, HOURS, "2025-09-24 14:30"),
        ("2025-09-24 09:00", 20, HOURS, "2025-09-26 15:00"),  # two days and four hours
        ("2025-09-24 09:00", 0.5, DAYS, "2025-09-24 15:00"),
        ("2025-09-24 09:00", 2.5, DAYS, "2025-09-26 15:00"),
        ("2025-09-24 09:00", 0, DAYS, "2025-09-24 09:00"),  # nothing promised: due at once
        ("2025-09-24 12:00", 0, DAYS, "2025-09-24 13:30"),
        ("2025-09-24 09:00", 3, CALENDAR_DAYS, "2025-09-29 09:00"),  # Saturday is pushed to Monday
        ("2025-08-20 09:00", 12, CALENDAR_DAYS, "2025-09-03 09:00"),  # into the block, pushed out of it
        ("2025-09-24 09:00", 2, CALENDAR_DAYS, "2025-09-26 09:00"),
    ],
)  # fmt: skip
def test_periods(received, amount, unit, expected):
    assert due(received, amount, unit) == at(expected)


def test_a_short_procedure_is_due_at_the_close_of_the_day_or_of_the_next_when_received_after_three():
    received = np.array([seconds(at(text)) for text in ("2025-09-24 15:00", "2025-09-24 15:01", "2025-09-26 16:00")])
    found = [moment(value) for value in CALENDAR.same_day(received, time(15))]
    assert found == [at("2025-09-24 17:00"), at("2025-09-25 17:00"), at("2025-09-29 17:00")]


@pytest.mark.parametrize(
    ("promised", "requested", "delivered", "expected"),
    [
        ("2025-09-24 10:00", "2025-09-22 10:00", "2025-09-22 15:00", "2025-09-25 10:00"),  # the same day
        ("2025-09-24 10:00", "2025-09-22 10:00", "2025-09-24 15:00", "2025-09-26 10:00"),  # two days, less one
        ("2025-09-25 10:00", "2025-09-22 10:00", "2025-09-24 15:00", "2025-09-29 10:00"),  # over a weekend
    ],
)
def test_a_supplement_moves_the_appointment(promised, requested, delivered, expected):
    moments = (np.array([seconds(at(text))]) for text in (promised, requested, delivered))
    assert moment(CALENDAR.extended(*moments)[0]) == at(expected)


def test_the_calculator_agrees_with_a_clerk_who_counts_minutes():
    chance = np.random.default_rng(7)
    first = datetime(2025, 7, 1)
    for _ in range(150):
        received = first + timedelta(minutes=int(chance.integers(0, 92 * 24 * 60)))
        amount, unit = float(chance.integers(0, 16)), (DAYS, HOURS)[int(chance.integers(0, 2))]
        assert CALENDAR.due_at(received, amount, unit) == by_the_minute(received, amount, unit), (
            received,
            amount,
            unit,
        )


def by_the_minute(received, amount, unit):
    """Whole days first, each to the same time of the next working day, then minute for minute."""
    now = received
    while not working(now):
        now += timedelta(minutes=1)
    hours = amount if unit == HOURS else amount * 8
    for _ in range(int(hours // 8)):
        now += timedelta(days=1)
        while not working_day(now.date()):
            now += timedelta(days=1)
    left = int(hours % 8 * 60)
    while left:
        now += timedelta(minutes=1)
        left -= working(now) and working(now - timedelta(minutes=1))
    return now


def working_day(day):
    return day.weekday() < 5 and day not in (date(2025, 9, 1), date(2025, 9, 2))


def working(now):
    inside = time(7) <= now.time() <= time(11, 30) or time(13, 30) <= now.time() <= time(17)
    return inside and working_day(now.date())


def test_elapsed_working_time_and_back():
    moments = np.array([seconds(datetime(2025, 9, 24, 7)) + 60 * n for n in range(0, 3 * 24 * 60, 7)])
    inside = np.array([working(moment(value)) for value in moments])
    there_and_back = CALENDAR.at(CALENDAR.elapsed(moments[inside]))
    # An opening and the closing before it are the same working time; a full day ends at the closing.
    same = there_and_back == moments[inside]
    edges = {moment(value).time() for value in moments[inside][~same]}
    assert edges <= {time(7), time(13, 30)}


def test_the_holidays_of_2025_are_those_of_the_notice():
    off, worked = days_off(2025, 2025)
    assert {date(2025, 9, 1), date(2025, 9, 2), date(2025, 4, 30), date(2025, 5, 1), date(2025, 5, 2)} <= off
    assert date(2025, 4, 26) in worked
    block = [bool(CALENDAR.works(day_number(date(2025, 8, 29) + timedelta(n)))) for n in range(6)]
    assert block == [True, False, False, False, False, True]


def test_own_limits_holidays_and_working_saturdays():
    limits = (time(8), time(12), time(13), time(17))
    own = WorkingTime(2025, 2025, limits=limits, holidays=[date(2025, 9, 25)], worked=[date(2025, 9, 27)])
    assert due("2025-09-24 12:30", 1, calendar=own) == at("2025-09-26 13:00")
    assert due("2025-09-26 16:00", 2, HOURS, own) == at("2025-09-27 09:00")


def test_what_is_not_known_is_refused():
    with pytest.raises(NeedsPerson, match="ngày làm việc"):
        unit_of("Tuần trăng")
    with pytest.raises(NeedsPerson, match="2025 to 2027"):
        due("2031-01-01 08:00", 1)
    with pytest.raises(NeedsPerson, match="more years"):
        due("2027-12-30 08:00", 30)
