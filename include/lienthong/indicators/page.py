"""The page ``docs/indicators.md`` is made from the declarations: it says what each figure is, for whoever reads one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from lienthong.indicators.declared import Indicator, declared, targets

PATH = "docs/indicators.md"
GROUPS = {
    "khoi_luong": "Khối lượng hồ sơ",
    "dung_han": "Đúng hạn, theo hai cách tính",
    "thoi_gian": "Thời gian giải quyết và bổ sung",
    "truc_tuyen": "Trực tuyến và thanh toán",
    "so_hoa": "Số hóa và kết quả điện tử",
    "hai_long": "Mức độ hài lòng",
    "phi_dia_gioi": "Phi địa giới hành chính",
    "cai_cach": "Mục tiêu cải cách",
    "trang_thiet_bi": "Trang thiết bị và mạng",
}
FORMS = {
    "count": "số lượng", "ratio": "tỷ lệ", "mean": "trung bình", "percentile": "phân vị 90, hạng gần nhất",
    "stock": "số dư cuối kỳ", "sum": "tổng",
}  # fmt: skip
BASES = {
    "received": "hồ sơ tiếp nhận trong kỳ",
    "resolved": "hồ sơ kết thúc trong kỳ",
    "pending": "hồ sơ đang giải quyết ở cuối kỳ",
    "feedback": "phản ánh gửi trong kỳ",
    "equipment": "điểm phục vụ ở cuối kỳ",
}
_HEAD = """# Các chỉ số

Trang này được tạo từ `sql/marts/indicators.yaml` và `sql/marts/targets.csv` bằng `lienthong indicators docs`; đừng sửa
trực tiếp. Mỗi chỉ số có ở cấp xã, phường, cơ quan cấp tỉnh, tổng xã, tổng cơ quan cấp tỉnh và toàn tỉnh, theo ngày,
tháng, quý, năm, và đọc được như đã biết ở bất kỳ thời điểm nào. Tỷ lệ luôn đi cùng tử số và mẫu số. Không có mẫu số
thì không có giá trị.
"""


def render(home: Path) -> str:
    """The whole page."""
    known = declared(home)
    lines = [_HEAD]
    for group, title in GROUPS.items():
        lines.append(f"## {title}\n")
        lines += [_entry(home, one) for one in known.values() if one.group == group]
    return "\n".join(lines)


def _entry(home: Path, one: Indicator) -> str:
    rows = [
        ("Mã", f"`{one.id}`"),
        ("Đơn vị tính", f"{one.unit} ({FORMS[one.form]})"),
        ("Cách tính", one.formula),
        ("Mẫu số", one.denominator_name or "không có"),
        ("Hồ sơ thuộc kỳ theo", BASES[one.base]),
        ("Cơ quan chủ trì", f"`{one.owner}`"),
        ("Nguồn", ", ".join(f"`{name}`" for name in one.sources)),
        ("Mục tiêu", _aims(home, one)),
        ("Màu", _limits(one)),
        ("Công khai", "có" if one.open else "không"),
    ]
    body = "\n".join(f"| {name} | {text} |" for name, text in rows)
    return f"### {one.name}\n\n| | |\n|---|---|\n{body}\n"


def _aims(home: Path, one: Indicator) -> str:
    own = [target for target in targets(home) if target.indicator == one.id and target.target is not None]
    return "; ".join(f"{shown(one, t.target)}{f' ({t.unit})' if t.unit else ''}: {t.note}" for t in own) or "chưa đặt"


def _limits(one: Indicator) -> str:
    if one.limits is None:
        return "không đặt ngưỡng"
    word = "từ" if one.better == "up" else "đến"
    return f"xanh {word} {shown(one, one.limits[0])}, vàng {word} {shown(one, one.limits[1])}, còn lại đỏ"


def shown(one: Indicator, value: Decimal | None) -> str:
    """A value as people of the province read it: per cent for shares, a comma before the decimals."""
    if value is None:
        return "–"
    number = value * 100 if one.unit == "%" else value
    digits = 0 if one.form in ("count", "stock", "sum") else 2
    text = f"{number:,.{digits}f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return f"{text} %" if one.unit == "%" else text
