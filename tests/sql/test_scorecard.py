"""The scorecard is a function of what the sources gave, whatever the order of windows, late sources and redrives."""

import dataclasses
import itertools
import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from lienthong import quality
from lienthong.quality.dimensions import DIMENSIONS
from lienthong.warehouse import ledger, quarantine
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.marts import refresh
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import CHA, CON, DANH_MUC, at, day, land, rows_of, rule

CONTENT = (
    "SELECT dataset, source, day::text, dimension, state, checked, failing, score, rows, rejected, open_rows"
    " FROM marts.quality ORDER BY dataset, source, day, dimension"
)


def of(dimension, made):
    return dataclasses.replace(made, dimension=dimension)


# One dimension each but validity, which has a rejecting and a warning rule, from two words of the standard.
CHA = dataclasses.replace(
    CHA,
    rules=(
        of("completeness", rule("ma_bat_buoc", "required", "ma")),
        of("conformity", rule("gia_tri_dung_kieu", "type", "gia_tri", type="integer")),
        of("uniqueness", rule("ma_duy_nhat", "unique", "ma")),
        of("accuracy", rule("gia_tri_nho", "between", "gia_tri", min=0, max=100)),
        of("accuracy", rule("gia_tri_chan", "sql", "gia_tri", severity="warn", expression="t.gia_tri % 2 = 0")),
    ),
)
CON = dataclasses.replace(
    CON,
    rules=(
        of("completeness", rule("ma_bat_buoc", "required", "ma")),
        of("consistency", rule("cha_ton_tai", "exists_in", "ma_cha", dataset="cha", column="ma")),
    ),
)


@pytest.fixture
def wh(warehouse):
    migrate(warehouse, [CHA, CON, DANH_MUC])
    clock(warehouse, 1)
    return warehouse


@pytest.fixture(scope="module")
def empty(new_database):
    from lienthong.warehouse import Warehouse

    from .builders import HOME

    with new_database() as connection:
        migrate(Warehouse(connection, HOME), [CHA, CON, DANH_MUC])
        yield connection.schema


def clock(warehouse, number, hours=26):
    """People live some hours after the beginning of the window; 26 is two in the morning after it."""
    with warehouse.session() as session:
        session.execute("DELETE FROM ops.clock")
        session.execute("INSERT INTO ops.clock (stands_at) VALUES (%s)", [day(number).start + timedelta(hours=hours)])


def run(warehouse, of, number, sources, hours=26):
    clock(warehouse, number, hours)
    plan = land(warehouse, of, day(number), sources)
    quality.judge(warehouse, of, day(number), plan.run_id)
    return promote(warehouse, of, day(number), plan.run_id)


def redrive(warehouse, of):
    """As the pipeline does it, if there is something to move."""
    with warehouse.session() as session:
        quarantine.open_redrives(session, warehouse.home, of, quarantine.WAITING_ROWS)
    while True:
        with warehouse.session() as session:
            begun = ledger.unfinished_redrive(session, of.dataset)
            if begun is None:
                return
            Landing(warehouse, of, begun[1], begun[0]).create(session)
        quality.judge(warehouse, of, begun[1], begun[0])
        promote(warehouse, of, begun[1], begun[0])


def scores(warehouse, dataset, source, number):
    query = (
        "SELECT dimension, checked, failing, score FROM marts.quality"
        " WHERE dataset = %s AND source = %s AND day = %s ORDER BY 1"
    )
    return {row[0]: row[1:] for row in rows_of(warehouse, query, dataset, source, day(number).day)}


