"""The Vietnamese of the letters: what each kind of problem is called, and how days, moments and numbers are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from lienthong.alerts.letter import Letter, Told, showable
from lienthong.batches import LOCAL


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of problem is spoken of; ``{n}`` is the number of records."""

    short: str
    """For the subject and for headings, without a number."""
    counted: str
    """The same with the number of records; the short form where records are not what is counted."""
    what: str
    """What has happened, as a sentence."""
    again: str
    """When the system looks again, as a sentence."""


_NEXT_WINDOW = "Sau khi đơn vị sửa tại phần mềm nguồn, hệ thống tự đọc và kiểm tra lại ở kỳ dữ liệu tiếp theo."
_NEXT_READ = "Hệ thống tự đọc lại nhiều lần trong ngày; phần dữ liệu còn thiếu được đọc bù, đơn vị không phải gửi lại."

KINDS = {
    "rows": Kind(
        "bản ghi bị giữ lại",
        "{n} bản ghi bị giữ lại",
        "{n} bản ghi chưa đạt quy tắc kiểm tra nên đang được giữ lại, chưa cập nhật vào kho dữ liệu dùng chung của "
        "tỉnh và chưa gửi đến các hệ thống của Trung ương. Các bản ghi khác vẫn được tiếp nhận bình thường.",
        _NEXT_WINDOW,
    ),
    "warnings": Kind(
        "dữ liệu cần xem lại",
        "{n} bản ghi cần xem lại",
        "Dữ liệu đã được tiếp nhận nhưng có dấu hiệu bất thường, đề nghị đơn vị xem lại.",
        _NEXT_WINDOW,
    ),
    "blocked": Kind(
        "dữ liệu của kỳ chưa được tiếp nhận",
        "dữ liệu của kỳ chưa được tiếp nhận",
        "Toàn bộ dữ liệu của kỳ này chưa được tiếp nhận. Dữ liệu đã có từ trước của đơn vị không bị thay đổi.",
        _NEXT_WINDOW,
    ),
    "source_down": Kind(
        "chưa đọc được dữ liệu",
        "chưa đọc được dữ liệu",
        "Hệ thống chưa kết nối được với nơi cung cấp dữ liệu của đơn vị. Dữ liệu đã có từ trước không bị thay đổi.",
        _NEXT_READ,
    ),
    "schema_drift": Kind(
        "cấu trúc dữ liệu đã thay đổi",
        "cấu trúc dữ liệu đã thay đổi",
        "Dữ liệu tại nguồn không còn đúng cấu trúc đã thống nhất nên chưa được tiếp nhận.",
        _NEXT_READ,
    ),
    "shrunk": Kind(
        "dữ liệu thiếu bất thường",
        "thiếu {n} bản ghi so với lần trước",
        "Nguồn không còn {n} bản ghi đã có ở lần đồng bộ trước, vượt quá tỷ lệ cho phép. Không có gì bị xóa: dữ liệu "
        "của kỳ này chưa được tiếp nhận.",
        "Khi nguồn đã đủ, hoặc khi việc giảm được xác nhận là đúng, hệ thống tiếp nhận lại kỳ này.",
    ),
    "conflict": Kind(
        "dữ liệu hai bên khác nhau",
        "{n} bản ghi khác nhau giữa hai bên",
        "Khi đối chiếu kho dữ liệu dùng chung của tỉnh với hệ thống cùng giữ các bản ghi này, {n} bản ghi không giống "
        "nhau. Bên chủ quản dữ liệu quyết định bản đúng; bản còn lại được lưu để đối chiếu.",
        "Hệ thống đối chiếu lại mỗi ngày; khi hai bên giống nhau, vấn đề tự đóng.",
    ),
    "unreconciled": Kind(
        "nơi nhận giữ khác với biên nhận",
        "{n} bản ghi ở nơi nhận khác với biên nhận",
        "Khi đối soát hằng ngày, {n} bản ghi không khớp giữa kho dữ liệu của tỉnh, biên nhận và nội dung nơi nhận đang "
        "giữ. Hệ thống không tự gửi lại.",
        "Hệ thống đối soát lại mỗi ngày; khi đã khớp, vấn đề tự đóng.",
    ),
    "ended_code": Kind(
        "mã danh mục đã hết hiệu lực",
        "{n} bản ghi dùng mã đã hết hiệu lực",
        "{n} bản ghi hiện hành còn dùng mã mà danh mục quốc gia đã kết thúc. Các bản ghi này vẫn được đồng bộ, nhưng "
        "không còn khớp với các hệ thống khác.",
        _NEXT_WINDOW,
    ),
    "stale": Kind(
        "dữ liệu chậm cập nhật",
        "dữ liệu chậm cập nhật",
        "Đã quá thời hạn cam kết mà hệ thống chưa nhận được kỳ dữ liệu mới.",
        _NEXT_READ,
    ),
}
_OTHER = Kind(
    "vấn đề dữ liệu", "vấn đề dữ liệu", "Có vấn đề với dữ liệu, đề nghị đơn vị kiểm tra.", _NEXT_WINDOW
)  # fmt: skip

