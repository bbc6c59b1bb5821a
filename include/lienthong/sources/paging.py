"""How a REST service tells where the next page is: by number, by a cursor, by a link, or not at all.

``extra.paging`` is ``page`` (the default), ``cursor``, ``link`` or ``none``; ``extra.next`` is the place of the
answer that names the next page, with dots between its steps. Without it a link stands in the ``Link`` header, and
``"next": ""`` with ``page`` means that a page that is not full is the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sources.failures import Refused

NAMES = {"from": "tu", "to": "den", "page": "trang", "size": "kich_thuoc", "cursor": "con_tro"}
_FORM = "câu trả lời chỉ trang sau không đúng giao thức. Đơn vị quản lý dịch vụ kiểm tra phiên bản."


@dataclass(frozen=True, slots=True)
class Step:
    """One request: its address, and what it asks beside the window. An address of its own needs no window."""

    address: str
    asks: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Equal for requests that ask for the same page."""
        return self.address, tuple(sorted(self.asks.items()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the content, its rows, and the address in the ``Link`` header."""

    content: Any
    rows: list[Any]
    link: str | None


def dig(content: Any, place: str) -> Any:
    """What stands at a place such as ``ket_qua.du_lieu``, the whole content at the empty place, or None."""
    for step in place.split(".") if place else ():
        content = content.get(step) if isinstance(content, dict) else None
    return content


class Paging:
    """The pages of one reading, first to last."""

    def __init__(self, connection: Connection, address: str, size: int) -> None:
        given = connection.extra
        self.address, self.size = address, size
        self.names = {**NAMES, **(given.get("params") or {})}
        self.kind = str(given.get("paging", "page"))
        known = {"page": "trang_sau", "cursor": "con_tro_sau", "link": "", "none": ""}
        if self.kind not in known:
            raise NeedsPerson(
                f"Connection {connection.name!r}: extra.paging must be one of {', '.join(known)}. "
                "Whoever keeps the connections can mend it."
            )
        self.place = str(given.get("next", known[self.kind]))
        self.seen: set[object] = set()

    def first(self) -> Step:
        """The request of the first page."""
        return self._noted(Step(self.address, self._page(1) if self.kind == "page" else self._sized()))

    def after(self, step: Step, answer: Answer) -> Step | None:
        """The request of the page behind an answer, or None behind the last; a page never comes twice."""
        if self.kind == "none":
            return None
        if self.kind == "page" and not self.place:
            full = len(answer.rows) >= self.size
            return self._noted(Step(self.address, self._page(int(step.asks[self.names["page"]]) + 1))) if full else None
        told = answer.link if self.kind == "link" and not self.place else dig(answer.content, self.place)
        if told is None or told == "":
            return None
        return self._noted(self._told(step, told))

    def _told(self, step: Step, told: Any) -> Step:
        if isinstance(told, bool) or not isinstance(told, int | str):
            raise Refused(_FORM)
        if self.kind == "cursor":
            return Step(self.address, {self.names["cursor"]: str(told), **self._sized()})
        if self.kind == "page":
            if not str(told).isdecimal():
                raise Refused(_FORM)
            return Step(self.address, self._page(int(told)))
        address = urljoin(step.address, str(told))
        if _origin(address) != _origin(self.address):
            raise Refused("liên kết sang trang sau trỏ tới máy chủ khác. Đơn vị quản lý dịch vụ kiểm tra cấu hình.")
        return Step(address, whole=True)

    def _page(self, number: int) -> dict[str, str]:
        return {self.names["page"]: str(number), **self._sized()}

    def _sized(self) -> dict[str, str]:
        return {self.names["size"]: str(self.size)} if self.names["size"] else {}

    def _noted(self, step: Step) -> Step:
        if step.identity in self.seen:
            raise Refused("dịch vụ trả về trang đã đọc (con trỏ lặp lại). Đơn vị quản lý dịch vụ kiểm tra.")
        self.seen.add(step.identity)
        return step


def _origin(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise Refused(_FORM) from None