def test_a_row_counts_once_in_each_dimension_that_it_breaks(wh):
    rows = [
        ("A", "2", at(1)),
        (None, "200", at(1)),  # completeness and validity
        ("B", "101", at(1)),  # validity twice: too large, and odd
        ("C", "3", at(1)),  # validity, only a warning
        ("D", "x", at(1)),
        ("E", "2", at(1)),
        ("E", "4", at(1)),  # uniqueness, both
    ]
    run(wh, CHA, 1, {"H15.1": rows})
    refresh(wh)
    assert scores(wh, "cha", "H15.1", 1) == {
        "completeness": (7, 1, Decimal("0.857143")),
        "consistency": (0, 0, None),
        "timeliness": (7, 0, Decimal(1)),
        "uniqueness": (7, 2, Decimal("0.714286")),
        "validity": (7, 4, Decimal("0.428571")),
    }
    told = rows_of(wh, "SELECT DISTINCT state, rows, rejected, open_rows, run_id > 0 FROM marts.quality")
    assert told == [("landed", 7, 5, 5, True)]


@pytest.mark.parametrize("seed", range(3))
def test_the_counts_are_those_of_a_plain_count_in_python(wh, seed):
    draw = random.Random(seed)
    keys = [None, *(f"K{n}" for n in range(150))]
    texts = [None, "x", "2,5", *(str(n) for n in range(-3, 107))]
    sources = {
        f"H15.{number}": [(draw.choice(keys), draw.choice(texts), at(1)) for _ in range(draw.randrange(120))]
        for number in range(4)
    }
    often = Counter(key for rows in sources.values() for key, _, _ in rows)
    run(wh, CHA, 1, sources)
    refresh(wh)
    for source, rows in sources.items():
        numbers = [int(text) if text and text.lstrip("-").isdigit() else None for _, text, _ in rows]
        failing = {
            "completeness": sum(key is None for key, _, _ in rows),
            "consistency": 0,
            "timeliness": 0,
            "uniqueness": sum(key is not None and often[key] > 1 for key, _, _ in rows),
            "validity": sum(
                text is not None if number is None else not 0 <= number <= 100 or number % 2 != 0
                for (_, text, _), number in zip(rows, numbers, strict=True)
            ),
        }
        found = scores(wh, "cha", source, 1)
        assert {dimension: found[dimension][1] for dimension in found} == failing, source
        assert {found[d][0] for d in failing if d != "consistency"} == {len(rows)}


def test_every_word_of_the_contracts_has_a_dimension(contracts):
    words = {rule.dimension for one in contracts.values() for rule in one.rules}
    assert words <= set(DIMENSIONS)
    assert len(set(DIMENSIONS.values())) == 5


@pytest.mark.parametrize(("hours", "score"), [(48, 1), (48.01, 0)])
def test_a_window_is_in_time_until_its_latency_is_over_by_the_clock_of_people(wh, hours, score):
    assert CHA.latency == timedelta(days=1)
    run(wh, CHA, 1, {"H15.1": [("A", "2", at(1))], "H15.2": []}, hours)
    refresh(wh)
    assert scores(wh, "cha", "H15.1", 1)["timeliness"] == (1, 1 - score, score)
    assert scores(wh, "cha", "H15.2", 1)["timeliness"] == (0, 0, score)


def test_read_again_much_later_a_window_stays_in_time(wh):
    run(wh, CHA, 1, {"H15.1": [("A", "2", at(1))]})
    refresh(wh)
    run(wh, CHA, 1, {"H15.1": [("A", "2", at(1))]}, hours=900)
    assert refresh(wh).written == 0
    assert scores(wh, "cha", "H15.1", 1)["timeliness"] == (1, 0, 1)


def test_a_late_source_restates_its_day_and_what_was_said_stays_in_history(wh):
    run(wh, CHA, 1, {"H15.1": [("A", "2", at(1))], "H15.2": None})
    assert refresh(wh).replaced == 0
    assert scores(wh, "cha", "H15.2", 1)["timeliness"] == (0, 0, 0)
    run(wh, CHA, 1, {"H15.1": None, "H15.2": [("B", "2", at(1)), ("C", "3", at(1))]}, hours=72)
    done = refresh(wh)
    assert (done.windows, done.written, done.replaced) == (1, 5, 5)
    assert scores(wh, "cha", "H15.2", 1)["timeliness"] == (2, 2, 0)
    assert scores(wh, "cha", "H15.2", 1)["validity"] == (2, 1, Decimal("0.5"))
    was = rows_of(
        wh,
        "SELECT DISTINCT source, state, valid_to > valid_from AS later, valid_to = (SELECT min(valid_from)"
        " FROM marts.quality q WHERE q.source = h.source) AS gapless FROM marts.quality_history h",
    )
    assert was == [("H15.2", "missing", True, True)]


