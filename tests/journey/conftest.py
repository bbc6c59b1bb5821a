"""One installation for the whole journey: booted once, driven by the commands that a person uses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from lienthong.airflow_api import AirflowApi
from lienthong.sandbox.platform_log import PlatformLog
from lienthong.sandbox.portal_log import AcceptanceLog
from lienthong.services import control
from lienthong.services.folders import Folders
from lienthong.services.keys import USER, load
from lienthong.services.postgres import Server

DAY = "2025-09-30"
COMMAND = Path(sys.executable).with_name("lienthong")


class Installation:
    """A ``var/`` of its own, its commands, and what can be read of it."""

    def __init__(self, var: Path, **env: str) -> None:
        self.var = var
        self.crash = var / "crash"
        self.crash.mkdir(parents=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "LIENTHONG", "SANDBOX"))}
        self.env = {**kept, "LIENTHONG_VAR": str(var), "LIENTHONG_CRASH_DIR": str(self.crash), **env}
        self.folders = Folders.from_env(self.env)

    def command(self, *words, timeout=420, **env):
        return subprocess.run(
            [COMMAND, *words], env={**self.env, **env}, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *words, **env):
        return subprocess.Popen([COMMAND, *words], env={**self.env, **env}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip

    def run_day(self, day, **env):
        done = self.command("run", "--day", day, **env)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return self.report()

    def report(self):
        return json.loads(self.folders.report.read_text(encoding="utf-8"))

    def status(self):
        return json.loads(self.command("status", "--json").stdout)

    def run_dag(self, dag_id):
        """One run of a DAG without a window, to its good end."""
        present = control.running(self.folders)
        api = AirflowApi(present["address"], USER, load(self.folders.secrets).admin, check=lambda: None)
        run_id = f"test__{time.time_ns()}"
        api.run_now(dag_id, run_id)
        wait_for(lambda: any(run.run_id == run_id and run.ended for run in api.runs(dag_id)), 120, dag_id)
        assert next(run.state for run in api.runs(dag_id) if run.run_id == run_id) == "success"

    def trouble(self, *words):
        self._sandbox("trouble", *words)

    def at_the_platform(self, *words):
        self._sandbox("platform_control", *words)

    def _sandbox(self, module, *words):
        command = [sys.executable, "-m", f"lienthong.sandbox.{module}", "--var", str(self.var), *words]
        subprocess.run(command, env=self.env, check=True, timeout=60)

    def rows(self, query, *values, database="warehouse"):
        server = Server.at(self.folders)
        with psycopg.connect(host=str(server.socket_folder), user="postgres", dbname=database) as session:
            return session.execute(query, values or None).fetchall()

    def portal(self) -> AcceptanceLog:
        return AcceptanceLog(self.folders.portal)

    def platform_accepted(self) -> dict[tuple[str, str], int]:
        """The newest version of each record that the shared platform accepted, deletions included."""
        effects = PlatformLog(self.folders.platform).effects()
        return {(one.dataset, one.khoa): one.phien_ban for one in effects if one.effect}

    def truth(self, day=DAY):
        path = self.folders.sandbox / "truth" / f"{day}.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def arm(self, point):
        (self.crash / point).write_text("wait", encoding="utf-8")
        return self.crash / f"{point}.reached"

    def process(self, *words, seconds=60) -> psutil.Process:
        """The one process whose command line holds all the words, as soon as it is there."""
        until = time.monotonic() + seconds
        while not (found := self.processes(*words)):
            assert time.monotonic() < until, f"no process {words} within {seconds} s"
            time.sleep(0.1)
        return min(found, key=lambda p: p.create_time())

    def processes(self, *words):
        return [
            p for p in psutil.process_iter(["cmdline", "environ"])
            if all(any(w in part for part in p.info["cmdline"] or []) for w in words)
            and (p.info["environ"] or {}).get("LIENTHONG_VAR") == str(self.var)
        ]  # fmt: skip

    def living(self):
        return [
            p for p in psutil.process_iter(["cmdline", "environ"])
            if (p.info["environ"] or {}).get("LIENTHONG_VAR") == str(self.var) and p.pid != os.getpid()
        ]  # fmt: skip

    def survivors(self):
        return [process.info["cmdline"] for process in self.living()]


@pytest.fixture(scope="package")
def installation(tmp_path_factory):
    """Services that run for the whole journey, and are gone with everything they started afterwards."""
    here = Installation(tmp_path_factory.mktemp("journey") / "var")
    up = here.command("up", "--detach", timeout=240)
    assert up.returncode == 0, (up.stdout + up.stderr)[-3000:]
    with Server.at(here.folders).connect("postgres") as session:
        # Processes are killed here, never the machine: what was written need not be on the disk.
        session.execute("ALTER SYSTEM SET fsync = off")
        session.execute("SELECT pg_reload_conf()")
    yield here
    here.command("down", timeout=120)
    assert here.survivors() == []


def wait_for(condition, seconds, what):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what} did not come within {seconds} s"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Whether a process still does something; one that has ended and is not buried yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)
