"""A unit's REST service, through requests: page by page, bounded in time and size, no redirect followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sources.text import as_text, require_columns

TIMEOUT = (10, 60)
MOST_PAGES = 100_000


class RestSource:
    """``GET <base><path>?tu=&den=&trang=&kich_thuoc=`` answers ``{"du_lieu": [...], "trang_sau": n | null}``.

    ``password`` is the key, sent as ``X-Api-Key``; ``extra.path`` holds ``{dataset}``."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = str(connection.extra.get("path", "/api/v1/{dataset}"))
        self.size = int(connection.extra.get("page_size", 500))

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Follow the pages of the window until the service says that there are no more."""
        address = self.connection.base_url + self.path.replace("{dataset}", contract.dataset)
        page: int | None = 1
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Api-Key"] = self.connection.password
            for _ in range(MOST_PAGES):
                if page is None:
                    return
                answer = self._page(session, address, contract, window, page)
                rows = answer["du_lieu"]
                if rows:
                    require_columns(contract, self.connection.name, rows[0])
                yield [tuple(as_text(row.get(name)) for name in contract.names) for row in rows]
                page = answer.get("trang_sau")
        raise SourceChanged(f"{contract.dataset}, {self.connection.name}: dịch vụ trả về quá nhiều trang.")

    def _page(
        self, session: requests.Session, address: str, contract: Contract, window: Window, page: int
    ) -> dict[str, Any]:
        bounds: dict[str, str | int] = {"tu": window.local_start.isoformat(), "den": window.local_end.isoformat()}
        where = f"{contract.dataset}, {self.connection.name}"
        try:
            response = session.get(
                address,
                params={**bounds, "trang": page, "kich_thuoc": self.size},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SourceDown(f"{where}: dịch vụ không trả lời ({type(error).__name__}).") from None
        if response.status_code in (401, 403):
            raise SourceChanged(f"{where}: khóa truy cập bị từ chối (HTTP {response.status_code}). Cấp lại khóa.")
        if response.status_code == 429 or response.status_code >= 500:
            raise SourceDown(f"{where}: dịch vụ báo lỗi HTTP {response.status_code}.")
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.status_code != 200 or not isinstance(content, dict) or not isinstance(content.get("du_lieu"), list):
            raise SourceChanged(
                f"{where}: câu trả lời không đúng giao thức (HTTP {response.status_code}). "
                "Đơn vị quản lý dịch vụ kiểm tra phiên bản."
            )
        return content
