"""Values become text in one way, whatever kind of source they come from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from lienthong.contracts import Contract
from lienthong.errors import SourceChanged

BATCH = 5_000


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
        text = str(value)
    return _storable(text)


def _storable(text: str) -> str:
    text = text.replace("\x00", "\u2400")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def require_columns(contract: Contract, source: str, found: Iterable[str]) -> None:
    """Refuse a source that lacks a promised column, naming what is missing and what stands there instead."""
    present = list(found)
    missing = [name for name in contract.names if name not in present]
    if missing:
        strange = [name for name in present if name not in contract.names]
        other = f"; cột lạ: {', '.join(strange)}" if strange else ""
        raise SourceChanged(
            f"{contract.dataset}, {source}: thiếu cột {', '.join(missing)}{other}. "
            "Đơn vị quản lý nguồn khôi phục cột, hoặc nhóm dữ liệu của tỉnh sửa hợp đồng dữ liệu."
        )
