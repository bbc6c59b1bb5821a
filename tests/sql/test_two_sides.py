"""Two sides that hold the same records: the master decides, the version that loses is kept, and whoever must mend it
is told; codes that a catalogue has ended are found where they still stand."""

from dataclasses import replace

import pytest

from lienthong import steps
from lienthong.alerts.facts import standing
from lienthong.alerts.letter import showable
from lienthong.alerts.telling import Teller
from lienthong.contracts import SourceSpec
from lienthong.errors import NeedsPerson, SourceDown, SourceShrunk, TryAgain
from lienthong.quality import judge
from lienthong.settings import Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import problems, versions
from lienthong.warehouse.counterpart import compare
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import HOME, contract, day, rows_of, rule
from .test_problems import clock, read

OTHER = SourceSpec("ben_kia", None, None)
CHU = contract(
    "chu",
    [("ma", "string"), ("so", "integer"), ("ngay", "date")],
    [rule("ma_bat_buoc", "required", "ma")],
    mode="snapshot", cursor=None, endpoints=("shared_platform",), delete_brake=1.0, counterpart=OTHER,
)  # fmt: skip
BAN_SAO = replace(CHU, dataset="ban_sao", master="national", endpoints=())
MA = contract(
    "ma_dvhc",
    [("ma", "string"), ("hieu_luc_tu", "date"), ("hieu_luc_den", "date"), ("ma_thay_the", "string")],
    [rule("ma_bat_buoc", "required", "ma")],
    mode="snapshot", cursor=None, endpoints=(), master="national",
)  # fmt: skip
NHA = contract(
    "nha",
    [("so", "string"), ("ma_xa", "string")],
    [rule("xa_ton_tai", "exists_in", "ma_xa", dataset="ma_dvhc", column="ma")],
    mode="snapshot", cursor=None, endpoints=(), key=("so",), order_key="so",
    source=SourceSpec("unit_{member}", None, "ma"),
)  # fmt: skip


@pytest.fixture
def store(warehouse):
    migrate(warehouse, [CHU, BAN_SAO, MA, NHA])
    return warehouse


def run(warehouse, contract, window, sources):
    run_id = read(warehouse, window, sources, contract)
    judge(warehouse, contract, window, run_id)
    return promote(warehouse, contract, window, run_id)


def open_conflicts(warehouse, dataset="chu"):
    return {
        key: (kind, columns)
        for key, kind, columns in rows_of(
            warehouse,
            f"SELECT record_key, kind, columns FROM quarantine.conflicts WHERE closed_at IS NULL"
            f" AND dataset = '{dataset}'",
        )
    }


def accept_all(warehouse):
    with warehouse.session() as session:
        session.execute("UPDATE publish.outbox SET state = 'done', settled_at = now() WHERE state = 'pending'")


def waiting(warehouse):
    return rows_of(
        warehouse, "SELECT record_key, version FROM publish.outbox WHERE state = 'pending' ORDER BY record_key, version"
    )


OURS = [("a", "1", "2025-09-01"), ("b", "2", None), ("c", "3", "2025-09-03")]


def test_what_is_still_on_its_way_is_no_conflict(store):
    run(store, CHU, day(1), {"nguon": OURS})
    found = compare(store, CHU, day(1), [[("a", "1", "01/09/2025")]])
    assert (found.theirs, found.equal, found.differing, found.on_the_way) == (1, 1, 0, 2)
    assert open_conflicts(store) == {}


def test_the_province_is_master_its_version_is_sent_again_and_theirs_is_kept(store):
    run(store, CHU, day(1), {"nguon": OURS})
    accept_all(store)
    there = [("a", "7", "2025-09-01"), ("c", "3", "2025-09-03"), ("x", "9", None)]
    found = compare(store, CHU, day(1), [there])
    assert (found.equal, found.differing, found.sent_again) == (1, 3, 2)
    assert open_conflicts(store) == {"a": ("changed", ["so"]), "b": ("missing", []), "x": ("extra", [])}
    assert rows_of(store, "SELECT theirs->>'so' FROM quarantine.conflicts WHERE record_key = 'a'") == [("7",)]
    assert waiting(store) == [("a", 2), ("b", 2)], "the master's version, as a newer one"
    assert rows_of(store, "SELECT so FROM core.chu WHERE ma = 'a'") == [(1,)], "nothing of theirs reaches core"
    found = compare(store, CHU, day(1), [there])
    assert found.sent_again == 0, "it is on its way already"
    accept_all(store)
    found = compare(store, CHU, day(1), [[*OURS, ("x", "9", None)]])
    assert open_conflicts(store) == {"x": ("extra", [])}
    assert rows_of(store, "SELECT count(*) FROM quarantine.conflicts WHERE closed_at IS NOT NULL") == [(2,)]
    assert run(store, CHU, day(2), {"nguon": OURS}).unchanged == 3, "a version sent again is no new content"


