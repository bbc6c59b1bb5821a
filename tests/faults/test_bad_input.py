"""What is wrong is said in one sentence, costs only what it must, and leaves nothing half-done."""

import json
import shutil

import pytest

from lienthong.batches import Window
from lienthong.errors import ContractError, NeedsPerson, TryAgain
from lienthong.sandbox import trouble
from lienthong.settings import ROOT, Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import ledger

from .stage import DAYS, Play, Stage

WINDOW = Window.of_day(DAYS[0])


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("var"))
    yield stage
    stage.postgres.stop()


@pytest.fixture
def play(stage, request):
    return Play(stage, request.node.name)


def pipeline(play, **connections):
    """The steps in this process; a connection of None is missing, a text replaces it."""

    def lookup(name):
        if connections.get(name, "") is None:
            raise NeedsPerson(f"Connection {name!r} is missing. Set AIRFLOW_CONN_{name.upper()}.")
        from lienthong.connections import from_environment

        env = {**play.environment(), **{f"AIRFLOW_CONN_{k.upper()}": v for k, v in connections.items() if v}}
        return from_environment(name, env)

    return Pipeline.of(Settings.from_env(play.environment()), lookup)


def catalogues(steps):
    for dataset in ("don_vi", "thu_tuc"):
        steps.run(dataset, WINDOW)


def missing(play):
    return play.rows("SELECT source, reason_code, reason FROM ops.batches WHERE state = 'missing' ORDER BY 1")


def test_a_unit_without_a_connection_costs_only_itself(play):
    with play.portal():
        steps = pipeline(play, unit_h15_131=None)
        catalogues(steps)
        done = steps.run("ho_so", WINDOW)
        assert done.inserted > 20
        [(source, code, reason)] = missing(play)
        assert (source, code) == ("H15.131", "nguon_khong_tra_loi")
        assert "quản trị viên của tỉnh" in reason, "the unit's owner reads this, and cannot mend it"


def test_a_source_without_a_promised_column_is_named_and_the_rest_flows(play):
    province = play.stage.province
    trouble.drop_column(province, "H15.131", "ngay_hen_tra")
    try:
        with play.portal():
            steps = pipeline(play)
            catalogues(steps)
            assert steps.run("ho_so", WINDOW).inserted > 20
            [(source, _, reason)] = missing(play)
            assert source == "H15.131"
            assert "thiếu cột ngay_hen_tra" in reason
            trouble.restore(province, "H15.131")
            assert steps.plan("ho_so", WINDOW) == [["H15.131"]]
            steps.run("ho_so", WINDOW)
            assert play.rows("SELECT count(*) > 0 FROM core.ho_so WHERE _source = 'H15.131'") == [(True,)]
    finally:
        trouble.restore(province, "H15.131")


def test_when_no_source_answers_the_run_stays_open(play):
    with play.portal():
        steps = pipeline(play, national_portal="http://u:p@127.0.0.1:1")
        steps.run("don_vi", WINDOW)
        with pytest.raises(TryAgain, match="no source answered") as error:
            steps.run("thu_tuc", WINDOW)
        assert "u:p" not in str(error.value)
        assert play.rows("SELECT state FROM ops.runs WHERE dataset = 'thu_tuc'") == [("open",)]
        healthy = pipeline(play)
        assert healthy.run("thu_tuc", WINDOW).inserted > 200
        assert play.rows("SELECT count(*) FROM ops.runs WHERE dataset = 'thu_tuc'") == [(1,)]


def test_a_portal_that_cannot_be_reached_loses_nothing(play):
    with play.portal():
        steps = pipeline(play)
        catalogues(steps)
        steps.run("ho_so", WINDOW)
        waiting = "SELECT count(*) FROM publish.outbox WHERE state = 'pending' AND endpoint = 'national_portal'"
        due = play.rows(waiting)
        with pytest.raises(TryAgain):
            pipeline(play, national_portal="http://u:p@127.0.0.1:1").publish("national_portal")
        assert play.rows(waiting) == due
        with play.stage.postgres.server.connect(play.name) as session:
            session.execute("UPDATE publish.outbox SET next_attempt_at = now()")
        assert steps.publish("national_portal").accepted == due[0][0]


