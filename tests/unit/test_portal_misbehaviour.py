"""Each fault as a raw client sees it, and the interface that puts faults in force."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.misbehaviour import FAULTS, Misbehaviour, Rule
from tests.unit.portal_kit import CODE, TOKEN, Client, Kit, codes, dossier, open_portal, raw_exchange, step

LOST = (http.client.RemoteDisconnected, ConnectionError)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with open_portal(tmp_path_factory.mktemp("portal")) as kit:
        yield kit


@pytest.fixture
def kit(portal: Kit) -> Iterator[Kit]:
    """The portal behaving well and holding nothing."""
    portal.running.misbehaviour.clear()
    portal.client.control("POST", "forget", {"ma_ho_so": held(portal)})
    portal.client.login()
    yield portal
    portal.running.misbehaviour.clear()


def held(kit: Kit) -> list[str]:
    return [dossier.ma_ho_so for dossier in kit.running.log.dossiers()]


def last_request(kit: Kit) -> tuple[str, int, str]:
    *_, request = kit.running.log.requests()
    return request.fault, request.http_status, request.code


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"fault": "http_error"}, 500),
        ({"fault": "http_error", "status": 401}, 401),
        ({"fault": "http_error", "status": 403}, 403),
        ({"fault": "http_error", "status": 503}, 503),
        ({"fault": "redirect"}, 308),
        ({"fault": "html"}, 200),
        ({"fault": "html", "status": 502}, 502),
        ({"fault": "empty"}, 200),
        ({"fault": "malformed"}, 200),
        ({"fault": "rate_limit", "per_second": 0}, 429),
        ({"fault": "drop"}, 0),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_fault_before_or_after_acceptance(kit: Kit, rule: dict[str, Any], status: int, after: bool) -> None:
    kit.running.misbehaviour.add(**rule, after=after, times=1)
    if status:
        reply = kit.client.push(dossier())
        assert reply.status == status
        assert b"th\xc3\xa0nh c\xc3\xb4ng" not in reply.body
    else:
        with pytest.raises(LOST):
            kit.client.push(dossier())
    assert held(kit) == ([CODE] if after else [])
    assert last_request(kit) == (rule["fault"], status, "0" if after else "")
    second = kit.client.push(dossier())
    assert second.json["error_code"] == ("3" if after else "0")
    assert ("đã tồn tại" in second.json["message"]) == after


def test_dropped_connection_is_closed_without_a_byte(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="drop", after=True)
    body = json.dumps(
        {"session": kit.client.session, "madonvi": "H15", "service": "DongBoHoSoMC", "isUpdating": "False",
         "data": [dossier()]}
    ).encode()  # fmt: skip
    request = b"POST /mapi/g HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert raw_exchange(kit.running.url, request) == b""
    assert held(kit) == [CODE]


def test_web_page_and_cut_json_are_not_json(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="html", times=1)
    page = kit.client.push(dossier())
    assert page.headers["content-type"].startswith("text/html")
    kit.running.misbehaviour.add(fault="malformed")
    with pytest.raises(ValueError, match="Unterminated|Expecting"):
        _ = kit.client.push(dossier()).json


def test_redirect_names_another_place_and_shows_who_follows(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="redirect", location="/moved/mapi/g", times=1)
    reply = kit.client.push(dossier())
    assert reply.headers["location"] == "/moved/mapi/g"
    kit.client.post(reply.headers["location"], {})
    *_, request = kit.running.log.requests()
    assert (request.service, request.http_status) == ("(unknown path)", 404)


@pytest.mark.parametrize("fault", ["latency", "slow", "slow_body"])
def test_delays_keep_the_answer_waiting_and_good(kit: Kit, fault: str) -> None:
    kit.running.misbehaviour.add(fault=fault, ms=150, times=1)
    start = time.monotonic()
    assert kit.client.push(dossier()).json["error_code"] == "0"
    assert time.monotonic() - start >= 0.15
    assert last_request(kit) == (fault, 200, "0")


@pytest.mark.parametrize(("fault", "kept"), [("latency", []), ("slow", [CODE])])
def test_request_takes_effect_although_its_client_gave_up(kit: Kit, fault: str, kept: list[str]) -> None:
    kit.running.misbehaviour.add(fault=fault, ms=400)
    impatient = Client(kit.running.url, kit.client.session, timeout=0.1)
    with pytest.raises(TimeoutError):
        impatient.push(dossier())
    assert held(kit) == kept
    deadline = time.monotonic() + 5
    while held(kit) != [CODE] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert held(kit) == [CODE]


def test_slow_answer_does_not_hold_up_others(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="slow", ms=400, ma_ho_so=CODE)
    impatient = Client(kit.running.url, kit.client.session, timeout=0.05)
    with pytest.raises(TimeoutError):
        impatient.push(dossier())
    start = time.monotonic()
    kit.client.ask("LayDanhMucLinhVuc")
    assert time.monotonic() - start < 0.3


def test_nested_answer(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="nested")
    kit.client.push(dossier())
    outer = kit.client.push(dossier()).json
    assert outer["error_code"] == "0"
    assert json.loads(outer["message"])["error_code"] == "3"


def test_shortened_pull(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="shorten", service="LayDanhSachTTHC", keep=3)
    assert len(kit.client.ask("LayDanhSachTTHC").json["result"]) == 3
    assert len(kit.client.ask("LayDanhMucLinhVuc").json["result"]) > 3


def test_session_that_expires_in_mid_run(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="expire_session", times=1)
    reply = kit.client.push(dossier())
    assert (reply.status, reply.json["error_code"]) == (200, "-1")
    assert "session" in reply.json["message"]
    kit.client.login()
    assert kit.client.push(dossier()).json["error_code"] == "0"


def test_rate_limit_lets_so_many_pass_and_says_when_to_come_back(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="rate_limit", per_second=3, retry_after=2)
    replies = [kit.client.ask("LayThuTuc", maTTHC="1.001193") for _ in range(5)]
    assert [r.status for r in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].headers["retry-after"] == "2"
    assert "error_code" not in replies[-1].json


def test_rate_limit_without_retry_after(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="rate_limit", per_second=0)
    assert "retry-after" not in kit.client.push(dossier()).headers


def test_refusal_of_one_record_in_the_given_words(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="refuse", ma_ho_so=CODE, code="-7", message="Hồ sơ {ma_ho_so} có vấn đề")
    other = codes(1, "H15.103")[0]
    assert kit.client.push(dossier()).json == {"error_code": "-7", "message": f"Hồ sơ {CODE} có vấn đề"}
    assert kit.client.push(dossier(other), dossier()).json["error_code"] == "-7"
    assert kit.client.push(dossier(other)).json["error_code"] == "0"
    assert held(kit) == [other]


def test_refusal_of_every_third_record(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="refuse", every=3)
    answers = [kit.client.push(dossier(code)).json["error_code"] for code in codes(6)]
    assert answers == ["0", "0", "-5", "0", "0", "-5"]


def test_refusal_of_a_share_hits_the_same_records_again(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="refuse", probability=0.4, seed=7)
    first = [kit.client.push(dossier(code)).json["error_code"] for code in codes(20)]
    again = [kit.client.push(dossier(code), updating=True).json["error_code"] for code in reversed(codes(20))]
    assert set(first) == {"0", "-5"}
    assert again == first[::-1]


def test_forgotten_record(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="forget", ma_ho_so=CODE, times=1)
    assert kit.client.push(dossier()).json["error_code"] == "0"
    assert held(kit) == []
    assert kit.running.log.forgotten()[-1] == CODE
    assert kit.effects()[-1] == (CODE, "create", True)
    assert kit.client.push(dossier(), updating=True).json["message"] == f"Hồ sơ {CODE} không tồn tại"
    assert kit.client.push(dossier()).json["error_code"] == "0"


def test_forgetting_later_takes_the_steps_along(kit: Kit) -> None:
    kit.client.push(dossier())
    kit.client.steps(step())
    assert kit.client.control("POST", "forget", {"ma_ho_so": [CODE, "x"]}).json == {"forgotten": [CODE]}
    assert (held(kit), list(kit.running.log.steps())) == ([], [])


def test_rules_hit_the_service_the_record_and_the_number_that_they_name(kit: Kit) -> None:
    rules = kit.running.misbehaviour
    rules.add(fault="http_error", service="CapNhatTienDoHoSoMC")
    rules.add(fault="http_error", service="TraCuuHoSo", ma_ho_so=CODE, every=2)
    rules.add(fault="http_error", service="login", times=1)
    assert kit.client.push(dossier()).status == 200
    assert kit.client.steps(step()).status == 500
    assert [kit.client.ask("TraCuuHoSo", mahoso=CODE).status for _ in range(4)] == [200, 500, 200, 500]
    assert [kit.client.ask("TraCuuHoSo", mahoso="khác").status for _ in range(2)] == [200, 200]
    body = {"username": "a", "password": "b"}
    assert [kit.client.post("/mapi/login", body).status for _ in range(2)] == [500, 200]


def test_rule_without_a_service_spares_the_login(kit: Kit) -> None:
    kit.running.misbehaviour.add(fault="http_error")
    assert kit.client.login()["error_code"] == 0
    kit.running.misbehaviour.add(fault="http_error", service="*")
    assert kit.client.post("/mapi/login", {}).status == 500


def test_delays_add_up_and_the_first_end_wins() -> None:
    rules = Misbehaviour()
    for values in (
        {"fault": "latency", "ms": 100}, {"fault": "latency", "ms": 200}, {"fault": "html"}, {"fault": "drop"},
    ):  # fmt: skip
        rules.add(**values)
    plan = rules.plan("DongBoHoSoMC", ())
    assert plan.delay == pytest.approx(0.3)
    assert plan.end is not None
    assert plan.end.fault == "html"
    assert [rule["fired"] for rule in rules.rules()] == [1, 1, 1, 0]


def drawn(seed: int) -> list[bool]:
    rules = Misbehaviour()
    rules.add(fault="drop", probability=0.5, seed=seed)
    return [rules.plan("DongBoHoSoMC", ()).end is not None for _ in range(200)]


def test_same_seed_gives_the_same_faults() -> None:
    assert drawn(1) == drawn(1) != drawn(2)
    assert 70 < sum(drawn(1)) < 130


def test_bucket_of_the_rate_limit_refills_with_time() -> None:
    now = [0.0]
    rules = Misbehaviour(clock=lambda: now[0])
    rules.add(fault="rate_limit", per_second=2)

    def passes() -> bool:
        return rules.plan("DongBoHoSoMC", ()).end is None

    assert [passes() for _ in range(3)] == [True, True, False]
    now[0] = 0.5
    assert [passes(), passes()] == [True, False]
    now[0] = 60.0
    assert [passes() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "values",
    [
        {}, {"fault": "explode"}, {"fault": "drop", "when": 1}, {"fault": "drop", "times": "2"},
        {"fault": "drop", "after": 1}, {"fault": "drop", "every": 0}, {"fault": "drop", "probability": 2},
        {"fault": "http_error", "status": 99}, {"fault": "slow", "ms": -1}, {"fault": "slow", "ms": None},
        {"fault": "drop", "every": True},
    ],
)  # fmt: skip
def test_rule_that_makes_no_sense_is_refused(kit: Kit, values: dict[str, Any]) -> None:
    with pytest.raises(NeedsPerson):
        Rule.of(values)
    reply = kit.client.control("POST", "misbehave", values)
    assert reply.status == 422
    assert reply.json["error"].startswith("Misbehaviour")


def test_control_interface_adds_shows_and_removes(kit: Kit) -> None:
    client = kit.client
    first = client.control("POST", "misbehave", {"fault": "drop", "times": 1, "service": "TraCuuHoSo"})
    second = client.control("POST", "misbehave", {"fault": "http_error", "status": 503, "retry_after": 1.5})
    assert (first.status, second.status) == (201, 201)
    assert client.push(dossier()).headers["retry-after"] == "1.5"
    shown = client.control("GET", "misbehave").json["rules"]
    assert [(rule["id"], rule["fault"], rule["fired"]) for rule in shown] == [
        (first.json["id"], "drop", 0),
        (second.json["id"], "http_error", 1),
    ]
    assert client.control("DELETE", f"misbehave?id={second.json['id']}").json == {"removed": 1}
    assert client.push(dossier()).json["error_code"] == "0"
    assert client.control("DELETE", "misbehave").json == {"removed": 1}
    assert client.control("GET", "misbehave").json == {"rules": []}


@pytest.mark.parametrize(
    ("method", "path", "value", "token", "status"),
    [
        ("GET", "misbehave", None, "", 403),
        ("GET", "misbehave", None, TOKEN + "x", 403),
        ("POST", "misbehave", [1], TOKEN, 422),
        ("POST", "forget", {"ma_ho_so": "x"}, TOKEN, 422),
        ("GET", "other", None, TOKEN, 404),
    ],
)
def test_control_interface_refuses(kit: Kit, method: str, path: str, value: object, token: str, status: int) -> None:
    assert kit.client.control(method, path, value, token).status == status


def test_without_a_token_there_is_no_control_interface(tmp_path: Path) -> None:
    with open_portal(tmp_path, control_token="") as kit:
        assert kit.client.control("GET", "misbehave", token="").status == 404


def test_every_fault_is_described_where_people_look() -> None:
    described = Misbehaviour.__module__
    text = __import__(described, fromlist=["x"]).__doc__
    assert all(f"\n    {fault} " in text for fault in FAULTS)
