"""Two sides that hold the same records: the master decides, the version that loses is kept, and whoever must mend it
is told; codes that a catalogue has ended are found where they still stand."""

from dataclasses import replace

import pytest

from lienthong.alerts.facts import standing
from lienthong.alerts.letter import showable
from lienthong.alerts.telling import Teller
from lienthong.contracts import SourceSpec
from lienthong.quality import judge
from lienthong.warehouse import problems
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
