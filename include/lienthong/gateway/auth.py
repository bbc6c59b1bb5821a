"""How the platform knows us: an adapter asks for a token, and puts it where its call pattern wants it.

No adapter shows a secret in its ``repr``, and ``secrets`` names what must never be repeated from an answer.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from lienthong.connections import Connection
from lienthong.gateway.options import Options
from lienthong.mapi.answers import Answer

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for a token: its body and the headers beside the usual ones."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What proves who we are, and for how many seconds."""

    value: str = field(repr=False)
    seconds: float


class Adapter(Protocol):
    """One way to be known."""

    def ask(self) -> Ask:
        """The request for a token, sent to ``token_path``."""

    def read(self, value: Mapping[str, Any]) -> Token | None:
        """The token in the answer, or None when it is a refusal."""

    def headers(self, token: str) -> dict[str, str]:
        """Headers of a data call."""

    def fields(self, token: str) -> dict[str, str]:
        """Fields of a data call: in its body, or in the query when it has none."""

    def ended(self, answer: Answer) -> bool:
        """Whether an answer with a good status says that the token is no longer good."""

    def secrets(self, token: str) -> tuple[str, ...]:
        """Texts that no message may repeat."""


def adapter_of(connection: Connection, options: Options) -> Adapter:
    """The adapter that ``extra.auth`` names."""
    kinds: dict[str, type[_OAuth2 | _PortalAdapter]] = {
        "lgsp": _Lgsp, "oauth2": _OAuth2, "portal_adapter": _PortalAdapter,
    }  # fmt: skip
    return kinds[options.auth](connection, options)


class _OAuth2:
    """Client credentials of RFC 6749; the token goes into the header ``Authorization``."""

    def __init__(self, connection: Connection, options: Options) -> None:
        self._login, self._password = connection.login, connection.password
        self._options = options

    def ask(self) -> Ask:
        given = {"client_id": self._login, "client_secret": self._password, "scope": self._options.scope}
        return _form(given, {})

    def read(self, value: Mapping[str, Any]) -> Token | None:
        token, life = value.get("access_token"), value.get("expires_in")
        # The token becomes a header: whatever else it holds would break out of it.
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            return None
        try:
            return Token(token, float(life if life is not None else 60 * self._options.session_minutes))
        except (TypeError, ValueError):
            return Token(token, 60 * self._options.session_minutes)

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def fields(self, token: str) -> dict[str, str]:  # noqa: ARG002 - adapters are called alike
        return {}

    def ended(self, answer: Answer) -> bool:  # noqa: ARG002 - adapters are called alike
        return False

    def secrets(self, token: str) -> tuple[str, ...]:
        return token, self._password


class _Lgsp(_OAuth2):
    """Five credentials in one header, on the request for the token and on every data call. Base64 hides nothing."""

    def __init__(self, connection: Connection, options: Options) -> None:
        super().__init__(connection, options)
        given = {
            "AccessKey": connection.login,
            "SecretKey": connection.password,
            "AppName": options.app_name,
            "PartnerCode": options.partner_code,
            "PartnerCodeCus": options.partner_code_cus,
        }
        self._five = base64.b64encode(json.dumps(given).encode("ascii")).decode("ascii")

    def ask(self) -> Ask:
        return _form({}, {self._options.header: self._five})

    def headers(self, token: str) -> dict[str, str]:
        return {**super().headers(token), self._options.header: self._five}

    def secrets(self, token: str) -> tuple[str, ...]:
        return *super().secrets(token), self._five


class _PortalAdapter:
    """Name and password once, then a session in every body; its end is told inside a good status."""

    def __init__(self, connection: Connection, options: Options) -> None:
        self._login, self._password = connection.login, connection.password
        self._options = options

    def ask(self) -> Ask:
        names = self._options.names
        given = {names.username: self._login, names.password: self._password}
        return Ask(json.dumps(given).encode("ascii"), {})

    def read(self, value: Mapping[str, Any]) -> Token | None:
        session = value.get(self._options.names.session)
        if not isinstance(session, str) or not session:
            return None
        return Token(session, 60 * self._options.session_minutes)

    def headers(self, token: str) -> dict[str, str]:  # noqa: ARG002 - adapters are called alike
        return {}

    def fields(self, token: str) -> dict[str, str]:
        return {self._options.names.session: token}

    def ended(self, answer: Answer) -> bool:
        return not answer.accepted and answer.says("session", "phiên làm việc", "phiên đăng nhập")

    def secrets(self, token: str) -> tuple[str, ...]:
        return token, self._password


def _form(given: Mapping[str, str], headers: Mapping[str, str]) -> Ask:
    wanted = {"grant_type": "client_credentials", **{name: value for name, value in given.items() if value}}
    return Ask(urlencode(wanted).encode("ascii"), {"Content-Type": _FORM, **headers})
