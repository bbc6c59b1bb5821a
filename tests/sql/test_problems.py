"""Problems follow from the ledger: whatever the order of the runs, and a repetition changes nothing."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lienthong.batches import LOCAL
from lienthong.contracts import SourceSpec
from lienthong.quality import judge
from lienthong.warehouse import ledger, problems
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import CHA, at, day, rows_of

DOWN, CHANGED = "nguon_khong_tra_loi", "nguon_thay_doi"
UNITS = replace(CHA, source=SourceSpec("unit_{member}", None, "don_vi"))


@pytest.fixture
def store(warehouse):
    migrate(warehouse, [UNITS])
    return warehouse


def clock(warehouse, *moment):
    """People live at this moment from now on."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.clock (stands_at) VALUES (%s) ON CONFLICT (only_row) DO UPDATE"
            " SET stands_at = excluded.stands_at",
            [datetime(*moment, tzinfo=LOCAL)],
        )


def read(warehouse, window, sources, contract=UNITS):
    """Land the sources as the extract step does; a source is a list of rows, or the code of what went wrong."""
    with warehouse.session() as session:
        plan = ledger.open_run(session, contract.dataset, window, sources)
        landing = Landing(warehouse, contract, window, plan.run_id)
        landing.create(session)
        for source in plan.todo:
            given = sources[source]
            if isinstance(given, str):
                ledger.mark_missing(session, plan.run_id, source, given, f"lý do của {source}", 0.0)
            else:
                ledger.mark_landed(session, plan.run_id, source, landing.land(session, source, [given]), 0.0)
            problems.note_source(session, contract, window, plan.run_id, source)
    return plan.run_id


def run(warehouse, window, sources, contract=UNITS):
    run_id = read(warehouse, window, sources, contract)
    judge(warehouse, contract, window, run_id)
    promote(warehouse, contract, window, run_id)


def standing(warehouse):
    return {
        (kind, source): count
        for kind, source, count in rows_of(
            warehouse, "SELECT kind, source, count FROM ops.problems WHERE closed_at IS NULL"
        )
    }


GOOD, ODD, BAD = ("a", "2"), ("b", "3"), ("c", "998")


def rows(number, *given):
    return [(f"{ma}{number}", value, at(number)) for ma, value in given]


def test_a_source_that_owes_a_window_is_a_problem_until_that_window_is_read(store):
    run(store, day(1), {"x": DOWN, "y": rows(1, ("p", "2"))})
    assert standing(store) == {("source_down", "x"): 0}
    run(store, day(2), {"x": rows(2, GOOD), "y": rows(2, ("p", "2"))})
    run(store, day(3), {"x": CHANGED, "y": rows(3, ("p", "2"))})
    assert standing(store) == {("source_down", "x"): 0, ("schema_drift", "x"): 0}, "another day does not mend it"
    run(store, day(1), {"x": rows(1, GOOD)})
    assert standing(store) == {("schema_drift", "x"): 0}
    run(store, day(3), {"x": DOWN})
    both = {("source_down", "x"): 0, ("schema_drift", "x"): 0}
    assert standing(store) == both, "that it does not answer now does not mend what it gave"
    run(store, day(3), {"x": rows(3, GOOD)})
    assert standing(store) == {}
    found = rows_of(store, "SELECT DISTINCT details->>'reason' FROM ops.problems")
    assert found == [("lý do của x",)]


def test_held_rows_are_a_problem_of_their_source_until_the_last_is_corrected(store):
    run(store, day(1), {"x": rows(1, GOOD, BAD, ("d", "chữ")), "y": rows(1, ("e", "2"), ("g", "4"))})
    assert standing(store) == {("rows", "x"): 2}
    [(details,)] = rows_of(store, "SELECT details FROM ops.problems")
    assert details == {"rules": {"gia_tri_nho": 1, "gia_tri_dung_kieu": 1}}, "counts, never a value"
    run(store, day(2), {"x": [("c1", "8", at(2))], "y": rows(2, ("p", "2"))})
    assert standing(store) == {("rows", "x"): 1}
    run(store, day(3), {"x": [("d1", "8", at(3))], "y": rows(3, ("f", "2"))})
    assert standing(store) == {}
    [(first, last)] = rows_of(store, "SELECT first_window, last_window FROM ops.problems")
    assert first == last == day(1).start


