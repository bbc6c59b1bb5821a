"""The portal as a process: what it accepted survives SIGKILL, and it starts and stops as a service must."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lienthong.sandbox.portal_log import AcceptanceLog
from tests.unit.portal_kit import CITIZEN, PASSWORD, USER, Client, dossier, step

ACCOUNT = {"SANDBOX_PORTAL_USER": USER, "SANDBOX_PORTAL_PASSWORD": PASSWORD}


def command(folder: Path, *more: str, port: int = 0) -> list[str]:
    module = [sys.executable, "-m", "lienthong.sandbox.portal"]
    return [*module, "--port", str(port), "--data", str(folder), *more]


@contextmanager
def process(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    environment = {**os.environ, **ACCOUNT}
    with subprocess.Popen(
        command(folder, *more), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            client = Client(server.stdout.readline().split()[2])
            client.login()
            yield server, client
            client.close()
        finally:
            server.kill()


def run(folder: Path, *more: str, port: int = 0, env: dict[str, str] | None = None) -> tuple[int, str]:
    environment = {**os.environ, **ACCOUNT} if env is None else env
    done = subprocess.run(
        command(folder, *more, port=port), env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stderr


def test_every_answered_acceptance_survives_sigkill(tmp_path: Path) -> None:
    answered: list[str] = []
    with process(tmp_path) as (server, client):

        def pushing() -> None:
            number = 0
            try:
                while True:
                    number += 1
                    code = f"H15.102-250930-{number:04d}"
                    if client.push(dossier(code)).json["error_code"] == "0":
                        answered.append(code)
                    client.steps(step(code))
            except (OSError, http.client.HTTPException):
                return

        sender = threading.Thread(target=pushing)
        sender.start()
        while len(answered) < 40:
            sender.join(0.01)
        server.send_signal(signal.SIGKILL)
        sender.join()
        assert server.wait() == -signal.SIGKILL
    log = AcceptanceLog(tmp_path)
    before = list(log.effects())
    created = [e.record_key for e in before if e.kind == "create"]
    # At most the one request that was on its way when the kill struck may be accepted without an answer.
    assert created[: len(answered)] == answered
    assert len(created) <= len(answered) + 1
    assert [held.ma_ho_so for held in log.dossiers()] == created
    assert sum(e.kind == "step" for e in before) == len(list(log.steps()))
    with process(tmp_path) as (_, client):
        assert list(log.effects()) == before
        assert client.push(dossier(answered[0])).json["error_code"] == "3"
        client.push(dossier("H15.102-250930-9999"))
        *same, newest = log.effects()
        assert same == before
        assert newest.seq == before[-1].seq + 1


def test_sigterm_ends_it_cleanly_and_it_said_nothing_personal(tmp_path: Path) -> None:
    with process(tmp_path, "--profile", "lenient", "--service-code", "number") as (server, client):
        assert client.push(dossier(MaTTHC="bịa")).json["error_code"] == 0
        server.terminate()
        out, err = server.communicate(timeout=10)
        assert server.returncode == 0
    assert CITIZEN not in out + err
    assert err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["portal.sqlite"]


def test_it_refuses_to_start_without_an_account(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if name not in ACCOUNT}
    status, words = run(tmp_path, env=bare)
    assert status == 2
    assert "SANDBOX_PORTAL_USER" in words
    assert "Traceback" not in words


def test_it_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, words = run(tmp_path, port=taken.getsockname()[1])
    assert status == 2
    assert "expected a free port" in words