RECEIVERS = {
    "national_portal": "Cổng Dịch vụ công quốc gia",
    "shared_platform": "Nền tảng tích hợp, chia sẻ dữ liệu",
    "monitoring_centre": "Trung tâm Giám sát, điều hành",
    "statistics_message": "Nơi nhận thông điệp thống kê",
    "public_app": "Ứng dụng dành cho người dân",
}
"""What receivers are called; one without a name here is called by its connection."""

STATES = {"new": "MỚI", "still": "CHƯA KHẮC PHỤC", "mended": "ĐÃ KHẮC PHỤC", "escalated": "QUÁ HẠN XỬ LÝ"}


def kind(told: Told) -> Kind:
    """How this problem is spoken of; a kind of the future is at least called a problem."""
    return KINDS.get(told.kind, _OTHER)


def counted(told: Told) -> str:
    """The problem in a few words, with its number where there is one."""
    words = kind(told)
    return words.counted.format(n=number(told.count)) if told.count > 0 else words.short


def happened(told: Told) -> str:
    """What happened, as a sentence."""
    if told.kind == "rows" and told.count <= 0:
        return "Có bản ghi chưa đạt quy tắc kiểm tra nên đang được giữ lại."
    if told.kind in ("conflict", "ended_code", "shrunk", "unreconciled") and told.count <= 0:
        return f"Ghi nhận: {kind(told).short}."
    return kind(told).what.format(n=number(told.count))


def number(value: int) -> str:
    """1234 as ``1.234``."""
    return f"{value:,}".replace(",", ".")


def day(text: str) -> str:
    """An ISO date as 30/09/2025; what is none, made showable."""
    try:
        return date.fromisoformat(text).strftime("%d/%m/%Y")
    except ValueError:
        return showable(text, 40)


def span(first: str, last: str) -> str:
    """``ngày 30/09/2025``, or from which day to which; empty for a problem without a window."""
    first, last = first or last, last or first
    if not first:
        return ""
    return f"ngày {day(first)}" if first == last else f"từ ngày {day(first)} đến ngày {day(last)}"


def moment(text: str, between: str = " ngày ") -> str:
    """An ISO timestamp as ``07:30 ngày 30/09/2025``, in local time."""
    try:
        return datetime.fromisoformat(text).astimezone(LOCAL).strftime(f"%H:%M{between}%d/%m/%Y")
    except ValueError:
        return showable(text, 40)


def long_day(text: str) -> str:
    """An ISO timestamp as ``ngày 30 tháng 9 năm 2025``, the date line of an official letter."""
    try:
        local = datetime.fromisoformat(text).astimezone(LOCAL)
    except ValueError:
        return showable(text, 40)
    month = f"{local.month:02d}" if local.month < 3 else str(local.month)
    return f"ngày {local.day:02d} tháng {month} năm {local.year}"