def test_what_a_holder_was_never_sent_is_not_missed_there(store):
    """A sensitive column stays here; a change of it alone is no difference, one of what was sent still is."""
    columns = tuple(replace(c, classification="sensitive") if c.name == "ngay" else c for c in CHU.columns)
    chu = replace(CHU, columns=columns, counterpart=SourceSpec("shared_platform", None, None))
    assert chu.as_counterpart.names == ("ma", "so")
    assert replace(chu, counterpart=OTHER).as_counterpart.names == CHU.names, "it has its records from elsewhere"
    assert replace(chu, send_sensitive=("ngay",)).as_counterpart.names == CHU.names
    run(store, chu, day(1), {"nguon": OURS})
    accept_all(store)
    found = compare(store, chu, day(1), [[row[:2] for row in OURS]])
    assert (found.equal, found.differing, found.sent_again) == (3, 0, 0)
    run(store, chu, day(2), {"nguon": [("a", "4", "2025-09-01"), *OURS[1:]]})
    accept_all(store)
    found = compare(store, chu, day(2), [[("a", "1"), ("b", "8"), ("c", "3")]])
    assert (found.equal, found.differing, found.sent_again) == (1, 2, 2)
    assert open_conflicts(store) == {"a": ("behind", ["so"]), "b": ("changed", ["so"])}
    assert rows_of(store, "SELECT theirs FROM quarantine.conflicts ORDER BY record_key") == [
        ({"ma": "a", "so": "1"},), ({"ma": "b", "so": "8"},),
    ]  # fmt: skip


def test_a_holder_that_changes_its_version_again_loses_neither(store):
    run(store, CHU, day(1), {"nguon": OURS})
    for value in ("7", "8"):
        accept_all(store)
        compare(store, CHU, day(1), [[("a", value, "2025-09-01"), *OURS[1:]]])
    kept = rows_of(store, "SELECT theirs->>'so' AS so, closed_at IS NULL AS open FROM quarantine.conflicts ORDER BY 1")
    assert kept == [("7", False), ("8", True)]


def test_the_nation_is_master_and_the_copy_is_told_apart_by_what_is_wrong_with_it(store):
    run(store, BAN_SAO, day(1), {"nguon": OURS})
    run(store, BAN_SAO, day(2), {"nguon": [("a", "5", "2025-09-01"), ("b", "2", None), ("d", "4", None)]})
    copy = [OURS[0], ("b", "6", None), OURS[2], ("y", "1", None)]
    found = compare(store, BAN_SAO, day(2), [copy])
    assert found.sent_again == 0
    assert open_conflicts(store, "ban_sao") == {
        "a": ("behind", ["so"]), "b": ("changed", ["so"]), "c": ("behind", []), "d": ("missing", []),
        "y": ("extra", []),
    }  # fmt: skip


def test_a_conflict_is_one_problem_of_the_holder_in_words_and_closes_when_both_are_equal(store):
    clock(store, 2025, 9, 3, 8)
    run(store, BAN_SAO, day(1), {"nguon": OURS})
    compare(store, BAN_SAO, day(1), [[("a", "9", "2025-09-01"), *OURS[1:]]])
    with store.session() as session:
        (problem,) = standing(session, HOME)
    assert (problem.kind, problem.source, problem.count) == ("conflict", "ben_kia", 1)
    told = Teller({"ban_sao": BAN_SAO}, {}, {}).told(problem, "new")
    (broken,) = told.rules
    assert broken.count == 1
    assert broken.keys == ("a",)
    assert broken.sentence.startswith("Bản sao tại đơn vị đã bị sửa")
    assert "9" not in str(problem.details["keys"]), "keys and counts, no value"
    compare(store, BAN_SAO, day(1), [OURS])
    with store.session() as session:
        assert [p for p in standing(session, HOME) if p.closed_at is None] == []


