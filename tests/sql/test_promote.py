"""Promote on a real PostgreSQL: what enters core, what is set aside, and that every row is accounted for."""

import itertools
from dataclasses import replace

import pytest

from lienthong import quality
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.quality import judging
from lienthong.quality.great import Found
from lienthong.warehouse import ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import CHA, CON, DANH_MUC, at, contract, day, land, rows_of, rule

CONTRACTS = [CHA, CON, DANH_MUC]


@pytest.fixture
def wh(warehouse, monkeypatch):
    migrate(warehouse, CONTRACTS)
    # The verdict of Great Expectations has its own tests; here its place is taken by the split's own counts.
    monkeypatch.setattr(
        judging, "expect", lambda url, table, contract, window, *_: Found(_split(warehouse, table, contract), None)
    )
    return warehouse


def _split(warehouse, table, contract):
    marks = table.replace("__typed", "__marks")
    return {
        found.id: rows_of(warehouse, f'SELECT count(*) FROM landing."{marks}" WHERE {bits} & {1 << place} <> 0')[0][0]
        for rules, bits in ((contract.rejecting, "broken"), (contract.warning, "warned"))
        for place, found in enumerate(rules)
    }


def run(wh, contract, window, rows, source="H15.1"):
    plan = land(wh, contract, window, rows if isinstance(rows, dict) else {source: rows})
    quality.judge(wh, contract, window, plan.run_id)
    done = promote(wh, contract, window, plan.run_id)
    assert done.balanced
    return done


def core(wh, dataset="cha"):
    return rows_of(wh, f"SELECT ma, gia_tri::int, _version FROM core.{dataset} WHERE _deleted_at IS NULL ORDER BY 1")


def test_new_changed_unchanged_and_rejected_rows_are_all_counted(wh):
    first = run(wh, CHA, day(1), [("A", "1", at(1)), ("B", "2", at(1)), ("C", "900", at(1)), (None, "4", at(1))])
    assert (first.extracted, first.inserted, first.quarantined, first.enqueued) == (4, 2, 2, 2)
    second = run(wh, CHA, day(2), [("A", "1", at(2)), ("B", "3", at(2))])
    assert (second.unchanged, second.updated, second.enqueued) == (1, 1, 1)
    assert core(wh) == [("A", 1, 1), ("B", 3, 2)]
    assert rows_of(wh, "SELECT ma, gia_tri::int FROM history.cha") == [("B", 2)]


def test_a_second_run_of_the_same_rows_changes_nothing(wh):
    rows = [("A", "1", at(1)), ("B", "2", at(1)), ("C", "x", at(1))]
    run(wh, CHA, day(1), rows)
    before = _everything(wh)
    again = run(wh, CHA, day(1), rows)
    assert (again.inserted, again.updated, again.unchanged, again.quarantined, again.enqueued) == (0, 0, 2, 1, 0)
    assert _everything(wh) == before


