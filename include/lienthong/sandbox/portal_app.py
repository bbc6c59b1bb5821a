"""The portal on the wire: paths, destination codes, faults and answers. One request, one line in the log."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from lienthong.sandbox.misbehaviour import Plan, Rule
from lienthong.sandbox.portal_answers import WEB_PAGE, adapter_error
from lienthong.sandbox.portal_control import PREFIX, Control
from lienthong.sandbox.portal_http import HTML, Exchange, Receive, Scope, Send, TooLarge
from lienthong.sandbox.portal_services import LOGIN, UNKNOWN, Portal
from lienthong.sandbox.portal_store import Delivery

FORWARDS = ("/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward")
CUT_ANSWER = b'{"error_code": "0", "mess'
NOT_JSON = object()
"""Stands for a body that cannot be read, so that it is refused where every other wrong message is."""


class PortalApp:
    """The ASGI application of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._control = Control(portal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; an unforeseen error is an HTTP 500 that names its place, never its values."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._route(exchange)
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
            sys.stderr.write(f"sandbox portal: {type(error).__name__} at {place}\n")
            await exchange.answer(500, adapter_error(500))

    async def _route(self, exchange: Exchange) -> None:
        path: str = exchange.scope["path"]
        for prefix in FORWARDS:
            path = path.removeprefix(prefix)
        if path == "/mapi/g":
            await self._mapi(exchange, UNKNOWN)
        elif path == "/mapi/login":
            await self._mapi(exchange, LOGIN)
        elif path == "/health":
            health = {"status": "ok", "profile": self._portal.options.profile}
            await exchange.answer(200, json.dumps(health).encode())
        elif path.startswith(PREFIX):
            status, body = await self._control(exchange)
            await exchange.answer(status, json.dumps(body, ensure_ascii=False).encode())
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
            message = _read(await exchange.body(self._portal.options.max_body_bytes))
        except TooLarge:
            await self._refuse(exchange, service, 413)
            return
        if service != LOGIN:
            service = self._portal.service_of(message)
        plan = self._portal.misbehaviour.plan(service, _keys(message))
        delivery = _delivery(service, message, plan)
        if plan.delay:
            await asyncio.sleep(plan.delay)
        if plan.expire_session and isinstance(message, dict):
            self._portal.sessions.expire(message.get("session"))
        if plan.end is None:
            body = self._handle(message, delivery, None)
            await exchange.answer(200, body, _identity(delivery))
        elif plan.end.strikes_after:
            body = self._handle(message, delivery, plan.end)
            await _spoil(exchange, plan.end, delivery, body)
        else:
            self._portal.note(delivery)
            await _spoil(exchange, plan.end, delivery, None)

    def _handle(self, message: object, delivery: Delivery, end: Rule | None) -> bytes:
        """The body of the answer, durable in its effects; two faults change it already here."""
        options = self._portal.options
        if delivery.service == LOGIN:
            given, code_type = self._portal.login(message, delivery), options.login_code
        else:
            given, code_type = self._portal.serve(message, delivery), options.service_code
        if end is not None and end.fault == "nested":
            return given.nested(code_type)
        if end is not None and end.fault == "shorten":
            given = given.shortened(end.keep)
        return given.encode(code_type)

    async def _refuse(self, exchange: Exchange, service: str, status: int) -> None:
        """An error of the adapter in front of the portal."""
        delivery = Delivery(_request_id(), service, status, 0, "")
        self._portal.note(delivery)
        await exchange.answer(status, adapter_error(status), _identity(delivery))

    def _known_destination(self, scope: Scope) -> bool:
        header = dict(scope["headers"]).get(b"dstcode")
        given = [] if header is None else [header.decode("latin-1")]
        if scope["query_string"]:
            given += parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("dstcode", [])
        return all(code in self._portal.options.dstcodes for code in given)


async def _spoil(exchange: Exchange, rule: Rule, delivery: Delivery, body: bytes | None) -> None:
    """Give the answer that a rule asks for; ``body`` is the good one when the request was handled."""
    status, identity = rule.http_status, _identity(delivery)
    match rule.fault:
        case "drop":
            await exchange.drop()
        case "html":
            await exchange.answer(status, WEB_PAGE, identity, HTML)
        case "empty":
            await exchange.answer(status, b"", identity)
        case "malformed":
            await exchange.answer(status, CUT_ANSWER if body is None else body[: len(body) // 2], identity)
        case "redirect":
            location = (b"location", rule.location.encode("latin-1", "replace"))
            await exchange.answer(status, b"", [*identity, location])
        case "slow":
            await asyncio.sleep(rule.ms / 1000)
            await exchange.answer(status, body or b"", identity)
        case "slow_body":
            await exchange.answer(status, body or b"", identity, trickle=rule.ms / 1000)
        case "nested" | "shorten":
            await exchange.answer(status, body or b"", identity)
        case _:
            wait = [] if rule.retry_after is None else [(b"retry-after", f"{rule.retry_after:g}".encode())]
            await exchange.answer(status, adapter_error(status), [*identity, *wait])


def _read(body: bytes) -> object:
    """The message; ``NOT_JSON`` for what is not JSON, infinities and bottomless nesting included."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return NOT_JSON


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _records(message: object) -> list[Any]:
    data = message.get("data") if isinstance(message, dict) else None
    return data if isinstance(data, list) else []


def _keys(message: object) -> list[str]:
    """The dossier codes that a message is about."""
    codes = [record.get("MaHoSo") for record in _records(message) if isinstance(record, dict)]
    if isinstance(message, Mapping):
        codes.append(message.get("mahoso"))
    return [code for code in codes if isinstance(code, str)]


def _delivery(service: str, message: object, plan: Plan) -> Delivery:
    status = 200 if plan.end is None else 0 if plan.end.fault == "drop" else plan.end.http_status
    if plan.end is not None:
        fault = plan.end.fault
    else:
        fault = "expire_session" if plan.expire_session else "latency" if plan.delay else ""
    return Delivery(_request_id(), service, status, len(_records(message)), fault)


def _request_id() -> str:
    return os.urandom(8).hex()


def _identity(delivery: Delivery) -> list[tuple[bytes, bytes]]:
    """The request id, by which an answer is found again in the acceptance log."""
    return [(b"x-request-id", delivery.request_id.encode())]
