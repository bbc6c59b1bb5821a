"""One HTTP exchange: a JSON object, or an error that says what certainly did or did not happen.

    NotTaken         the receiver certainly did not take the request: it may be repeated as it is
    ├── TooLarge     ... because of its size
    NoAnswer         sent, but no usable answer came: whether the receiver took it is unknown
    ReceiverRefused  address, credentials or rights are wrong: nothing more is sent
    ├── NotKnown     ... because the receiver does not know who asks: a fresh token may help, once
    └── NotThere     ... because there is nothing under the address; of one record it may say that it does not exist

No error holds a body, a credential, a session or the query of an address.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests import exceptions as failed
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from lienthong.errors import LienThongError, ReceiverBusy, ReceiverRefused, TryAgain

CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 64 * 1024 * 1024
LONGEST_PATIENCE = 86_400.0  # a receiver that asks for more than a day is asked again after a day


class NotTaken(ReceiverBusy):
    """The receiver certainly did not take the request; the same request may be sent again."""


class TooLarge(NotTaken):
    """The receiver does not take a request of this size; a smaller one may pass."""


class NotKnown(ReceiverRefused):
    """The receiver does not know us (HTTP 401); it took nothing."""


class NotThere(ReceiverRefused):
    """The receiver has nothing under this address (HTTP 404); it took nothing."""


class NoAnswer(TryAgain):
    """No usable answer came. Whether the receiver took the request is unknown and must be found out."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Reach(Protocol):
    """What a connection says about the way to its receiver."""

    @property
    def timeout(self) -> float:
        """Seconds that one exchange may take."""

    @property
    def ca_file(self) -> str:
        """CA bundle that the receiver's certificate must lead to; empty for the system's."""

    @property
    def cert_file(self) -> str:
        """Our own certificate with its key; empty for none."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came; ``error`` is what its status means where that is not good."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    error: LienThongError | None = None


class Transport:
    """Speaks JSON over one kept-alive connection per thread. Follows no redirect and no proxy of the environment."""

    def __init__(
        self, name: str, base: str, reach: Reach, headers: Mapping[str, str], query: Mapping[str, str] | None = None,
        number: Callable[[str], Any] = float,
    ) -> None:  # fmt: skip
        self.name = name
        self.base = base
        self.reach = reach
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "lienthong",
            **headers,
        }
        self._query = dict(query or {})
        self._number = number
        self._own = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def post(self, path: str, body: bytes, request_id: str) -> dict[str, Any]:
        """The JSON object that the receiver answers to a POST with a good status."""
        return self.exchange("POST", path, request_id, body)

    def exchange(
        self, method: str, path: str, request_id: str, body: bytes | None = None,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The JSON object of a good answer; anything else is one of the errors above."""
        return self._parse(self.converse(method, path, request_id, body, headers, query).content)

    def converse(
        self, method: str, path: str, request_id: str, body: bytes | None = None,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
        passed: Collection[int] = (),
    ) -> Heard:  # fmt: skip
        """A good answer as it came, or one with a status of ``passed``; anything else is one of the errors above."""
        started = time.monotonic()
        url = self.base + path
        limit = self.reach.timeout
        try:
            response = self._session().request(
                method,
                url,
                data=body,
                params={**self._query, **(query or {})},
                headers={**self._headers, **(headers or {}), "X-Request-Id": request_id},
                timeout=(min(CONNECT_SECONDS, limit), limit),
                allow_redirects=False,
                stream=True,
            )
        except failed.RequestException as error:
            raise self._failure(error, url) from None
        except OSError:  # what requests raises for a PEM file that is not there
            raise self._refused(url, "needs the files of ca_file and cert_file, and one cannot be read") from None
        try:
            wrong = self._status_error(response, url)
            if wrong is not None and response.status_code not in passed:
                raise wrong
            content = self._read(response, started + limit)
        finally:
            response.close()
        return Heard(response.status_code, response.headers, content, wrong)

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._own = threading.local()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            if self.reach.ca_file:
                session.verify = self.reach.ca_file
            if self.reach.cert_file:
                session.cert = self.reach.cert_file
            self._own.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _failure(self, error: failed.RequestException, url: str) -> Exception:
        cause = error.args[0] if error.args else None
        reason = cause.reason if isinstance(cause, MaxRetryError) else cause
        if isinstance(error, failed.SSLError) and _distrusted(reason):
            return self._refused(url, "shows a certificate that our CA bundle does not vouch for")
        if isinstance(error, failed.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return NotTaken(f"{self.name}: no connection to {_place(url)} ({type(reason or error).__name__}).")
        if isinstance(error, failed.InvalidURL | failed.InvalidSchema | failed.MissingSchema):
            return self._refused(url, "is not an address that HTTP can reach")
        return NoAnswer(f"{self.name}: {_place(url)} broke off before it answered ({type(reason or error).__name__}).")

    def _refused(self, url: str, found: str, kind: type[ReceiverRefused] = ReceiverRefused) -> ReceiverRefused:
        return kind(
            f"{self.name}: {_place(url)} {found}. Nothing more is sent. "
            f"Whoever maintains connection {self.name!r} can mend it."
        )

    def _status_error(self, response: requests.Response, url: str) -> LienThongError | None:
        """The error that the status of an answer means, or None."""
        status = response.status_code
        if status < 300:
            return None
        wait = _retry_after(response.headers.get("Retry-After"))
        if status < 400:
            target = _place(response.headers.get("Location", "")) or "an unnamed address"
            return self._refused(url, f"redirects to {target} (HTTP {status}), which is never followed")
        if status == 413:
            return TooLarge(f"{self.name}: the request is too large for {_place(url)} (HTTP 413).", wait)
        if status in (408, 429):
            return NotTaken(f"{self.name}: {_place(url)} asks for patience (HTTP {status}).", wait)
        if status < 500:
            kind = {401: NotKnown, 404: NotThere}.get(status, ReceiverRefused)
            return self._refused(url, f"rejects our {_REJECTED.get(status, 'request')} (HTTP {status})", kind)
        return NoAnswer(f"{self.name}: {_place(url)} failed (HTTP {status}).", wait)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while part := response.raw.read1(1 << 16, decode_content=True):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise NoAnswer(f"{self.name}: the answer is larger than {LARGEST_ANSWER >> 20} MiB.")
                if time.monotonic() > deadline:
                    raise NoAnswer(f"{self.name}: the answer was not complete in {self.reach.timeout:g} s.")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(f"{self.name}: the answer broke off ({type(error).__name__}).") from None
        return b"".join(parts)

    def _parse(self, content: bytes) -> dict[str, Any]:
        try:
            value = json.loads(content.decode("utf-8-sig"), parse_float=self._number)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            kind = "an empty body" if not content.strip() else "a body that is not a JSON object"
            raise NoAnswer(f"{self.name}: expected a JSON object, found {kind} of {len(content)} bytes.")
        return value


_REJECTED = {
    401: "credentials",
    403: "rights or dstcode: the account may not use this service",
    404: "address or dstcode: there is nothing under this path",
}


def _distrusted(reason: Any) -> bool:
    while reason is not None and not isinstance(reason, ssl.SSLCertVerificationError):
        reason = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    return reason is not None


def _place(url: str) -> str:
    """Address without user, query or control characters: all that a message may show of it."""
    try:
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return ""
    return "".join(c for c in shown if c.isprintable())[:200] if parts.hostname else ""


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from either form of the header; None when absent or unreadable."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_PATIENCE)


def _until(value: str) -> float:
    moment = parsedate_to_datetime(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
