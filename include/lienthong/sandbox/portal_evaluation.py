"""The portal's public evaluation API: the index of Decision 766 as counted from what this portal accepted, and from
nothing else.

    POST /api/v1/reporting/evaluation/<endpoint>

Its known oddities are the real one's: nobody of the province is overdue although its rate is below 100 %, the
province's row counts dossiers of units that are no longer listed, one code has a blank, national report data is
provisional while a period runs, and a period that is over changes when late figures come in.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from lienthong.sandbox.portal_catalogue import Catalogue
from lienthong.sandbox.portal_evaluation_counts import COMMUNE, Counts, Department, Period
from lienthong.sandbox.portal_evaluation_facts import Facts
from lienthong.sandbox.portal_evaluation_scores import (
    POINTS,
    Counters,
    Part,
    digitisation,
    groups,
    radar,
    rounded,
    satisfaction,
    total,
    transparency,
)

PATH = "/api/v1/reporting/evaluation/"
LARGEST_PAGE = 200

Body = dict[str, Any]


class Refusal(Exception):
    """A question that is not answered: a code other than OK, and words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def body(code: str, message: str, data: object = None) -> Body:
    """The form of every answer."""
    return {"code": code, "data": data, "message": message}


class Evaluation:
    """Answers the questions; the caller has opened a transaction around each."""

    def __init__(self, root: str, catalogue: Catalogue, facts: Facts) -> None:
        self._counts = Counts(root, catalogue, facts)
        self.endpoints: dict[str, Callable[[Mapping[str, Any]], Body]] = {
            "transparency": lambda asked: self._parts(asked, transparency),
            "dossier-digitized": lambda asked: self._parts(asked, lambda own, _: digitisation(own)),
            "handling-satisfaction": lambda asked: self._parts(asked, lambda own, _: satisfaction(own), dated=True),
            "dvc-progress-tree": lambda asked: self._tree(asked, _progress),
            "provide-online-tree": lambda asked: self._tree(asked, _online),
            "formality-online-payment-tree": lambda asked: self._tree(asked, _payment),
            "service-results": self._national,
        }

    def answer(self, endpoint: str, asked: object) -> Body:
        """The answer to one question; what is wrong with it is said with another code."""
        try:
            if not isinstance(asked, dict):
                raise Refusal("INVALID_REQUEST", "Nội dung yêu cầu phải là một đối tượng JSON")
            return body("OK", "Thành công", self.endpoints[endpoint](asked))
        except Refusal as refusal:
            return body(refusal.code, refusal.words)

    def _parts(
        self, asked: Mapping[str, Any], parts: Callable[[Counters, bool], list[Part]], *, dated: bool = False
    ) -> Body:
        """Shape 1: an overview of the province, and one entry a unit, the province itself the first."""
        period = _between(asked) if dated else _period(asked)
        counts, running = self._of(asked, period), self._counts.running(period)
        listed = [self._counts.root, *self._counts.units]
        entries = [_entry(one, parts(counts[one.code], running)) for one in listed]
        shown, pagination = _page(asked, entries)
        return {"overview": entries[0], "evaluation": shown, "pagination": pagination}

    def _tree(self, asked: Mapping[str, Any], counters: Callable[[Counters, bool], Body]) -> Body:
        """Shape 2: the province as parent, its units as children, each with named counters."""
        counts = self._of(asked, _period(asked))
        children = [
            {**_named(one), "level": "COMMUNE" if one.kind == COMMUNE else "PROVINCE"}
            | counters(counts[one.code], False)
            for one in self._counts.units
        ]
        shown, pagination = _page(asked, children)
        parent = {**_named(self._counts.root), "level": "PROVINCE", **counters(counts[self._counts.root.code], True)}
        return {"parent": parent, "children": shown, "pagination": pagination}

    def _national(self, asked: Mapping[str, Any]) -> Body:
        """The provinces of the country; the sandbox's nation has one that sends anything."""
        if asked.get("departmentType") != "ADMINISTRATIVE_UNIT":
            raise Refusal("INVALID_REQUEST", "departmentType phải là ADMINISTRATIVE_UNIT")
        period = _period(asked)
        root = self._counts.root
        own = self._counts.of(period)[root.code]
        scores = groups(own, running=self._counts.running(period))
        whole = float(sum(scores.values()))
        result = {"totalScore": whole, "totalMaxScore": sum(POINTS.values()), "scoreDelta": None}
        entry = {**_named(root), **result, "groupScores": {code: float(one) for code, one in scores.items()}}
        return {"overview": result, "growthPercent": None, "radar": radar(scores), "evaluation": [entry]}

    def _of(self, asked: Mapping[str, Any], period: Period) -> dict[str, Counters]:
        if asked.get("rootDepartmentId") != self._counts.root.id:
            raise Refusal("DEPARTMENT_NOT_FOUND", "Không tìm thấy đơn vị")
        return self._counts.of(period, str(asked.get("formalityId") or asked.get("formalityID") or ""))


