"""SIGKILL of the task's process and of PostgreSQL in the middle of each step: the next try ends as if nothing was.

The scheduler's death is in ``tests/journey``, where there is one. The portal's own log is the judge.
"""

import time
from collections import Counter

import pytest

from lienthong.sandbox.portal_log import AcceptanceLog

from .stage import DAYS, Play, Stage

POINTS = {
    "extract": "extract.before_commit@ho_so.H15.131",
    "promote": "promote.before_commit@ho_so",
    "publish": "publish.before_settle@national_portal",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("var"))
    yield stage
    stage.postgres.stop()


@pytest.fixture(scope="module")
def undisturbed(stage):
    play = Play(stage, "undisturbed")
    with play.portal():
        play.run(DAYS)
        content = play.content()
        assert len(content["core.ho_so"]) > 50
        assert content["quarantine"], "the small province has planted faults too"
        assert len(content["portal.dossiers"]) == len(content["core.ho_so"])
        assert len(content["portal.steps"]) == len(content["core.tien_trinh"])
    return content


@pytest.fixture
def play(stage, request):
    return Play(stage, request.node.name.replace("[", "_").replace("]", "").replace("-", "_"))


@pytest.mark.parametrize("step", POINTS)
def test_the_task_is_killed(play, undisturbed, step):
    with play.portal():
        play.arm(POINTS[step], "kill")
        code, _ = play.actor(DAYS).end()
        assert code == -9, "the crash point was not reached"
        play.run(DAYS)
        judge(play, undisturbed)


@pytest.mark.parametrize("step", POINTS)
def test_postgresql_is_killed(play, undisturbed, step):
    with play.portal():
        reached = play.arm(POINTS[step], "wait")
        actor = play.actor(DAYS)
        until = time.monotonic() + 90
        while not reached.exists():
            assert time.monotonic() < until, "the crash point was not reached"
            assert actor.process.is_alive()
            time.sleep(0.02)
        play.stage.postgres.kill()
        reached.unlink()
        play.stage.postgres.start()
        code, said = actor.end()
        assert code == 1, "a step that lost its database cannot have gone well"
        assert "TryAgain" in said, said[-2000:]
        play.run(DAYS)
        judge(play, undisturbed)


def judge(play, undisturbed):
    """Nothing lost, nothing doubled, order kept, every acceptance with a receipt."""
    content = play.content()
    for name, rows in undisturbed.items():
        assert content[name] == rows, f"{name} differs from the undisturbed run"
    log = AcceptanceLog(play.portal_data)
    effects = [effect for effect in log.effects() if effect.effect]
    doubled = {key: n for key, n in Counter((e.record_key, e.sha256) for e in effects).items() if n > 1}
    assert not doubled
    created = {e.record_key: e.seq for e in effects if e.kind == "create"}
    assert all(created[e.record_key.split("|")[0]] < e.seq for e in effects if e.kind == "step")
    orphans = play.rows(
        "SELECT count(*) FROM publish.outbox o WHERE state = 'done' AND NOT EXISTS (SELECT FROM publish.receipts r"
        " WHERE (r.endpoint, r.dataset, r.record_key, r.version) = (o.endpoint, o.dataset, o.record_key, o.version)"
        " AND r.outcome = 'accepted')"
    )
    assert orphans == [(0,)]
    unbalanced = play.rows(
        "SELECT count(*) FROM ops.runs WHERE state <> 'promoted'"
        " OR extracted <> inserted + updated + unchanged + superseded + quarantined"
    )
    assert unbalanced == [(0,)]
    assert play.rows("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'landing'") == [(0,)]
