"""The mapi client: sessions, the envelope, and what an answer, or the lack of one, means."""

import socket
import ssl
import subprocess
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson, ReceiverBusy, ReceiverRefused, TryAgain
from lienthong.mapi import Call, Mapi, NoAnswer, NotTaken, TooLarge
from lienthong.mapi import transport as transport_module
from tests.unit.mapi_server import DROP, GOOD, Reply, serving, session

LOGIN, PASSWORD, SESSION = "dvc-h15", "mat-khau-rat-kin", "phien-rat-kin"
DESTINATION = "VN:GOV:000.00.00.G22:vpcpdvcprovider"


@pytest.fixture
def server():
    with serving() as found:
        found.login = lambda _: session(SESSION)
        yield found


@pytest.fixture
def client(server):
    found = client_of(server.url)
    yield found
    found.close()


def client_of(url, **extra):
    return Mapi(Connection("national_portal", "http", host=url, login=LOGIN, password=PASSWORD, extra=extra))


def test_an_envelope_carries_session_unit_service_and_the_records_as_they_are(server, client):
    answer = client.call("DongBoHoSoMC", {"isUpdating": "False"}, ['{"MaHoSo":"Đ 1"}', '{"MaHoSo":"2"}'])
    assert answer.accepted
    (login, push) = server.seen
    assert login.path == "/mapi/login"
    assert login.body == {"username": LOGIN, "password": PASSWORD}
    assert push.path == "/mapi/g"
    assert push.body == {
        "session": SESSION,
        "madonvi": "H15",
        "service": "DongBoHoSoMC",
        "isUpdating": "False",
        "data": [{"MaHoSo": "Đ 1"}, {"MaHoSo": "2"}],
    }
    assert push.headers["X-Request-Id"] == answer.request_id
    assert push.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("place", ["header", "query"])
def test_the_destination_travels_where_the_connection_says(server, place):
    client_of(server.url, dstcode=DESTINATION, dstcode_in=place, providerurl="http://a.invalid/x").call("LayDVC")
    for one in server.seen:
        in_query = "dstcode=VN%3AGOV%3A000.00.00.G22%3Avpcpdvcprovider&providerurl=" in one.path
        in_header = one.headers.get("dstcode") == DESTINATION and "providerurl" in one.headers
        assert (in_query, in_header) == ((True, False) if place == "query" else (False, True))


def test_a_path_prefix_and_other_paths_are_configuration(server):
    client_of(f"{server.url}/XrdAdapter/RestService/forward", login_path="/l", path="/p").call("LayDVC")
    assert [one.path for one in server.seen] == [
        "/XrdAdapter/RestService/forward/l",
        "/XrdAdapter/RestService/forward/p",
    ]


def test_one_session_serves_every_call_over_one_connection(server, client):
    for _ in range(5):
        client.call("LayDVC")
    assert len(server.asked("login")) == 1
    assert server.connections == 1


def test_many_threads_log_in_once(server, client):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.call("LayDVC"), range(24)))
    assert len(server.asked("login")) == 1


def test_a_session_is_renewed_before_it_ends(server):
    sessions = iter(("a", "b"))
    server.login = lambda _: session(next(sessions))
    client = client_of(server.url, session_minutes=0.001)
    client.call("LayDVC")
    threading.Event().wait(0.08)
    client.call("LayDVC")
    assert [one.body["session"] for one in server.asked("LayDVC")] == ["a", "b"]


def test_an_expired_session_is_renewed_once_and_the_same_request_repeated(server, client):
    sessions = iter(("old", "new"))
    server.login = lambda _: session(next(sessions))
    expired = Reply({"error_code": -1, "message": "Phiên làm việc (session) đã hết hạn"})
    server.script = lambda one: expired if one.body["session"] == "old" else GOOD
    calls: list[Call] = []
    assert client.call("DongBoHoSoMC", {}, ['{"a":"1"}'], calls=calls).accepted
    first, second = server.asked("DongBoHoSoMC")
    assert first.body["data"] == second.body["data"]
    assert [(c.service, c.records, c.outcome, c.code) for c in calls] == [
        ("login", 0, "accepted", "0"),
        ("DongBoHoSoMC", 1, "refused", "-1"),
        ("login", 0, "accepted", "0"),
        ("DongBoHoSoMC", 1, "accepted", "0"),
    ]
    assert len({call.request_id for call in calls}) == 4


def test_a_session_that_is_refused_again_was_certainly_not_used(server, client):
    server.script = lambda _: Reply({"error_code": "-7", "message": "session không đúng"})
    with pytest.raises(NotTaken, match="code -7"):
        client.call("LayDVC")
    assert len(server.asked("LayDVC")) == 2