# -- the subject

LONGEST_SUBJECT = 120


def subject(letter: Letter) -> str:
    """What and where, in at most 120 characters on one line; never a record's key or value."""
    told = _spoken_of(letter)
    if letter.kind == "summary":
        words = f"Tổng hợp toàn tỉnh: {_summed(told)}"
    elif letter.kind == "escalation":
        words = f"Quá hạn xử lý: {_each(told)}"
    elif letter.kind == "all_clear":
        words = f"{_place(letter)}: đã khắc phục – {_titled(told)}"
    else:
        words = f"{_place(letter)}: {_each(told)}"
    days = _days(told)
    # "=?" would begin an encoded word, which mail programs decode
    return showable(
        _fitting(f"[Liên Thông] {words}".replace("=?", "= ?"), f", {days}" if days else ""), LONGEST_SUBJECT
    )


def _spoken_of(letter: Letter) -> tuple[Told, ...]:
    """The problems for which the letter was written; others only stand in it."""
    if letter.kind == "escalation":
        return tuple(told for told in letter.told if told.state == "escalated") or letter.told
    if letter.kind == "all_clear":
        return letter.told
    return tuple(told for told in letter.told if told.state != "mended") or letter.told


def _fitting(words: str, days: str) -> str:
    """The days are kept whole, the words before them are shortened."""
    room = LONGEST_SUBJECT - len(days)
    return (words if len(words) <= room else f"{words[: room - 1].rstrip()}…") + days


def _place(letter: Letter) -> str:
    names = {told.source_name for told in letter.told if told.source_name}
    name = names.pop() if len(names) == 1 else letter.recipient.removeprefix("UBND ")
    shown = showable(name, 40)
    return shown[:1].upper() + shown[1:]


def _days(told: tuple[Told, ...]) -> str:
    days = sorted({w for item in told for w in (item.first_window, item.last_window) if w})
    return span(days[0], days[-1]) if days else ""


def _each(told: tuple[Told, ...]) -> str:
    """The problems in a few words, equal ones once, two at most by name."""
    counts: dict[str, int] = {}
    for item in told:
        counts[item.kind] = counts.get(item.kind, 0) + max(item.count, 0)
    first = {item.kind: item for item in reversed(told)}
    phrases = [_total(first[name], count) for name, count in counts.items()]
    rest = f" và {len(phrases) - 2} loại vấn đề khác" if len(phrases) > 2 else ""
    return ", ".join(phrases[:2]) + rest if phrases else "thông báo về dữ liệu"


def _total(told: Told, count: int) -> str:
    words = kind(told)
    return words.counted.format(n=number(count)) if count > 0 else words.short


def _titled(told: tuple[Told, ...]) -> str:
    titles = list(dict.fromkeys(showable(item.title, 50) for item in told if item.title))
    rest = f" và {len(titles) - 2} cơ sở dữ liệu khác" if len(titles) > 2 else ""
    return ", ".join(titles[:2]) + rest if titles else "dữ liệu"


def _summed(told: tuple[Told, ...]) -> str:
    """How many units have the most frequent problems."""
    units: dict[str, set[str]] = {}
    first: dict[str, Told] = {}
    for item in told:
        units.setdefault(item.kind, set()).add(item.source)
        first.setdefault(item.kind, item)
    order = sorted(units, key=lambda name: -len(units[name]))
    phrases = [f"{number(len(units[name]))} đơn vị {_of_units(first[name])}" for name in order]
    rest = f" và {len(phrases) - 2} loại vấn đề khác" if len(phrases) > 2 else ""
    return "; ".join(phrases[:2]) + rest if phrases else "không có vấn đề nào"


def _of_units(told: Told) -> str:
    short = kind(told).short
    return short if told.kind == "source_down" else f"có {short}"
