"""What two processes, or a run and a change of its contract, do to each other: no row lost, doubled or misnamed."""

import dataclasses
import threading

import pytest

from lienthong.errors import NeedsPerson
from lienthong.quality import judging
from lienthong.steps import Pipeline
from lienthong.warehouse import marts, quarantine, waivers

from .builders import at, day, rows_of, rule
from .test_quarantine import CHA, empty, judged, lenient, prepared, world  # noqa: F401 - fixtures


def landed(world, number, **rows):  # noqa: F811
    """A day of which one unit is away, read as far as the others go; gives the lanes that are left."""
    world.down = {"H15.2"}
    world.give("cha", number, [("B", "1", at(number))])
    world.give("cha", number, [("Z", "1", at(number))], "H15.2")
    for lane in world.pipeline.plan("cha", day(number)):
        world.pipeline.extract("cha", day(number), lane)
    return world.pipeline.plan("cha", day(number))


def during_the_judge(monkeypatch, action):
    """Do something once while a verdict is about to be recorded."""
    real, done = judging.crashpoint, []

    def meanwhile(here, subject=""):
        if here == "judge.before_record" and not done:
            done.append(1)
            action()
        real(here, subject)

    monkeypatch.setattr(judging, "crashpoint", meanwhile)


def arrive(world, lanes):  # noqa: F811
    world.down = set()
    for lane in lanes:
        world.pipeline.extract("cha", day(2), lane)


def test_a_source_that_lands_after_the_verdict_is_judged_too(world):  # noqa: F811
    lanes = landed(world, 2)
    world.pipeline.judge("cha", day(2))
    arrive(world, lanes)
    assert world.pipeline.promote("cha", day(2)).extracted == 2
    assert world.core() == [("B", 1), ("Z", 1)]


def test_a_source_that_lands_while_the_others_are_judged_is_judged_too(world, monkeypatch):  # noqa: F811
    lanes = landed(world, 2)
    during_the_judge(monkeypatch, lambda: arrive(world, lanes))
    world.pipeline.judge("cha", day(2))
    world.pipeline.promote("cha", day(2))
    assert world.core() == [("B", 1), ("Z", 1)]


def test_a_source_that_is_still_being_copied_is_awaited(world):  # noqa: F811
    lanes = landed(world, 2)
    world.pipeline.judge("cha", day(2))
    world.down = set()
    real, began, on = world.read, threading.Event(), threading.Event()

    def slow(dataset, unit, window):
        def rows():
            yield [("Z", "1", at(2))]
            began.set()
            on.wait(20)

        return rows() if unit == "H15.2" else real(dataset, unit, window)

    world.read = slow
    reader = threading.Thread(target=world.pipeline.extract, args=("cha", day(2), lanes[0]))
    reader.start()
    assert began.wait(20)
    threading.Timer(1, on.set).start()
    world.pipeline.promote("cha", day(2))
    reader.join()
    assert world.core() == [("B", 1), ("Z", 1)]


def test_a_source_that_comes_when_the_run_is_over_is_left_for_the_next(world):  # noqa: F811
    lanes = landed(world, 2)
    world.pipeline.judge("cha", day(2))
    world.pipeline.promote("cha", day(2))
    arrive(world, lanes)
    world.pipeline.run_late(14)
    assert world.core() == [("B", 1), ("Z", 1)]


def test_a_contract_that_changed_after_the_verdict_names_its_own_rules(world):  # noqa: F811
    world.give("cha", 1, [("A", "900", at(1)), ("B", "1", at(1))])
    for lane in world.pipeline.plan("cha", day(1)):
        world.pipeline.extract("cha", day(1), lane)
    world.pipeline.judge("cha", day(1))
    world.with_contract(dataclasses.replace(CHA, rules=CHA.rules[1:]))
    world.pipeline.promote("cha", day(1))
    assert world.held() == [("A", "open", ["gia_tri_nho"])]


def test_good_rows_of_a_window_read_again_are_not_held_because_the_bad_ones_are_left(world):  # noqa: F811
    bad = [("a!", "1", at(1))] + [(f"X{n}", "900", at(1)) for n in range(15)]
    good = [(f"B{n}", "1", at(1)) for n in range(20)]
    world.play("cha", 1, bad + good)
    world.give("cha", 1, bad[1:] + good[:5])
    world.play("cha", 2, [(key, "2", at(2)) for key, _, _ in good[5:]])
    assert [key for key, state, _ in world.held() if key.startswith("B") and state == "open"] == []


def test_a_recheck_is_no_delivery(judged):  # noqa: F811
    """Neither the measures of the day nor its score become those of what is left there."""
    usual = rule("so_dong", "row_count", severity="warn", min_windows=3)
    judged.with_contract(dataclasses.replace(CHA, rules=(*CHA.rules, usual)))
    judged.play("cha", 1, [("a!", "1", at(1))] + [(f"B{n}", "1", at(1)) for n in range(60)])

    def known():
        marts.refresh(judged.warehouse)
        return rows_of(
            judged.warehouse,
            "SELECT value FROM ops.measures WHERE source = 'H15.1' AND window_start = %s",
            day(1).start,
        ), rows_of(
            judged.warehouse,
            "SELECT checked, failing FROM marts.quality WHERE source = 'H15.1' AND dimension = 'validity' AND day = %s",
            day(1).day,
        )

    before = known()
    assert before == ([(61.0,)], [(61, 1)])
    judged.give("cha", 1, [("a!", "1", at(1))] + [(f"B{n}", "1", at(1)) for n in range(6)])
    judged.play("cha", 2, [(f"B{n}", "2", at(2)) for n in range(6, 60)])
    assert ("cha", "H15.1", 1) in judged.reads
    assert known() == before


