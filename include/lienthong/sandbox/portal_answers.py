"""Answers of the portal: codes, words and the forms in which ``error_code`` circulates."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

OK = "0"
EXISTS = "3"
FAILED = "-1"
"""Session, login and unknown dossiers, as the protocol's samples have them."""
MALFORMED = "-2"
"""The message itself is wrong: not JSON, a key is missing, a value has the wrong type."""
NO_SERVICE = "-4"
INVALID = "-5"
"""A record breaks the validation profile."""
NO_UNIT = "-300"
WRONG_UNIT = "-303"

ADAPTER_WORDS = {
    400: "Yêu cầu không hợp lệ",
    401: "Chưa được xác thực với trục tích hợp",
    403: "Không có quyền gọi dịch vụ",
    404: "Không tìm thấy đích hoặc đường dẫn dịch vụ",
    405: "Phương thức không được hỗ trợ",
    413: "Thông điệp vượt quá kích thước cho phép",
    429: "Vượt quá số lượng yêu cầu cho phép",
    502: "Hệ thống đích không phản hồi",
    503: "Dịch vụ tạm ngừng",
    504: "Quá thời gian chờ hệ thống đích",
}
WEB_PAGE = (
    "<!DOCTYPE html><html><head><title>Bảo trì hệ thống</title></head>"
    "<body><h1>Hệ thống đang bảo trì</h1></body></html>"
).encode()


class Refused(Exception):
    """The portal says no, with a code and words, in HTTP 200."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class Answer:
    """Code, words and, for pulls, the keys that carry the result."""

    code: str
    message: str
    extra: dict[str, Any] = field(default_factory=dict)

    def shortened(self, keep: int) -> Answer:
        """The same answer with every list of the result cut to its first ``keep`` entries."""
        extra = {k: v[:keep] if isinstance(v, list) else v for k, v in self.extra.items()}
        return Answer(self.code, self.message, extra)

    def encode(self, code_type: str) -> bytes:
        """JSON in UTF-8 with ``error_code`` as a number, a string or padded to two digits."""
        body = {**self.extra, "error_code": _typed(self.code, code_type), "message": self.message}
        return _json(body)

    def nested(self, code_type: str) -> bytes:
        """The answer as a provincial adapter wraps it: its own success around our JSON as a string."""
        inner = self.encode(code_type).decode()
        return _json({"error_code": _typed(OK, code_type), "message": inner})


def adapter_error(status: int) -> bytes:
    """What the bus in front of the portal says: no ``error_code``, because the portal was never reached."""
    return _json({"status": status, "error": ADAPTER_WORDS.get(status, "Lỗi hệ thống trục tích hợp")})


def _typed(code: str, code_type: str) -> str | int:
    if code_type == "number" and code.lstrip("-").isdigit():
        return int(code)
    return "00" if code_type == "padded" and code == OK else code


def _json(value: object) -> bytes:
    # A lone surrogate may come back in a dossier code that a client sent: spoil that letter, not the answer.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
