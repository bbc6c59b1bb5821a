"""One period of the portal's published index as rows: every group of every unit, or an error that says what is missing.

What is absent is never a zero: a partial crawl that was taken for a whole one once lowered a province by twelve points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lienthong.sources.failures import Refused, Unreachable

POINTS = {"CKMB": 18, "TDGQ": 20, "CLGQ": 12, "TTTT": 10, "MDHL": 18, "MDSH": 22}
"""The six groups and the most points of each."""
TOTAL = "TONG"
NO_COUNTS = "ELECTRONIC_CERTIFIED_COPY"
"""The one sub-indicator that the portal publishes without counts."""
METRICS = {
    "CKMB": ("PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME", "PUBLIC_CONTENT_FULL", "DOSSIER_SYNC"),
    "MDSH": (
        "ORIGINAL_RESULT_AVAILABLE", "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA",
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "CITIZEN_DATA_CONNECTED_DOSSIER", "CITIZEN_DATA_CONNECTED_FORMALITY",
        NO_COUNTS,
    ),
    "MDHL": ("PETITION_PROCESSING_ON_TIME", "PETITION_HANDLING_SATISFACTION", "DOSSIER_RECEIVING_SATISFACTION"),
}  # fmt: skip
"""Sub-indicators without which a group of shape 1 is not whole; what comes beside them is kept too."""
COUNTERS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "TDGQ": (
        ("totalOnTime", "totalReceived"), ("totalOverdue", "totalReceived"), ("totalCompleted", "totalReceived"),
        ("avgProcessingDays", None),
    ),
    "CLGQ": (
        ("partialCount", "authorityCount"), ("fullCount", "authorityCount"),
        ("onlineDossierCount", "onlineServiceTotal"), ("channelOnlineSum", "channelTotalSum"),
        ("channelDirectSum", "channelTotalSum"), ("channelPostalSum", "channelTotalSum"),
        ("onlineOnTimeSum", "channelOnlineSum"), ("onlineOverdueSum", "channelOnlineSum"),
    ),
    "TTTT": (
        ("totalDossierOnlinePaymentSuccess", "totalDossierFinancialObligation"),
        ("totalDossierOnlineFormalityPaymentSuccess", "totalFeeDossierFormalityDistinct"),
        ("totalFeeDossierFormality", "totalFeeFormality"),
    ),
}  # fmt: skip
"""Counters of shape 2 with what each is a part of, by the portal's own names."""
MAY_LACK = {True: ("totalOverdue", "avgProcessingDays"), False: ("totalCompleted", "avgProcessingDays")}
"""What the province's own entry, or a unit's, may be without: not every counter is told of both, nothing has no
mean."""

Body = Mapping[str, Any]
Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """One group of a period: what is said of the province, and of each unit by the portal's own key."""

    group: str
    province: Body
    units: Mapping[str, Body]


def figures(agency: str, root: str, national: Body, groups: Sequence[Listed]) -> Iterator[Figure]:
    """The rows of one period, each with the unit's code and the portal's key; ``national`` is the province's own entry
    among all provinces."""
    _same_units(groups)
    codes = {key: code_of(one) for key, one in groups[0].units.items()}
    yield from _placed(agency, root, _totals(national))
    for listed in groups:
        for code, key, unit in [(agency, root, listed.province), *((codes[k], k, v) for k, v in listed.units.items())]:
            if listed.group not in METRICS:
                yield from _placed(code, key, _counters(listed.group, unit, top=key == root))
                continue
            points, *parts = _metrics(listed.group, unit)
            # The province's points stand among its totals already.
            yield from _placed(code, key, parts if key == root else [points, *parts])


def code_of(unit: Body) -> str:
    """The unit's code without the blanks that the portal lets into it."""
    code = "".join(str(unit.get("departmentCode") or "").split())
    if not code:
        raise Refused("một đơn vị không có mã. Nhóm dữ liệu của tỉnh đối chiếu câu trả lời với tài liệu của cổng.")
    return code


def _placed(code: str, key: str, found: Iterable[Figure]) -> Iterator[Figure]:
    for one in found:
        yield {"ma_don_vi": code, "ma_tren_cong": key, **one}


def _same_units(groups: Sequence[Listed]) -> None:
    known = {key: unit for listed in groups for key, unit in listed.units.items()}
    if not known:
        raise _incomplete("mọi đơn vị của tỉnh")
    for listed in groups:
        missing = sorted(code_of(unit) for key, unit in known.items() if key not in listed.units)
        if missing:
            raise _incomplete(f"đơn vị {', '.join(missing)} ở nhóm {listed.group}, trong khi nhóm khác có")


def _totals(national: Body) -> Iterator[Figure]:
    scores = national.get("groupScores")
    if not isinstance(scores, dict):
        raise Refused("bảng điểm các tỉnh không còn điểm theo nhóm. Nhóm dữ liệu của tỉnh đối chiếu lại cách đọc.")
    yield _figure(TOTAL, TOTAL, diem=_number(national, "totalScore"), diem_toi_da=_number(national, "totalMaxScore"))
    for group, points in POINTS.items():
        yield _figure(group, group, diem=_number(scores, group), diem_toi_da=points)


def _metrics(group: str, unit: Body) -> Iterator[Figure]:
    """Shape 1: the group's points, then its sub-indicators."""
    given = unit.get("metrics")
    if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("code") for one in given):
        raise Refused(f"nhóm {group} không còn danh sách chỉ số. Nhóm dữ liệu của tỉnh đối chiếu lại cách đọc.")
    missing = [code for code in METRICS[group] if code not in {one["code"] for one in given}]
    if missing:
        raise _incomplete(", ".join(missing))
    points = {"diem": _number(unit, "totalScore"), "diem_toi_da": _number(unit, "totalMaxScore")}
    yield _figure(group, group, ty_le=unit.get("ratio"), **points)
    for one in given:
        counted = one["code"] != NO_COUNTS
        yield _figure(
            group, str(one["code"]),
            tu_so=_number(one, "numerator") if counted else one.get("numerator"),
            mau_so=_number(one, "denominator") if counted else one.get("denominator"),
            ty_le=one.get("ratio"), diem=_number(one, "score"), diem_toi_da=_number(one, "maxScore"),
            co_chat_luong=one.get("dataQualityStatus") or None,
        )  # fmt: skip


def _counters(group: str, unit: Body, *, top: bool) -> Iterator[Figure]:
    """Shape 2: each named counter, as a part of the one that it belongs to."""
    for name, whole in COUNTERS[group]:
        if unit.get(name) is None and name in MAY_LACK[top]:
            continue
        of = None if whole is None else _number(unit, whole)
        yield _figure(group, name, tu_so=_number(unit, name), mau_so=of)


def _figure(group: str, code: str, **values: Any) -> Figure:
    return {"nhom": group, "ma_chi_tieu": code, **values}


def _number(holder: Body, name: str) -> int | float | Decimal:
    value = holder.get(name)
    if value is None:
        raise _incomplete(name if "code" not in holder else f"{name} của {holder['code']}")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Refused(f"{name} không phải là số. Nhóm dữ liệu của tỉnh đối chiếu lại cách đọc.")
    return value


def _incomplete(what: str) -> Unreachable:
    return Unreachable(f"câu trả lời thiếu {what}; số liệu chưa đủ nên không ghi nhận, sẽ đọc lại.")
