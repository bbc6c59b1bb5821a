"""One client for every way to be known: pushes, pages and single records over HTTP, each call with its trace id.

HTTP 200 proves nothing: an answer counts as success only when its code says so. A token that is refused is renewed
once and the call repeated once; never more than one request for a token is under way.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lienthong.connections import Connection
from lienthong.errors import ReceiverRefused
from lienthong.gateway.auth import Token, adapter_of
from lienthong.gateway.options import Options
from lienthong.mapi.answers import Answer, Call, Mask, code_of, hiding, noted, unwrapped
from lienthong.mapi.masking import mask
from lienthong.mapi.pace import Pace
from lienthong.mapi.transport import NoAnswer, NotKnown, NotTaken, NotThere, Transport

LOGIN = "login"
"""Service of a request for a token in the audit trail; whatever else is heard comes from a data call."""
EARLY = 30.0  # seconds before its end at which a token is renewed
NOT_THERE = "404"
"""Code of an answer about one record whose address does not exist."""
BUSY = ("quá tải", "hệ thống bận", "đang bận", "đang bảo trì", "thử lại sau")

_Text = Callable[[str, Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class Said:
    """What the platform said about one version of one record; ``words`` are its own, never kept."""

    key: str
    version: str
    code: str
    message: str
    accepted: bool
    words: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows as objects, the next page or None, and how many rows the list has, if told."""

    rows: list[dict[str, Any]] = field(repr=False)
    next: int | None
    total: int | None


