"""Databases that can be run here read like any source; SQLite and PostgreSQL have some ways of their own."""

import socket
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lienthong.connections import Connection
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sources import databases, source_of

from ..sql.builders import CHA, at, contract, day
from .suite import ROWS, SECRET, SourceSuite, Stage, read


class SqliteStage(Stage):
    def __init__(self, folder):
        self.path = folder / "đơn vị #1?.sqlite"  # letters that an address would misread
        self.connection = Connection("unit_h15_1", "sqlite", host=str(self.path), password=SECRET)
        self.run("CREATE TABLE cha (ma TEXT, gia_tri INTEGER, luc TEXT, them TEXT)")

    def run(self, statement):
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute(statement)

    def put(self, rows):
        with sqlite3.connect(self.path) as database:
            database.execute("DELETE FROM cha")
            database.executemany("INSERT INTO cha (ma, gia_tri, luc) VALUES (?, ?, ?)", rows)

    def rename(self, column, other):
        self.run(f"ALTER TABLE cha RENAME COLUMN {column} TO {other}")

    def stop(self):
        self.path.unlink()

    def content(self):
        return self.path.read_bytes()


class TestSqlite(SourceSuite):
    @pytest.fixture
    def stage(self, tmp_path):
        return SqliteStage(tmp_path)

    def test_a_missing_file_is_not_made(self, stage):
        stage.stop()
        with pytest.raises(SourceDown, match="không thấy tệp"):
            read(stage.connection)
        assert not stage.path.exists()

    def test_letters_that_are_no_utf8_cost_only_their_cell(self, stage):
        stage.put(ROWS[:1])
        stage.run("INSERT INTO cha (ma, gia_tri, luc) VALUES (CAST(x'41ff' AS TEXT), 2, '2025-09-01 08:00:00')")
        assert [row[0] for row in read(stage.connection)] == ["A", "A\ufffd"]

    def test_columns_are_found_whatever_their_case(self, stage):
        stage.put(ROWS[:1])
        stage.rename("gia_tri", "GIA_TRI")
        assert read(stage.connection) == [("A", "1", at(1, 0))]


@contextmanager
def stalling(path, after):
    """A port that leads to a socket of this machine and, so many bytes of answers later, says nothing more."""
    held = []

    def pump(source, target, limit):
        with suppress(OSError):
            while limit > 0 and (piece := source.recv(4_096)):
                target.sendall(piece)
                limit -= len(piece)

    def serve():
        with suppress(OSError):
            while True:
                call, line = listener.accept()[0], socket.socket(socket.AF_UNIX)
                held.extend((call, line))
                line.connect(path)
                for ways in ((call, line, float("inf")), (line, call, after)):
                    threading.Thread(target=pump, args=ways, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
    for one in held:
        one.close()


class PostgresStage(Stage):
    def __init__(self, database):
        self.database = database
        self.connection = Connection(
            "unit_h15_1", "postgres", database.host, login=database.login, password=SECRET, schema=database.schema,
            extra={"namespace": "c_1"},
        )  # fmt: skip
        self.run("CREATE SCHEMA c_1; CREATE TABLE c_1.cha (ma text, gia_tri int, luc timestamp, them text)")

    def run(self, statement, rows=None):
        with psycopg.connect(**self.database.conninfo()) as session, session.cursor() as cursor:
            cursor.executemany(statement, rows) if rows else cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def put(self, rows):
        self.run("TRUNCATE c_1.cha")
        self.run("INSERT INTO c_1.cha VALUES (%s, %s, %s)", rows)

    def rename(self, column, other):
        self.run(f"ALTER TABLE c_1.cha RENAME COLUMN {column} TO {other}")

    def stop(self):
        self.connection = Connection("unit_h15_1", "postgres", "127.0.0.1", 1, "u", SECRET, "x")

    def content(self):
        return self.run("SELECT ctid::text, xmin::text, * FROM c_1.cha ORDER BY 1")


class TestPostgres(SourceSuite):
    @pytest.fixture
    def stage(self, database):
        return PostgresStage(database)

    def test_the_session_cannot_write(self, stage):
        with (
            source_of(stage.connection).database.engine().connect() as session,
            pytest.raises(DBAPIError, match="read-only"),
        ):
            session.execute(text("DELETE FROM c_1.cha"))

    def test_a_line_that_falls_silent_in_the_middle_is_noticed(self, stage, monkeypatch):
        monkeypatch.setattr(databases, "STATEMENT_SECONDS", 1)
        monkeypatch.setattr(databases, "CONNECT_SECONDS", 1)
        stage.put([(f"H{number}", number, at(1)) for number in range(20_000)])
        with stalling(f"{stage.database.host}/.s.PGSQL.5432", after=500_000) as port:
            known = replace(stage.connection, host="127.0.0.1", port=port)
            started, parts = time.monotonic(), []
            with pytest.raises(SourceDown, match="không trả lời"):
                parts.extend(source_of(known).read(CHA, day(1)))
            assert 0 < sum(map(len, parts)) < 20_000
            assert time.monotonic() - started < 6

    def test_a_lost_table_is_told(self, stage):
        stage.run("DROP TABLE c_1.cha")
        with pytest.raises(SourceChanged, match="không có bảng 'cha'"):
            read(stage.connection)

    def test_a_lost_right_is_told(self, stage):
        stage.run("DO $$ BEGIN IF to_regrole('khach') IS NULL THEN CREATE ROLE khach LOGIN; END IF; END $$")
        stage.run("GRANT USAGE ON SCHEMA c_1 TO khach")
        known = stage.connection
        guest = Connection(known.name, known.kind, known.host, login="khach", schema=known.schema, extra=known.extra)
        with pytest.raises(SourceChanged, match="từ chối tài khoản"):
            read(guest)

    def test_a_time_that_python_does_not_know_costs_only_its_row(self, stage):
        stage.run("ALTER TABLE c_1.cha ADD het_han timestamptz")
        stage.run(
            "INSERT INTO c_1.cha (ma, luc, het_han) VALUES ('A', '2025-09-01', 'infinity'),"
            " ('B', '2025-09-01', '2025-09-01 00:00:00+00'), ('C', '2025-09-01', '0044-03-15 BC')"
        )
        wide = contract("cha", [("ma", "string"), ("luc", "timestamp"), ("het_han", "string")], [])
        assert [row[2] for row in read(stage.connection, wide)][:2] == ["infinity", "2025-09-01 07:00:00+07"]

    def test_a_database_that_lets_nobody_in_is_down(self, stage):
        role = "CREATE ROLE dong LOGIN CONNECTION LIMIT 0"
        stage.run(f"DO $$ BEGIN IF to_regrole('dong') IS NULL THEN {role}; END IF; END $$")
        known = stage.connection
        with pytest.raises(SourceDown, match="không trả lời"):
            read(Connection(known.name, known.kind, known.host, login="dong", schema=known.schema), CHA)
