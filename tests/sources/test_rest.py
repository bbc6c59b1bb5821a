"""REST services of every form: pages by number, cursor and link; each way to be known; services that misbehave."""

import base64
import gzip
import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sources import rest, source_of

from ..sql.builders import CHA, at, contract, day
from .suite import ROWS, SECRET, SourceSuite, Stage, read


class Service(BaseHTTPRequestHandler):
    """Answers from the stage that the server carries."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        stage = self.server.stage
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        stage.asked.append((parts.path, asked, dict(self.headers)))
        self.answer(*stage.answer(asked, self.headers))

    def do_POST(self):
        stage = self.server.stage
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        stage.tokens.append((self.headers["Authorization"], parse_qs(body)))
        self.answer(*stage.token())

    def answer(self, status, body, headers=None):
        headers = headers or {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Transfer-Encoding" in headers:
            self.end_headers()
            for start in range(0, len(content), 7):
                part = content[start : start + 7]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if "Content-Length" in headers:
            self.close_connection = True

    def log_message(self, *_):
        pass


class RestStage(Stage):
    """A service with the names of the default form; ``extra`` changes it."""

    extra: ClassVar = {}
    login = ""

    def __init__(self):
        self.rows, self.columns, self.asked, self.tokens = [], ["ma", "gia_tri", "luc", "them"], [], []
        self.script = []  # answers that come before the true ones
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        self.server.stage = self
        self.server.handle_error = lambda *_: None  # a reader that stops early closes its door
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.connection = self.connected(**self.extra)

    def connected(self, **extra):
        return Connection("unit_h15_1", "http", host=self.url, login=self.login, password=SECRET, extra=extra)

    def put(self, rows):
        self.rows = rows

    def rename(self, column, other):
        self.columns[self.columns.index(column)] = other

    def stop(self):
        if self.server.fileno() >= 0:
            self.server.shutdown()
            self.server.server_close()

    def content(self):
        return list(self.rows)

    def token(self):
        return 200, {"access_token": f"the-{len(self.tokens)}", "expires_in": 3600}

    def found(self, asked):
        """Rows of the window, as objects."""
        start, end = asked["tu"].replace("T", " "), asked["den"].replace("T", " ")
        return [dict(zip(self.columns, row, strict=False)) for row in self.rows if start <= row[2] < end]

    def answer(self, asked, headers):
        if self.script:
            return self.script.pop(0)
        rows, page, size = self.found(asked), int(asked["trang"]), int(asked["kich_thuoc"])
        more = page * size < len(rows)
        return 200, {"du_lieu": rows[(page - 1) * size : page * size], "trang_sau": page + 1 if more else None}


@pytest.fixture
def stage():
    made = RestStage()
    yield made
    made.stop()


class TestPages(SourceSuite):
    @pytest.fixture
    def stage(self, stage):
        return stage


class CursorStage(RestStage):
    extra: ClassVar = {
        "paging": "cursor", "next": "trang.tiep", "items": "ket_qua.ds", "page_size": 700,
        "params": {"cursor": "sau", "size": "so_dong"}, "query": {"dinh_dang": "json"},
    }  # fmt: skip

    def answer(self, asked, headers):
        assert (asked["dinh_dang"], asked["so_dong"]) == ("json", "700")
        rows, start = self.found(asked), int(asked.get("sau", "0"))
        more = start + 700 < len(rows)
        return 200, {"ket_qua": {"ds": rows[start : start + 700]}, "trang": {"tiep": start + 700 if more else ""}}


class TestCursor(SourceSuite):
    @pytest.fixture
    def stage(self):
        made = CursorStage()
        yield made
        made.stop()


class LinkStage(RestStage):
    extra: ClassVar = {"paging": "link", "items": "", "params": {"size": ""}, "auth": "bearer"}

    def answer(self, asked, headers):
        assert headers["Authorization"] == f"Bearer {SECRET}"
        rows, start = self.found(asked), int(asked.get("tu_dong", "0"))
        link = {}
        if start + 900 < len(rows):
            link = {"Link": f'</api/v1/cha?{urlencode({**asked, "tu_dong": start + 900})}>; rel="next"'}
        return 200, rows[start : start + 900], link


class TestLink(SourceSuite):
    @pytest.fixture
    def stage(self):
        made = LinkStage()
        yield made
        made.stop()


@pytest.fixture
def waits(monkeypatch):
    """Seconds that a reader slept, none of them spent."""
    slept = []
    monkeypatch.setattr(rest.time, "sleep", slept.append)
    return slept


def test_a_page_that_is_not_full_may_be_the_last(stage):
    stage.put([(f"H{number}", number, at(1)) for number in range(7)])
    stage.connection = stage.connected(page_size=3, next="")
    assert len(read(stage.connection)) == 7
    assert [asked["trang"] for _, asked, _ in stage.asked] == ["1", "2", "3"]


def test_a_service_without_pages_is_asked_once(stage):
    stage.put(ROWS)
    stage.script = [(200, {"du_lieu": stage.found({"tu": at(1, 0), "den": at(2, 0)}), "trang_sau": 2})]
    assert len(read(stage.connected(paging="none"))) == 2
    assert len(stage.asked) == 1


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("local", ("2025-09-01T00:00:00", "2025-09-02T00:00:00")),
        ("zoned", ("2025-09-01T00:00:00+07:00", "2025-09-02T00:00:00+07:00")),
        ("date", ("2025-09-01", "2025-09-02")),
    ],
)
def test_the_window_is_asked_for_in_the_services_words(stage, times, expected):
    read(stage.connected(times=times))
    asked = stage.asked[0][1]
    assert (asked["tu"], asked["den"]) == expected


def test_values_come_exact_and_flat(stage):
    row = '{"ma": 12345678901234567.25, "so": 4.0, "co": true, "ds": [{"b": "Đ"}], "luc": 1e300}'
    stage.script = [(200, f'{{"du_lieu": [{row}]}}'.encode())]
    wide = contract("cha", [(name, "string") for name in ("ma", "so", "co", "ds", "luc")], [])
    assert read(stage.connection, wide) == [("12345678901234567.25", "4", "1", '[{"b": "Đ"}]', "1E+300")]


def test_a_field_may_be_left_out_of_some_rows(stage):
    stage.script = [(200, {"du_lieu": [{"ma": "A", "luc": at(1)}, {"ma": "B", "gia_tri": 2, "luc": at(1)}]})]
    assert read(stage.connection) == [("A", None, at(1)), ("B", "2", at(1))]


@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Encoding": "gzip"}])
def test_bodies_come_in_pieces_or_packed(stage, headers):
    body = json.dumps({"du_lieu": [{"ma": "A", "gia_tri": 1, "luc": at(1)}]}).encode()
    stage.script = [(200, gzip.compress(body) if "Content-Encoding" in headers else body, headers)]
    assert read(stage.connection) == [("A", "1", at(1))]


def basic(login, password):
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("extra", "header", "value"),
    [
        ({}, "X-Api-Key", SECRET),
        ({"header": "Khoa"}, "Khoa", SECRET),
        ({"auth": "basic"}, "Authorization", basic("đọc", SECRET)),
        ({"auth": "bearer"}, "Authorization", f"Bearer {SECRET}"),
        ({"auth": "none"}, "Authorization", None),
    ],
)
def test_each_way_to_be_known(stage, extra, header, value):
    stage.login = "đọc"
    read(stage.connected(**extra))
    assert stage.asked[0][2].get(header) == value
    assert extra.get("auth") != "none" or SECRET not in str(stage.asked)


def test_a_token_is_fetched_once_and_renewed_once(stage):
    stage.login = "doc"
    stage.put(ROWS)
    stage.connection = stage.connected(auth="oauth2", token_url=f"{stage.url}/token", scope="doc.ho_so", page_size=1)
    true = stage.answer
    valid = "Bearer the-1"
    stage.answer = lambda asked, headers: true(asked, headers) if headers["Authorization"] == valid else (401, {})
    assert len(read(stage.connection)) == 2
    assert stage.tokens == [(basic("doc", SECRET), {"grant_type": ["client_credentials"], "scope": ["doc.ho_so"]})]

    stage.tokens.clear()
    valid = "Bearer the-2"
    assert len(read(stage.connection)) == 2
    assert len(stage.tokens) == 2, "one refused, one renewed"

    stage.tokens.clear()
    valid = "none will do"
    with pytest.raises(SourceChanged, match="khóa truy cập bị từ chối"):
        read(stage.connection)
    assert len(stage.tokens) == 2


def test_a_token_that_ends_is_fetched_again_before_it_does(stage):
    stage.put(ROWS)
    stage.token = lambda: (200, {"access_token": "ngan", "expires_in": 20})
    read(stage.connected(auth="oauth2", token_url=f"{stage.url}/token", page_size=1))
    assert len(stage.tokens) == len(stage.asked) == 2


@pytest.mark.parametrize(
    ("token", "error", "words"),
    [
        ((401, {}), SourceChanged, "khóa truy cập bị từ chối khi xin thẻ"),
        ((503, {}), SourceDown, "máy chủ cấp thẻ truy cập báo lỗi HTTP 503"),
        ((302, {}, {"Location": "http://127.0.0.1:1/"}), SourceChanged, "HTTP 302"),
        ((200, {"access_token": "a\nb"}), SourceChanged, "không đúng giao thức"),
        ((200, b"<html>"), SourceChanged, "không đúng giao thức"),
    ],
)
def test_a_token_server_that_refuses_is_told_apart_from_one_that_is_ill(stage, token, error, words):
    stage.token = lambda: token
    with pytest.raises(error, match=words) as told:
        read(stage.connected(auth="oauth2", token_url=f"{stage.url}/token"))
    assert SECRET not in str(told.value)
    assert not stage.asked


FORM = "không đúng giao thức"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((401, {}), SourceChanged, r"khóa truy cập bị từ chối \(HTTP 401\)"),
        ((403, {}), SourceChanged, r"khóa truy cập bị từ chối \(HTTP 403\)"),
        ((308, {}, {"Location": "http://127.0.0.1:1/"}), SourceChanged, r"không đúng giao thức \(HTTP 308\)"),
        ((404, {}), SourceChanged, "HTTP 404"),
        ((500, {}), SourceDown, "báo lỗi HTTP 500"),
        ((429, {}, {"Retry-After": "3600"}), SourceDown, "báo lỗi HTTP 429"),
        ((200, b"<html>loi</html>"), SourceChanged, FORM),
        ((200, b""), SourceChanged, FORM),
        ((200, {"du_lieu": "khong"}), SourceChanged, FORM),
        ((200, {"du_lieu": [["A", 1]]}), SourceChanged, FORM),
        ((200, b'{"du_lieu": ' + b"[" * 100_000), SourceChanged, FORM),
        ((200, {"du_lieu": [], "trang_sau": "hai"}), SourceChanged, FORM),
        ((200, {"du_lieu": [], "trang_sau": 1}), SourceChanged, "con trỏ lặp lại"),
        ((200, b'{"du_lieu": [', {"Content-Length": "5000"}), SourceDown, "ngắt giữa chừng"),
        ((200, b"khong phai gzip", {"Content-Encoding": "gzip"}), SourceDown, "ngắt giữa chừng"),
    ],
)
def test_a_service_that_misbehaves_is_told_in_one_sentence(stage, answer, error, words):
    stage.script = [answer]
    with pytest.raises(error, match=words):
        read(stage.connection)


def test_a_service_that_asks_for_patience_gets_some(stage, waits):
    stage.put(ROWS)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    stage.script = [(429, {}, {"Retry-After": "7"}), (503, {}, {"Retry-After": soon})]
    assert len(read(stage.connection)) == 2
    assert waits[0] == 7
    assert 10 < waits[1] <= 20
    stage.script = [(503, {}, {"Retry-After": "1"})] * 3
    with pytest.raises(SourceDown, match="503"):
        read(stage.connection)
    assert len(waits) == 4


def test_a_link_to_another_host_is_not_followed(stage):
    other = "http://127.0.0.1:1/api?khoa=1"
    stage.script = [(200, {"du_lieu": [], "tiep": other})]
    with pytest.raises(SourceChanged, match="máy chủ khác"):
        read(stage.connected(paging="link", next="tiep"))


def test_a_link_that_leads_back_is_noticed(stage):
    stage.script = [(200, {"du_lieu": [], "tiep": f"/api/v1/cha?trang={page}"}) for page in (2, 3, 2)]
    with pytest.raises(SourceChanged, match="con trỏ lặp lại"):
        read(stage.connected(paging="link", next="tiep"))
    assert len(stage.asked) == 3


def test_a_page_beyond_every_measure_is_cut_off(stage, monkeypatch):
    monkeypatch.setattr(rest, "LARGEST_PAGE", 1_000_000)
    packed = gzip.compress(b'{"du_lieu": [' + b" " * 30_000_000 + b"]}")
    stage.script = [(200, packed, {"Content-Encoding": "gzip"})]
    with pytest.raises(SourceChanged, match="64 MB"):
        read(stage.connection)


def test_a_body_that_drips_is_cut_off(stage, monkeypatch):
    monkeypatch.setattr(rest, "PAGE_SECONDS", -1)
    with pytest.raises(SourceDown, match="quá chậm"):
        read(stage.connection)


def test_pages_without_end_are_cut_off(stage, monkeypatch):
    monkeypatch.setattr(rest, "MOST_PAGES", 5)
    stage.script = [(200, {"du_lieu": [], "trang_sau": page}) for page in range(2, 100)]
    with pytest.raises(SourceChanged, match="quá nhiều trang"):
        read(stage.connection)
    assert len(stage.asked) == 5


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"auth": "ntlm"}, "extra.auth must be one of api_key, basic, bearer, oauth2, none"),
        ({"auth": "oauth2"}, "extra.token_url"),
        ({"paging": "offset"}, "extra.paging must be one of page, cursor, link, none"),
        ({"times": "epoch"}, "extra.times must be one of local, zoned, date"),
    ],
)
def test_a_mistake_in_the_connection_is_named(stage, extra, words):
    with pytest.raises(NeedsPerson, match=words):
        list(source_of(stage.connected(**extra)).read(CHA, day(1)))
    assert not stage.asked
