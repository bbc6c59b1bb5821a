"""What a receiver says may repeat personal values; nothing it said is kept or logged before it went through here."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Any

HIDDEN = "[…]"
LONGEST = 1_000  # characters of a receiver's message that are kept
SHORTEST = 3  # a shorter name or number would blank out ordinary words
SHORTEST_FREE = 8  # a note may consist of one ordinary word, "Không" for instance

# Codes, dates and other short facts of a record say nothing about a person by themselves.
_OPEN_FIELDS = re.compile(
    r"^(Ma(?!DoiTuong|SoThue)|Ten(?!TepDinhKem)|Ngay|ThoiDiem|TrangThai|Loai|Duoc|TaiKhoanDuocXacThuc|DonVi|PhongBan"
    r"|ChucDanh|Kenh|HinhThuc|NoiNop|HoSoCo|IsDeleted|Gia$|SoLuong)"
)
_FREE_FIELDS = re.compile(r"^(TrichYeu|GhiChu|NoiDung|ThongTin)")
_PATTERNS = re.compile(
    r"https?://\S+"  # a link may open a file without login
    r"|[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.\w+"
    r"|\d(?: ?\d){8,}"  # citizen numbers, tax codes, phones
)
_SUCCESS = "cập nhật thêm mới đồng bộ tiếp nhận tiến độ trạng thái hồ sơ đã được thành công"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def mask(text: str, personal: Iterable[str] = (), keep: Collection[str] = ()) -> str:
    """``text`` on one line without the ``personal`` values, long numbers, mail addresses and links.

    ``keep`` are codes (of dossiers) that stay readable where they stand by themselves, not as a part of what is hidden.
    Upper and lower case and the two Unicode forms of a Vietnamese name count as the same value."""
    line = _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()
    values = sorted({v for p in personal if len(v := _plain(p)) >= SHORTEST}, key=len, reverse=True)
    kept = _any_of(sorted(filter(None, keep), key=len, reverse=True)) if any(keep) else None
    if values:
        line = _hidden(_any_of(values, re.IGNORECASE), line, kept)
    return _hidden(_PATTERNS, line, kept)[:LONGEST]


def _any_of(texts: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    """One of the texts as it stands by itself, not inside a longer word or number."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, texts))})(?!\w)", flags)


def _hidden(pattern: re.Pattern[str], line: str, kept: re.Pattern[str] | None) -> str:
    """The line without what the pattern finds, unless that is a code to keep or a part of one."""
    codes = [code.span() for code in kept.finditer(line)] if kept else []

    def shown(found: re.Match[str]) -> str:
        whole = any(start <= found.start() and found.end() <= end for start, end in codes)
        return found[0] if whole else HIDDEN

    return pattern.sub(shown, line)


def _plain(value: str) -> str:
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", value)).strip()


def says_only_success(text: str) -> bool:
    """Whether a message is made of the protocol's own words of success, so that it names nobody."""
    words = unicodedata.normalize("NFC", text).casefold().replace(".", " ").split()
    return set(_SUCCESS.split()).issuperset(words)


def personal_values(bodies: Iterable[str]) -> list[str]:
    """Every text of the given JSON records that may name, number or locate a person."""
    return [value for body in bodies for value in _texts(json.loads(body), "")]


def _texts(value: Any, field: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, field)
    elif isinstance(value, str) and _may_name(field, value):
        yield value


def _may_name(field: str, value: str) -> bool:
    if _FREE_FIELDS.match(field):
        return len(value) >= SHORTEST_FREE
    return not _OPEN_FIELDS.match(field)