def _progress(own: Counters, parent: bool) -> Body:
    # The portal shows nobody of the province as overdue, whatever its rate says.
    late = 0 if parent else own.received - own.on_time
    told = {"totalReceived": own.received, "totalOnTime": own.on_time, "totalOverdue": late}
    completed = {"totalCompleted": own.ended} if parent else {}
    return {**told, **completed, "avgProcessingDays": own.mean_days}


def _online(own: Counters, _: bool) -> Body:
    return {
        "authorityCount": own.authority, "partialCount": own.partial, "fullCount": own.full,
        "onlineDossierCount": own.online_procedures, "onlineServiceTotal": own.partial + own.full,
        "channelOnlineSum": own.online,
        "channelDirectSum": own.received - own.online - own.postal, "channelPostalSum": own.postal,
        "channelTotalSum": own.received, "onlineOnTimeSum": own.online_on_time,
        "onlineOverdueSum": own.online - own.online_on_time,
    }  # fmt: skip


def _payment(own: Counters, _: bool) -> Body:
    return {
        "totalDossierOnlinePaymentSuccess": own.paid, "totalDossierFinancialObligation": own.owes,
        "totalDossierOnlineFormalityPaymentSuccess": own.paid_procedures,
        "totalFeeDossierFormalityDistinct": own.fee_procedures,
        "totalFeeDossierFormality": own.told_procedures, "totalFeeFormality": own.fee_procedures,
    }  # fmt: skip


def _named(one: Department) -> Body:
    return {"departmentId": one.id, "departmentCode": one.shown_code, "departmentName": one.name}


def _entry(one: Department, parts: Sequence[Part]) -> Body:
    most, whole = sum(part.most for part in parts), total(parts)
    return {
        **_named(one), "departmentType": one.kind, "departmentLevel": int(one.level), "agencyLevel": int(one.level),
        "totalScore": float(whole), "totalMaxScore": most, "ratio": float(rounded(100 * whole / most)),
        "scoreDelta": None, "metrics": [part.shown() for part in parts],
    }  # fmt: skip


def _page(asked: Mapping[str, Any], rows: Sequence[Body]) -> tuple[Sequence[Body], Body]:
    page, size = _number(asked, "currentPage", 1, 10_000), _number(asked, "pageSize", 1, LARGEST_PAGE)
    told = {"total": len(rows), "currentPage": page, "pageSize": size, "totalPages": -(-len(rows) // size)}
    return rows[(page - 1) * size : page * size], told


def _period(asked: Mapping[str, Any]) -> Period:
    year, kind = _number(asked, "year", 2020, 2100), asked.get("timeType")
    if kind == "year":
        first, last = 1, 12
    elif kind == "quarter":
        last = 3 * _number(asked, "quarter", 1, 4)
        first = last - 2
    elif kind == "month":
        first = last = _number(asked, "month", 1, 12)
    else:
        raise Refusal("INVALID_REQUEST", "timeType phải là year, quarter hoặc month")
    return Period(f"{year}{first:02d}01", f"{year}{last:02d}{calendar.monthrange(year, last)[1]}")


def _between(asked: Mapping[str, Any]) -> Period:
    try:
        first, last = (date.fromisoformat(str(asked.get(name))) for name in ("fromDate", "toDate"))
    except ValueError:
        raise Refusal("INVALID_REQUEST", "fromDate và toDate phải có dạng yyyy-MM-dd") from None
    return Period(f"{first:%Y%m%d}", f"{last:%Y%m%d}")


def _number(asked: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refusal("INVALID_REQUEST", f"{name} phải là số nguyên từ {low} đến {high}")
    return value