class Gateway:
    """Client of one platform; safe to share between threads. ``close`` it when done.

    Every method adds the requests that it made, those for tokens too, to ``calls``. They raise ``NotTaken``,
    ``NoAnswer`` or ``ReceiverRefused``; a failing code is an answer."""

    def __init__(self, connection: Connection, number: Callable[[str], Any] = float) -> None:
        self.name = connection.name
        self.options = Options.of(connection)
        self._adapter = adapter_of(connection, self.options)
        self._transport = Transport(
            connection.name, connection.base_url, self.options, *_addressing(self.options), number
        )
        self._pace = Pace(self.options.rate_per_second)
        self._lock = threading.Lock()
        self._token = Token("", 0.0)
        self._token_ends = 0.0
        self._proven = ""
        self._using: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Gateway({self.name!r})"

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def push(
        self, dataset: str, records: Sequence[str], *, mask: Mask = mask, calls: list[Call]
    ) -> tuple[Answer, list[Said]]:
        """Send JSON texts exactly as they are; gives the answer and what it says about single records."""
        names = self.options.names

        def text(trace: str, given: Mapping[str, str]) -> str:
            data = f"{{{_json(names.trace)}:{_json(trace)},{_json(names.records)}:[{','.join(records)}]}}"
            parts = [f"{_json(name)}:{_json(value)}" for name, value in given.items()]
            return "{" + ",".join([*parts, f"{_json(names.data)}:{data}"]) + "}"

        path = self.options.push_path.replace("{dataset}", quote(dataset, safe=""))
        answer = self._call(f"dong-bo {dataset}", path, calls, mask, text=text, records=len(records))
        return answer, self._said(answer, mask)

    def send(
        self, service: str, path: str, message: str, calls: list[Call], *,
        query: Mapping[str, str] | None = None, mask: Mask = mask,
    ) -> Answer:  # fmt: skip
        """Send one JSON object exactly as it is, with what the adapter wants in its body before it."""

        def text(_trace: str, given: Mapping[str, str]) -> str:
            parts = [f"{_json(name)}:{_json(value)}" for name, value in given.items()]
            return "{" + ",".join([*parts, message[1:]])

        return self._call(service, path, calls, mask, text=text, records=1, query=query)

    def look_up(
        self, dataset: str, key: str, calls: list[Call], *, mask: Mask = mask
    ) -> tuple[dict[str, Any] | None, Answer]:
        """What the platform holds under a key: ``khoa, phien_ban, ban_ghi``, or None; ``NoAnswer`` when it does not
        say, ``NotTaken`` when it is busy."""
        path = self.options.record_path.replace("{dataset}", quote(dataset, safe=""))
        path = path.replace("{khoa}", quote(key, safe=""))
        answer = self._call(f"tra-cuu {dataset}", path, calls, mask, of_one=True)
        if answer.accepted and isinstance(answer.result, dict):
            return answer.result, answer
        if not answer.accepted and self._tells_of_none(answer):
            return None, answer
        kind = NotTaken if not answer.accepted and answer.says(*BUSY) else NoAnswer
        raise kind(
            f"{self.name}: a look-up was answered with code {answer.code} and no record. If that means that the record "
            f"does not exist, whoever maintains connection {self.name!r} adds it to extra 'unknown'."
        )

    def _tells_of_none(self, answer: Answer) -> bool:
        """Whether a failing answer says that the record does not exist, in the words or codes of the connection."""
        unknown = self.options.unknown
        phrases = (text for text in unknown if not text.lstrip("-").isdecimal())
        return answer.code in (NOT_THERE, *unknown) or answer.says(*phrases)

    def page(
        self, dataset: str, number: int, bounds: Mapping[str, str], calls: list[Call]
    ) -> tuple[Page | None, Answer]:
        """One page of a dataset within ``bounds``, or None when the answer is a failure."""
        names = self.options.names
        path = self.options.list_path.replace("{dataset}", quote(dataset, safe=""))
        query = {**bounds, names.page: str(number), names.size: str(self.options.page_size)}
        answer = self._call(f"danh-sach {dataset}", path, calls, query=query)
        if not answer.accepted:
            return None, answer
        result = answer.result
        rows = result.get(names.records) if isinstance(result, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise NoAnswer(f"{self.name}: expected a list {names.records!r} of objects in the result, found none.")
        return Page(rows, self._whole(result, names.next) or None, self._whole(result, names.total)), answer

    # -- one call

    def _call(
        self, service: str, path: str, calls: list[Call], mask: Mask = mask, *,
        text: _Text | None = None, records: int = 0, query: Mapping[str, str] | None = None, of_one: bool = False,
    ) -> Answer:  # fmt: skip
        token = self._current_token(calls)
        try:
            answer = self._ask(service, path, token, calls, mask, text, records, query, of_one)
            if not self._adapter.ended(answer):
                return answer
        except NotKnown:
            pass
        token = self._current_token(calls, instead_of=token)
        try:
            answer = self._ask(service, path, token, calls, mask, text, records, query, of_one)
        except NotKnown:
            if not self._good_for_others(token):
                raise
            raise NotTaken(f"{self.name}: a token that was good has ended at once (HTTP 401).") from None
        if self._adapter.ended(answer):
            raise NotTaken(f"{self.name}: a session just opened was refused (code {answer.code}).")
        return answer

    def _ask(
        self, service: str, path: str, token: str, calls: list[Call], mask: Mask, text: _Text | None, records: int,
        query: Mapping[str, str] | None, of_one: bool,
    ) -> Answer:  # fmt: skip
        self._pace.wait()
        given = self._adapter.fields(token)
        headers = self._adapter.headers(token)
        hide = hiding(mask, self._adapter.secrets(token))
        with self._in_use(token), noted(calls, service, records) as note:
            if text is None:
                try:
                    value = self._transport.exchange(
                        "GET", path, note.request_id, headers=headers, query={**(query or {}), **given}
                    )
                except NotThere:
                    if not of_one:
                        raise
                    return note.heard(Answer(note.request_id, NOT_THERE, "", datetime.now(UTC)))
            else:
                body = text(note.request_id, given).encode("utf-8")
                value = self._transport.exchange("POST", path, note.request_id, body, headers, query)
            self._proven = token
            return note.heard(self._read(value, note.request_id, hide))

    @contextmanager
    def _in_use(self, token: str) -> Iterator[None]:
        with self._lock:
            self._using[token] += 1
        try:
            yield
        finally:
            with self._lock:
                self._using[token] -= 1
                self._using = +self._using

    def _good_for_others(self, token: str) -> bool:
        """Whether another thread has used the token with success, or still may: then a refusal says that it has ended,
        not that our credentials are wrong. Of several threads that are refused, the last finds nobody else."""
        with self._lock:
            return token == self._proven or self._using[token] > 0

    def _read(self, value: dict[str, Any], request_id: str, mask: Mask) -> Answer:
        names = self.options.names
        value = unwrapped(value, names.code, names.message)
        code = self._code(value.get(names.code))
        if code is None:
            raise NoAnswer(f"{self.name}: expected {names.code} in the answer, found none that can be read.")
        words = _words(value.get(names.message))
        result = value.get(names.result)
        return Answer(request_id, code, mask(words), datetime.now(UTC), result, words, self.options.success)

    def _code(self, value: Any) -> str | None:
        code = code_of(str(value) if isinstance(value, bool) else value)
        return None if code is None else code.casefold()

    def _said(self, answer: Answer, mask: Mask) -> list[Said]:
        names = self.options.names
        listed = answer.result.get(names.results) if isinstance(answer.result, dict) else None
        said: list[Said] = []
        for one in listed if isinstance(listed, list) else []:
            code = self._code(one.get(names.record_code)) if isinstance(one, dict) else None
            if code is not None:
                words = _words(one.get(names.record_message))
                place = str(one.get(names.key)), str(one.get(names.version))
                said.append(Said(*place, code, mask(words), code in self.options.success, words))
        return said

    def _whole(self, result: Mapping[str, Any], name: str) -> int | None:
        value = result.get(name) if name else None
        if value in (None, ""):
            return None
        if not str(value).isdecimal():
            raise NoAnswer(f"{self.name}: expected a whole number as {name!r}, found something else.")
        return int(str(value))

    # -- tokens

    def _current_token(self, calls: list[Call], instead_of: str | None = None) -> str:
        """A token that should be good; a new one when the last is ``instead_of`` or near its end."""
        with self._lock:
            known = self._token.value
            if not known or known == instead_of or time.monotonic() >= self._token_ends:
                self._token = Token("", 0.0)
                self._token = self._new_token(calls)
                self._token_ends = time.monotonic() + self._token.seconds - min(EARLY, self._token.seconds / 10)
            return self._token.value

    def _new_token(self, calls: list[Call]) -> Token:
        ask = self._adapter.ask()
        self._pace.wait()
        try:
            with noted(calls, LOGIN, 0) as note:
                path = self.options.token_path
                value = self._transport.exchange("POST", path, note.request_id, ask.body, ask.headers)
                token = self._adapter.read(value)
                note.outcome = "refused" if token is None else "accepted"
        except NoAnswer as error:
            raise NotTaken(f"The login failed, nothing was sent. {error}", error.retry_after) from None
        except ReceiverRefused as error:
            raise ReceiverRefused(f"The login was refused. {error}") from None
        if token is None and any(phrase in _words(value.get(self.options.names.message)).casefold() for phrase in BUSY):
            raise NotTaken(f"{self.name}: the platform is too busy for a login; nothing was sent.")
        if token is None:
            raise ReceiverRefused(
                f"{self.name}: the login was refused: the answer holds no token. "
                f"Whoever maintains connection {self.name!r} can mend its credentials."
            )
        return token


def _addressing(options: Options) -> tuple[dict[str, str], dict[str, str]]:
    target = {"dstcode": options.dstcode} if options.dstcode else {}
    return (target, {}) if options.dstcode_in == "header" else ({}, target)


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