def _everything(wh):
    tables = ("core.cha", "history.cha", "quarantine.rows", "publish.outbox")
    return [rows_of(wh, f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t") for name in tables]


def test_promoting_the_same_run_twice_gives_the_stored_counts(wh):
    plan = land(wh, CHA, day(1), {"H15.1": [("A", "1", at(1))]})
    quality.judge(wh, CHA, day(1), plan.run_id)
    assert promote(wh, CHA, day(1), plan.run_id) == promote(wh, CHA, day(1), plan.run_id)
    assert rows_of(wh, "SELECT count(*) FROM publish.outbox") == [(1,)]


DAYS = {
    1: [("A", "1", at(1)), ("B", "1", at(1)), ("C", "900", at(1)), ("D", "7", at(1))],
    2: [("A", "2", at(2)), ("C", "5", at(2)), ("D", "900", at(2)), ("E", "1", at(2)), ("E", "2", at(2))],
    3: [("A", "2", at(3)), ("B", "3", at(3)), ("E", "3", at(3)), ("F", "x", at(3))],
}


@pytest.mark.parametrize("order", list(itertools.permutations(DAYS)))
def test_days_in_any_order_end_in_the_same_content(wh, order):
    for number in order:
        run(wh, CHA, day(number), DAYS[number])
    assert [(ma, value) for ma, value, _ in core(wh)] == [("A", 2), ("B", 3), ("C", 5), ("D", 7), ("E", 3)]
    assert rows_of(wh, "SELECT ma, gia_tri::int, _source_time FROM core.cha ORDER BY 1") == rows_of(
        wh, "SELECT ma, gia_tri::int, luc FROM core.cha ORDER BY 1"
    )
    assert rows_of(wh, "SELECT ma, gia_tri::int FROM history.cha ORDER BY 1, 2") == [("A", 1), ("B", 1)]
    assert rows_of(wh, "SELECT record_key, place, state FROM quarantine.rows ORDER BY 1, 2") == [
        ("C", 1, "corrected"), ("D", 1, "open"), ("E", 1, "corrected"), ("E", 2, "corrected"), ("F", 1, "open"),
    ]  # fmt: skip
    newest = rows_of(wh, "SELECT record_key FROM publish.outbox WHERE state = 'pending' ORDER BY 1")
    assert newest == [("A",), ("B",), ("C",), ("D",), ("E",)]


def test_an_older_version_goes_to_history_and_is_not_published(wh):
    run(wh, CHA, day(3), [("A", "3", at(3))])
    late = run(wh, CHA, day(1), [("A", "1", at(1))])
    assert (late.superseded, late.enqueued) == (1, 0)
    assert core(wh) == [("A", 3, 1)]
    assert rows_of(wh, "SELECT gia_tri::int, _version FROM history.cha") == [(1, 0)]


def test_a_version_not_yet_sent_gives_way_to_a_newer_one(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    run(wh, CHA, day(2), [("A", "2", at(2))])
    states = rows_of(wh, "SELECT version, state FROM publish.outbox ORDER BY version")
    assert states == [(1, "superseded"), (2, "pending")]


def test_a_version_in_the_hands_of_a_sender_is_left_to_it(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    with wh.session() as session:
        session.execute("UPDATE publish.outbox SET state = 'claimed', token = 1")
    run(wh, CHA, day(2), [("A", "2", at(2))])
    states = rows_of(wh, "SELECT version, state FROM publish.outbox ORDER BY version")
    assert states == [(1, "claimed"), (2, "pending")]


def test_a_rejected_row_is_kept_as_received_with_the_rules_it_breaks(wh):
    run(wh, CHA, day(1), [("A", " 4,5 ", at(1))])
    [(raw, rules, state)] = rows_of(wh, "SELECT raw, rules, state FROM quarantine.rows")
    assert raw == {"ma": "A", "gia_tri": " 4,5 ", "luc": at(1)}
    assert rules == ["gia_tri_dung_kieu"]
    assert state == "open"


def test_rows_of_one_key_are_all_set_aside(wh):
    done = run(wh, CHA, day(1), [("A", "1", at(1)), ("A", "2", at(1)), ("B", "2", at(1))])
    assert (done.inserted, done.quarantined) == (1, 2)
    assert rows_of(wh, "SELECT record_key, place FROM quarantine.rows ORDER BY 2") == [("A", 1), ("A", 2)]


def test_a_rejected_newer_version_leaves_the_older_good_one_in_core(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    run(wh, CHA, day(2), [("A", "900", at(2))])
    assert core(wh) == [("A", 1, 1)]
    assert rows_of(wh, "SELECT state FROM quarantine.rows") == [("open",)]


def test_a_touch_without_a_change_makes_no_version(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    done = run(wh, CHA, day(2), [("A", "1", at(2))])
    assert (done.unchanged, done.enqueued) == (1, 0)
    assert rows_of(wh, "SELECT _version, _source_time = '2025-09-02 08:00' FROM core.cha") == [(1, True)]


def test_a_missing_source_costs_only_itself_and_alone_is_read_later(wh):
    done = run(wh, CHA, day(1), {"H15.1": [("A", "1", at(1))], "H15.2": None})
    assert done.inserted == 1
    later = land(wh, CHA, day(1), {"H15.1": [("A", "9", at(1))], "H15.2": [("B", "2", at(1))]})
    assert later.todo == ("H15.2",)
    quality.judge(wh, CHA, day(1), later.run_id)
    promote(wh, CHA, day(1), later.run_id)
    assert core(wh) == [("A", 1, 1), ("B", 2, 1)]
    with wh.session() as session:
        assert ledger.windows_with_missing(session, "cha", 14, whole=False) == ()


def test_a_source_that_is_mostly_bad_is_blocked_whole(wh):
    bad = [(f"X{n}", "900", at(1)) for n in range(15)] + [(f"Y{n}", "2", at(1)) for n in range(10)]
    plan = land(wh, CHA, day(1), {"H15.1": bad, "H15.2": [("A", "1", at(1))]})
    verdict = quality.judge(wh, CHA, day(1), plan.run_id)
    assert verdict.blocked == ("H15.1",)
    done = promote(wh, CHA, day(1), plan.run_id)
    assert (done.extracted, done.inserted, done.quarantined) == (26, 1, 25)
    assert core(wh) == [("A", 1, 1)]
    assert rows_of(wh, "SELECT DISTINCT unnest(rules) FROM quarantine.rows ORDER BY 1") == [
        ("gia_tri_nho",), ("nguon_bi_chan",),
    ]  # fmt: skip


def test_a_source_whose_rows_only_wait_is_not_blocked(wh):
    plan = land(wh, CON, day(1), {"H15.1": [(f"c{n}", "A", at(1)) for n in range(30)]})
    assert quality.judge(wh, CON, day(1), plan.run_id).blocked == ()


def test_a_dataset_that_is_read_again_is_waited_for(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    with wh.session() as session:
        assert ledger.settled(session, "cha", day(1), exactly=True)
        assert not ledger.settled(session, "cha", day(2), exactly=False)
    land(wh, CHA, day(1), {"H15.1": [("A", "1", at(1))]})
    with wh.session() as session:
        assert not ledger.settled(session, "cha", day(1), exactly=True)


def test_a_snapshot_marks_what_is_gone_and_takes_it_back(wh):
    rows = [(f"{n}", f"tên {n}") for n in range(10)]
    run(wh, DANH_MUC, day(1), rows)
    assert run(wh, DANH_MUC, day(2), rows[1:]).deleted == 1
    assert rows_of(wh, "SELECT ma FROM core.danh_muc WHERE _deleted_at IS NOT NULL") == [("0",)]
    back = run(wh, DANH_MUC, day(3), rows)
    assert (back.updated, back.unchanged) == (1, 9)
    assert rows_of(wh, "SELECT count(*) FROM core.danh_muc WHERE _deleted_at IS NULL") == [(10,)]


def test_a_snapshot_that_shrinks_too_much_is_held(wh):
    rows = [(f"{n}", f"tên {n}") for n in range(10)]
    run(wh, DANH_MUC, day(1), rows)
    with pytest.raises(NeedsPerson, match="no longer holds 7 of 10"):
        run(wh, DANH_MUC, day(2), rows[:3])
    assert rows_of(wh, "SELECT count(*) FROM core.danh_muc WHERE _deleted_at IS NULL") == [(10,)]


def test_an_older_snapshot_deletes_nothing(wh):
    rows = [(f"{n}", f"tên {n}") for n in range(10)]
    run(wh, DANH_MUC, day(5), rows)
    assert run(wh, DANH_MUC, day(1), rows[1:]).deleted == 0


LIST = replace(
    DANH_MUC, rules=(*DANH_MUC.rules, rule("ma_duy_nhat", "unique", "ma")), endpoints=("shared_platform",),
    delete_brake=1.0,
)  # fmt: skip
LISTED = [(f"{n}", f"tên {n}") for n in range(10, 60)]


def listed(wh):
    return rows_of(wh, "SELECT ma, ten FROM core.danh_muc WHERE _deleted_at IS NULL ORDER BY 1")


@pytest.mark.parametrize(
    ("row", "held"),
    [((None, "tên 10"), 1), (("1O", None), 1), (("11", "tên 10"), 2)],
    ids=["blanked", "misspelt", "that of another record"],
)
def test_a_record_whose_key_is_spoilt_is_held_and_not_deleted(wh, row, held):
    run(wh, LIST, day(1), LISTED)
    done = run(wh, LIST, day(2), [row, *LISTED[1:]])
    assert (done.quarantined, done.deleted, done.enqueued) == (held, 0, 0)
    assert listed(wh) == LISTED
    again = run(wh, LIST, day(3), LISTED[1:])
    assert (again.deleted, again.enqueued) == (1, 1), "no rejected row stands for it any more"


def test_more_records_are_missing_than_rejected_rows_can_stand_for(wh):
    run(wh, LIST, day(1), LISTED)
    done = run(wh, LIST, day(2), [("10", None), (None, "tên 11"), *LISTED[4:]])
    assert (done.quarantined, done.deleted) == (2, 3)
    assert listed(wh) == [LISTED[0], *LISTED[4:]], "the row that names its record stands for that one alone"


LISTS = {
    1: [("A", "a"), ("B", "b"), ("C", "c1"), ("D", "d")],
    2: [("A", "a"), ("B", "b"), ("C", "c2"), ("D", "d"), ("Z", "z")],
    3: [("A", "a"), ("C", "c3"), ("D", None), ("E", "e")],
}


@pytest.mark.parametrize("order", list(itertools.permutations(LISTS)))
def test_snapshots_in_any_order_end_in_the_newest(wh, order):
    for number in order:
        run(wh, LIST, day(number), LISTS[number])
    assert listed(wh) == [("A", "a"), ("C", "c3"), ("D", "d"), ("E", "e")]
    seen = "SELECT DISTINCT ma, ten FROM history.danh_muc ORDER BY 1, 2"
    assert rows_of(wh, seen) == [("B", "b"), ("C", "c1"), ("C", "c2"), ("Z", "z")]
    sent = "SELECT record_key FROM publish.outbox WHERE state = 'pending' AND NOT deleted ORDER BY 1"
    assert rows_of(wh, sent) == [("A",), ("C",), ("D",), ("E",)]


def test_a_snapshot_overtaken_by_a_newer_one_neither_adds_nor_deletes(wh):
    run(wh, LIST, day(1), LISTED)
    run(wh, LIST, day(3), [("10", None), *LISTED[1:]])
    done = run(wh, LIST, day(2), [*LISTED[1:], ("Z", "z")])
    assert (done.inserted, done.superseded, done.deleted, done.enqueued) == (0, 1, 0, 0)
    assert listed(wh) == LISTED


def test_a_landing_emptied_by_a_crash_is_never_promoted(wh):
    plan = land(wh, CHA, day(1), {"H15.1": [("A", "1", at(1))]})
    quality.judge(wh, CHA, day(1), plan.run_id)
    with wh.session() as session:
        session.execute(f'TRUNCATE landing."cha__{plan.run_id}"')
    with pytest.raises(TryAgain, match="lost"):
        promote(wh, CHA, day(1), plan.run_id)
    assert rows_of(wh, "SELECT state FROM ops.runs") == [("open",)]


def test_nothing_is_left_in_landing_after_promote(wh):
    run(wh, CHA, day(1), [("A", "1", at(1))])
    assert rows_of(wh, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'landing'") == [(0,)]


def test_typed_values_come_from_what_people_write(wh):
    forms = contract(
        "dang", [("ma", "string"), ("ngay", "timestamp"), ("luc", "timestamp")],
        [rule_type("ngay")],
    )  # fmt: skip
    migrate(wh, [forms])
    rows = {
        "iso": "2025-09-30 08:00:00", "viet": "30/09/2025 08:00", "offset": "2025-09-30T01:00:00+00:00",
        "zulu": "2025-09-30T01:00:00Z", "day": "2025-09-30", "space": "\u00a0 2025-09-30 08:00:00 ",
        "today": "today", "infinity": "infinity", "words": "cuối tháng", "month13": "2025-13-01",
    }  # fmt: skip
    run(wh, forms, day(30), [(name, value, at(30)) for name, value in rows.items()])
    found = dict(rows_of(wh, "SELECT ma, to_char(ngay, 'YYYY-MM-DD HH24:MI') FROM core.dang"))
    eight = "2025-09-30 08:00"
    assert found == {
        "iso": eight,
        "viet": eight,
        "offset": eight,
        "zulu": eight,
        "space": eight,
        "day": "2025-09-30 00:00",
    }
    assert len(rows_of(wh, "SELECT 1 FROM quarantine.rows")) == 4


def rule_type(name):
    return rule(f"{name}_dung_kieu", "type", name, type="timestamp")


def test_two_promotes_at_once_end_as_one(wh):
    from concurrent.futures import ThreadPoolExecutor

    plan = land(wh, CHA, day(1), {"H15.1": [("A", "1", at(1)), ("B", "2", at(1))]})
    quality.judge(wh, CHA, day(1), plan.run_id)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: promote(wh, CHA, day(1), plan.run_id), range(4)))
    assert len(set(results)) == 1
    assert rows_of(wh, "SELECT count(*) FROM publish.outbox") == [(2,)]


def test_landing_twice_at_once_lands_once(wh):
    plan = land(wh, CHA, day(1), {"H15.1": None})
    landing = Landing(wh, CHA, day(1), plan.run_id)
    with wh.session() as session:
        rows = landing.land(session, "H15.1", [[("A", "1", at(1))]])
        assert ledger.mark_landed(session, plan.run_id, "H15.1", rows, 0.0)
    with wh.session() as session:
        rows = landing.land(session, "H15.1", [[("A", "1", at(1))]])
        assert not ledger.mark_landed(session, plan.run_id, "H15.1", rows, 0.0)
        session.rollback()
    with wh.session() as session:
        assert landing.intact(session)