def test_rechecks_take_turns(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr(quarantine, "MOST_PAIRS", 1)
    world.play("cha", 1, [("a!", "1", at(1))])
    world.play("cha", 2, [("b!", "1", at(2))])
    world.give("cha", 1, [])
    for number in range(3, 6):
        world.play("cha", number, [])
    assert ("a!", "withdrawn", ["ma_dung_dang"]) in world.held()


def test_the_days_of_a_backfill_do_not_read_each_other_again(world):  # noqa: F811
    """Otherwise each would read all before it. The first one asks what was held earlier, the next daily window all."""
    world.play("cha", 1, [("a!", "1", at(1))])
    with world.warehouse.session() as session:
        number = session.execute(
            "INSERT INTO ops.backfills (datasets, first_day, last_day, asked_by) VALUES ('{cha}', %s, %s, 'An')"
            " RETURNING backfill_id", [day(2).day, day(4).day],
        ).fetchone()["backfill_id"]  # fmt: skip
    read = {}
    for n in (2, 3, 4):
        world.give("cha", n, [(f"b{n}!", "1", at(n))])
        world.reads.clear()
        world.pipeline.run("cha", day(n), backfill=number)
        read[n] = [(unit, at_day) for _, unit, at_day in world.reads if unit == "H15.1"]
    assert read == {2: [("H15.1", 2), ("H15.1", 1)], 3: [("H15.1", 3)], 4: [("H15.1", 4)]}
    world.play("cha", 5, [])
    assert {n for _, unit, n in world.reads if unit == "H15.1"} == {1, 2, 3, 4, 5}


def test_rows_that_a_query_holds_for_each_other_come_back_together(world):  # noqa: F811
    alone = rule("gt_duy_nhat", "sql", "gia_tri", expression="count(*) OVER (PARTITION BY t.gia_tri) = 1")
    world.with_contract(dataclasses.replace(CHA, rules=(*CHA.rules, alone)))
    world.play("cha", 1, [("A", "5", at(1)), ("B", "5", at(1))])
    world.redrive("cha", keys=["A"])
    world.redrive("cha", keys=["B"])
    assert world.core() == []


def test_a_row_that_its_source_takes_back_while_it_is_judged_again_is_not_promoted(world, monkeypatch):  # noqa: F811
    world.play("cha", 1, [("A", "900", at(1))])
    world.with_contract(lenient())

    def read_again():
        world.give("cha", 1, [("C", "1", at(1))])
        for lane in world.pipeline.plan("cha", day(1)):
            world.pipeline.extract("cha", day(1), lane)
        world.pipeline.judge("cha", day(1))
        world.pipeline.promote("cha", day(1))

    during_the_judge(monkeypatch, read_again)
    world.redrive("cha")
    assert world.core() == [("C", 1)]
    assert [key for key, *_ in world.outbox()] == ["C"]


def test_the_ledger_names_the_waiver_that_let_the_row_through(world):  # noqa: F811
    world.play("cha", 1, [("A", "900", at(1))])
    first, _ = world.waive("A", "gia_tri_nho", reason="Công văn 1/UBND")
    world.play("cha", 2, [("A", "913", at(2))])
    second, _ = world.waive("A", "gia_tri_khong_13", reason="Công văn 2/UBND")
    with world.warehouse.session() as session:
        waivers.revoke(session, second.waiver_id, "An")
    world.play("cha", 3, [("A", "x", at(3))])
    world.play("cha", 4, [("A", "901", at(4))])
    assert rows_of(world.warehouse, "SELECT waiver FROM quarantine.rows") == [(first.waiver_id,)]


def test_a_day_asked_for_is_read_whole_although_one_source_is_still_awaited(world):  # noqa: F811
    world.down = {"H15.2"}
    world.play("cha", 1, [("A", "1", at(1))])
    world.pipeline.run_late(14)
    world.give("cha", 1, [("A", "7", at(1, 9))])
    world.run("cha", 1)
    assert world.core() == [("A", 7)]
    world.reads.clear()
    world.pipeline.run_late(14)
    assert {unit for _, unit, _ in world.reads} == {"H15.2"}, "what is late is read alone"


def test_one_dataset_that_needs_a_person_does_not_hold_up_the_late_sources_of_others(world, monkeypatch):  # noqa: F811
    world.down = {"H15.2"}
    world.play("cha", 1, [("A", "2", at(1))])
    world.play("con", 1, [("K", "A", at(1))])
    world.down = set()
    world.give("cha", 1, [("Y", "1", at(1))], "H15.2")
    world.give("con", 1, [("Z", "A", at(1))], "H15.2")
    real = Pipeline.judge

    def judge(self, dataset, window):
        if dataset == "cha":
            raise NeedsPerson("the two compilations differ")
        return real(self, dataset, window)

    monkeypatch.setattr(Pipeline, "judge", judge)
    with pytest.raises(NeedsPerson, match="the two compilations differ"):
        world.pipeline.run_late(14)
    assert ("Z", "A") in world.core("con")
