"""A list to which is only added: what ``core`` holds stays as it is, unless a person says otherwise."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from lienthong import quality
from lienthong.contracts import load
from lienthong.errors import ContractError, TryAgain
from lienthong.settings import Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import quarantine
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import HOME, day, land, rows_of

RULE = "khong_sua_ban_ghi_cu"
LOG = """
kind: DataContract
apiVersion: v3.1.0
id: nhat_ky
name: Nhật ký
version: 1.0.0
status: active
description: {purpose: Nhật ký đo.}
team: {name: Trạm đo}
support:
  - {channel: a, tool: email, url: "mailto:tram@tinh.example"}
servers:
  - server: tram
    type: custom
    customProperties: [{property: connection, value: tram}]
customProperties:
  - {property: mode, value: append}
  - {property: master, value: province}
  - {property: cursor, value: nhan_luc}
schema:
  - name: nhat_ky
    logicalType: object
    properties:
      - {name: ma_tram, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: do_luc, logicalType: timestamp, primaryKey: true, primaryKeyPosition: 2}
      - {name: gia_tri, logicalType: number}
      - {name: don_vi, logicalType: string}
      - {name: nhan_luc, logicalType: timestamp}
"""


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "tram" / "nhat_ky.odcs.yaml"
    path.parent.mkdir()
    path.write_text(LOG, encoding="utf-8")
    return load(path)


@pytest.fixture
def wh(warehouse, contract):
    migrate(warehouse, [contract])
    return warehouse


def measured(value, hour=8, station="KK-01", unit="mg", received=9):
    return (station, f"2025-09-01 {hour:02d}:00:00", value, unit, f"2025-09-{received:02d} 23:00:00")


def run(wh, contract, window, *rows):
    """Judged by both compilations, which must agree."""
    plan = land(wh, contract, window, {"tram": list(rows)})
    quality.judge(wh, contract, window, plan.run_id)
    return promote(wh, contract, window, plan.run_id)


def held(wh):
    return rows_of(wh, "SELECT record_key, rules FROM quarantine.rows WHERE state = 'open' ORDER BY 1")


def test_the_rule_follows_from_the_mode(contract):
    (rule,) = [one for one in contract.rules if one.id == RULE]
    assert rule.derived
    assert rule.rejects
    assert rule.severity == "quarantine"
    assert rule.columns == ("gia_tri", "don_vi")  # not the key, not the cursor
    assert contract.references == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - {property: cursor, value: nhan_luc}\n", "", "modes incremental and append need a cursor"),
        ("value: append", "value: snapshot", "mode snapshot has none"),
        ("value: append", "value: added", "mode must be one of incremental, append, snapshot"),
    ],
)
def test_append_needs_a_cursor_like_incremental(tmp_path, old, new, said):
    path = tmp_path / "nhat_ky.odcs.yaml"
    path.write_text(LOG.replace(old, new), encoding="utf-8")
    with pytest.raises(ContractError, match=said):
        load(path)


def test_a_record_comes_again_unchanged_or_not_at_all(wh, contract):
    first = run(wh, contract, day(9), measured("1.5"), measured("2", hour=9), measured(None, hour=10))
    assert (first.inserted, first.quarantined) == (3, 0)
    second = run(
        wh, contract, day(10),
        measured("1.5", received=10),  # sent once more
        measured("2.1", hour=9, received=10),
        measured("3", hour=10, received=10),  # absent before: filling in is a change too
        measured("4", hour=11, received=10),
    )  # fmt: skip
    assert (second.inserted, second.updated, second.unchanged, second.quarantined) == (1, 0, 1, 2)
    assert held(wh) == [("KK-01|2025-09-01 09:00:00", [RULE]), ("KK-01|2025-09-01 10:00:00", [RULE])]
    values = rows_of(wh, "SELECT gia_tri::text FROM core.nhat_ky ORDER BY do_luc")
    assert values == [("1.5",), ("2",), (None,), ("4",)]
    assert rows_of(wh, "SELECT count(*) FROM history.nhat_ky") == [(0,)]


def test_the_same_window_again_and_days_in_another_order_change_nothing(wh, contract):
    later = [measured("4", hour=11, received=10)]
    run(wh, contract, day(10), *later)
    older = run(wh, contract, day(9), measured("9", hour=11, received=9), measured("1"))
    assert (older.inserted, older.quarantined) == (1, 1)
    assert rows_of(wh, "SELECT gia_tri::text FROM core.nhat_ky ORDER BY do_luc") == [("1",), ("4",)]
    assert rows_of(wh, "SELECT count(*) FROM history.nhat_ky") == [(0,)]
    again = run(wh, contract, day(10), *later)
    assert (again.unchanged, again.inserted, again.quarantined) == (1, 0, 0)


def test_a_source_that_takes_its_change_back_frees_the_record(wh, contract):
    run(wh, contract, day(9), measured("1"))
    run(wh, contract, day(10), measured("2", received=10))
    assert held(wh)
    run(wh, contract, day(10), measured("1", received=10))
    assert held(wh) == []


def test_a_correction_passes_with_a_waiver_and_leaves_the_old_in_history(wh, contract):
    run(wh, contract, day(9), measured("1"))
    run(wh, contract, day(10), measured("2", received=10))
    steps = Pipeline(Settings.from_env({"LIENTHONG_HOME": str(HOME)}), {"nhat_ky": contract}, wh, lambda name: None)
    [(key, _)] = held(wh)
    _, done = steps.waive(
        "nhat_ky", source="tram", record_key=key, rules=[RULE], reason="Công văn đính chính số 12/TTQT", by="ai",
        until=datetime.now(UTC) + timedelta(days=3),
    )  # fmt: skip
    assert sum(one.updated for one in done) == 1
    assert rows_of(wh, "SELECT gia_tri::text FROM core.nhat_ky") == [("2",)]
    assert rows_of(wh, "SELECT gia_tri::text FROM history.nhat_ky") == [("1",)]
    assert held(wh) == []


@pytest.mark.parametrize("order", [(9, 10), (10, 9)])
def test_windows_judged_side_by_side_change_no_record_either(wh, contract, order):
    plans = {}
    for number in order:
        plans[number] = land(wh, contract, day(number), {"tram": [measured(str(number), received=number)]}).run_id
        quality.judge(wh, contract, day(number), plans[number])
    first, second = order
    promote(wh, contract, day(first), plans[first])
    with pytest.raises(TryAgain, match="it is judged again"):
        promote(wh, contract, day(second), plans[second])
    steps = Pipeline(Settings.from_env({"LIENTHONG_HOME": str(HOME)}), {"nhat_ky": contract}, wh, lambda name: None)
    done = steps.promote("nhat_ky", day(second))
    assert (done.updated, done.superseded, done.quarantined) == (0, 0, 1)
    assert rows_of(wh, "SELECT gia_tri::text FROM core.nhat_ky") == [(str(first),)]
    assert rows_of(wh, "SELECT rules FROM quarantine.rows") == [([RULE],)]
    assert rows_of(wh, "SELECT count(*) FROM history.nhat_ky") == [(0,)]


def test_rows_are_judged_after_the_promote_that_runs_and_do_not_stand_in_its_way(wh, contract):
    plan = land(wh, contract, day(9), {"tram": [measured("1")]})
    landing = Landing(wh, contract, day(9), plan.run_id)
    with ThreadPoolExecutor(1) as pool, wh.session() as promoting:
        promoting.execute("SELECT pg_advisory_xact_lock(hashtextextended('core.nhat_ky', 1))")
        judging = pool.submit(quality.judge, wh, contract, day(9), plan.run_id)
        waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until = time.monotonic() + 20
        while not rows_of(wh, waiting):
            assert not judging.done()
            assert time.monotonic() < until
            time.sleep(0.02)
        promoting.execute("SET LOCAL lock_timeout = '2s'")
        landing.drop(promoting)  # as a promote of the same run does at its end
        promoting.commit()
        with pytest.raises(TryAgain, match="not whole"):
            judging.result(timeout=20)


def test_a_row_without_a_key_is_held_for_that_alone(wh, contract):
    run(wh, contract, day(9), measured("1"))
    run(wh, contract, day(10), (None, *measured("2", received=10)[1:]))
    [(_, rules)] = held(wh)
    assert rules == ["ma_tram_bat_buoc"]


def test_a_window_is_waited_for_exactly(wh, contract):
    """As of events: yesterday's additions do not stand in for today's."""
    from dataclasses import replace

    asking = replace(
        contract,
        dataset="khac",
        rules=(replace(contract.rules[0], kind="exists_in", arguments={"dataset": "nhat_ky"}),),
    )
    steps = Pipeline(
        Settings.from_env({"LIENTHONG_HOME": str(HOME)}), {"nhat_ky": contract, "khac": asking}, wh, lambda name: None
    )
    run(wh, contract, day(10), measured("1", received=10))
    assert steps.waits_for("khac", day(10)) == []
    assert steps.waits_for("khac", day(9)) == ["nhat_ky"]


def test_held_rows_without_a_key_are_looked_for_in_their_own_window(wh, contract):
    run(wh, contract, day(9), (None, *measured("2", received=9)[1:]))
    run(wh, contract, day(10), measured("1", received=10))
    with wh.session() as session:
        assert quarantine.pairs_to_recheck(session, wh, contract, day(10)) == {day(9): ("tram",)}
