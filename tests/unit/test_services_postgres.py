"""The embedded PostgreSQL listens on a socket only and keeps through SIGKILL what was committed."""

import os
import signal
import stat

import psutil
import pytest

from lienthong.errors import NeedsPerson
from lienthong.services import account, postgres
from lienthong.services.folders import Folders
from lienthong.services.postgres import DATABASES, Server, briefly, programs


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One installation for the module: making the data folder is the slow part."""
    return Folders(home=tmp_path_factory.mktemp("home"), var=tmp_path_factory.mktemp("var"))


def postmaster(folders):
    return psutil.Process(int((folders.postgres / "postmaster.pid").read_text().splitlines()[0]))


def test_committed_rows_survive_sigkill_and_no_port_is_open(folders):
    with briefly(folders) as server:
        with server.connect("warehouse") as session:
            assert {row[0] for row in session.execute("SELECT datname FROM pg_database")} >= set(DATABASES)
            assert session.execute("SHOW fsync").fetchone() == ("on",)
            session.execute("CREATE TABLE kept (n int)")
            session.execute("INSERT INTO kept VALUES (1)")
        process = postmaster(folders)
        assert process.net_connections("inet") == []
        assert os.geteuid() != 0 or process.uids().real != 0
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with briefly(folders) as server, server.connect("warehouse") as session:
        assert session.execute("SELECT n FROM kept").fetchone() == (1,)
    assert "kept" not in (folders.log / "postgres.log").read_text()


def test_only_the_owner_reaches_the_socket(folders):
    with briefly(folders) as server:
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((server.socket_folder / postgres.SOCKET).stat().st_mode) == 0o700


def test_a_server_that_was_left_running_is_stopped_before_the_next(folders):
    server = Server.prepare(folders)
    left = postgres.spawn(
        server.command(),
        environment=server.environment(os.environ),
        log=folders.log / "postgres.log",
        folder=folders.var,
        account=server.account,
    )
    while not server.ready():
        assert left.poll() is None
    assert Server.at(folders).stop_stray()
    assert left.wait(10) == 0
    assert not Server.at(folders).stop_stray()


def test_a_number_in_a_stale_file_that_belongs_to_another_program_is_left_alone(tmp_path):
    folders = Folders(home=tmp_path, var=tmp_path)
    folders.postgres.mkdir()
    (folders.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert not Server.at(folders).stop_stray()


def test_data_of_another_major_version_is_refused(tmp_path):
    folders = Folders(home=tmp_path, var=tmp_path)
    folders.postgres.mkdir()
    (folders.postgres / "PG_VERSION").write_text("16\n")
    with pytest.raises(NeedsPerson, match="was made by PostgreSQL 16"):
        Server.prepare(folders)


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    place = Server.at(Folders(home=tmp_path, var=deep)).socket_folder
    assert len(os.fsencode(place / postgres.SOCKET)) <= postgres.LONGEST_SOCKET


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(postgres.tempfile, "gettempdir", lambda: str(tmp_path))
    folders = Folders(home=tmp_path, var=deep)
    Server.at(folders).socket_folder.symlink_to(tmp_path)
    with pytest.raises(NeedsPerson, match="belongs to somebody else"):
        Server.prepare(folders)


def test_data_of_another_account_is_refused_to_an_ordinary_user(tmp_path, monkeypatch):
    data = tmp_path / "postgres"
    data.mkdir()
    monkeypatch.setattr(account.os, "geteuid", lambda: data.stat().st_uid + 1)
    with pytest.raises(NeedsPerson, match="belongs to another account"):
        account.choose({}, data, tmp_path, programs())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
class TestRoot:
    """Started by root, the server runs as somebody else and no folder is opened for it."""

    def test_closed_folders_are_passed_with_one_right_and_stay_closed(self, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        found, notices = account.choose({}, closed / "postgres", closed, programs())
        assert (found.name, found.passes, notices) == ("nobody", True, ())
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    def test_without_that_right_they_are_opened_for_passing_and_it_is_said(self, tmp_path, monkeypatch):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        monkeypatch.setattr(account, "_may_override", lambda: False)
        found, notices = account.choose({}, closed / "postgres", closed, programs())
        assert not found.passes
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
        assert str(closed) in notices[0]

    def test_an_account_that_does_not_exist_is_named(self, tmp_path):
        with pytest.raises(NeedsPerson, match="LIENTHONG_POSTGRES_USER=nosuch"):
            account.choose({"LIENTHONG_POSTGRES_USER": "nosuch"}, tmp_path / "postgres", tmp_path, programs())
