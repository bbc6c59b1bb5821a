"""What the applications of the sandbox's servers share: one request, one line in the log, and faults on request."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from lienthong.sandbox.misbehaviour import Plan, Rule
from lienthong.sandbox.portal_answers import WEB_PAGE, adapter_error
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web import HTML, Exchange, Receive, Scope, Send

Reply = tuple[int, bytes]
"""HTTP status and body."""
CUT_ANSWER = b'{"error_code": "0", "mess'
NOT_JSON = object()
"""Stands for a body that cannot be read, so that it is refused where every other wrong message is."""


class Noting(Protocol):
    """The part of a server that is needed here."""

    def note(self, delivery: Delivery, code: str = "") -> None:
        """Log a request that had no effect."""


class WebApp(ABC):
    """The ASGI application of one server."""

    name: str
    """How the server is called in its own messages."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; an unforeseen error is an HTTP 500 that names its place, never its values."""
        exchange = Exchange(scope, receive, send)
        try:
            await self.route(exchange)
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
            sys.stderr.write(f"{self.name}: {type(error).__name__} at {place}\n")
            await exchange.answer(500, adapter_error(500))

    @abstractmethod
    async def route(self, exchange: Exchange) -> None:
        """Answer one HTTP request."""


async def carry_out(
    exchange: Exchange,
    plan: Plan,
    delivery: Delivery,
    server: Noting,
    handle: Callable[[Rule | None], Reply],
    failure: Callable[[Rule], bytes],
) -> None:
    """Let a request take effect, before or after the fault that is planned for it, or not at all.

    ``handle`` makes the answer, durable in its effects; it hears the rule that will spoil it. ``failure`` is the
    server's own form of an answer that says no.
    """
    if plan.delay:
        await asyncio.sleep(plan.delay)
    if plan.end is None:
        await exchange.answer(*handle(None), identity(delivery))
    elif plan.end.strikes_after:
        await _spoil(exchange, plan.end, delivery, handle(plan.end), failure)
    else:
        server.note(delivery)
        await _spoil(exchange, plan.end, delivery, None, failure)


async def refuse(exchange: Exchange, delivery: Delivery, server: Noting) -> None:
    """An error of the adapter in front of the server."""
    server.note(delivery)
    await exchange.answer(delivery.http_status, adapter_error(delivery.http_status), identity(delivery))


async def _spoil(
    exchange: Exchange, rule: Rule, delivery: Delivery, good: Reply | None, failure: Callable[[Rule], bytes]
) -> None:
    """Give the answer that a rule asks for; ``good`` is the real one when the request was handled."""
    status, headers = rule.http_status, identity(delivery)
    real, body = good or (status, b"")
    match rule.fault:
        case "drop":
            await exchange.drop()
        case "html":
            await exchange.answer(status, WEB_PAGE, headers, HTML)
        case "empty":
            await exchange.answer(status, b"", headers)
        case "malformed":
            await exchange.answer(status, CUT_ANSWER if good is None else body[: len(body) // 2], headers)
        case "fail":
            await exchange.answer(status, failure(rule), headers)
        case "redirect":
            location = (b"location", rule.location.encode("latin-1", "replace"))
            await exchange.answer(status, b"", [*headers, location])
        case "slow":
            await asyncio.sleep(rule.ms / 1000)
            await exchange.answer(real, body, headers)
        case "slow_body":
            await exchange.answer(real, body, headers, trickle=rule.ms / 1000)
        case "nested" | "shorten" | "omit" | "blank" | "orion":
            await exchange.answer(real, body, headers)
        case _:
            wait = [] if rule.retry_after is None else [(b"retry-after", f"{rule.retry_after:g}".encode())]
            await exchange.answer(status, adapter_error(status), [*headers, *wait])


def read_json(body: bytes) -> object:
    """The message; ``NOT_JSON`` for what is not JSON, infinities and bottomless nesting included."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return NOT_JSON


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def planned(service: str, records: int, plan: Plan, request_id: str) -> Delivery:
    """How the request is going to be answered when it is handled well, or by the fault that is planned for it."""
    status = 200 if plan.end is None else 0 if plan.end.fault == "drop" else plan.end.http_status
    if plan.end is not None:
        fault = plan.end.fault
    else:
        fault = "expire_session" if plan.expire_session else "latency" if plan.delay else ""
    return Delivery(request_id, service, status, records, fault)


def new_request_id() -> str:
    """The name of a request that brought none."""
    return os.urandom(8).hex()


def identity(delivery: Delivery) -> list[tuple[bytes, bytes]]:
    """The request id, by which an answer is found again in the acceptance log."""
    return [(b"x-request-id", delivery.request_id.encode("latin-1", "replace"))]
