"""A unit's REST service, through requests: page by page, bounded in time and size, no redirect followed.

``extra`` of the connection, beside what ``auth`` and ``paging`` read:

    path         with ``{dataset}``; default ``/api/v1/{dataset}``
    page_size    rows of a page; default 500
    items        place of the rows in an answer, with dots; default ``du_lieu``, empty when the answer is the list
    params       names of the parameters: ``{"from": "tu", "to": "den", "page": "trang", "size": "kich_thuoc",
                 "cursor": "con_tro"}``; one that is empty is not sent
    times        ``local`` (2025-09-30T00:00:00, the default), ``zoned`` (with +07:00) or ``date``
    query        parameters that every request carries
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sources.auth import Auth, auth_of
from lienthong.sources.failures import Refused, Unreachable
from lienthong.sources.paging import Answer, Paging, Step, dig
from lienthong.sources.text import as_text, require_columns

TIMEOUT = (10, 60)
MOST_PAGES = 100_000
LARGEST_PAGE = 64 * 1024 * 1024
PAGE_SECONDS = 120
READ_SECONDS = 3_600
PATIENCE = 60.0  # seconds that a service may ask us to wait at once
TRIES = 3
_TIMES: Mapping[str, Callable[[Window], tuple[str, str]]] = {
    "local": lambda window: (window.local_start.isoformat(), window.local_end.isoformat()),
    "zoned": lambda window: (window.start.isoformat(), window.end.isoformat()),
    "date": lambda window: (str(window.local_start.date()), str(window.local_end.date())),
}


class RestSource:
    """``GET <base><path>?tu=&den=&trang=&kich_thuoc=`` answers ``{"du_lieu": [...], "trang_sau": n | null}``.

    Every name of it can be another one; see ``extra`` above."""

    def __init__(self, connection: Connection) -> None:
        given = connection.extra
        self.connection = connection
        self.path = str(given.get("path", "/api/v1/{dataset}"))
        self.size = int(given.get("page_size", 500))
        self.items = str(given.get("items", "du_lieu"))
        self.times = str(given.get("times", "local"))
        self.query: Mapping[str, Any] = given.get("query") or {}
        if self.times not in _TIMES:
            raise NeedsPerson(
                f"Connection {connection.name!r}: extra.times must be one of {', '.join(_TIMES)}. "
                "Whoever keeps the connections can mend it."
            )

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Follow the pages of the window until the service says that there are no more."""
        where = f"{contract.dataset}, {self.connection.name}"
        try:
            for rows in self._pages(contract, window):
                if rows:
                    require_columns(contract, self.connection.name, {name: None for row in rows for name in row})
                yield [tuple(as_text(row.get(name)) for name in contract.names) for row in rows]
        except Unreachable as error:
            raise SourceDown(f"{where}: {error}") from None
        except Refused as error:
            raise SourceChanged(f"{where}: {error}") from None

    def _pages(self, contract: Contract, window: Window) -> Iterator[list[dict[str, Any]]]:
        until = time.monotonic() + READ_SECONDS
        address = self.connection.base_url + self.path.replace("{dataset}", contract.dataset)
        paging = Paging(self.connection, address, self.size)
        bounds = self._bounds(paging, window)
        with requests.Session() as session:
            session.trust_env = False
            auth = auth_of(self.connection, session)
            step: Step | None = paging.first()
            for _ in range(MOST_PAGES):
                if step is None:
                    return
                if time.monotonic() > until:
                    raise Unreachable(f"dịch vụ trả lời quá chậm, sau {READ_SECONDS // 60} phút chưa hết trang.")
                answer = self._answer(session, auth, step, bounds)
                yield answer.rows
                step = paging.after(step, answer)
        raise Refused("dịch vụ trả về quá nhiều trang.")

    def _bounds(self, paging: Paging, window: Window) -> dict[str, str]:
        start, end = _TIMES[self.times](window)
        named = {paging.names["from"]: start, paging.names["to"]: end}
        return {**{name: str(value) for name, value in self.query.items()}, **{k: v for k, v in named.items() if k}}

    def _answer(self, session: requests.Session, auth: Auth, step: Step, bounds: Mapping[str, str]) -> Answer:
        """One page; a refused token is renewed once, a service that says how long it needs is waited for."""
        renewed, tries = False, 1
        while True:
            with self._get(session, auth, step, bounds) as response:
                status = response.status_code
                if status == 401 and not renewed and auth.renew():
                    renewed = True
                    continue
                if status == 200:
                    return self._read(response)
                wait = wait_asked(response.headers.get("Retry-After"))
            if status in (401, 403):
                raise Refused(f"khóa truy cập bị từ chối (HTTP {status}). Cấp lại khóa.")
            if status != 429 and status < 500:
                raise misspoken(status)
            if wait is None or wait > PATIENCE or tries == TRIES:
                raise Unreachable(f"dịch vụ báo lỗi HTTP {status}.")
            tries += 1
            time.sleep(wait)

    def _get(self, session: requests.Session, auth: Auth, step: Step, bounds: Mapping[str, str]) -> requests.Response:
        asks = {} if step.whole else {**bounds, **step.asks}
        try:
            return session.get(
                step.address, params=asks, auth=auth, timeout=TIMEOUT, allow_redirects=False, stream=True
            )
        except requests.RequestException as error:
            raise Unreachable(f"dịch vụ không trả lời ({type(error).__name__}).") from None

    def _read(self, response: requests.Response) -> Answer:
        try:
            content = json.loads(whole_body(response), parse_float=as_number)
        except (ValueError, RecursionError):
            raise misspoken(200) from None
        rows = dig(content, self.items)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise misspoken(200)
        return Answer(content, rows, response.links.get("next", {}).get("url"))


def whole_body(response: requests.Response) -> bytes:
    """The whole body, as far as it keeps to the limits of size and time."""
    until, parts, size = time.monotonic() + PAGE_SECONDS, [], 0
    try:
        while part := response.raw.read1(1 << 16, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > LARGEST_PAGE:
                raise Refused("một trang lớn hơn 64 MB. Đơn vị quản lý dịch vụ giảm số dòng mỗi trang.")
            if time.monotonic() > until:
                raise Unreachable(f"dịch vụ trả lời quá chậm, sau {PAGE_SECONDS} giây chưa hết một trang.")
    except (HTTPError, OSError) as error:
        raise Unreachable(f"dịch vụ ngắt giữa chừng ({type(error).__name__}).") from None
    return b"".join(parts)


def misspoken(status: int) -> Refused:
    """A service that answers, but in another form than the one agreed on."""
    return Refused(f"câu trả lời không đúng giao thức (HTTP {status}). Đơn vị quản lý dịch vụ kiểm tra phiên bản.")


def as_number(text: str) -> int | Decimal:
    """A number with a fraction or an exponent, exactly; one that is whole loses its ``.0``."""
    number = Decimal(text)
    whole = abs(number.adjusted()) < 30 and number == number.to_integral_value()
    return int(number) if whole else number


def wait_asked(text: str | None) -> float | None:
    """Seconds of a ``Retry-After``, written as seconds or as a date; None when there is none."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
