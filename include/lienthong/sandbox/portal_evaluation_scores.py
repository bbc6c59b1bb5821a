"""The score rules of Decision 766 as the portal applies them: each part rounded half up, the rest plain sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

POINTS = {"CKMB": 18, "TDGQ": 20, "CLGQ": 12, "TTTT": 10, "MDHL": 18, "MDSH": 22}
"""The six groups and the most that each can give."""
CENT = Decimal("0.01")
PROVISIONAL, NO_DATA = "TEMP_NATIONAL_REPORT_DENOMINATOR", "NO_NATIONAL_REPORT_DATA"
FLAG_WORDS = {
    PROVISIONAL: "Mẫu số tạm tính, chờ số liệu của hệ thống báo cáo quốc gia",
    NO_DATA: "Không có số liệu của hệ thống báo cáo quốc gia",
}


@dataclass(slots=True)
class Counters:
    """What the index counts of one unit, or of the province with everything that was pushed for it."""

    received: int = 0
    on_time: int = 0
    ended: int = 0
    seconds: int = 0
    online_on_time: int = 0
    online: int = 0
    postal: int = 0
    result: int = 0
    digitised: int = 0
    reused: int = 0
    from_store: int = 0
    citizen: int = 0
    owes: int = 0
    paid: int = 0
    fee_told: int = 0
    citizen_procedures: int = 0
    online_procedures: int = 0
    fee_procedures: int = 0
    paid_procedures: int = 0
    told_procedures: int = 0
    for_people: int = 0
    authority: int = 0
    partial: int = 0
    full: int = 0
    published: int = 0
    """Procedures published in the period, in the whole province."""
    in_full: int = 0
    public: int = 0

    @property
    def mean_days(self) -> float:
        """Days from reception to the end of processing, on average over what was finished."""
        return float(rounded(Decimal(self.seconds) / 86_400 / self.ended)) if self.ended else 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One sub-indicator with its figures; ``numerator`` and ``denominator`` are None where the portal shows none."""

    code: str
    name: str
    most: int
    numerator: int | None
    denominator: int | None
    score: Decimal
    flag: str | None = None

    @property
    def ratio(self) -> float | None:
        """In per cent with two decimals; None of nothing."""
        if self.numerator is None or self.denominator is None:
            return 100.0
        if not self.denominator:
            return None
        return float(rounded(Decimal(100 * self.numerator) / self.denominator))

    def shown(self) -> dict[str, Any]:
        """As an answer has it."""
        return {
            "code": self.code, "name": self.name, "numerator": self.numerator, "denominator": self.denominator,
            "ratio": self.ratio, "score": float(self.score), "maxScore": self.most,
            "dataQualityStatus": self.flag, "dataQualityMessage": FLAG_WORDS.get(self.flag or ""),
        }  # fmt: skip


def rounded(value: Decimal) -> Decimal:
    """Two decimals, half up."""
    return value.quantize(CENT, ROUND_HALF_UP)


def score(most: int, numerator: int, denominator: int, full_at: str = "1", empty: int = 0) -> Decimal:
    """Points of one part: in proportion, all from the share ``full_at`` on; ``empty`` where there is nothing."""
    if not denominator:
        return Decimal(empty).quantize(CENT)
    return rounded(most * min(Decimal(1), Decimal(numerator) / denominator / Decimal(full_at)))


def paying(most: int, numerator: int, denominator: int, full_at: str = "1") -> Decimal:
    """Points of a part of payment, whose ratio is rounded to two decimals of a per cent first."""
    if not denominator:
        return Decimal(0).quantize(CENT)
    share = rounded(Decimal(100 * numerator) / denominator) / 100
    return rounded(most * min(Decimal(1), share / Decimal(full_at)))


def transparency(own: Counters, running: bool) -> list[Part]:
    """CKMB; ``running`` says that the period is not over, so its national report is provisional."""
    flag = NO_DATA if not own.received else PROVISIONAL if running else None

    def line(code: str, name: str, most: int, numerator: int, denominator: int, flag: str | None = None) -> Part:
        return Part(code, name, most, numerator, denominator, score(most, numerator, denominator), flag)

    return [
        # No publication decision is signed before the legal basis takes effect: so it was captured, too.
        line("PUBLISH_ON_TIME", "Công bố thủ tục hành chính đúng hạn", 6, 0, own.published),
        line("PUBLIC_UPDATE_ON_TIME", "Cập nhật, công khai đúng hạn", 4, own.published, own.published),
        line("PUBLIC_CONTENT_FULL", "Công khai đầy đủ nội dung", 2, own.in_full, own.public),
        line("DOSSIER_SYNC", "Hồ sơ đồng bộ lên Cổng", 6, own.received, own.received, flag),
    ]


