"""The console's words in Vietnamese and English: states, kinds, severities, and how days and numbers are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from lienthong.alerts.words import KINDS as LETTER_KINDS
from lienthong.alerts.words import RECEIVERS as LETTER_RECEIVERS
from lienthong.batches import LOCAL

LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Sign:
    """A state as it is shown: a sign and words, so that nothing hangs on its colour; ``tone`` is a CSS class."""

    sign: str
    tone: str
    vi: str
    en: str


# The most pressing first; the names of problems where a problem is the reason.
STATES: Mapping[str, Sign] = {
    "blocked": Sign("■", "off", "bị chặn", "blocked"),
    "schema_drift": Sign("≠", "off", "cấu trúc thay đổi", "structure changed"),
    "shrunk": Sign("▽", "off", "thiếu bất thường", "unusually short"),
    "source_down": Sign("✕", "off", "không đọc được", "cannot be read"),
    "behind": Sign("◷", "bad", "chậm", "behind"),
    "never": Sign("○", "off", "chưa có dữ liệu", "no data yet"),
    "rows": Sign("!", "hold", "có bản ghi giữ lại", "rows held"),
    "review": Sign("?", "warn", "cần xem lại", "to review"),
    "good": Sign("✓", "good", "đạt", "good"),
}
BEHIND = ("blocked", "schema_drift", "shrunk", "source_down", "behind", "never")
"""States of a source of which the newest promised window is not in the warehouse."""

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "blocked": ("off", "delivery not taken in"),
    "schema_drift": ("off", "structure of the source changed"),
    "shrunk": ("off", "source unusually short"),
    "source_down": ("off", "source cannot be read"),
    "stale": ("bad", "data is late"),
    "rows": ("hold", "rows held"),
    "conflict": ("warn", "the two sides differ"),
    "ended_code": ("warn", "codes that have ended"),
    "unreconciled": ("bad", "a receiver holds something else"),
    "warnings": ("warn", "data to review"),
}
"""Kinds of problems, the most pressing first: their tone and their English name."""

RECEIVERS: Mapping[str, str] = {
    "national_portal": "National Public Service Portal",
    "shared_platform": "Data integration and sharing platform",
    "monitoring_centre": "Monitoring and operations centre",
    "statistics_message": "Receiver of statistical messages",
    "public_app": "The people's app",
}
"""English names of receivers; the Vietnamese ones are those of letters."""

TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "severity": {"block": ("chặn cả nguồn", "blocks the source"), "quarantine": ("giữ lại bản ghi", "holds the row"),
                 "warn": ("cảnh báo", "warns")},
    "dimension": {"completeness": ("đầy đủ", "completeness"), "consistency": ("nhất quán", "consistency"),
                  "timeliness": ("kịp thời", "timeliness"), "uniqueness": ("duy nhất", "uniqueness"),
                  "validity": ("hợp lệ", "validity")},
    "delivery": {"landed": ("đã nhận", "received"), "missing": ("không có dữ liệu", "nothing came"),
                 "blocked": ("bị chặn", "blocked"), "planned": ("đang đọc", "being read")},
    "run": {"promoted": ("đã ghi vào kho", "promoted"), "open": ("đang chạy hoặc dừng giữa chừng", "open")},
    "run_kind": {"read": ("đọc từ nguồn", "reads sources"), "redrive": ("xét lại bản ghi giữ", "judges held rows")},
    "letter": {"immediate": ("thông báo ngay", "immediate"), "digest": ("bản tin trong ngày", "daily digest"),
               "all_clear": ("đã khắc phục", "all clear"), "escalation": ("quá hạn xử lý", "escalation"),
               "summary": ("tổng hợp toàn tỉnh", "summary")},
    "letter_state": {"pending": ("chờ gửi", "waiting"), "sending": ("đang gửi", "being sent"),
                     "sent": ("đã gửi", "sent"), "dead": ("không gửi được", "could not be sent")},
    "told_as": {"new": ("mới", "new"), "still": ("chưa khắc phục", "still there"), "mended": ("đã khắc phục", "mended"),
                "escalated": ("quá hạn xử lý", "overdue")},
    "untold": {"nobody": ("chưa biết báo cho ai", "nobody is known to be told"),
               "digest": ("chờ bản tin sáng ngày làm việc, từ", "waits for the digest of a working day, from"),
               "quiet": ("ngoài giờ làm việc, chờ đến", "outside office hours, waits until"),
               "ripening": ("chờ xem có tự hết không", "waits to see whether it passes"),
               "due": ("được viết trong lượt tới của DAG alerts", "is written by the next round of the DAG alerts")},
    "difference": {"missing": ("nơi nhận không còn giữ", "accepted, and no longer held"),
                   "different": ("nơi nhận giữ bản khác", "held, in another state than was accepted"),
                   "extra": ("nơi nhận giữ mà ta chưa gửi", "held, and never accepted from us"),
                   "unaccounted": ("không rõ đã gửi hay chưa", "nobody can say what became of it"),
                   "orphan": ("có biên nhận, kho không có bản ghi", "a receipt of a record that is not ours")},
    "knows": {"list": ("danh sách của nơi nhận", "the receiver's own list"),
              "comparison": ("đối chiếu hai bên", "the comparison of both sides"),
              "receipts": ("chỉ biết qua biên nhận", "receipts only")},
    "reconciled": {"never": ("chưa đối soát", "never looked at"), "otherwise": ("có sai lệch", "differs"),
                   "stopped": ("dừng: trả lời thiếu bất thường", "stopped: the answer was too short"),
                   "receipts": ("chỉ biết qua biên nhận", "known by receipts only"),
                   "partly": ("đang xem dần, chưa thấy lệch", "being looked at, nothing differs so far"),
                   "equal": ("khớp", "agrees")},
    "role": {"owner": ("chủ dữ liệu", "owner of the data"),
             "province": ("tổ dữ liệu tỉnh", "the province's data team")},
    "channel": {"email": ("thư điện tử", "mail"), "apprise": ("kênh trò chuyện", "chat")},
    "master": {"province": ("tỉnh", "the province"), "national": ("Trung ương", "the national level")},
    "mode": {"snapshot": ("toàn bộ danh sách mỗi kỳ", "the whole list each time"),
             "incremental": ("phần thay đổi trong kỳ", "what changed in the window"),
             "append": ("phần phát sinh trong kỳ", "what came in the window")},
    "content": {"goc": ("dữ liệu gốc", "original data"), "dac_ta": ("dữ liệu đặc tả", "metadata"),
                "chu": ("dữ liệu chủ", "master data"), "danh_muc": ("danh mục dùng chung", "reference data"),
                "giao_dich": ("dữ liệu giao dịch", "transaction data"), "tong_hop": ("dữ liệu tổng hợp", "aggregates"),
                "phan_tich": ("dữ liệu phân tích", "analytical data"), "mo": ("dữ liệu mở", "open data")},
    "class": {"public": ("công khai", "public"), "internal": ("nội bộ", "internal"),
              "personal": ("cá nhân", "personal"), "sensitive": ("cá nhân nhạy cảm", "sensitive")},
    "type": {"string": ("chuỗi", "text"), "integer": ("số nguyên", "whole number"), "number": ("số", "number"),
             "date": ("ngày", "date"), "timestamp": ("thời điểm", "time"), "boolean": ("có/không", "yes/no")},
    "group": {"khoi_luong": ("Khối lượng hồ sơ", "Volume"), "dung_han": ("Đúng hạn", "On time"),
              "thoi_gian": ("Thời gian giải quyết", "Processing time"), "truc_tuyen": ("Trực tuyến", "Online"),
              "so_hoa": ("Số hóa", "Digitisation"), "hai_long": ("Hài lòng", "Satisfaction"),
              "phi_dia_gioi": ("Phi địa giới", "Boundary-free"), "cai_cach": ("Mục tiêu cải cách", "Reform targets"),
              "trang_thiet_bi": ("Trang thiết bị, mạng", "Equipment and network")},
    "dossier": {"early": ("trước hạn", "early"), "on_time": ("đúng hạn", "on time"), "late": ("trễ hạn", "late"),
                "open": ("chưa xong", "not finished"), "in_time": ("trong hạn", "within time"),
                "outside": ("không tính", "not counted")},
    "part": {"numerator": ("hồ sơ ở tử số", "in the numerator"),
             "rest": ("hồ sơ ở mẫu số mà không ở tử số", "in the denominator only"),
             "denominator": ("hồ sơ ở mẫu số", "in the denominator")},
    "reason": {"nguon_khong_tra_loi": ("nguồn không trả lời", "the source did not answer"),
               "nguon_thay_doi": ("cấu trúc của nguồn thay đổi", "the source changed its structure"),
               "nguon_bi_chan": ("quá nhiều bản ghi lỗi", "too many wrong rows")},
    "turn": {"open": ("đang mở", "open"), "paused": ("tạm dừng", "paused"), "cancelled": ("đã hủy", "cancelled"),
             "done": ("đã kết thúc", "ended"), "waiting": ("chờ", "waiting"), "running": ("đang chạy", "running")},
    "act": {"asked": ("yêu cầu chạy lại", "asked for a backfill"), "paused": ("tạm dừng", "paused it"),
            "resumed": ("cho chạy tiếp", "resumed it"), "cancelled": ("hủy", "cancelled it"),
            "released": ("cho gửi", "released it"), "redrive": ("cho xét lại bản ghi giữ", "had rows judged again"),
            "resend": ("cho gửi lại", "had refused records sent again"), "waived": ("cho qua", "granted a waiver"),
            "revoked": ("rút lại cho qua", "took a waiver back"), "pledged": ("nhận xử lý", "pledged to see to it"),
            "unpledged": ("rút lại việc nhận xử lý", "took a pledge back"),
            "letter": ("cho gửi lại thư", "had letters sent again"),
            "looked": ("xem dữ liệu cá nhân của bản ghi giữ", "looked at personal data of a held row"),
            "accepted": ("chấp nhận cấu trúc", "accepted a structure")},
    "held_state": {"open": ("đang giữ", "held"), "corrected": ("đã sửa", "corrected"),
                   "waived": ("được cho qua", "waived"),
                   "withdrawn": ("nguồn đã rút", "withdrawn"), "released": ("đã nhận", "released")},
    "sending": {"pending": ("chờ gửi", "waiting"), "claimed": ("đang gửi", "being sent"),
                "in_doubt": ("chưa rõ kết quả", "in doubt"), "dead": ("bị từ chối", "refused")},
    "outcome": {"accepted": ("được nhận", "accepted"), "refused": ("bị từ chối", "refused")},
    "differs": {"changed": ("bên kia có nội dung mà ta chưa từng có", "they hold what we never had"),
                "behind": ("bên kia giữ bản cũ hoặc bản ghi đã xóa ở đây", "they hold an older or a deleted version"),
                "missing": ("bên kia thiếu bản ghi", "they lack the record"),
                "extra": ("bên kia có bản ghi mà ta chưa từng có", "they hold a record that we never had")},
}  # fmt: skip


def text(language: str, group: str, name: str) -> str:
    """One word of a closed list; a name of the future stands for itself."""
    found = TEXTS[group].get(name)
    return name if found is None else found[LANGUAGES.index(language)]


def problem(language: str, kind: str) -> str:
    """What a kind of problem is called."""
    if language == "vi" and kind in LETTER_KINDS:
        return LETTER_KINDS[kind].short
    return PROBLEMS[kind][1] if kind in PROBLEMS else kind


def receiver(language: str, name: str) -> str:
    """What a receiver is called; one without a name is called by its connection."""
    return (LETTER_RECEIVERS if language == "vi" else RECEIVERS).get(name, name)


def tone(kind: str) -> str:
    """The CSS class of a kind of problem."""
    return PROBLEMS[kind][0] if kind in PROBLEMS else "warn"


def whole(language: str, value: int | None) -> str:
    """1234 as ``1.234``, or ``1,234`` in English; nothing for None."""
    if value is None:
        return "–"
    return f"{value:,}".replace(",", ".") if language == "vi" else f"{value:,}"


def share(language: str, value: Decimal | float | None) -> str:
    """A score from 0 to 1 in per cent; what is not all is never shown as 100."""
    if value is None:
        return "–"
    exact = float(value) * 100
    shown = f"{min(exact, 99.9) if exact < 100 else exact:.1f}".removesuffix(".0")
    return (shown.replace(".", ",") if language == "vi" else shown) + "%"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(language: str, value: date | datetime | None) -> str:
    """``30/09/2025``, or ``30 Sep 2025``; of a moment its local day."""
    if value is None:
        return "–"
    local = value.astimezone(LOCAL).date() if isinstance(value, datetime) else value
    return f"{local:%d/%m/%Y}" if language == "vi" else f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment(language: str, value: datetime | None) -> str:
    """``07:30 30/09/2025``, local time."""
    return "–" if value is None else f"{value.astimezone(LOCAL):%H:%M} {day(language, value)}"


def span(language: str, value: timedelta) -> str:
    """``2 ngày``, ``6 giờ``: how long, in its largest whole unit."""
    minutes = int(value.total_seconds() // 60)
    return _in_units(language, minutes, next((size for size in _UNITS if minutes % size == 0), 1))


_UNITS: Mapping[int, tuple[str, str]] = {1440: ("ngày", "day"), 60: ("giờ", "hour"), 1: ("phút", "minute")}


def lasts(language: str, seconds: float | None) -> str:
    """About how long something takes; a dash where nothing is known of it."""
    if seconds is None:
        return "–"
    minutes = max(1, round(seconds / 60))
    hours = f"{minutes / 60:.1f}".removesuffix(".0")
    if minutes < 90:
        return f"{minutes} {'phút' if language == 'vi' else 'min'}"
    return f"{hours.replace('.', ',')} giờ" if language == "vi" else f"{hours} h"


def _in_units(language: str, minutes: int, size: int) -> str:
    number, (vi, en) = minutes // size, _UNITS[size]
    return f"{number} {vi if language == 'vi' else en if number == 1 else en + 's'}"


def age(language: str, since: datetime, now: datetime) -> str:
    """How long ago, roughly: in the largest unit of which there is one."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes == 0:
        return "vừa xong" if language == "vi" else "just now"
    shown = _in_units(language, minutes, next(size for size in _UNITS if minutes >= size))
    return shown if language == "vi" else f"{shown} ago"


def schedule(language: str, cron: str) -> str:
    """When a dataset is read; of a schedule that is not daily its own form."""
    found = re.fullmatch(r"([0-9]{1,2}) ([0-9]{1,2}) \* \* \*", cron)
    if not found:
        return cron
    at = f"{int(found[2]):02d}:{int(found[1]):02d}"
    return f"hằng ngày lúc {at}" if language == "vi" else f"daily at {at}"
