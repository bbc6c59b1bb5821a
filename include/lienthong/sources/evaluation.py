"""The index that the national portal publishes about the province: whole periods as they stand now, or nothing of them.

The API is public, undocumented and behind a web firewall: one request at a time with a pause before the next, any 2xx,
and ``code`` must be OK. ``extra`` of the connection:

    root_department_id  the portal's own key of the province
    periods             which periods of the window's day are read: month, quarter, year, previous_month (all four)
    pause               milliseconds between two requests, as "350-700" (the default) or "0"
    page_size           units of a page; default 200
    path                default ``/api/v1/reporting/evaluation/``
    snapshot            ``now`` (the default): figures carry today's date, for the portal keeps no past; ``window``: the
                        date on which the window ends, where time stands still
"""

from __future__ import annotations

import calendar
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import requests

from lienthong.batches import LOCAL, Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.settings import Settings
from lienthong.sources.evaluation_rows import METRICS, Body, Figure, Listed, figures
from lienthong.sources.failures import Refused, Unreachable
from lienthong.sources.rest import PATIENCE, TIMEOUT, TRIES, as_number, misspoken, wait_asked, whole_body
from lienthong.sources.shapes import Shape
from lienthong.sources.text import BATCH, as_text, require_columns

ENDPOINTS = {
    "CKMB": "transparency",
    "TDGQ": "dvc-progress-tree",
    "CLGQ": "provide-online-tree",
    "TTTT": "formality-online-payment-tree",
    "MDHL": "handling-satisfaction",
    "MDSH": "dossier-digitized",
}
"""Where each group is published."""
NATIONAL = "service-results"
COLUMNS = (
    "ma_don_vi", "ma_tren_cong", "ky_loai", "nam", "ky_so", "nhom", "ma_chi_tieu", "tu_so", "mau_so", "ty_le", "diem",
    "diem_toi_da", "co_chat_luong", "ngay_chup",
)  # fmt: skip
MOST_PAGES = 100
RETRY_PAUSE = 1.0  # seconds before a request that failed is sent again


