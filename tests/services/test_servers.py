"""What needs a server of the machine: sources on MariaDB, and sources and warehouse on an older PostgreSQL than ours.

Addresses come from LIENTHONG_TEST_MARIADB and LIENTHONG_TEST_POSTGRES (URIs in Airflow's form); the defaults are the
usual ports on loopback without a password.
"""

import os
import uuid
from dataclasses import replace

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError

from lienthong import quality
from lienthong.connections import Connection, parse
from lienthong.contracts import load_all
from lienthong.errors import SourceChanged, SourceDown
from lienthong.settings import ROOT
from lienthong.sources import databases, source_of
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from ..sources.suite import ROWS, SECRET, SourceSuite, Stage, read
from ..sources.test_tables import PostgresStage
from ..sql.builders import CHA, at, contract, day, land

pytestmark = pytest.mark.services


class MariaDbStage(Stage):
    def __init__(self):
        known = parse("mariadb", os.environ.get("LIENTHONG_TEST_MARIADB", "mysql://root@127.0.0.1:3306/"))
        self.reach = {
            "host": known.host, "port": known.port or 3306, "user": known.login, "password": known.password,
        }  # fmt: skip
        self.name = f"lienthong_test_{uuid.uuid4().hex[:8]}"
        self.run(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
        self.connection = Connection(
            "unit_h15_1", "mysql", known.host, known.port, known.login, known.password, self.name
        )
        self.run(f"CREATE TABLE {self.name}.cha (ma varchar(40), gia_tri int, luc datetime, them text)")

    def run(self, statement, rows=None):
        with pymysql.connect(**self.reach, autocommit=True) as session, session.cursor() as cursor:
            cursor.executemany(statement, rows) if rows else cursor.execute(statement)
            return cursor.fetchall()

    def put(self, rows):
        self.run(f"DELETE FROM {self.name}.cha")
        self.run(f"INSERT INTO {self.name}.cha (ma, gia_tri, luc) VALUES (%s, %s, %s)", rows)

    def rename(self, column, other):
        self.run(f"ALTER TABLE {self.name}.cha RENAME COLUMN {column} TO {other}")

    def stop(self):
        self.connection = Connection("unit_h15_1", "mysql", "127.0.0.1", 1, "u", SECRET, "x")

    def content(self):
        return self.run(f"CHECKSUM TABLE {self.name}.cha"), self.run(f"SELECT * FROM {self.name}.cha ORDER BY ma")

    def remove(self):
        self.run(f"DROP DATABASE {self.name}")


VALUES = [
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"),
    ("DECIMAL(20,2)", "'12345678901234567.80'", "12345678901234567.80"),
    ("DOUBLE", "4", "4"),
    ("TINYINT(1)", "1", "1"),
    ("BIT(1)", "b'1'", "1"),
    ("BIT(12)", "b'101010101010'", "2730"),
    ("DATE", "'2025-09-01'", "2025-09-01"),
    ("DATE", "'0000-00-00'", "0000-00-00"),
    ("DATETIME", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
    ("DATETIME", "'2025-02-00 08:00:00'", "2025-02-00 08:00:00"),
    ("DATETIME(6)", "'2025-09-01 08:00:00.250000'", "2025-09-01 08:00:00.250000"),
    ("TIME", "'-30:15:00'", "-30:15:00"),
    ("YEAR", "2025", "2025"),
    ("CHAR(5)", "'ab'", "ab"),
    ("VARCHAR(20)", "'Ủy ban 😀'", "Ủy ban 😀"),
    ("ENUM('Có','Không')", "'Có'", "Có"),
    ("JSON", """'{"a": "Đ"}'""", '{"a": "Đ"}'),
    ("BLOB", "'Đắk Lắk'", "Đắk Lắk"),
    ("TEXT", "NULL", None),
]


class TestMariaDb(SourceSuite):
    @pytest.fixture
    def stage(self):
        made = MariaDbStage()
        yield made
        made.remove()

    def test_every_type_comes_as_its_text(self, stage):
        columns = ", ".join(f"c{number} {kind}" for number, (kind, _, _) in enumerate(VALUES))
        stage.run(f"CREATE TABLE {stage.name}.kieu (luc datetime, {columns}) CHARACTER SET utf8mb4")
        values = ", ".join(value for _, value, _ in VALUES)
        with pymysql.connect(**stage.reach, autocommit=True) as session, session.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = ''")  # as servers run that keep zero dates
            cursor.execute(f"INSERT INTO {stage.name}.kieu VALUES ('2025-09-01', {values})")
        names = [("luc", "timestamp"), *((f"c{number}", "string") for number in range(len(VALUES)))]
        (row,) = read(stage.connection, contract("kieu", names, []))
        assert list(row[1:]) == [text for _, _, text in VALUES]

    def test_a_time_with_a_zone_comes_in_ours(self, stage):
        stage.run(f"CREATE TABLE {stage.name}.gio (luc timestamp NULL)")
        with pymysql.connect(**stage.reach, autocommit=True) as session, session.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00'")
            cursor.execute(f"INSERT INTO {stage.name}.gio VALUES ('2025-08-31 17:00:00'), ('2025-09-01 17:00:00')")
        assert read(stage.connection, contract("gio", [("luc", "timestamp")], [])) == [(at(1, 0),)]

    def test_an_old_table_in_another_character_set_is_unicode_here(self, stage):
        stage.run(f"CREATE TABLE {stage.name}.cu (ma varchar(20) CHARACTER SET latin1, luc datetime)")
        stage.run(f"INSERT INTO {stage.name}.cu VALUES ('café', '2025-09-01')")
        old = contract("cu", [("ma", "string"), ("luc", "timestamp")], [])
        assert read(stage.connection, old) == [("café", at(1, 0))]

    def test_columns_are_found_whatever_their_case(self, stage):
        stage.put(ROWS[:1])
        stage.rename("gia_tri", "Gia_Tri")
        assert read(stage.connection) == [("A", "1", at(1, 0))]

    def test_the_session_cannot_write(self, stage):
        database = source_of(stage.connection).database
        with database.engine().connect() as session:
            database.protect(session)
            with pytest.raises(DBAPIError, match="READ ONLY transaction"):
                session.exec_driver_sql("DELETE FROM cha")

    def test_a_statement_without_end_is_ended(self, stage, monkeypatch):
        monkeypatch.setattr(databases, "STATEMENT_SECONDS", 1)
        stage.run(f"CREATE VIEW {stage.name}.mai AS SELECT ma, luc, SLEEP(20) AS gia_tri FROM {stage.name}.cha")
        stage.put(ROWS)
        slow = replace(stage.connection, extra={"tables": {"cha": "mai"}})
        with pytest.raises(SourceDown):
            read(slow)

    def test_a_refused_account_is_told(self, stage):
        known = stage.connection
        with pytest.raises(SourceChanged, match="từ chối tài khoản"):
            read(Connection("unit_h15_1", "mysql", known.host, known.port, "khong_co", SECRET, known.schema))


class OlderStage(PostgresStage):
    def __init__(self, database):
        super().__init__(database)
        self.connection = replace(self.connection, port=database.port, password=database.password)


class TestOlderPostgres(SourceSuite):
    @pytest.fixture
    def stage(self, older_postgres):
        return OlderStage(older_postgres.connection)


def test_a_warehouse_on_the_machines_postgresql(older_postgres):
    contracts = load_all(ROOT / "expectations")
    migrate(older_postgres, [*contracts.values(), CHA])
    assert migrate(older_postgres, [*contracts.values(), CHA]) == []
    plan = land(older_postgres, CHA, day(1), {"H15.1": [("A", "1", at(1)), ("B", "x", at(1)), ("C", "3", "today")]})
    verdict = quality.judge(older_postgres, CHA, day(1), plan.run_id)
    assert verdict.rejected == 1
    done = promote(older_postgres, CHA, day(1), plan.run_id)
    assert (done.inserted, done.quarantined) == (2, 1)
