"""What the national shared platform serves of a dataset, through the gateway: every page, or none of it counts.

A page that is lost would look like records that are gone, so the rows are counted against the total that the platform
tells: a list that changed while it was read is read again, here once and then by whoever asks next.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import ReceiverRefused, SourceChanged, SourceDown, TryAgain
from lienthong.gateway import Gateway, Page
from lienthong.gateway.client import BUSY
from lienthong.mapi import Call
from lienthong.sources.failures import Refused, Unreachable
from lienthong.sources.rest import as_number
from lienthong.sources.text import as_text, require_columns

MOST_PAGES = 100_000
READ_SECONDS = 3_600
TRIES = 3
PAUSE = 0.3  # seconds before the second try of a page; four times as long before the third
PATIENCE = 60.0  # seconds that the platform may ask us to wait at once
KEEPER = "Nhóm dữ liệu của tỉnh kiểm tra tài khoản, quyền và địa chỉ của kết nối"

log = logging.getLogger(__name__)


class PlatformSource:
    """``GET <list_path>?trang=&kich_thuoc=`` of the connection, between ``tu`` and ``den`` where the contract has a
    cursor. ``calls`` has every request made, for the audit trail."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.calls: list[Call] = []

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Follow the pages of the dataset until the platform says that there are no more."""
        where = f"{contract.dataset}, {self.connection.name}"
        client = Gateway(self.connection, number=as_number)
        try:
            for rows in self._pages(client, contract, window):
                if rows:
                    require_columns(contract, self.connection.name, {name: None for row in rows for name in row})
                yield [tuple(as_text(row.get(name)) for name in contract.names) for row in rows]
        except Unreachable as error:
            raise SourceDown(f"{where}: {error}") from None
        except Refused as error:
            raise SourceChanged(f"{where}: {error}") from None
        finally:
            client.close()

    def _pages(self, client: Gateway, contract: Contract, window: Window) -> Iterator[list[dict[str, Any]]]:
        until = time.monotonic() + READ_SECONDS
        bounds = _bounds(client, contract, window)
        number, rows = 1, 0
        for _ in range(MOST_PAGES):
            if time.monotonic() > until:
                raise Unreachable(f"nền tảng trả lời quá chậm, sau {READ_SECONDS // 60} phút chưa hết trang.")
            page = self._page(client, contract.dataset, number, bounds)
            rows += len(page.rows)
            if page.next is None and page.total not in (None, rows):
                raise Unreachable(f"danh sách thay đổi trong khi đọc: nhận {rows} dòng trên {page.total}; sẽ đọc lại.")
            yield page.rows
            if page.next is None:
                return
            if page.next <= number:
                raise Refused("số trang sau không tăng. Đơn vị vận hành nền tảng kiểm tra dịch vụ.")
            number = page.next
        raise Refused("nền tảng trả về quá nhiều trang.")

    def _page(self, client: Gateway, dataset: str, number: int, bounds: Mapping[str, str]) -> Page:
        """One page; where the platform fails or asks for patience it is asked again, a little later."""
        for tries in range(1, TRIES + 1):
            wait = PAUSE * 4 ** (tries - 1)
            try:
                page, answer = client.page(dataset, number, bounds, self.calls)
                if page is not None:
                    return page
                if not answer.says(*BUSY):
                    raise Refused(
                        f"nền tảng không cung cấp bộ dữ liệu này (mã lỗi {answer.code}). {KEEPER}, hoặc hỏi đơn vị vận "
                        "hành nền tảng."
                    )
                failure = Unreachable("nền tảng báo đang bận.")
            except ReceiverRefused as error:
                log.warning("%s", error)
                raise Refused(f"nền tảng từ chối tài khoản, quyền hoặc địa chỉ của tỉnh. {KEEPER}.") from None
            except TryAgain as error:
                log.warning("%s", error)
                failure = Unreachable("nền tảng không trả lời, hoặc trả lời không đúng giao thức.")
                asked = getattr(error, "retry_after", None)
                wait = wait if asked is None else asked
            if tries == TRIES or wait > PATIENCE:
                raise failure
            time.sleep(wait)
        raise AssertionError("the loop above ends")


def _bounds(client: Gateway, contract: Contract, window: Window) -> dict[str, str]:
    """The window in local time; a list that comes whole has none."""
    if contract.cursor is None:
        return {}
    names = client.options.names
    return {names.start: window.local_start.isoformat(), names.end: window.local_end.isoformat()}
