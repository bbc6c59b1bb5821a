"""What people see: the numbers of a day under way, the state at any time, the procedures of a foreign portal."""

import json
import time
from contextlib import contextmanager
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from lienthong.batches import Window
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.sandbox.procedures import CATALOGUE
from lienthong.services import journey, playground, status
from lienthong.services.airflow import PORTAL
from lienthong.services.folders import Folders
from lienthong.services.journey import Journey
from lienthong.services.ledger_view import DatasetState, DayState, LedgerView
from lienthong.services.progress import Progress
from tests.unit.services_kit import ROOT

DAY = date(2025, 9, 30)
START = Window.of_day(DAY).start


@pytest.fixture
def folders(tmp_path):
    return Folders(home=ROOT, var=tmp_path / "var")


def shipped():
    return json.loads(CATALOGUE.read_text(encoding="utf-8"))["procedures"]


def add_run(session, dataset, state, sources):
    closed = "now()" if state == "promoted" else "NULL"
    counts = "0, 0, 0, 0, 0, 0" if state == "promoted" else "NULL, NULL, NULL, NULL, NULL, NULL"
    row = session.execute(
        "INSERT INTO ops.runs (dataset, window_start, window_end, state, closed_at, extracted, inserted, updated,"
        f" unchanged, superseded, quarantined) VALUES (%s, %s, %s, %s, {closed}, {counts}) RETURNING run_id",
        [dataset, START, Window.of_day(DAY).end, state],
    ).fetchone()
    session.cursor().executemany(
        "INSERT INTO ops.batches (run_id, source, state, rows) VALUES (%s, %s, %s, %s)",
        [(row["run_id"], name, word, rows) for name, (word, rows) in sources.items()],
    )
    return row["run_id"]


def test_the_ledger_gives_sources_rows_and_what_is_due(province):
    began = time.time()
    with province.session() as session:
        run = add_run(session, "don_vi", "promoted", {"danh_muc": ("landed", 116)})
        add_run(session, "ho_so", "open", {"a": ("landed", 5), "b": ("missing", 0), "c": ("planned", 0)})
        session.cursor().executemany(
            "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, state, next_attempt_at,"
            " run_id) VALUES ('portal', 'ho_so', %s, 1, %s, %s, now() + make_interval(secs => %s), %s)",
            [("1", "1", "pending", 0, run), ("2", "2", "done", 0, run), ("3", "3", "in_doubt", 5, run),
             ("4", "4", "claimed", 0, run), ("5", "5", "pending", 3600, run)],
        )  # fmt: skip
    view = LedgerView(province, DAY, began)
    state = view.look()
    assert state.datasets["don_vi"] == DatasetState("promoted", 1, 1, 0, 116)
    assert state.datasets["ho_so"] == DatasetState("reading", 3, 1, 1, 5)
    assert state.due == {"portal": 3}
    assert view.promoted() == {"don_vi"}
    assert "don_vi" not in LedgerView(province, DAY, time.time() + 60).look().datasets


def test_plain_progress_has_one_line_for_a_stage_and_counts_its_seconds():
    out = StringIO()
    with Progress(Console(file=out, width=200)) as progress:
        progress.stage("start")
        progress.stage("ingest")
        state = DayState({"ho_so": DatasetState("reading", 116, 33, 1, 5039)}, {"portal": 7}, accepted=20)
        progress._said_at = -1000
        progress.show(state)
    lines = out.getvalue().splitlines()
    assert "Starting" in lines[0]
    assert "ho_so: reading 33/116 sources (1 missing), 5,039 rows; sent 20" in lines[2]
    assert set(progress.seconds) == {"start", "ingest"}


def test_status_of_a_fresh_clone_is_one_sentence(folders):
    found = status.collect(folders, {})
    assert not found["running"]
    assert found["note"].startswith("Nothing has run here yet")
    assert not folders.var.exists()
    out = StringIO()
    status.show(found, Console(file=out, width=120))
    assert "stopped" in out.getvalue()


def test_services_are_shown_while_the_warehouse_does_not_answer(folders, monkeypatch):
    @contextmanager
    def silent(*_):
        raise TryAgain("The warehouse does not answer.")
        yield

    monkeypatch.setattr(status, "warehouse_of", silent)
    monkeypatch.setattr(status.control, "running", lambda _: {"services": {}, "address": "http://x"})
    assert status.collect(folders, {})["note"] == "The warehouse does not answer."


def test_procedures_that_the_province_cannot_read_are_left_out():
    good = shipped()[:3]
    broken = [None, {}, {"MATTHC": "1.000001"}, good[0] | {"TRANGTHAI": "0"}, good[0] | {"CACHTHUCTHUCHIEN": "x"}]
    assert playground.usable([*good, *broken]) == good


@pytest.mark.parametrize(("offered", "own"), [(playground.FEWEST, True), (playground.FEWEST - 1, False)])
def test_a_foreign_portal_gives_its_procedures_once_if_they_are_enough(folders, monkeypatch, offered, own):
    pulls = []

    def pull(connection):
        pulls.append(connection.base_url)
        return shipped()[:offered]

    monkeypatch.setattr(playground, "_pull", pull)
    env = {PORTAL: "http://u:p@portal.example:81"}
    for _ in range(2):
        path, notice = playground._catalogue(folders, env)
        assert (path == folders.catalogue) is own
        assert str(offered) in notice
    assert pulls == ["http://portal.example:81"]
    playground._catalogue(folders, {PORTAL: "http://u:p@other.example"})
    assert pulls[1:] == ["http://other.example"]


def test_a_day_outside_the_quarter_is_refused_before_anything_starts(folders):
    trip = Journey(folders, {}, date(2025, 10, 2), Console(file=StringIO()))
    with pytest.raises(NeedsPerson, match="from 2025-07-01 to 2025-10-01"):
        trip.run()
    assert json.loads(folders.report.read_text())["ok"] is False
    assert not folders.postgres.exists()


def test_a_foreign_portal_that_is_not_there_is_named_before_anything_starts(folders):
    trip = Journey(folders, {PORTAL: "http://u:p@127.0.0.1:9"}, DAY, Console(file=StringIO()))
    with pytest.raises(NeedsPerson, match=r"portal at 127\.0\.0\.1:9 does not answer. Nothing was started"):
        trip.run()
    assert not folders.postgres.exists()


@pytest.mark.parametrize("text", ["0", "soon", "-5"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(NeedsPerson, match="LIENTHONG_RUN_LIMIT"):
        journey._limit({"LIENTHONG_RUN_LIMIT": text})
