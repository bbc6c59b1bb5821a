"""The same letter gives the same bytes: a subject, a text part, an HTML part and, with rows to list, a workbook.

Everything that a letter brings is made showable once more and escaped by the templates, which come with the package;
so what departments or sources write can be read in a mail but never acts in one.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from lienthong.alerts import words
from lienthong.alerts.attachment import workbook
from lienthong.alerts.letter import Broken, Letter, Told, showable, showable_code

WIDTH = 76
"""Characters of a line of the text part."""
MOST_PROBLEMS = 40
MOST_RULES = 25
MOST_KEYS = 10
MOST_LINES = 240
"""Lines of all tables together; a letter beyond 100,000 bytes is cut by some mail programs."""
MANY = 8
"""Problems of one kind and dataset from which on they are one table, a unit a line."""
MOST_NOTES = 10
MOST_CHANGES = 10
MOST_PROPOSALS = 5
"""Changes of contracts that one letter proposes; the rest is a question to the command."""
_SENTENCE = 600
_NAME = 120
_GENERAL = frozenset({"summary", "escalation"})
"""Letters to the province's data team, which sees counts and no keys of rows that belong to others."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One letter as it leaves; ``attachment`` is an .xlsx workbook or None, then its name is empty."""

    subject: str
    text: str
    html: str
    attachment: bytes | None
    attachment_name: str


def render(letter: Letter, installation: str = "") -> Rendered:
    """The letter in Vietnamese; ``installation`` names who sends it, for the footer."""
    view = _view(letter, installation)
    html = _environment().get_template("letter.html").render(view)
    text = _environment().get_template("letter.txt").render(view)
    listed = letter.held if letter.kind not in _GENERAL else ()
    return Rendered(
        view["subject"],
        _tidy(text),
        html,
        workbook(listed, letter.held_left_out) if listed else None,
        _file_name(letter) if listed else "",
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lienthong.alerts"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fold"] = _fold
    return environment


