"""The sandbox's monitoring centre over real HTTP: cases of the standard, tenants, contexts, subscriptions, faults."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from lienthong.ngsi import pages
from lienthong.ngsi.broker import LINK
from lienthong.sandbox.centre_log import CentreLog
from lienthong.sandbox.centre_options import CentreOptions
from lienthong.sandbox.centre_server import Running, running_centre
from lienthong.settings import ROOT
from tests.unit.portal_kit import Client, Reply

CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"
KEY, TOKEN = "khoa-trung-tam", "khoa-dieu-khien"
A, B, C = (f"urn:ngsi-ld:Unit:H15.{number}" for number in (101, 102, 103))


@dataclass
class Caller:
    """A raw client: it repeats nothing and hides nothing."""

    client: Client
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, value: object = None, **headers: str) -> Reply:
        body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        given = {
            "X-Auth-Token": KEY,
            **self.headers,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        if body:
            given.setdefault("Content-Type", "application/json")
        return self.client.send(method, f"/ngsi-ld/v1/{path}", body, given)

    def batch(self, operation: str, *given: object, options: str = "", **headers: str) -> Reply:
        query = f"?options={options}" if options else ""
        return self.send("POST", f"entityOperations/{operation}{query}", list(given), **headers)

    def get(self, path: str, **query: object) -> Any:
        reply = self.send("GET", f"{path}?{urlencode(query)}" if query else path)
        assert reply.status == 200, reply.body
        return reply.json

    def one(self, identifier: str) -> Reply:
        return self.send("GET", f"entities/{quote(identifier, safe='')}")


@dataclass
class Kit:
    running: Running
    caller: Caller

    def control(self, value: object) -> Reply:
        return Client(self.running.url).post("/_control/misbehave", value, {"X-Control-Token": TOKEN})

    def effects(self) -> list[tuple[str, str, bool]]:
        return [(one.id, one.kind, one.effect) for one in self.running.log.effects()]


@contextmanager
def open_centre(folder: Path, **changes: Any) -> Iterator[Kit]:
    given = {"key": KEY, "tenants": ("daklak",), "control_token": TOKEN, **changes}
    with running_centre(CentreOptions(folder, **given)) as running:
        yield Kit(running, Caller(Client(running.url)))


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with open_centre(tmp_path / "centre") as kit:
        yield kit


@pytest.fixture
def caller(kit: Kit) -> Caller:
    return kit.caller


def unit(identifier: str = A, value: object = 1, at: str = "2025-09-30T10:00:00Z", **more: object) -> dict[str, Any]:
    held = {"type": "Property", "value": value, "observedAt": at}
    return {"id": identifier, "type": "Unit", "held": held, **more}


def types(reply: Reply) -> dict[str, str]:
    """The kind of error of each entity of a 207."""
    assert reply.status == 207
    return {one["entityId"]: one["error"]["type"].rpartition("/")[2] for one in reply.json["errors"]}


def kind(reply: Reply) -> str:
    return str(reply.json["type"]).rpartition("/")[2]


class TestUpsert:
    def test_new_old_and_mixed(self, caller: Caller) -> None:
        first = caller.batch("upsert", unit(A), unit(B))
        assert (first.status, first.json) == (201, [A, B])
        again = caller.batch("upsert", unit(A, 2), unit(B, 2))
        assert (again.status, again.body) == (204, b"")
        mixed = caller.batch("upsert", unit(B, 3), unit(C))
        assert (mixed.status, mixed.json) == (201, [C])

    def test_what_is_wrong_is_named_and_the_rest_is_taken(self, caller: Caller) -> None:
        wrong = [
            {"id": "khong phai uri", "type": "Unit"},
            {"id": "urn:x:1"},
            {"id": "urn:x:2", "type": "Unit", "held": {"type": "Property"}},
            {"id": "urn:x:3", "type": "Unit", "ref": {"type": "Relationship", "object": "H15"}},
            unit("urn:x:4", at="2025-09-30T10:00:00+07:00"),
            {"id": "urn:x:5", "type": "Unit", "held": 7},
            "chữ",
        ]
        reply = caller.batch("upsert", unit(A), *wrong)
        assert reply.json["success"] == [A]
        assert list(types(reply).values()) == ["BadRequestData"] * 7
        assert caller.get("entities", type="Unit") == [unit(A)]

    def test_the_last_of_one_identifier_wins(self, kit: Kit, caller: Caller) -> None:
        reply = caller.batch("upsert", unit(A, 1), unit(B), unit(A, 2))
        assert (reply.status, reply.json) == (201, [A, B])
        assert caller.one(A).json["held"]["value"] == 2
        assert kit.effects() == [(A, "create", True), (B, "create", True), (A, "update", True)]

    def test_replace_takes_attributes_away_and_update_does_not(self, caller: Caller) -> None:
        name = {"type": "Property", "value": "Ea Súp"}
        caller.batch("upsert", unit(A, name=name))
        caller.batch("upsert", unit(A, 2), options="update")
        assert caller.one(A).json == unit(A, 2, name=name)
        caller.batch("upsert", unit(A, 3))
        assert caller.one(A).json == unit(A, 3)

    def test_a_repetition_has_no_effect(self, kit: Kit, caller: Caller) -> None:
        caller.batch("upsert", unit(A))
        caller.batch("upsert", unit(A))
        assert kit.effects() == [(A, "create", True), (A, "update", False)]

    @pytest.mark.parametrize("body", [b"{", b"", b"[1,", b'{"a": NaN}'])
    def test_what_is_not_json_is_an_invalid_request(self, caller: Caller, body: bytes) -> None:
        reply = caller.send("POST", "entityOperations/upsert", body)
        assert (reply.status, kind(reply)) == (400, "InvalidRequest")

    def test_a_thousand_at_once_and_ten_thousand_held(self, kit: Kit, caller: Caller) -> None:
        started = time.monotonic()
        for start in range(0, 10_000, 1000):
            assert caller.batch("upsert", *(unit(f"urn:u:{n}", n) for n in range(start, start + 1000))).status == 201
        assert (time.monotonic() - started) / 10 < 1
        assert len(list(kit.running.log.held())) == 10_000


class TestOtherBatches:
    def test_create(self, caller: Caller) -> None:
        assert caller.batch("create", unit(A)).status == 201
        reply = caller.batch("create", unit(A, 2), unit(B))
        assert (types(reply), reply.json["success"]) == ({A: "AlreadyExists"}, [B])
        assert caller.one(A).json == unit(A)

    def test_update(self, caller: Caller) -> None:
        caller.batch("create", unit(A))
        name = {"type": "Property", "value": "Ea Súp"}
        reply = caller.batch("update", unit(A, 2, name=name), unit(B))
        assert (types(reply), reply.json["success"]) == ({B: "ResourceNotFound"}, [A])
        caller.batch("update", unit(A, 3), options="noOverwrite")
        assert caller.one(A).json == unit(A, 2, name=name)

    def test_merge(self, caller: Caller) -> None:
        name = {"type": "Property", "value": "Ea Súp", "unitCode": "C62"}
        caller.batch("create", unit(A, name=name))
        merged = {"id": A, "name": {"type": "Property", "value": "Ea Rốk"}}
        assert caller.batch("merge", merged).status == 204
        assert caller.one(A).json["name"] == {**name, "value": "Ea Rốk"}
        caller.batch("merge", {"id": A, "name": {"type": "Property", "value": "urn:ngsi-ld:null"}})
        assert "name" not in caller.one(A).json

    def test_delete(self, kit: Kit, caller: Caller) -> None:
        caller.batch("create", unit(A), unit(B))
        assert caller.batch("delete", A).status == 204
        reply = caller.batch("delete", A, B)
        assert (types(reply), reply.json["success"]) == ({A: "ResourceNotFound"}, [B])
        assert caller.one(A).status == 404
        assert [one[1] for one in kit.effects()] == ["create", "create", "delete", "delete"]

    def test_query(self, caller: Caller) -> None:
        caller.batch("create", unit(A, 1), unit(B, 2), unit(C, 3))
        wanted = {"type": "Query", "entities": [{"type": "Unit"}], "q": "held>1"}
        reply = caller.send("POST", "entityOperations/query", wanted)
        assert [one["id"] for one in reply.json] == [B, C]
        assert caller.send("POST", "entityOperations/query", {"type": "x"}).status == 400


class TestQueries:
    @pytest.fixture(autouse=True)
    def _held(self, caller: Caller) -> None:
        name = {"type": "Property", "value": "Ea Súp"}
        caller.batch("create", unit(A, 1, name=name), unit(B, 2), unit(C, 3))

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"id": f"{A},{C}"}, [A, C]),
            ({"type": "Unit", "q": "held>=2;held<3"}, [B]),
            ({"type": "Unit", "q": "held==1|held==3"}, [A, C]),
            ({"type": "Unit", "q": 'name=="Ea Súp"'}, [A]),
            ({"type": "Unit", "q": "name~=^Ea"}, [A]),
            ({"type": "Unit", "q": "held!=2"}, [A, C]),
            ({"attrs": "name"}, [A]),
            ({"type": "Unit", "idPattern": "103$"}, [C]),
            ({"type": "Unit", "limit": 1, "offset": 1}, [B]),
            ({"type": "Khac"}, []),
        ],
        ids=str,
    )
    def test_entities(self, caller: Caller, query: dict[str, object], found: list[str]) -> None:
        assert [one["id"] for one in caller.get("entities", **query)] == found

    @pytest.mark.parametrize("query", ["", "type=Unit&limit=5000", "type=Unit&q=%3D%3D1", "type=Unit&idPattern=%5B"])
    def test_a_query_that_cannot_be_meant(self, caller: Caller, query: str) -> None:
        reply = caller.send("GET", f"entities?{query}")
        assert (reply.status, kind(reply)) == (400, "BadRequestData")

    def test_simple_form_types_attributes_and_count(self, caller: Caller) -> None:
        assert caller.get("entities", id=A, options="keyValues") == [
            {"id": A, "type": "Unit", "held": 1, "name": "Ea Súp"}
        ]
        assert caller.get("types")["typeList"] == ["Unit"]
        assert caller.get("attributes")["attributeList"] == ["held", "name"]
        reply = caller.send("GET", "entities?type=Unit&limit=1")
        assert reply.headers["ngsild-results-count"] == "3"

    def test_how_a_value_went_over_time(self, caller: Caller) -> None:
        for day in (28, 29):
            caller.batch("upsert", unit(A, day, at=f"2025-09-{day}T10:00:00Z"))
        (whole,) = caller.get("temporal/entities", id=A, attrs="held")
        assert [one["value"] for one in whole["held"]] == [1, 29, 28]
        (part,) = caller.get(
            "temporal/entities", type="Unit", id=A, timerel="between", timeAt="2025-09-28T00:00:00Z",
            endTimeAt="2025-09-29T00:00:00Z",
        )  # fmt: skip
        assert [one["value"] for one in part["held"]] == [28]
        assert len(caller.get(f"temporal/entities/{quote(A, safe='')}", lastN=2)["held"]) == 2
        caller.batch("delete", A)
        assert len(caller.get("temporal/entities", id=A)) == 1

    def test_values_of_the_past_may_be_told_apart(self, caller: Caller) -> None:
        past = {
            "id": "urn:u:9",
            "type": "Unit",
            "held": [unit(at=f"2025-09-0{day}T00:00:00Z")["held"] for day in (1, 2)],
        }
        assert [caller.send("POST", "temporal/entities", past).status for _ in range(2)] == [201, 204]
        assert len(caller.get("temporal/entities", id="urn:u:9")[0]["held"]) == 2
        assert caller.one("urn:u:9").status == 404


class TestHeaders:
    def test_tenants_are_apart_and_named_in_the_answer(self, caller: Caller) -> None:
        reply = caller.batch("upsert", unit(A), NGSILD_Tenant="daklak")
        assert (reply.status, reply.headers["ngsild-tenant"]) == (201, "daklak")
        assert "ngsild-tenant" not in caller.one(A).headers
        assert caller.one(A).status == 404
        assert caller.send("GET", f"entities/{quote(A)}", NGSILD_Tenant="daklak").status == 200
        unknown = caller.batch("upsert", unit(A), NGSILD_Tenant="khac")
        assert (unknown.status, kind(unknown)) == (404, "NonexistentTenant")

    def test_a_key_is_asked_of_everybody(self, kit: Kit, caller: Caller) -> None:
        assert caller.batch("upsert", unit(A), X_Auth_Token="sai").status == 401
        assert caller.batch("upsert", unit(A), X_Auth_Token="", Authorization=f"Bearer {KEY}").status == 201
        assert [(one.service, one.http_status) for one in kit.running.log.requests()] == [
            ("(refused)", 401), ("upsert", 201),
        ]  # fmt: skip

    @pytest.mark.parametrize("context", [CORE, [CORE], [{"held": "https://x.invalid/held"}, CORE], "own"], ids=str)
    def test_each_style_gives_a_context(self, kit: Kit, caller: Caller, context: Any) -> None:
        given = f"{kit.running.url}/ngsi-context.jsonld" if context == "own" else context
        reply = caller.batch("upsert", {**unit(A), "@context": given}, Content_Type="application/ld+json")
        assert reply.status == 201
        if isinstance(given, str):
            assert caller.batch("upsert", unit(B), Link=LINK.format(url=given)).status == 201
        assert "@context" not in caller.one(A).json

    def test_the_styles_may_not_be_mixed(self, caller: Caller) -> None:
        link, inline = LINK.format(url=CORE), {**unit(A), "@context": CORE}
        for reply in (
            caller.batch("upsert", inline),
            caller.batch("upsert", inline, Link=link),
            caller.batch("upsert", inline, Link=link, Content_Type="application/ld+json"),
            caller.batch("upsert", unit(A), Link=f"<{CORE}>"),
        ):
            assert (reply.status, kind(reply)) == (400, "BadRequestData")
        reply = caller.batch("upsert", inline, unit(B), Content_Type="application/ld+json")
        assert (types(reply), reply.json["success"]) == ({B: "BadRequestData"}, [A])

    def test_a_context_that_cannot_be_got(self, caller: Caller) -> None:
        far = "http://khong-co.invalid/c.jsonld"
        reply = caller.batch("upsert", unit(A), Link=LINK.format(url=far))
        assert (reply.status, kind(reply)) == (503, "LdContextNotAvailable")
        reply = caller.batch("upsert", {**unit(A), "@context": far}, Content_Type="application/ld+json")
        assert types(reply) == {A: "LdContextNotAvailable"}

    def test_a_body_needs_its_length_and_has_a_limit(self, tmp_path: Path) -> None:
        with open_centre(tmp_path / "small", max_body_bytes=500) as kit:
            connection = http.client.HTTPConnection("127.0.0.1", int(kit.running.url.rpartition(":")[2]), timeout=5)
            connection.request(
                "POST", "/ngsi-ld/v1/entityOperations/upsert", iter([b"[]"]), {"X-Auth-Token": KEY}, encode_chunked=True
            )
            assert connection.getresponse().status == 411
            connection.close()
            reply = kit.caller.batch("upsert", *(unit(f"urn:u:{n}") for n in range(20)))
            assert reply.status == 413
            assert kit.effects() == []

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "entityOperations/khac"), ("GET", "khac"), ("PUT", "entities")]
    )
    def test_an_address_that_means_nothing(self, caller: Caller, method: str, path: str) -> None:
        reply = caller.send(method, path)
        assert (reply.status, kind(reply)) == (404, "ResourceNotFound")


class TestSubscriptions:
    @pytest.fixture
    def listener(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        heard: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/nghe", heard
        server.shutdown()
        server.server_close()
        thread.join()

    def subscription(self, address: str, **more: object) -> dict[str, Any]:
        notification = {"format": "normalized", "endpoint": {"uri": address, "accept": "application/json"}}
        return {"type": "Subscription", "entities": [{"type": "Unit"}], "notification": notification, **more}

    def test_a_watched_attribute_that_changes_is_told(
        self, caller: Caller, listener: tuple[str, list[dict[str, Any]]]
    ) -> None:
        address, heard = listener
        made = caller.send("POST", "subscriptions", self.subscription(address, watchedAttributes=["held"], q="held>1"))
        assert made.status == 201
        caller.batch("upsert", unit(A, 1), unit(B, 2))
        caller.batch("upsert", unit(B, 2))
        caller.batch("upsert", {"id": B, "type": "Unit", "name": {"type": "Property", "value": "x"}}, options="update")
        caller.batch("upsert", unit(A, 5))
        assert _until(lambda: len(heard) == 2)
        assert [[(one["id"], one["held"]["value"]) for one in told["data"]] for told in heard] == [[(B, 2)], [(A, 5)]]
        (held,) = caller.get("subscriptions")
        assert heard[0]["subscriptionId"] == held["id"]
        assert _until(lambda: caller.get("subscriptions")[0]["notification"]["timesSent"] == 2)
        assert caller.send("DELETE", f"subscriptions/{quote(held['id'], safe='')}").status == 204
        caller.batch("upsert", unit(A, 6))
        assert caller.get("subscriptions") == []
        assert len(heard) == 2

    def test_others_are_told_regularly(self, caller: Caller, listener: tuple[str, list[dict[str, Any]]]) -> None:
        address, heard = listener
        caller.batch("upsert", unit(A, 1))
        caller.send("POST", "subscriptions", self.subscription(address, timeInterval=0.1))
        assert _until(lambda: len(heard) >= 2)

    def test_a_listener_that_is_away_is_counted_and_holds_nothing_up(self, caller: Caller) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            caller.send("POST", "subscriptions", self.subscription(address))
            assert caller.batch("upsert", unit(A)).status == 201
            assert _until(lambda: caller.get("subscriptions")[0]["notification"]["timesFailed"] == 1)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"type": "Khac"}, {"entities": [{"id": "urn:x:1"}]}, {"watchedAttributes": ["held"], "timeInterval": 5},
            {"timeInterval": -1}, {"notification": {"endpoint": {"uri": "http://192.0.2.1/"}}},
        ],
        ids=str,
    )  # fmt: skip
    def test_what_cannot_be_subscribed(self, caller: Caller, wrong: dict[str, Any]) -> None:
        reply = caller.send("POST", "subscriptions", {**self.subscription("http://127.0.0.1:9/"), **wrong})
        assert (reply.status, kind(reply)) == (400, "BadRequestData")


class TestMisbehaviour:
    def test_orion_tells_everything_in_207(self, kit: Kit, caller: Caller) -> None:
        assert kit.control({"fault": "orion", "times": 1}).status == 201
        caller.batch("create", unit(A))
        assert kit.control({"fault": "orion"}).status == 201
        reply = caller.batch("upsert", unit(A, 2), unit(B))
        assert (reply.status, reply.json) == (207, {"success": [B, A], "errors": []})

    def test_faults_of_the_whole_request_and_of_one_entity(self, kit: Kit, caller: Caller) -> None:
        kit.control({"fault": "refuse", "khoa": A, "code": "InternalError", "message": "Lỗi {khoa}"})
        reply = caller.batch("upsert", unit(A), unit(B))
        assert types(reply) == {A: "InternalError"}
        assert reply.json["errors"][0]["error"]["title"] == f"Lỗi {A}"
        kit.control({"fault": "fail", "status": 400, "code": "BadRequestData", "times": 1})
        reply = caller.batch("upsert", unit(C))
        assert (reply.status, kind(reply)) == (400, "BadRequestData")
        kit.control({"fault": "drop", "after": True, "times": 1})
        with pytest.raises((OSError, http.client.HTTPException)):
            caller.batch("upsert", unit(C))
        assert kit.effects() == [(B, "create", True), (C, "create", True)]
        assert [one.http_status for one in kit.running.log.requests()] == [207, 400, 0]


class TestForPeople:
    def test_the_page_shows_what_is_held_and_runs_nothing(self, kit: Kit, caller: Caller) -> None:
        caller.batch("upsert", unit(A, 0.9887, name={"type": "Property", "value": "<script>Ea Súp</script>"}))
        reply = Client(kit.running.url).send("GET", "/")
        text = reply.body.decode()
        assert "&lt;script&gt;Ea Súp" in text
        assert "<script" not in text
        assert "0,9887" in text
        assert "default-src 'none'" in reply.headers["content-security-policy"]

    def test_the_context_is_the_published_one(self, kit: Kit) -> None:
        reply = Client(kit.running.url).send("GET", "/ngsi-context.jsonld")
        assert reply.headers["content-type"].startswith("application/ld+json")
        assert reply.body.decode() == pages.context()

    def test_the_context_is_in_the_image(self, tmp_path: Path) -> None:
        """Where the services run there is no docs/: what the centre serves must pass .dockerignore and be copied."""
        folder = CentreOptions(tmp_path).context_file.resolve().relative_to(ROOT).parts[0]
        assert f"!{folder}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        assert f"COPY {folder} ./{folder}" in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()

    def test_page_and_context_are_made_from_the_model(self) -> None:
        assert (ROOT / pages.PAGE).read_text(encoding="utf-8") == pages.page(), "python -m lienthong.ngsi.pages"
        assert (ROOT / pages.CONTEXT).read_text(encoding="utf-8") == pages.context()


def test_what_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "centre"
    command = [sys.executable, "-m", "lienthong.sandbox.centre", "--port", "0", "--data", str(data)]
    env = {**os.environ, "SANDBOX_CENTRE_KEY": KEY, "SANDBOX_CENTRE_TENANTS": "daklak"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        caller = Caller(Client(address))
        assert caller.batch("upsert", unit(A), NGSILD_Tenant="daklak").status == 201
        process.send_signal(signal.SIGKILL)
    log = CentreLog(data)
    assert [(one.id, one.tenant) for one in log.effects()] == [(A, "daklak")]
    with open_centre(data) as kit:
        assert kit.caller.send("GET", f"entities/{quote(A)}", NGSILD_Tenant="daklak").json == unit(A)


def _until(reached: Any, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if reached():
            return True
        time.sleep(0.02)
    return False
