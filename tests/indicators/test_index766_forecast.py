"""A forecast is right as often as it says, knows more every day, and is the present value on the last one."""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from lienthong.errors import NeedsPerson
from lienthong.indicators import index766
from lienthong.indicators.index766.forecasting import (
    AT_ONCE,
    COUNTERS,
    ON_END,
    Cohorts,
    increments,
)
from lienthong.rules.calendar import works

from .index766_world import EA_SUP, SETTINGS, World

SEPTEMBER = index766.Period.parse("2025-09")
BEGUN = date(2025, 6, 1)
NOTHING = dict.fromkeys((*ON_END, *AT_ONCE), 0)


def lives(seed, level=12.0):
    """Dossiers from June to September: few at weekends, most in time, an electronic result for two in three."""
    chance = random.Random(seed)
    found, day = [], BEGUN
    skill = chance.uniform(0.8, 0.99)
    while day <= SEPTEMBER.last:
        busy = level * (1.3 if day.weekday() == 0 else 1) if works(day) else level / 15
        for _ in range(np.random.default_rng([seed, day.toordinal()]).poisson(busy)):
            limit = chance.choice([1, 3, 3, 5, 10, 15])
            late = chance.random() > skill
            took = limit + chance.randint(1, 8) if late else chance.randint(0, max(limit - 1, 0))
            found.append((day, day + timedelta(days=limit), day + timedelta(days=took), late, chance.random() < 0.66))
        day += timedelta(days=1)
    return found


def seen(dossiers, day):
    """What is known of them at the end of the day."""
    return [
        {**NOTHING, "received_on": received, "due_on": due, "ended_on": ended if ended <= day else None,
         "late": late and ended <= day, "received": 1, "e_results": int(result and ended <= day)}
        for received, due, ended, late, result in dossiers
        if received <= day
    ]  # fmt: skip


def standing(dossiers, day):
    """On time, results and all of the dossiers of September, at the end of the day."""
    own = [one for one in dossiers if SEPTEMBER.first <= one[0] <= day]
    on_time = sum((not late) if ended <= day else due > day for _, due, ended, late, _ in own)
    return on_time, sum(result and ended <= day for _, _, ended, _, result in own), len(own)


def drawn(dossiers, day, draws=300):
    changes = increments(Cohorts.of(seen(dossiers, day)), SEPTEMBER, day, draws=draws)
    on_time, results, received = standing(dossiers, day)
    column = {name: changes[:, COUNTERS.index(name)] for name in ("on_time", "e_results", "received")}
    whole = received + column["received"]
    return (on_time + column["on_time"]) / whole, (results + column["e_results"]) / whole


def test_the_end_of_the_month_lies_in_the_interval_as_often_as_it_says():
    inside = {50: [], 90: []}
    widths = {number: [] for number in (5, 15, 26)}
    for seed in range(24):
        dossiers = lives(seed)
        on_time, results, received = standing(dossiers, SEPTEMBER.last)
        for number, spans in widths.items():
            for draws, truth in zip(drawn(dossiers, date(2025, 9, number)), (on_time, results), strict=True):
                for share, hits in inside.items():
                    low, high = np.percentile(draws, [50 - share / 2, 50 + share / 2])
                    hits.append(bool(low <= truth / received <= high))
                    if share == 90:
                        spans.append(high - low)
    shares = {share: sum(hits) / len(hits) for share, hits in inside.items()}
    assert len(inside[90]) == 144
    assert 0.80 <= shares[90] <= 0.99, shares
    assert 0.35 <= shares[50] <= 0.70, shares
    means = [float(np.mean(spans)) for spans in widths.values()]
    assert means[0] > means[1] > means[2] > 0, "each day that is over takes doubt away"


def test_the_same_facts_give_the_same_forecast_and_an_ended_period_has_none():
    dossiers = lives(1)
    first, second = (
        increments(Cohorts.of(seen(dossiers, date(2025, 9, 9))), SEPTEMBER, date(2025, 9, 9)) for _ in "ab"
    )
    assert (first == second).all()
    assert increments(Cohorts.of(seen(dossiers, SEPTEMBER.last)), SEPTEMBER, SEPTEMBER.last).shape[0] == 0
    with pytest.raises(NeedsPerson, match="no dossier was received"):
        increments(Cohorts.of([]), SEPTEMBER, date(2025, 9, 9))


def test_weekends_bring_what_weekends_brought():
    """From a Friday on, two days off are left: a tenth of the week's work cannot come."""
    dossiers = lives(3, level=60)
    week = index766.Period.parse("2025-08")
    friday = date(2025, 8, 29)
    changes = increments(Cohorts.of(seen(dossiers, friday)), week, friday)
    assert np.percentile(changes[:, COUNTERS.index("received")], 99) < 40


@pytest.fixture
def world(province):
    """Twelve weeks of a commune, with three dossiers open at the end of the twentieth of September."""
    made = World(province)
    with province.session() as session:
        session.execute("UPDATE marts.indicator_state SET horizon = '2025-09-20'")
    for number in range(1, 21):
        made.dossier(number, national="late" if number % 9 == 0 else "on_time", e_result=number % 2 == 0)
    for number in (18, 19, 20):
        made.dossier(number, national="open", open_until=datetime(2025, 9, 26, 17), e_result=False)
    return made


def forecast(world, **options):
    with world.warehouse.session() as session:
        return index766.forecast(session, SEPTEMBER, settings=SETTINGS, **options)


def test_the_warehouse_is_forecast_within_bounds_and_on_the_last_day_is_what_it_is(world):
    found = forecast(world, unit=EA_SUP)
    assert (found.stands, found.days) == (date(2025, 9, 20), 10)
    progress = found.parts["PROGRESS_ON_TIME"]
    assert progress.present == found.present.part("PROGRESS_ON_TIME").score == Decimal("18.26")
    low, high = progress.ninety
    assert low <= progress.half[0] <= progress.expected <= progress.half[1] <= high
    assert low < high
    assert all(0 <= one.ninety[0] <= one.ninety[1] <= group.group.max
               for group in found.present.groups for one in [found.groups[group.group.code]])  # fmt: skip
    assert "PUBLISH_ON_TIME" not in found.parts, "what is not determined is not forecast"
    with world.warehouse.session() as session:
        session.execute("UPDATE marts.indicator_state SET horizon = '2025-09-30'")
        now = index766.of_warehouse(session, SEPTEMBER, settings=SETTINGS, units=[EA_SUP])[0]
    ended = forecast(world, unit=EA_SUP)
    assert ended.days == 0
    for part in now.scored.parts:
        if part.determined and part.part.max:
            one = ended.parts[part.part.code]
            assert one.present == one.expected == one.ninety[0] == one.ninety[1] == part.score
    assert ended.total.expected == ended.total.present == now.scored.score


def test_the_province_is_forecast_from_all_its_units(world):
    world.dossier(5, unit="H15.15")
    assert forecast(world).present.part("PROGRESS_ON_TIME").denominator == 24