def _fold(text: str, indent: int = 0, hanging: str = "") -> str:
    """A paragraph of the text part; ``hanging`` stands before its first line, the rest is indented below it."""
    margin = " " * indent
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=margin + hanging,
        subsequent_indent=margin + " " * len(hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _tidy(text: str) -> str:
    """No spaces at line ends, and never more than one empty line."""
    lines: list[str] = []
    for line in (given.rstrip() for given in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


# -- what the templates see: words only


def _view(letter: Letter, installation: str) -> dict[str, Any]:
    cards, rest = _split(letter)
    proposing = [item.problem for item in cards if item.proposal][:MOST_PROPOSALS]
    return {
        "kind": letter.kind,
        "subject": words.subject(letter),
        "recipient": showable(letter.recipient, _NAME),
        "dated": words.long_day(letter.written_at),
        "title": _TITLES.get(letter.kind, "Thông báo về dữ liệu"),
        "opening": _opening(letter),
        "problems": [_problem(letter, item, propose=item.problem in proposing) for item in cards],
        "groups": _groups(rest),
        "attached": _attached(letter),
        "then": _then(letter),
        "notes": [showable(note, _SENTENCE) for note in letter.notes[:MOST_NOTES]],
        "links": _links(letter.links),
        "whom": _whom(letter),
        "installation": showable(installation, _NAME),
    }


_TITLES = {
    "immediate": "Thông báo sự cố dữ liệu",
    "digest": "Danh sách dữ liệu cần khắc phục",
    "all_clear": "Thông báo đã khắc phục",
    "escalation": "Vấn đề dữ liệu quá hạn xử lý",
    "summary": "Tổng hợp chất lượng dữ liệu toàn tỉnh",
}
_OPENINGS = {
    "immediate": "Hệ thống Liên Thông vừa ghi nhận vấn đề sau đây đối với dữ liệu do đơn vị quản lý, đề nghị đơn vị "
    "kiểm tra và khắc phục sớm.",
    "digest": "Khi kiểm tra dữ liệu do đơn vị quản lý, hệ thống Liên Thông ghi nhận các nội dung sau đây chưa được "
    "khắc phục. Đề nghị đơn vị kiểm tra và sửa tại phần mềm nguồn.",
    "all_clear": "Các vấn đề sau đây đã được khắc phục. Đơn vị không phải làm gì thêm. Trân trọng cảm ơn sự phối hợp "
    "của đơn vị.",
    "escalation": "Các vấn đề sau đây đã quá thời hạn mà đơn vị quản lý dữ liệu chưa khắc phục. Đề nghị tổ dữ liệu "
    "của tỉnh liên hệ, hỗ trợ đơn vị.",
    "summary": "Dưới đây là tình hình chất lượng dữ liệu của các đơn vị trong tỉnh. Từng đơn vị có liên quan đã hoặc "
    "sẽ được thông báo riêng.",
}


def _split(letter: Letter) -> tuple[list[Told], list[Told]]:
    """Problems that are told one by one, and those that go into tables: many of one kind, and all that the province
    need not act upon itself."""
    shown = [item for item in letter.told if letter.kind not in _GENERAL or _to_act_upon(item)]
    sizes = Counter(map(_alike, shown))
    cards = [item for item in shown if sizes[_alike(item)] <= MANY][:MOST_PROBLEMS]
    known = set(map(id, cards))
    return cards, [item for item in letter.told if id(item) not in known]


def _to_act_upon(told: Told) -> bool:
    """Whether the province itself has something to do: help, or decide on a change that it hears of anew."""
    return told.state == "escalated" or (told.state == "new" and bool(told.proposal))


def _alike(told: Told) -> tuple[str, str, str]:
    """What the problems of one table have in common."""
    apart = told.state if told.state in ("mended", "escalated") else ""
    return told.kind, told.title, apart


def _opening(letter: Letter) -> str:
    if letter.kind == "immediate" and any(not item.dataset for item in letter.told):
        return "Hệ thống Liên Thông vừa ghi nhận vấn đề ảnh hưởng đến toàn hệ thống, đề nghị kiểm tra ngay."
    return _OPENINGS.get(letter.kind, _OPENINGS["digest"])


def _problem(letter: Letter, told: Told, *, propose: bool) -> dict[str, Any]:
    mended = told.state == "mended" or letter.kind == "all_clear"
    heading = words.kind(told).short if mended else words.counted(told)
    rules = () if mended else told.rules[:MOST_RULES]
    return {
        "number": told.problem,
        "state": words.STATES.get("mended" if mended else told.state, words.STATES["still"]),
        "mended": mended,
        "heading": heading[:1].upper() + heading[1:],
        "what": "" if mended or not told.source else words.happened(told),
        "reason": "" if mended else showable(told.reason, _SENTENCE),
        "lines": [] if mended else [showable(line, _SENTENCE) for line in told.lines[:MOST_CHANGES]],
        "more_lines": 0 if mended else max(0, len(told.lines) - MOST_CHANGES),
        "proposal": [showable_code(line, _SENTENCE) for line in told.proposal] if propose and not mended else [],
        "facts": _facts(letter, told),
        "rules": [_rule(rule, letter.kind not in _GENERAL) for rule in rules],
        "more_rules": 0 if mended else len(told.rules) - len(rules),
        # said to whoever keeps the data; the province sees counts
        "mend": "" if mended or letter.kind in _GENERAL else showable(told.how_to_mend, _SENTENCE),
    }


def _facts(letter: Letter, told: Told) -> list[tuple[str, str]]:
    """The label and the value of each line of the small table of one problem."""
    whose = showable(told.source_name or told.source, _NAME)
    span = words.span(told.first_window, told.last_window)
    found = [
        ("Cơ sở dữ liệu", showable(told.title, _NAME)),
        ("Đơn vị", whose if not letter.unit or letter.unit != told.source else ""),
        ("Kỳ dữ liệu", span[:1].upper() + span[1:]),
        ("Ghi nhận từ", words.moment(told.since) if told.since else ""),
        ("Mã vấn đề", f"#{told.problem}"),
    ]
    return [(label, value) for label, value in found if value]


def _rule(rule: Broken, with_keys: bool) -> dict[str, Any]:
    keys = [showable(key) for key in rule.keys[:MOST_KEYS]] if with_keys else []
    return {
        "count": words.number(rule.count) if rule.count > 0 else "",
        "sentence": showable(rule.sentence, _SENTENCE),
        "codes": keys,
        "more": words.number(rule.count - len(keys)) if keys and rule.count > len(keys) else "",
        "severity": "cảnh báo" if rule.severity == "warn" else "",
    }


def _groups(told: Iterable[Told]) -> list[dict[str, Any]]:
    """The tables, the largest first."""
    found: dict[tuple[str, str, str], list[Told]] = {}
    for item in told:
        found.setdefault(_alike(item), []).append(item)
    order = sorted(found.values(), key=lambda items: -len(items))[:MOST_PROBLEMS]
    most = _share([len(items) for items in order])
    return [_group(items, most) for items in order]


def _share(sizes: list[int]) -> int:
    """Lines that a table may have, so that all together have no more than ``MOST_LINES``."""
    room = MOST_LINES
    for place, size in enumerate(sorted(sizes)):
        fair = room // (len(sizes) - place)
        if size > fair:
            return fair
        room -= size
    return MOST_LINES


def _group(items: list[Told], most: int) -> dict[str, Any]:
    first = items[0]
    short = words.kind(first).short
    apart = _alike(first)[2]
    heading = f"{words.STATES[apart].capitalize()}: {short}" if apart else f"{short[:1].upper()}{short[1:]}"
    total = sum(max(item.count, 0) for item in items)
    rows = f", {words.number(total)} bản ghi" if total else ""
    order = sorted(items, key=lambda item: (-item.count, _by_number(item.source), item.problem))
    return {
        "heading": f"{heading} – {words.number(len({item.source for item in items}))} đơn vị{rows}",
        "title": showable(first.title, _NAME),
        "lines": [_line(item) for item in order[:most]],
        "left_out": max(0, len(items) - most),
        "counted": total > 0,
    }


def _by_number(code: str) -> str:
    """H15.12 stands before H15.102."""
    return re.sub(r"\d+", lambda found: found[0].zfill(8), code[:100])


def _line(told: Told) -> dict[str, str]:
    days = [words.day(day) for day in dict.fromkeys((told.first_window, told.last_window)) if day]
    since = f"từ {words.moment(told.since, ' ')}" if told.since else ""
    parts = [f"kỳ {' – '.join(days)}" if days else "", since, f"#{told.problem}"]
    return {
        "name": showable(told.source_name or told.source, _NAME),
        "code": showable(told.source, 40) or "–",
        "detail": " · ".join(part for part in parts if part),
        "count": words.number(told.count) if told.count > 0 else "",
    }


def _attached(letter: Letter) -> str:
    if not letter.held or letter.kind in _GENERAL:
        return ""
    rest = f" Còn {words.number(letter.held_left_out)} dòng nữa chưa đưa vào tệp." if letter.held_left_out > 0 else ""
    return (
        f"Tệp Excel kèm theo liệt kê {words.number(len(letter.held))} chỗ cần sửa: mã bản ghi, cột và quy tắc."
        f" Giá trị là dữ liệu cá nhân đã được che.{rest}"
    )


def _then(letter: Letter) -> list[str]:
    """What happens next, one sentence for each thing."""
    if letter.kind == "all_clear":
        return ["Nếu vấn đề xuất hiện trở lại, hệ thống sẽ thông báo tiếp trong cùng chuỗi thư này."]
    if letter.kind in _GENERAL:
        return ["Khi vấn đề được khắc phục, hệ thống tự đóng vấn đề và báo cho đơn vị."]
    again = list(dict.fromkeys(words.kind(item).again for item in letter.told if item.state != "mended"))
    return [
        *again,
        "Khi vấn đề đã hết, hệ thống gửi thư «đã khắc phục» và không nhắc lại nữa. Nếu để quá thời hạn, hệ thống sẽ "
        "báo tổ dữ liệu của tỉnh để hỗ trợ.",
    ]


def _links(links: Mapping[str, str]) -> list[tuple[str, str]]:
    """Label and address of each link that leads to a web page."""
    labels = {"console": "Xem chi tiết trên bảng điều khiển", "docs": "Xem kết quả kiểm tra dữ liệu"}
    return [(label, links[name]) for name, label in labels.items() if _is_address(links.get(name, ""))]


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    plain = len(text) <= 500 and text.isascii() and text.isprintable() and not set(text) & set(" <>\"'`\\")
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _whom(letter: Letter) -> str:
    """Who helps, and what to name to them; the team that helps is told nothing about itself."""
    if letter.kind in _GENERAL:
        return ""
    if letter.kind == "all_clear":
        return "Cần hỗ trợ: liên hệ tổ dữ liệu của tỉnh."
    numbers = _numbers(letter.told)
    naming = f" và nêu mã vấn đề {numbers}" if numbers else ""
    return f"Cần hỗ trợ, hoặc để báo đơn vị đã tiếp nhận xử lý: liên hệ tổ dữ liệu của tỉnh{naming}."


def _numbers(told: tuple[Told, ...]) -> str:
    """The problems' numbers, by which people speak of them."""
    numbers = list(dict.fromkeys(item.problem for item in told))
    rest = " …" if len(numbers) > MOST_KEYS else ""
    return ", ".join(f"#{number}" for number in numbers[:MOST_KEYS]) + rest


def _file_name(letter: Letter) -> str:
    """A Vietnamese name that every file system takes."""
    unit = "".join(c for c in letter.unit[:20] if c.isascii() and (c.isalnum() or c in ".-")).strip(".")
    date = words.day(letter.written_at[:10]).replace("/", "-")
    plain = date if all(c.isdigit() or c == "-" for c in date) else ""
    return " ".join(part for part in ("Danh sách cần sửa", unit, plain) if part) + ".xlsx"
