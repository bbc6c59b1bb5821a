"""The sandbox's shared platform over real HTTP: three patterns, faults, versions, edits, and what survives a kill."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox import platform_control
from lienthong.sandbox.platform_log import PlatformLog
from lienthong.sandbox.platform_options import Lgsp, PlatformOptions
from lienthong.sandbox.platform_server import Running, running_platform
from tests.unit.portal_kit import Client, Reply

FIVE = {
    "AccessKey": "khoa", "SecretKey": "bi-mat", "AppName": "lien-thong", "PartnerCode": "H15",
    "PartnerCodeCus": "H15.1",
}  # fmt: skip
CLIENT = ("consumer", "consumer-secret")
ACCOUNT = ("h15", "mat-khau")
TOKEN = "khoa-dieu-khien"
HEADER = base64.b64encode(json.dumps(FIVE).encode()).decode()
PATTERNS = ("lgsp", "oauth2", "portal_adapter")


@dataclass
class Caller:
    """A raw client of one pattern: it repeats nothing and hides nothing."""

    client: Client
    pattern: str = "lgsp"
    token: str = ""
    trace: str = "vet-1"
    headers: dict[str, str] = field(default_factory=dict)

    def enter(self) -> Reply:
        if self.pattern == "portal_adapter":
            reply = self.client.post("/mapi/login", dict(zip(("username", "password"), ACCOUNT, strict=True)))
            self.token = reply.json["session"]
            return reply
        form = {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.pattern == "lgsp":
            headers["lgspaccesstoken"] = HEADER
        else:
            form |= dict(zip(("client_id", "client_secret"), CLIENT, strict=True))
        reply = self.client.send("POST", "/token", urlencode(form).encode(), headers)
        self.token = reply.json.get("access_token", "")
        return reply

    def send(self, method: str, path: str, message: dict[str, Any] | None = None, **query: object) -> Reply:
        headers = {"X-Request-Id": self.trace, "Content-Type": "application/json", **self.headers}
        if self.pattern == "portal_adapter":
            if message is None:
                query["session"] = self.token
            else:
                message = {"session": self.token, **message}
        else:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.pattern == "lgsp":
            headers["lgspaccesstoken"] = HEADER
        address = f"{path}?{urlencode(query)}" if query else path
        return self.client.send(method, address, b"" if message is None else json.dumps(message).encode(), headers)

    def push(self, *records: dict[str, Any], dataset: str = "ho_ngheo") -> Reply:
        data = {"MaGiaoDich": self.trace, "DS_BAN_GHI": list(records)}
        return self.send("POST", f"/csdl/{dataset}/dong-bo", {"data": data})

    def pull(self, dataset: str = "ho_ngheo", **query: object) -> Any:
        return self.send("GET", f"/csdl/{dataset}", None, **query).json["result"]

    def one(self, khoa: str, dataset: str = "ho_ngheo") -> Any:
        return self.send("GET", f"/csdl/{dataset}/{quote(khoa, safe='')}").json


@dataclass
class Kit:
    running: Running
    national: Path

    def caller(self, pattern: str = "lgsp") -> Caller:
        caller = Caller(Client(self.running.url), pattern)
        caller.enter()
        return caller

    def control(self, method: str, name: str, value: object = None, token: str = TOKEN) -> Reply:
        body = b"" if value is None else json.dumps(value).encode()
        return Client(self.running.url).send(method, f"/_control/{name}", body, {"X-Control-Token": token})


@contextmanager
def open_platform(folder: Path, **changes: Any) -> Iterator[Kit]:
    national = platform_control.national_file(folder)
    given = {"lgsp": Lgsp(*FIVE.values()), "client": CLIENT, "account": ACCOUNT, "control_token": TOKEN, **changes}
    options = PlatformOptions(platform_control.data_folder(folder), national, **given)
    with running_platform(options) as running:
        yield Kit(running, national)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with open_platform(tmp_path) as kit:
        yield kit


def record(khoa: str = "HN-1", phien_ban: Any = 1, thao_tac: str = "cap_nhat", **columns: Any) -> dict[str, Any]:
    body = {"ma_ho": khoa, "so_khau": 4, "ket_qua": "hộ nghèo", **columns}
    return {"khoa": khoa, "phien_ban": phien_ban, "thao_tac": thao_tac, "ban_ghi": body}


def text(**changes: Any) -> dict[str, Any]:
    """A record of the adapter's pattern."""
    return record(phien_ban="1", so_khau="4", **changes)


