"""The portal on the wire: paths, destination codes, faults and answers. One request, one line in the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from lienthong.sandbox.misbehaviour import Rule
from lienthong.sandbox.portal_answers import Answer
from lienthong.sandbox.portal_control import control
from lienthong.sandbox.portal_evaluation import PATH, body
from lienthong.sandbox.portal_evaluation_faults import spoilt
from lienthong.sandbox.portal_services import LOGIN, UNKNOWN, Portal
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web import Exchange, Scope, TooLarge
from lienthong.sandbox.web_app import WebApp, carry_out, new_request_id, planned, read_json, refuse
from lienthong.sandbox.web_control import PREFIX

FORWARDS = ("/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward")


class PortalApp(WebApp):
    """The ASGI application of one portal."""

    name = "sandbox portal"

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._control = control(portal)

    async def route(self, exchange: Exchange) -> None:
        """Answer one HTTP request."""
        path: str = exchange.scope["path"]
        for prefix in FORWARDS:
            path = path.removeprefix(prefix)
        if path == "/mapi/g":
            await self._mapi(exchange, UNKNOWN)
        elif path == "/mapi/login":
            await self._mapi(exchange, LOGIN)
        elif path.removeprefix(PATH) in self._portal.evaluation.endpoints:
            await self._evaluation(exchange, path.removeprefix(PATH))
        elif path == "/health":
            health = {"status": "ok", "profile": self._portal.options.profile}
            await exchange.answer(200, json.dumps(health).encode())
        elif path.startswith(PREFIX):
            await self._control(exchange)
        else:
            await self._refuse(exchange, "(unknown path)", 404)

    async def _mapi(self, exchange: Exchange, service: str) -> None:
        if exchange.scope["method"] != "POST":
            await self._refuse(exchange, service, 405)
            return
        if not self._known_destination(exchange.scope):
            await self._refuse(exchange, service, 404)
            return
        try:
            message = read_json(await exchange.body(self._portal.options.max_body_bytes))
        except TooLarge:
            await self._refuse(exchange, service, 413)
            return
        if service != LOGIN:
            service = self._portal.service_of(message)
        plan = self._portal.misbehaviour.plan(service, _keys(message))
        delivery = planned(service, len(_records(message)), plan, new_request_id())

        def handle(end: Rule | None) -> tuple[int, bytes]:
            if plan.expire_session and isinstance(message, dict):
                self._portal.sessions.expire(message.get("session"))
            return 200, self._handle(message, delivery, end)

        def failure(rule: Rule) -> bytes:
            code, words = self._portal.misbehaviour.words(rule)
            return Answer(code, words).encode(self._code_type(service))

        await carry_out(exchange, plan, delivery, self._portal, handle, failure)

    async def _evaluation(self, exchange: Exchange, endpoint: str) -> None:
        """A page of the public figures: no session, no envelope, and HTTP 201 where all is well."""
        if exchange.scope["method"] != "POST":
            await self._refuse(exchange, endpoint, 405)
            return
        try:
            asked = read_json(await exchange.body(self._portal.options.max_body_bytes))
        except TooLarge:
            await self._refuse(exchange, endpoint, 413)
            return
        plan = self._portal.misbehaviour.plan(endpoint, ())
        delivery = planned(endpoint, 0, plan, new_request_id())
        if delivery.http_status == 200:
            delivery = replace(delivery, http_status=201)

        def handle(end: Rule | None) -> tuple[int, bytes]:
            given = self._portal.evaluate(endpoint, asked, delivery)
            if end is not None and isinstance(given["data"], dict):
                given["data"] = spoilt(given["data"], end)
            return delivery.http_status, json.dumps(given, ensure_ascii=False).encode()

        def failure(rule: Rule) -> bytes:
            return json.dumps(body(*self._portal.misbehaviour.words(rule)), ensure_ascii=False).encode()

        await carry_out(exchange, plan, delivery, self._portal, handle, failure)

    def _handle(self, message: object, delivery: Delivery, end: Rule | None) -> bytes:
        """The body of the answer, durable in its effects; two faults change it already here."""
        code_type = self._code_type(delivery.service)
        if delivery.service == LOGIN:
            given = self._portal.login(message, delivery)
        else:
            given = self._portal.serve(message, delivery)
        if end is not None and end.fault == "nested":
            return given.nested(code_type)
        if end is not None and end.fault == "shorten":
            given = given.shortened(end.keep)
        return given.encode(code_type)

    def _code_type(self, service: str) -> str:
        options = self._portal.options
        return options.login_code if service == LOGIN else options.service_code

    async def _refuse(self, exchange: Exchange, service: str, status: int) -> None:
        await refuse(exchange, Delivery(new_request_id(), service, status, 0, ""), self._portal)

    def _known_destination(self, scope: Scope) -> bool:
        header = dict(scope["headers"]).get(b"dstcode")
        given = [] if header is None else [header.decode("latin-1")]
        if scope["query_string"]:
            given += parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("dstcode", [])
        return all(code in self._portal.options.dstcodes for code in given)


def _records(message: object) -> list[Any]:
    data = message.get("data") if isinstance(message, dict) else None
    return data if isinstance(data, list) else []


def _keys(message: object) -> list[str]:
    """The dossier codes that a message is about."""
    codes = [record.get("MaHoSo") for record in _records(message) if isinstance(record, dict)]
    if isinstance(message, Mapping):
        codes.append(message.get("mahoso"))
    return [code for code in codes if isinstance(code, str)]
