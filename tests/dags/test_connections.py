"""Airflow's connections and the environment's give the same to the steps."""

import os
import subprocess
import sys

import pytest

from lienthong.connections import parse

FORMS = {
    "uri": "postgres://u:p%40ss@db:5433/kho?sslmode=require",
    "socket": "postgresql://postgres@/kho?host=/tmp/a",
    "json": '{"conn_type": "http", "host": "http://127.0.0.1:9", "login": "u", "extra": {"in_flight": 4}}',
    "path": "http://u:p@cong.example:81/XrdAdapter%2Fforward",
}


@pytest.mark.parametrize("form", FORMS)
def test_airflow_finds_what_the_environment_says(form, tmp_path):
    code = (
        "from lienthong.orchestration import connection\n"
        "c = connection('x')\n"
        "print((c.kind, c.host, c.port, c.login, c.password, c.schema, sorted(c.extra.items())))"
    )
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CONN_X": FORMS[form],
        "_AIRFLOW_PROCESS_CONTEXT": "client",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    c = parse("x", FORMS[form])
    expected = (c.kind, c.host, c.port, c.login, c.password, c.schema, sorted(c.extra.items()))
    assert done.stdout.strip().splitlines()[-1] == repr(expected)
