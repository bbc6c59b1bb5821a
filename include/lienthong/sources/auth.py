"""How a REST service knows us: a key in a header, name and password, a bearer token, or OAuth2 client credentials.

``extra.auth`` names the scheme: ``api_key`` (the default when there is a password; ``extra.header`` is the header,
else ``X-Api-Key``), ``basic``, ``bearer``, ``oauth2`` (``extra.token_url`` and ``extra.scope``; log-in and password
are the client), ``none``. No secret goes to another place than the service and its token address.
"""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sources.failures import Refused, Unreachable

TIMEOUT = (10, 30)
EARLY = 30.0  # seconds before its end at which a token is renewed
LARGEST = 1 << 16  # bytes of the answer that holds a token
LIFE = 300.0  # seconds that a token lives when its server does not say


class Auth(AuthBase):
    """Puts the credentials of a connection on a request."""

    def __init__(self, connection: Connection, session: requests.Session) -> None:
        self.connection = connection
        self.session = session

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, with nothing added: the service is open to everybody who reaches it."""
        return request

    def renew(self) -> bool:
        """Drop what the service refused; whether asking again may help."""
        return False


class ApiKey(Auth):
    """The password as the value of one header."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with its key."""
        request.headers[str(self.connection.extra.get("header", "X-Api-Key"))] = self.connection.password
        return request


class Basic(Auth):
    """Log-in and password, in UTF-8."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with name and password."""
        HTTPBasicAuth(self.connection.login.encode(), self.connection.password.encode())(request)
        return request


class Bearer(Auth):
    """The password as a token that somebody issued by hand."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with its token."""
        request.headers["Authorization"] = f"Bearer {self.connection.password}"
        return request


class OAuth2(Auth):
    """A token for client credentials: fetched once, kept until shortly before its end, renewed when it is refused."""

    def __init__(self, connection: Connection, session: requests.Session) -> None:
        super().__init__(connection, session)
        if not connection.extra.get("token_url"):
            raise NeedsPerson(
                f"Connection {connection.name!r}: auth oauth2 needs extra.token_url. "
                "Whoever keeps the connections can mend it."
            )
        self.token, self.until = "", 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with a token that is still good."""
        if not self.token or time.monotonic() >= self.until:
            self._fetch()
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def renew(self) -> bool:
        """Forget the token; the next request fetches another."""
        self.token = ""
        return True

    def _fetch(self) -> None:
        answer = self._answer()
        token, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise Refused("máy chủ cấp thẻ truy cập trả lời không đúng giao thức. Đơn vị quản lý dịch vụ kiểm tra.")
        self.token = token
        self.until = time.monotonic() + (float(life) if isinstance(life, int | float) else LIFE) - EARLY

    def _answer(self) -> dict[str, Any]:
        known = self.connection
        fields = {"grant_type": "client_credentials", "scope": str(known.extra.get("scope", ""))}
        try:
            response = self.session.post(
                str(known.extra["token_url"]),
                data={name: value for name, value in fields.items() if value},
                auth=HTTPBasicAuth(known.login.encode(), known.password.encode()),
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = response.raw.read(LARGEST, decode_content=True)
        except (requests.RequestException, HTTPError) as error:
            raise Unreachable(f"máy chủ cấp thẻ truy cập không trả lời ({type(error).__name__}).") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise Unreachable(f"máy chủ cấp thẻ truy cập báo lỗi HTTP {response.status_code}.")
        if response.status_code != 200:
            raise Refused(f"khóa truy cập bị từ chối khi xin thẻ (HTTP {response.status_code}). Cấp lại khóa.")
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        return content if isinstance(content, dict) else {}


SCHEMES: dict[str, type[Auth]] = {
    "api_key": ApiKey,
    "basic": Basic,
    "bearer": Bearer,
    "oauth2": OAuth2,
    "none": Auth,
}


def auth_of(connection: Connection, session: requests.Session) -> Auth:
    """The credentials of a connection, as its ``extra.auth`` says."""
    scheme = str(connection.extra.get("auth") or ("api_key" if connection.password else "none"))
    if scheme not in SCHEMES:
        raise NeedsPerson(
            f"Connection {connection.name!r}: extra.auth must be one of {', '.join(SCHEMES)}. "
            "Whoever keeps the connections can mend it."
        )
    return SCHEMES[scheme](connection, session)
