"""The door of the sandbox portal: login, sessions, envelope, addressing and the types of error_code."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.portal_options import NATIONAL_PORTAL, PortalOptions
from lienthong.sandbox.portal_services import short_code
from tests.unit.portal_kit import CODE, Client, Kit, dossier, open_portal


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with open_portal(tmp_path_factory.mktemp("portal")) as kit:
        yield kit


def test_login_gives_a_session_and_the_number_zero(kit: Kit) -> None:
    answer = kit.client.login()
    assert answer["error_code"] == 0
    assert len(answer["session"]) == 32
    assert answer["message"] == "Thành công"


@pytest.mark.parametrize(
    "body", [{}, {"username": "daklak"}, {"username": "daklak", "password": "khác"}, [], {"username": 1}]
)
def test_login_with_anything_else_gives_no_session(kit: Kit, body: object) -> None:
    answer = kit.client.post("/mapi/login", body).json
    assert answer["error_code"] == -1
    assert answer["session"] == ""
    assert "session" not in answer["message"]


@pytest.mark.parametrize("session", ["", "bịa", None, 7])
def test_unknown_session_is_a_negative_code_in_http_200(kit: Kit, session: object) -> None:
    reply = kit.client.ask("LayDanhSachTTHC", session=session)
    assert reply.status == 200
    assert int(reply.json["error_code"]) < 0
    assert "session" in reply.json["message"]


def test_session_expires(tmp_path: Path) -> None:
    with open_portal(tmp_path, session_seconds=0.3) as kit:
        assert kit.client.push(dossier()).json["error_code"] == "0"
        time.sleep(0.35)
        expired = kit.client.push(dossier(), updating=True)
        assert (expired.status, expired.json["error_code"]) == (200, "-1")
        assert "session" in expired.json["message"]
        kit.client.login()
        assert kit.client.push(dossier(), updating=True).json["error_code"] == "0"


def test_sessions_do_not_survive_a_restart_but_dossiers_do(tmp_path: Path) -> None:
    with open_portal(tmp_path) as kit:
        kit.client.push(dossier())
        session = kit.client.session
    with open_portal(tmp_path) as kit:
        assert "session" in kit.client.ask("TraCuuHoSo", session=session, mahoso=CODE).json["message"]
        assert len(kit.client.ask("TraCuuHoSo", mahoso=CODE).json["result"]) == 1


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 200),
        ({"dstcode": NATIONAL_PORTAL}, "", 200),
        ({}, f"?dstcode={NATIONAL_PORTAL}&providerurl=http://x", 200),
        ({"dstcode": "VN:GOV:000.00.00.G01:khac"}, "", 404),
        ({}, "?dstcode=khac", 404),
        ({"dstcode": ""}, "", 404),
        ({"dstcode": NATIONAL_PORTAL}, "?dstcode=khac", 404),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward"])
def test_destination_in_header_or_query(
    kit: Kit, prefix: str, headers: dict[str, str], query: str, status: int
) -> None:
    body = {"session": kit.client.session, "madonvi": "H15", "service": "LayDanhMucLinhVuc"}
    reply = kit.client.post(f"{prefix}/mapi/g{query}", body, headers)
    assert reply.status == status
    assert ("error_code" in reply.json) == (status == 200)


def test_wrong_method_and_wrong_path_are_errors_of_the_adapter(kit: Kit) -> None:
    assert kit.client.send("GET", "/mapi/g").status == 405
    assert kit.client.post("/mapi/h", {}).status == 404


def test_health(kit: Kit) -> None:
    assert kit.client.send("GET", "/health").json == {"status": "ok", "profile": "strict"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000,
        b'{"session": "x", "n": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_http_200(kit: Kit, body: bytes) -> None:
    reply = kit.client.send("POST", "/mapi/g", body)
    assert reply.status == 200
    assert reply.json["error_code"] in ("-1", "-2")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"madonvi": None}, "-300"),
        ({"madonvi": ""}, "-300"),
        ({"madonvi": "H16"}, "-303"),
        ({"madonvi": "H150"}, "-303"),
        ({"service": None}, "-2"),
        ({"service": 5}, "-2"),
        ({"service": "DongBoTatCa"}, "-4"),
        ({"isUpdating": None}, "-2"),
        ({"isUpdating": "false"}, "-2"),
        ({"isUpdating": False}, "-2"),
        ({"data": None}, "-2"),
        ({"data": []}, "-2"),
        ({"data": {}}, "-2"),
        ({"data": ["x"]}, "-2"),
        ({"data": [{}]}, "-5"),
        ({"data": [{"MaHoSo": 7}]}, "-5"),
    ],
)
def test_wrong_envelope_is_refused_in_http_200(kit: Kit, change: dict[str, Any], code: str) -> None:
    envelope: dict[str, Any] = {
        "session": kit.client.session, "madonvi": "H15", "service": "DongBoHoSoMC", "isUpdating": "False",
        "data": [dossier("H15.102-250930-9999")], **change,
    }  # fmt: skip
    for message in (envelope, {k: v for k, v in envelope.items() if v is not None}):
        reply = kit.client.post("/mapi/g", message)
        assert (reply.status, reply.json["error_code"]) == (200, code)
    assert "H15.102-250930-9999" not in {d.ma_ho_so for d in kit.running.log.dossiers()}


def test_letter_that_utf8_cannot_carry_is_refused(kit: Kit) -> None:
    record = json.dumps(dossier(ChuHoSo="\ud800"))
    assert "\\ud800" in record
    assert kit.client.push(json.loads(record)).json["error_code"] == "-2"
    assert kit.client.ask("TraCuuHoSo", mahoso="\ud800").json["error_code"] == "-2"


@pytest.mark.parametrize("unit", ["H15", "H15.102", "000.00.00.H15", "000.00.15.H15"])
def test_both_forms_of_the_agency_code_are_known(kit: Kit, unit: str) -> None:
    assert kit.client.ask("LayDanhMucLinhVuc", madonvi=unit).json["error_code"] == "0"


@pytest.mark.parametrize(
    ("given", "short"),
    [("000.00.00.H56", "H56"), ("000.00.15.H15", "H15.15"), ("H15.102", "H15.102"), ("000", ""), ("x.y", "x.y")],
)
def test_short_code(given: str, short: str) -> None:
    assert short_code(given) == short


@pytest.mark.parametrize(("form", "success", "exists"), [("number", 0, 3), ("string", "0", "3"), ("padded", "00", "3")])
def test_error_code_has_the_type_that_was_chosen(tmp_path: Path, form: str, success: object, exists: object) -> None:
    with open_portal(tmp_path, service_code=form, login_code=form) as kit:
        assert kit.client.login()["error_code"] == success
        assert kit.client.push(dossier()).json["error_code"] == success
        assert kit.client.push(dossier()).json["error_code"] == exists


def test_limits_of_a_request(tmp_path: Path) -> None:
    with open_portal(tmp_path, max_body_bytes=20_000, max_records=2) as kit:
        three = [dossier(f"H15.102-250930-000{n}") for n in range(3)]
        assert kit.client.push(*three).json["error_code"] == "-2"
        assert kit.client.push(*three[:2]).json["error_code"] == "0"
        assert kit.client.push(dossier(GhiChu="x" * 20_000)).status == 413


def test_every_answer_of_a_service_is_found_in_the_log_of_requests(tmp_path: Path) -> None:
    with open_portal(tmp_path) as kit:
        kit.client.push(dossier())
        reply = kit.client.push(dossier())
        kit.client.ask("Bịa ra")
        seen = [(r.service, r.http_status, r.code, r.count) for r in kit.running.log.requests()]
        assert seen == [
            ("login", 200, "0", 0), ("DongBoHoSoMC", 200, "0", 1), ("DongBoHoSoMC", 200, "3", 1),
            ("(unknown)", 200, "-4", 0),
        ]  # fmt: skip
        assert list(kit.running.log.requests())[2].request_id == reply.headers["x-request-id"]


def test_options_without_account_or_with_an_unknown_word_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson, match="SANDBOX_PORTAL_PASSWORD"):
        PortalOptions(data=tmp_path, user="a", password="")
    with pytest.raises(NeedsPerson, match="profile must be one of strict, lenient"):
        PortalOptions(data=tmp_path, user="a", password="b", profile="nghiêm")
    assert "b-secret" not in repr(PortalOptions(data=tmp_path, user="a", password="b-secret"))


def test_two_clients_keep_their_own_sessions(kit: Kit) -> None:
    other = Client(kit.running.url)
    other.login()
    assert other.session != kit.client.session
    assert other.ask("LayDanhMucLinhVuc").json["error_code"] == "0"
    assert kit.client.ask("LayDanhMucLinhVuc").json["error_code"] == "0"
    other.close()
