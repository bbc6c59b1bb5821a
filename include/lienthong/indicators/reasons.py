"""Why the two definitions of on time count one dossier differently, in words; ``dossiers_reason.sql`` finds which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from psycopg import sql

from lienthong.warehouse.statements import statement

REASONS: Mapping[str, tuple[str, str]] = {
    "open": (
        "Tiếp nhận trong kỳ, chưa giải quyết xong: chỉ ở mẫu số quốc gia; còn trong hạn thì tính là đúng hạn.",
        "Received in the period and not finished: only in the national denominator, on time while within time.",
    ),
    "supplement": (
        "Đang chờ bổ sung (trạng thái 5): quốc gia lấy lúc yêu cầu làm lúc kết thúc; tỉnh coi là trong hạn, "
        "chưa tính là đã giải quyết.",
        "Waiting for a supplement (state 5): the national end is the request; for the province within time, and not "
        "resolved.",
    ),
    "stopped": (
        "Chờ nộp phí hoặc dừng xử lý (trạng thái 6, 8): quốc gia so với hạn; tỉnh coi là trong hạn, "
        "chưa tính là đã giải quyết.",
        "Waiting for a fee, or stopped (states 6, 8): compared with its limit nationally; for the province within "
        "time, and not resolved.",
    ),
    "refused": (
        "Bị từ chối sau khi đã tiếp nhận: quốc gia vẫn tính, tỉnh không tính.",
        "Refused after it was accepted: counted nationally, not by the province.",
    ),
    "ended_later": (
        "Tiếp nhận trong kỳ, giải quyết xong sau kỳ: chỉ ở mẫu số quốc gia của kỳ này.",
        "Received in the period, finished after it: only in the national denominator of this period.",
    ),
    "received_before": (
        "Tiếp nhận từ kỳ trước, giải quyết xong trong kỳ: chỉ ở mẫu số của tỉnh.",
        "Received before the period, finished in it: only in the province's denominator.",
    ),
    "no_end_date": (
        "Tiến trình đã có bước kết thúc nhưng hồ sơ chưa ghi ngày kết thúc: tỉnh chưa tính là đã giải quyết.",
        "There is a closing step, but the header says no end: not resolved for the province.",
    ),
    "no_closing_step": (
        "Hồ sơ ghi đã kết thúc nhưng tiến trình chưa có bước kết thúc: quốc gia coi là chưa xong.",
        "The header says it ended, but no step closes it: not finished by the national definition.",
    ),
    "time_of_day": (
        "Xong đúng ngày hẹn nhưng sau giờ hẹn: quốc gia so cả giờ nên trễ, tỉnh so theo ngày nên đúng hạn.",
        "Finished on the due day but after the hour: the national definition compares hours, the province days.",
    ),
    "waiting_taken_off": (
        "Xong sau ngày hẹn, nhưng cách quốc gia trừ thời gian chờ bổ sung nên đúng hạn.",
        "Finished after the due day; the national definition takes the waiting for a supplement off.",
    ),
    "two_ends": (
        "Ngày kết thúc ghi ở hồ sơ khác ngày của bước kết thúc trong tiến trình.",
        "The end that the header says is another day than that of the closing step.",
    ),
    "no_due_date": (
        "Không có ngày hẹn trả: quốc gia so với thời hạn theo luật, tỉnh coi là đúng hạn.",
        "No due date: the national definition takes the legal limit, the province counts it as on time.",
    ),
    "withdrawn": (
        "Công dân rút hồ sơ (trạng thái 7): tỉnh tính là đúng hạn, quốc gia so lúc rút với hạn.",
        "Withdrawn (state 7): on time for the province; nationally the withdrawal is compared with the limit.",
    ),
    "other": (
        "Lý do khác; xem tiến trình của hồ sơ.",
        "Another reason; see the steps of the dossier.",
    ),
}
"""In the order in which pages list them; Vietnamese and English."""


def reason(home: Path) -> sql.Composed:
    """The reason of a dossier, as a part of a statement."""
    return sql.SQL("({})").format(statement(home, "marts/dossiers_reason"))
