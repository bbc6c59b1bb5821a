"""A snapshot that lost a few rows deletes them; one that lost many is stopped by the brake, with one letter."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lienthong import steps
from lienthong.alerts.facts import standing
from lienthong.alerts.telling import Teller
from lienthong.errors import SourceShrunk
from lienthong.quality import judge
from lienthong.settings import Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import ledger
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import DANH_MUC, HOME, day, rows_of
from .test_problems import clock, read

BANG = replace(DANH_MUC, dataset="bang", delete_brake=0.1, endpoints=("shared_platform",), master="province")
ALL = [(f"m{n:03}", f"tên {n}") for n in range(100)]


@pytest.fixture
def store(warehouse):
    migrate(warehouse, [BANG])
    clock(warehouse, 2025, 9, 3, 8)
    return warehouse


def run(warehouse, number, rows):
    run_id = read(warehouse, day(number), {"nguon": rows}, BANG)
    judge(warehouse, BANG, day(number), run_id)
    return promote(warehouse, BANG, day(number), run_id)


def content(warehouse):
    return [
        rows_of(warehouse, f"SELECT t::text FROM {table} t ORDER BY 1")
        for table in ("core.bang", "history.bang", "publish.outbox", "quarantine.rows", "ops.watermarks")
    ]


def problems(warehouse):
    with warehouse.session() as session:
        return [(p.kind, p.source, p.count) for p in standing(session, HOME) if p.closed_at is None]


def test_two_in_a_hundred_are_deleted_softly_with_history_and_published_as_deletions(store):
    run(store, 1, ALL)
    assert run(store, 2, ALL[2:]).deleted == 2
    assert rows_of(store, "SELECT ma FROM core.bang WHERE _deleted_at IS NOT NULL ORDER BY 1") == [("m000",), ("m001",)]
    assert rows_of(store, "SELECT ma, _version FROM history.bang ORDER BY 1") == [("m000", 1), ("m001", 1)]
    waiting = "SELECT record_key, version FROM publish.outbox WHERE state = 'pending' AND version = 2 ORDER BY 1"
    assert rows_of(store, waiting) == [("m000", 2), ("m001", 2)]
    assert problems(store) == []


def test_sixty_in_a_hundred_change_nothing_and_are_one_problem_until_the_source_is_whole(store):
    run(store, 1, ALL)
    before = content(store)
    with pytest.raises(SourceShrunk, match="60 of 100 records"):
        run(store, 2, ALL[60:])
    for _ in range(2):  # read again, the same
        with pytest.raises(SourceShrunk):
            run(store, 2, ALL[60:])
    assert content(store) == before
    assert problems(store) == [("shrunk", "nguon", 60)]
    assert rows_of(store, "SELECT count(*) FROM ops.problems") == [(1,)], "the same problem, not three"
    with store.session() as session:
        told = Teller({"bang": BANG}, {}, {}).told(standing(session, HOME)[0], "new")
    assert "60 bản ghi" in told.reason
    assert "100" in told.reason
    assert run(store, 2, ALL).unchanged == 100, "the same window is read anew once the source was mended"
    assert problems(store) == [], "whole again"


def test_a_stopped_window_is_no_delivery_and_a_later_one_stands_for_it(store):
    """What refers to a catalogue waits while its window is stopped, and no longer once a later one is there."""
    run(store, 1, ALL)
    with pytest.raises(SourceShrunk):
        run(store, 2, ALL[60:])
    assert not settled(store, 2)
    assert rows_of(store, "SELECT state, rows FROM ops.batches ORDER BY run_id DESC LIMIT 1") == [("planned", 0)]
    assert rows_of(store, "SELECT count(*) FROM pg_tables WHERE schemaname = 'landing'") == [(0,)]
    run(store, 3, ALL[1:])
    assert problems(store) == []
    assert settled(store, 2)
    with store.session() as session:
        assert not ledger.settled(session, "bang", day(2), exactly=True)


def settled(warehouse, number):
    with warehouse.session() as session:
        return ledger.settled(session, "bang", day(number), exactly=False)


def test_an_older_window_says_nothing_about_a_newer_one_that_is_stopped(store):
    run(store, 1, ALL)
    with pytest.raises(SourceShrunk):
        run(store, 3, ALL[60:])
    run(store, 1, ALL)
    run(store, 2, ALL)
    assert problems(store) == [("shrunk", "nguon", 60)]


def test_the_task_that_is_cleared_after_the_source_was_mended_reads_it_again(store, monkeypatch):
    held = [ALL, ALL[60:], ALL]
    monkeypatch.setattr(steps, "source_of", lambda *_: SimpleNamespace(read=lambda *_: iter([held[0]])))
    pipeline = Pipeline(Settings.from_env(), {"bang": BANG}, store, lambda name: None)
    pipeline.run("bang", day(1))
    held.pop(0)
    with pytest.raises(SourceShrunk):
        pipeline.run("bang", day(2))
    held.pop(0)
    assert pipeline.promote("bang", day(2)).unchanged == 100