def test_a_comparison_that_breaks_off_leaves_nothing(store):
    run(store, CHU, day(1), {"nguon": OURS})
    accept_all(store)

    def gone():
        yield [("a", "7", None)]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        compare(store, CHU, day(1), gone())
    assert open_conflicts(store) == {}
    assert waiting(store) == []
    assert rows_of(store, "SELECT count(*) FROM ops.comparisons") == [(0,)]


def test_rows_that_point_to_an_ended_code_are_told_with_its_successor(store):
    clock(store, 2025, 9, 3, 8)
    catalogues = {"ma_dvhc": MA, "nha": NHA}
    old, new = ("24121", "2025-07-01", None, None), ("24133", "2025-07-01", None, None)
    run(store, MA, day(1), {"nguon": [old, new]})
    run(store, NHA, day(1), {"u1": [("1", "24121"), ("2", "24133")], "u2": [("3", "24133")]})

    def told():
        with store.session() as session:
            problems.note_ended(session, NHA, catalogues, day(1))
            problems.note_ended(session, MA, catalogues, day(1))
        with store.session() as session:
            found = [p for p in standing(session, HOME) if p.closed_at is None]
        return [(p.source, Teller(catalogues, {}, {}).told(p, "new")) for p in found]

    assert told() == []
    run(store, MA, day(2), {"nguon": [("24121", "2025-07-01", "2025-09-02", "24133"), new]})
    ((source, letter),) = told()
    assert (source, letter.kind, letter.count) == ("u1", "ended_code", 1)
    (line,) = letter.rules
    assert (line.count, line.keys) == (1, ("1",))
    assert (
        line.sentence
        == showable(line.sentence, 600)
        == ("«ma_xa» ghi mã 24121 đã hết hiệu lực từ 02/09/2025; thay bằng mã 24133.")
    )
    run(store, NHA, day(3), {"u1": [("1", "24133"), ("2", "24133")], "u2": [("3", "24133")]})
    assert told() == [], "mended at the source"


def test_a_code_that_ends_tomorrow_is_still_good(store):
    clock(store, 2025, 9, 3, 8)
    run(store, MA, day(1), {"nguon": [("1", "2025-07-01", "2025-09-04", "2")]})
    run(store, NHA, day(1), {"u1": [("1", "1")]})
    with store.session() as session:
        problems.note_ended(session, NHA, {"ma_dvhc": MA, "nha": NHA}, day(1))
    assert rows_of(store, "SELECT count(*) FROM ops.problems") == [(0,)]


def again(warehouse, theirs, contract=CHU):
    """One more day: the sender has done its work, then the holder is asked."""
    accept_all(warehouse)
    return compare(warehouse, contract, day(1), [theirs])


def test_what_is_promoted_and_sent_while_the_holder_is_read_is_no_conflict(store):
    run(store, CHU, day(1), {"nguon": OURS})
    accept_all(store)

    def pages():
        yield OURS[:2]
        run(store, CHU, day(2), {"nguon": [("a", "5", None), OURS[1], ("d", "4", None)]})
        with store.session() as session:
            session.execute(
                "UPDATE publish.outbox SET state = 'done', settled_at = clock_timestamp() WHERE state = 'pending'"
            )
        yield OURS[2:]

    found = compare(store, CHU, day(1), pages())
    assert (found.differing, found.on_the_way, found.sent_again) == (0, 3, 0), "changed, deleted, new"
    assert (open_conflicts(store), waiting(store)) == ({}, [])


def test_what_is_promoted_while_a_copy_is_read_is_no_conflict_of_the_copy(store):
    run(store, BAN_SAO, day(1), {"nguon": OURS})

    def pages():
        yield OURS
        run(store, BAN_SAO, day(2), {"nguon": [("a", "5", None), OURS[1]]})

    found = compare(store, BAN_SAO, day(1), pages())
    assert (found.differing, found.on_the_way) == (0, 2)


