"""One supervisor for each installation: found while it lives, never believed when it does not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lienthong.errors import NeedsPerson
from lienthong.services import board, control, keys
from lienthong.services.airflow import PORTAL, WAREHOUSE
from lienthong.services.folders import Folders
from tests.unit.services_kit import ROOT

KEEPER = """
import sys
from lienthong.services import keeper
from lienthong.services.supervisor import Service
keeper.services = lambda setup: [
    Service("sleeper", ("/bin/sh", "-c", "sleep 600"), {**setup.env, "LIENTHONG_OWNER": setup.folders.owner})
]
sys.exit(keeper.main())
"""
"""The real supervisor's process with a dummy service."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Made once: the data folder of PostgreSQL is the slow part."""
    return Folders(home=ROOT, var=tmp_path_factory.mktemp("var"))


@pytest.fixture
def folders(installation):
    yield installation
    if control.running(installation):
        control.stop(installation)
    control.clean(installation)


def start(folders, *arguments, **options):
    environment = {**os.environ, "LIENTHONG_VAR": str(folders.var), "LIENTHONG_HOME": str(folders.home)}
    folders.log.mkdir(parents=True, exist_ok=True)
    with (folders.log / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", KEEPER, *arguments], env=environment, stderr=log, start_new_session=True, **options
        )


def ready(folders, process):
    handle = control.Handle(folders, process, None)
    return control.wait(folders, None, lambda _: None, handle, patience=20)


def sleeper(content):
    return psutil.Process(content["services"]["sleeper"]["pid"])


def test_what_runs_is_found_and_stopped_with_nothing_left(folders):
    process = start(folders)
    content = ready(folders, process)
    assert control.running(folders)["pid"] == process.pid
    assert content["address"].startswith("http://127.0.0.1:")
    child = sleeper(content)
    assert control.stop(folders) == "The services are stopped."
    assert process.wait(5) == 0
    assert not child.is_running()
    assert control.running(folders) is None
    assert control.stop(folders) == control.NOTHING_RUNS


def test_what_a_killed_supervisor_left_is_stopped_by_down(folders):
    process = start(folders)
    child = sleeper(ready(folders, process))
    child.suspend()
    process.kill()
    process.wait()
    assert control.stop(folders).startswith("Stopped what a killed supervisor had left")
    assert not child.is_running()


def test_a_second_supervisor_leaves_the_first_alone_and_says_so(folders):
    process = start(folders)
    ready(folders, process)
    second = start(folders)
    assert second.wait(20) == 1
    assert "already running" in (folders.log / "supervisor.log").read_text()
    assert control.running(folders)["pid"] == process.pid


def test_a_killed_supervisor_is_not_believed_and_the_next_one_starts(folders):
    process = start(folders)
    child = sleeper(ready(folders, process))
    process.kill()
    process.wait()
    assert board.read(folders)["phase"] == board.RUNNING
    assert control.running(folders) is None
    process = start(folders)
    ready(folders, process)
    assert not child.is_running()


def test_a_tethered_supervisor_ends_with_its_owner(folders):
    read_end, write_end = os.pipe()
    process = start(folders, "--tether", str(read_end), pass_fds=(read_end,))
    os.close(read_end)
    child = sleeper(ready(folders, process))
    os.close(write_end)
    assert process.wait(20) == 0
    assert not child.is_running()


def test_ctrl_c_is_a_clean_end(folders):
    process = start(folders)
    ready(folders, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert board.read(folders)["phase"] == board.STOPPED


def test_a_taken_port_that_was_chosen_reaches_whoever_waits_as_one_sentence(folders, monkeypatch):
    monkeypatch.setenv("LIENTHONG_PORT_PORTAL", "not a port")
    with pytest.raises(NeedsPerson, match="LIENTHONG_PORT_PORTAL must be a port number"):
        ready(folders, start(folders))


def test_a_disk_that_fills_up_stops_everything_with_one_sentence(folders):
    filled = KEEPER.replace(
        "sys.exit", "from lienthong.services import space; space.FLOOR = 10**18; space.AGAIN = 0\nsys.exit"
    )
    environment = {**os.environ, "LIENTHONG_VAR": str(folders.var), "LIENTHONG_HOME": str(folders.home)}
    process = subprocess.run([sys.executable, "-c", filled], env=environment, capture_output=True, timeout=30)
    assert process.returncode == 1
    assert "is full" in board.read(folders)["sentence"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "var"
    blocked.write_text("a file")
    with pytest.raises(NeedsPerson, match="must be a folder that can be written to"):
        control.start(Folders(home=ROOT, var=blocked), tethered=True)


def test_services_started_with_other_connections_are_not_used(folders):
    secret = keys.load(folders.secrets)
    theirs = {"connections": control.fingerprints({PORTAL: "http://a:1"}, secret)}
    control.check_same(theirs, folders, {PORTAL: "http://a:1"})
    for env in ({}, {PORTAL: "http://b:2"}, {PORTAL: "http://a:1", WAREHOUSE: "postgresql://c/d"}):
        with pytest.raises(NeedsPerson, match="make down"):
            control.check_same(theirs, folders, env)


def test_the_board_tells_no_secret(folders):
    process = start(folders)
    ready(folders, process)
    text = folders.state.read_text()
    made = json.loads((folders.secrets / "keys.json").read_text())
    assert not any(value in text for value in made.values())


def test_the_lock_is_nobodys_after_its_holder(tmp_path):
    folders = Folders(home=ROOT, var=Path(tmp_path))
    assert not board.is_held(folders)
    with board.held(folders):
        assert board.is_held(folders)
        began = time.monotonic()
        with pytest.raises(board.AlreadyRunning), board.held(folders, patience=0.1):
            pass
        assert time.monotonic() - began < 1
    assert not board.is_held(folders)
