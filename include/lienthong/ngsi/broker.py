"""Batch operations of a broker: what failed is told by ``errors``, never by the number of the answer.

201 and 204 mean that everything was taken; so does 207 with empty ``errors``, which is how Orion-LD tells of a mix of
new and old entities. With errors, only the named entities failed; an error that names none of those that were sent is
about one of them all the same. Every request is noted, with counts and codes only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lienthong.connections import Connection
from lienthong.errors import LienThongError, ReceiverRefused
from lienthong.mapi.answers import Answer, Call, Mask, hiding, noted
from lienthong.mapi.pace import Pace
from lienthong.mapi.transport import Heard, NoAnswer, NotTaken, NotThere, Transport
from lienthong.ngsi.options import Options

LINK = '<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
GOOD = ("200", "201", "204", "207")
GONE = "ResourceNotFound"
NO_CONTEXT = "LdContextNotAvailable"
NO_TENANT = "NonexistentTenant"
_PASSED = (400, 404, 409, 422, 503)
"""Statuses whose bodies say more than the number."""
_PASSING = ("InternalError", "TooManyRequests", "TooManyPending")
"""Error types that speak of the broker's state and not of the entity."""


class OtherTenant(ReceiverRefused):
    """The answer names another tenant than ours, so what was sent may lie in the wrong place."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entity, or a whole request, was not taken; ``message`` is masked."""

    kind: str
    """Last part of the error's type, as ``BadRequestData``."""
    message: str
    passing: bool
    """Whether the same entity may be taken later."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the broker said of a batch."""

    answer: Answer
    success: frozenset[str] = frozenset()
    failed: Mapping[str, Failure] = field(default_factory=dict)
    """By identifier of the entity, as it was sent."""
    nameless: Failure | None = None
    """A failure of an entity that the answer does not name, or not as it was sent."""
    whole: Failure | None = None
    """A failure of the whole request: nothing of it was taken."""


