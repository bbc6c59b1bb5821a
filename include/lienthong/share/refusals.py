"""Every refusal is one ``application/problem+json`` that says what was expected and repeats nothing that was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from lienthong.errors import LienThongError, TryAgain

MEDIA = "application/problem+json"
TITLES = {
    400: "Tham số không đúng", 401: "Chưa xác thực", 403: "Không có quyền", 404: "Không tìm thấy",
    405: "Phương thức không được hỗ trợ", 409: "Cần đọc lại toàn bộ", 410: "Bản ghi đã bị xóa",
    429: "Quá nhiều yêu cầu", 500: "Lỗi của hệ thống", 503: "Tạm thời chưa phục vụ được",
}  # fmt: skip


class Refused(Exception):
    """An answer that is no: status, a stable code for programs, and a sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        expected: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.expected = list(expected)
        self.headers = dict(headers or {})


def answer(request_id: str, refused: Refused) -> Response:
    """The refusal as it goes over the wire."""
    told = {
        "type": f"urn:lienthong:share:{refused.code}",
        "title": TITLES.get(refused.status, "Yêu cầu không được chấp nhận"),
        "status": refused.status,
        "detail": refused.detail,
        "expected": refused.expected,
        "request_id": request_id,
    }
    body = json.dumps(told, ensure_ascii=False)
    return Response(body, refused.status, {"Cache-Control": "no-store", **refused.headers}, MEDIA)


def of_error(error: Exception) -> Refused:
    """What a caller is told of an error; ours are told no more than that it is ours."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, TryAgain):
        detail = "Kho dữ liệu chưa trả lời. Gọi lại sau ít giây."
        return Refused(503, "unavailable", detail, headers={"Retry-After": "5"})
    if isinstance(error, LienThongError):
        return Refused(
            503, "misconfigured", "Dịch vụ chưa được cấu hình đúng; quản trị viên của tỉnh đã được ghi nhận."
        )
    return Refused(500, "internal", "Lỗi của dịch vụ. Gửi mã yêu cầu này cho nhóm dữ liệu của tỉnh.")


def of_parameters(error: RequestValidationError) -> Refused:
    """Which parameter was expected to be what."""
    expected = [_expected(found) for found in error.errors()]
    return Refused(400, "parameters", "Sửa các tham số nêu trong «expected» rồi gọi lại.", expected=expected)


def _expected(found: Mapping[str, Any]) -> str:
    limits = found.get("ctx") or {}
    sentence = {
        "missing": "phải có",
        "int_parsing": "phải là số nguyên",
        "greater_than_equal": f"phải từ {limits.get('ge')} trở lên",
        "less_than_equal": f"không được quá {limits.get('le')}",
        "string_too_long": f"không được dài quá {limits.get('max_length')} ký tự",
    }.get(str(found.get("type")), "không đúng dạng")
    return f"«{found['loc'][-1]}» {sentence}."


def of_http(error: HTTPException) -> Refused:
    """A path or method that there is not."""
    if error.status_code == 405:
        return Refused(405, "method", "Dịch vụ chỉ đọc: dùng GET.", headers=error.headers)
    return Refused(error.status_code, "path", "Không có địa chỉ này; xem /docs hoặc /openapi.json.")


def request_id_of(request: Request) -> str:
    """The id that stands in the answer, in the log and among the accesses."""
    return str(request.state.request_id)
