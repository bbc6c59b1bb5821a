"""The sandbox's mail system: what was answered is kept, what is repeated shows once, what is shown does nothing."""

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from threading import Thread

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.mailbox import Options, running_mailbox
from lienthong.sandbox.mailbox_store import LETTERS, LOG, MailStore
from lienthong.settings import ROOT

TOKEN = "khoa-dieu-khien"
SENDER = "lien-thong@daklak.example"
EA_SUP = "ea-sup@daklak.example"


def mail(number, subject="Tiêu đề có dấu", html="<p>Nội dung</p>", references="", attachment=None):
    message = EmailMessage()
    message["From"], message["To"] = SENDER, f"UBND xã Ea Súp <{EA_SUP}>"
    message["Subject"], message["Message-ID"] = subject, f"<{number}@daklak.example>"
    message["Date"] = "Wed, 01 Oct 2025 07:30:00 +0700"
    message["X-Lien-Thong-Kind"] = "digest"
    if references:
        message["References"] = references
    message.set_content("Nội dung")
    message.add_alternative(html, subtype="html")
    if attachment:
        message.add_attachment(b"PK", maintype="application", subtype="zip", filename=attachment)
    message.set_boundary("=_ranh_gioi")
    return message.as_bytes()


def send(box, content, *recipients):
    with smtplib.SMTP(box.host, box.port, timeout=10) as client:
        client.sendmail(SENDER, recipients or (EA_SUP,), content)


def get(box, path, method="GET", value=None, token=TOKEN):
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(box.url + path, body, {"X-Control-Token": token}, method=method)
    return urllib.request.urlopen(request, timeout=10)


def read(box, path, **how):
    with get(box, path, **how) as answer:
        return answer.read().decode()


@pytest.fixture
def box(tmp_path):
    with running_mailbox(Options(tmp_path / "mail", token=TOKEN, docs=tmp_path / "docs")) as box:
        yield box


def test_a_letter_is_kept_as_it_came(box):
    content = mail(1).replace(b"\n", b"\r\n").replace(b"Vietnam", b"Vietnam\r\n..\r\n.")
    send(box, content)
    (one,) = box.store.letters()
    assert box.store.content(1) == content
    assert (one.subject, one.name, one.kind) == ("Tiêu đề có dấu", "UBND xã Ea Súp", "digest")
    assert (one.sender, one.recipients) == (SENDER, (EA_SUP,))


def test_a_repetition_is_counted_and_shown_once_for_each_mailbox(box):
    send(box, mail(1))
    send(box, mail(1))
    send(box, mail(1, subject="Khác"))
    send(box, mail(1), "EA-SUP@daklak.example")
    send(box, mail(1), "khac@daklak.example")
    assert [one.recipients for one in box.store.letters()] == [(EA_SUP,), ("khac@daklak.example",)]
    assert [(one.repeats, one.same) for one in box.store.deliveries()] == [
        (None, True), (1, True), (1, False), (1, True), (None, True),
    ]  # fmt: skip
    assert "3 lần gửi lặp lại" in read(box, "/")


def test_letters_survive_the_process_and_a_torn_line(tmp_path):
    with running_mailbox(Options(tmp_path)) as box:
        send(box, mail(1))
        send(box, mail(2))
    with (tmp_path / LOG).open("ab") as log:
        log.write(b'{"delivery": {"number": 3, ')
    (tmp_path / LETTERS / "000003.eml").write_bytes(b"never answered")
    with running_mailbox(Options(tmp_path)) as box:
        send(box, mail(1))
        send(box, mail(3))
        assert [one.message_id for one in box.store.letters()] == [f"<{n}@daklak.example>" for n in (1, 2, 3)]
        assert box.store.content(3) != b"never answered"


