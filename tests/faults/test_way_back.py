"""SIGKILL while a waiver is granted and its record redriven: the next redrive ends where an undisturbed one ends."""

import sys
import traceback
from datetime import timedelta

import pytest

from lienthong.batches import Window

from .actor import ACTORS
from .stage import DAYS, Play, Stage
from .test_kills import judge

WINDOW = Window.of_day(DAYS[0])


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("var"))
    yield stage
    stage.postgres.stop()


def waive(environment, said, source, key, rules, ends):
    """What the command does, in a process of its own, so that it can be killed."""
    import os

    from lienthong.connections import from_environment
    from lienthong.settings import Settings
    from lienthong.steps import Pipeline

    os.environ.clear()
    os.environ.update(environment)
    try:
        pipeline = Pipeline.of(Settings.from_env(), from_environment)
        pipeline.waive(
            "ho_so", source=source, record_key=key, rules=rules, reason="Công văn số 12/UBND", by="Phòng KSTTHC",
            until=ends,
        )  # fmt: skip
    except Exception:
        said.write_text(traceback.format_exc(), encoding="utf-8")
        sys.exit(1)


def play_with_waiver(stage, name, point=""):
    """A day, a waiver for the first record that can have one, the redrive of the next task, the portal."""
    from lienthong.steps import Pipeline

    play = Play(stage, name)
    with play.portal():
        play.run(DAYS)
        pipeline = Pipeline.of(play.settings(), play.lookup)
        kinds = {rule.id: rule.kind for rule in pipeline.contract("ho_so").rejecting}
        plain = [rule for rule, kind in kinds.items() if kind in ("sql", "at_most", "matches", "length", "between")]
        plain.remove("so_dinh_danh_hop_le")  # the portal refuses such a number, whoever waived it
        with pipeline.warehouse.session() as session:
            row = session.execute(
                "SELECT source, record_key, rules, ops.moment() AS now FROM quarantine.rows WHERE dataset = 'ho_so'"
                " AND state = 'open' AND rules <@ %s AND record_key NOT LIKE 'row:%%' ORDER BY 1, 2 LIMIT 1",
                [plain],
            ).fetchone()
        if point:
            play.arm(point, "kill")
        said = play.crash / "said.txt"
        given = (row["source"], row["record_key"], row["rules"], row["now"] + timedelta(days=30))
        process = ACTORS.Process(target=waive, args=(play.environment(), said, *given))
        process.start()
        process.join(120)
        assert process.exitcode == (-9 if point else 0), said.read_text(encoding="utf-8") if said.exists() else ""
        pipeline.redrive("ho_so", WINDOW)
        pipeline.publish("national_portal")
        content = play.content()
        content["transitions"] = play.rows(
            "SELECT dataset, record_key, from_state, to_state, rules, actor, waiver FROM quarantine.transitions"
            " ORDER BY 1, 2, transition_id"
        )
        return play, row["record_key"], content


@pytest.fixture(scope="module")
def undisturbed(stage):
    _, key, content = play_with_waiver(stage, "waived")
    assert [row[3] for row in content["transitions"] if row[1] == key] == ["open", "waived"]
    assert key in {code for code, _ in content["portal.dossiers"]}, "a waived record reaches the portal"
    return content


@pytest.mark.parametrize("point", ["judge.before_record@ho_so", "promote.before_commit@ho_so"])
def test_a_waiver_is_killed_on_its_way(stage, undisturbed, point):
    play, _, content = play_with_waiver(stage, f"killed_{point.split('.')[0]}", point)
    assert content["transitions"] == undisturbed["transitions"]
    judge(play, {name: rows for name, rows in undisturbed.items() if name != "transitions"})
