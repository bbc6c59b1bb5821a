"""SQL Server and Oracle have no server here: their real dialects speak to a driver that only writes down.

What is proved: the statements as each server would get them, in their order, the driver's arguments, the texts that
values become, and which of the drivers' errors need a person.
"""

import contextlib
import socket
import threading
import time
import uuid
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import oracledb
import pymssql
import pytest

from lienthong.connections import Connection, parse
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sources import databases, oracle, source_of

from ..sql.builders import at, contract, day
from .suite import SECRET

LEDGER = contract("cha", [("ma", "string"), ("so_tien", "number"), ("luc", "timestamp")], [])


class Driver:
    """A DBAPI connection that answers from a script and keeps every statement."""

    def __init__(self, columns, rows, fails=None):
        self.columns, self.rows, self.fails = columns, rows, fails
        self.said, self.version, self.thin, self.max_identifier_length = [], "19.3.0.0.0", True, 128
        self.closed = self.autocommitted = False

    def cursor(self, *_, **__):
        return Cursor(self)

    def rollback(self):
        self.said.append("ROLLBACK")

    def commit(self):
        self.said.append("COMMIT")

    def close(self):
        self.closed = True


class Cursor:
    arraysize, rowcount, lastrowid = 1, -1, None

    def __init__(self, driver):
        self.driver, self.description, self.left = driver, None, []

    def execute(self, statement, *_, **__):
        text = " ".join(str(statement).split())
        asked = text.lower()
        if asked.startswith("select @@version"):
            self._answer([("v", 1)], [("Microsoft SQL Server 2019 - 15.0.2000.5 (X64)",)])
        elif "from information_schema.columns" in asked:
            self._answer([("n", 1), ("t", 1)], [(column[0], "nvarchar(20) not null") for column in self.driver.columns])
        elif "schema_name()" in asked or "sys_context" in asked:
            self._answer([("s", 1)], [("dbo",)])
        elif "1.1 from dual" in asked:
            self._answer([("n", oracledb.DB_TYPE_VARCHAR)], [("1.1",)])
        elif " from dual" in asked or "transaction_isolation_level" in asked or "cast(" in asked[:12]:
            self._answer([("x", 1)], [("x",)])
        else:
            self.driver.said.append(text)
            if self.driver.fails and asked.startswith("select"):
                raise self.driver.fails
            if asked.startswith("select"):
                self._answer(self.driver.columns, [] if "1 = 0" in asked else self.driver.rows)

    def _answer(self, columns, rows):
        self.description = [(*column, None, None, None, None, None) for column in columns]
        self.left = list(rows)

    def fetchmany(self, size=1):
        part, self.left = self.left[:size], self.left[size:]
        return part

    def fetchone(self):
        return self.left.pop(0) if self.left else None

    def fetchall(self):
        part, self.left = self.left, []
        return part

    def setinputsizes(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass


def through(driver, connection, monkeypatch):
    """A source whose engine hands out the driver; gives it with the arguments that the real driver would get."""
    source = source_of(connection)
    made, given = source.database.engine, {}

    def engine():
        real = made()
        monkeypatch.setattr(real.dialect, "connect", lambda **named: given.update(named) or driver)
        return real

    monkeypatch.setattr(source.database, "engine", engine)
    return source, given


MSSQL = Connection("unit_h15_1", "mssql", "may-chu", 1433, "doc", SECRET, "QLHS", {"namespace": "dbo"})
ORACLE = Connection("unit_h15_2", "oracle", "may-chu", 1521, "doc", SECRET, "DVC", {"namespace": "qlhs"})


def test_sql_server_is_read_in_its_own_words(monkeypatch):
    row = (uuid.UUID(int=5), Decimal("1250000.50"), datetime(2025, 9, 1, 8))
    driver = Driver([("Ma", 1), ("SO_TIEN", 5), ("luc", 4), ("them", 1)], [row])
    source, given = through(driver, MSSQL, monkeypatch)
    rows = list(source.read(LEDGER, day(1)))
    assert rows == [[("00000000-0000-0000-0000-000000000005", "1250000.50", at(1, 8))]]
    assert driver.said[driver.said.index("SET DATEFORMAT ymd") :] == [
        "SET DATEFORMAT ymd",  # or a log-in in British or Vietnamese would read 2025-09-01 as the ninth of January
        "SET LOCK_TIMEOUT 10000",
        "SELECT * FROM dbo.cha WHERE 1 = 0",
        "SELECT [Ma], [SO_TIEN], [luc] FROM dbo.cha"
        " WHERE [luc] >= '2025-09-01 00:00:00' AND [luc] < '2025-09-02 00:00:00'",
        "ROLLBACK",
    ]
    assert driver.closed
    assert (given["host"], given["database"], given["user"]) == ("may-chu:1433", "QLHS", "doc")
    assert (given["login_timeout"], given["timeout"], given["read_only"]) == (10, 120, True)


def test_oracle_is_read_in_one_read_only_transaction(monkeypatch):
    types = ("VARCHAR", "NUMBER", "TIMESTAMP_TZ", "RAW", "CLOB")
    names = ("MA", "SO_TIEN", "LUC", "MA_VACH", "GHI_CHU")
    columns = [(name, getattr(oracledb, f"DB_TYPE_{kind}")) for name, kind in zip(names, types, strict=True)]
    values = ("A", Decimal("1E+3"), datetime(2025, 9, 1, 8), b"\x0f\xa0", "dài " * 5_000)
    driver = Driver(columns, [values, (None,) * 5])
    source, given = through(driver, ORACLE, monkeypatch)
    kinds = ("string", "number", "timestamp", "string", "string")
    wide = contract("cha", [(name.lower(), kind) for name, kind in zip(names, kinds, strict=True)], [])
    rows = list(source.read(wide, day(1)))
    assert rows == [[("A", "1000", at(1, 8), "0FA0", "dài " * 5_000), (None,) * 5]]
    form = "'YYYY-MM-DD HH24:MI:SS'"
    start = next(number for number, said in enumerate(driver.said) if said.startswith("ALTER SESSION"))
    assert driver.said[start:] == [
        f"ALTER SESSION SET NLS_DATE_FORMAT = {form} NLS_TIMESTAMP_FORMAT = {form}"
        f" NLS_TIMESTAMP_TZ_FORMAT = {form} TIME_ZONE = 'Asia/Ho_Chi_Minh'",
        "ROLLBACK",
        "SET TRANSACTION READ ONLY",
        "SELECT * FROM qlhs.cha WHERE 1 = 0",
        'SELECT "MA", "SO_TIEN", CAST("LUC" AT TIME ZONE \'Asia/Ho_Chi_Minh\' AS TIMESTAMP) AS anon_1, "MA_VACH",'
        ' "GHI_CHU" FROM qlhs.cha WHERE "LUC" >= \'2025-09-01 00:00:00\' AND "LUC" < \'2025-09-02 00:00:00\'',
        "ROLLBACK",
    ]
    assert driver.call_timeout == 120_000
    assert "Oracle.on_connect" in driver.outputtypehandler.__qualname__, "SQLAlchemy's own would make floats"
    assert given["dsn"].endswith("(CONNECT_DATA=(SERVICE_NAME=DVC)))")
    assert (given["tcp_connect_timeout"], given["user"]) == (10, "doc")


def test_oracle_numbers_are_exact_and_long_texts_come_with_their_row(monkeypatch):
    driver = Driver([("MA", oracledb.DB_TYPE_VARCHAR)], [])
    oracle.Oracle(ORACLE).on_connect(driver)
    asked = []
    cursor = SimpleNamespace(arraysize=1_000, var=lambda kind, arraysize: asked.append((kind, arraysize)))
    for kind in ("NUMBER", "CLOB", "NCLOB", "BLOB", "VARCHAR"):
        driver.outputtypehandler(cursor, SimpleNamespace(type_code=getattr(oracledb, f"DB_TYPE_{kind}")))
    long = (oracledb.DB_TYPE_LONG, oracledb.DB_TYPE_LONG_NVARCHAR, oracledb.DB_TYPE_LONG_RAW)
    assert asked == [(kind, 1_000) for kind in (Decimal, *long)]


@pytest.mark.parametrize(
    ("extra", "schema", "dsn"),
    [
        ({"sid": "XE"}, "", "(SID=XE)"),
        ({"service_name": "dvc.tinh"}, "khac", "(SERVICE_NAME=dvc.tinh)"),
        ({}, "", "may-chu"),
    ],
)
def test_oracle_is_found_by_service_instance_or_name(extra, schema, dsn):
    engine = oracle.Oracle(Connection("x", "oracle", "may-chu", 1521, "u", SECRET, schema, extra)).engine()
    assert dsn in engine.dialect.create_connect_args(engine.url)[1]["dsn"]


REFUSED = [
    (MSSQL, pymssql.OperationalError((18456, b"Login failed for user 'doc' of host 10.1.2.3"))),
    (MSSQL, pymssql.OperationalError(229, b"The SELECT permission was denied")),
    (ORACLE, oracledb.DatabaseError(SimpleNamespace(code=1017, message="ORA-01017 doc@10.1.2.3"))),
]
DOWN = [
    (MSSQL, pymssql.OperationalError((20009, b"Unable to connect to 10.1.2.3"))),
    (MSSQL, pymssql.OperationalError()),
    (ORACLE, oracledb.OperationalError(SimpleNamespace(code=12170, message="ORA-12170 doc@10.1.2.3"))),
]


@pytest.mark.parametrize(
    ("connection", "error", "expected", "words"),
    [(*one, SourceChanged, "từ chối tài khoản") for one in REFUSED]
    + [(*one, SourceDown, "không trả lời") for one in DOWN],
)
def test_an_error_says_whether_a_person_is_needed_and_nothing_of_the_servers_words(
    connection, error, expected, words, monkeypatch
):
    source, _given = through(Driver([], []), connection, monkeypatch)
    monkeypatch.setattr(source.database, "protect", lambda session: session.exec_driver_sql("select khong_co"))
    monkeypatch.setattr(Cursor, "execute", failing(error))
    with pytest.raises(expected, match=words) as told:
        list(source.read(LEDGER, day(1)))
    assert "10.1.2.3" not in str(told.value)
    assert "doc" not in str(told.value).split(": ", 1)[1]


def failing(error):
    real = Cursor.execute

    def execute(self, statement, *rest, **named):
        if "khong_co" in str(statement):
            raise error
        return real(self, statement, *rest, **named)

    return execute


@pytest.mark.parametrize("kind", ["mssql", "oracle"])
def test_the_real_driver_at_a_closed_door_is_down(kind):
    gone = Connection("unit_h15_1", kind, "127.0.0.1", 1, "doc", SECRET, "x")
    with pytest.raises(SourceDown, match="không trả lời") as error:
        list(source_of(gone).read(LEDGER, day(1)))
    assert SECRET not in str(error.value)


@pytest.fixture
def silent_port():
    """A listener that takes every call and never says a word."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def hold():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    held.append(listener.accept()[0])

        thread = threading.Thread(target=hold)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()
    for call in held:
        call.close()


@pytest.mark.parametrize("kind", ["postgres", "mysql", "mssql", "oracle"])
def test_a_server_that_never_says_a_word_is_down_in_time(kind, silent_port, monkeypatch):
    monkeypatch.setattr(databases, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(databases, "STATEMENT_SECONDS", 1)
    extra = {"tds_version": "7.4"}  # without it SQL Server's driver tries several, each as long
    gone = Connection("unit_h15_1", kind, "127.0.0.1", silent_port, "doc", SECRET, "x", extra)
    started = time.monotonic()
    with pytest.raises(SourceDown, match="không trả lời"):
        list(source_of(gone).read(LEDGER, day(1)))
    assert time.monotonic() - started < 6


def test_airflows_forms_of_both_connections_are_understood():
    for text, driver in (("mssql://u:p@h:1433/QLHS", "mssql+pymssql"), ("oracle://u:p@h:1521/DVC", "oracle+oracledb")):
        known = parse("nguon", text)
        assert str(source_of(known).database.engine().url).startswith(f"{driver}://u:***@h")