def test_warnings_and_blocks_are_about_the_newest_window(store):
    many_bad = [(f"x{number}", "chữ", at(5)) for number in range(25)]
    run(store, day(5), {"x": rows(5, GOOD, ODD), "y": [*many_bad]})
    assert standing(store) == {("warnings", "x"): 1, ("blocked", "y"): 25, ("rows", "y"): 25}
    [(details,)] = rows_of(store, "SELECT details FROM ops.problems WHERE kind = 'warnings'")
    assert details == {"rules": {"gia_tri_chan": 1}, "keys": {"gia_tri_chan": ["b5"]}}
    run(store, day(4), {"x": rows(4, GOOD), "y": rows(4, ("r", "3"))})
    assert ("warnings", "x") in standing(store), "an older window says nothing about the newest"
    assert ("blocked", "y") in standing(store)
    assert ("warnings", "y") not in standing(store)
    run(store, day(6), {"x": rows(6, GOOD), "y": rows(6, ("r", "3"))})
    assert set(standing(store)) == {("warnings", "y"), ("rows", "y")}, "what stays of the block are its rows"


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_the_same_days_in_any_order_leave_the_same_problems(store, order):
    days = {
        1: {"x": DOWN, "y": rows(1, ("p", "2"), ("q", "998")), "z": rows(1, ("s", "3"))},
        2: {"x": rows(2, ODD), "y": CHANGED, "z": rows(2, ("h", "2"))},
        3: {"x": rows(3, GOOD), "y": rows(3, ("r", "3")), "z": [(f"z{n}", "chữ", at(3)) for n in range(22)]},
    }
    for number in order:
        run(store, day(number), days[number])
    assert standing(store) == {
        ("source_down", "x"): 0, ("schema_drift", "y"): 0, ("rows", "y"): 1, ("warnings", "y"): 1,
        ("blocked", "z"): 22, ("rows", "z"): 22,
    }  # fmt: skip


def test_a_repetition_changes_nothing(store):
    clock(store, 2025, 9, 2, 0, 10)
    given = {"x": rows(1, GOOD, ODD, BAD), "y": DOWN}
    run(store, day(1), given)
    everything = "SELECT * FROM ops.problems ORDER BY problem_id"
    before = rows_of(store, everything)
    clock(store, 2025, 9, 2, 9, 0)
    run(store, day(1), given)  # only y is asked again
    run(store, day(1), {"x": rows(1, GOOD, ODD, BAD), "y": DOWN})
    assert rows_of(store, everything) == before


def test_a_problem_that_comes_back_within_the_cooling_off_is_the_same_problem(store):
    clock(store, 2025, 9, 2, 0, 10)
    run(store, day(1), {"x": DOWN, "y": rows(1, ("p", "2"))})
    clock(store, 2025, 9, 2, 6, 0)
    run(store, day(1), {"x": rows(1, GOOD)})
    clock(store, 2025, 9, 3, 0, 10)
    run(store, day(2), {"x": DOWN, "y": rows(2, ("p", "2"))})
    opened, since, closed = rows_of(store, "SELECT opened_at, since, closed_at FROM ops.problems")[0]
    assert (since - opened, closed) == (timedelta(days=1), None)
    run(store, day(2), {"x": rows(2, GOOD)})
    clock(store, 2025, 9, 4, 0, 11)  # a day and a minute later
    run(store, day(3), {"x": DOWN, "y": rows(3, ("p", "2"))})
    assert rows_of(store, "SELECT count(*) AS n, count(closed_at) AS closed FROM ops.problems") == [(2, 1)]


def test_a_redrive_says_nothing_about_windows(store):
    run(store, day(1), {"x": rows(1, ODD)})
    with store.session() as session:
        run_id = ledger.open_redrive(session, UNITS.dataset, day(2))
        Landing(store, UNITS, day(2), run_id).create(session)
    judge(store, UNITS, day(2), run_id)
    promote(store, UNITS, day(2), run_id)
    assert standing(store) == {("warnings", "x"): 1}


def test_two_windows_of_one_source_at_the_same_time_see_each_other(store):
    run(store, day(1), {"x": DOWN, "y": rows(1, ("p", "2"))})
    for number in (1, 2):
        with store.session() as session:
            ledger.open_run(session, UNITS.dataset, day(number), ["x"])

    def note(session, number, *, landed):
        run_id = ledger.current_run(session, UNITS.dataset, day(number))
        if landed:
            ledger.mark_landed(session, run_id, "x", 0, 0.0)
        else:
            ledger.mark_missing(session, run_id, "x", DOWN, "lý do", 0.0)
        problems.note_source(session, UNITS, day(number), run_id, "x")

    def second():
        with store.session() as session:
            note(session, 2, landed=False)

    with ThreadPoolExecutor(1) as pool, store.session() as session:
        note(session, 1, landed=True)
        other = pool.submit(second)
        with pytest.raises(TimeoutError):
            other.result(0.5)
        session.commit()
        other.result(10)
    [(kind, first, windows)] = rows_of(
        store, "SELECT kind, first_window, details->>'windows' FROM ops.problems WHERE closed_at IS NULL"
    )
    assert (kind, first, windows) == ("source_down", day(2).start, "1")
