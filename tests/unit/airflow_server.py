"""A stand-in for Airflow's REST API: the calls that a day makes, over real HTTP, and runs that go as a test wants."""

import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PASSWORD = "right"


class FakeAirflow:
    """DAGs and runs in memory. ``moves`` says which states a run goes through, one for each look."""

    def __init__(self, dags):
        self.dags = {name: {"paused": False, "broken": False, "parsed": datetime.now(UTC).isoformat()} for name in dags}
        self.runs = {}
        self.moves = {}
        self.import_errors = {}
        self.task_logs = {}
        self.calls = []
        self.token_uses = None
        self.outage = 0
        self.address = ""

    def add_run(self, dag_id, run_id, logical_date=None, state="queued"):
        self.runs[dag_id, run_id] = {
            "dag_id": dag_id,
            "dag_run_id": run_id,
            "logical_date": logical_date,
            "state": state,
            "start_date": datetime.now(UTC).isoformat(),
            "left": list(self.moves.get(dag_id, ["success"])),
        }

    def look(self, run):
        """The run as the API shows it; it has moved on since the last look."""
        if run["left"] and run["state"] in ("queued", "running"):
            run["state"] = run["left"].pop(0)
        return {name: value for name, value in run.items() if name != "left"}

    def answer(self, method, path, query, body):
        """Status and JSON of one call."""
        self.calls.append((method, path, body))
        for known, pattern, handler in ROUTES:
            match = re.fullmatch(pattern, path)
            if known == method and match:
                return handler(self, *match.groups(), query=query, body=body)
        return 404, {"detail": f"no route for {method} {path}"}

    def get_dags(self, query, body):
        return 200, {
            "dags": [
                {
                    "dag_id": name,
                    "is_paused": dag["paused"],
                    "has_import_errors": dag["broken"],
                    "last_parsed_time": dag["parsed"],
                }
                for name, dag in self.dags.items()
            ]
        }

    def get_errors(self, query, body):
        found = [{"filename": name, "stack_trace": text} for name, text in self.import_errors.items()]
        return 200, {"import_errors": found}

    def patch_dag(self, dag_id, query, body):
        self.dags[dag_id]["paused"] = body["is_paused"]
        return 200, {}

    def post_run(self, dag_id, query, body):
        same = [run for (dag, _), run in self.runs.items() if dag == dag_id]
        date, name = body["logical_date"], body["dag_run_id"]
        if any(run["dag_run_id"] == name or (date and run["logical_date"] == date) for run in same):
            return 409, {"detail": "The run exists."}
        self.add_run(dag_id, name, date)
        return 200, {}

    def post_clear(self, dag_id, run_id, query, body):
        assert body == {"dry_run": False, "only_failed": False, "run_on_latest_version": True}
        run = self.runs[dag_id, run_id]
        run |= {"state": "queued", "left": list(self.moves.get(dag_id, ["success"]))}
        return 200, {}

    def post_list(self, query, body):
        found = [
            self.look(run)
            for (dag, _), run in self.runs.items()
            if dag in body["dag_ids"] and run["logical_date"] == body["logical_date_gte"]
        ]
        return 200, {"dag_runs": found}

    def get_runs(self, dag_id, query, body):
        return 200, {"dag_runs": [self.look(run) for (dag, _), run in reversed(self.runs.items()) if dag == dag_id]}

    def get_run(self, dag_id, run_id, query, body):
        return 200, self.look(self.runs[dag_id, run_id])

    def get_tasks(self, dag_id, run_id, query, body):
        failed = [task for dag, task in self.task_logs if dag == dag_id]
        return 200, {"task_instances": [{"task_id": task, "map_index": -1, "try_number": 3} for task in failed]}

    def get_log(self, dag_id, run_id, task, number, query, body):
        kind, words = self.task_logs[dag_id, task]
        event = {"event": "Task failed", "error_detail": [{"exc_type": kind, "exc_value": words}]}
        return 200, {"content": [{"event": "begin"}, event, {"event": "end"}], "continuation_token": None}


RUN = r"/api/v2/dags/([^/]+)/dagRuns/([^/]+)"
ROUTES = [
    ("GET", "/api/v2/dags", FakeAirflow.get_dags),
    ("GET", "/api/v2/importErrors", FakeAirflow.get_errors),
    ("PATCH", "/api/v2/dags/([^/]+)", FakeAirflow.patch_dag),
    ("POST", "/api/v2/dags/~/dagRuns/list", FakeAirflow.post_list),
    ("POST", "/api/v2/dags/([^/]+)/dagRuns", FakeAirflow.post_run),
    ("GET", "/api/v2/dags/([^/]+)/dagRuns", FakeAirflow.get_runs),
    ("GET", RUN, FakeAirflow.get_run),
    ("POST", RUN + "/clear", FakeAirflow.post_clear),
    ("GET", RUN + "/taskInstances", FakeAirflow.get_tasks),
    ("GET", RUN + r"/taskInstances/([^/]+)/logs/(\d+)", FakeAirflow.get_log),
]


@contextmanager
def serving(fake):
    """The fake over HTTP for the time of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
            parts = urlsplit(self.path)
            status, value = self._status(parts, body)
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _status(self, parts, body):
            if fake.outage > 0:
                fake.outage -= 1
                return 503, {"detail": "starting"}
            if parts.path == "/auth/token":
                good = body == {"username": "admin", "password": PASSWORD}
                return (201, {"access_token": "t"}) if good else (401, {"detail": "Invalid credentials"})
            if self.headers.get("Authorization") != "Bearer t":
                return 401, {"detail": "Not authenticated"}
            if fake.token_uses is not None:
                fake.token_uses -= 1
                if fake.token_uses == 0:
                    return 401, {"detail": "Token expired"}
            return fake.answer(self.command, parts.path, parse_qs(parts.query), body)

        do_GET = do_POST = do_PATCH = do

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
