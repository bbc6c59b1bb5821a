"""Values become text in one way, whatever kind of source they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from lienthong.contracts import Contract
from lienthong.errors import SourceChanged
from lienthong.sources.shapes import Shape, tell

BATCH = 5_000
MOST_NAMES, LONGEST_NAME = 20, 60  # of strange columns in one sentence
MOST_DIGITS = 200  # a number beyond keeps its exponent: written out it might fill the memory


def as_text(value: Any) -> str | None:
    """A value as the text that lands: ISO for times, no trailing ``.0``, nothing for absent.

    What PostgreSQL cannot hold leaves a visible mark, which the rule on characters catches: U+2400 for NUL,
    U+FFFD for what is not Unicode."""
    if isinstance(value, str):
        return _storable(value)
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ")
    elif isinstance(value, (date, time)):
        text = value.isoformat()
    elif isinstance(value, bool):
        text = "1" if value else "0"
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif isinstance(value, bytes):
        text = value.decode("utf-8", errors="replace")
    else:
        text = _other(value)
    return _storable(text)


def _other(value: Any) -> str:
    """The rarer kinds: decimals without exponent, spans of time as hours, what is nested as JSON."""
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) < MOST_DIGITS else str(value)
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        hours, rest = divmod(abs(seconds), 3600)
        return f"{'-' if seconds < 0 else ''}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return str(value)


def _storable(text: str) -> str:
    text = text.replace("\x00", "\u2400")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def require_columns(contract: Contract, source: str, found: Shape | Iterable[str]) -> None:
    """Tell the shape of the source, and refuse one that lacks a promised column, naming what is missing and what
    stands there instead. Names alone are those that the rows of a page show.

    Where no promised column stands at all, what stands there may be a row of data, and is not told."""
    shape = found if isinstance(found, Shape) else Shape.seen(found)
    tell(shape)
    present = shape.names
    missing = [name for name in contract.names if name not in present]
    if not missing:
        return
    strange = [_shown(name) for name in present if name not in contract.names][:MOST_NAMES]
    other = f"; cột lạ: {', '.join(strange)}" if strange and len(missing) < len(contract.names) else ""
    raise SourceChanged(
        f"{contract.dataset}, {source}: thiếu cột {', '.join(missing)}{other}. "
        "Đơn vị quản lý nguồn khôi phục cột, hoặc nhóm dữ liệu của tỉnh sửa hợp đồng dữ liệu."
    )


def _shown(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:LONGEST_NAME]