def test_a_warehouse_that_cannot_be_reached_is_one_sentence(play):
    with play.portal():
        gone = json.dumps(
            {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "password": "bi-mat", "schema": "x"}
        )
        with pytest.raises(TryAgain, match="does not answer") as error:
            pipeline(play, warehouse=gone).plan("don_vi", WINDOW)
        assert "bi-mat" not in str(error.value)


def test_a_warehouse_that_is_no_database_is_refused(play):
    with play.portal(), pytest.raises(NeedsPerson, match="must be of type postgres"):
        pipeline(play, warehouse="http://x")


def test_a_misspelt_key_in_a_contract_stops_everything_before_it_begins(play, tmp_path):
    shutil.copytree(ROOT / "expectations", tmp_path / "expectations")
    file = tmp_path / "expectations" / "van_phong_ubnd" / "ho_so.odcs.yaml"
    lines = file.read_text(encoding="utf-8").replace("primaryKey:", "primarykey:", 1)
    file.write_text(lines, encoding="utf-8")
    number = next(n for n, line in enumerate(lines.splitlines(), 1) if "primarykey" in line)
    with play.portal():
        env = {**play.environment(), "LIENTHONG_HOME": str(tmp_path)}
        with pytest.raises(ContractError, match=rf"ho_so.odcs.yaml:{number}: .*primarykey"):
            Pipeline.of(Settings.from_env(env), play.lookup)


def test_an_unknown_dataset_or_endpoint_is_told_the_known_ones(play):
    with play.portal():
        steps = pipeline(play)
        with pytest.raises(NeedsPerson, match="there are .*thu_tuc, "):
            steps.contract("ho_sơ")
        with pytest.raises(NeedsPerson, match="there are national_portal"):
            steps.publish("cong")


def test_steps_repeated_after_the_end_change_nothing(play):
    """An operator may clear any task of a finished run."""
    from concurrent.futures import ThreadPoolExecutor

    with play.portal():
        steps = pipeline(play)
        catalogues(steps)
        done = steps.run("ho_so", WINDOW)
        batches = play.rows("SELECT * FROM ops.batches ORDER BY run_id, source")
        verdicts = play.rows("SELECT * FROM ops.verdicts ORDER BY run_id, rule")
        verdict = steps.judge("ho_so", WINDOW)
        assert (verdict.rows, verdict.rejected) == (done.extracted, done.quarantined)
        assert steps.promote("ho_so", WINDOW) == done
        assert play.rows("SELECT * FROM ops.batches ORDER BY run_id, source") == batches
        assert play.rows("SELECT * FROM ops.verdicts ORDER BY run_id, rule") == verdicts
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: steps.redrive("ho_so", WINDOW), range(4)))
        assert play.rows("SELECT count(*) FROM ops.runs WHERE state = 'open'") == [(0,)]


def test_steps_that_wait_for_their_dossiers_are_redriven_once(play):
    from concurrent.futures import ThreadPoolExecutor

    with play.portal():
        steps = pipeline(play)
        catalogues(steps)
        late = steps.run("tien_trinh", WINDOW)
        assert late.inserted == 0
        steps.plan("ho_so", WINDOW)
        steps.judge("ho_so", WINDOW)
        steps.promote("ho_so", WINDOW)
        with ThreadPoolExecutor(4) as pool:
            moved = [led for part in pool.map(lambda _: steps.redrive("ho_so", WINDOW), range(4)) for led in part]
        assert sum(led.inserted for led in moved) > 20
        assert play.rows("SELECT count(*) FROM core.tien_trinh") == [(sum(led.inserted for led in moved),)]


def test_a_redrive_that_was_killed_is_ended_by_the_next(play):
    with play.portal():
        steps = pipeline(play)
        catalogues(steps)
        steps.run("tien_trinh", WINDOW)
        steps.plan("ho_so", WINDOW)
        steps.judge("ho_so", WINDOW)
        steps.promote("ho_so", WINDOW)
        with steps.warehouse.session() as session:
            ledger.open_redrive(session, "tien_trinh", WINDOW)  # and there it was killed
        assert steps.redrive("ho_so", WINDOW)[0].inserted > 20
        assert play.rows("SELECT count(*) FROM ops.runs WHERE state = 'open'") == [(0,)]
