"""Dummy services for the tests of the supervisor: this module is also the process that keeps them.

python -m tests.unit.services_kit FOLDER      keeps what FOLDER/services.json describes, tells in FOLDER/told.json
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from lienthong.services.processes import OWNER, adopt_orphans
from lienthong.services.supervisor import Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
MARK = "lienthong-test"
PYTHON = (sys.executable, "-S", "-E", "-c")
SLEEPER = (*PYTHON, "import time; time.sleep(600)")
PARENT = ("/bin/sh", "-c", "sleep 600 & sleep 600 & wait")
"""Has children, like a scheduler with tasks."""
RUNAWAY = (*PYTHON, "import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(600)")
"""Has a child that leaves its session, like a backend of PostgreSQL."""
STUBBORN = (
    *PYTHON,
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)",
)
"""Does not hear SIGTERM; says so once it is deaf."""


def main():
    """Keep the services that the folder describes until told to stop."""
    folder = Path(sys.argv[1])
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    adopt_orphans()
    described = json.loads((folder / "services.json").read_text())
    environment = {**os.environ, OWNER: MARK + folder.name}
    services = [Service(environment=environment, **_made(folder, entry)) for entry in described]

    def tell(present):
        scratch = folder / "told.new"
        scratch.write_text(json.dumps(present))
        scratch.replace(folder / "told.json")

    supervisor = Supervisor(services, folder / "log", folder, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    sentence = supervisor.run()
    (folder / "sentence").write_text(sentence)


def _made(folder, entry):
    """A description in JSON as arguments; ``"well": "file"`` means: well while there is no such file."""
    made = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    if "well" in made:
        sick = folder / made["well"]
        made["well"] = lambda: not sick.exists()
    return made


class Kept:
    """A supervisor with dummy services, seen from outside."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process

    def told(self):
        try:
            return json.loads((self.folder / "told.json").read_text())
        except FileNotFoundError:
            return {}

    def until(self, condition, seconds=15):
        deadline = time.monotonic() + seconds
        while not condition(self.told()):
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.02)
        return self.told()

    def until_ready(self):
        return self.until(lambda told: told and all(entry["state"] in ("ready", "done") for entry in told.values()))

    def end(self):
        self.process.wait(20)
        return (self.folder / "sentence").read_text()

    def order(self, words):
        """Names in the order in which the log says ``words`` of them."""
        lines = (self.folder / "supervisor.log").read_text().splitlines()
        return [line.split(":")[-1].split()[0] for line in lines if words in line]


@contextmanager
def kept(folder, *services):
    """Keep dummy services for the time of the block."""
    (folder / "services.json").write_text(json.dumps(services))
    with (folder / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.services_kit", str(folder)], cwd=ROOT, stderr=log, start_new_session=True
        )
    try:
        yield Kept(folder, process)
    finally:
        process.kill()
        process.wait()
        for left in marked(folder):
            left.kill()


def marked(folder):
    """Living processes that belong to the folder's supervisor, whatever became of it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(OWNER) == MARK + folder.name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def gone(folder, seconds=10):
    """Whether every process of the folder's supervisor ends within the time."""
    deadline = time.monotonic() + seconds
    while marked(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


if __name__ == "__main__":
    main()
