"""Days of the province in another order end in the same warehouse and the same portal."""

from datetime import date

import pytest

from .stage import Play, Stage

FIRST, SECOND, THIRD = (date(2025, 7, number) for number in (1, 2, 3))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("var"), [FIRST, SECOND, THIRD])
    yield stage
    stage.postgres.stop()


def played(stage, name, days):
    play = Play(stage, name)
    with play.portal():
        play.run(days)
        content = play.content()
    # Which versions were sent depends on when the sender came by; the newest one of each record does not.
    content["outbox"] = sorted({(dataset, key) for dataset, key, *_ in content["outbox"]})
    # A step that had to wait for its dossier leaves a closed row; in another order it had not to wait.
    content["quarantine"] = [row for row in content["quarantine"] if row[4:6] != (["ho_so_ton_tai"], "released")]
    return content


def test_the_third_day_first(stage):
    in_order = played(stage, "in_order", [FIRST, SECOND, THIRD])
    assert len(in_order["core.ho_so"]) > 50
    assert in_order["history.ho_so"], "some dossiers changed on more than one day"
    other = played(stage, "other_order", [THIRD, FIRST, SECOND])
    for name, rows in in_order.items():
        assert other[name] == rows, f"{name} depends on the order of the days"