@contextmanager
def process(folder):
    running = subprocess.Popen(
        [sys.executable, "-m", "lienthong.sandbox.mailbox", "--port-smtp=0", "--port-http=0", f"--data={folder}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "SANDBOX_MAILBOX_CONTROL_TOKEN": TOKEN},
    )  # fmt: skip
    try:
        line = running.stdout.readline()
        yield running, int(line.split("port ")[1].split(",")[0])
    finally:
        running.kill()
        running.wait()


def test_what_was_answered_is_there_after_a_kill(tmp_path):
    answered = []

    def sender(name, port):
        with suppress(OSError), smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            for number in range(10_000):
                client.sendmail(SENDER, [EA_SUP], mail(f"{name}.{number}"))
                answered.append(f"<{name}.{number}@daklak.example>")

    with process(tmp_path) as (running, port):
        threads = [Thread(target=sender, args=(name, port)) for name in "ab"]
        for thread in threads:
            thread.start()
        while len(answered) < 20:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    store = MailStore(tmp_path)
    kept = [one.message_id for one in store.letters()]
    store.close()
    assert set(answered) <= set(kept)
    assert len(kept) == len(set(kept))


def test_the_program_stops_cleanly(tmp_path):
    with process(tmp_path) as (running, _port):
        running.terminate()
        assert running.wait(10) == 0


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for options in (Options(tmp_path, port_smtp=port), Options(tmp_path, port_http=port)):
            with pytest.raises(NeedsPerson, match=f"free port at 127.0.0.1:{port}"), running_mailbox(options):
                pass


# -- the page


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def test_no_page_lets_a_letter_act(box):
    send(box, mail(1, subject=EVIL, html=EVIL, attachment='x"; filename=".exe\u202ecod'), 'evil"<b>@daklak.example')
    (address,) = box.store.letters()[0].recipients
    for path in ("/", f"/hop-thu?dia_chi={urllib.parse.quote(address)}", "/thu/1"):
        with get(box, path) as answer:
            page = answer.read().decode()
            policy = answer.headers["Content-Security-Policy"]
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>" not in page
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
    with get(box, "/thu/1/html") as answer:
        assert EVIL in answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    with get(box, "/thu/1/dinh-kem/1") as answer:
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%78%22%3B")
        assert answer.headers["Content-Disposition"].count(";") == 1
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_letter_is_shown_with_its_thread_text_and_source(box):
    send(box, mail(1, "Việc một"))
    send(box, mail(2, "Việc khác"))
    send(box, mail(3, "Đã khắc phục", references="<1@daklak.example>"))
    send(box, mail(4, "Của nơi khác", references="<1@daklak.example>"), "khac@daklak.example")
    page = read(box, "/thu/3")
    thread = page.split("Chuỗi thư")[1].split("</table>")[0]
    assert "Việc một" in thread
    assert "Đã khắc phục" in thread
    assert "Việc khác" not in thread
    assert "Của nơi khác" not in thread
    assert "07:30 01/10/2025" in page
    assert 'src="/thu/3/html" sandbox="' in page
    assert read(box, "/thu/3/text").strip() == "Nội dung"
    assert "Message-ID: <3@daklak.example>" in read(box, "/thu/3/goc")


def test_unknown_letters_parts_and_pages_are_not_found(box):
    send(box, mail(1))
    for path, status in (("/thu/9", 404), ("/thu/1/dinh-kem/1", 404), ("/hop-thu?trang=x", 422), ("/khong", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            read(box, path)
        assert refused.value.code == status
        refused.value.close()


def test_thousands_of_letters_are_listed_by_the_page(tmp_path):
    store = MailStore(tmp_path)
    store._write = lambda _entry: None  # without waiting for the disk thousands of times
    store._keep = lambda _number, _content: None
    one = mail("NUMBER")
    for number in range(3_000):
        store.accept(SENDER, [f"xa{number % 100}@daklak.example"], one.replace(b"NUMBER", str(number).encode()))
    began = time.monotonic()
    assert len(store.letters("xa7@daklak.example")) == 30
    assert len(store.thread(8)) == 1
    assert time.monotonic() - began < 1
    store.close()


def test_programs_read_what_arrived(box):
    for number in range(1, 4):
        send(box, mail(number))
    found = json.loads(read(box, "/api/letters?after=1&limit=1"))
    assert (found["total"], [one["number"] for one in found["letters"]]) == (2, [2])
    assert json.loads(read(box, "/api/letters?recipient=khong@daklak.example"))["total"] == 0
    one = json.loads(read(box, "/api/letters/2"))
    assert (one["text"].strip(), one["html"].strip()) == ("Nội dung", "<p>Nội dung</p>")
    assert len(json.loads(read(box, "/api/deliveries"))["deliveries"]) == 3
    assert json.loads(read(box, "/health")) == {"status": "ok", "letters": 3}


def test_data_docs_cannot_reach_the_letters(box, tmp_path):
    with pytest.raises(urllib.error.HTTPError):
        read(box, "/docs/")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.html").write_text("<h1>Kết quả</h1>", encoding="utf-8")
    with get(box, "/docs/") as answer:
        assert "Kết quả" in answer.read().decode()
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "allow-same-origin" not in answer.headers["Content-Security-Policy"]
    with pytest.raises(urllib.error.HTTPError):
        read(box, "/docs/%2e%2e/mail/deliveries.jsonl")


# -- the control interface


def test_control_needs_the_token(box):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(box, "/_control/misbehave", method="POST", value={"fault": "down"}, token="sai")
    send(box, mail(1))


@pytest.mark.parametrize(
    "rule", [{"fault": "x"}, {}, {"fault": "down", "times": True}, {"fault": "defer", "status": 250},
             {"fault": "down", "a": 1}, {"fault": "defer", "message": "a\r\nb"}]
)  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(box, rule):
    with pytest.raises(urllib.error.HTTPError, match="422"):
        read(box, "/_control/misbehave", method="POST", value=rule)


def test_down_refuses_connections_and_comes_back_on_the_same_port(box):
    number = json.loads(read(box, "/_control/misbehave", method="POST", value={"fault": "down"}))["id"]
    with pytest.raises(ConnectionRefusedError):
        send(box, mail(1))
    assert json.loads(read(box, f"/_control/misbehave?id={number}", method="DELETE")) == {"removed": 1}
    send(box, mail(1))


def test_faults_strike_as_often_and_where_they_are_told(box):
    def rule(**values):
        read(box, "/_control/misbehave", method="POST", value=values)

    rule(fault="refuse", address="khong@daklak.example", status=553)
    rule(fault="defer", address=EA_SUP, times=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(box, mail(1), "khong@daklak.example")
    assert refused.value.recipients["khong@daklak.example"][0] == 553
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(box, mail(1))
    send(box, mail(1))
    rule(fault="drop", times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(box, mail(2))
    assert [one.message_id for one in box.store.letters()] == ["<1@daklak.example>", "<2@daklak.example>"]
    rule(fault="slow", ms=200, times=1)
    began = time.monotonic()
    send(box, mail(3))
    assert time.monotonic() - began >= 0.2
    rules = json.loads(read(box, "/_control/misbehave"))["rules"]
    assert [one["fired"] for one in rules] == [1, 1, 1, 1]
