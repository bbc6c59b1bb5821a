"""What needs a server of the machine: a MariaDB source, and a warehouse on an older PostgreSQL than the embedded one.

Addresses come from LIENTHONG_TEST_MARIADB and LIENTHONG_TEST_POSTGRES (URIs in Airflow's form); the defaults are the
usual ports on loopback without a password.
"""

import os
import uuid

import psycopg
import pymysql
import pytest

from lienthong import quality
from lienthong.connections import Connection, parse
from lienthong.contracts import load_all
from lienthong.errors import SourceChanged
from lienthong.settings import ROOT
from lienthong.sources import source_of
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from ..sql.builders import CHA, at, day, land

pytestmark = pytest.mark.services


@pytest.fixture
def mariadb():
    known = parse("mariadb", os.environ.get("LIENTHONG_TEST_MARIADB", "mysql://root@127.0.0.1:3306/"))
    name = f"lienthong_test_{uuid.uuid4().hex[:8]}"
    reach = {"host": known.host, "port": known.port or 3306, "user": known.login, "password": known.password}
    with pymysql.connect(**reach, autocommit=True) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE TABLE {name}.cha (ma varchar(20), gia_tri int, luc datetime, them text)")
        cursor.executemany(
            f"INSERT INTO {name}.cha (ma, gia_tri, luc) VALUES (%s, %s, %s)",
            [("A", 1, at(1, 0)), ("Đ", None, at(1, 23)), ("C", 3, at(2, 0))],
        )
    yield Connection("unit_h15_1", "mysql", known.host, known.port, known.login, known.password, name)
    with pymysql.connect(**reach, autocommit=True) as session, session.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def test_a_mariadb_source_gives_the_window_as_text(mariadb):
    rows = [row for part in source_of(mariadb).read(CHA, day(1)) for row in part]
    assert rows == [("A", "1", at(1, 0)), ("Đ", None, at(1, 23))]


def test_a_mariadb_source_that_changed_is_told(mariadb):
    with pymysql.connect(host=mariadb.host, port=mariadb.port, user=mariadb.login, password=mariadb.password,
                         database=mariadb.schema, autocommit=True) as session, session.cursor() as cursor:  # fmt: skip
        cursor.execute("ALTER TABLE cha RENAME COLUMN gia_tri TO gia")
    with pytest.raises(SourceChanged, match="thiếu cột gia_tri; cột lạ: gia, them"):
        list(source_of(mariadb).read(CHA, day(1)))


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


def test_a_warehouse_on_the_machines_postgresql(older_postgres):
    contracts = load_all(ROOT / "expectations")
    migrate(older_postgres, [*contracts.values(), CHA])
    assert migrate(older_postgres, [*contracts.values(), CHA]) == []
    plan = land(older_postgres, CHA, day(1), {"H15.1": [("A", "1", at(1)), ("B", "x", at(1)), ("C", "3", "today")]})
    verdict = quality.judge(older_postgres, CHA, day(1), plan.run_id)
    assert verdict.rejected == 1
    done = promote(older_postgres, CHA, day(1), plan.run_id)
    assert (done.inserted, done.quarantined) == (2, 1)
