"""The web side of the sandbox's mailbox: what arrived, as a reader of mail sees it.

    /                        mailboxes                    /api/letters            all, ?recipient= &after= &limit=
    /hop-thu?dia_chi=...     one mailbox                  /api/letters/<n>        one letter with its parts
    /thu/<n>                 one letter, its thread       /api/deliveries         every answer of 250, repetitions too
    /thu/<n>/html|text|goc   its parts                    /_control/misbehave     faults, as at the sandbox's portal
    /thu/<n>/dinh-kem/<k>    an attachment                /docs/                  Data Docs, when a folder is given

A letter's HTML is shown in a frame that may run nothing and load nothing, whatever stands in it.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from lienthong.errors import NeedsPerson
from lienthong.sandbox.mailbox_misbehaviour import MailFault, MailMisbehaviour
from lienthong.sandbox.mailbox_store import MailStore, Summary, parse
from lienthong.settings import TIMEZONE

PAGE = 50
MOST_LISTED = 1_000
LONGEST_RAW = 200_000
"""Characters of a raw letter that the page shows; the rest is in the download."""
KINDS = {
    "immediate": "Báo ngay",
    "digest": "Danh sách hằng ngày",
    "all_clear": "Đã khắc phục",
    "escalation": "Chuyển cấp",
    "summary": "Tổng hợp",
}
_COMMON = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGES = {**_COMMON, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'"}
_FRAME = {
    **_COMMON,
    # opening a link in a new window is all that a letter may do
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
}
_DOCS_POLICY = b"sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; form-action 'none'"

Changed = Callable[[], Awaitable[None]]


class Viewer:
    """The application over one store."""

    def __init__(
        self, store: MailStore, misbehaviour: MailMisbehaviour, token: str, changed: Changed, docs: Path | None
    ) -> None:
        self._store = store
        self._misbehaviour = misbehaviour
        self._token = token
        self._changed = changed
        self._docs = docs

    def application(self) -> Starlette:
        """The routes of the table above."""
        routes: list[BaseRoute] = [
            Route("/", self.mailboxes),
            Route("/health", self.health),
            Route("/hop-thu", self.mailbox),
            Route("/thu/{number:int}", self.letter),
            Route("/thu/{number:int}/html", self.html),
            Route("/thu/{number:int}/text", self.text),
            Route("/thu/{number:int}/goc", self.raw),
            Route("/thu/{number:int}/dinh-kem/{place:int}", self.attachment),
            Route("/api/letters", self.api_letters),
            Route("/api/letters/{number:int}", self.api_letter),
            Route("/api/deliveries", self.api_deliveries),
            Route("/_control/misbehave", self.control, methods=["GET", "POST", "DELETE"]),
        ]
        if self._docs is not None:
            files = StaticFiles(directory=self._docs, html=True, check_dir=False)
            routes.append(Mount("/docs", _Confined(files)))
        return Starlette(routes=routes)

    # -- pages

    def health(self, _request: Request) -> Response:
        """That the viewer answers, and how many letters there are."""
        return JSONResponse({"status": "ok", "letters": len(self._store.letters())})

    def mailboxes(self, _request: Request) -> Response:
        """Every mailbox, the newest letter first."""
        found: dict[str, dict[str, Any]] = {}
        for one in self._store.letters():
            for address in one.recipients:
                entry = found.pop(address, {"count": 0})
                found[address] = {"address": address, "count": entry["count"] + 1, "last": _row(one)}
        repeated = sum(delivery.repeats is not None for delivery in self._store.deliveries())
        boxes = list(reversed(found.values()))
        return _page("mailboxes.html", boxes=boxes, repeated=repeated, docs=self._docs is not None)

    def mailbox(self, request: Request) -> Response:
        """The letters of one mailbox, the newest first, fifty a page."""
        address = request.query_params.get("dia_chi", "")
        page = _whole(request.query_params.get("trang", "1"))
        letters = list(reversed(self._store.letters(address)))
        pages = max(1, -(-len(letters) // PAGE))
        shown = [_row(one) for one in letters[(page - 1) * PAGE : page * PAGE]]
        return _page("mailbox.html", address=address, rows=shown, total=len(letters), page=page, pages=pages)

    def letter(self, request: Request) -> Response:
        """One letter: headers, the HTML part in its frame, text, attachments, thread."""
        summary, message = self._found(request)
        raw = self._store.content(summary.number).decode("utf-8", "replace")
        return _page(
            "letter.html",
            row=_row(summary),
            summary=summary,
            headers=[(name, str(value)) for name, value in message.items()],
            text=_part(message, "plain"),
            raw=raw[:LONGEST_RAW],
            cut=len(raw) > LONGEST_RAW,
            attachments=_attachments(message),
            thread=[_row(one) for one in self._store.thread(summary.number)],
        )

    def html(self, request: Request) -> Response:
        """The HTML part as it arrived, under a policy that lets it do nothing."""
        _, message = self._found(request)
        return HTMLResponse(_part(message, "html"), headers=_FRAME)

    def text(self, request: Request) -> Response:
        """The text part."""
        _, message = self._found(request)
        return PlainTextResponse(_part(message, "plain"), headers=_COMMON)

    def raw(self, request: Request) -> Response:
        """The whole letter as a file."""
        summary, _ = self._found(request)
        headers = {**_COMMON, "Content-Disposition": f'attachment; filename="{summary.number:06d}.eml"'}
        return Response(self._store.content(summary.number), media_type="message/rfc822", headers=headers)

    def attachment(self, request: Request) -> Response:
        """One attachment as a file, whose name is never a header of its own."""
        _, message = self._found(request)
        parts = list(message.iter_attachments())
        place = request.path_params["place"]
        if not 1 <= place <= len(parts):
            raise HTTPException(404)
        part = parts[place - 1]
        name = "".join(f"%{byte:02X}" for byte in (part.get_filename() or "tep").encode("utf-8", "replace"))
        content = part.get_payload(decode=True)
        headers = {**_COMMON, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        body = content if isinstance(content, bytes) else b""
        return Response(body, media_type="application/octet-stream", headers=headers)

    # -- for programs

    def api_letters(self, request: Request) -> Response:
        """Summaries in the order of arrival, after the number ``after``."""
        query = request.query_params
        after, limit = _whole(query.get("after", "0"), 0), min(_whole(query.get("limit", "1000")), MOST_LISTED)
        found = [one for one in self._store.letters(query.get("recipient")) if one.number > after]
        return JSONResponse({"letters": [asdict(one) for one in found[:limit]], "total": len(found)})

    def api_letter(self, request: Request) -> Response:
        """One letter with its text, its HTML and the headers."""
        summary, message = self._found(request)
        headers = [[name, str(value)] for name, value in message.items()]
        parts = {"text": _part(message, "plain"), "html": _part(message, "html"), "headers": headers}
        return JSONResponse({**asdict(summary), **parts})

    def api_deliveries(self, _request: Request) -> Response:
        """Every delivery that was answered with 250, in their order."""
        return JSONResponse({"deliveries": [asdict(one) for one in self._store.deliveries()]})

    async def control(self, request: Request) -> Response:
        """Put faults in force and out of force; from this machine and with the token only."""
        if not self._token:
            return JSONResponse({"error": "no control interface: SANDBOX_MAILBOX_CONTROL_TOKEN was not set"}, 404)
        given = request.headers.get("X-Control-Token", "").encode()
        local = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
        if not local or not hmac.compare_digest(given, self._token.encode()):
            return JSONResponse({"error": "expected a call from this machine with the header X-Control-Token"}, 403)
        try:
            answer = await self._act(request)
        except NeedsPerson as error:
            return JSONResponse({"error": str(error)}, 422)
        await self._changed()
        return answer

    async def _act(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"rules": self._misbehaviour.rules()})
        if request.method == "DELETE":
            number = request.query_params.get("id")
            return JSONResponse({"removed": self._misbehaviour.remove(_whole(number) if number else None)})
        try:
            values = json.loads(await request.body())
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise NeedsPerson("Mailbox: expected a JSON object as body; found something else.")
        return JSONResponse({"id": self._misbehaviour.add(MailFault.of(values))}, 201)

    def _found(self, request: Request) -> tuple[Summary, EmailMessage]:
        summary = self._store.letter(request.path_params["number"])
        if summary is None:
            raise HTTPException(404)
        return summary, parse(self._store.content(summary.number))


class _Confined:
    """Data Docs run their own scripts, but in an origin of their own: they cannot reach the letters."""

    def __init__(self, files: StaticFiles) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", _DOCS_POLICY)]
            await send(message)

        await self._files(scope, receive, confined)


@cache
def _environment() -> Environment:
    loader = PackageLoader("lienthong.sandbox", "mailbox_pages")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _page(name: str, **values: Any) -> Response:
    return HTMLResponse(_environment().get_template(name).render(values), headers=_PAGES)


def _row(one: Summary) -> dict[str, Any]:
    """One line of a list."""
    return {
        "number": one.number,
        "address": one.recipients[0] if one.recipients else "",
        "name": one.name,
        "subject": one.subject,
        "kind": KINDS.get(one.kind, ""),
        "date": _sent(one.date),
        "arrived": _moment(one.at),
        "attachments": len(one.attachments),
    }


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(ZoneInfo(TIMEZONE)).strftime("%H:%M:%S %d/%m/%Y")


def _sent(text: str) -> str:
    """The date of a letter as people here write it; what is none stays as it came."""
    try:
        return parsedate_to_datetime(text).astimezone(ZoneInfo(TIMEZONE)).strftime("%H:%M %d/%m/%Y")
    except ValueError:
        return text


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body is not None else ""


def _attachments(message: EmailMessage) -> list[dict[str, Any]]:
    found = []
    for place, part in enumerate(message.iter_attachments(), start=1):
        content = part.get_payload(decode=True)
        size = len(content) if isinstance(content, bytes) else 0
        found.append({"place": place, "name": part.get_filename() or "tep", "kilobytes": -(-size // 1000)})
    return found


def _whole(text: str, least: int = 1) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise HTTPException(422)
    return max(least, int(text))
