"""One visit of a system: its right is looked at first, what it reads is one state, and it is noted before the answer
leaves. An answer that cannot be noted is not given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from lienthong.contracts import Contract
from lienthong.share import tokens
from lienthong.share.pace import Pace
from lienthong.share.pool import Pool
from lienthong.share.refusals import Refused, request_id_of
from lienthong.share.shape import Shape
from lienthong.share.tokens import Token
from lienthong.warehouse import versions
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session
from lienthong.warehouse.versions import Version

EVERYTHING = "*"
"""In place of a dataset, of an answer that is about all that a token may read."""


STRANGERS = 0
"""In place of a token's number, of all tokens that were not found yet."""
WRONG = "Mã truy cập không đúng, đã hết hạn hoặc đã bị thu hồi. Xin mã mới của nhóm dữ liệu của tỉnh."


@dataclass(frozen=True, slots=True)
class Look:
    """What a visit sees: one state of the warehouse, through one shape."""

    session: Session
    shape: Shape
    version: Version


Work = Callable[[Look], tuple[str, int]]
"""Gives the body as JSON, and how many rows are in it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that answers need."""

    home: Path
    contracts: Mapping[str, Contract]
    exports: Path
    reader: Pool
    writer: Pool
    pace: Pace
    agency: str = "H15"
    known: set[str] = field(default_factory=set)
    """Hashes of the tokens that were found; each is looked up again at every request."""

    def caller(self, text: str | None) -> Token:
        """Who asks; refused when the token is unknown, has ended, or asks too often."""
        if not text:
            raise _unknown("Gửi mã truy cập trong tiêu đề «Authorization: Bearer …».")
        if not tokens.formed(text):
            raise _unknown(WRONG)
        digest = hashlib.sha256(text.encode()).hexdigest()
        # Who was never found here shares one pace with all such, before a session is taken from those who were.
        if digest not in self.known:
            self._keep_pace(STRANGERS, "Có quá nhiều mã truy cập chưa được nhận ra.")
        with self.reader.session() as session:
            token = tokens.find(session, self.home, text)
        if token is None:
            self.known.discard(digest)
            raise _unknown(WRONG)
        self.known.add(digest)
        self._keep_pace(token.token_id, "Mã truy cập này đã gọi quá số lần cho phép mỗi phút.")
        return token

    def _keep_pace(self, whose: int, detail: str) -> None:
        if wait := self.pace.wait(whose):
            seconds = str(int(wait) + 1)
            raise Refused(429, "rate", f"{detail} Gọi lại sau {seconds} giây.", headers={"Retry-After": seconds})

    def shape(self, token: Token, dataset: str) -> Shape:
        """What the token sees of a dataset; one outside of its scopes is refused whether it exists or not."""
        if dataset not in token.datasets or dataset not in self.contracts:
            raise Refused(403, "scope", "Mã truy cập không có quyền đọc tập dữ liệu này; /v1/datasets cho biết quyền.")
        shape = Shape(self.contracts[dataset], token.ceiling)
        if not shape.open:
            raise Refused(403, "classification", "Phân loại của tập dữ liệu cao hơn quyền của mã truy cập.")
        return shape

    def visit(
        self, request: Request, token: Token, dataset: str, what: str, parts: tuple[Any, ...], work: Work
    ) -> Response:
        """The answer about one dataset, or 304 when the caller has it: it hangs on the version and the ``parts``."""
        rows, version, status = 0, None, 200
        try:
            shape = self.shape(token, dataset)
            with self.reader.session() as session:
                look = Look(session, shape, versions.current(session, dataset))
                version = look.version.number
                tag = _tag(what, version, look.version.changed_at, shape.digest, token.ceiling, *parts)
                headers = _headers(tag, look.version)
                if has(request, tag):
                    status = 304
                    response = Response(None, 304, headers)
                else:
                    body, rows = work(look)
                    response = Response(body, 200, headers, "application/json")
        except Refused as refused:
            self.note(request, token, dataset, what, version, 0, refused.status)
            raise
        self.note(request, token, dataset, what, version, rows, status)
        return response

    def told(
        self, request: Request, token: Token, dataset: str, what: str, told: Any, media: str = "application/json"
    ) -> Response:
        """A small answer that is compared by its content."""
        body = json.dumps(told, ensure_ascii=False, default=str)
        tag = _tag(body)
        known = has(request, tag)
        self.note(request, token, dataset, what, None, 0, 304 if known else 200)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        return Response(None, 304, headers) if known else Response(body, 200, headers, media)

    def note(
        self, request: Request, token: Token, dataset: str, what: str, version: int | None, rows: int, status: int
    ) -> None:
        """Write down who got how much of what. A dataset that does not exist is noted without the name asked for,
        which could be anything."""
        values = {
            "token_id": token.token_id, "system": token.system, "what": what, "version": version, "rows": rows,
            "dataset": dataset if dataset in self.contracts or dataset == EVERYTHING else "?",
            "status": status, "request_id": request_id_of(request),
        }  # fmt: skip
        with self.writer.session() as session:
            session.execute(statement(self.home, "share/access"), values)


def has(request: Request, tag: str) -> bool:
    """Whether the caller says that it holds this very answer."""
    given = request.headers.get("if-none-match", "")
    known = {part.strip().removeprefix("W/") for part in given.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _tag(*parts: Any) -> str:
    """Weak, because the same answer may come compressed or not."""
    return f'W/"{hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]}"'


def _headers(tag: str, version: Version) -> dict[str, str]:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "X-Dataset-Version": str(version.number)}
    if version.changed_at is not None:
        headers["Last-Modified"] = format_datetime(version.changed_at.astimezone(UTC), usegmt=True)
    return headers


def _unknown(detail: str) -> Refused:
    return Refused(401, "token", detail, headers={"WWW-Authenticate": 'Bearer realm="lienthong"'})
