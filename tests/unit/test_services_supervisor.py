"""The supervisor restarts what dies, stops in order, and nothing that it started outlives it."""

import os
import signal
import sys
import time

import psutil
import pytest

from lienthong.services.processes import Leader, sweep
from tests.unit.services_kit import MARK, PARENT, PYTHON, RUNAWAY, SLEEPER, STUBBORN, gone, kept, marked

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")


def test_a_killed_service_comes_back_with_its_restarts_counted(tmp_path):
    with kept(tmp_path, {"name": "a", "command": PARENT}) as keeper:
        first = keeper.until_ready()["a"]["pid"]
        os.kill(first, signal.SIGKILL)
        told = keeper.until(lambda told: told["a"]["restarts"] == 1 and told["a"]["state"] == "ready")
        assert told["a"]["pid"] != first
        assert told["a"]["last_exit"] == "SIGKILL"
        # The shell and its two children of the second life; none of the first.
        assert len(marked(tmp_path)) == 3


def test_a_service_that_runs_but_does_not_work_is_started_again(tmp_path):
    with kept(tmp_path, {"name": "a", "command": PARENT, "well": "sick", "tolerance": 0.1}) as keeper:
        first = keeper.until_ready()["a"]["pid"]
        (tmp_path / "sick").touch()
        keeper.until(lambda told: told["a"]["restarts"] == 1)
        (tmp_path / "sick").unlink()
        assert keeper.until(lambda told: told["a"]["state"] == "ready")["a"]["pid"] != first


def test_after_a_death_everything_that_a_service_needs_is_awaited(tmp_path):
    flag = tmp_path / "flag"
    base = {"name": "base", "command": SLEEPER}
    step = {"name": "step", "command": (*PYTHON, "pass"), "after": ["base"], "once": True}
    # Dies together with its base, as a client of a database does.
    follow = f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 1"
    top = {"name": "top", "command": ["/bin/sh", "-c", follow], "after": ["step"]}
    with kept(tmp_path, base, step, top) as keeper:
        told = keeper.until_ready()
        flag.touch()
        os.kill(told["base"]["pid"], signal.SIGKILL)
        keeper.until(lambda told: told["top"]["state"] == "pausing" and told["base"]["state"] != "ready")
        flag.unlink()
        keeper.until_ready()
        assert keeper.order("started as process")[-2:] == ["base", "top"]


def test_a_service_waits_for_what_it_needs_and_stops_before_it(tmp_path):
    step = {"name": "step", "command": (*PYTHON, "pass"), "after": ["base"], "once": True}
    top = {"name": "top", "command": SLEEPER, "after": ["step"]}
    with kept(tmp_path, top, step, {"name": "base", "command": SLEEPER}) as keeper:
        keeper.until_ready()
        keeper.process.terminate()
        assert keeper.end() == ""
        assert keeper.order("started as process") == ["base", "step", "top"]
        assert keeper.order("stopped with") == ["top", "base"]
        assert gone(tmp_path, 1)


def test_stopping_takes_children_and_children_of_other_sessions_along(tmp_path):
    services = [{"name": "parent", "command": PARENT}, {"name": "runaway", "command": RUNAWAY}]
    with kept(tmp_path, *services) as keeper:
        keeper.until_ready()
        keeper.until(lambda _: len(marked(tmp_path)) == 5)
        keeper.process.send_signal(signal.SIGINT)
        assert keeper.end() == ""
        assert marked(tmp_path) == []


def test_a_service_that_ignores_the_polite_signal_is_killed_after_its_grace(tmp_path):
    with kept(tmp_path, {"name": "deaf", "command": STUBBORN, "grace": 0.3}) as keeper:
        keeper.until_ready()
        keeper.until(lambda _: "deaf" in (tmp_path / "log" / "deaf.log").read_text())
        keeper.process.terminate()
        keeper.end()
        assert "deaf did not end" in (tmp_path / "supervisor.log").read_text()
        assert gone(tmp_path, 1)


def test_a_service_that_never_comes_up_is_given_up_with_its_last_words(tmp_path):
    words = (*PYTHON, "raise SystemExit('the port is taken')")
    with kept(tmp_path, {"name": "bad", "command": words}, {"name": "good", "command": SLEEPER}) as keeper:
        sentence = keeper.end()
        assert sentence.startswith("bad died")
        assert "the port is taken" in sentence
        assert marked(tmp_path) == []


def test_a_step_that_fails_ends_everything_with_its_last_words(tmp_path):
    step = {"name": "step", "command": (*PYTHON, "raise SystemExit('no such contract')"), "once": True}
    with kept(tmp_path, step, {"name": "good", "command": SLEEPER}) as keeper:
        assert "step failed (exit code 1): no such contract" in keeper.end()
        assert marked(tmp_path) == []


def test_a_program_that_does_not_exist_is_named(tmp_path):
    with kept(tmp_path, {"name": "none", "command": ["/no/such/program"]}) as keeper:
        assert "none cannot be started" in keeper.end()


@LINUX
def test_children_end_when_the_supervisor_is_killed(tmp_path):
    with kept(tmp_path, {"name": "a", "command": SLEEPER}, {"name": "b", "command": SLEEPER}) as keeper:
        keeper.until_ready()
        keeper.process.kill()
        keeper.process.wait()
        assert gone(tmp_path)


def test_what_a_killed_supervisor_leaves_is_swept_at_the_next_start(tmp_path):
    services = [
        {"name": "deaf", "command": STUBBORN},
        {"name": "parent", "command": PARENT},
        {"name": "runaway", "command": RUNAWAY},
    ]
    with kept(tmp_path, *services) as keeper:
        told = keeper.until_ready()
        keeper.until(lambda _: "deaf" in (tmp_path / "log" / "deaf.log").read_text())
        keeper.process.kill()
        keeper.process.wait()
        leaders = [Leader(entry["pid"], entry["created"]) for entry in told.values()]
        assert sweep(MARK + tmp_path.name, leaders, grace=0.5) > 0
        assert marked(tmp_path) == []
        assert sweep(MARK + tmp_path.name, leaders) == 0


def test_a_number_that_belongs_to_somebody_else_by_now_is_left_alone(tmp_path):
    own = psutil.Process()
    stranger = Leader(own.pid, own.create_time() - 1000)
    assert not stranger.alive
    assert sweep("nobody's mark", [stranger]) == 0


@LINUX
def test_an_orphan_that_ends_later_is_buried(tmp_path):
    leaves_a_child = ["/bin/sh", "-c", "(sleep 0.2 &); exec sleep 60"]
    with kept(tmp_path, {"name": "a", "command": leaves_a_child}) as keeper:
        keeper.until_ready()
        children = psutil.Process(keeper.process.pid).children
        until = time.monotonic() + 15
        while len(children()) > 1:
            assert time.monotonic() < until, [child.status() for child in children()]
            time.sleep(0.1)
