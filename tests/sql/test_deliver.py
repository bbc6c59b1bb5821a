"""No letter is lost and none is seen twice, whatever the mail server does; its own log is the judge."""

import http.server
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from lienthong.alerts.deliver import SUSPICIOUS, deliver
from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sandbox.mailbox import Options, running_mailbox
from lienthong.sandbox.mailbox_store import parse
from lienthong.settings import Settings

from ..unit.letters_kit import letter, samples, told
from .builders import HOME

START = datetime(2025, 10, 1, 7, 30, tzinfo=UTC)
SETTINGS = Settings.from_env({"LIENTHONG_HOME": str(HOME)})
PLAIN = {"disable_ssl": True, "disable_tls": True, "timeout": 5}
TOKEN = "khoa"


class Post:
    """A province with letters to send, and the mailbox that they go to."""

    def __init__(self, warehouse, box):
        self.warehouse, self.box = warehouse, box
        self.connection = Connection("mail", "smtp", box.host, box.port, extra=PLAIN)
        self.clock(START)

    def clock(self, moment):
        self.moment = moment
        self.run(
            "INSERT INTO ops.clock (stands_at) VALUES (%s) ON CONFLICT (only_row) DO UPDATE SET stands_at = %s",
            moment, moment,
        )  # fmt: skip

    def run(self, query, *values):
        with self.warehouse.session() as session:
            found = session.execute(query, list(values))
            return found.fetchall() if found.description else []

    def put(self, number, address=None, content=None, due=None, channel="email", references=()):
        content = letter() if content is None else content
        self.run(
            "INSERT INTO ops.letters (kind, role, channel, address, recipient, unit, content, message_id,"
            ' "references", due_at)'
            " VALUES ('digest', 'owner', %s, %s, %s, %s, %s, %s, %s, coalesce(%s, ops.moment()))",
            channel, address or f"xa{number}@daklak.example", "UBND xã", "H15.131",
            content if isinstance(content, str) else json.dumps(content.to_json(), ensure_ascii=False),
            self.id(number), list(references), due,
        )  # fmt: skip

    @staticmethod
    def id(number):
        return f"<{number}.letter@daklak.example>"

    def deliver(self, lookup=None):
        return deliver(self.warehouse, lookup or (lambda _: self.connection), SETTINGS)

    def later(self, **span):
        self.clock(self.moment + timedelta(**span))

    def states(self):
        rows = self.run("SELECT message_id, state FROM ops.letters ORDER BY letter_id")
        return {row["message_id"]: row["state"] for row in rows}

    def misbehave(self, **rule):
        return self._control("POST", rule)

    def behave(self):
        self._control("DELETE", None)

    def _control(self, method, value):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(
            f"{self.box.url}/_control/misbehave", body, {"X-Control-Token": TOKEN}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def arrived(self):
        """Message-IDs in the order of arrival, repetitions left out."""
        return [one.message_id for one in self.box.store.letters()]

    def repetitions(self):
        return [one for one in self.box.store.deliveries() if one.repeats is not None]


@contextmanager
def opened(province, folder, **options):
    with running_mailbox(Options(folder / "mail", token=TOKEN, **options)) as box:
        yield Post(province, box)


@pytest.fixture
def post(province, tmp_path):
    with opened(province, tmp_path) as post:
        yield post


def test_a_letter_arrives_whole_and_only_once(post):
    sample = samples()["digest"]
    post.put(1, "ea-sup@daklak.example", sample, references=("<goc@daklak.example>", "<sau@daklak.example>"))
    assert (post.deliver().sent, post.deliver().sent) == (1, 0)
    (one,) = post.box.store.letters()
    mail = parse(post.box.store.content(one.number))
    assert one.recipients == ("ea-sup@daklak.example",)
    assert str(mail["To"]) == "UBND xã Ea Súp <ea-sup@daklak.example>"
    assert str(mail["From"]) == "Liên Thông <lien-thong@daklak.example>"
    assert str(mail["Subject"]) == "[Liên Thông] Xã Ea Súp: 11 bản ghi bị giữ lại, ngày 30/09/2025"
    assert str(mail["Date"]) == "Wed, 01 Oct 2025 14:30:00 +0700"
    assert (mail["Message-ID"], mail["In-Reply-To"]) == (post.id(1), "<sau@daklak.example>")
    assert mail["References"] == "<goc@daklak.example> <sau@daklak.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_body(("plain",)).get_content().startswith("HỆ THỐNG LIÊN THÔNG")
    assert 'lang="vi"' in mail.get_body(("html",)).get_content()
    (file,) = mail.iter_attachments()
    assert file.get_filename() == "Danh sách cần sửa H15.131 01-10-2025.xlsx"
    assert b"filename*0*=utf-8''Danh%20s%C3%A1ch" in post.box.store.content(one.number)


def test_what_is_not_due_waits(post):
    post.put(1, due=START + timedelta(hours=1))
    assert post.deliver() == post.deliver()
    assert post.arrived() == []
    post.later(hours=1)
    assert post.deliver().sent == 1


def test_an_hour_without_a_mail_server_loses_nothing_and_doubles_nothing(post):
    post.misbehave(fault="down")
    troubled = 0
    for minute in range(60):
        post.put(minute, f"xa{minute % 7}@daklak.example")
        found = post.deliver()
        assert (found.sent, found.waiting) == (0, minute + 1)
        assert all("takes no letter now" in trouble for trouble in found.troubles)
        troubled += len(found.troubles)
        post.later(minutes=1)
    assert troubled > 40, "it is told that the server is away"
    post.behave()
    for _ in range(5):
        post.deliver()
        post.later(minutes=1)
    assert set(post.states().values()) == {"sent"}
    assert Counter(post.arrived()) == Counter({post.id(number): 1 for number in range(60)})
    assert post.repetitions() == []
    for unit in range(7):
        mine = [one.message_id for one in post.box.store.letters(f"xa{unit}@daklak.example")]
        assert mine == [post.id(number) for number in range(60) if number % 7 == unit]


@pytest.mark.parametrize("before", [0, 2])
def test_a_lost_answer_makes_the_same_letter_come_again_and_show_once(post, before):
    """At the first letter of a session, and in the middle of one."""
    for number in range(before + 2):
        post.put(number)
    post.misbehave(fault="drop", address=f"xa{before}@daklak.example", times=1)
    post.deliver()
    post.later(minutes=2)
    post.deliver()
    assert set(post.states().values()) == {"sent"}
    assert sorted(post.arrived()) == [post.id(number) for number in range(before + 2)]
    (repeated,) = post.repetitions()
    assert (repeated.message_id, repeated.same) == (post.id(before), True)


@pytest.mark.parametrize(("point", "repetitions"), [("deliver.before_send", 0), ("deliver.after_send", 1)])
def test_a_killed_mailer_is_followed_by_one_that_ends_its_work(post, tmp_path, point, repetitions):
    for number in range(3):
        post.put(number, content=samples()["digest"])
    (second,) = post.run("SELECT letter_id FROM ops.letters WHERE message_id = %s", post.id(1))
    (tmp_path / f"{point}@{second['letter_id']}").write_text("kill")
    arguments = [repr(asdict(connection)) for connection in (post.warehouse.connection, post.connection)]
    killed = subprocess.run(
        [sys.executable, "-m", "tests.sql.deliver_process", *arguments],
        cwd=HOME, env={**os.environ, "LIENTHONG_CRASH_DIR": str(tmp_path)}, timeout=60, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert list(post.states().values()) == ["sent", "sending", "pending"]
    assert post.deliver().sent == 2
    assert post.arrived() == [post.id(number) for number in range(3)]
    assert [one.same for one in post.repetitions()] == [True] * repetitions


def test_mailers_at_the_same_time_send_each_letter_once(post):
    for number in range(12):
        post.put(number)
    sent = []
    threads = [threading.Thread(target=lambda: sent.append(post.deliver().sent)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 12
    assert len(post.box.store.deliveries()) == 12


def test_a_mailbox_that_does_not_exist_costs_its_own_letter_only(post):
    for number in range(5):
        post.put(number)
    post.misbehave(
        fault="refuse", address="xa1@daklak.example", message="no mailbox xa1@daklak.example call 0905123456"
    )
    found = post.deliver()
    (dead,) = post.run("SELECT letter_id, message_id, reason FROM ops.letters WHERE state = 'dead'")
    assert (found.sent, found.waiting, found.dead, found.troubles) == (4, 0, (dead["letter_id"],), ())
    assert dead["message_id"] == post.id(1)
    assert dead["reason"].startswith("Máy chủ thư trả lời 550")
    assert "xa1" not in dead["reason"]
    assert "0905123456" not in dead["reason"]


@pytest.mark.parametrize("fault", ["refuse", "reject"])
def test_a_server_that_refuses_everything_kills_no_letter(post, fault):
    for number in range(6):
        post.put(number)
    post.misbehave(fault=fault)
    found = post.deliver()
    assert (found.sent, found.waiting, found.dead) == (0, 6, ())
    assert "refuses every letter" in found.troubles[0]
    assert post.box.store.deliveries() == []
    assert set(post.states().values()) == {"pending"}
    post.behave()
    post.later(minutes=1)
    assert post.deliver().sent == 6


def test_few_refusals_are_believed_even_when_nothing_else_was_sent(post):
    for number in range(SUSPICIOUS - 1):
        post.put(number)
    post.misbehave(fault="refuse")
    found = post.deliver()
    assert (len(found.dead), found.waiting) == (SUSPICIOUS - 1, 0)


def test_a_letter_that_is_put_off_waits_with_those_behind_it_and_not_for_ever(post):
    post.put(1, "day@daklak.example")
    post.put(2, "day@daklak.example")
    post.put(3, "khac@daklak.example")
    post.misbehave(fault="defer", address="day@daklak.example", message="greylisted")
    assert (post.deliver().sent, post.arrived()) == (1, [post.id(3)])
    post.later(seconds=59)
    assert post.deliver().waiting == 2
    post.behave()
    post.later(seconds=1)
    assert post.deliver().sent == 2
    assert post.arrived() == [post.id(3), post.id(1), post.id(2)]
    post.misbehave(fault="defer", address="day@daklak.example")
    post.put(4, "day@daklak.example")
    post.deliver()
    post.later(days=5, hours=1)
    assert len(post.deliver().dead) == 1


@pytest.mark.parametrize(
    "rule", [{"fault": "busy"}, {"fault": "stall", "ms": 3000}, {"fault": "defer", "status": 421}]
)  # fmt: skip
def test_a_server_that_has_no_time_stops_the_round(post, rule):
    post.connection = Connection("mail", "smtp", post.box.host, post.box.port, extra={**PLAIN, "timeout": 0.5})
    post.put(1)
    post.put(2)
    post.misbehave(**rule)
    found = post.deliver()
    assert (found.sent, found.waiting, len(found.troubles)) == (0, 2, 1)
    (row,) = post.run("SELECT sum(attempts)::int AS n FROM ops.letters")
    assert row["n"] == 1
    post.behave()
    post.later(minutes=1)
    assert post.deliver().sent == 2


def test_a_session_that_the_server_ends_is_opened_anew(post):
    for number in range(3):
        post.put(number)
    post.misbehave(fault="busy", times=1)
    first = post.deliver()
    assert first.sent == 0
    post.later(minutes=1)
    post.put(3)
    assert post.deliver().sent == 4


@pytest.mark.parametrize(
    ("fault", "expected"), [("down", [1, 2, 4, 5, 5, 5, 5, 5, 5]), ("defer", [1, 2, 4, 8, 16, 32, 60, 60, 60])]
)
def test_waits_grow(post, fault, expected):
    post.misbehave(fault=fault)
    post.put(1)
    waits = []
    for _ in range(9):
        post.deliver()
        (row,) = post.run(
            "SELECT extract(epoch FROM next_attempt_at - ops.moment())::int / 60 AS wait FROM ops.letters"
        )
        waits.append(row["wait"])
        post.later(minutes=row["wait"])
    assert waits == expected


@pytest.mark.parametrize(
    "content", ["{}", '{"kind": "digest", "recipient": 5, "unit": "", "written_at": "", "told": []}']
)
def test_a_letter_that_cannot_be_rendered_is_told_and_stops_nobody(post, content):
    post.put(1, content=content)
    post.put(2)
    found = post.deliver()
    assert (found.sent, len(found.dead)) == (1, 1)


def test_an_address_that_is_none_is_told(post):
    post.put(1, "xã@daklak.example\r\nBcc: ai@do.example")
    post.put(2, "hai@dia.chi@daklak.example")
    post.put(3)
    found = post.deliver()
    assert (found.sent, len(found.dead)) == (1, 2)
    assert post.arrived() == [post.id(3)]


def test_without_a_connection_letters_wait(post):
    def lookup(name):
        raise NeedsPerson(f"Connection {name!r} is missing.")

    post.put(1)
    found = post.deliver(lookup)
    assert (found.sent, found.waiting, found.troubles) == (0, 1, ("Connection 'mail' is missing.",))


# -- security of the transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, str(folder / "cert.pem")


def test_without_starttls_nothing_leaves(post):
    post.connection = Connection("mail", "smtp", post.box.host, post.box.port, extra={"disable_ssl": True})
    post.put(1)
    found = post.deliver()
    assert (found.sent, found.waiting) == (0, 1)
    assert "STARTTLS" in found.troubles[0]
    assert post.box.store.deliveries() == []


def test_starttls_with_a_known_authority_and_with_none(province, tmp_path, certificate):
    context, path = certificate
    with opened(province, tmp_path, tls=context, require_tls=True) as post:
        extra = {"disable_ssl": "true", "timeout": "5"}
        post.connection = Connection("mail", "smtp", post.box.host, post.box.port, extra=extra)
        post.put(1)
        assert "SSLCertVerificationError" in post.deliver().troubles[0]
        assert post.box.store.deliveries() == []
        post.later(minutes=1)
        post.connection = Connection(
            "mail", "smtp", post.box.host, post.box.port, extra={**extra, "ca_file": path}
        )  # fmt: skip
        assert post.deliver().sent == 1


def test_a_password_is_never_sent_in_the_clear(post):
    post.connection = Connection("mail", "smtp", "mail.invalid", 25, "user", "bi-mat", extra=PLAIN)
    post.put(1)
    (trouble,) = post.deliver().troubles
    assert "without TLS" in trouble
    assert "bi-mat" not in trouble


@contextmanager
def server_with_login():
    """A mail server that takes letters from ``user`` with ``mật khẩu`` in plain letters only."""
    taken = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            taken.append(envelope.rcpt_tos)
            return "250 OK"

    def known(_server, _session, _envelope, _mechanism, given):
        return AuthResult(success=(given.login, given.password) == (b"user", b"mat-khau"), handled=False)

    with socket.socket() as free:  # the controller wants to know its port beforehand
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rights = {"auth_required": True, "auth_require_tls": False}
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, authenticator=known, **rights)
    controller.start()
    try:
        yield port, taken
    finally:
        controller.stop()


@pytest.mark.parametrize(
    ("login", "password", "trouble"),
    [
        ("user", "sai", "refuses our login"),
        ("user", "mật khẩu", "plain ASCII"),
        ("", "", "530"),
        ("user", "mat-khau", ""),
    ],
)
def test_a_login_that_fails_costs_no_letter(post, login, password, trouble):
    with server_with_login() as (port, taken):
        post.connection = Connection("mail", "smtp", "127.0.0.1", port, login, password, extra=PLAIN)
        post.put(1)
        post.put(2)
        found = post.deliver()
    assert (found.sent, found.waiting, found.dead) == ((0, 2, ()) if trouble else (2, 0, ()))
    assert len(taken) == found.sent
    assert [trouble in words for words in found.troubles] == [True] * bool(trouble)
    assert "sai" not in str(found.troubles)


def test_verification_cannot_be_turned_off(post):
    post.connection = Connection("mail", "smtp", post.box.host, post.box.port, extra={"ssl_context": "none"})
    post.put(1)
    assert "ca_file" in post.deliver().troubles[0]


# -- chat


@contextmanager
def chat_service(status):
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status())
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/khoa-bi-mat", heard
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("form", [{"url": "ADDRESS"}, {"config": {"path": "ADDRESS", "tag": "alerts"}}, {}])
def test_a_chat_gets_subject_and_text_and_its_address_stays_secret(post, caplog, form):
    caplog.set_level(logging.DEBUG)
    answers = iter([500, 200])
    with chat_service(lambda: next(answers)) as (url, heard):
        extra = json.loads(json.dumps(form).replace("ADDRESS", url))
        known = Connection("phong_truc", "apprise", password="" if form else url, extra=extra)
        post.put(1, "phong_truc", letter("digest", *(told(problem=n) for n in range(20))), channel="apprise")
        post.put(2)
        both = {"phong_truc": known, "mail": post.connection}.__getitem__
        first = post.deliver(both)
        assert (first.sent, first.waiting, first.dead) == (1, 1, ())
        post.later(minutes=1)
        assert post.deliver(both).sent == 1
    assert heard[0] == heard[1]
    assert heard[1]["title"].startswith("[Liên Thông] Xã Ea Súp: 220 bản ghi bị giữ lại")
    assert len(heard[1]["message"]) < 2000
    (row,) = post.run("SELECT reason FROM ops.letters WHERE channel = 'apprise'")
    assert "khoa-bi-mat" not in f"{row['reason']} {first.troubles} {caplog.text}"


def test_a_chat_without_an_address_stops_no_mail(post):
    post.put(1, "phong_truc", channel="apprise")
    post.put(2)
    known = {"phong_truc": Connection("phong_truc", "apprise"), "mail": post.connection}
    found = post.deliver(known.__getitem__)
    assert (found.sent, found.waiting) == (1, 1)
    assert "'phong_truc'" in found.troubles[0]