def test_a_list_that_broke_off_is_refused_and_changes_nothing(store):
    braked = replace(CHU, delete_brake=0.1)
    many = [(f"m{n}", "1", None) for n in range(20)]
    run(store, braked, day(1), {"nguon": many})
    again(store, many, braked)
    again(store, [*many[:17], ("x", "1", None)], braked)  # exactly a tenth fewer
    accept_all(store)
    before = open_conflicts(store), rows_of(store, "SELECT * FROM ops.comparisons")
    with pytest.raises(SourceShrunk, match="ben_kia gives 16 records; the last comparison found 18 there") as refused:
        again(store, [*many[:16], ("m0", "1", None), (None, "1", None)], braked)
    assert "deleteBrake" in str(refused.value)
    with pytest.raises(SourceShrunk):
        again(store, [], braked)
    assert (open_conflicts(store), rows_of(store, "SELECT * FROM ops.comparisons")) == before
    assert waiting(store) == []


def test_a_holder_that_holds_on_to_its_version_gets_ours_once_more_and_then_a_person_sees_it(store):
    run(store, CHU, day(1), {"nguon": OURS})
    theirs = [("a", "7", "2025-09-01"), OURS[2]]
    assert again(store, theirs).sent_again == 2
    assert compare(store, CHU, day(1), [theirs]).on_the_way == 2, "asked again before the sender came"
    assert [again(store, theirs).sent_again for _ in range(4)] == [0, 0, 0, 0]
    assert open_conflicts(store) == {"a": ("changed", ["so"]), "b": ("missing", [])}, "still open"
    assert rows_of(store, "SELECT count(*) FROM quarantine.conflicts") == [(2,)], "and the same"
    assert again(store, [("a", "8", "2025-09-01"), OURS[2]]).sent_again == 1, "another version of theirs"
    assert again(store, OURS).differing == 0
    assert again(store, theirs).sent_again == 2, "mended and broken again"


def test_what_another_receiver_has_not_taken_says_nothing_about_the_holder_and_is_not_lost(store):
    two = replace(
        CHU,
        endpoints=("shared_platform", "national_portal"),
        counterpart=SourceSpec("shared_platform", "platform", None),
    )
    run(store, two, day(1), {"nguon": OURS})
    with store.session() as session:
        session.execute(
            "UPDATE publish.outbox SET settled_at = now(), state = CASE WHEN endpoint = 'shared_platform' THEN 'done'"
            " WHEN record_key = 'a' THEN 'dead' WHEN record_key = 'b' THEN 'pending' ELSE 'done' END"
        )
    theirs = [("a", "7", "2025-09-01"), ("b", "7", None), ("c", "7", "2025-09-03")]
    found = compare(store, two, day(1), [theirs])
    assert (found.differing, found.on_the_way, found.sent_again) == (3, 0, 3)
    sent = rows_of(store, "SELECT endpoint, record_key FROM publish.outbox WHERE version = 2 ORDER BY 1, 2")
    assert sent == [
        ("national_portal", "a"), ("national_portal", "b"), ("shared_platform", "a"), ("shared_platform", "b"),
        ("shared_platform", "c"),
    ], "the portal gets what it would lose, no more"  # fmt: skip


def test_rows_without_a_key_and_repeated_ones_are_not_equal_to_ours(store):
    run(store, CHU, day(1), {"nguon": OURS})
    accept_all(store)
    found = compare(store, CHU, day(1), [[*OURS, OURS[0], OURS[0], (None, "5", None)]])
    assert (found.theirs, found.equal, found.differing) == (3, 3, 0)


def test_a_version_that_is_sent_again_is_a_version_of_the_dataset(store):
    run(store, CHU, day(1), {"nguon": OURS})
    accept_all(store)
    with store.session() as session:
        before = versions.current(session, "chu").number
    compare(store, CHU, day(1), [[("a", "7", "2025-09-01"), *OURS[1:]]])
    with store.session() as session:
        after = versions.current(session, "chu").number
    assert after == before + 1, "or whoever has read the record is told that it did not change"
    assert rows_of(store, "SELECT ma, _version, _change FROM core.chu ORDER BY 1") == [
        ("a", 2, after), ("b", 1, before), ("c", 1, before)
    ]  # fmt: skip
    again(store, OURS)
    with store.session() as session:
        assert versions.current(session, "chu").number == after, "a comparison that changes nothing makes no version"


