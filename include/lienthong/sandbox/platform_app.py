"""The platform on the wire: paths, callers, faults and answers. One request, one line in the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from lienthong.errors import NeedsPerson
from lienthong.sandbox.misbehaviour import Plan, Rule
from lienthong.sandbox.platform_answers import FAILED, Answer, Pattern
from lienthong.sandbox.platform_callers import Caller
from lienthong.sandbox.platform_services import LOGIN, ONE, PULL, PUSH, STATISTIC, Platform
from lienthong.sandbox.platform_statistics import DATASET, key_of
from lienthong.sandbox.platform_statistics import PATH as STATISTIC_PATH
from lienthong.sandbox.portal_answers import adapter_error
from lienthong.sandbox.portal_services import BAD_SESSION
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web import Exchange
from lienthong.sandbox.web_app import Reply, WebApp, carry_out, new_request_id, planned, read_json, refuse
from lienthong.sandbox.web_control import PREFIX, Action, Control

FORWARD = "/XrdAdapter/RestService/forward"
PLACE = re.compile(r"/csdl/([a-z][a-z0-9_]{0,62})(?:/(.+))?", re.DOTALL)
LOGINS = ("/token", "/mapi/login")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has been read."""

    service: str
    dataset: str
    khoa: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    message: object

    @property
    def records(self) -> list[Any]:
        """The records that a push brings."""
        data = self.message.get("data") if isinstance(self.message, dict) else None
        found = data.get("DS_BAN_GHI") if isinstance(data, dict) else None
        return found if isinstance(found, list) else []

    @property
    def keys(self) -> list[str]:
        """The keys of the records that the request is about."""
        sent = [record.get("khoa") for record in self.records if isinstance(record, dict)]
        return [key for key in (*sent, self.khoa) if isinstance(key, str) and key]


