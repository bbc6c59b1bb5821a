"""The command line: a token is shown once, and the service is a process that starts, answers and stops."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from typer.testing import CliRunner

from lienthong.cli import app
from lienthong.errors import NeedsPerson
from lienthong.services import airflow
from lienthong.share import tokens

from ..sql.builders import rows_of
from .world import CONTRACTS


@pytest.fixture
def cli(province, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", airflow.as_json(province.connection))

    def run(*words):
        done = CliRunner().invoke(app, ["share", *words])
        return done.exit_code, done.output

    return run


def test_a_token_is_shown_once_and_can_be_ended(cli, province):
    code, told = cli("token", "add", "--system", "Cổng dữ liệu", "--dataset", "ho_so", "--by", "Lan")
    text = re.search(r"lt_[A-Za-z0-9_-]{43}", told)[0]
    assert code == 0
    stored = rows_of(province, "SELECT t::text FROM share.tokens t")
    assert text not in str(stored)
    code, listed = cli("token", "list", "--json")
    assert text not in listed
    (one,) = json.loads(listed)
    assert (one["state"], one["datasets"], one["ceiling"], one["created_by"]) == ("valid", ["ho_so"], "internal", "Lan")
    assert cli("token", "revoke", "1", "--by", "Lan")[0] == 0
    assert json.loads(cli("token", "list", "--json")[1])[0]["state"] == "revoked"
    assert cli("token", "revoke", "1")[0] == 1
    with province.session() as session:
        assert tokens.find(session, province.home, text) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datasets": ["khong_co"]}, "There is no dataset 'khong_co'"),
        ({"datasets": []}, "at least one dataset"),
        ({"ceiling": "sensitive"}, "There is no ceiling 'sensitive'"),
        ({"datasets": ["noi_bo"], "ceiling": "public"}, "not even the key"),
        ({"days": 0}, "1 to 730 days"),
        ({"system": " "}, "belongs to a system"),
    ],
)
def test_a_right_that_cannot_be_is_refused(wh, changes, words):
    given = {"system": "x", "datasets": ["xa"], "ceiling": "internal", "days": 9, "by": "x"} | changes
    with pytest.raises(NeedsPerson, match=words), wh.session() as session:
        tokens.issue(session, wh.home, CONTRACTS, **given)


@pytest.mark.parametrize(
    "verb",
    [
        "UPDATE share.tokens SET datasets = '{ho_so,xa}'",
        "UPDATE share.tokens SET ceiling = 'personal'",
        "UPDATE share.tokens SET expires_at = expires_at + interval '1 year'",
        "DELETE FROM share.tokens",
        "UPDATE share.accesses SET rows = 0",
        "DELETE FROM share.accesses",
        "TRUNCATE share.accesses",
    ],
)
def test_rights_are_not_widened_and_accesses_only_grow(wh, verb):
    with pytest.raises(NeedsPerson), wh.session() as session:
        session.execute(verb)


def test_the_service_starts_answers_and_stops(province, tmp_path, cli):
    text = re.search(r"lt_\S+", cli("token", "add", "--system", "x", "--dataset", "don_vi", "--by", "x")[1])[0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "lienthong.cli", "share", "serve", "--port", str(port)],
            env={**os.environ, "LIENTHONG_VAR": str(tmp_path)}, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process)
        answer = requests.get(f"{address}/v1/datasets", headers={"Authorization": f"Bearer {text}"}, timeout=10)
        assert [line["dataset"] for line in answer.json()["items"]] == ["don_vi"]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)
    told = log.read_text()
    assert code in (0, -signal.SIGTERM), told
    assert "GET /v1/datasets 200" in told
    assert text not in told
    assert "Traceback" not in told


def _wait(address, process):
    for _ in range(300):
        assert process.poll() is None
        try:
            assert requests.get(f"{address}/health", timeout=5).status_code == 200
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the service did not start")
