"""A day is triggered once, cleared when it exists, watched to its end, and what went wrong is one sentence."""

import time
from datetime import date

import pytest

from lienthong.airflow_api import AirflowApi
from lienthong.batches import Window
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.services import day as day_module
from lienthong.services.day import DayRun, Plan, Receiver
from lienthong.services.ledger_view import DayState
from tests.unit.airflow_server import PASSWORD, FakeAirflow, serving

DAY = date(2025, 9, 30)
START = Window.of_day(DAY).start.isoformat()
DATASETS = {"don_vi": (), "ho_so": ("don_vi",), "tien_trinh": ("ho_so",), "other": ()}
CLOSING = (("compare",), ("alerts", "scorecard"))
DAGS = [*(f"ingest.{name}" for name in DATASETS), "publish.portal", "compare", "alerts", "scorecard"]


class View:
    """The ledger as a test wants it: ``due`` goes down with every look."""

    def __init__(self, due=(), promoted=DATASETS, outages=0):
        self.due, self.named, self.outages = list(due), set(promoted), outages

    def look(self):
        if self.outages > 0:
            self.outages -= 1
            raise TryAgain("The warehouse does not answer.")
        left = self.due.pop(0) if len(self.due) > 1 else sum(self.due[:1])
        return DayState(due={"portal": left} if left else {})

    def promoted(self):
        return self.named


class Narrator:
    """Listens."""

    def __init__(self):
        self.stages = []

    def stage(self, name):
        self.stages.append(name)

    def show(self, state):
        pass


@pytest.fixture
def fake():
    with serving(FakeAirflow(DAGS)) as server:
        yield server


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(day_module, "ASSET_PATIENCE", 0.05)
    monkeypatch.setattr(day_module, "STUCK", 0.1)
    monkeypatch.setattr(day_module, "BROKEN_PATIENCE", 0.1)
    monkeypatch.setattr(day_module, "PARSE_PATIENCE", 0.3)


def day_run(fake, view=None, *, reachable=True, limit=20, parsed_since=0.0, check=lambda: None, **more):
    receiver = Receiver("portal", "portal.example:80", lambda: reachable)
    return DayRun(
        day=DAY,
        plan=Plan(DATASETS, {"portal": receiver}, more.pop("closing", ()), more.pop("afterwards", {})),
        api=AirflowApi(fake.address, "admin", PASSWORD, patience=2),
        view=view or View(),
        narrator=Narrator(),
        limit=limit,
        parsed_since=parsed_since,
        check=check,
        pause=0.02,
        **more,
    )


def calls(fake, method, ending):
    return [path for called, path, _ in fake.calls if called == method and path.endswith(ending)]


def test_all_datasets_are_triggered_for_the_local_day(fake):
    run = day_run(fake)
    assert run.run() == []
    assert run.narrator.stages == ["parse", "ingest", "publish"]
    bodies = [body for method, path, body in fake.calls if method == "POST" and path.endswith("dagRuns")]
    assert len(bodies) == len(DATASETS)
    assert bodies[0] == {
        "dag_run_id": "day__2025-09-30",
        "logical_date": "2025-09-30T00:00:00+07:00",
        "data_interval_start": "2025-09-30T00:00:00+07:00",
        "data_interval_end": "2025-10-01T00:00:00+07:00",
    }


def test_a_dataset_is_triggered_when_what_it_refers_to_has_ended(fake):
    fake.moves["ingest.don_vi"] = ["running"] * 3 + ["success"]
    assert day_run(fake).run() == []
    started = [dag.removeprefix("ingest.") for dag, _ in fake.runs]
    assert set(started[:2]) == {"don_vi", "other"}, "those that refer to nothing, at once"
    assert started[2:] == ["ho_so", "tien_trinh"]


def test_the_day_is_closed_after_the_last_receipt(fake):
    told = []
    run = day_run(fake, closing=CLOSING, morning=lambda: told.append(len(fake.runs)))
    assert run.run() == []
    assert run.narrator.stages == ["parse", "ingest", "publish", "tell"]
    assert told == [len(DATASETS)]
    names = [dag for dag, _ in fake.runs if not dag.startswith("ingest.")]
    assert names == [name for stage in CLOSING for name in stage]
    assert day_run(fake, closing=CLOSING).run() == [], "a second run of the day closes it anew"