class PlatformApp(WebApp):
    """The ASGI application of one platform."""

    name = "sandbox platform"

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        token = platform.options.control_token
        self._control = Control(token, "SANDBOX_PLATFORM_CONTROL_TOKEN", platform.misbehaviour, _actions(platform))

    async def route(self, exchange: Exchange) -> None:
        """Answer one HTTP request."""
        path = exchange.scope["path"].removeprefix(FORWARD)
        if path == "/health":
            await exchange.answer(200, b'{"status":"ok"}')
        elif path.startswith(PREFIX):
            await self._control(exchange)
        else:
            await self._serve(exchange, path)

    async def _serve(self, exchange: Exchange, path: str) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in exchange.scope["headers"]}
        request_id = headers.get("x-request-id", "")[:200] or new_request_id()
        place = _place(exchange.scope["method"], path)
        if isinstance(place, int):
            await refuse(exchange, Delivery(request_id, "(unknown path)", place, 0, ""), self._platform)
            return
        query = dict(parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = await exchange.body(None)
        if place[0] == STATISTIC:
            place = STATISTIC, DATASET, key_of(query)
        call = Call(*place, headers, query, body, read_json(body) if body and path != "/token" else None)
        plan = self._platform.misbehaviour.plan(call.service, call.keys, call.dataset)
        named = f"{call.service}/{call.dataset}" if call.dataset else call.service
        delivery = planned(named, len(call.records), plan, request_id)
        caller = self._platform.callers.caller(headers, query, call.message)

        def handle(end: Rule | None) -> Reply:
            if call.service == LOGIN:
                return self._enter(path, call, delivery)
            return self._data(call, caller, plan, delivery, end)

        def failure(rule: Rule) -> bytes:
            code, words = self._platform.misbehaviour.words(rule)
            return Answer(int(code), words).encode(caller.pattern)

        await carry_out(exchange, plan, delivery, self._platform, handle, failure)

    def _enter(self, path: str, call: Call, delivery: Delivery) -> Reply:
        if path == "/token":
            form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
            status, body = self._platform.callers.token(call.headers, form)
        else:
            status, body = self._platform.callers.login(call.message)
        self._platform.note(_answered(delivery, status))
        return status, body

    def _unknown(self, caller: Caller, delivery: Delivery) -> Reply:
        """The bus refuses a token itself; behind the adapter it is the portal that refuses a session, in HTTP 200."""
        if caller.pattern is Pattern.ADAPTER:
            self._platform.note(delivery, str(FAILED))
            return 200, Answer(FAILED, BAD_SESSION).encode(caller.pattern)
        self._platform.note(_answered(delivery, 401))
        return 401, adapter_error(401)

    def _data(self, call: Call, caller: Caller, plan: Plan, delivery: Delivery, end: Rule | None) -> Reply:
        """The answer to a data call, durable in its effects; two faults change it already here."""
        platform = self._platform
        if plan.expire_session:
            platform.callers.expire(caller)
        if not platform.callers.knows(caller, call.headers):
            return self._unknown(caller, delivery)
        if call.service == PUSH:
            given = platform.push(caller.pattern, call.dataset, call.message, delivery)
        elif call.service == PULL:
            given = platform.pull(call.dataset, call.query, delivery)
        elif call.service == STATISTIC:
            given = platform.statistic(call.query, call.message, delivery)
        else:
            given = platform.one(call.dataset, call.khoa, delivery)
        if end is not None and end.fault == "nested":
            return 200, given.nested(caller.pattern)
        if end is not None and end.fault == "shorten":
            given = given.shortened(end.keep)
        return 200, given.encode(caller.pattern)


def _place(method: str, path: str) -> tuple[str, str, str] | int:
    """Service, dataset and key that an address means, or the HTTP status of the refusal."""
    if path in LOGINS:
        return (LOGIN, "", "") if method == "POST" else 405
    if path == STATISTIC_PATH:
        return (STATISTIC, DATASET, "") if method == "POST" else 405
    found = PLACE.fullmatch(path)
    if found is None:
        return 404
    dataset, rest = found[1], found[2] or ""
    if method == "POST":
        return (PUSH, dataset, "") if rest == "dong-bo" else 404
    if method != "GET":
        return 405
    return (ONE, dataset, rest) if rest else (PULL, dataset, "")


def _answered(delivery: Delivery, status: int) -> Delivery:
    """The delivery with the status of its answer, unless a fault has decided on another."""
    return replace(delivery, http_status=status) if delivery.http_status == 200 else delivery


def _actions(platform: Platform) -> dict[tuple[str, str], Action]:
    """What can be asked of the platform beyond misbehaviour; each names ``dataset`` and ``khoa``.

    end {ma_thay_the, hieu_luc_den}, change {ban_ghi: {column: value}}, remove, restore; GET edits.
    """

    def text(given: Mapping[str, Any], name: str) -> str:
        value = given.get(name)
        if not isinstance(value, str):
            raise NeedsPerson(f"Control: expected text under {name!r}.")
        return value

    def end(given: Mapping[str, Any]) -> dict[str, Any]:
        where = text(given, "dataset"), text(given, "khoa")
        platform.edits.end(*where, text(given, "ma_thay_the"), text(given, "hieu_luc_den"))
        return shown({})

    def change(given: Mapping[str, Any]) -> dict[str, Any]:
        columns = given.get("ban_ghi")
        if not isinstance(columns, dict):
            raise NeedsPerson("Control: expected an object of columns under 'ban_ghi'.")
        platform.edits.change(text(given, "dataset"), text(given, "khoa"), columns)
        return shown({})

    def remove(given: Mapping[str, Any]) -> dict[str, Any]:
        platform.edits.remove(text(given, "dataset"), text(given, "khoa"))
        return shown({})

    def restore(given: Mapping[str, Any]) -> dict[str, Any]:
        platform.edits.restore(text(given, "dataset"), text(given, "khoa"))
        return shown({})

    def shown(_given: Mapping[str, Any]) -> dict[str, Any]:
        return {"edits": platform.edits.all()}

    posts = {"end": end, "change": change, "remove": remove, "restore": restore}
    return {**{("POST", name): action for name, action in posts.items()}, ("GET", "edits"): shown}
