"""The client of a broker against answers that no well-meaning centre gives: who failed, who is in doubt, what stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest

from lienthong.connections import Connection
from lienthong.endpoints import Delivery, Item, MonitoringCentre
from lienthong.errors import NeedsPerson, ReceiverRefused
from lienthong.mapi import NoAnswer
from lienthong.ngsi import OtherTenant
from tests.unit.mapi_server import Reply, Seen, Server, serving

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
TENANT = {"NGSILD-Tenant": "daklak"}
ID = "urn:ngsi-ld:Unit:H15."


def problem(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": ERRORS + kind, "title": "không được", **more}


def named(*numbers: int, kind: str = "BadRequestData", **more: Any) -> list[dict[str, Any]]:
    return [{"entityId": f"{ID}{number}", "error": problem(kind, **more)} for number in numbers]


def strange(number: int, spelling: str) -> list[dict[str, Any]]:
    """An error that does not name the entity as it was sent."""
    return [{"entityId": spelling.format(f"{ID}{number}", quote(f"{ID}{number}")), "error": problem("BadRequestData")}]


def result(errors: list[dict[str, Any]], success: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"success": [f"{ID}{number}" for number in success], "errors": errors}


def items(count: int, *, deleted: bool = False) -> list[Item]:
    found = []
    for number in range(count):
        body = {"id": f"{ID}{number}"} if deleted else {"id": f"{ID}{number}", "type": "Unit"}
        found.append(Item("don_vi", f"H15.{number}", 1, "", json.dumps(body), deleted=deleted))
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def deliver(server: Server, given: list[Item], *replies: Reply, **extra: Any) -> Delivery:
    """Send with one reply after the other; the last one stays."""
    waiting = list(replies)
    server.script = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]
    connection = Connection("monitoring_centre", "http", host=server.url, password="khoa", extra=extra)
    endpoint = MonitoringCentre(connection, "H15", {})
    try:
        return endpoint.deliver(given)
    finally:
        endpoint.close()


def headers_of(seen: Seen) -> dict[str, str]:
    return {name.lower(): text for name, text in seen.headers.items()}


def outcomes(delivery: Delivery) -> str:
    """One letter for each item in order: a r t n i."""
    return "".join(str(one.outcome)[0] for one in sorted(delivery.verdicts, key=lambda one: one.item.record_key))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(b"", 204), "aaa"),
        (Reply([f"{ID}0"], 201), "aaa"),
        (Reply(result([]), 207), "aaa"),
        (Reply(result([]), 200), "aaa"),
        (Reply(result(named(1), (0, 2)), 207), "ara"),
        (Reply(result(named(1), ()), 207), "ara"),
        (Reply(result(named(1), (0, 1, 2)), 207), "ara"),
        (Reply(result([*named(0, kind="AlreadyExists"), *named(1, kind="InternalError")]), 207), "rta"),
        (Reply(result(named(2, kind="Khac", status=503)), 207), "aat"),
        (Reply(result(named(2, kind="Khac", status=429)), 207), "aat"),
        (Reply({"success": []}, 207), "iii"),
        (Reply([], 207), "iii"),
        (Reply(b"", 201), "iii"),
        (Reply(b"<html>", 200), "iii"),
        (Reply(b"", 200), "iii"),
        (Reply(b"", 202), "iii"),
        (Reply(b"", 500), "iii"),
        (Reply(problem("InternalError"), 503), "iii"),
        (Reply(problem("LdContextNotAvailable"), 503), "nnn"),
        (Reply(result(named(1, kind="LdContextNotAvailable")), 207), "nnn"),
        (Reply(problem("NonexistentTenant"), 404), "nnn"),
        (Reply(problem("ResourceNotFound"), 404), "nnn"),
        (Reply(b"", 411), "nnn"),
        (Reply(b"", 429), "nnn"),
        (Reply(b"", 413), "rrr"),
        (Reply(problem("BadRequestData"), 400), "rrr"),
        (Reply(problem("OperationNotSupported"), 422), "rrr"),
        (Reply(b"sai", 400), "rrr"),
    ],
    ids=lambda value: f"{value.status} {value.content[:40]!r}" if isinstance(value, Reply) else value,
)
def test_the_errors_decide_and_never_the_number(server: Server, reply: Reply, expected: str) -> None:
    assert outcomes(deliver(server, items(3), reply)) == expected


NAMELESS = [
    [{"error": problem("BadRequestData")}], [{"entityId": None, "error": problem("BadRequestData")}],
    strange(4, "{1}"), strange(4, "https://trung-tam.example/entities/{0}"), strange(9, "{0}"),
]  # fmt: skip


@pytest.mark.parametrize("errors", NAMELESS, ids=["none", "null", "encoded", "absolute", "unknown"])
def test_a_failure_that_names_nobody_is_looked_for(server: Server, errors: list[dict[str, Any]]) -> None:
    """Three accepted by name, two parted: one of them was it, and it is not taken for accepted."""
    nameless = Reply(result(errors, (0, 1, 2)), 207)
    delivery = deliver(server, items(5), nameless, Reply(b"", 204), nameless, Reply(b"", 204))
    assert outcomes(delivery) == "aaaar"
    assert [call.records for call in delivery.calls] == [5, 1, 1]


@pytest.mark.parametrize("errors", NAMELESS, ids=["none", "null", "encoded", "absolute", "unknown"])
def test_without_a_name_nothing_is_accepted_but_what_is_told_so(server: Server, errors: list[dict[str, Any]]) -> None:
    assert outcomes(deliver(server, items(3), Reply(result([*named(0), *errors], (1,)), 207))) == "rar"


@pytest.mark.parametrize("deleted", [False, True], ids=["upsert", "delete"])
def test_a_body_is_read_once(server: Server, monkeypatch: pytest.MonkeyPatch, deleted: bool) -> None:
    given, read, loads = items(4, deleted=deleted), [], json.loads
    bodies = {item.body for item in given}
    monkeypatch.setattr(json, "loads", lambda text, **how: (read.append(text), loads(text, **how))[1])
    deliver(server, given, Reply(problem("BadRequestData"), 400), Reply(b"", 204))
    assert sorted(text for text in read if text in bodies) == sorted(bodies)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(b"", 204), "aa"),
        (Reply(result(named(0, kind="ResourceNotFound"), (1,)), 207), "aa"),
        (Reply(problem("NonexistentTenant"), 404), "nn"),
        (Reply(b"", 404), "nn"),
        (Reply(result(named(0)), 207), "ra"),
    ],
    ids=str,
)
def test_what_is_gone_already_is_deleted(server: Server, reply: Reply, expected: str) -> None:
    assert outcomes(deliver(server, items(2, deleted=True), reply)) == expected
    assert server.seen[0].path == "/ngsi-ld/v1/entityOperations/delete"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (lambda id_: Reply(problem("ResourceNotFound", detail=f"{id_} is not here"), 404, TENANT), "aa"),
        (lambda id_: Reply(problem("ResourceNotFound", title=f"Entity {id_} was not found"), 404, TENANT), "aa"),
        (lambda id_: Reply(problem("ResourceNotFound", detail=id_), 404), "in"),
        (lambda _: Reply(problem("ResourceNotFound", detail="There is no such operation"), 404, TENANT), "nn"),
        (lambda id_: Reply({"path": f"/ngsi-ld/v1/entities/{id_}", "detail": id_}, 404, TENANT), "nn"),
        (lambda _: Reply(b"<html>", 404, TENANT), "nn"),
        (lambda _: Reply(problem("NonexistentTenant"), 404, TENANT), "nn"),
        (lambda id_: Reply({"id": id_, "type": "Unit"}, 200, TENANT), "nn"),
        (lambda _: Reply(b"", 503, TENANT), "in"),
        (lambda _: Reply(b"", 429, TENANT), "nn"),
        (lambda _: Reply(b"", 401, TENANT), "nn"),
    ],
    ids=[
        "gone in detail", "gone in title", "another tenant", "no operation", "a path", "a page", "no tenant", "held",
        "no answer", "busy", "no rights",
    ],
)  # fmt: skip
def test_a_404_of_a_whole_deletion_is_believed_of_an_entity_only(server: Server, reply: Any, expected: str) -> None:
    """It may be that of an address where nothing is: then nothing was deleted, and nobody may say so."""

    def script(seen: Seen) -> Reply:
        if seen.path.endswith("/delete"):
            return Reply(problem("ResourceNotFound"), 404, TENANT)
        return reply(unquote(seen.path.rpartition("/")[2]))  # type: ignore[no-any-return]

    server.script = script
    connection = Connection("monitoring_centre", "http", host=server.url, extra={"tenant": "daklak"})
    endpoint = MonitoringCentre(connection, "H15", {})
    delivery = endpoint.deliver(items(2, deleted=True))
    endpoint.close()
    assert outcomes(delivery) == expected
    assert (delivery.trouble is None) is (expected == "aa")
    assert server.seen[2].path == f"/ngsi-ld/v1/entities/{quote(f'{ID}0', safe='')}"


def test_an_update_never_becomes_a_deletion_nor_the_other_way_round(server: Server) -> None:
    given = [*items(2), *items(1, deleted=True)]
    deliver(server, given, Reply(b"", 204))
    assert [one.path.rpartition("/")[2] for one in server.seen] == ["upsert", "delete"]


@pytest.mark.parametrize(
    ("echo", "option", "trouble"),
    [
        (TENANT, "required", None), ({}, "required", OtherTenant), ({"NGSILD-Tenant": "khac"}, "required", OtherTenant),
        ({}, "optional", None), ({"NGSILD-Tenant": "khac"}, "optional", OtherTenant),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_must_come_from_our_tenant(server: Server, echo: Any, option: str, trouble: Any) -> None:
    delivery = deliver(server, items(1), Reply(b"", 204, echo), tenant="daklak", tenant_echo=option)
    assert outcomes(delivery) == ("a" if trouble is None else "i")
    assert delivery.trouble is None if trouble is None else isinstance(delivery.trouble, trouble)
    assert headers_of(server.seen[0])["ngsild-tenant"] == "daklak"


@pytest.mark.parametrize(
    ("extra", "headers"),
    [
        ({}, {}),
        ({"auth": "bearer"}, {"authorization": "Bearer khoa"}),
        ({"auth": "key", "key_header": "X-Api-Key"}, {"x-api-key": "khoa"}),
    ],
    ids=str,
)
def test_who_asks_is_told_as_the_connection_says(server: Server, extra: Any, headers: dict[str, str]) -> None:
    deliver(server, items(1), Reply(b"", 204), **extra)
    sent = headers_of(server.seen[0])
    assert {name: sent.get(name) for name in headers} == headers
    assert ("khoa" in str(sent)) is bool(headers)
    assert sent["content-length"].isdigit()


def test_a_context_stands_in_one_place_only(server: Server) -> None:
    address = "https://ngu-canh.example/c.jsonld"
    for style in ("inline", "link"):
        deliver(server, items(1), Reply(b"", 204), context=style, context_url=address)
    inline, linked = server.seen
    assert headers_of(inline)["content-type"] == "application/ld+json"
    assert "link" not in headers_of(inline)
    assert inline.body[0]["@context"][0] == address
    assert headers_of(linked)["content-type"] == "application/json"
    assert headers_of(linked)["link"].startswith(f"<{address}>; rel=")
    assert linked.body == [{"id": f"{ID}0", "type": "Unit"}]


def test_a_key_that_is_refused_or_missing_stops_the_endpoint(server: Server) -> None:
    delivery = deliver(server, items(2), Reply(b"", 401), auth="key")
    assert (outcomes(delivery), type(delivery.trouble).__mro__[1]) == ("nn", ReceiverRefused)
    with pytest.raises(NeedsPerson, match="needs a password"):
        MonitoringCentre(Connection("monitoring_centre", "http", host=server.url, extra={"auth": "bearer"}), "H15", {})


def test_words_are_kept_masked_and_never_repeat_our_key(server: Server) -> None:
    words = problem("BadRequestData", detail="H15.0 và khoa, số 066300912345, http://x.invalid/mo")
    (verdict,) = deliver(server, items(1), Reply(result([{"entityId": f"{ID}0", "error": words}]), 207)).verdicts
    assert verdict.message == "không được – H15.0 và […], số […], […]"


def test_batches_are_filled_by_number_and_by_size() -> None:
    connection = Connection(
        "monitoring_centre", "http", host="127.0.0.1", extra={"bytes_per_request": 150, "context": "link"}
    )
    endpoint = MonitoringCentre(connection, "H15", {})
    feed = type("Feed", (), {"per_request": 4})
    groups = endpoint.group(feed, items(10))  # type: ignore[arg-type]
    endpoint.close()
    assert [len(group) for group in groups] == [3, 3, 3, 1]
    assert [one.record_key for group in groups for one in group] == [one.record_key for one in items(10)]


def test_what_got_no_answer_is_sent_again_in_ever_smaller_parts(server: Server) -> None:
    server.script = lambda seen: Reply(b"", 500) if f"{ID}7" in str(seen.body) else Reply(b"", 204)
    connection = Connection("monitoring_centre", "http", host=server.url, extra={"records_per_request": 16})
    endpoint = MonitoringCentre(connection, "H15", {})
    for attempts, sizes in ((0, [16]), (1, [4, 4]), (2, [1] * 8)):
        server.seen.clear()
        delivery = endpoint.resolve([replace(one, attempts=attempts) for one in items(16)])
        assert [len(one.body) for one in server.seen] == sizes
        assert isinstance(delivery.trouble, NoAnswer)
        assert len(delivery.verdicts) == 16
    endpoint.close()