def test_a_source_that_a_later_run_does_not_reach_keeps_what_it_gave(wh):
    run(wh, CHA, 1, {"H15.1": [("A", "2", at(1))], "H15.2": []})
    run(wh, CHA, 1, {"H15.1": None, "H15.2": []})
    refresh(wh)
    assert scores(wh, "cha", "H15.1", 1)["completeness"] == (1, 0, 1)


def test_a_dataset_of_which_no_source_answers_is_seen_as_missing(wh):
    land(wh, CHA, day(1), {"H15.1": None})
    refresh(wh)
    assert rows_of(wh, "SELECT state, dimension, score FROM marts.quality WHERE score IS NOT NULL") == [
        ("missing", "timeliness", 0)
    ]


def test_of_a_blocked_source_every_row_is_rejected(wh):
    rows = [(f"X{n}", "900", at(1)) for n in range(15)] + [(f"Y{n}", "2", at(1)) for n in range(10)]
    run(wh, CHA, 1, {"H15.1": rows, "H15.2": [("A", "2", at(1))]})
    refresh(wh)
    found = rows_of(wh, "SELECT DISTINCT source, state, rows, rejected, open_rows FROM marts.quality ORDER BY 1")
    assert found == [("H15.1", "blocked", 25, 25, 25), ("H15.2", "landed", 1, 0, 0)]


def test_a_corrected_row_is_no_longer_open_and_its_day_keeps_its_score(wh):
    run(wh, CHA, 1, {"H15.1": [("A", "900", at(1)), ("B", "2", at(1))]})
    refresh(wh)
    run(wh, CHA, 2, {"H15.1": [("A", "90", at(2))]})
    refresh(wh)
    found = rows_of(wh, "SELECT DISTINCT day::text, rejected, open_rows FROM marts.quality ORDER BY 1")
    assert found == [("2025-09-01", 1, 0), ("2025-09-02", 0, 0)]
    assert scores(wh, "cha", "H15.1", 1)["validity"] == (2, 1, Decimal("0.5"))
    assert rows_of(wh, "SELECT count(*) FROM marts.quality_history") == [(0,)]


def test_a_redriven_row_counts_for_its_own_day(wh):
    run(wh, CON, 1, {"H15.1": [("c1", "A", at(1)), ("c2", "Z", at(1))]})
    refresh(wh)
    assert scores(wh, "con", "H15.1", 1)["consistency"] == (2, 2, 0)
    run(wh, CHA, 2, {"H15.1": [("A", "2", at(2))]})
    redrive(wh, CON)
    refresh(wh)
    assert scores(wh, "con", "H15.1", 1)["consistency"] == (2, 1, Decimal("0.5"))
    assert rows_of(wh, "SELECT DISTINCT rejected, open_rows FROM marts.quality WHERE dataset = 'con'") == [(1, 1)]
    assert rows_of(wh, "SELECT DISTINCT day::text FROM marts.quality WHERE dataset = 'con'") == [("2025-09-01",)]
    # Read again, the day is judged anew: the redrive is not counted a second time.
    run(wh, CON, 1, {"H15.1": [("c1", "A", at(1)), ("c2", "Z", at(1))]})
    refresh(wh)
    assert scores(wh, "con", "H15.1", 1)["consistency"] == (2, 1, Decimal("0.5"))


