"""The control interface of a sandbox server: misbehaviour on request, from this machine only and with a token.

    POST   /_control/misbehave        a rule as JSON          -> 201 {"id": 1}
    GET    /_control/misbehave                                -> 200 {"rules": [{"id": 1, ..., "fired": 0}]}
    DELETE /_control/misbehave        every rule              -> 200 {"removed": n}
    DELETE /_control/misbehave?id=1   one rule                -> 200 {"removed": 1}

A server adds actions of its own: a POST with a JSON object, or a GET. The token goes in the header
``X-Control-Token``; without the variable that holds it there is no such interface.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from lienthong.errors import NeedsPerson
from lienthong.sandbox.misbehaviour import Misbehaviour, Rule
from lienthong.sandbox.web import Exchange, Scope, TooLarge

PREFIX = "/_control/"
LONGEST_BODY = 1_000_000

Action = Callable[[Mapping[str, Any]], dict[str, Any]]


class Control:
    """Lets a test or a demonstration change how a server behaves."""

    def __init__(
        self, token: str, variable: str, misbehaviour: Misbehaviour, actions: Mapping[tuple[str, str], Action]
    ) -> None:
        self._token = token
        self._variable = variable
        self._misbehaviour = misbehaviour
        self._actions = actions

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one control request."""
        status, body = await self._answer(exchange)
        await exchange.answer(status, json.dumps(body, ensure_ascii=False).encode())

    async def _answer(self, exchange: Exchange) -> tuple[int, dict[str, Any]]:
        if not self._token:
            return 404, {"error": f"no control interface: {self._variable} was not set at the start"}
        given = dict(exchange.scope["headers"]).get(b"x-control-token", b"")
        if not _local(exchange.scope) or not hmac.compare_digest(given, self._token.encode()):
            return 403, {"error": "expected a call from this machine with the header X-Control-Token"}
        try:
            return await self._act(exchange)
        except NeedsPerson as error:
            return 422, {"error": str(error)}

    async def _act(self, exchange: Exchange) -> tuple[int, dict[str, Any]]:
        scope = exchange.scope
        method, name = scope["method"], scope["path"].removeprefix(PREFIX)
        action = self._actions.get((method, name))
        if action is not None:
            return 200, action(await _object(exchange) if method == "POST" else {})
        match method, name:
            case "POST", "misbehave":
                return 201, {"id": self._misbehaviour.add(Rule.of(await _object(exchange)))}
            case "GET", "misbehave":
                return 200, {"rules": self._misbehaviour.rules()}
            case "DELETE", "misbehave":
                return 200, {"removed": self._remove(scope["query_string"].decode("latin-1"))}
        others = ", ".join(f"{one} {PREFIX}{other}" for one, other in self._actions)
        return 404, {"error": f"expected POST, GET or DELETE {PREFIX}misbehave, or {others}"}

    def _remove(self, query: str) -> int:
        wanted = parse_qs(query).get("id")
        if wanted is not None:
            return sum(self._misbehaviour.remove(int(number)) for number in wanted if number.isdecimal())
        count = len(self._misbehaviour.rules())
        self._misbehaviour.clear()
        return count


async def _object(exchange: Exchange) -> dict[str, Any]:
    try:
        value = json.loads(await exchange.body(LONGEST_BODY))
    except (ValueError, TooLarge):
        value = None
    if not isinstance(value, dict):
        raise NeedsPerson("Control: expected a JSON object as body; found something else.")
    return value


def _local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and ipaddress.ip_address(client[0]).is_loopback
