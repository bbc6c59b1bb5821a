"""The gateway client: how each adapter makes itself known, and what each answer, or the lack of one, means."""

import base64
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from lienthong.connections import Connection
from lienthong.contracts import Column
from lienthong.endpoints import Item, Outcome, SharedPlatform
from lienthong.errors import NeedsPerson, ReceiverBusy, ReceiverRefused, TryAgain
from lienthong.gateway import Gateway
from lienthong.mapi import NoAnswer, NotTaken, TooLarge
from tests.sql.builders import contract

LOGIN, PASSWORD, TOKEN = "khoa-truy-cap", "mat-khau-rat-kin", "the-rat-kin"
FIVE = {
    "AccessKey": LOGIN, "SecretKey": PASSWORD, "AppName": "lienthong", "PartnerCode": "H15", "PartnerCodeCus": "H15.01",
}  # fmt: skip
HEADER = base64.b64encode(json.dumps(FIVE).encode()).decode()
EXTRAS = {
    "lgsp": {"app_name": "lienthong", "partner_code": "H15", "partner_code_cus": "H15.01"},
    "oauth2": {"auth": "oauth2", "scope": "csdl"},
    "portal_adapter": {"auth": "portal_adapter", "dstcode": "VN:GOV:H15"},
}
GOOD = {"error_code": 0, "message": "", "result": {}}
DROP = object()