def test_what_a_receiver_publishes_is_read_once_after_the_last_receipt(fake):
    fake.dags["ingest.published"] = dict(fake.dags["ingest.other"])
    view = View(due=[*[2] * 40, 0])
    view.promoted = lambda: {*DATASETS, *(dag.removeprefix("ingest.") for dag, _ in fake.runs)}
    given = {"afterwards": {"published": ("don_vi",)}, "closing": CLOSING}
    assert day_run(fake, view, **given).run() == []
    order = [dag for dag, _ in fake.runs]
    assert order.index("publish.portal") < order.index("ingest.published") < order.index("compare")
    assert day_run(fake, view, **given).run() == []
    assert not [path for path in calls(fake, "POST", "/clear") if "published" in path], "the day's snapshot stands"


def test_what_a_receiver_publishes_and_cannot_be_read_is_a_failure_of_the_day(fake):
    fake.dags["ingest.published"] = dict(fake.dags["ingest.other"])
    fake.moves["ingest.published"] = ["failed"]
    fake.task_logs["ingest.published", "sync"] = ("SourceDown", "chi_so_cong_bo: thiếu trang.")
    (failure,) = day_run(fake, afterwards={"published": ("don_vi",)}).run()
    assert "thiếu trang" in failure


def test_letters_that_cannot_be_sent_are_a_failure_of_the_day(fake):
    fake.moves["alerts"] = ["running", "failed"]
    fake.task_logs["alerts", "tell"] = ("TryAgain", "The mail server does not answer.")
    [failure] = day_run(fake, closing=CLOSING).run()
    assert "alerts of 2025-09-30 failed" in failure
    assert "The mail server does not answer." in failure


def test_a_day_that_ran_before_is_cleared_not_doubled(fake):
    for name in DATASETS:
        fake.add_run(f"ingest.{name}", "day__2025-09-30", START, state="success")
    assert day_run(fake).run() == []
    assert len(calls(fake, "POST", "/clear")) == len(DATASETS)
    assert len(fake.runs) == len(DATASETS)


def test_the_run_of_a_backfill_for_the_same_day_is_cleared_under_its_own_name(fake):
    fake.add_run("ingest.ho_so", "backfill__x", START, state="failed")
    assert day_run(fake).run() == []
    assert calls(fake, "POST", "/clear") == ["/api/v2/dags/ingest.ho_so/dagRuns/backfill__x/clear"]


def test_a_run_that_is_still_going_is_awaited_not_cleared(fake):
    fake.add_run("ingest.ho_so", "day__2025-09-30", START, state="running")
    fake.runs["ingest.ho_so", "day__2025-09-30"]["left"] = ["running", "running", "success"]
    assert day_run(fake).run() == []
    assert calls(fake, "POST", "/clear") == []


def test_a_paused_dag_is_unpaused(fake):
    fake.dags["ingest.ho_so"]["paused"] = True
    assert day_run(fake).run() == []
    assert not fake.dags["ingest.ho_so"]["paused"]


def test_a_failed_ingest_names_task_tries_and_our_own_words(fake):
    fake.moves["ingest.other"] = ["running", "failed"]
    fake.task_logs["ingest.other", "promote"] = ("NeedsPerson", "The warehouse is out of resources.")
    assert day_run(fake).run() == [
        "ingest.other of 2025-09-30 failed: task promote failed after 3 tries: The warehouse is out of resources."
    ]


def test_words_of_foreign_errors_are_not_repeated(fake):
    fake.moves["ingest.other"] = ["failed"]
    fake.task_logs["ingest.other", "judge"] = ("ValueError", "bad value 012345678901")
    (sentence,) = day_run(fake).run()
    assert sentence.endswith("task judge failed after 3 tries: ValueError")


def test_datasets_that_wait_for_a_failed_one_are_not_awaited(fake):
    fake.moves["ingest.don_vi"] = ["failed"]
    fake.moves["ingest.ho_so"] = fake.moves["ingest.tien_trinh"] = ["running"] * 1000
    (sentence,) = day_run(fake, View(promoted=["other"])).run()
    assert sentence.startswith("ingest.don_vi of 2025-09-30 failed")


def test_a_dataset_that_was_not_promoted_is_a_failure_although_its_run_is_green(fake):
    (sentence,) = day_run(fake, View(promoted=["don_vi", "ho_so", "other"])).run()
    assert sentence.startswith("Not promoted on 2025-09-30: tien_trinh")


def test_publishing_is_asked_for_when_no_asset_woke_it(fake):
    assert day_run(fake, View(due=[5] * 9 + [0])).run() == []
    assert len([key for key in fake.runs if key[0] == "publish.portal"]) == 1


