"""What the page of the two definitions says of their rules."""

from __future__ import annotations

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