@pytest.mark.parametrize("code", [0, 0.0, "0", "00", " 0 "])
def test_every_form_of_success_is_one_code(server, client, code):
    server.script = lambda _: Reply({"error_code": code, "message": ""})
    assert client.call("LayDVC").accepted


@pytest.mark.parametrize(
    ("given", "code"), [(3, "3"), ("-3", "-3"), ("03", "3"), ("E17", "E17"), (1.5, None), (True, None)]
)
def test_other_codes_are_kept_and_nonsense_is_no_answer(server, client, given, code):
    server.script = lambda _: Reply({"error_code": given, "message": "Không"})
    if code is None:
        with pytest.raises(NoAnswer, match="error_code"):
            client.call("LayDVC")
    else:
        answer = client.call("LayDVC")
        assert (answer.code, answer.accepted) == (code, False)


def test_an_answer_inside_the_message_of_an_adapter_is_unwrapped(server, client):
    inner = '{"error_code":"3","message":"Hồ sơ đã tồn tại","result":[]}'
    outer = '{"error_code":"0","message":' + '"' + inner.replace('"', '\\"') + '"}'
    server.script = lambda _: Reply({"error_code": "00", "message": outer})
    answer = client.call("DongBoHoSoMC", {}, ["{}"])
    assert (answer.code, answer.message) == ("3", "Hồ sơ đã tồn tại")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>B\xe1\xba\xa3o tr\xc3\xac</html>", headers={"Content-Type": "text/html"}),
        Reply(b""),
        Reply(b'{"error_code": "0", "mess'),
        Reply(b"[1, 2]"),
        Reply(b"\xff\xfe"),
        Reply(b"[" * 100_000),
        Reply({"message": "Thành công"}),
        Reply({"error_code": 0}, status=500),
        Reply(b"", status=502),
        Reply({"error_code": "0", "message": ""}, claim=4000),
        DROP,
    ],
    ids=["html", "empty", "cut", "list", "not utf-8", "deep", "no code", "500", "502", "short body", "dropped"],
)
def test_without_a_usable_answer_the_outcome_is_unknown(server, client, reply):
    server.script = lambda _: reply
    with pytest.raises(NoAnswer):
        client.call("DongBoHoSoMC", {}, ["{}"])
    assert len(server.asked("DongBoHoSoMC")) == 1


def test_a_slow_answer_is_cut_off_however_slowly_it_drips(server):
    server.script = lambda _: Reply({"error_code": "0", "message": "x" * 200}, drip=0.05)
    client = client_of(server.url, timeout=0.3)
    with pytest.raises(NoAnswer, match=r"0\.3 s"):
        client.call("DongBoHoSoMC", {}, ["{}"])


def test_no_answer_in_time_leaves_the_outcome_unknown(server):
    gate = threading.Event()
    server.script = lambda _: GOOD if gate.wait(5) else DROP
    client = client_of(server.url, timeout=0.2)
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        client.call("DongBoHoSoMC", {}, ["{}"])
    gate.set()


def test_an_answer_without_end_is_cut_off(server, client, monkeypatch):
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1000)
    server.script = lambda _: Reply({"error_code": "0", "message": "x" * 200_000})
    with pytest.raises(NoAnswer, match="larger"):
        client.call("LayDVC")


def test_where_nobody_listens_nothing_was_taken():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://khong-co.invalid"):
        with pytest.raises(NotTaken, match="no connection to http://"):
            client_of(url).call("LayDVC")


def test_a_login_without_answer_means_that_nothing_was_sent(server, client):
    server.login = lambda _: DROP
    with pytest.raises(NotTaken, match="Login failed"):
        client.call("DongBoHoSoMC", {}, ["{}"])
    assert server.asked("DongBoHoSoMC") == []


def test_a_refused_login_needs_a_person(server, client):
    server.login = lambda _: Reply({"session": "", "error_code": -1, "message": f"Sai mật khẩu {PASSWORD}"})
    with pytest.raises(ReceiverRefused, match="login and password"):
        client.call("LayDVC")


@pytest.mark.parametrize("status", [408, 429])
def test_a_request_for_patience_was_not_taken(server, client, status):
    server.script = lambda _: Reply(b"", status=status, headers={"Retry-After": "17"})
    with pytest.raises(ReceiverBusy) as caught:
        client.call("DongBoHoSoMC", {}, ["{}"])
    assert isinstance(caught.value, NotTaken)
    assert caught.value.retry_after == 17


