"""Rules about a window in the judge: whom they speak about, what they keep, and what they leave alone."""

import itertools

import pytest

from lienthong import quality
from lienthong.warehouse import ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.measures import WHOLE
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import at, contract, day, land, rows_of, rule

COLUMNS = [("ma", "string"), ("loai", "string"), ("luc", "timestamp")]
A, B = "H15.1", "H15.2"


@pytest.fixture
def made(warehouse):
    """Makes a contract out of rules about windows, with its tables."""

    def make(*rules):
        found = contract("thu", COLUMNS, [rule("ma_bat_buoc", "required", "ma"), *rules])
        migrate(warehouse, [found])
        return found

    return make


def counted(severity="warn", **arguments):
    return rule("so_dong", "row_count", severity=severity, **{"min_windows": 2, "tolerance": 2, "share": 0} | arguments)


NUMBERS = itertools.count()


def rows(count, number, loai="1"):
    """Records that no other call gives; 8 to 12 September 2025 are working days."""
    return [(str(next(NUMBERS)), loai, at(number)) for _ in range(count)]


def judge(warehouse, made, number, sources):
    plan = land(warehouse, made, day(number), sources)
    return plan.run_id, quality.judge(warehouse, made, day(number), plan.run_id)


def run(warehouse, made, number, sources):
    run_id, verdict = judge(warehouse, made, number, sources)
    promote(warehouse, made, day(number), run_id)
    return run_id, verdict


def broken(warehouse, run_id):
    return rows_of(warehouse, "SELECT source, failing FROM ops.verdict_sources WHERE run_id = %s ORDER BY 1", run_id)


def kept(warehouse):
    query = "SELECT source, extract(day FROM window_start)::int, value::int, run_id FROM ops.measures ORDER BY 1, 2"
    return rows_of(warehouse, query)


def test_the_source_that_gave_too_little_is_named_and_counted_once(warehouse, made):
    thu = made(counted())
    for number in (8, 9):
        assert run(warehouse, thu, number, {A: rows(40, number), B: rows(3, number)})[1].failing == {}
    run_id, verdict = run(warehouse, thu, 10, {A: rows(4, 10), B: rows(1, 10)})
    assert verdict.failing == {"so_dong": 1}
    assert (verdict.rejected, verdict.blocked) == (0, ())
    assert broken(warehouse, run_id) == [(A, 1)]
    query = "SELECT expectation, checked, failing FROM ops.verdicts WHERE run_id = %s AND rule = 'so_dong'"
    assert rows_of(warehouse, query, run_id) == [("UnexpectedRowsExpectation", 2, 1)]
    with warehouse.session() as session:
        assert quality.recorded(session, thu, day(10), run_id).failing == {"so_dong": 1}


def test_a_day_without_any_row_is_judged_too(warehouse, made):
    thu = made(counted())
    for number in (8, 9):
        run(warehouse, thu, number, {A: rows(40, number)})
    run_id, verdict = judge(warehouse, thu, 10, {A: []})
    assert (verdict.rows, verdict.failing) == (0, {"so_dong": 1})
    assert broken(warehouse, run_id) == [(A, 1)]


def test_a_broken_block_rule_holds_its_source_and_no_other(warehouse, made):
    thu = made(counted("block"))
    for number in (8, 9):
        run(warehouse, thu, number, {A: rows(40, number), B: rows(3, number)})
    _, verdict = run(warehouse, thu, 10, {A: rows(4, 10), B: rows(1, 10)})
    assert (verdict.blocked, verdict.rejected) == ((A,), 4)
    assert rows_of(warehouse, "SELECT source, state FROM ops.batches WHERE run_id = %s ORDER BY 1", verdict.run_id) == [
        (A, "blocked"),
        (B, "landed"),
    ]


def test_a_late_source_is_measured_alone_and_a_second_reading_replaces(warehouse, made):
    thu = made(counted())
    first, _ = run(warehouse, thu, 8, {A: rows(7, 8), B: None})
    assert kept(warehouse) == [(A, 8, 7, first)]
    late, verdict = run(warehouse, thu, 8, {A: rows(9, 8), B: rows(5, 8)})
    assert verdict.rows == 5
    assert kept(warehouse) == [(A, 8, 7, first), (B, 8, 5, late)]
    again, _ = run(warehouse, thu, 8, {A: rows(8, 8), B: rows(6, 8)})
    assert kept(warehouse) == [(A, 8, 8, again), (B, 8, 6, again)]


def test_only_windows_before_are_looked_at_whatever_the_order(warehouse, made):
    thu = made(counted())
    for number in (10, 11):
        run(warehouse, thu, number, {A: rows(40, number)})
    assert run(warehouse, thu, 9, {A: rows(1, 9)})[1].failing == {}
    assert run(warehouse, thu, 12, {A: rows(2, 12)})[1].failing == {"so_dong": 1}


def test_a_redrive_says_nothing_about_windows(warehouse, made):
    thu = made(counted("block"))
    for number in (8, 9):
        run(warehouse, thu, number, {A: rows(40, number)})
    before = kept(warehouse)
    with warehouse.session() as session:
        run_id = ledger.open_redrive(session, "thu", day(9))
        Landing(warehouse, thu, day(9), run_id).create(session)
    verdict = quality.judge(warehouse, thu, day(9), run_id)
    assert (verdict.failing, verdict.blocked) == ({}, ())
    query = "SELECT checked, failing FROM ops.verdicts WHERE run_id = %s AND rule = 'so_dong'"
    assert rows_of(warehouse, query, run_id) == [(0, 0)]
    assert kept(warehouse) == before


def test_the_sources_together_are_judged_when_all_are_there_and_held_together(warehouse, made):
    thu = made(counted("block", per="dataset"))
    for number in (8, 9):
        run(warehouse, thu, number, {A: rows(30, number), B: rows(30, number)})
    assert [source for source, *_ in kept(warehouse)] == [WHOLE, WHOLE]
    _, verdict = run(warehouse, thu, 10, {A: rows(10, 10), B: None})
    assert verdict.failing == {}, "a source is missing, and everybody knows it"
    run_id, verdict = run(warehouse, thu, 11, {A: rows(10, 11), B: rows(10, 11)})
    assert (verdict.failing, verdict.blocked) == ({"so_dong": 1}, (A, B))
    assert broken(warehouse, run_id) == [(WHOLE, 1)]
    query = "SELECT expectation FROM ops.verdicts WHERE run_id = %s AND rule = 'so_dong'"
    assert rows_of(warehouse, query, run_id) == [("ExpectTableRowCountToBeBetween",)]


def test_no_value_but_a_listed_code_is_written_down(warehouse, made):
    thu = made(rule("loai_thuong_le", "drift", "loai", severity="warn", max=0.2, values=["1", "2"]))
    run(warehouse, thu, 8, {A: [*rows(3, 8), *rows(2, 8, loai="0912345678")]})
    found = rows_of(warehouse, "SELECT part, value::int FROM ops.measures WHERE source = %s ORDER BY 1", A)
    assert found == [("", 2), ("1", 3), ("2", 0)]