class Gives:
    def read(self, contract, window):
        yield OURS[:1]


def test_what_is_wrong_with_one_holder_costs_only_its_own_comparison(store, monkeypatch):
    contracts = {"chu": replace(CHU, counterpart=SourceSpec("hong", None, None)), "ban_sao": BAN_SAO}
    monkeypatch.setattr(steps, "source_of", lambda connection, reader: Gives())
    trouble = NeedsPerson("The connection hong is missing.")

    def lookup(name):
        if name == "hong":
            raise trouble
        return name

    pipeline = Pipeline(Settings.from_env({"LIENTHONG_HOME": str(HOME)}), contracts, store, lookup)
    for one in contracts.values():
        run(store, one, day(1), {"nguon": OURS[:1]})
    with pytest.raises(NeedsPerson, match="hong is missing"):
        pipeline.compare()
    trouble = SourceDown("hong does not answer.")
    with pytest.raises(TryAgain, match="hong does not answer"):
        pipeline.compare()
    assert rows_of(store, "SELECT dataset FROM ops.comparisons") == [("ban_sao",), ("ban_sao",)]


def ended(warehouse, contract=NHA):
    with warehouse.session() as session:
        problems.note_ended(session, contract, {"ma_dvhc": MA, "nha": contract}, day(1))
    return rows_of(warehouse, "SELECT source, details->'codes' FROM ops.problems WHERE closed_at IS NULL")


def test_an_ended_code_that_leaves_the_catalogue_is_still_told(store):
    clock(store, 2025, 9, 5, 8)
    leaving = replace(MA, delete_brake=1.0)
    old, plain, new = ("1", "2025-07-01", "2025-09-01", "3"), ("2", None, None, None), ("3", "2025-07-01", None, None)
    run(store, leaving, day(1), {"nguon": [old, plain, new]})
    run(store, NHA, day(1), {"u1": [("x", "1"), ("y", "2"), ("z", "3")]})
    [before] = ended(store)
    run(store, leaving, day(2), {"nguon": [plain, new]})
    assert ended(store) == [before]
    run(store, leaving, day(3), {"nguon": [new]})
    [(_, codes)] = ended(store)
    assert [(one["code"], one["ended"], one["keys"]) for one in codes] == [
        ("1", "2025-09-01", ["x"]), ("2", "2025-09-04", ["y"])
    ]  # fmt: skip
    run(store, leaving, day(4), {"nguon": [("1", "2025-07-01", None, None), plain, new]})
    assert ended(store) == [], "both are good again"


@pytest.mark.parametrize("change", [{"rules": ()}, {"mode": "incremental"}])
def test_an_ended_code_is_closed_when_the_contract_no_longer_looks_for_it(store, change):
    clock(store, 2025, 9, 5, 8)
    run(store, MA, day(1), {"nguon": [("1", "2025-07-01", "2025-09-01", None)]})
    run(store, NHA, day(1), {"u1": [("x", "1")]})
    assert len(ended(store)) == 1
    assert ended(store, replace(NHA, **change)) == []


def test_an_ended_code_of_a_personal_column_is_counted_and_not_shown(store):
    clock(store, 2025, 9, 5, 8)
    run(store, MA, day(1), {"nguon": [("24121", "2025-07-01", "2025-09-01", "24133")]})
    run(store, NHA, day(1), {"u1": [("x", "24121"), ("y", "24121")]})
    assert len(ended(store)) == 1
    secret = replace(NHA, columns=tuple(replace(column, classification="personal") for column in NHA.columns))
    with store.session() as session:
        (problem,) = standing(session, HOME)
    for known in ({"nha": secret}, {}):
        told = Teller(known, {}, {}).told(problem, "new")
        assert [(line.count, line.keys) for line in told.rules] == [(2, ())]
        assert "24121" not in str(told)
        assert "24133" not in str(told)
