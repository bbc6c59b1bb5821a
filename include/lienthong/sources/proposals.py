"""What a change of a source would mean for its contract, as a difference of the file that a person reviews and applies.

Only the words of the contract and names and types of columns stand in it, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import unified_diff

from lienthong.contracts import Contract
from lienthong.sources.columntypes import NARROWED, RETYPED, WIDENED, logical
from lienthong.sources.shapes import ADDED, DROPPED, MOST_LINES, RENAMED, Change, shown

LONGEST = 20_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def proposed(contract: Contract, changes: Sequence[Change]) -> str:
    """Remarks in Vietnamese, each on a line that begins with ``#``, then the difference of the contract's file.

    Without a difference the contract stays as it is: what changed only has to be accepted."""
    before = _text(contract)
    lines = before
    remarks: list[str] = []
    for change in changes[:MOST_LINES]:
        lines, remark = _applied(contract, lines, change)
        remarks.append(f"# {remark}")
    name = "/".join(contract.path.parts[-3:])
    found = list(unified_diff(before, lines, f"a/{name}", f"b/{name}", lineterm=""))
    if not found:
        remarks.append("# Hợp đồng dữ liệu không phải sửa; chỉ cần xem xét và chấp nhận cấu trúc mới.")
    text = "\n".join([*remarks, *found])
    return text if len(text) <= LONGEST else f"{text[: text.rindex(chr(10), 0, LONGEST)]}\n# … (còn nữa)"


def _text(contract: Contract) -> list[str]:
    try:
        return contract.path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _applied(contract: Contract, lines: list[str], change: Change) -> tuple[list[str], str]:
    """The contract after one change, and what is to be said about it."""
    wanted = set(contract.names)
    if change.kind == ADDED:
        return _added(lines, change, change.new in wanted)
    if change.old not in wanted:
        return lines, f"{change.line} Hợp đồng không đọc cột này."
    if change.kind == RENAMED:
        return _renamed(contract, lines, change)
    if change.kind == DROPPED:
        return _without(lines, change.old), (
            f"{change.line} Nếu nguồn bỏ hẳn cột, bỏ cột trong hợp đồng cùng các quy tắc và trong {_samples(contract)}."
        )
    return _retyped(contract, lines, change)


def _added(lines: list[str], change: Change, known: bool) -> tuple[list[str], str]:
    if known:
        return lines, f"{change.line} Hợp đồng đã có cột này."
    if not _NAME.fullmatch(change.new) or shown(change.new, 0).startswith("thứ"):
        return lines, f"{change.line} Tên không dùng được trong hợp đồng; nếu cần đọc cột này, thống nhất lại tên."
    block = [
        f"- name: {change.new}",
        f"  businessName: {change.new}",
        "  description: Cột mới tại nguồn; viết tên gọi và mô tả theo văn bản quy định.",
        f"  logicalType: {logical(change.new_type) or 'string'}",
        # Until somebody has looked at it, nobody else may.
        "  classification: sensitive",
    ]
    place, margin = _behind_columns(lines)
    added = ["", *(margin + line for line in block)]
    return [*lines[:place], *added, *lines[place:]], (
        f"{change.line} Chỉ thêm vào hợp đồng nếu tỉnh cần đọc cột này; nếu không, chỉ cần chấp nhận."
    )


def _renamed(contract: Contract, lines: list[str], change: Change) -> tuple[list[str], str]:
    if not _NAME.fullmatch(change.new):
        return lines, f"{change.line} Tên mới không dùng được trong hợp đồng; đề nghị nguồn đặt lại tên cũ."
    word = re.compile(rf"(?<![\w.«]){re.escape(change.old)}(?![\w»])")
    # Names stand alone, behind a key or in a list; anywhere else the word belongs to a sentence.
    named = re.compile(rf"\s*(?:- )?(?:\w+:\s*)?(?:\[.*\]|[\"']?{re.escape(change.old)}[\"']?)\s*")
    changed = [word.sub(change.new, line) if named.fullmatch(line) else line for line in lines]
    return changed, (
        f"{change.line} Sửa tên cả trong biểu thức SQL của quy tắc và dòng tiêu đề của {_samples(contract)}; "
        "cột cũ trong kho giữ dữ liệu cũ."
    )


def _retyped(contract: Contract, lines: list[str], change: Change) -> tuple[list[str], str]:
    if change.kind == WIDENED:
        return lines, f"{change.line} Kiểm tra quy tắc về độ dài và khoảng giá trị nếu có."
    if change.kind == NARROWED:
        return lines, f"{change.line} Hỏi đơn vị quản lý nguồn: giá trị cũ có thể đã bị cắt."
    column = next(column for column in contract.columns if column.name == change.old)
    wanted = logical(change.new_type)
    # A source may keep anything as text: the rules on form look after that.
    if change.kind == RETYPED and wanted and wanted not in (column.type, "string"):
        first, last = _block(lines, change.old)
        changed = [
            re.sub(r"(logicalType:\s*)\w+", rf"\g<1>{wanted}", line) if first <= number < last else line
            for number, line in enumerate(lines)
        ]
        return changed, f"{change.line} Đổi kiểu trong hợp đồng cần một migration cho cột trong kho."
    return lines, f"{change.line} Hợp đồng giữ kiểu {column.type}; giá trị sai dạng sẽ bị giữ lại."


def _block(lines: Sequence[str], name: str) -> tuple[int, int]:
    """First line of a column's part of the file, and the first one behind it; empty when it is not found."""
    start = next((n for n, line in enumerate(lines) if re.fullmatch(rf"\s*- name: [\"']?{name}[\"']?\s*", line)), None)
    if start is None:
        return 0, 0
    margin = _margin(lines[start])
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or _margin(lines[end]) > margin):
        end += 1
    return start, end


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without(lines: list[str], name: str) -> list[str]:
    first, last = _block(lines, name)
    return [*lines[:first], *lines[last:]]


def _behind_columns(lines: list[str]) -> tuple[int, str]:
    """Behind the last column of the file, and the margin of a column; without a file, its end."""
    top = next((n for n, line in enumerate(lines) if line.strip() == "properties:"), None)
    first = next((line for line in lines[top + 1 :] if line.strip()), "") if top is not None else ""
    if top is None or not first:
        return len(lines), "      "
    margin = _margin(first)
    last = top + 1
    while last < len(lines) and (not lines[last].strip() or _margin(lines[last]) >= margin):
        last += 1
    while not lines[last - 1].strip():
        last -= 1
    return last, " " * margin


def _samples(contract: Contract) -> str:
    return contract.samples.name
