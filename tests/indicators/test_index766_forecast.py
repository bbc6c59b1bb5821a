"""A forecast is right as often as it says, knows more every day, and is the present value on the last one."""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from lienthong.errors import NeedsPerson
from lienthong.indicators import index766
from lienthong.indicators.index766.cohorts import AT_ONCE, COUNTERS, ON_END, Cohorts
from lienthong.indicators.index766.replaying import DRAWS, replay
from lienthong.rules.calendar import works

from .index766_world import EA_SUP, SETTINGS, World

SEPTEMBER = index766.Period.parse("2025-09")
BEGUN = date(2025, 6, 1)
NOTHING = dict.fromkeys((*ON_END, *AT_ONCE), 0)


def increments(cohorts, period, stands, draws=DRAWS):
    return replay(cohorts, period, stands, draws=draws).changes


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


def standing(dossiers, day, period=SEPTEMBER):
    """On time, results and all of the dossiers of the period, at the end of the day."""
    own = [one for one in dossiers if period.first <= one[0] <= day]
    on_time = sum((not late) if ended <= day else due > day for _, due, ended, late, _ in own)
    return on_time, sum(result and ended <= day for _, _, ended, _, result in own), len(own)


def drawn(dossiers, day, draws=300, period=SEPTEMBER):
    changes = increments(Cohorts.of(seen(dossiers, day)), period, day, draws=draws)
    on_time, results, received = standing(dossiers, day, period)
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


def life(seed, first, last, level=6.0, slow=1):
    """Dossiers of a unit whose skill changes from month to month; ``slow`` times the limits of most."""
    chance, found, day = random.Random(seed), [], first
    dice = np.random.default_rng(seed)
    skills = {}
    while day <= last:
        skill = skills.setdefault((day.year, day.month), chance.uniform(0.82, 0.96))
        for _ in range(dice.poisson(level if works(day) else level / 15)):
            limit = slow * chance.choice([1, 3, 5, 10, 20])
            took = limit + chance.randint(1, 12) if chance.random() > skill else chance.randint(0, limit - 1)
            found.append((day, day + timedelta(days=limit), day + timedelta(days=took), took >= limit,
                          chance.random() < 0.7))  # fmt: skip
        day += timedelta(days=1)
    return found


@pytest.mark.parametrize(("text", "stood"), [
    ("2025-09", date(2025, 9, 4)), ("2025-Q3", date(2025, 7, 20)), ("2025-Q3", date(2025, 8, 25)),
    ("2025", date(2025, 4, 10)), ("2025", date(2025, 10, 15)),
])  # fmt: skip
def test_near_and_far_ends_lie_in_the_interval_as_often_as_it_says(text, stood):
    """The year from April on is longer than all that was seen, and each dossier of it is younger now than then."""
    period = index766.Period.parse(text)
    inside, off = [], []
    for seed in range(10):
        dossiers = life(seed, date(2025, 1, 1), period.last)
        draws = drawn(dossiers, stood, period=period)
        on_time, results, received = standing(dossiers, period.last, period)
        for found, truth in zip(draws, (on_time / received, results / received), strict=True):
            low, middle, high = np.percentile(found, [5, 50, 95])
            inside.append(bool(low <= truth <= high))
            off.append(middle - truth)
    assert sum(inside) / len(inside) >= 0.8, (inside, off)
    assert abs(float(np.mean(off))) < 0.02, off


def test_what_ends_alike_every_day_is_forecast_without_bias_for_the_year():
    """Ten days for nine of ten, twenty for the late one: of past days only those old enough can tell."""
    year, stood = index766.Period.parse("2025"), date(2025, 4, 10)
    dossiers = []
    for day in (year.first + timedelta(days=n) for n in range(365)):
        for number in range(10):
            late = number == 0
            dossiers.append((day, day + timedelta(days=12), day + timedelta(days=20 if late else 10), late, True))
    on_time, results, received = standing(dossiers, year.last, year)
    for found, truth in zip(drawn(dossiers, stood, period=year), (on_time, results), strict=True):
        low, high = np.percentile(found, [5, 95])
        assert low - 0.001 <= truth / received <= high + 0.001
        assert high - low < 0.01


def test_a_past_too_short_for_the_limits_widens_the_interval_with_the_reason_or_says_nothing():
    first = date(2025, 7, 1)
    quarter, stood = index766.Period.parse("2025-Q3"), date(2025, 8, 12)
    young = life(2, first, stood, slow=4)
    replayed = replay(Cohorts.of(seen(young, stood)), quarter, stood)
    assert 0.02 < replayed.unknown < 0.5
    assert replayed.days == 43
    quick = life(2, first, stood)
    settled = replay(Cohorts.of(seen(quick, stood)), quarter, stood)
    assert settled.unknown < 0.01
    name = COUNTERS.index("e_results")
    spread = []
    for one in (replayed, settled):
        low, high = np.percentile(one.changes[:, name] / one.changes[:, COUNTERS.index("received")], [5, 95])
        spread.append(high - low)
    assert spread[0] > spread[1]
    early = date(2025, 7, 6)
    with pytest.raises(NeedsPerson, match=r"the records begin 6 days before 2025-07-06.*older at its end"):
        increments(Cohorts.of(seen(young, early)), quarter, early)


def test_counters_of_which_one_holds_the_other_are_drawn_together():
    """A result that is digitised is a result, in every draw."""
    stood = date(2025, 9, 20)
    rows = seen(life(4, BEGUN, stood), stood)
    for number, row in enumerate(rows):
        over = row["ended_on"] is not None
        row |= {"results_due": int(over), "digitised": row["e_results"] and number % 3 % 2}
    changes = increments(Cohorts.of(rows), SEPTEMBER, stood)
    due, results, digitised = (changes[:, COUNTERS.index(name)] for name in ("results_due", "e_results", "digitised"))
    assert (due >= results).all()
    assert (results >= digitised).all()
    assert len(np.unique(due - results)) > 10


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
