"""Whoever calls the platform is known by one of three patterns; a token opens only the pattern that it was got by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lienthong.sandbox.platform_answers import Pattern
from lienthong.sandbox.platform_options import PlatformOptions, same
from lienthong.sandbox.portal_sessions import Sessions

WRONG = (401, b'{"error":"invalid_client","error_description":"Th\xc3\xb4ng tin x\xc3\xa1c th\xe1\xbb\xb1c sai"}')


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls and with which token; the token may have ended."""

    pattern: Pattern
    token: str


class Callers:
    """Gives out tokens against credentials and knows those that are alive."""

    def __init__(self, options: PlatformOptions) -> None:
        self._options = options
        self._tokens = {pattern: Sessions(options.token_seconds) for pattern in Pattern}

    def token(self, headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[int, bytes]:
        """Patterns A and B: a bearer token, or HTTP 400 or 401."""
        if form.get("grant_type") != "client_credentials":
            return 400, b'{"error":"unsupported_grant_type"}'
        header, lgsp, client = headers.get("lgspaccesstoken"), self._options.lgsp, self._options.client
        if header is not None:
            if lgsp is None or not lgsp.opens(header):
                return WRONG
            return self._bearer(Pattern.LGSP, {})
        if client is None or not all(
            [same(form.get("client_id"), client[0]), same(form.get("client_secret"), client[1])]
        ):
            return WRONG
        return self._bearer(Pattern.OAUTH2, {"scope": "default"})

    def login(self, message: object) -> tuple[int, bytes]:
        """Pattern C: a session, or ``error_code`` -1 inside HTTP 200."""
        given, account = message if isinstance(message, dict) else {}, self._options.account
        if account is None or not all(
            [same(given.get("username"), account[0]), same(given.get("password"), account[1])]
        ):
            words = {"error_code": "-1", "message": "Tài khoản hoặc mật khẩu không đúng", "session": ""}
        else:
            session = self._tokens[Pattern.ADAPTER].open()
            words = {"error_code": "0", "message": "Thành công", "session": session}
        return 200, json.dumps(words, ensure_ascii=False).encode()

    def caller(self, headers: Mapping[str, str], query: Mapping[str, str], message: object) -> Caller:
        """The pattern that a data call has chosen by what it presents."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        bearer = token.strip() if kind.lower() == "bearer" else ""
        if "lgspaccesstoken" in headers:
            return Caller(Pattern.LGSP, bearer)
        session = message.get("session") if isinstance(message, dict) else query.get("session")
        if not bearer and isinstance(session, str):
            return Caller(Pattern.ADAPTER, session)
        return Caller(Pattern.OAUTH2, bearer)

    def knows(self, caller: Caller, headers: Mapping[str, str]) -> bool:
        """Whether the caller may come in: its token is alive and, in pattern A, the five credentials are right."""
        lgsp = self._options.lgsp
        if caller.pattern is Pattern.LGSP and (lgsp is None or not lgsp.opens(headers["lgspaccesstoken"])):
            return False
        return self._tokens[caller.pattern].alive(caller.token)

    def expire(self, caller: Caller) -> None:
        """End a token before its time."""
        self._tokens[caller.pattern].expire(caller.token)

    def _bearer(self, pattern: Pattern, more: dict[str, Any]) -> tuple[int, bytes]:
        token = {"access_token": self._tokens[pattern].open(), "token_type": "Bearer"}
        return 200, json.dumps({**token, "expires_in": int(self._options.token_seconds), **more}).encode()
