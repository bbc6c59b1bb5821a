"""What the page of the two definitions says of on time: the reasons why a dossier counts differently, and the rules."""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, tuple[str, str]] = {
    "open": (
        "Tiếp nhận trong kỳ, chưa giải quyết xong: chỉ ở mẫu số quốc gia; còn trong hạn thì tính là đúng hạn.",
        "Received in the period and not finished: only in the national denominator, on time while within time.",
    ),
    "stopped": (
        "Đang chờ bổ sung, chờ nộp phí hoặc dừng xử lý (trạng thái 5, 6, 8): tỉnh chưa tính là đã giải quyết.",
        "Waiting for a supplement or a fee, or stopped (states 5, 6, 8): not resolved for the province.",
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
        "Công dân rút hồ sơ (trạng thái 7): tỉnh tính là đúng hạn.",
        "Withdrawn (state 7): the province counts it as on time.",
    ),
    "other": ("Lý do khác.", "Another reason."),
}
"""In the order of the page; Vietnamese and English."""

RULES = (
    (("Mẫu số", "hồ sơ tiếp nhận trong kỳ", "hồ sơ đã giải quyết trong kỳ"),
     ("Denominator", "dossiers received in the period", "dossiers resolved in the period")),
    (("So với hẹn trả", "theo giờ và phút; bằng là đúng hạn", "theo ngày; bằng là đúng hạn"),
     ("Against the due date", "to the minute; equal is on time", "by the day; equal is on time")),
    (("Chưa giải quyết xong", "so với cuối kỳ; còn trong hạn thì vào tử số", "cột riêng, không vào tỷ lệ"),
     ("Not finished", "compared at the end of the period; within time counts", "columns of their own")),
    (("Không có ngày hẹn", "so với thời hạn theo luật", "đúng hạn"),
     ("No due date", "compared with the legal limit", "on time")),
    (("Bổ sung (5)", "một lần: lúc yêu cầu là lúc kết thúc; hơn một lần: trễ", "trong hạn"),
     ("Supplement (5)", "one request: its time is the end; more than one: late", "within time")),
    (("Rút hồ sơ (7)", "kết thúc của hồ sơ đã tiếp nhận", "đúng hạn"),
     ("Withdrawn (7)", "the end of an accepted dossier", "on time")),
    (("Lúc kết thúc lấy từ", "bước trong tiến trình", "ngày ghi ở hồ sơ"),
     ("The end is taken from", "the steps", "the header")),
)  # fmt: skip
"""What each definition answers, in Vietnamese and English: the question, the nation's answer, the province's."""