def test_a_publish_run_under_way_is_awaited_and_no_other_asked_for(fake):
    fake.moves["publish.portal"] = ["running"] * 5 + ["success"]
    fake.add_run("publish.portal", "asset__1")
    assert day_run(fake, View(due=[9, 7, 5, 3, 1, 0])).run() == []
    assert len([key for key in fake.runs if key[0] == "publish.portal"]) == 1


def test_records_that_cannot_leave_after_a_green_publish_run_do_not_hold_the_day(fake):
    assert day_run(fake, View(due=[4])).run() == []


def test_a_failed_publish_run_is_a_failure(fake):
    fake.moves["publish.portal"] = ["failed"]
    fake.task_logs["publish.portal", "send"] = ("ReceiverRefused", "The login was refused (code -1).")
    assert day_run(fake, View(due=[4])).run() == [
        "publish.portal of 2025-09-30 failed: task send failed after 3 tries: The login was refused (code -1)."
    ]


def test_a_receiver_that_went_away_is_named_with_address_and_what_stays(fake):
    fake.moves["publish.portal"] = ["running"] * 1000
    fake.add_run("publish.portal", "asset__1")
    (sentence,) = day_run(fake, View(due=[40]), reachable=False).run()
    assert sentence.startswith("portal at portal.example:80 does not answer; 40 records stay in the outbox")


def test_the_limit_ends_the_day_with_what_is_left(fake):
    fake.moves["ingest.other"] = ["running"] * 1000
    with pytest.raises(NeedsPerson, match=r"not finished within 0 s: ingest\.other is left"):
        day_run(fake, limit=0.2).run()


def test_dags_read_before_the_start_do_not_count(fake):
    with pytest.raises(NeedsPerson, match=r"has not loaded ingest\.don_vi"):
        day_run(fake, parsed_since=time.time() + 100).run()


def test_a_dag_file_that_cannot_be_loaded_is_named_with_its_last_line(fake):
    del fake.dags["ingest.ho_so"]
    fake.import_errors["ingest.py"] = "Traceback ...\nlienthong.errors.ContractError: ho_so.odcs.yaml, line 7: rulez"
    with pytest.raises(NeedsPerson, match=r"dags/ingest\.py: .*line 7: rulez"):
        day_run(fake).run()


def test_services_that_end_meanwhile_end_the_day(fake):
    fake.moves["ingest.other"] = ["running"] * 1000

    def check():
        raise NeedsPerson("postgres died 10 times in a row")

    with pytest.raises(NeedsPerson, match="postgres died 10 times"):
        day_run(fake, check=check).run()


def test_a_restart_of_the_api_server_and_an_expired_token_are_sat_out(fake):
    api = AirflowApi(fake.address, "admin", PASSWORD, patience=5)
    assert len(api.dags()) == len(DAGS)
    fake.outage, fake.token_uses = 2, 1
    assert len(api.dags()) == len(DAGS)


def test_an_api_server_that_stays_away_is_named():
    with pytest.raises(TryAgain, match="http://127.0.0.1:9 does not answer"):
        AirflowApi("http://127.0.0.1:9", "admin", PASSWORD, patience=0).dags()


def test_a_restart_of_the_warehouse_is_sat_out(fake):
    assert day_run(fake, View(due=[3, 0], outages=8)).run() == []


def test_a_warehouse_that_stays_away_ends_the_day(fake, monkeypatch):
    monkeypatch.setattr(day_module, "OUTAGE", 0.05)
    with pytest.raises(TryAgain, match="The warehouse does not answer"):
        day_run(fake, View(outages=1000)).run()


def test_another_airflow_on_the_port_is_recognised(fake):
    with pytest.raises(NeedsPerson, match="refuses the password"):
        AirflowApi(fake.address, "admin", "wrong", patience=1).dags()


def test_away_from_the_embedded_airflow_a_connection_is_named_and_no_file_of_it(fake):
    with pytest.raises(NeedsPerson, match="AIRFLOW_CONN_AIRFLOW") as refused:
        AirflowApi(fake.address, "admin", "wrong", patience=1, connection="airflow").dags()
    assert "var/" not in str(refused.value)
    with pytest.raises(TryAgain) as away:
        AirflowApi("http://127.0.0.1:9", "admin", PASSWORD, patience=0, connection="airflow").dags()
    assert "log" not in str(away.value)
