"""Every kind of source gives the same rows as text, stays in its window, and says plainly what is wrong."""

import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sources import source_of
from lienthong.sources.text import as_text

from ..sql.builders import CHA, DANH_MUC, at, day

ROWS = [
    ("A", 1, at(1, 0)),
    ("B", None, at(1, 23)),
    ("C", 3, at(2, 0)),
]
EXPECTED = [("A", "1", at(1, 0)), ("B", None, at(1, 23))]


def read(connection, contract=CHA, window=None):
    return [row for part in source_of(connection).read(contract, window or day(1)) for row in part]


@pytest.fixture
def sqlite(tmp_path):
    path = tmp_path / "don_vi.sqlite"
    with sqlite3.connect(path) as session:
        session.execute("CREATE TABLE cha (ma TEXT, gia_tri INTEGER, luc TEXT, them TEXT)")
        session.executemany("INSERT INTO cha (ma, gia_tri, luc) VALUES (?, ?, ?)", ROWS)
    return Connection("unit_h15_1", "sqlite", host=str(path))


@pytest.fixture
def postgres(database):
    with psycopg.connect(**database.conninfo()) as session:
        session.execute("CREATE SCHEMA c_1; CREATE TABLE c_1.cha (ma text, gia_tri int, luc timestamp)")
        session.cursor().executemany("INSERT INTO c_1.cha VALUES (%s, %s, %s)", ROWS)
    return Connection("unit_h15_1", "postgres", database.host, login=database.login, schema=database.schema,
                      extra={"namespace": "c_1"})  # fmt: skip


@pytest.fixture
def service():
    seen = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["X-Api-Key"])
            query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            rows = [r for r in ROWS if query["tu"].replace("T", " ") <= r[2] < query["den"].replace("T", " ")]
            page = int(query["trang"])
            body = {
                "du_lieu": [dict(zip(CHA.names, row, strict=True)) for row in rows[page - 1 : page]],
                "trang_sau": page + 1 if page < len(rows) else None,
            }
            status = {"khoa": 200, "sai": 401, "hong": 503}.get(self.headers["X-Api-Key"], 302)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Connection("unit_h15_1", "http", host=f"http://127.0.0.1:{server.server_port}", password="khoa")
    server.shutdown()


def test_tables_stream_the_window_and_no_other(sqlite, postgres):
    assert read(sqlite) == EXPECTED
    assert read(postgres) == EXPECTED


def test_a_table_source_cannot_be_written(postgres):
    source = source_of(postgres)
    engine = source._engine()
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with engine.connect() as session, pytest.raises(DBAPIError, match="read-only"):
        session.execute(text("DELETE FROM c_1.cha"))


def test_a_lost_column_is_named_with_what_stands_there(sqlite, postgres):
    with sqlite3.connect(sqlite.host) as session:
        session.execute("ALTER TABLE cha RENAME COLUMN gia_tri TO gia_tri_moi")
    with pytest.raises(SourceChanged, match=r"thiếu cột gia_tri; cột lạ: gia_tri_moi"):
        read(sqlite)
    with psycopg.connect(**{k: v for k, v in postgres.conninfo().items()}) as session:
        session.execute("DROP TABLE c_1.cha")
    with pytest.raises(SourceChanged, match="không có bảng 'cha'"):
        read(postgres)


def test_a_database_that_is_away_is_down_and_no_secret_is_told(tmp_path):
    gone = Connection("unit_h15_1", "postgres", "127.0.0.1", 1, "user", "mat-khau-bi-mat", "x")
    with pytest.raises(SourceDown) as error:
        read(gone)
    assert "mat-khau" not in str(error.value)
    with pytest.raises(SourceDown, match="không thấy tệp mat.sqlite"):
        read(Connection("unit_h15_1", "sqlite", host=str(tmp_path / "mat.sqlite")))
    assert not (tmp_path / "mat.sqlite").exists(), "reading must not make an empty database"


def drop(tmp_path, pattern):
    return Connection("unit_h15_1", "fs", extra={"path": str(tmp_path), "pattern": pattern})


def test_a_csv_drop_is_read_as_text(tmp_path):
    text = '\ufeffma,gia_tri,luc\r\n001,1,2025-09-01 00:00:00\r\n"B, C",,01/09/2025 23:00\r\nNA,x,\r\n'
    (tmp_path / "cha_2025-09-01.csv").write_text(text, encoding="utf-8")
    assert read(drop(tmp_path, "{dataset}_{day}.csv")) == [
        ("001", "1", "2025-09-01 00:00:00"), ("B, C", "", "01/09/2025 23:00"), ("NA", "x", ""),
    ]  # fmt: skip


def test_a_spreadsheet_gives_its_cells_and_keeps_formulas_as_text(tmp_path):
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["ma", "gia_tri", "luc"])
    book.active.append(["001", 4, datetime(2025, 9, 1, 8)])
    book.active.append(["=1+1", 4.0, "cuối tháng"])
    book.active.append(["066", None, datetime(2025, 9, 1)])
    book.save(tmp_path / "cha_2025-09-01.xlsx")
    assert read(drop(tmp_path, "{dataset}_{day}.xlsx")) == [
        ("001", "4", "2025-09-01 08:00:00"), ("=1+1", "4", "cuối tháng"), ("066", None, "2025-09-01 00:00:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("khac.csv", b"", SourceDown, "chưa nộp tệp"),
        ("cha_2025-09-01.csv", "mã,giá\n".encode("cp1258", "ignore") + b"\xff\xfe,1\n", SourceChanged, "UTF-8"),
        ("cha_2025-09-01.csv", b"", SourceChanged, "không đọc được"),
        ("cha_2025-09-01.csv", b"ma,luc\n1,2\n", SourceChanged, "thiếu cột gia_tri"),
        ("cha_2025-09-01.xlsx", b"PK\x03\x04 half a workbook", SourceChanged, "không đọc được"),
    ],
)
def test_a_bad_drop_says_what_to_do(tmp_path, name, content, error, words):
    (tmp_path / name).write_bytes(content)
    pattern = "{dataset}_{day}" + name[-5:].lstrip("0123456789v") if name.endswith("xlsx") else "{dataset}_{day}.csv"
    with pytest.raises(error, match=words):
        read(drop(tmp_path, pattern))


def test_a_snapshot_file_needs_no_day(tmp_path):
    (tmp_path / "danh_muc.csv").write_text("ma,ten\n1,Một\n", encoding="utf-8")
    assert read(drop(tmp_path, "{dataset}.csv"), DANH_MUC) == [("1", "Một")]


def test_a_rest_service_is_read_page_by_page(service):
    assert read(service) == EXPECTED


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [("sai", SourceChanged, "khóa truy cập"), ("hong", SourceDown, "503"), ("chuyen", SourceChanged, "HTTP 302")],
)
def test_a_rest_service_that_refuses_is_told_apart_from_one_that_is_ill(service, key, error, words):
    with pytest.raises(error, match=words):
        read(Connection(service.name, "http", host=service.host, password=key))


def test_a_rest_service_that_is_away_is_down():
    with pytest.raises(SourceDown, match="không trả lời"):
        read(Connection("unit_h15_1", "http", host="http://127.0.0.1:1", password="khoa"))


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(NeedsPerson, match="postgres, mysql, sqlite"):
        source_of(Connection("x", "ftp"))


def test_characters_that_a_database_cannot_hold_leave_a_mark():
    assert as_text("a\x00b") == "a\u2400b"
    assert as_text("a\ud800b") == "a\ufffdb"
    assert as_text(b"\xff") == "\ufffd"
