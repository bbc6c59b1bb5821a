"""The REST service of one department: its rows by window and page, to whoever holds the key.

    GET /api/v1/ho_so?tu=2025-09-30T00:00:00&den=2025-10-01T00:00:00&trang=1&kich_thuoc=500
    X-Api-Key: <key>
    -> {"du_lieu": [{...}], "trang_sau": 2}

Rows with tu <= cap_nhat_luc < den, in the order of change; ``trang_sau`` is null on the last page. A wrong key is
answered with 401, a wrong parameter with 422 and its name, both in JSON. ``/health`` asks for no key. The shared
databases under ``/chia-se/`` are those of ``shared.service``.

    python -m lienthong.sandbox.department_service --host 127.0.0.1 --port 8766 --data FILE --api-key-env NAME
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lienthong.sandbox.columns import CURSOR, TABLES
from lienthong.sandbox.shared.service import described, rest_file, shared_page, switched
from lienthong.sandbox.switch import read_switch

MOST_ROWS = 2_000
SIZES = f"số nguyên từ 1 đến {MOST_ROWS}"
UNKNOWN = "Không có bộ dữ liệu này"
_T = TypeVar("_T")


class Refused(Exception):
    """A parameter that cannot be used."""

    def __init__(self, parameter: str, expected: str) -> None:
        super().__init__(parameter, expected)
        self.parameter, self.expected = parameter, expected


def application(data: Path, api_key: str, shared: Path | None = None) -> Starlette:
    """The service over one SQLite file, and over that of the shared databases."""

    async def health(_request: Request) -> JSONResponse:
        there = data.exists()
        return JSONResponse({"trang_thai": "ok" if there else "khong_co_du_lieu"}, 200 if there else 503)

    async def rows(request: Request) -> JSONResponse:
        dataset = request.path_params["dataset"]
        refusal = await _refusal(request, data, api_key)
        if refusal:
            return refusal
        if dataset not in {table.name for table in TABLES}:
            return _problem(404, UNKNOWN)
        return await _answer(lambda: JSONResponse(_page(data, dataset, *_window(request.query_params))))

    async def shared_rows(request: Request) -> JSONResponse:
        dataset = request.path_params["dataset"]
        refusal = await _refusal(request, switched(place, dataset), api_key)
        return refusal or await _answer(lambda: _shared_page(place, dataset, request))

    place = shared or data.with_name("chia_se.sqlite")
    routes = [Route("/api/v1/{dataset}", rows), Route("/chia-se/{dataset}", shared_rows)]
    return Starlette(routes=[Route("/health", health), *routes])


async def _refusal(request: Request, data: Path, api_key: str) -> JSONResponse | None:
    """The answer to whom the service does not serve now; None when it does."""
    switch = read_switch(data)
    await asyncio.sleep(switch.delay)
    if switch.down:
        return _problem(503, "Dịch vụ tạm ngừng")
    if not hmac.compare_digest(request.headers.get("X-Api-Key", "").encode(), api_key.encode()):
        return _problem(401, "Khóa truy cập không đúng")
    return None


async def _answer(read: Callable[[], JSONResponse]) -> JSONResponse:
    """What ``read`` gives, or the answer to a question that it cannot answer."""
    try:
        return await run_in_threadpool(read)
    except Refused as refused:
        found = {"tham_so": refused.parameter, "mong_doi": refused.expected}
        return JSONResponse({"loi": "Tham số không hợp lệ", "chi_tiet": [found]}, 422)
    except sqlite3.OperationalError:  # no file yet, or its tables are gone
        return _problem(503, "Dữ liệu chưa sẵn sàng")


def _shared_page(place: Path, dataset: str, request: Request) -> JSONResponse:
    known = described(place, dataset)
    if known is None:
        return _problem(404, UNKNOWN)
    query = request.query_params
    span = _span(query) if known.cursor else None
    size = _parameter(query, "kich_thuoc", _whole(1, MOST_ROWS), SIZES, "500")
    name = "con_tro" if known.paging == "cursor" else "trang"
    page = _parameter(query, name, _whole(1, 1_000_000_000), "số nguyên từ 1", "1")
    content, link = shared_page(place, known, span, page, size, dict(query))
    return JSONResponse(content, headers={"Link": f'<{request.url.path}?{link}>; rel="next"'} if link else None)


def _window(query: Mapping[str, str]) -> tuple[str, str, int, int]:
    start, end = _span(query)
    page = _parameter(query, "trang", _whole(1, 1_000_000), "số nguyên từ 1", "1")
    return start, end, page, _parameter(query, "kich_thuoc", _whole(1, MOST_ROWS), SIZES, "500")


def _span(query: Mapping[str, str]) -> tuple[str, str]:
    start = _parameter(query, "tu", _local_time, "thời điểm ISO, giờ địa phương, không kèm múi giờ")
    end = _parameter(query, "den", _local_time, "thời điểm ISO, giờ địa phương, không kèm múi giờ")
    if end <= start:
        raise Refused("den", "thời điểm sau tham số tu")
    return start, end


def _parameter(query: Mapping[str, str], name: str, read: Callable[[str], _T], expected: str, default: str = "") -> _T:
    try:
        return read(query.get(name, default))
    except ValueError:
        raise Refused(name, expected) from None


def _local_time(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("local wall time has no zone")
    return moment.isoformat(sep=" ", timespec="seconds")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else 0
        if not least <= value <= most:
            raise ValueError("out of range")
        return value

    return read


def _page(data: Path, dataset: str, start: str, end: str, page: int, size: int) -> dict[str, Any]:
    """One page and one row more, by which it is known whether another page follows."""
    with closing(sqlite3.connect(f"file:{data}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute(
            f"SELECT * FROM {dataset} WHERE {CURSOR} >= ? AND {CURSOR} < ? "  # noqa: S608 - one of two names
            f"ORDER BY {CURSOR}, ma_ho_so LIMIT ? OFFSET ?",
            (start, end, size + 1, (page - 1) * size),
        ).fetchall()
    return {"du_lieu": [dict(row) for row in found[:size]], "trang_sau": page + 1 if len(found) > size else None}


def _problem(status: int, message: str) -> JSONResponse:
    return JSONResponse({"loi": message}, status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C, then finish the answers under way and return 0."""
    import uvicorn  # not needed by whoever only wants the application

    parser = argparse.ArgumentParser(prog="python -m lienthong.sandbox.department_service", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="SQLite file of the department")
    parser.add_argument("--shared", type=Path, help="SQLite file of the shared databases (default: beside sqlite/)")
    parser.add_argument("--api-key-env", required=True, help="name of the variable that holds the key")
    given = parser.parse_args(arguments)
    api_key = os.environ.get(given.api_key_env, "")
    if not api_key:
        sys.stderr.write(f"{given.api_key_env} is empty: expected the key that readers must send. Set it.\n")
        return 2
    # The province keeps its units' files in sqlite/ and what is shared in shared/ beside it.
    shared = given.shared or rest_file(given.data.absolute().parent.parent)
    config = uvicorn.Config(
        application(given.data, api_key, shared), host=given.host, port=given.port, log_level="warning",
        timeout_graceful_shutdown=5,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again once it has stopped
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