def digitisation(own: Counters) -> list[Part]:
    """MDSH."""

    def line(code: str, name: str, most: int, numerator: int, denominator: int, full_at: str = "1") -> Part:
        return Part(code, name, most, numerator, denominator, score(most, numerator, denominator, full_at))

    of = own.received
    return [
        line("ORIGINAL_RESULT_AVAILABLE", "Hồ sơ có kết quả điện tử", 6, own.result, of),
        line("SO_HOA_GIAY_TO_GIAI_QUYET", "Hồ sơ được số hóa thành phần và kết quả", 4, own.digitised, of),
        line("REUSED_DIGITIZED_DATA", "Khai thác, sử dụng lại dữ liệu số hóa", 2, own.reused, of, "0.8"),
        line("SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "Lấy giấy tờ từ kho dữ liệu cá nhân", 4, own.from_store, of),
        line("CITIZEN_DATA_CONNECTED_DOSSIER", "Hồ sơ kết nối dữ liệu dân cư", 2, own.citizen, of),
        line(
            "CITIZEN_DATA_CONNECTED_FORMALITY", "Thủ tục kết nối dữ liệu dân cư", 2, own.citizen_procedures,
            own.for_people,
        ),
        Part("ELECTRONIC_CERTIFIED_COPY", "Chứng thực bản sao điện tử", 2, None, None, Decimal("2.00")),
    ]  # fmt: skip


def satisfaction(own: Counters) -> list[Part]:
    """MDHL. Nobody sends petitions to the sandbox, so their parts give what 0/0 gives: everything."""
    none = score(6, 0, 0, empty=6)
    shown = Decimal("0.00")
    return [
        Part("PETITION_CLASSIFICATION_TTHC", "Phản ánh, kiến nghị về thủ tục hành chính", 0, 0, 0, shown),
        Part("PETITION_CLASSIFICATION_STAFF", "Phản ánh, kiến nghị về cán bộ, công chức", 0, 0, 0, shown),
        Part("PETITION_PROCESSING_ON_TIME", "Phản ánh, kiến nghị xử lý đúng hạn", 6, 0, 0, none),
        Part("PETITION_HANDLING_SATISFACTION", "Hài lòng trong xử lý phản ánh, kiến nghị", 6, 0, 0, none),
        Part(
            "DOSSIER_RECEIVING_SATISFACTION", "Hài lòng trong tiếp nhận, giải quyết thủ tục", 6, own.on_time,
            own.received, score(6, own.on_time, own.received, "0.9"),
        ),
    ]  # fmt: skip


def groups(own: Counters, *, running: bool) -> dict[str, Decimal]:
    """The six group scores, each the sum of its rounded parts."""
    services = own.partial + own.full
    return {
        "CKMB": total(transparency(own, running)),
        "TDGQ": score(20, own.on_time, own.received),
        "CLGQ": score(2, services, own.authority, "0.8")
        + score(4, own.online_procedures, services)
        + score(6, own.online, own.received, "0.5"),
        "TTTT": paying(6, own.paid, own.owes)
        + paying(2, own.paid_procedures, own.fee_procedures, "0.8")
        + paying(2, own.told_procedures, own.fee_procedures, "0.8"),
        "MDHL": total(satisfaction(own)),
        "MDSH": total(digitisation(own)),
    }


def total(parts: Iterable[Part]) -> Decimal:
    """The plain sum of rounded parts."""
    return sum((part.score for part in parts), Decimal("0.00"))


def radar(scores: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    """Five groups: online services and online payment are shown as one."""
    joined = {**scores, "ONLINE_SERVICE": scores["CLGQ"] + scores["TTTT"]}
    most = {**POINTS, "ONLINE_SERVICE": POINTS["CLGQ"] + POINTS["TTTT"]}
    shown = ("CKMB", "TDGQ", "ONLINE_SERVICE", "MDSH", "MDHL")
    return [{"code": code, "score": float(joined[code]), "maxScore": most[code]} for code in shown]
