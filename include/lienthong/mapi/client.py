"""The mapi protocol: one endpoint, one envelope, sessions. Source: ``docs`` of the portal, generation 2019-2025.

A session is shared by all threads, renewed before it ends and once when the receiver says that it has ended;
never more than one login is under way.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from lienthong.connections import Connection
from lienthong.errors import LienThongError, ReceiverRefused
from lienthong.mapi.masking import HIDDEN, mask
from lienthong.mapi.options import Options
from lienthong.mapi.pace import Pace
from lienthong.mapi.transport import NoAnswer, NotTaken, Transport

Mask = Callable[[str], str]

_NUMBER = re.compile(r"[+-]?\d{1,9}")
_NESTINGS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the audit trail keeps it: counts and codes, no content."""

    request_id: str
    service: str
    records: int
    outcome: str
    code: str
    message: str
    started_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. ``message`` is masked; its own words are only asked for phrases."""

    request_id: str
    code: str
    message: str
    answered_at: datetime
    result: Any = field(default=None, repr=False)
    words: str = field(default="", repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the request: 0, "0" and "00" are one code."""
        return self.code == "0"

    def says(self, *phrases: str) -> bool:
        """Whether one of the phrases occurs in the receiver's own words."""
        text = self.words.casefold()
        return any(phrase in text for phrase in phrases)


class Mapi:
    """Client of one mapi receiver; safe to share between threads. ``close`` it when done."""

    def __init__(self, connection: Connection, agency: str = "H15") -> None:
        self.name = connection.name
        self.options = Options.of(connection, agency)
        self._login = {"username": connection.login, "password": connection.password}
        self._transport = Transport(connection.name, connection.base_url, self.options)
        self._pace = Pace(self.options.rate_per_second)
        self._lock = threading.Lock()
        self._session = ""
        self._session_ends = 0.0

    def __repr__(self) -> str:
        return f"Mapi({self.name!r})"

    def close(self) -> None:
        """Close every connection; the receiver forgets the session by itself."""
        self._transport.close()

    def call(
        self,
        service: str,
        parameters: Mapping[str, str] | None = None,
        records: Sequence[str] | None = None,
        *,
        mask: Mask = mask,
        calls: list[Call] | None = None,
    ) -> Answer:
        """Ask for one service. ``records`` are JSON texts, sent exactly as they are.

        Every request made, logins included, is added to ``calls``. Raises ``NotTaken``, ``NoAnswer`` or
        ``ReceiverRefused``; an error code of the receiver is an answer, not an error."""
        made = [] if calls is None else calls
        session = self._current_session(made)
        answer = self._ask(service, session, parameters or {}, records, mask, made)
        if _session_ended(answer):
            session = self._current_session(made, instead_of=session)
            answer = self._ask(service, session, parameters or {}, records, mask, made)
            if _session_ended(answer):
                raise NotTaken(f"{self.name}: a session just opened was refused (code {answer.code}).")
        return answer

    def look_up(self, ma_ho_so: str, calls: list[Call] | None = None) -> tuple[dict[str, Any] | None, Answer]:
        """What the receiver holds under a dossier code (TraCuuHoSo), or None; raises when it does not say."""
        answer = self.call("TraCuuHoSo", {"mahoso": ma_ho_so}, calls=calls)
        if not answer.accepted:
            if answer.says("không tồn tại", "không tìm thấy"):
                return None, answer
            raise NotTaken(f"{self.name}: TraCuuHoSo was answered with code {answer.code}.")
        found = answer.result if isinstance(answer.result, list) else [answer.result]
        own = [row for row in found if isinstance(row, dict) and row.get("MaHoSo", ma_ho_so) == ma_ho_so]
        return (own[0] if own else None), answer

    def _hiding(self, mask: Mask, session: str = "") -> Mask:
        """The mask for a receiver that may repeat what we sent to identify ourselves."""
        secrets = [secret for secret in (session, self._login["password"]) if secret]
        return lambda words: mask(reduce(lambda text, secret: text.replace(secret, HIDDEN), secrets, words))

    def _ask(
        self, service: str, session: str, parameters: Mapping[str, str], records: Sequence[str] | None,
        mask: Mask, calls: list[Call],
    ) -> Answer:  # fmt: skip
        envelope = {"session": session, "madonvi": self.options.madonvi, "service": service, **parameters}
        text = json.dumps(envelope, ensure_ascii=False)
        if records is not None:
            text = f'{text[:-1]}, "data": [{",".join(records)}]}}'
        return self._post(self.options.path, service, text, len(records or ()), self._hiding(mask, session), calls)

    def _current_session(self, calls: list[Call], instead_of: str | None = None) -> str:
        """A session that should be good; a new one when the last is ``instead_of`` or near its end."""
        with self._lock:
            if not self._session or self._session == instead_of or time.monotonic() >= self._session_ends:
                self._session = ""
                self._session = self._open_session(calls)
                self._session_ends = time.monotonic() + 60 * self.options.session_minutes
            return self._session

    def _open_session(self, calls: list[Call]) -> str:
        try:
            text = json.dumps(self._login)
            answer = self._post(self.options.login_path, "login", text, 0, self._hiding(mask), calls)
        except NoAnswer as error:
            raise NotTaken(f"Login failed, nothing was sent. {error}", error.retry_after) from None
        session = answer.result
        if answer.accepted and isinstance(session, str) and session:
            return session
        raise ReceiverRefused(
            f"{self.name}: the login was refused (code {answer.code}). "
            f"Whoever maintains connection {self.name!r} can mend login and password."
        )

    def _post(self, path: str, service: str, text: str, records: int, mask: Mask, calls: list[Call]) -> Answer:
        self._pace.wait()
        request_id = str(uuid.uuid4())
        started_at, started = datetime.now(UTC), time.monotonic()
        outcome, code, message = "error", "", ""
        try:
            value = self._transport.post(path, text.encode("utf-8"), request_id)
            answer = self._read(value, request_id, mask, login=service == "login")
            outcome, code, message = ("accepted" if answer.accepted else "refused"), answer.code, answer.message
            return answer
        except LienThongError as error:
            outcome, message = _OUTCOMES.get(type(error), "not_taken"), str(error)
            raise
        finally:
            seconds = time.monotonic() - started
            calls.append(Call(request_id, service, records, outcome, code, message, started_at, seconds))

    def _read(self, value: dict[str, Any], request_id: str, mask: Mask, *, login: bool) -> Answer:
        for _ in range(_NESTINGS):
            value = _unwrapped(value)
        code = _code(value.get("error_code"))
        if code is None:
            raise NoAnswer(f"{self.name}: expected an error_code in the answer, found none that can be read.")
        words = value.get("message")
        words = words if isinstance(words, str) else ""
        result = value.get("session") if login else value.get("result", value.get("data"))
        return Answer(request_id, code, mask(words), datetime.now(UTC), result, words)


_OUTCOMES: dict[type[LienThongError], str] = {ReceiverRefused: "stopped", NoAnswer: "in_doubt"}


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """The national answer inside the ``message`` of a provincial adapter, or the answer itself."""
    text = value.get("message")
    if isinstance(text, str) and text.lstrip().startswith("{"):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return value
        if isinstance(inner, dict) and "error_code" in inner:
            return inner
    return value


def _code(value: Any) -> str | None:
    """One spelling for numbers, numeric strings and "00"; other text as it is, cut short."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return str(int(text)) if _NUMBER.fullmatch(text) else text[:20] or None


def _session_ended(answer: Answer) -> bool:
    return answer.code.startswith("-") and answer.says("session")
