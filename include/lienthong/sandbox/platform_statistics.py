"""Statistics messages of the OpenCPS type at the platform: each unit's month, known by its version.

They are held beside what is pushed, under the dataset ``DATASET`` and the key ``unit|month``; a version that was taken
before has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lienthong.sandbox.platform_answers import Refused
from lienthong.sandbox.platform_store import Sent
from lienthong.sandbox.portal_log import canonical, digest

PATH = "/Statistic/UpdateStatistic"
DATASET = "thong_ke_thang"
COUNTS = (
    "NewReception", "PreExtisting", "Total", "TotalSolved", "SolvedInTime", "SolvedLate", "TotalPending", "Pending",
    "PendingLate",
)  # fmt: skip
PERCENTAGES = ("SolvedInTimePercent", "SolvedLatePercent")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def key_of(query: Mapping[str, str]) -> str:
    """The key of the message that a request brings, as far as it can be told."""
    return f"{query.get('MaDonVi', '')}|{query.get('Thang', '')}"


def read_message(query: Mapping[str, str], message: object) -> Sent:
    """The message with its key and version, or ``Refused``."""
    given = dict(message) if isinstance(message, dict) else {}
    given.pop("session", None)
    version, month = query.get("PhienBan", ""), query.get("Thang", "")
    if not query.get("MaDonVi"):
        raise Refused("Thiếu MaDonVi")
    if not _MONTH.fullmatch(month) or not (version.isascii() and version.isdigit() and 0 < int(version) < 2**63):
        raise Refused("Thang phải có dạng 2025-09 và PhienBan phải là số nguyên từ 1")
    expected = {"Month", "Year", "IsMonthStatistic", *COUNTS, *PERCENTAGES}
    if set(given) != expected:
        raise Refused(f"Thiếu hoặc thừa trường: {', '.join(sorted(expected ^ set(given)))}")
    if given["IsMonthStatistic"] is not True or f"{given['Year']:04}-{given['Month']:02}" != month:
        raise Refused("Month, Year hoặc IsMonthStatistic không khớp với tham số")
    _check_numbers(given)
    return Sent(key_of(query), int(version), digest(given), canonical(given))


def _check_numbers(given: Mapping[str, Any]) -> None:
    for name in (*COUNTS, *PERCENTAGES):
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise Refused(f"{name} phải là số nguyên không âm")
    for name in PERCENTAGES:
        if given[name] > 100:
            raise Refused(f"{name} không được quá 100")
