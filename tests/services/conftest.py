"""The PostgreSQL of the machine, whose address LIENTHONG_TEST_POSTGRES may tell."""

import os
import uuid

import psycopg
import pytest

from lienthong.connections import Connection, parse
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse


@pytest.fixture
def older_postgres():
    known = parse("warehouse", os.environ.get("LIENTHONG_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres"))
    name = f"lienthong_test_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(**known.conninfo(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    reach = Connection("warehouse", "postgres", known.host, known.port, known.login, known.password, name)
    yield Warehouse(reach, ROOT)
    with psycopg.connect(**known.conninfo(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)")
