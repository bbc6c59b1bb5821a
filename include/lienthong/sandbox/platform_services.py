"""The platform behind its door: push, pull and the look at one record, each request in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.platform_answers import FAILED, OK, Answer, Pattern, Refused
from lienthong.sandbox.platform_callers import Callers
from lienthong.sandbox.platform_edits import Edits
from lienthong.sandbox.platform_options import PlatformOptions
from lienthong.sandbox.platform_shelf import Dataset, Shelf
from lienthong.sandbox.platform_statistics import DATASET, read_message
from lienthong.sandbox.platform_store import PlatformStore, Record, Sent
from lienthong.sandbox.portal_log import canonical, digest
from lienthong.sandbox.request_log import Delivery

LOGIN, PUSH, PULL, ONE, STATISTIC = "login", "dong_bo", "tra_cuu", "ban_ghi", "thong_ke"
WORDS = "Bản ghi {khoa} bị từ chối: dữ liệu chưa hợp lệ"
ACCEPTED = "Thành công"
PAGE = 500


class Platform:
    """Answers messages that have already been read from the wire."""

    def __init__(self, options: PlatformOptions) -> None:
        self.options = options
        self.misbehaviour = Misbehaviour(refusal=(str(FAILED), WORDS))
        self.callers = Callers(options)
        self._store = PlatformStore(options.data)
        self._shelf = Shelf(options.national, self._store)
        self.edits = Edits(self._store, self._shelf)

    def close(self) -> None:
        """Close the data folder."""
        self._store.close()

    def note(self, delivery: Delivery, code: str = "") -> None:
        """Log a request that had no effect."""
        with self._store.transaction():
            self._store.log_request(delivery, code)

    def push(self, pattern: Pattern, dataset: str, message: object, delivery: Delivery) -> Answer:
        """Accept records; effects and the line in the log are durable when this returns."""
        try:
            trace, entries = self._envelope(message)
            national = self._shelf.is_national(dataset)
            with self._store.transaction():
                results = []
                for entry in entries:
                    told, newer = self._take(pattern, dataset, trace, entry, delivery)
                    results.append(told)
                    if newer and not national:
                        self._store.drop_edit(dataset, told["khoa"])
                self._store.log_request(delivery, str(OK))
        except Refused as refusal:
            return self._no(delivery, refusal.words)
        except UnicodeEncodeError:
            return self._no(delivery, "Thông điệp chứa ký tự không hợp lệ")
        return Answer(OK, ACCEPTED, {"DS_KET_QUA": results})

    def pull(self, name: str, query: Mapping[str, str], delivery: Delivery) -> Answer:
        """One page of a dataset in the order of its keys; ``tu`` counts, ``den`` does not."""
        try:
            page = _whole(query, "trang", 1, 1_000_000_000)
            size = _whole(query, "kich_thuoc", PAGE, self.options.most_records)
            bounds = _time(query, "tu"), _time(query, "den")
        except Refused as refusal:
            return self._no(delivery, refusal.words)
        found = _within(self._shelf.dataset(name), *bounds)
        start = (page - 1) * size
        following = page + 1 if start + size < len(found) else None
        self.note(delivery, str(OK))
        records = found[start : start + size]
        return Answer(OK, ACCEPTED, {"DS_BAN_GHI": records, "trang_sau": following, "tong_so": len(found)})

    def one(self, name: str, khoa: str, delivery: Delivery) -> Answer:
        """One record with the version under which it was pushed, 0 for the nation's own."""
        record = self._shelf.dataset(name).records.get(khoa)
        if record is None:
            return self._no(delivery, "Không tồn tại")
        self.note(delivery, str(OK))
        version = self._store.version(name, khoa) or 0
        return Answer(OK, ACCEPTED, {"khoa": khoa, "phien_ban": version, "ban_ghi": record})

    def statistic(self, query: Mapping[str, str], message: object, delivery: Delivery) -> Answer:
        """Accept a statistics message; its effect and the line in the log are durable when this returns."""
        try:
            sent = read_message(query, message)
            refused = self.misbehaviour.refusal(STATISTIC, sent.khoa, DATASET)
            if refused is not None:
                raise Refused(refused[1])
        except Refused as refusal:
            return self._no(delivery, refusal.words)
        with self._store.transaction():
            keep = not self.misbehaviour.forgets(STATISTIC, sent.khoa, DATASET)
            self._store.accept(delivery, delivery.request_id, DATASET, sent, keep)
            self._store.log_request(delivery, str(OK))
        return Answer(OK, ACCEPTED)

    def _no(self, delivery: Delivery, words: str) -> Answer:
        self.note(delivery, str(FAILED))
        return Answer(FAILED, words)

    def _envelope(self, message: object) -> tuple[str, list[Any]]:
        data = message.get("data") if isinstance(message, dict) else None
        if not isinstance(data, dict):
            raise Refused("Thông điệp phải là một đối tượng JSON có khóa «data»")
        trace, entries = data.get("MaGiaoDich"), data.get("DS_BAN_GHI")
        if not isinstance(trace, str) or not trace:
            raise Refused("Thiếu MaGiaoDich")
        if not isinstance(entries, list) or not entries:
            raise Refused("Thiếu DS_BAN_GHI")
        if len(entries) > self.options.most_records:
            raise Refused(f"DS_BAN_GHI vượt quá {self.options.most_records} bản ghi")
        return trace, entries

    def _take(
        self, pattern: Pattern, dataset: str, trace: str, entry: Any, delivery: Delivery
    ) -> tuple[dict[str, Any], bool]:
        """Accept one record or say why not, and whether it is held now; key and version come back as they were sent."""
        given = entry if isinstance(entry, dict) else {}
        told = {"khoa": given.get("khoa"), "phien_ban": given.get("phien_ban")}
        try:
            sent = read_record(pattern, given)
        except Refused as refusal:
            return {**told, "error_code": FAILED, "message": refusal.words}, False
        refused = self.misbehaviour.refusal(PUSH, sent.khoa, dataset)
        if refused is not None:
            code, words = refused
            return {**told, "error_code": int(code) if code.lstrip("-").isdecimal() else code, "message": words}, False
        keep = not self.misbehaviour.forgets(PUSH, sent.khoa, dataset)
        newer = self._store.accept(delivery, trace, dataset, sent, keep)
        return {**told, "error_code": OK, "message": ""}, newer and keep