def opens(reply: Reply) -> bool:
    """Whether the caller was let in; the adapter refuses a session inside HTTP 200."""
    return reply.status == 200 and "phiên làm việc" not in reply.body.decode().lower()


def results(reply: Reply) -> list[tuple[str, Any]]:
    return [(one["khoa"], one["error_code"]) for one in reply.json["result"]["DS_KET_QUA"]]


def effects(kit: Kit) -> list[tuple[str, int, str, bool]]:
    return [(one.khoa, one.phien_ban, one.kind, one.effect) for one in kit.running.log.effects()]


def last(kit: Kit) -> tuple[str, str, int, str, str]:
    *_, one = kit.running.log.requests()
    return one.request_id, one.service, one.http_status, one.code, one.fault


def nation(path: Path) -> None:
    """The nation's file: a catalogue whose codes end, a table by days with a key of two columns, one undescribed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("""
            CREATE TABLE _datasets (dataset TEXT PRIMARY KEY, khoa_cot TEXT NOT NULL, con_tro TEXT NOT NULL);
            INSERT INTO _datasets VALUES ('don_vi_hanh_chinh', 'ma_dvhc', ''), ('ho_tich', 'so,quyen', 'ngay_cap_nhat');
            CREATE TABLE don_vi_hanh_chinh (ma_dvhc TEXT, ten_dvhc TEXT, hieu_luc_den TEXT, ma_thay_the TEXT);
            INSERT INTO don_vi_hanh_chinh VALUES
                ('24211', 'xã Ea Súp', NULL, NULL), ('24121', 'phường Tân Lập', NULL, NULL), ('66', 'tỉnh', NULL, NULL);
            CREATE TABLE ho_tich (so TEXT, quyen TEXT, ngay_cap_nhat TEXT);
            INSERT INTO ho_tich VALUES ('1/HT', 'A', '2025-09-29 23:59:59'), ('2/HT', 'A', '2025-09-30T00:00:00'),
                ('2/HT', 'B', '2025-09-30'), ('3/HT', 'A', '2025-10-01T00:00:00');
            CREATE TABLE linh_vuc (ma TEXT, ten TEXT);
            INSERT INTO linh_vuc VALUES ('TP', 'Tư pháp');
        """)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_pushes_pulls_and_asks_for_one_in_its_own_form(kit: Kit, pattern: str) -> None:
    caller = kit.caller(pattern)
    number: Any = str if pattern == "portal_adapter" else int
    sent = record(phien_ban=number(3), so_khau=number(4))
    answer = caller.push(sent).json
    code, words, result = (
        ("Status", "Message", "Result") if pattern == "oauth2" else ("error_code", "message", "result")
    )
    assert answer == {
        code: number(0), words: "Thành công",
        result: {"DS_KET_QUA": [{"khoa": "HN-1", "phien_ban": number(3), "error_code": number(0), "message": ""}]},
    }  # fmt: skip
    pulled = caller.send("GET", "/csdl/ho_ngheo").json[result]
    assert pulled == {"DS_BAN_GHI": [sent["ban_ghi"]], "trang_sau": None, "tong_so": number(1)}
    one = caller.one("HN-1")
    assert (one[code], one[result]) == (number(0), {"khoa": "HN-1", "phien_ban": number(3), "ban_ghi": sent["ban_ghi"]})
    missing = caller.one("HN-2")
    assert (missing[code], missing[words]) == (number(-1), "Không tồn tại")
    (effect,) = kit.running.log.effects()
    assert (effect.request_id, effect.ma_giao_dich, effect.dataset) == ("vet-1", "vet-1", "ho_ngheo")
    assert [one.service for one in kit.running.log.requests()][1:3] == ["dong_bo/ho_ngheo", "tra_cuu/ho_ngheo"]


def test_the_first_token_says_when_it_ends_and_wrong_credentials_get_none(kit: Kit) -> None:
    caller = Caller(Client(kit.running.url))
    assert (caller.enter().json["token_type"], caller.enter().json["expires_in"]) == ("Bearer", 1800)
    wrong = base64.b64encode(json.dumps({**FIVE, "SecretKey": "x"}).encode()).decode()
    for headers, form, status in (
        ({"lgspaccesstoken": wrong}, {"grant_type": "client_credentials"}, 401),
        ({"lgspaccesstoken": "kein base64"}, {"grant_type": "client_credentials"}, 401),
        ({"lgspaccesstoken": HEADER}, {"grant_type": "password"}, 400),
        ({}, {"grant_type": "client_credentials", "client_id": CLIENT[0], "client_secret": "x"}, 401),
        ({}, {"grant_type": "client_credentials"}, 401),
    ):
        assert caller.client.send("POST", "/token", urlencode(form).encode(), headers).status == status
    login = caller.client.post("/mapi/login", {"username": ACCOUNT[0], "password": "x"})
    assert (login.status, login.json["error_code"], login.json["session"]) == (200, "-1", "")


def test_a_token_opens_only_its_own_pattern(kit: Kit) -> None:
    tokens = {pattern: kit.caller(pattern).token for pattern in PATTERNS}
    for pattern in PATTERNS:
        for other, token in tokens.items():
            caller = Caller(Client(kit.running.url), pattern, token)
            assert opens(caller.send("GET", "/csdl/ho_ngheo")) == (other == pattern), (pattern, other)
    # a good token of pattern A beside five credentials that are not right
    caller = Caller(Client(kit.running.url), "oauth2", tokens["lgsp"], headers={"lgspaccesstoken": "x"})
    assert caller.send("GET", "/csdl/ho_ngheo").status == 401


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_ended_token_opens_nothing_until_there_is_a_new_one(tmp_path: Path, pattern: str) -> None:
    with open_platform(tmp_path, token_seconds=0) as kit:
        caller = kit.caller(pattern)
        good = text() if pattern == "portal_adapter" else record()
        assert not opens(caller.push(good))
        told = (200, "-1") if pattern == "portal_adapter" else (401, "")
        assert last(kit) == ("vet-1", "dong_bo/ho_ngheo", *told, "")
        assert effects(kit) == []
    with open_platform(tmp_path) as kit:
        caller = kit.caller(pattern)
        kit.running.misbehaviour.add(fault="expire_session", times=1)
        assert [opens(caller.push(good)), opens(caller.push(good))] == [False, False]
        caller.enter()
        assert opens(caller.push(good))


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"fault": "http_error", "status": 401}, 401),
        ({"fault": "http_error", "status": 403}, 403),
        ({"fault": "http_error", "status": 429, "retry_after": 2}, 429),
        ({"fault": "http_error"}, 500),
        ({"fault": "http_error", "status": 503}, 503),
        ({"fault": "html"}, 200),
        ({"fault": "empty"}, 200),
        ({"fault": "malformed"}, 200),
        ({"fault": "fail", "message": "Hệ thống bận"}, 200),
        ({"fault": "drop"}, 0),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_faults_strike_before_or_after_acceptance_and_are_logged(
    kit: Kit, rule: dict[str, Any], status: int, after: bool
) -> None:
    caller = kit.caller()
    kit.running.misbehaviour.add(**rule, after=after, times=1, service="dong_bo", dataset="ho_ngheo", khoa="HN-1")
    assert caller.push(record("HN-1"), dataset="thua_dat").status == 200
    assert caller.push(record("HN-2")).status == 200
    if status == 0:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            caller.push(record())
    else:
        reply = caller.push(record())
        assert reply.status == status
        assert reply.headers.get("retry-after") == ("2" if status == 429 else None)
        if rule["fault"] == "fail":
            assert reply.json == {"error_code": -1, "message": "Hệ thống bận", "result": {}}
        elif status == 200:
            with pytest.raises(ValueError, match="Expecting|Unterminated"):
                _ = reply.json
    assert last(kit) == ("vet-1", "dong_bo/ho_ngheo", status, "0" if after else "", rule["fault"])
    assert [one.khoa for one in kit.running.log.held("ho_ngheo")] == (["HN-1", "HN-2"] if after else ["HN-2"])
    assert results(caller.push(record())) == [("HN-1", 0)]
    assert effects(kit)[-1] == ("HN-1", 1, "cap_nhat", not after)


def test_a_slow_answer_takes_effect_and_can_be_asked_about(kit: Kit) -> None:
    caller = kit.caller()
    kit.running.misbehaviour.add(fault="slow", ms=500, service="dong_bo")
    caller.client.timeout = 0.1
    caller.client.close()
    with pytest.raises(TimeoutError):
        caller.push(record(phien_ban=7))
    caller.client.timeout = 10
    assert caller.one("HN-1")["result"]["phien_ban"] == 7


def test_records_are_refused_one_by_one_and_others_forgotten(kit: Kit) -> None:
    caller = kit.caller()
    kit.running.misbehaviour.add(fault="refuse", khoa="HN-2", message="{khoa}: sai mã xã")
    kit.running.misbehaviour.add(fault="forget", khoa="HN-3")
    reply = caller.push(record("HN-1"), record("HN-2"), record("HN-3"))
    assert results(reply) == [("HN-1", 0), ("HN-2", -1), ("HN-3", 0)]
    assert reply.json["result"]["DS_KET_QUA"][1]["message"] == "HN-2: sai mã xã"
    assert [one["ma_ho"] for one in caller.pull()["DS_BAN_GHI"]] == ["HN-1"]
    assert [khoa for khoa, *_ in effects(kit)] == ["HN-1", "HN-3"]


def test_a_record_in_another_style_is_refused_alone_and_says_nothing_of_its_values(kit: Kit) -> None:
    bad = [
        record("", 1), record("b", 0), record("c", True), record("d", "x"), record("e", 1, "sua"),
        {**record("f"), "ban_ghi": {}}, record("g", chu_ho=None),
    ]  # fmt: skip
    reply = kit.caller().push(record("a"), *bad)
    assert [code for _, code in results(reply)] == [0, *[-1] * len(bad)]
    assert "«chu_ho»" in reply.json["result"]["DS_KET_QUA"][-1]["message"]
    adapter = kit.caller("portal_adapter").push(text(), record("h", "1"))
    assert [one["error_code"] for one in adapter.json["result"]["DS_KET_QUA"]] == ["0", "-1"]
    assert "hộ nghèo" not in adapter.body.decode()


@pytest.mark.parametrize(
    "message",
    [
        {}, {"data": []}, {"data": {"DS_BAN_GHI": [record()]}}, {"data": {"MaGiaoDich": "m"}},
        {"data": {"MaGiaoDich": "m", "DS_BAN_GHI": []}}, {"data": {"MaGiaoDich": "m", "DS_BAN_GHI": [record()] * 3}},
        {"data": {"MaGiaoDich": "m", "DS_BAN_GHI": [record(ghi_chu="\ud800")]}},
    ],
)  # fmt: skip
def test_a_wrong_message_is_refused_whole_inside_200(tmp_path: Path, message: dict[str, Any]) -> None:
    with open_platform(tmp_path, most_records=2) as kit:
        reply = kit.caller().send("POST", "/csdl/ho_ngheo/dong-bo", message)
        assert (reply.status, reply.json["error_code"]) == (200, -1)
        assert reply.json["message"]
        assert effects(kit) == []
        assert last(kit)[2:4] == (200, "-1")


def test_only_a_newer_version_has_an_effect_and_a_deletion_is_a_version(kit: Kit) -> None:
    caller = kit.caller()
    versions = [record(phien_ban=2, so_khau=2), record(phien_ban=2, so_khau=9), record(phien_ban=1)]
    versions += [record(phien_ban=3), record(phien_ban=4, thao_tac="xoa"), record(phien_ban=3)]
    for sent in (*versions, record(phien_ban=4, thao_tac="xoa")):
        assert results(caller.push(sent)) == [("HN-1", 0)]
    assert [effect for *_, effect in effects(kit)] == [True, False, False, True, True, False, False]
    assert caller.pull()["DS_BAN_GHI"] == []
    assert caller.one("HN-1")["message"] == "Không tồn tại"
    (held,) = kit.running.log.held("ho_ngheo")
    assert (held.phien_ban, held.record) == (4, None)
    caller.push(record(phien_ban=5, so_khau=5))
    assert [one["so_khau"] for one in caller.pull()["DS_BAN_GHI"]] == [5]


def test_pages_follow_one_another_and_nothing_is_there_twice(kit: Kit) -> None:
    caller = kit.caller()
    caller.push(*[record(f"HN-{number:02d}") for number in range(7)])
    seen, page = [], 1
    while page:
        result = caller.pull(trang=page, kich_thuoc=3)
        assert result["tong_so"] == 7
        seen += [one["ma_ho"] for one in result["DS_BAN_GHI"]]
        page = result["trang_sau"]
    assert seen == [f"HN-{number:02d}" for number in range(7)]
    for query in ({"trang": 0}, {"kich_thuoc": 1001}, {"tu": "hôm qua"}, {"den": "2025-09-30T00:00:00+07:00"}):
        assert caller.send("GET", "/csdl/ho_ngheo", None, **query).json["error_code"] == -1


def test_the_nation_is_served_once_its_file_is_there(kit: Kit) -> None:
    caller = kit.caller()
    assert caller.pull("don_vi_hanh_chinh") == {"DS_BAN_GHI": [], "trang_sau": None, "tong_so": 0}
    nation(kit.national)
    assert caller.pull("don_vi_hanh_chinh")["DS_BAN_GHI"][0] == {
        "ma_dvhc": "24121", "ten_dvhc": "phường Tân Lập", "hieu_luc_den": "", "ma_thay_the": "",
    }  # fmt: skip
    days = caller.pull("ho_tich", tu="2025-09-30T00:00:00", den="2025-10-01T00:00:00")["DS_BAN_GHI"]
    assert [(one["so"], one["quyen"]) for one in days] == [("2/HT", "A"), ("2/HT", "B")]
    one = caller.one("2/HT|B", "ho_tich")["result"]
    assert (one["khoa"], one["phien_ban"], one["ban_ghi"]["quyen"]) == ("2/HT|B", 0, "B")
    assert caller.one("TP", "linh_vuc")["result"]["ban_ghi"]["ten"] == "Tư pháp"
    assert caller.pull("khong_co")["tong_so"] == 0
    assert caller.send("GET", "/csdl/_datasets").status == 404


def test_edits_lie_over_the_nation_and_over_its_next_state(kit: Kit) -> None:
    nation(kit.national)
    caller = kit.caller()
    ended = {"dataset": "don_vi_hanh_chinh", "khoa": "24211", "ma_thay_the": "24121", "hieu_luc_den": "2025-09-30"}
    assert kit.control("POST", "end", ended).status == 200
    kit.running.edits.remove("don_vi_hanh_chinh", "66")
    with closing(sqlite3.connect(kit.national)) as database, database:
        database.execute("UPDATE don_vi_hanh_chinh SET ten_dvhc = 'xã Ea Súp mới' WHERE ma_dvhc = '24211'")
    served = {one["ma_dvhc"]: one for one in caller.pull("don_vi_hanh_chinh")["DS_BAN_GHI"]}
    assert sorted(served) == ["24121", "24211"]
    assert served["24211"] == {
        "ma_dvhc": "24211", "ten_dvhc": "xã Ea Súp mới", "hieu_luc_den": "2025-09-30", "ma_thay_the": "24121",
    }  # fmt: skip
    kit.running.edits.restore("don_vi_hanh_chinh", "66")
    assert caller.pull("don_vi_hanh_chinh")["tong_so"] == 3


def test_a_pushed_record_that_the_other_side_changed_stays_so_until_a_newer_version(kit: Kit) -> None:
    caller = kit.caller()
    caller.push(record("HN-1"), record("HN-2"))
    change = {"dataset": "ho_ngheo", "khoa": "HN-1", "ban_ghi": {"ket_qua": "hộ cận nghèo"}}
    assert kit.control("POST", "change", change).json == {"edits": {"ho_ngheo": {"HN-1": {"ket_qua": "hộ cận nghèo"}}}}
    assert kit.control("POST", "remove", {"dataset": "ho_ngheo", "khoa": "HN-2"}).status == 200
    caller.push(record("HN-1"), record("HN-2"))
    assert [one["ket_qua"] for one in caller.pull()["DS_BAN_GHI"]] == ["hộ cận nghèo"]
    assert caller.one("HN-1")["result"]["ban_ghi"]["ket_qua"] == "hộ cận nghèo"
    caller.push(record("HN-1", 2), record("HN-2", 2))
    assert [one["ket_qua"] for one in caller.pull()["DS_BAN_GHI"]] == ["hộ nghèo", "hộ nghèo"]
    assert kit.control("GET", "edits").json == {"edits": {}}


def test_edits_that_cannot_be_meant_are_refused_by_what_was_expected(kit: Kit) -> None:
    nation(kit.national)
    edits, unit = kit.running.edits, "don_vi_hanh_chinh"
    for attempt, words in (
        (lambda: edits.end(unit, "99999", "", "2025-09-30"), "no record with the key '99999'"),
        (lambda: edits.end(unit, "24211", "24211", "2025-09-30"), "expected another code"),
        (lambda: edits.end(unit, "24211", "", "30/09/2025"), "written as 2025-09-30"),
        (lambda: edits.end("linh_vuc", "TP", "", "2025-09-30"), "do not end"),
        (lambda: edits.change(unit, "24211", {"ten": "x"}), "expected columns out of ma_dvhc"),
    ):
        with pytest.raises(NeedsPerson, match=words):
            attempt()
    for name, given in (("end", {}), ("change", {"dataset": unit, "khoa": "66"}), ("misbehave", {"fault": "bịa"})):
        assert kit.control("POST", name, given).status == 422
    assert kit.control("GET", "edits").json == {"edits": {}}
    assert kit.control("GET", "edits", token="falsch").status == 403
    assert kit.control("GET", "other").status == 404


def test_a_person_edits_by_command_whether_the_platform_runs_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nation(platform_control.national_file(tmp_path))
    var = ["--var", str(tmp_path)]
    end = ["end", "don_vi_hanh_chinh", "24211", "--successor", "24121", "--on", "2025-09-30"]
    assert platform_control.main([*var, *end]) == 0
    with open_platform(tmp_path) as kit:
        caller = kit.caller()
        assert caller.one("24211", "don_vi_hanh_chinh")["result"]["ban_ghi"]["ma_thay_the"] == "24121"
        caller.push(record())
        assert platform_control.main([*var, "change", "ho_ngheo", "HN-1", "ket_qua=a=b"]) == 0
        assert caller.pull()["DS_BAN_GHI"][0]["ket_qua"] == "a=b"
    capsys.readouterr()
    assert platform_control.main([*var, "show"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ho_ngheo: 1 records pushed, 0 deleted",
        'don_vi_hanh_chinh 24211: {"hieu_luc_den": "2025-09-30", "ma_thay_the": "24121"}',
        'ho_ngheo HN-1: {"ket_qua": "a=b"}',
    ]
    assert platform_control.main([*var, "change", "ho_ngheo", "HN-1", "ket_qua"]) == 1
    assert "column=value" in capsys.readouterr().err
    assert platform_control.main(["--var", str(tmp_path / "other"), "show"]) == 1
    assert "there is none" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/token", 405), ("GET", "/other", 404), ("PUT", "/csdl/ho_ngheo", 405), ("POST", "/csdl/ho_ngheo", 404),
     ("GET", "/csdl/Ho-Ngheo", 404), ("GET", "/health", 200), ("GET", "/csdl/ho_ngheo", 401)],
)  # fmt: skip
def test_other_addresses(kit: Kit, method: str, path: str, status: int) -> None:
    assert Client(kit.running.url).send(method, path).status == status


def test_a_request_bears_the_trace_id_that_it_brought(kit: Kit) -> None:
    caller = kit.caller("portal_adapter")
    caller.trace = "vet-42"
    adapter = "/XrdAdapter/RestService/forward/csdl/ho_ngheo"
    assert caller.send("GET", adapter).headers["x-request-id"] == "vet-42"
    assert last(kit)[:2] == ("vet-42", "tra_cuu/ho_ngheo")


SECRETS = {
    "SANDBOX_PLATFORM_ACCESS_KEY": FIVE["AccessKey"], "SANDBOX_PLATFORM_SECRET_KEY": FIVE["SecretKey"],
    "SANDBOX_PLATFORM_APP_NAME": FIVE["AppName"], "SANDBOX_PLATFORM_PARTNER_CODE": FIVE["PartnerCode"],
    "SANDBOX_PLATFORM_PARTNER_CODE_CUS": FIVE["PartnerCodeCus"],
}  # fmt: skip


def command(folder: Path) -> list[str]:
    national = str(folder / "national.sqlite")
    module = [sys.executable, "-m", "lienthong.sandbox.platform"]
    return [*module, "--port", "0", "--data", str(folder), "--national", national]


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Caller]]:
    with subprocess.Popen(
        command(folder), env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            caller = Caller(Client(server.stdout.readline().split()[2]))
            caller.enter()
            yield server, caller
            caller.client.close()
        finally:
            server.kill()


def test_every_answered_acceptance_survives_sigkill_and_a_restart(tmp_path: Path) -> None:
    with process(tmp_path) as (server, caller):
        for number in range(20):
            assert results(caller.push(record(f"HN-{number:02d}"))) == [(f"HN-{number:02d}", 0)]
        server.send_signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
    before = list(PlatformLog(tmp_path).effects())
    assert [one.khoa for one in before] == [f"HN-{number:02d}" for number in range(20)]
    with process(tmp_path) as (server, caller):
        assert caller.pull()["tong_so"] == 20
        caller.push(record("HN-00"))
        *same, newest = PlatformLog(tmp_path).effects()
        assert (same, newest.effect) == (before, False)
        server.terminate()
        out, err = server.communicate(timeout=10)
    assert (server.returncode, err) == (0, "")
    assert not [secret for secret in FIVE.values() if secret in out]


def test_it_refuses_to_start_without_an_account(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_PLATFORM_")}
    done = subprocess.run(command(tmp_path), env=bare, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "SANDBOX_PLATFORM_ACCESS_KEY" in done.stderr
    assert "Traceback" not in done.stderr