class Platform(ThreadingHTTPServer):
    """Answers tokens well and everything else as ``script`` says: a value, bytes, or (status, value, headers)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.logins = [], []
        self.script = lambda _: GOOD
        self.token = lambda: {"access_token": TOKEN, "session": TOKEN, "error_code": "0", "expires_in": 3600}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the play."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        one = {"method": self.command, "path": parts.path, "query": parse_qs(parts.query), "headers": self.headers}
        one["body"] = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if parts.path in ("/token", "/mapi/login"):
            self.server.logins.append(one)
            said = self.server.token()
        else:
            self.server.seen.append(one)
            said = self.server.script(one)
        if said is DROP:
            self.close_connection = True
            return
        status, value, headers = said if isinstance(said, tuple) else (200, said, {})
        content = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in {**headers, "Content-Length": len(content)}.items():
            self.send_header(name, str(text))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with running() as found:
        yield found


@contextmanager
def running():
    found = Platform()
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def connection_to(url, auth="lgsp", **extra):
    given = {**EXTRAS[auth], "timeout": 5, **extra}
    return Connection("shared_platform", "http", host=url, login=LOGIN, password=PASSWORD, extra=given)


@pytest.fixture
def ask(server):
    """Push two records, as the adapter that is named; gives the answer."""
    opened = []

    def push(auth="lgsp", calls=None, **extra):
        client = Gateway(connection_to(server.url, auth, **extra))
        opened.append(client)
        return client.push("thua_dat", ['{"khoa":"Đ 1"}', '{"khoa":"2"}'], calls=[] if calls is None else calls)

    yield push
    for client in opened:
        client.close()


class TestAdapters:
    """Who we are, in each call pattern."""

    def test_five_credentials_in_one_header(self, server, ask):
        ask("lgsp")
        (login,), (push,) = server.logins, server.seen
        assert (login["method"], login["path"]) == ("POST", "/token")
        assert parse_qs(login["body"]) == {"grant_type": ["client_credentials"]}
        assert login["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
        assert json.loads(base64.b64decode(login["headers"]["lgspaccesstoken"])) == FIVE
        assert push["headers"]["lgspaccesstoken"] == login["headers"]["lgspaccesstoken"]
        assert push["headers"]["Authorization"] == f"Bearer {TOKEN}"
        assert push["headers"]["Content-Type"] == "application/json"

    def test_client_credentials(self, server, ask):
        server.script = lambda _: {"Status": 0, "Message": "ok", "Result": {"DS_KET_QUA": []}}
        answer, _ = ask("oauth2")
        (login,), (push,) = server.logins, server.seen
        assert parse_qs(login["body"]) == {
            "grant_type": ["client_credentials"], "client_id": [LOGIN], "client_secret": [PASSWORD], "scope": ["csdl"],
        }  # fmt: skip
        assert push["headers"]["Authorization"] == f"Bearer {TOKEN}"
        assert "lgspaccesstoken" not in push["headers"]
        assert answer.accepted

    def test_a_session_in_the_body_or_the_query(self, server, ask):
        ask("portal_adapter")
        (login,), (push,) = server.logins, server.seen
        assert (login["path"], json.loads(login["body"])) == ("/mapi/login", {"username": LOGIN, "password": PASSWORD})
        assert json.loads(push["body"])["session"] == TOKEN
        assert push["headers"]["dstcode"] == "VN:GOV:H15"
        assert "Authorization" not in push["headers"]
        server.script = lambda _: {**GOOD, "result": {"khoa": "a/b|ó", "phien_ban": "3", "ban_ghi": {}}}
        found, _ = Gateway(connection_to(server.url, "portal_adapter")).look_up("thua_dat", "a/b|ó", [])
        assert found["phien_ban"] == "3"
        assert server.seen[-1]["path"] == "/csdl/thua_dat/a%2Fb%7C%C3%B3"
        assert server.seen[-1]["query"] == {"session": [TOKEN]}

    @pytest.mark.parametrize("auth", EXTRAS)
    def test_a_push_carries_its_records_as_they_are_and_one_trace_id(self, server, ask, auth):
        server.script = lambda _: {**GOOD, "Status": "00"}
        calls = []
        answer, _ = ask(auth, calls)
        body = json.loads(server.seen[0]["body"])
        trace = server.seen[0]["headers"]["X-Request-Id"]
        assert server.seen[0]["path"] == "/csdl/thua_dat/dong-bo"
        assert body["data"] == {"MaGiaoDich": trace, "DS_BAN_GHI": [{"khoa": "Đ 1"}, {"khoa": "2"}]}
        assert '{"khoa":"Đ 1"},{"khoa":"2"}' in server.seen[0]["body"]
        assert answer.request_id == trace
        login, push = calls
        assert (login.service, push.service, push.request_id, push.records) == ("login", "dong-bo thua_dat", trace, 2)
        assert (push.outcome, push.code) == ("accepted", "0")
        assert login.request_id == server.logins[0]["headers"]["X-Request-Id"] != trace

    @pytest.mark.parametrize("auth", EXTRAS)
    def test_no_secret_is_told_by_anything_that_is_kept_or_printed(self, server, ask, auth):
        secrets = (PASSWORD, TOKEN, *([HEADER] if auth == "lgsp" else []))
        said = f"sai {' '.join(secrets)}"
        calls = []
        server.script = lambda _: {"error_code": -1, "Status": -1, "message": said, "Message": said}
        answer, _ = ask(auth, calls)
        client = Gateway(connection_to(server.url, auth))
        told = [repr(calls), repr(answer), repr(client), repr(client._adapter), repr(client._adapter.ask())]
        server.script = lambda _: (403, said.encode(), {})
        with pytest.raises(ReceiverRefused) as refused:
            ask(auth, calls)
        server.token = lambda: (401, said.encode(), {})
        with pytest.raises(ReceiverRefused, match="login was refused") as login:
            ask(auth, calls)
        told += [str(refused.value), str(login.value), repr(calls)]
        assert not [text for text in told for secret in secrets if secret in text]

    @pytest.mark.parametrize(("auth", "said"), [
        ("lgsp", {}), ("oauth2", {"access_token": "a\r\nX: y"}), ("oauth2", {"access_token": 7}),
        ("portal_adapter", {"error_code": "-1", "message": "Sai mật khẩu", "session": ""}),
    ])  # fmt: skip
    def test_a_login_without_a_token_is_refused_and_nothing_is_sent(self, server, ask, auth, said):
        server.token = lambda: said
        with pytest.raises(ReceiverRefused, match="login was refused"):
            ask(auth)
        assert server.seen == []

    @pytest.mark.parametrize("said", [
        DROP, b"<html>", (503, b"", {}), {"error_code": "-9", "message": "Hệ thống đang bận", "session": ""},
    ])  # fmt: skip
    def test_a_login_without_answer_means_that_nothing_was_sent(self, server, ask, said):
        server.token = lambda: said
        with pytest.raises(NotTaken):
            ask("portal_adapter")
        assert server.seen == []

    def test_a_token_near_its_end_is_renewed_before_it_is_used(self, server):
        client = Gateway(connection_to(server.url))
        server.token = lambda: {"access_token": TOKEN, "expires_in": 0}
        for _ in range(3):
            client.push("thua_dat", ["{}"], calls=[])
        assert len(server.logins) == 3
        server.token = lambda: {"access_token": TOKEN, "expires_in": 3600}
        for _ in range(3):
            client.push("thua_dat", ["{}"], calls=[])
        assert len(server.logins) == 4


class TestRefusedTokens:
    """401 and its like inside HTTP 200: once more, and not twice."""

    def refusing(self, server, ended):
        """Every token but the newest is refused."""
        server.token = lambda: {
            "access_token": f"{TOKEN}-{len(server.logins)}",
            "session": f"{TOKEN}-{len(server.logins)}",
        }

        def script(one):
            good = f"{TOKEN}-{max(2, len(server.logins))}"
            return GOOD if good in one["body"] + one["headers"].get("Authorization", "") else ended

        server.script = script

    @pytest.mark.parametrize(("auth", "ended"), [
        ("lgsp", (401, b"", {})), ("portal_adapter", (401, b"", {})),
        ("portal_adapter", {"error_code": "-1", "message": "Session không hợp lệ"}),
    ])  # fmt: skip
    def test_a_refused_token_is_renewed_once_by_one_of_many_threads(self, server, auth, ended):
        self.refusing(server, ended)
        client = Gateway(connection_to(server.url, auth))
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: client.push("thua_dat", ["{}"], calls=[])[0], range(12)))
        assert all(answer.accepted for answer in answers)
        assert len(server.logins) == 2

    @pytest.mark.parametrize(("auth", "ended", "error"), [
        ("lgsp", (401, b"", {}), ReceiverRefused), ("oauth2", (401, b"", {}), ReceiverRefused),
        ("portal_adapter", {"error_code": "-1", "message": "Session hết hạn"}, NotTaken),
    ])  # fmt: skip
    def test_a_fresh_token_that_is_refused_ends_the_call(self, server, ask, auth, ended, error):
        server.script = lambda _: ended
        with pytest.raises(error):
            ask(auth)
        assert (len(server.logins), len(server.seen)) == (2, 2)

    def test_a_token_that_was_good_for_another_thread_is_no_wrong_credential(self, server):
        client = Gateway(connection_to(server.url))
        client.push("thua_dat", ["{}"], calls=[])
        server.script = lambda _: (401, b"", {})
        server.token = lambda: {"access_token": f"{TOKEN}-2"}
        renew = client._current_token
        client._current_token = lambda *given, **how: setattr(client, "_proven", f"{TOKEN}-2") or renew(*given, **how)
        with pytest.raises(NotTaken, match="ended at once"):
            client.push("thua_dat", ["{}"], calls=[])


class TestAnswers:
    """HTTP 200 proves nothing, and no answer proves nothing either."""

    @pytest.mark.parametrize(("auth", "said", "accepted"), [
        ("lgsp", {"error_code": "00"}, True), ("lgsp", {"error_code": 0.0}, True), ("lgsp", {"error_code": 1}, False),
        ("oauth2", {"Status": True}, True), ("oauth2", {"Status": "Success"}, True), ("oauth2", {"Status": 200}, True),
        ("oauth2", {"Status": False}, False), ("oauth2", {"Status": "Fail"}, False), ("oauth2", {"Status": 500}, False),
        ("lgsp", {"error_code": "0", "message": '{"error_code": -1, "message": "sai"}'}, False),
    ])  # fmt: skip
    def test_the_code_decides(self, ask, server, auth, said, accepted):
        server.script = lambda _: said
        answer, _ = ask(auth)
        assert answer.accepted is accepted

    @pytest.mark.parametrize(("said", "error", "words"), [
        (b"", NoAnswer, "an empty body"), (b"<html><body>Xin ch\xc3\xa0o</body></html>", NoAnswer, "not a JSON object"),
        (b'{"error_code": 0', NoAnswer, "not a JSON object"), (b"[]", NoAnswer, "not a JSON object"),
        ({"Status": 0}, NoAnswer, "expected error_code"), ({"error_code": None}, NoAnswer, "expected error_code"),
        (DROP, NoAnswer, "broke off"), ((500, b"", {}), NoAnswer, "HTTP 500"),
        ((503, b"", {"Retry-After": "7"}), NoAnswer, "HTTP 503"), ((429, b"", {"Retry-After": "7"}), NotTaken, "429"),
        ((413, b"", {}), TooLarge, "too large"), ((403, b"", {}), ReceiverRefused, "rights.*shared_platform.*can mend"),
        ((404, b"", {}), ReceiverRefused, "address.*can mend"), ((400, b"", {}), ReceiverRefused, "HTTP 400"),
        ((302, b"", {"Location": "http://khac.invalid/"}), ReceiverRefused, "never followed"),
    ])  # fmt: skip
    def test_everything_else_is_an_error_of_its_kind_after_one_request(self, server, ask, said, error, words):
        server.script = lambda _: said
        calls = []
        with pytest.raises(error, match=words) as caught:
            ask("lgsp", calls)
        assert len(server.seen) == 1
        assert calls[-1].outcome == {NoAnswer: "in_doubt", ReceiverRefused: "stopped"}.get(error, "not_taken")
        if isinstance(said, tuple) and "Retry-After" in said[2]:
            assert caught.value.retry_after == 7

    def test_no_answer_in_time_leaves_the_outcome_unknown(self, server, ask):
        server.script = lambda _: time.sleep(0.5) or GOOD
        with pytest.raises(NoAnswer, match="ReadTimeout"):
            ask("lgsp", timeout=0.2)

    def test_where_nobody_listens_nothing_was_taken(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(NotTaken, match="no connection"):
            Gateway(connection_to(url)).push("thua_dat", ["{}"], calls=[])

    def test_pages_are_read_and_a_wrong_one_is_no_answer(self, server):
        client = Gateway(connection_to(server.url))
        result = {"DS_BAN_GHI": [{"ma": "1"}], "trang_sau": "2", "tong_so": "7"}
        server.script = lambda _: {**GOOD, "result": result}
        page, _ = client.page("dan_toc", 1, {"tu": "2025-09-30T00:00:00"}, [])
        assert (page.rows, page.next, page.total) == ([{"ma": "1"}], 2, 7)
        assert server.seen[0]["query"] == {"tu": ["2025-09-30T00:00:00"], "trang": ["1"], "kich_thuoc": ["500"]}
        for wrong in ({}, {"DS_BAN_GHI": [7]}, {**result, "trang_sau": "x"}):
            result = wrong
            with pytest.raises(NoAnswer):
                client.page("dan_toc", 1, {}, [])

    def test_a_record_that_is_not_there_is_told_from_a_failure(self, server):
        client = Gateway(connection_to(server.url))
        server.script = lambda _: {"error_code": -1, "message": "Không tồn tại"}
        assert client.look_up("thua_dat", "1", [])[0] is None
        server.script = lambda _: {"error_code": -1, "message": "Lỗi hệ thống"}
        with pytest.raises(NoAnswer, match="code -1.*'unknown'"):
            client.look_up("thua_dat", "1", [])
        server.script = lambda _: {"error_code": -1, "message": "Hệ thống đang bận"}
        with pytest.raises(NotTaken):
            client.look_up("thua_dat", "1", [])

    @pytest.mark.parametrize(("extra", "said", "absent"), [
        ({"unknown": ["NOT_FOUND"]}, {"error_code": "not_found", "message": ""}, True),
        ({"unknown": "[7]"}, {"error_code": "07", "message": "x"}, True),
        ({"unknown": ["chưa có dữ liệu"]}, {"error_code": -1, "message": "Hệ thống chưa có dữ liệu này"}, True),
        ({"unknown": ["chưa có dữ liệu"]}, {"error_code": -1, "message": "Không tồn tại"}, False),
        ({"unknown": []}, (404, {"x": 1}, {}), True), ({}, (404, b"<html>", {}), True),
    ])  # fmt: skip
    def test_how_a_platform_says_that_a_record_is_not_there_is_an_option(self, server, extra, said, absent):
        client = Gateway(connection_to(server.url, **extra))
        server.script = lambda _: said
        calls = []
        if absent:
            assert client.look_up("thua_dat", "1", calls)[0] is None
            assert calls[-1].outcome == "refused"
        else:
            with pytest.raises(NoAnswer):
                client.look_up("thua_dat", "1", calls)

    def test_an_address_that_is_not_there_stops_what_is_no_look_up(self, server, ask):
        server.script = lambda _: (404, b"", {})
        with pytest.raises(ReceiverRefused, match="HTTP 404"):
            ask()
        with pytest.raises(ReceiverRefused, match="HTTP 404"):
            Gateway(connection_to(server.url)).page("thua_dat", 1, {}, [])


class TestOptions:
    """Every name and place of the protocol is an option; what cannot be meant is refused."""

    def test_paths_names_and_codes_can_be_others(self, server):
        server.script = lambda _: {"ma_loi": "OK", "ket_qua": {"KQ": [{"id": "1", "v": 2, "rc": "ok", "rm": ""}]}}
        client = Gateway(connection_to(
            server.url, header="X-Lgsp", push_path="/v2/day/{dataset}", success='["ok"]',
            names={"code": "ma_loi", "result": "ket_qua", "results": "KQ", "key": "id", "version": "v",
                   "record_code": "rc", "record_message": "rm", "data": "goi", "trace": "trace", "records": "DS"},
        ))  # fmt: skip
        answer, (said,) = client.push("thua_dat", ['{"id":"1"}'], calls=[])
        assert (answer.accepted, said.accepted, said.key, said.version) == (True, True, "1", "2")
        assert server.seen[0]["path"] == "/v2/day/thua_dat"
        assert set(json.loads(server.seen[0]["body"])["goi"]) == {"trace", "DS"}
        assert "X-Lgsp" in server.seen[0]["headers"]

    @pytest.mark.parametrize("extra", [
        {"auth": "ntlm"}, {"push_path": "csdl"}, {"names": {"ma": "x"}}, {"names": "[1"}, {"success": []},
        {"verdicts": "some"}, {"records_per_request": 0}, {"texts": "co"}, {"header": "é"}, {"success": [True]},
        {"unknown": "không có"}, {"unknown": [None]}, {"unknown": [""]}, {"record_path": "csdl"},
    ], ids=str)  # fmt: skip
    def test_what_cannot_be_meant_is_refused_by_its_name(self, extra):
        with pytest.raises(NeedsPerson, match=rf"'shared_platform': extra '{next(iter(extra))}'"):
            Gateway(Connection("shared_platform", "http", host="http://127.0.0.1:1", extra=extra))


THUA_DAT = replace(
    contract("thua_dat", [], [], endpoints=("shared_platform",)),
    columns=(Column("ma", "string", "Mã", "internal", {}), Column("chu_su_dung", "string", "Chủ", "personal", {})),
)
OWNER = "Nguyễn Thị Hồng Nhung"


def item(key, version=1, **changes):
    given = {"dataset": "thua_dat", "record_key": key, "version": version, "order_key": key}
    body = json.dumps({"chu_su_dung": OWNER, "ma": key}, ensure_ascii=False)
    return Item(**{**given, "body": body, **changes})


def result(*entries):
    listed = [dict(zip(("khoa", "phien_ban", "error_code", "message"), entry, strict=True)) for entry in entries]
    return {**GOOD, "result": {"DS_KET_QUA": listed}}


class TestVerdicts:
    """What a batch's answer means for each of its records."""

    def deliver(self, server, items, method="deliver", **extra):
        endpoint = SharedPlatform(connection_to(server.url, **extra), "H15", {"thua_dat": THUA_DAT})
        delivery = getattr(endpoint, method)(items)
        endpoint.close()
        self.calls = delivery.calls
        assert sorted(verdict.item.record_key for verdict in delivery.verdicts) == sorted(i.record_key for i in items)
        return {verdict.item.record_key: verdict for verdict in delivery.verdicts}, delivery.trouble

    def test_each_record_has_its_own_verdict_and_words_name_nobody(self, server):
        server.script = lambda _: result(
            ("a", 1, 0, ""), ("b", "1", "-1", f"Chủ {OWNER.upper()} sai"), ("c", 1, -1, "Hệ thống đang bận")
        )
        found, trouble = self.deliver(server, [item("a"), item("b"), item("c")])
        assert [found[key].outcome for key in "abc"] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.TRY_AGAIN]
        assert (found["b"].message, trouble) == ("Chủ […] sai", None)

    @pytest.mark.parametrize("said", [
        result(("a", 1, 0, "")), result(("a", 1, 0, ""), ("b", 2, 0, "")),
        result(("a", 1, 0, ""), ("b", 1, 0, ""), ("b", 1, -1, "sai")),
    ], ids=["not named", "another version", "two verdicts"])  # fmt: skip
    def test_a_record_that_a_good_answer_does_not_speak_about_is_in_doubt(self, server, said):
        server.script = lambda _: said
        found, trouble = self.deliver(server, [item("a"), item("b")])
        assert (found["a"].outcome, found["b"].outcome) == (Outcome.ACCEPTED, Outcome.IN_DOUBT)
        assert isinstance(trouble, NoAnswer)

    def test_a_platform_that_answers_for_all_can_be_told_so(self, server):
        server.script = lambda _: GOOD
        found, trouble = self.deliver(server, [item("a"), item("b")], verdicts="whole")
        assert {one.outcome for one in found.values()} == {Outcome.ACCEPTED}
        assert trouble is None

    def test_a_failure_without_verdicts_is_parted_until_the_bad_record_stands_alone(self, server):
        def script(one):
            sent = [entry["khoa"] for entry in json.loads(one["body"])["data"]["DS_BAN_GHI"]]
            return {"error_code": -1, "message": "sai"} if "c" in sent else result(*((key, 1, 0, "") for key in sent))

        server.script = script
        found, _ = self.deliver(server, [item(key) for key in "abcde"])
        assert {key: one.outcome.value for key, one in found.items()} == {
            **dict.fromkeys("abde", "accepted"), "c": "refused",
        }  # fmt: skip

    @pytest.mark.parametrize(("held", "sent_again"), [
        ({"khoa": "a", "phien_ban": 3, "ban_ghi": {"ma": "a", "chu_su_dung": OWNER}}, False),
        ({"khoa": "a", "phien_ban": "3"}, False), ({"khoa": "a", "phien_ban": 2}, True),
        ({"khoa": "a", "phien_ban": 3, "ban_ghi": {"ma": "a", "chu_su_dung": "khác"}}, True), (None, True),
    ])  # fmt: skip
    def test_a_record_in_doubt_is_asked_about_by_its_version(self, server, held, sent_again):
        looked = {**GOOD, "result": held} if held else {"error_code": -1, "message": "Không tồn tại"}
        server.script = lambda one: looked if one["method"] == "GET" else result(("a", 3, 0, ""))
        found, _ = self.deliver(server, [item("a", 3, doubtful=True)], "resolve")
        assert found["a"].outcome is Outcome.ACCEPTED
        assert (found["a"].code, len(server.seen)) == (("0", 2) if sent_again else ("tra_cuu", 1))

    def test_where_there_is_no_look_up_what_is_in_doubt_is_sent_again(self, server):
        server.script = lambda _: result(("a", 3, 0, ""))
        found, _ = self.deliver(server, [item("a", 3, doubtful=True, attempts=1)], "resolve", record_path="")
        assert (found["a"].outcome, found["a"].code) == (Outcome.ACCEPTED, "0")
        assert [one["method"] for one in server.seen] == ["POST"]

    def test_a_look_up_that_says_nothing_is_a_try_of_its_record(self, server):
        """Its tries come to an end; a platform that is merely busy costs none."""
        said = {"error_code": -1, "message": "Mã lỗi 17"}
        server.script = lambda _: said
        found, trouble = self.deliver(server, [item("a", doubtful=True), item("b", doubtful=True)], "resolve")
        assert (found["a"].outcome, found["b"].outcome) == (Outcome.IN_DOUBT, Outcome.NOT_TAKEN)
        assert isinstance(trouble, NoAnswer)
        said = {"error_code": -1, "message": "Hệ thống đang bận"}
        found, _ = self.deliver(server, [item("a", doubtful=True)], "resolve")
        assert found["a"].outcome is Outcome.NOT_TAKEN

    def test_a_deletion_tells_the_key_alone(self, server):
        server.script = lambda _: result(("a", 4, 0, ""))
        self.deliver(server, [item("a", 4, body="{}", deleted=True)])
        (entry,) = json.loads(server.seen[0]["body"])["data"]["DS_BAN_GHI"]
        assert entry == {"khoa": "a", "phien_ban": 4, "thao_tac": "xoa", "ban_ghi": {}}

    @pytest.mark.parametrize("said", [
        {"error_code": -1, "message": f"Hồ sơ của {OWNER} đang khóa"}, result(("a", 4, -1, f"Của {OWNER}, đang khóa")),
    ], ids=["for all", "for the record"])  # fmt: skip
    def test_words_about_a_deletion_are_not_kept_since_nothing_tells_whom_they_name(self, server, said):
        server.script = lambda _: said
        found, trouble = self.deliver(server, [item("a", 4, body="{}", deleted=True)])
        assert (found["a"].outcome, found["a"].code, found["a"].message) == (Outcome.REFUSED, "-1", "")
        assert OWNER not in repr([self.calls, trouble])

    def test_deletions_go_by_themselves_so_that_other_records_keep_their_words(self, server):
        def script(one):
            sent = [entry["khoa"] for entry in json.loads(one["body"])["data"]["DS_BAN_GHI"]]
            return result(*((key, 4, -1, f"Chủ {OWNER} sai") for key in sent))

        server.script = script
        items = [item("a", 4, body="{}", deleted=True), item("b", 4), item("c", 4, body="{}", deleted=True)]
        found, _ = self.deliver(server, items)
        assert {key: one.message for key, one in found.items()} == {"a": "", "b": "Chủ […] sai", "c": ""}
        assert len(server.seen) == 2

    def test_words_of_a_look_up_name_nobody(self, server):
        server.script = lambda one: (
            {"error_code": -1, "message": f"Không tồn tại bản ghi của {OWNER}"}
            if one["method"] == "GET"
            else result(("a", 3, 0, ""))
        )
        self.deliver(server, [item("a", 3, doubtful=True)], "resolve")
        asked = next(call for call in self.calls if call.service == "tra-cuu thua_dat")
        assert asked.message == "Không tồn tại bản ghi của […]"

    @pytest.mark.parametrize(("said", "outcome", "error"), [
        ((403, b"", {}), Outcome.NOT_TAKEN, ReceiverRefused), ((429, b"", {}), Outcome.NOT_TAKEN, ReceiverBusy),
        ((502, b"", {}), Outcome.IN_DOUBT, TryAgain), (DROP, Outcome.IN_DOUBT, TryAgain),
    ])  # fmt: skip
    def test_trouble_is_told_apart_from_verdicts(self, server, said, outcome, error):
        server.script = lambda _: said
        found, trouble = self.deliver(server, [item("a"), item("b")])
        assert {one.outcome for one in found.values()} == {outcome}
        assert isinstance(trouble, error)
