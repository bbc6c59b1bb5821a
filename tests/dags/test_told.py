"""A real task of ours under Airflow with everything switched on: what the run's note, OpenLineage, the trace and the
ledger say of it."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

from lienthong import steps
from lienthong.airflow_api import AirflowApi
from lienthong.batches import Window
from lienthong.contracts import Column
from lienthong.lineage.notes import ours
from lienthong.lineage.watched import Watched
from lienthong.orchestration import telling
from lienthong.settings import Settings
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

from ..sql.builders import CHA, at, day, rows_of

ROOT = Path(__file__).resolve().parents[2]
SECRET = "mat-khau-cua-kho"
DAY = Window.of_day(date(2025, 9, 3))

# The DAG's own task in this process, over a database that is made of the models: it takes a moment, migrations do not.
RUN = """
import sys
from datetime import datetime
import airflow.models
from airflow.models.base import Base
from airflow import settings
from airflow.utils.db import import_all_models, synchronize_log_template
import_all_models()
Base.metadata.create_all(settings.get_engine())
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
synchronize_log_template()
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1], bundle_name="dags-folder", bundle_path=__import__("pathlib").Path(sys.argv[1]).parent)
sync_bag_to_db(bag, "dags-folder", None)
dag = bag.dags["ingest.don_vi"]
run = dag.test(logical_date=datetime.fromisoformat(sys.argv[2]), run_after=datetime.fromisoformat(sys.argv[2]))
from opentelemetry import trace
getattr(trace.get_tracer_provider(), "force_flush", lambda: None)()
print("ENDED", run.state.value, run.run_id)
"""


class Outside:
    """Airflow's REST for notes and a collector of traces, on one port."""

    def __init__(self, note=None):
        self.note, self.patched, self.logins, self.otlp = note, [], [], {}
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = urlsplit(self.path).path
                answer = {}
                if path == "/auth/token":
                    outside.logins.append(json.loads(body)["username"])
                    answer = {"access_token": "t"}
                elif path.startswith("/v1/"):
                    outside.otlp[path] = outside.otlp.get(path, b"") + body
                elif self.command == "PATCH":
                    outside.patched.append((unquote(path), json.loads(body)))
                else:
                    answer = {"note": outside.note}
                text = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def told(new_database, migrated, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    outside = Outside()
    with new_database(migrated) as connection:
        env = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(home / "lineage.json"), "append": True}
            ),
            "AIRFLOW__TRACES__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": outside.address,
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp_proto_http",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "AIRFLOW_CONN_AIRFLOW": json.dumps(
                {"conn_type": "http", "host": outside.address, "login": "backfills", "password": "x"}
            ),
            "AIRFLOW_CONN_DANH_MUC": json.dumps({
                "conn_type": "fs",
                "extra": {"path": str(ROOT / "include/lienthong/reference"), "pattern": "{dataset}.csv"},
            }),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({
                "conn_type": "postgres", "host": connection.host, "login": connection.login, "password": SECRET,
                "schema": connection.schema,
            }),
            "LIENTHONG_CONSOLE_URL": "http://127.0.0.1:8080/lienthong",
        }  # fmt: skip
        out = subprocess.run(
            [sys.executable, "-c", RUN, str(ROOT / "dags/ingest.py"), DAY.end.isoformat()],
            env=env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        outside.server.shutdown()
        assert out.returncode == 0, out.stderr[-4000:] + out.stdout[-4000:]
        (state, run_id), *_ = re.findall(r"^ENDED (\S+) (\S+)$", out.stdout, re.MULTILINE)
        assert state == "success", out.stdout[-6000:]
        yield {
            "run_id": run_id,
            "outside": outside,
            "events": [json.loads(line) for line in (home / "lineage.json").read_text().splitlines()],
            "ledger": rows_of(
                Warehouse(connection, ROOT),
                "SELECT dag_id, dag_run_id, extracted, inserted FROM ops.runs WHERE dataset = 'don_vi'",
            ),
            "log": out.stdout + out.stderr,
            "database": connection.schema,
        }


def test_the_ledger_knows_which_run_of_airflow_opened_its_run(told):
    assert told["ledger"] == [("ingest.don_vi", told["run_id"], 116, 116)]


def test_the_run_has_a_note_with_counts(told):
    ((path, body),) = told["outside"].patched
    assert path == f"/api/v2/dags/ingest.don_vi/dagRuns/{told['run_id']}"
    way = "[Liên Thông](http://127.0.0.1:8080/lienthong/datasets/don_vi)"
    assert body == {
        "note": f"{way} · 2025-09-03: 1 nguồn, đọc 116, nhận 116, mới 116.\n\n"
        "1 source, 116 read, 116 accepted, new 116."
    }
    assert told["outside"].logins == ["backfills"]


def test_the_events_name_the_source_and_the_dataset(told, contracts):
    events = [event for event in told["events"] if event["job"]["name"] == "ingest.don_vi.sync"]
    inputs = {found["name"]: found for event in events for found in event["inputs"]}
    outputs = {found["name"]: found for event in events for found in event["outputs"]}
    warehouse = told["database"]
    assert set(inputs) == {"danh_muc.don_vi", f"{warehouse}.landing.don_vi"}
    assert inputs["danh_muc.don_vi"]["namespace"] == "fs://localhost"
    assert inputs["danh_muc.don_vi"]["inputFacets"]["inputStatistics"]["rowCount"] == 116
    judged = [f for e in events for f in e["inputs"] if f["name"].endswith("landing.don_vi") and f.get("inputFacets")]
    rules = {one["name"]: one for one in judged[0]["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert set(rules) == {rule.id for rule in contracts["don_vi"].rules}
    assert all(one["success"] == (one["actual"] == "0") for one in rules.values())
    core = outputs[f"{warehouse}.core.don_vi"]
    assert core["outputFacets"]["outputStatistics"]["rowCount"] == 116
    fields = {one["name"]: one for one in core["facets"]["schema"]["fields"]}
    assert fields["ma_don_vi"]["type"] == "text"
    assert core["facets"]["ownership"]["owners"][0]["name"]


def test_every_event_has_the_shape_of_the_standard_and_no_secret(told):
    uri = re.compile(r"^https?://\S+$")
    uuid = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    assert {event["eventType"] for event in told["events"]} >= {"START", "RUNNING", "COMPLETE"}
    for event in told["events"]:
        assert uri.match(event["producer"])
        assert uri.match(event["schemaURL"])
        assert uuid.match(event["run"]["runId"])
        assert event["job"]["namespace"]
        assert event["eventTime"]
        datasets = [*event.get("inputs", []), *event.get("outputs", [])]
        assert all(found["namespace"] and found["name"] for found in datasets)
        assert len({(found["namespace"], found["name"]) for found in datasets}) == len(datasets)
        for facets in (event["run"]["facets"], event["job"]["facets"], *(
            found.get(kind) or {} for found in datasets for kind in ("facets", "inputFacets", "outputFacets")
        )):  # fmt: skip
            for name, facet in facets.items():
                assert uri.match(facet["_producer"]), name
                assert uri.match(facet["_schemaURL"]), name
    assert SECRET not in json.dumps(told["events"])
    assert SECRET not in told["log"]


def test_each_step_is_a_span_with_its_counts(told):
    traces = told["outside"].otlp["/v1/traces"]
    for name in (b"lienthong.plan", b"lienthong.judge", b"lienthong.promote"):
        assert name in traces
    assert b"lienthong.inserted" in traces
    assert b"airflow." in told["outside"].otlp["/v1/metrics"], "Airflow's own measures"


PERSON = "Hờ Đánh Dấu"
"""A name in the rows; where it turns up, it has leaked."""


class Listener:
    """Keeps all that a watched pipeline tells."""

    lineage = True

    def __init__(self):
        self.told, self.notes = [], []

    @contextmanager
    def span(self, name, labels):
        yield lambda counts: self.told.append((name, labels, counts))

    def runs_for(self, dag_id, window=None):
        return True

    def note(self, text):
        self.notes.append(text)

    def datasets(self, inputs, outputs):
        self.told.append((inputs, outputs))


def watched(warehouse, monkeypatch, listener):
    """A dataset of one source with a personal column; one of its two rows is held, and both name a person."""
    columns = (*CHA.columns, Column("ten", "string", "Họ tên", "personal", {}))
    contract = replace(CHA, columns=columns, endpoints=())
    migrate(warehouse, [contract])
    rows = [("k1", "2", at(3), PERSON), (f"{PERSON} 2", "900", at(3), PERSON)]
    source = SimpleNamespace(read=lambda *_: iter([rows]))
    monkeypatch.setattr(steps, "source_of", lambda *_: source)
    own = SimpleNamespace(kind="http", host="https://ai:mat-khau@nguon.example/duong/dan", port=None)
    return Watched(Settings.from_env(), {"cha": contract}, warehouse, lambda name: own, listener)


def test_what_is_told_has_classes_of_columns_and_no_value(warehouse, monkeypatch):
    from openlineage.client.serde import Serde

    listener = Listener()
    assert watched(warehouse, monkeypatch, listener).sync("cha", day(3))
    assert [text.split("\n")[0] for text in listener.notes] == [
        "Liên Thông · 2025-09-03: 1 nguồn, đọc 2, nhận 1, mới 1, giữ lại 1."
    ]
    counts = {told[0]: told[2] for told in listener.told if len(told) == 3}
    assert counts["promote"]["quarantined"] == 1
    (source,), (judged,), _ = [inputs for inputs, _ in (told for told in listener.told if len(told) == 2)]
    assert (source.namespace, source.name) == ("https://nguon.example", "nguon.cha")
    found = {one.name: one.actual for one in judged.inputFacets["dataQualityAssertions"].assertions}
    assert found["gia_tri_nho"] == "1"
    core = next(outputs for told in listener.told if len(told) == 2 for outputs in told[1])
    assert {tag.field: tag.value for tag in core.facets["tags"].tags}["ten"] == "personal"
    text = repr(listener.told) + "".join(
        Serde.to_json(one) for told in listener.told if len(told) == 2 for side in told for one in side
    )
    for secret in (PERSON, "mat-khau", "duong"):
        assert secret not in text


def test_a_listener_that_fails_costs_the_step_nothing(warehouse, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError(PERSON)

    listener = Listener()
    listener.note = listener.datasets = fail
    assert watched(warehouse, monkeypatch, listener).sync("cha", day(3))
    assert rows_of(warehouse, "SELECT state FROM ops.runs") == [("promoted",)]
    assert "was not told: RuntimeError" in caplog.text
    assert PERSON not in caplog.text


@pytest.mark.parametrize(
    ("error", "slow", "asked"), [(None, 60.0, 3), (None, -1.0, 1), (TimeoutError("away"), 60.0, 1)]
)
def test_a_collector_that_is_away_is_waited_for_once(error, slow, asked, monkeypatch):
    """Its client waits for half a minute, and a task has several things to say."""
    heard = []

    def emit(**given):
        heard.append(given)
        if error:
            raise error

    monkeypatch.setattr("airflow.providers.openlineage.api.emit_dataset_lineage", emit)
    monkeypatch.setattr(telling, "SLOW", slow)
    teller = telling.AirflowTeller("ingest.x", "a", None)
    for _ in range(3):
        with suppress(TimeoutError):
            teller.datasets([], [])
    assert len(heard) == asked


@pytest.mark.parametrize(("known", "replaced"), [(None, True), ("Liên Thông · cũ.", True), ("Tôi xem rồi.", False)])
def test_a_persons_note_stays(known, replaced):
    outside = Outside(known)
    AirflowApi(outside.address, "backfills", "x", patience=0.0).note("ingest.x", "a+b", "Liên Thông · mới.", ours)
    outside.server.shutdown()
    assert [body for _, body in outside.patched] == ([{"note": "Liên Thông · mới."}] if replaced else [])