def read_record(pattern: Pattern, given: Mapping[str, Any]) -> Sent:
    """A record of a push in the style of values of its pattern, or ``Refused``."""
    khoa, kind = given.get("khoa"), given.get("thao_tac")
    if not isinstance(khoa, str) or not khoa:
        raise Refused("Thiếu khoa của bản ghi")
    version = _version(given.get("phien_ban"))
    if kind == "xoa":
        return Sent(khoa, version, "", None)
    record = given.get("ban_ghi")
    if kind != "cap_nhat":
        raise Refused("thao_tac phải là cap_nhat hoặc xoa")
    if not isinstance(record, dict) or not record:
        raise Refused("Thiếu ban_ghi")
    for column, value in record.items():
        if value is None:
            raise Refused(f"Giá trị của «{column}» là null; giá trị để trống phải là chuỗi rỗng")
        if pattern is Pattern.ADAPTER and not isinstance(value, str):
            raise Refused(f"Giá trị của «{column}» phải là chuỗi")
    return Sent(khoa, version, digest(record), canonical(record))


def _version(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < 2**63:
        raise Refused("phien_ban phải là số nguyên từ 1")
    return number


def _whole(query: Mapping[str, str], name: str, default: int, most: int | None = None) -> int:
    text = query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if value < 1 or (most is not None and value > most):
        raise Refused(f"Tham số {name} không hợp lệ")
    return value


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(f"Tham số {name} không hợp lệ") from None
    if moment is not None and moment.tzinfo is not None:
        raise Refused(f"Tham số {name} không hợp lệ: giờ địa phương, không kèm múi giờ")
    return moment


def _within(dataset: Dataset, start: datetime | None, end: datetime | None) -> list[Record]:
    """The records between two moments, in the order of their keys; all of them without a cursor."""
    records = [record for _, record in sorted(dataset.records.items())]
    if not dataset.cursor or (start is None and end is None):
        return records
    return [record for record in records if _lies(record[dataset.cursor], start, end)]


def _lies(text: str, start: datetime | None, end: datetime | None) -> bool:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return False
    return (start is None or moment >= start) and (end is None or moment < end)
