"""Letters as the province writes them, with the real sentences of the contracts."""

from functools import cache

from lienthong.alerts.letter import Broken, Held, Letter, Told
from lienthong.contracts import load_all
from lienthong.settings import ROOT

EA_SUP = "H15.131"
LINKS = {"console": "http://127.0.0.1:8080/lienthong/", "docs": "http://127.0.0.1:8026/docs/"}
DOWN = "Cơ sở dữ liệu của đơn vị không trả lời khi hệ thống kết nối; đã thử lại nhiều lần từ 00:15."


@cache
def contract(dataset="ho_so"):
    return load_all(ROOT / "expectations")[dataset]


def code(number, unit=EA_SUP):
    return f"{unit}-250930-{number:04d}"


def broken(rule, *numbers, count=None):
    found = next(r for r in contract().rules if r.id == rule)
    keys = tuple(code(number) for number in numbers)
    return Broken(rule, found.sentence, found.dimension, found.severity, count or len(keys), keys)


def told(**changes):
    given = {
        "problem": 41, "kind": "rows", "state": "new", "dataset": "ho_so", "title": contract().title,
        "source": EA_SUP, "source_name": "Xã Ea Súp", "first_window": "2025-09-30", "last_window": "2025-09-30",
        "since": "2025-10-01T00:21:07+07:00", "count": 11, "reason": "",
        "how_to_mend": "Sửa các hồ sơ trong danh sách ngay tại phần mềm một cửa của đơn vị, rồi lưu lại để hồ sơ có "
        "thời điểm cập nhật mới.",
        "rules": real_rules(),
    }  # fmt: skip
    return Told(**{**given, **changes})


def real_rules():
    ids = [rule.id for rule in contract().rejecting]
    named = [name for name in ids if next(r for r in contract().rules if r.id == name).sentence.startswith("«Ngày")][:2]
    number = next(r.id for r in contract().rules if "Số định danh" in r.sentence)
    return (broken(number, 7, 12, 31, 44, 58), broken(named[0], 101, 102, 115, 120), broken(named[1], 7, 131, 140))


def held(number, **changes):
    rule = next(r for r in contract().rules if "Số định danh" in r.sentence)
    given = {
        "dataset": "ho_so", "title": contract().title, "record_key": code(number), "reference": code(number),
        "window": "2025-09-30", "line": str(number), "rule": rule.id, "sentence": rule.sentence,
        "column": "so_dinh_danh", "column_title": "Số định danh", "value": "•••• (11 ký tự, đã che)",
    }  # fmt: skip
    return Held(**{**given, **changes})


def letter(kind="digest", *problems, **changes):
    given = {
        "kind": kind, "recipient": "UBND xã Ea Súp", "unit": EA_SUP, "written_at": "2025-10-01T07:30:00+07:00",
        "told": problems or (told(),), "links": LINKS,
    }  # fmt: skip
    return Letter(**{**given, **changes})


def down(**changes):
    return told(**{
        "problem": 57, "kind": "source_down", "count": 0, "rules": (), "reason": DOWN,
        "how_to_mend": "Kiểm tra máy chủ cơ sở dữ liệu và đường truyền của đơn vị; nếu vừa đổi mật khẩu hoặc địa chỉ, "
        "báo tổ dữ liệu của tỉnh cập nhật kết nối.",
        **changes,
    })  # fmt: skip


def samples():
    """One letter of each kind."""
    units = [down(problem=100 + n, source=f"H15.{100 + n}", source_name=f"Xã thứ {n}") for n in range(1, 103)]
    province = {"recipient": "Tổ dữ liệu tỉnh Đắk Lắk", "unit": ""}
    titles = ("Hồ sơ thủ tục hành chính", "Tiến trình xử lý hồ sơ")
    both = [down(problem=57 + n, title=title) for n, title in enumerate(titles)]
    return {
        "digest": letter("digest", told(), held=tuple(held(n) for n in (7, 12, 31, 44, 58))),
        "immediate": letter("immediate", *both),
        "all_clear": letter("all_clear", told(state="mended", rules=()), both[1]),
        "escalation": letter("escalation", told(state="escalated"), down(state="escalated"), **province),
        "summary": letter("summary", *units, told(count=11), told(problem=9, source="H15.102", count=3), **province),
    }
