"""Where the clock of people stands in the sandbox: after the day, on a working morning, and never back."""

from datetime import date, datetime

import pytest

from lienthong.batches import LOCAL
from lienthong.services import hours

FRIDAY, TUESDAY = date(2025, 9, 26), date(2025, 9, 30)


@pytest.fixture
def clock(province):
    def stands():
        with province.session() as session:
            return session.execute("SELECT ops.moment() AS now").fetchone()["now"].astimezone(LOCAL)

    return stands


def at(day, hour, minute=0):
    return datetime(2025, 10, day, hour, minute, tzinfo=LOCAL)


def test_a_day_is_read_at_night_and_told_in_the_morning(province, clock):
    hours.stand(province, hours.night_after(TUESDAY))
    assert clock() == at(1, 0, 10)
    hours.tell(province, TUESDAY)
    assert clock() == at(1, 8)


def test_nobody_is_told_on_a_day_off(province, clock):
    hours.tell(province, FRIDAY)
    assert clock() == datetime(2025, 9, 29, 8, tzinfo=LOCAL)
    hours.tell(province, date(2025, 8, 29))  # the 30th is a Saturday, then comes the National Day
    assert hours.morning_after(date(2025, 8, 29)) == datetime(2025, 9, 3, 8, tzinfo=LOCAL)


def test_it_never_goes_back_and_a_day_told_again_takes_its_time(province, clock):
    hours.tell(province, TUESDAY)
    hours.stand(province, hours.night_after(FRIDAY))
    assert clock() == at(1, 8)
    hours.tell(province, FRIDAY)
    assert clock() == at(1, 8, 10)
    for _ in range(47):
        hours.tell(province, TUESDAY)
    assert clock() == at(2, 8), "after four in the afternoon nobody is told"


def test_a_warehouse_of_somebody_elses_lives_in_the_present(province, clock):
    hours.tell(province, TUESDAY)
    hours.go_on(province)
    assert abs((clock() - datetime.now(LOCAL)).total_seconds()) < 60
