"""What a whole snapshot no longer holds: the version before stays in history, and every endpoint hears of it."""

from dataclasses import replace

import pytest

from lienthong import quality
from lienthong.errors import NeedsPerson
from lienthong.quality import judging
from lienthong.quality.great import Found
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import CHA, DANH_MUC, at, day, land, rows_of

LIST = replace(DANH_MUC, endpoints=("shared_platform", "national_portal"))
ROWS = [(str(number), f"tên {number}") for number in range(10, 60)]
TABLES = ("core.danh_muc", "history.danh_muc", "publish.outbox", "quarantine.rows")


@pytest.fixture
def wh(warehouse, monkeypatch):
    migrate(warehouse, [LIST, CHA])
    # The verdict of Great Expectations has its own tests; every row here is a good one.
    monkeypatch.setattr(
        judging, "expect",
        lambda url, table, contract, *_: Found({rule.id: 0 for rule in contract.rules if not rule.about_window}, None),
    )  # fmt: skip
    return warehouse


def run(wh, window, sources, contract=LIST):
    plan = land(wh, contract, window, sources if isinstance(sources, dict) else {"danh_muc": sources})
    quality.judge(wh, contract, window, plan.run_id)
    done = promote(wh, contract, window, plan.run_id)
    assert done.balanced
    return done


def everything(wh):
    return [rows_of(wh, f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t") for name in TABLES]


def outbox(wh, key="10", endpoint="shared_platform"):
    return rows_of(
        wh,
        "SELECT version, deleted, state FROM publish.outbox WHERE record_key = %s AND endpoint = %s ORDER BY version",
        key, endpoint,
    )  # fmt: skip


def test_two_percent_that_are_gone_are_deleted_with_history_and_published_as_deletions(wh):
    run(wh, day(1), ROWS)
    done = run(wh, day(2), ROWS[1:])
    assert (done.deleted, done.enqueued, done.unchanged) == (1, 2, 49)
    gone = rows_of(wh, "SELECT ma, ten, _version, _source_time FROM core.danh_muc WHERE _deleted_at IS NOT NULL")
    assert gone == [("10", "tên 10", 2, day(2).local_end)]
    kept = rows_of(wh, "SELECT ma, ten, _version, _source_time, _deleted_at FROM history.danh_muc")
    assert kept == [("10", "tên 10", 1, day(1).local_end, None)]
    for endpoint in LIST.endpoints:
        assert outbox(wh, endpoint=endpoint) == [(1, False, "superseded"), (2, True, "pending")]
    assert outbox(wh, "11") == [(1, False, "pending")]


def test_the_same_snapshot_again_changes_nothing(wh):
    run(wh, day(1), ROWS)
    run(wh, day(2), ROWS[1:])
    before = everything(wh)
    again = run(wh, day(2), ROWS[1:])
    assert (again.deleted, again.enqueued) == (0, 0)
    assert everything(wh) == before


def test_a_record_that_comes_back_is_sent_again_as_a_newer_version(wh):
    run(wh, day(1), ROWS)
    run(wh, day(2), ROWS[1:])
    done = run(wh, day(3), ROWS)
    assert (done.updated, done.deleted, done.enqueued) == (1, 0, 2)
    assert rows_of(wh, "SELECT _version, _deleted_at FROM core.danh_muc WHERE ma = '10'") == [(3, None)]
    assert rows_of(wh, "SELECT _version, _deleted_at IS NULL FROM history.danh_muc ORDER BY 1") == [
        (1, True),
        (2, False),
    ]
    assert outbox(wh) == [(1, False, "superseded"), (2, True, "superseded"), (3, False, "pending")]


def test_a_deletion_leaves_a_version_in_the_hands_of_a_sender_to_it(wh):
    run(wh, day(1), ROWS)
    with wh.session() as session:
        session.execute("UPDATE publish.outbox SET state = 'claimed' WHERE record_key = '10'")
    run(wh, day(2), ROWS[1:])
    assert outbox(wh) == [(1, False, "claimed"), (2, True, "pending")]


def test_sixty_percent_that_are_gone_are_a_mistake_and_nothing_changes(wh):
    run(wh, day(1), ROWS)
    before = everything(wh)
    with pytest.raises(NeedsPerson, match="no longer holds 30 of 50 records, more than the 20%"):
        run(wh, day(2), [("10", "tên mới"), *ROWS[31:]])
    assert everything(wh) == before


def test_what_a_run_that_lacks_a_source_does_not_hold_is_not_gone(wh):
    run(wh, day(1), ROWS)
    done = run(wh, day(2), {"danh_muc": ROWS[1:], "khac": None})
    assert (done.deleted, done.enqueued) == (0, 0)


def test_nothing_is_gone_from_what_comes_by_windows(wh):
    run(wh, day(1), {"H15.1": [("A", "2", at(1)), ("B", "4", at(1))]}, CHA)
    done = run(wh, day(2), {"H15.1": [("A", "6", at(2))]}, CHA)
    assert (done.deleted, done.enqueued) == (0, 1)
