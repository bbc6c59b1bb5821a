"""The public app on the wire: documents come in with a key, everybody may read what is held, faults on request.

POST /api/v1/{collection}         {"schema", "generated", "items": [{"key", "version", "document" | "deleted": true}]}
                                  -> 200 {"results": [{"key", "version", "status", "message"}]}
GET  /api/v1/{collection}[/{key}] without a key          GET / and /xa/{ma_xa}  pages for people          /_control/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lienthong.sandbox.app_receiver_log import AppStore
from lienthong.sandbox.app_receiver_page import commune, communes
from lienthong.sandbox.misbehaviour import Misbehaviour, Rule
from lienthong.sandbox.platform_options import same
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web import HTML, Exchange, TooLarge
from lienthong.sandbox.web_app import Reply, WebApp, carry_out, new_request_id, planned, read_json
from lienthong.sandbox.web_control import PREFIX, Control

API = re.compile(r"/api/v1/([a-z][a-z0-9_]{0,62})(?:/([^/]{1,200}))?")
PAGE = re.compile(r"/xa/([0-9]{1,10})")
COMMUNES = "communes"
SCHEMA = re.compile(r"dak-lak-so/1")
MOST_ITEMS = 200
LONGEST_KEY = 500
WORDS = "Nội dung {khoa} bị từ chối: dữ liệu chưa hợp lệ"


@dataclass(frozen=True, slots=True)
class ReceiverOptions:
    """Every switch of the app."""

    data: Path
    """Folder of the acceptance log; nothing is written elsewhere."""
    key: str = field(default="", repr=False)
    """Asked of whoever brings documents, in ``X-API-Key``; empty lets everybody in."""
    max_body_bytes: int = 4_000_000
    control_token: str = field(default="", repr=False)
    """Opens the control interface; without it there is none."""


class AppReceiver:
    """Answers messages that have already been read from the wire."""

    def __init__(self, options: ReceiverOptions) -> None:
        self.options = options
        self.misbehaviour = Misbehaviour(refusal=("refused", WORDS))
        self.store = AppStore(options.data)

    def close(self) -> None:
        """Close the data folder."""
        self.store.close()

    def note(self, delivery: Delivery, code: str = "") -> None:
        """Log a request that had no effect."""
        with self.store.transaction():
            self.store.log_request(delivery, code)

    def push(self, collection: str, items: list[Any], delivery: Delivery) -> Reply:
        """Take documents; effects and the line in the log are durable when this returns."""
        with self.store.transaction():
            results = [self._take(collection, item, delivery) for item in items]
            self.store.log_request(delivery, "200")
        return 200, _json({"results": results})

    def _take(self, collection: str, item: Any, delivery: Delivery) -> dict[str, Any]:
        given: dict[str, Any] = item if isinstance(item, dict) else {}
        key: Any = given.get("key")
        version: Any = given.get("version")
        document: Any = given.get("document")
        told = {"key": key, "version": version, "message": ""}
        if wrong := _wrong(key, version, document, given.get("deleted")):
            return {**told, "status": "refused", "message": wrong}
        refused = self.misbehaviour.refusal(collection, key, collection)
        if refused is not None:
            return {**told, "status": refused[0], "message": refused[1]}
        keep = not self.misbehaviour.forgets(collection, key, collection)
        return {**told, "status": self.store.accept(delivery, collection, key, version, document, keep=keep)}


class AppReceiverApp(WebApp):
    """The ASGI application of one app."""

    name = "sandbox public app"

    def __init__(self, receiver: AppReceiver) -> None:
        self._receiver = receiver
        token = receiver.options.control_token
        self._control = Control(token, "SANDBOX_APP_CONTROL_TOKEN", receiver.misbehaviour, {})

    async def route(self, exchange: Exchange) -> None:
        """Answer one HTTP request."""
        method, path = exchange.scope["method"], exchange.scope["path"]
        place, page = API.fullmatch(path), PAGE.fullmatch(path)
        if path == "/health":
            await exchange.answer(200, b'{"status":"ok"}')
        elif path.startswith(PREFIX):
            await self._control(exchange)
        elif place and method == "POST" and not place[2]:
            await self._receive(exchange, place[1])
        elif place and method == "GET":
            await exchange.answer(*self._read(place[1], place[2]))
        elif method == "GET" and (path == "/" or page):
            await self._show(exchange, page[1] if page else "")
        else:
            await exchange.answer(404, b'{"error":"not found"}')

    async def _receive(self, exchange: Exchange, collection: str) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in exchange.scope["headers"]}
        request_id = headers.get("x-request-id", "")[:200] or new_request_id()
        try:
            body = await exchange.body(self._receiver.options.max_body_bytes)
        except TooLarge:
            await self._refuse(exchange, Delivery(request_id, collection, 413, 0, ""))
            return
        if self._receiver.options.key and not same(headers.get("x-api-key"), self._receiver.options.key):
            await self._refuse(exchange, Delivery(request_id, "login", 401, 0, ""))
            return
        message = read_json(body)
        items = _items(message)
        plan = self._receiver.misbehaviour.plan(collection, _keys(items or []), collection)
        delivery = planned(collection, len(items or []), plan, request_id)

        def handle(_end: Rule | None) -> Reply:
            if items is None:
                self._receiver.note(delivery, "400")
                return 400, _json({"error": "expected schema, generated and 1 to 200 items"})
            return self._receiver.push(collection, items, delivery)

        def failure(rule: Rule) -> bytes:
            return _json({"error": self._receiver.misbehaviour.words(rule)[1]})

        await carry_out(exchange, plan, delivery, self._receiver, handle, failure)

    async def _refuse(self, exchange: Exchange, delivery: Delivery) -> None:
        self._receiver.note(delivery)
        await exchange.answer(delivery.http_status, b'{"error":"refused"}')

    def _read(self, collection: str, key: str | None) -> Reply:
        if key is None:
            return 200, _json({"items": self._receiver.store.documents(collection)})
        found = self._receiver.store.document(collection, key)
        if found is None:
            return 404, _json({"error": "not found"})
        return 200, _json({"version": found[0], "document": found[1]})

    async def _show(self, exchange: Exchange, code: str) -> None:
        if not code:
            await exchange.answer(200, communes(self._receiver.store.documents(COMMUNES)), content_type=HTML)
            return
        found = self._receiver.store.document(COMMUNES, code)
        status = 200 if found else 404
        await exchange.answer(status, commune(found[1] if found else None), content_type=HTML)


def _items(message: object) -> list[Any] | None:
    """What a request brings; None for one that is not of the form."""
    given: Mapping[str, Any] = message if isinstance(message, dict) else {}
    items, schema, generated = given.get("items"), given.get("schema"), given.get("generated")
    if not isinstance(items, list) or not 0 < len(items) <= MOST_ITEMS:
        return None
    return items if isinstance(schema, str) and SCHEMA.fullmatch(schema) and isinstance(generated, str) else None


def _keys(items: list[Any]) -> list[str]:
    return [item["key"] for item in items if isinstance(item, dict) and isinstance(item.get("key"), str)]


def _wrong(key: Any, version: Any, document: Any, deleted: Any) -> str:
    """What is wrong with one item, or an empty text."""
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        return "Thiếu key"
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        return "version phải là số nguyên từ 1"
    if deleted is True:
        return "" if document is None else "Nội dung đã xóa không có document"
    return "" if isinstance(document, dict) and document else "Thiếu document"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
