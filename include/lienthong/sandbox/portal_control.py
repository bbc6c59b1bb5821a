"""The control interface of the portal: misbehaviour on request, from this machine only and with a token.

    POST   /_control/misbehave        a rule as JSON          -> 201 {"id": 1}
    GET    /_control/misbehave                                -> 200 {"rules": [{"id": 1, ..., "fired": 0}]}
    DELETE /_control/misbehave        every rule              -> 200 {"removed": n}
    DELETE /_control/misbehave?id=1   one rule                -> 200 {"removed": 1}
    POST   /_control/forget           {"ma_ho_so": ["..."]}   -> 200 {"forgotten": ["..."]}

The token goes in the header ``X-Control-Token``. Without SANDBOX_PORTAL_CONTROL_TOKEN there is no such interface.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from typing import Any
from urllib.parse import parse_qs

from lienthong.errors import NeedsPerson
from lienthong.sandbox.misbehaviour import Rule
from lienthong.sandbox.portal_http import Exchange, Scope, TooLarge
from lienthong.sandbox.portal_services import Portal

PREFIX = "/_control/"
LONGEST_BODY = 1_000_000

Result = tuple[int, dict[str, Any]]


class Control:
    """Lets a test or a demonstration change how the portal behaves."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def __call__(self, exchange: Exchange) -> Result:
        """Status and JSON body of the answer to one control request."""
        token = self._portal.options.control_token
        if not token:
            return 404, {"error": "no control interface: SANDBOX_PORTAL_CONTROL_TOKEN was not set at the start"}
        given = dict(exchange.scope["headers"]).get(b"x-control-token", b"")
        if not _local(exchange.scope) or not hmac.compare_digest(given, token.encode()):
            return 403, {"error": "expected a call from this machine with the header X-Control-Token"}
        try:
            return await self._act(exchange)
        except NeedsPerson as error:
            return 422, {"error": str(error)}

    async def _act(self, exchange: Exchange) -> Result:
        scope = exchange.scope
        match scope["method"], scope["path"].removeprefix(PREFIX):
            case "POST", "misbehave":
                rule = Rule.of(await _object(exchange))
                return 201, {"id": self._portal.misbehaviour.add(rule)}
            case "GET", "misbehave":
                return 200, {"rules": self._portal.misbehaviour.rules()}
            case "DELETE", "misbehave":
                return 200, {"removed": self._remove(scope["query_string"].decode("latin-1"))}
            case "POST", "forget":
                codes = (await _object(exchange)).get("ma_ho_so")
                if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
                    raise NeedsPerson("Forget: expected a list of dossier codes under 'ma_ho_so'.")
                return 200, {"forgotten": self._portal.forget(codes)}
        return 404, {"error": "expected POST, GET or DELETE /_control/misbehave, or POST /_control/forget"}

    def _remove(self, query: str) -> int:
        wanted = parse_qs(query).get("id")
        if wanted is not None:
            return sum(self._portal.misbehaviour.remove(int(number)) for number in wanted if number.isdecimal())
        count = len(self._portal.misbehaviour.rules())
        self._portal.misbehaviour.clear()
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