def test_a_waiver_does_not_make_a_row_good(wh):
    clock(wh, 1)
    plan = land(wh, CHA, day(1), {"H15.1": [("A", "900", at(1)), ("B", "2", at(1))]})
    quality.judge(wh, CHA, day(1), plan.run_id)
    landing = Landing(wh, CHA, day(1), plan.run_id)
    with wh.session() as session:
        session.execute(f'UPDATE landing."cha__{plan.run_id}__marks" SET waived = broken, broken = 0')
        for _ in range(2):
            quality.dimensions.record(session, landing, plan.run_id)
    promote(wh, CHA, day(1), plan.run_id)
    refresh(wh)
    assert scores(wh, "cha", "H15.1", 1)["validity"] == (2, 1, Decimal("0.5"))
    assert rows_of(wh, "SELECT DISTINCT rejected FROM marts.quality") == [(0,)]


def steps(warehouse):
    """The deeds of a few days; any order of them that keeps a late source behind its own first run is possible."""
    return {
        "cha 1": lambda: run(warehouse, CHA, 1, {"H15.1": [("A", "2", at(1)), ("B", "900", at(1))], "H15.2": None}),
        "cha 2": lambda: run(warehouse, CHA, 2, {"H15.1": [("B", "90", at(2))], "H15.2": [(None, "5", at(2))]}),
        "con 1": lambda: run(warehouse, CON, 1, {"H15.1": [("c", "A", at(1)), ("d", "Q", at(1)), (None, None, at(1))]}),
        "con 2": lambda: run(warehouse, CON, 2, {"H15.1": [("c4", "B", at(2)), ("c5", "A", at(2))]}),
        "list 1": lambda: run(warehouse, DANH_MUC, 1, {"nguon": [("1", "một"), ("2", None)]}),
    }  # fmt: skip


def late(warehouse):
    """What the nightly work does after any order of days: late sources, redrives."""
    run(warehouse, CHA, 1, {"H15.1": None, "H15.2": [("Q", "4", at(1)), ("R", "5", at(1))]}, hours=30)
    redrive(warehouse, CON)


@pytest.fixture(scope="module")
def expected():
    return {}


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::13], ids=str)
def test_any_order_of_days_and_refreshes_gives_the_same_content(new_database, empty, expected, order):
    from lienthong.warehouse import Warehouse

    from .builders import HOME

    with new_database(empty) as connection:
        warehouse = Warehouse(connection, HOME)
        deeds = list(steps(warehouse).values())
        for place, number in enumerate(order):
            deeds[number]()
            if (sum(order[: place + 1]) + place) % 2:
                refresh(warehouse)
        late(warehouse)
        refresh(warehouse)
        content = rows_of(warehouse, CONTENT)
        assert refresh(warehouse).windows == 0
        assert rows_of(warehouse, CONTENT) == content
        with warehouse.session() as session:
            session.execute("TRUNCATE marts.quality, marts.refreshed")
        refresh(warehouse)
        assert rows_of(warehouse, CONTENT) == content, "made anew it is the same"
    assert len(content) == 5 * 7
    assert content == expected.setdefault("content", content)


def test_the_matrix_shows_the_newest_day_beside_its_means(wh):
    for number, good in ((1, 4), (2, 2), (9, 3)):
        rows = [(f"{number}-{n}", "2" if n < good else "300", at(number)) for n in range(4)]
        run(wh, CHA, number, {"H15.1": rows, "H15.2": []})
    refresh(wh)
    found = rows_of(
        wh,
        "SELECT source, day::text, days, state, rows, rejected, open_rows, validity, validity_7, validity_30,"
        " timeliness_30, consistency_30, score FROM marts.quality_matrix ORDER BY source",
    )
    assert found == [
        # Mean of completeness 1, timeliness 1, uniqueness 1 and validity 0.75.
        ("H15.1", "2025-09-09", 3, "landed", 4, 1, 3, Decimal("0.75"), Decimal("0.75"), Decimal("0.75"), 1, None,
         Decimal("0.9375")),
        ("H15.2", "2025-09-09", 3, "landed", 0, 0, 0, None, None, None, 1, None, 1),
    ]  # fmt: skip
