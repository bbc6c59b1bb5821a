"""The mapi protocol: one endpoint, one envelope, sessions. Source: ``docs`` of the portal, generation 2019-2025.

A session is shared by all threads, renewed before it ends and once when the receiver says that it has ended;
never more than one login is under way.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lienthong.connections import Connection
from lienthong.errors import ReceiverRefused
from lienthong.mapi.answers import Answer, Call, Mask, code_of, hiding, noted, unwrapped
from lienthong.mapi.masking import mask
from lienthong.mapi.options import Options
from lienthong.mapi.pace import Pace
from lienthong.mapi.transport import NoAnswer, NotTaken, Transport


class Unreadable(NotTaken):
    """A look-up was accepted and answered with something else than the record or an empty list."""


class Mapi:
    """Client of one mapi receiver; safe to share between threads. ``close`` it when done."""

    def __init__(self, connection: Connection, agency: str = "H15") -> None:
        self.name = connection.name
        self.options = Options.of(connection, agency)
        self._login = {"username": connection.login, "password": connection.password}
        self._transport = Transport(connection.name, connection.base_url, self.options, *_addressing(self.options))
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
        """What the receiver holds under a dossier code (TraCuuHoSo), or None for an empty list; raises when it does not
        say: ``Unreadable`` for nothing at all, or for rows of which none is the dossier's."""
        answer = self.call("TraCuuHoSo", {"mahoso": ma_ho_so}, calls=calls)
        if not answer.accepted:
            if answer.says("không tồn tại", "không tìm thấy"):
                return None, answer
            raise NotTaken(f"{self.name}: TraCuuHoSo was answered with code {answer.code}.")
        found = [answer.result] if isinstance(answer.result, dict) else answer.result
        if not isinstance(found, list):
            raise Unreadable(f"{self.name}: TraCuuHoSo was accepted and answered without a list of dossiers.")
        own = [row for row in found if isinstance(row, dict) and row and row.get("MaHoSo", ma_ho_so) == ma_ho_so]
        if found and not own:
            raise Unreadable(
                f"{self.name}: TraCuuHoSo was answered with {len(found)} rows, none of them the dossier's."
            )
        return (own[0] if own else None), answer

    def _hiding(self, mask: Mask, session: str = "") -> Mask:
        return hiding(mask, (session, self._login["password"]))

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
        with noted(calls, service, records) as note:
            value = self._transport.post(path, text.encode("utf-8"), note.request_id)
            return note.heard(self._read(value, note.request_id, mask, login=service == "login"))

    def _read(self, value: dict[str, Any], request_id: str, mask: Mask, *, login: bool) -> Answer:
        value = unwrapped(value)
        code = code_of(value.get("error_code"))
        if code is None:
            raise NoAnswer(f"{self.name}: expected an error_code in the answer, found none that can be read.")
        words = value.get("message")
        words = words if isinstance(words, str) else ""
        result = value.get("session") if login else value.get("result", value.get("data"))
        return Answer(request_id, code, mask(words), datetime.now(UTC), result, words)


def _addressing(options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query of every request; the destination's code travels in one of the two."""
    target = {k: v for k, v in (("dstcode", options.dstcode), ("providerurl", options.providerurl)) if v}
    headers = {"Charset": "utf-8"}
    return ({**headers, **target}, {}) if options.dstcode_in == "header" else (headers, target)


def _session_ended(answer: Answer) -> bool:
    return answer.code.startswith("-") and answer.says("session")