@dataclass(frozen=True, slots=True)
class Period:
    """One period in our words and in the portal's; ``number`` is 0 for a year."""

    kind: str
    year: int
    number: int

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of a question."""
        kind = {"thang": "month", "quy": "quarter", "nam": "year"}[self.kind]
        return {"timeType": kind, "year": self.year} | ({kind: self.number} if self.number else {})

    @property
    def dates(self) -> dict[str, str]:
        """The same for the endpoint that takes days."""
        first, last = {
            "thang": (self.number, self.number), "quy": (3 * self.number - 2, 3 * self.number), "nam": (1, 12)
        }[self.kind]  # fmt: skip
        end = date(self.year, last, calendar.monthrange(self.year, last)[1])
        return {"fromDate": str(date(self.year, first, 1)), "toDate": str(end)}


def _month(day: date) -> Period:
    return Period("thang", day.year, day.month)


PERIODS: dict[str, Callable[[date], Period]] = {
    "month": _month,
    "quarter": lambda day: Period("quy", day.year, (day.month + 2) // 3),
    "year": lambda day: Period("nam", day.year, 0),
    "previous_month": lambda day: _month(day.replace(day=1) - timedelta(days=1)),
}
"""The period of each name that a day lies in, or that lies before it."""


class EvaluationSource:
    """``POST <base><path><endpoint>`` of seven endpoints, page by page, one after the other."""

    def __init__(self, connection: Connection) -> None:
        given = connection.extra
        self.connection = connection
        self.address = connection.base_url + str(given.get("path", "/api/v1/reporting/evaluation/"))
        self.root = str(given.get("root_department_id") or "")
        self.size = int(given.get("page_size", 200))
        self.pause = _pause(str(given.get("pause", "350-700")))
        named = given.get("periods") or list(PERIODS)
        self.periods = named.replace(",", " ").split() if isinstance(named, str) else list(named)
        self.snapshot = str(given.get("snapshot", "now"))
        wrong = None
        if not self.root:
            wrong = "extra.root_department_id is missing: the portal's own key of the province"
        elif self.pause is None:
            wrong = 'extra.pause must be milliseconds, as "350-700" or "0"'
        elif not set(self.periods) <= PERIODS.keys():
            wrong = f"extra.periods must be out of {', '.join(PERIODS)}"
        elif self.snapshot not in ("now", "window"):
            wrong = "extra.snapshot must be now or window"
        if wrong:
            raise NeedsPerson(f"Connection {connection.name!r}: {wrong}. Whoever keeps the connections can mend it.")

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Give every figure of the periods; nothing is given before all of them are whole."""
        where = f"{contract.dataset}, {self.connection.name}"
        try:
            rows = list(self._rows(window))
        except Unreachable as error:
            raise SourceDown(f"{where}: {error}") from None
        except Refused as error:
            raise SourceChanged(f"{where}: {error}") from None
        require_columns(contract, self.connection.name, Shape.header(COLUMNS))
        for start in range(0, len(rows), BATCH):
            yield [tuple(as_text(row.get(name)) for name in contract.names) for row in rows[start : start + BATCH]]

    def _rows(self, window: Window) -> Iterator[Figure]:
        taken = datetime.now(LOCAL).date() if self.snapshot == "now" else window.local_end.date()
        with requests.Session() as session:
            session.trust_env = False
            for period in dict.fromkeys(PERIODS[name](window.day) for name in self.periods):
                told = {"ky_loai": period.kind, "nam": period.year, "ky_so": period.number, "ngay_chup": taken}
                groups = [self._listed(session, period, group) for group in ENDPOINTS]
                for figure in figures(Settings.from_env().agency, self.root, self._national(session, period), groups):
                    yield {**figure, **told}

    def _national(self, session: requests.Session, period: Period) -> Body:
        """The province's own entry among all provinces."""
        data = self._data(session, NATIONAL, {**period.asked, "departmentType": "ADMINISTRATIVE_UNIT"})
        for one in _list(data, "evaluation"):
            if one.get("departmentId") == self.root:
                return one
        raise Unreachable("bảng điểm các tỉnh thiếu tỉnh nhà; số liệu chưa đủ nên không ghi nhận, sẽ đọc lại.")

    def _listed(self, session: requests.Session, period: Period, group: str) -> Listed:
        """One group of every unit, from all pages of its list."""
        endpoint, flat = ENDPOINTS[group], group in METRICS
        asked = {**(period.dates if group == "MDHL" else period.asked), "rootDepartmentId": self.root}
        units: dict[str, Body] = {}
        top: Body = {}
        for number in range(1, MOST_PAGES + 1):
            data = self._data(session, endpoint, {**asked, "currentPage": number, "pageSize": self.size})
            found = _list(data, "evaluation" if flat else "children")
            page = {str(one.get("departmentId") or ""): one for one in found}
            if "" in page:
                raise Refused(f"{endpoint}: một đơn vị không có departmentId. Nhóm dữ liệu của tỉnh xem lại cách đọc.")
            if len(page) < len(found) or page.keys() & units.keys():
                raise Unreachable(f"{endpoint}: một trang lặp lại đơn vị đã đọc; sẽ đọc lại.")
            units |= page
            top = data.get("overview" if flat else "parent") or top
            if self._last(endpoint, data, len(found), len(units)):
                break
        else:
            raise Refused(f"{endpoint}: cổng trả về quá nhiều trang.")
        own = units.pop(self.root, None)
        province = top if not flat or "metrics" in top else own
        if not province or province.get("departmentId", self.root) != self.root:
            raise Unreachable(f"{endpoint}: thiếu dòng của tỉnh; số liệu chưa đủ nên không ghi nhận, sẽ đọc lại.")
        return Listed(group, province, units)

    def _last(self, endpoint: str, data: Body, found: int, so_far: int) -> bool:
        """Whether a page is the last one; where the portal tells a total, every row of it must have come."""
        told = data.get("pagination")
        if not isinstance(told, dict) or not isinstance(told.get("total"), int):
            return found < self.size
        if so_far < told["total"] and not found:
            raise Unreachable(
                f"{endpoint}: thiếu trang, nhận {so_far} đơn vị trên {told['total']}; số liệu chưa đủ nên không ghi "
                "nhận, sẽ đọc lại."
            )
        return so_far >= int(told["total"])

    def _data(self, session: requests.Session, endpoint: str, asked: Mapping[str, Any]) -> Body:
        """The content of one answer; asked again a little later where the portal or its firewall does not give it."""
        failure = Unreachable("")
        for tries in range(1, TRIES + 1):
            low, high = self.pause or (0, 0)
            time.sleep(random.uniform(low, high) / 1000)  # noqa: S311 - manners, not secrecy
            wait = RETRY_PAUSE * tries
            try:
                with session.post(
                    self.address + endpoint, json=asked, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as response:
                    status = response.status_code
                    if 200 <= status < 300:
                        return _content(endpoint, whole_body(response))
                    if status not in (403, 429) and status < 500:
                        raise misspoken(status)
                    failure = Unreachable(f"{endpoint}: cổng hoặc tường lửa của cổng báo lỗi HTTP {status}.")
                    wait = wait_asked(response.headers.get("Retry-After")) or wait
            except requests.RequestException as error:
                failure = Unreachable(f"{endpoint}: cổng không trả lời ({type(error).__name__}).")
            except Unreachable as error:
                failure = error
            if tries == TRIES or wait > PATIENCE:
                break
            time.sleep(wait)
        raise failure from None


def _content(endpoint: str, body: bytes) -> Body:
    try:
        content = json.loads(body, parse_float=as_number)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or "code" not in content:
        raise Unreachable(f"{endpoint}: câu trả lời không đúng giao thức.")
    code, data = str(content["code"]), content.get("data")
    if code != "OK":
        shown = code if code.replace("_", "").isalnum() and len(code) <= 40 else "lạ"
        raise Unreachable(
            f"{endpoint}: cổng không cho số liệu (mã {shown}). Nếu lặp lại, quản trị viên của tỉnh kiểm tra "
            "root_department_id của kết nối."
        )
    if not isinstance(data, dict):
        raise Unreachable(f"{endpoint}: câu trả lời không có số liệu.")
    return data


def _list(data: Body, name: str) -> list[dict[str, Any]]:
    rows = data.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(f"câu trả lời không còn danh sách {name}. Nhóm dữ liệu của tỉnh đối chiếu lại cách đọc.")
    return rows


def _pause(text: str) -> tuple[float, float] | None:
    """The shortest and the longest pause in milliseconds, or None where the text is neither."""
    low, _, high = text.partition("-")
    if not low.strip().isdecimal() or not (high.strip() or low).strip().isdecimal():
        return None
    return float(low), float(high or low)