@pytest.mark.parametrize(("ahead", "low", "high"), [(90, 60, 91), (-90, 0, 0), (10**7, 86_400, 86_400)])
def test_retry_after_as_a_date_is_understood(server, client, ahead, low, high):
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    server.script = lambda _: Reply(b"", status=503, headers={"Retry-After": moment})
    with pytest.raises(NoAnswer) as caught:
        client.call("LayDVC")
    assert low <= caught.value.retry_after <= high


def test_an_unreadable_retry_after_counts_as_none(server, client):
    server.script = lambda _: Reply(b"", status=429, headers={"Retry-After": "soon"})
    with pytest.raises(NotTaken) as caught:
        client.call("LayDVC")
    assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_rejected_rights_or_addresses_stop_everything(server, client, status):
    server.script = lambda _: Reply(b"", status=status)
    with pytest.raises(ReceiverRefused, match=f"HTTP {status}"):
        client.call("LayDVC")


def test_a_request_that_is_too_large_was_not_taken(server, client):
    server.script = lambda _: Reply(b"", status=413)
    with pytest.raises(TooLarge):
        client.call("DongBoHoSoMC", {}, ["{}"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_never_followed(server, client, status):
    with serving() as elsewhere:
        target = f"{elsewhere.url}/mapi/g?token=kin"
        server.script = lambda _: Reply(b"", status=status, headers={"Location": target})
        with pytest.raises(ReceiverRefused, match=f"redirects to {elsewhere.url}/mapi/g ") as caught:
            client.call("DongBoHoSoMC", {}, ['{"ChuHoSo":"Nguyễn Thị Hồng"}'])
        assert "kin" not in str(caught.value)
        assert elsewhere.seen == []


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client_of(server.url).call("LayDVC").accepted


def test_no_error_or_repr_or_call_shows_a_secret(server, client):
    calls: list[Call] = []
    said = [repr(client), str(client)]
    replies = [DROP, Reply(b"x"), Reply(b"", status=500), Reply(b"", status=403), Reply(b"", status=429)]
    echo = f"Phiên {SESSION} của {LOGIN}/{PASSWORD}; chủ hồ sơ a@vidu.invalid, 066300912345"
    replies.append(Reply({"error_code": "-5", "message": echo}))
    server.login = lambda _: Reply({"session": SESSION, "error_code": 0, "message": f"Chào {LOGIN}/{PASSWORD}"})
    records = ['{"ChuHoSo":"kin"}']
    for reply in replies:
        server.script = lambda _, reply=reply: reply
        try:
            said.append(repr(client.call("DongBoHoSoMC", {}, records, calls=calls)))
        except (TryAgain, ReceiverRefused) as error:
            said += traceback.format_exception(error)
    text = " ".join(said + [repr(call) for call in calls])
    for secret in (PASSWORD, SESSION, "066300912345", "a@vidu.invalid", *records):
        assert secret not in text


def test_a_rate_is_kept_by_all_threads_together(server):
    client = client_of(server.url, rate_per_second=50)
    started = datetime.now(UTC)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: client.call("LayDVC"), range(12)))
    assert (datetime.now(UTC) - started).total_seconds() >= 12 / 50


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"in_flight": 1.5}, "in_flight"),
        ({"dossiers_per_request": 0}, "dossiers_per_request"),
        ({"dstcode_in": "body"}, "dstcode_in"),
        ({"dstcode": "a\r\nX: y"}, "dstcode"),
        ({"path": "mapi/g"}, "path"),
        ({"madonvi": "tỉnh"}, "madonvi"),
    ],
)
def test_an_extra_that_cannot_be_meant_is_refused_by_name(extra, name):
    with pytest.raises(NeedsPerson, match=f"'national_portal': extra '{name}'"):
        client_of("http://127.0.0.1:1", **extra)


def test_extras_of_a_uri_are_text_and_the_defaults_are_the_protocols():
    options = client_of("http://127.0.0.1:1", steps_per_request="25", rate_per_second="").options
    assert (options.steps_per_request, options.dossiers_per_request, options.in_flight) == (25, 1, 1)
    assert (options.timeout, options.session_minutes, options.rate_per_second) == (60.0, 8.0, None)


def test_a_certificate_that_nobody_vouches_for_stops_everything_and_a_ca_file_mends_it(server, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://localhost:{server.server_address[1]}"
    with pytest.raises(ReceiverRefused, match="certificate"):
        client_of(url).call("LayDVC")
    assert server.seen == []
    assert client_of(url, ca_file=str(certificate)).call("LayDVC").accepted
    with pytest.raises(ReceiverRefused, match="ca_file"):
        client_of(url, ca_file=str(tmp_path / "none.pem")).call("LayDVC")
