"""A world for each test, copied from one that is founded once."""

import itertools
from dataclasses import replace

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse
from tests.endpoints.world import World

NUMBERS = itertools.count(1)
TEMPLATE = "lienthong_test_world"


@pytest.fixture(scope="session")
def founded(server):
    """A database with the whole schema, to be copied; nobody is connected to it."""
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{TEMPLATE}"')
    connection = Connection("warehouse", "postgres", host=server["host"], login=server["user"], schema=TEMPLATE)
    World(Warehouse(connection, ROOT)).found()
    return connection


@pytest.fixture
def world(server, founded):
    """A world of its own, thrown away afterwards."""
    name = f"lienthong_test_world_{next(NUMBERS)}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY FILE_COPY')
    yield World(Warehouse(replace(founded, schema=name), ROOT))
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
