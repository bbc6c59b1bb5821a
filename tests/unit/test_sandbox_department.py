"""The department's REST service over real HTTP: pages, refusals, misbehaviour, a clean stop."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from urllib.parse import urlencode

import pytest

from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.province import Province
from lienthong.sandbox.switch import Switch, set_switch, switch_file
from tests.unit.sandbox_kit import read_sqlite

DAY = date(2025, 9, 24)
WINDOW = {"tu": "2025-09-24T00:00:00", "den": "2025-09-25T00:00:00"}
KEY = "khoa-thu-nghiem"


@pytest.fixture(scope="module")
def data(new_database, tmp_path_factory):
    """The department's file with one day."""
    with new_database() as database:
        province = Province(tmp_path_factory.mktemp("var"), database, habits=Habits(monthly={"2025-09": 30_000}))
        province.make_day(DAY)
        yield province.department_file()


@pytest.fixture(scope="module")
def service(data):
    """A running service: its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ("--port", str(port), "--data", str(data), "--api-key-env", "KEY_OF_TEST")
    process = subprocess.Popen(
        [sys.executable, "-m", "lienthong.sandbox.department_service", *arguments],
        env={**os.environ, "KEY_OF_TEST": KEY},
    )
    for _ in range(200):
        try:
            if get(port, "/health")[0] == 200:
                break
        except OSError:
            time.sleep(0.05)
    yield port, process
    process.kill()
    process.wait()


def get(port, path, key=KEY, **query):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"{path}?{urlencode(query)}", headers={"X-Api-Key": key} if key else {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def all_pages(port, dataset, size):
    page, rows, pages = 1, [], 0
    while page is not None:
        status, answer = get(port, f"/api/v1/{dataset}", **WINDOW, trang=page, kich_thuoc=size)
        assert status == 200
        assert len(answer["du_lieu"]) <= size
        rows += answer["du_lieu"]
        page, pages = answer["trang_sau"], pages + 1
    return rows, pages


@pytest.mark.parametrize("dataset", ["ho_so", "tien_trinh"])
def test_the_pages_together_are_the_window(service, data, dataset):
    port, _ = service
    rows, pages = all_pages(port, dataset, 7)
    assert pages > 3
    key = ("ma_ho_so", "cap_nhat_luc")
    expected = read_sqlite(data, dataset, DAY)
    assert sorted([str(row[name]) for name in key] for row in rows) == sorted(
        [row[name] for name in key] for row in expected
    )
    assert [row["cap_nhat_luc"] for row in rows] == sorted(row["cap_nhat_luc"] for row in rows)


def test_a_page_that_is_just_full_is_the_last(service):
    port, _ = service
    rows, _ = all_pages(port, "ho_so", 500)
    status, answer = get(port, "/api/v1/ho_so", **WINDOW, kich_thuoc=len(rows))
    assert (status, answer["trang_sau"]) == (200, None)
    assert get(port, "/api/v1/ho_so", **WINDOW, trang=99)[1] == {"du_lieu": [], "trang_sau": None}


def test_the_window_is_open_at_its_end(service):
    port, _ = service
    rows, _ = all_pages(port, "ho_so", 500)
    last = rows[-1]["cap_nhat_luc"]
    shorter = get(port, "/api/v1/ho_so", tu=WINDOW["tu"], den=last)[1]["du_lieu"]
    rest = get(port, "/api/v1/ho_so", tu=last, den=WINDOW["den"])[1]["du_lieu"]
    assert len(shorter) + len(rest) == len(rows)


@pytest.mark.parametrize("key", ["", "sai", "khóa"])
def test_a_wrong_key_is_refused(service, key):
    port, _ = service
    encoded = key.encode().decode("latin-1")
    status, answer = get(port, "/api/v1/ho_so", key=encoded, **WINDOW)
    assert (status, list(answer)) == (401, ["loi"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "tu"),
        ({"tu": "hôm qua"}, "tu"),
        ({**WINDOW, "tu": "2025-09-24T00:00:00+07:00"}, "tu"),
        ({"tu": WINDOW["tu"]}, "den"),
        ({"tu": WINDOW["den"], "den": WINDOW["tu"]}, "den"),
        ({**WINDOW, "trang": "0"}, "trang"),
        ({**WINDOW, "trang": "1.5"}, "trang"),
        ({**WINDOW, "kich_thuoc": "100000"}, "kich_thuoc"),
        ({**WINDOW, "kich_thuoc": "-1"}, "kich_thuoc"),
    ],
)
def test_a_wrong_parameter_is_named(service, query, parameter):
    port, _ = service
    status, answer = get(port, "/api/v1/ho_so", **query)
    assert (status, answer["chi_tiet"][0]["tham_so"]) == (422, parameter)


def test_only_the_two_datasets_are_served(service):
    port, _ = service
    assert get(port, "/api/v1/sqlite_master", **WINDOW)[0] == 404


def test_the_switch_makes_it_slow_or_stops_it(service, data):
    port, _ = service
    try:
        set_switch(data, Switch(down=True))
        assert get(port, "/api/v1/ho_so", **WINDOW)[0] == 503
        assert get(port, "/health")[0] == 200
        set_switch(data, Switch(delay=0.4))
        started = time.monotonic()
        assert get(port, "/api/v1/ho_so", **WINDOW)[0] == 200
        assert time.monotonic() - started >= 0.4
    finally:
        switch_file(data).unlink()


def test_without_its_data_it_asks_for_patience(service, data):
    port, _ = service
    aside = data.rename(data.with_suffix(".aside"))
    try:
        assert get(port, "/api/v1/ho_so", **WINDOW)[0] == 503
        assert get(port, "/health")[0] == 503
    finally:
        aside.rename(data)


def test_it_does_not_start_without_a_key(data):
    arguments = ("--port", "1", "--data", str(data), "--api-key-env", "KEY_THAT_IS_NOT_SET")
    done = subprocess.run(
        [sys.executable, "-m", "lienthong.sandbox.department_service", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "KEY_THAT_IS_NOT_SET" in done.stderr


def test_it_stops_cleanly(service):
    _, process = service
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
