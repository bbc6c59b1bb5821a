"""The portal behind its door: login, envelope, session and the services, each request in one transaction."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.portal_answers import (
    FAILED,
    MALFORMED,
    NO_SERVICE,
    NO_UNIT,
    OK,
    WRONG_UNIT,
    Answer,
    Refused,
)
from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.portal_evaluation import Body, Evaluation
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_pulls import Pulls
from lienthong.sandbox.portal_pushes import Pushes, held_row
from lienthong.sandbox.portal_sessions import Sessions
from lienthong.sandbox.portal_store import PortalStore
from lienthong.sandbox.portal_validation import Judge
from lienthong.sandbox.request_log import Delivery

LOGIN = "login"
UNKNOWN = "(unknown)"
"""Stands in the log for a service that does not exist: a client's text is not copied there."""
BAD_SESSION = "Phiên làm việc (session) không hợp lệ hoặc đã hết hạn"


class Portal:
    """Answers messages that have already been read from the wire."""

    def __init__(self, options: PortalOptions, misbehaviour: Misbehaviour | None = None) -> None:
        self.options = options
        self.misbehaviour = misbehaviour or Misbehaviour()
        self.sessions = Sessions(options.session_seconds)
        catalogue = Catalogue(options.catalogue)
        self._store = PortalStore(options.data)
        self.evaluation = Evaluation(options.madonvi, catalogue, self._store.facts)
        judge = Judge(options.profile, catalogue)
        self._pulls = Pulls(catalogue, self._store).services
        self._pushes = Pushes(options, judge, self._store, self.misbehaviour).services

    def close(self) -> None:
        """Close the data folder."""
        self._store.close()

    def service_of(self, message: object) -> str:
        """The service that a message asks for, or ``(unknown)``."""
        name = message.get("service") if isinstance(message, dict) else None
        return name if isinstance(name, str) and (name in self._pulls or name in self._pushes) else UNKNOWN

    def login(self, message: object, delivery: Delivery) -> Answer:
        """Open a session for the one account."""
        body = message if isinstance(message, dict) else {}
        given = (body.get("username"), body.get("password"))
        expected = (self.options.user, self.options.password)
        good = [_same(value, other) for value, other in zip(given, expected, strict=True)]
        if all(good):
            answer = Answer(OK, "Thành công", {"session": self.sessions.open()})
        else:
            answer = Answer(FAILED, "Tài khoản hoặc mật khẩu không đúng", {"session": ""})
        self.note(delivery, answer.code)
        return answer

    def serve(self, message: object, delivery: Delivery) -> Answer:
        """Handle one message; its effects and its line in the log are durable when this returns."""
        try:
            with self._store.transaction():
                answer = self._handle(message, delivery)
                self._store.log_request(delivery, answer.code)
        except Refused as refusal:
            answer = Answer(refusal.code, refusal.words)
            self.note(delivery, answer.code)
        except UnicodeEncodeError:
            answer = Answer(MALFORMED, "Thông điệp chứa ký tự không hợp lệ")
            self.note(delivery, answer.code)
        return answer

    def evaluate(self, endpoint: str, asked: object, delivery: Delivery) -> Body:
        """Answer one question about the index; what was counted for it and its line in the log are durable."""
        with self._store.transaction():
            answer = self.evaluation.answer(endpoint, asked)
            self._store.log_request(delivery, str(answer["code"]))
        return answer

    def note(self, delivery: Delivery, code: str = "") -> None:
        """Log a request that had no effect."""
        with self._store.transaction():
            self._store.log_request(delivery, code)

    def forget(self, codes: Sequence[str]) -> list[str]:
        """Lose dossiers that were accepted; gives those that were there."""
        with self._store.transaction():
            return [code for code in codes if self._store.forget(code)]

    def hold(self, ma_ho_so: str, fields: Mapping[str, str]) -> bool:
        """Hold a dossier in another state than was accepted, or one that nobody sent; gives whether it was there."""
        with self._store.transaction():
            body = self._store.body(ma_ho_so)
            row = held_row({**(json.loads(body) if body else {}), **fields, "MaHoSo": ma_ho_so})
            (self._store.create if body is None else self._store.replace)(row)
        return body is not None

    def _handle(self, message: object, delivery: Delivery) -> Answer:
        if not isinstance(message, dict):
            raise Refused(MALFORMED, "Thông điệp phải là một đối tượng JSON")
        self._check_caller(message)
        name = message.get("service")
        if not isinstance(name, str) or not name:
            raise Refused(MALFORMED, "Thiếu service hoặc service không phải là chuỗi")
        if name in self._pushes:
            return self._pushes[name](message, delivery)
        if name in self._pulls:
            return self._pulls[name](message)
        raise Refused(NO_SERVICE, "Dịch vụ không được hỗ trợ")

    def _check_caller(self, message: Mapping[str, Any]) -> None:
        if not self.sessions.alive(message.get("session")):
            raise Refused(FAILED, BAD_SESSION)
        unit = message.get("madonvi")
        if not isinstance(unit, str) or not unit:
            raise Refused(NO_UNIT, "Mã đơn vị (madonvi) để trống")
        own = self.options.madonvi
        if not (short_code(unit) + ".").startswith(own + "."):
            raise Refused(WRONG_UNIT, "Mã đơn vị (madonvi) không thuộc tài khoản đang dùng")


def short_code(unit: str) -> str:
    """The short form of an agency code: ``000.00.15.H15`` is ``H15.15``."""
    groups = unit.split(".")
    if set(groups[0]) != {"0"}:
        return unit
    while groups and set(groups[0]) <= {"0"}:
        groups.pop(0)
    return ".".join(reversed(groups))


def _same(given: object, expected: str) -> bool:
    text = given if isinstance(given, str) else ""
    return hmac.compare_digest(text.encode("utf-8", "replace"), expected.encode())