class Broker:
    """Client of one broker and tenant; safe to share between threads. ``close`` it when done.

    ``batch`` and ``gone`` raise ``NotTaken``, ``NoAnswer`` or ``ReceiverRefused``; a failure of entities is an
    answer."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.options = options = Options.of(connection)
        self._secret = connection.password
        self._pace = Pace(options.rate_per_second)
        self._transport = Transport(connection.name, connection.base_url, options, self._headers())

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def batch(
        self, operation: str, texts: Sequence[str], ids: Collection[str], calls: list[Call], *, mask: Mask,
        named: str = "",
    ) -> Told:  # fmt: skip
        """Send JSON texts about ``ids`` exactly as they are, each with the context that the style wants; ``named`` is
        for the audit trail."""
        upserting = operation == "upsert"
        written = [self._with_context(text) for text in texts] if upserting else texts
        body = f"[{','.join(written)}]".encode()
        self._pace.wait()
        with noted(calls, f"{operation} {named}".strip(), len(texts)) as note:
            heard = self._transport.converse(
                "POST",
                f"{self.options.path}/entityOperations/{operation}",
                note.request_id,
                body,
                self._context_headers(inline=upserting),
                passed=_PASSED,
            )
            told = self._read(heard, note.request_id, hiding(mask, (self._secret,)), operation, ids)
            note.heard(told.answer)
            if told.failed or told.nameless:
                note.outcome = "refused"
            return told

    def gone(self, identifier: str, calls: list[Call], *, named: str = "") -> Answer:
        """The broker's word that it holds no such entity, which must be named in it: a 404 without the name may be that
        of an address where nothing is."""
        path = f"{self.options.path}/entities/{quote(identifier, safe='')}"
        self._pace.wait()
        with noted(calls, f"entity {named}".strip(), 1) as note:
            heard = self._transport.converse("GET", path, note.request_id, passed=(404,))
            said = _json(heard.content)
            kind = _failure(said, str).kind
            absent = kind == GONE and any(identifier in str(said.get(name)) for name in ("title", "detail"))
            if heard.error is not None and not absent:
                raise heard.error
            self._check_echo(heard)
            if heard.error is None:
                raise NotThere(
                    f"{self.name}: the broker knows no deletions in batches and still holds the entity. Whoever "
                    f"maintains connection {self.name!r} asks which address deletions go to."
                )
            return note.heard(Answer(note.request_id, kind, "", datetime.now(UTC), good=(GONE,)))

    def listed(self, kind: str, calls: list[Call]) -> Iterator[dict[str, Any]]:
        """Every entity of a type, page by page in the broker's order. Raises ``NoAnswer`` where a page is no list, or
        where they are fewer than the broker tells (``NGSILD-Results-Count``)."""
        size, offset, told = self.options.records_per_page, 0, None
        while True:
            query = {"type": kind, "limit": str(size), "offset": str(offset), "count": "true"}
            heard = self._asked("list", f"{self.options.path}/entities", kind, size, query, calls)
            page = _json(heard.content)
            if not isinstance(page, list) or not all(isinstance(one, dict) and "id" in one for one in page):
                raise NoAnswer(f"{self.name}: expected a list of entities, found something else.")
            yield from page
            offset += len(page)
            count = heard.headers.get("NGSILD-Results-Count", "")
            told = int(count) if count.isascii() and count.isdigit() else told
            if not page or (len(page) < size and (told is None or offset >= told)):
                break
        if told is not None and offset < told:
            raise NoAnswer(f"{self.name}: the broker tells of {told} entities of type {kind} and listed {offset}.")

    def entity(self, identifier: str, calls: list[Call]) -> dict[str, Any] | None:
        """One entity, or None where the broker says by name that it holds none."""
        path = f"{self.options.path}/entities/{quote(identifier, safe='')}"
        heard = self._asked("entity", path, "", 1, None, calls, passed=(404,))
        said = _json(heard.content)
        if heard.error is None:
            if not isinstance(said, dict):
                raise NoAnswer(f"{self.name}: expected an entity, found something else.")
            return said
        if _failure(said, str).kind == GONE and any(identifier in str(said.get(n)) for n in ("title", "detail")):
            return None
        raise heard.error

    def _asked(
        self, service: str, path: str, named: str, records: int, query: Mapping[str, str] | None, calls: list[Call],
        passed: Collection[int] = (),
    ) -> Heard:  # fmt: skip
        self._pace.wait()
        with noted(calls, f"{service} {named}".strip(), records) as note:
            heard = self._transport.converse(
                "GET", path, note.request_id, headers=self._context_headers(inline=False), query=query, passed=passed
            )
            self._check_echo(heard)
            note.heard(_answer(note.request_id, str(heard.status), ""))
            return heard

    def weight(self, text: str) -> int:
        """Bytes that an entity takes in a batch."""
        return len(self._with_context(text).encode()) + 1

    def _headers(self) -> dict[str, str]:
        options = self.options
        tenant = {"NGSILD-Tenant": options.tenant} if options.tenant else {}
        if options.auth == "none":
            return tenant
        if not self._secret or not (self._secret.isascii() and self._secret.isprintable()):
            raise ReceiverRefused(
                f"Connection {self.name!r}: auth {options.auth!r} needs a password in plain ASCII. "
                "Whoever maintains the connection can mend it."
            )
        if options.auth == "bearer":
            return {**tenant, "Authorization": f"Bearer {self._secret}"}
        return {**tenant, options.key_header: self._secret}

    def _context_headers(self, *, inline: bool) -> dict[str, str]:
        """A batch without entities, as of a deletion, has nowhere to put a context but the header."""
        if self.options.context == "inline":
            return {"Content-Type": "application/ld+json"} if inline else {}
        return {"Link": LINK.format(url=self.options.context_url or self.options.core_context)}

    def _with_context(self, text: str) -> str:
        options = self.options
        if options.context != "inline":
            return text
        context = [options.context_url, options.core_context] if options.context_url else options.core_context
        return f'{{"@context":{json.dumps(context)},{text[1:]}'

    def _read(self, heard: Heard, request_id: str, hide: Mask, operation: str, ids: Collection[str]) -> Told:
        value = _json(heard.content)
        if heard.error is not None:
            return self._refused(heard, heard.error, value, request_id, hide, operation)
        self._check_echo(heard)
        code = str(heard.status)
        if code not in GOOD:
            raise NoAnswer(f"{self.name}: expected HTTP 201, 204 or 207, found {code}.")
        if heard.status == 204 or (heard.status == 201 and isinstance(value, list)):
            return Told(_answer(request_id, code, ""))
        errors = value.get("errors") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(errors, list):
            raise NoAnswer(f"{self.name}: expected a batch result behind HTTP {code}, found something else.")
        listed = value.get("success")
        success = frozenset(str(one) for one in listed) if isinstance(listed, list) else frozenset()
        failed: dict[str, Failure] = {}
        nameless = None
        for one in errors:
            identifier = one.get("entityId") if isinstance(one, dict) else None
            failure = _failure(one.get("error") if isinstance(one, dict) else None, hide)
            self._check_context(failure, heard)
            if isinstance(identifier, str) and identifier in ids:
                failed[identifier] = failure
            else:
                nameless = failure
        return Told(_answer(request_id, code, f"{len(errors)} errors" if errors else ""), success, failed, nameless)

    def _refused(
        self, heard: Heard, error: LienThongError, value: Any, request_id: str, hide: Mask, operation: str
    ) -> Told:
        """A request that was not taken as a whole, or the error that its status means."""
        failure = _failure(value, hide)
        self._check_context(failure, heard)
        if failure.kind == NO_TENANT:
            raise ReceiverRefused(
                f"{self.name}: the broker knows no tenant {self.options.tenant!r} (HTTP {heard.status}). "
                f"Nothing more is sent. Whoever maintains connection {self.name!r} can mend extra 'tenant'."
            )
        gone = heard.status == 404 and failure.kind == GONE and operation == "delete"
        if heard.status in (400, 409, 422) or gone:
            return Told(_answer(request_id, failure.kind or str(heard.status), failure.message), whole=failure)
        raise error

    def _check_context(self, failure: Failure, heard: Heard) -> None:
        """That the broker could get the context, which all entities have alike."""
        if failure.kind == NO_CONTEXT:
            raise NotTaken(
                f"{self.name}: the broker cannot get our context (HTTP {heard.status}). "
                f"Whoever maintains connection {self.name!r} sees to it that extra 'context_url' can be reached there."
            )

    def _check_echo(self, heard: Heard) -> None:
        """That the answer comes from our tenant."""
        wanted, echo = self.options.tenant, heard.headers.get("NGSILD-Tenant")
        if not wanted or echo == wanted or (echo is None and self.options.tenant_echo == "optional"):
            return
        found = "no tenant" if echo is None else "another tenant"
        raise OtherTenant(
            f"{self.name}: expected the answer to name tenant {wanted!r}, found {found}; what was sent may lie in "
            f"another place. Whoever maintains connection {self.name!r} can find out, and may set extra 'tenant_echo'."
        )


def _failure(error: Any, hide: Mask) -> Failure:
    given = error if isinstance(error, dict) else {}
    kind = str(given.get("type") or "").rstrip("/").rpartition("/")[2]
    words = " – ".join(text for name in ("title", "detail") if isinstance(text := given.get(name), str) and text)
    status = given.get("status")
    later = isinstance(status, int) and (status >= 500 or status in (408, 429))
    return Failure("".join(c for c in kind if c.isalnum())[:40], hide(words), kind in _PASSING or later)


def _answer(request_id: str, code: str, message: str) -> Answer:
    good: Collection[str] = GOOD
    return Answer(request_id, code, message, datetime.now(UTC), good=good)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
