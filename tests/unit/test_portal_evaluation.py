"""The sandbox's published index: a handful of pushed dossiers, counted and scored by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong.sandbox.portal_catalogue import Catalogue, department_id
from lienthong.sandbox.portal_evaluation import PATH
from lienthong.sandbox.portal_evaluation_procedures import Procedures
from tests.unit.portal_kit import Kit, dossier, open_portal, step

MONTH = {"timeType": "month", "year": 2025, "month": 9}
DAYS = {"fromDate": "2025-09-01", "toDate": "2025-09-30"}
ROOT = department_id("H15")
RESULT = [{"MaGiayToKetQua": "KQ.G15.000001", "DuongDanTepTinKetQua": "https://mot-cua.invalid/kq/1", "TenGiayTo": "",
           "MaThanhPhanHoSo": "", "GiayToId": ""}]  # fmt: skip
PLAIN: dict[str, Any] = {"TaiLieuNop": [], "DSKetNoiCSDL": [], "HoSoCoThanhPhanSoHoa": "0",
                         "TaiKhoanDuocXacThucVoiVNeID": "0"}  # fmt: skip


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with open_portal(tmp_path) as kit:
        yield kit


def ask(kit: Kit, endpoint: str, **changes: Any) -> Any:
    asked = {**MONTH, "rootDepartmentId": ROOT, "currentPage": 1, "pageSize": 200, **changes}
    reply = kit.client.post(PATH + endpoint, asked)
    assert reply.status == 201
    assert reply.json["code"] == "OK", reply.json
    return reply.json["data"]


def progress(kit: Kit, code: str = "", **changes: Any) -> Any:
    data = ask(kit, "dvc-progress-tree", **changes)
    return data["parent"] if not code else next(one for one in data["children"] if one["departmentCode"] == code)


def metrics(kit: Kit, endpoint: str, code: str, **changes: Any) -> dict[str, Any]:
    entries = ask(kit, endpoint, **changes)["evaluation"]
    own = next(one for one in entries if one["departmentCode"] == code)
    return {one["code"]: one for one in own["metrics"]} | {"total": own["totalScore"]}


def told(kit: Kit, code: str, *steps: tuple[str, str], **changes: Any) -> None:
    """One dossier received 30 September 07:35 and due 1 October 17:00, with its steps as (day and time, status)."""
    assert kit.client.push(dossier(code, **changes)).json["error_code"] == "0"
    rows = [step(code, ThoiDiemXuLy=f"2025{moment}", TrangThai=status) for moment, status in steps]
    if rows:
        assert kit.client.steps(*rows).json["error_code"] == "0"


ACCEPTED = ("0930080000", "2")


def test_what_is_on_time_follows_the_steps(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED, ("1001170000", "9"), TrangThaiHoSo="9")  # equal is on time
    told(kit, "H15.102-250930-0002", ACCEPTED, ("1001170001", "9"), ("1001180000", "10"), TrangThaiHoSo="10")  # late
    told(kit, "H15.102-250930-0003", ACCEPTED, ("1001160000", "10"), TrangThaiHoSo="10")  # no 9: the 10 ends it
    told(kit, "H15.102-250930-0004", ACCEPTED, ("0930100000", "5"), ("1002100000", "4"), ("1003100000", "9"),
         TrangThaiHoSo="9")  # two days of waiting are taken off: 1 October 10:00  # fmt: skip
    told(kit, "H15.102-250930-0005", ACCEPTED, ("0930100000", "5"), TrangThaiHoSo="5")  # the request is the end
    told(kit, "H15.102-250930-0006", ACCEPTED, ("0930100000", "5"), ("0930110000", "4"), ("0930120000", "5"),
         TrangThaiHoSo="5")  # a second request is late  # fmt: skip
    told(kit, "H15.102-250930-0007", ACCEPTED, TrangThaiHoSo="2")  # open, overdue at the end of what is known
    told(kit, "H15.102-250930-0008", ("0930080000", "1"), TrangThaiHoSo="1")  # never accepted: not received
    told(kit, "H15.102-250930-0009", ACCEPTED, TrangThaiHoSo="9")  # the header alone ends nothing: overdue
    told(kit, "H15.102-250930-0010", ACCEPTED, ("0930100000", "7"), TrangThaiHoSo="7")  # withdrawn after acceptance
    own = progress(kit, "H15.102", timeType="year")
    assert (own["totalReceived"], own["totalOnTime"], own["totalOverdue"]) == (9, 5, 4)
    province = progress(kit, timeType="year")
    assert (province["totalReceived"], province["totalOnTime"]) == (9, 5)
    assert province["totalOverdue"] == 0, "the portal shows nobody of the province as overdue"
    assert province["totalCompleted"] == 7


def test_an_open_dossier_of_a_month_that_is_over_is_judged_at_its_end_and_restated_later(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED, TrangThaiHoSo="2")
    assert progress(kit, "H15.102")["totalOnTime"] == 1, "due on 1 October: in time at the end of September"
    kit.client.steps(step("H15.102-250930-0001", ThoiDiemXuLy="20251005090000", TrangThai="9"))
    assert progress(kit, "H15.102")["totalOnTime"] == 0, "the past is restated"


def test_flags_are_counted_as_they_were_pushed(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED, DanhSachGiayToKetQua=RESULT)
    told(kit, "H15.102-250930-0002", ACCEPTED, **PLAIN)
    told(kit, "H15.102-250930-0003", ACCEPTED, KenhThucHien="3", **PLAIN)
    own = metrics(kit, "dossier-digitized", "H15.102")
    counted = {
        code: (one["numerator"], one["denominator"], one["score"]) for code, one in own.items() if code != "total"
    }
    of = counted["CITIZEN_DATA_CONNECTED_FORMALITY"][1]
    assert counted == {
        "ORIGINAL_RESULT_AVAILABLE": (1, 3, 2.0),
        "SO_HOA_GIAY_TO_GIAI_QUYET": (1, 3, 1.33),
        "REUSED_DIGITIZED_DATA": (1, 3, 0.83),  # 2 x (1/3) / 0.8
        "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (0, 3, 0.0),
        "CITIZEN_DATA_CONNECTED_DOSSIER": (1, 3, 0.67),
        "CITIZEN_DATA_CONNECTED_FORMALITY": (1, of, round(2 / of + 1e-9, 2)),
        "ELECTRONIC_CERTIFIED_COPY": (None, None, 2.0),
    }
    assert own["total"] == pytest.approx(sum(one[2] for one in counted.values()))
    tree = next(one for one in ask(kit, "provide-online-tree")["children"] if one["departmentCode"] == "H15.102")
    # Birth registration gives a document: what was handed in online counts with its electronic result only.
    assert [tree[f"channel{name}Sum"] for name in ("Online", "Direct", "Postal", "Total")] == [1, 1, 1, 3]


def test_a_fee_of_nothing_takes_a_dossier_out_of_the_payment(kit: Kit) -> None:
    fee = next(one.code for one in Procedures(Catalogue()).public() if one.fee)
    paid = [{"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "1", "HinhThucThu": "1", "Gia": "50000", "LoaiPhiLePhi": "1"}]
    told(kit, "H15.102-250930-0001", ACCEPTED, MaTTHC=fee, DanhSachLePhi=paid, DuocThanhToanTrucTuyen="1")
    told(kit, "H15.102-250930-0002", ACCEPTED, MaTTHC=fee, DanhSachLePhi=paid, DuocThanhToanTrucTuyen="3")
    told(kit, "H15.102-250930-0003", ACCEPTED, MaTTHC=fee, DanhSachLePhi=[{**paid[0], "Gia": "0"}])
    found = ask(kit, "formality-online-payment-tree")["parent"]
    assert (found["totalDossierOnlinePaymentSuccess"], found["totalDossierFinancialObligation"]) == (1, 2)
    assert found["totalFeeFormality"] == found["totalFeeDossierFormalityDistinct"] == 1


def test_nothing_pushed_gives_the_points_of_nothing(kit: Kit) -> None:
    asked = metrics(kit, "handling-satisfaction", "H15.102", **DAYS)
    assert asked["total"] == 12.0, "no petition: full points; no dossier: none"
    assert metrics(kit, "dossier-digitized", "H15.102")["total"] == 2.0
    sync = metrics(kit, "transparency", "H15.102")["DOSSIER_SYNC"]
    assert (sync["score"], sync["dataQualityStatus"]) == (0.0, "NO_NATIONAL_REPORT_DATA")
    told(kit, "H15.102-250930-0001", ACCEPTED)
    sync = metrics(kit, "transparency", "H15.102")["DOSSIER_SYNC"]
    assert (sync["numerator"], sync["score"], sync["dataQualityStatus"]) == (1, 6.0, "TEMP_NATIONAL_REPORT_DENOMINATOR")
    kit.client.steps(step("H15.102-250930-0001", ThoiDiemXuLy="20251001080000"))
    assert metrics(kit, "transparency", "H15.102")["DOSSIER_SYNC"]["dataQualityStatus"] is None, "the month is over"


def test_the_province_counts_units_that_are_not_listed_any_more(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED)
    told(kit, "H15.999-250930-0001", ACCEPTED)
    told(kit, "H15.50.05.13-250930-0001", ACCEPTED)
    data = ask(kit, "dvc-progress-tree")
    assert data["parent"]["totalReceived"] == 3
    assert sum(one["totalReceived"] for one in data["children"]) == 2
    assert progress(kit, "H15.50")["totalReceived"] == 1, "what a part of a department received is the department's"
    assert "H15. 147" in {one["departmentCode"] for one in data["children"]}


def test_what_is_replaced_or_lost_is_counted_anew_and_only_that(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED, **PLAIN)
    told(kit, "H15.102-250930-0002", ACCEPTED, **PLAIN)
    assert metrics(kit, "dossier-digitized", "H15.102")["REUSED_DIGITIZED_DATA"]["numerator"] == 0
    changed = dossier("H15.102-250930-0001", **{**PLAIN, "HoSoCoThanhPhanSoHoa": "1"})
    assert kit.client.push(changed, updating=True).json["error_code"] == "0"
    assert metrics(kit, "dossier-digitized", "H15.102")["REUSED_DIGITIZED_DATA"]["numerator"] == 1
    kit.client.control("POST", "forget", {"ma_ho_so": ["H15.102-250930-0002"]})
    assert metrics(kit, "dossier-digitized", "H15.102")["REUSED_DIGITIZED_DATA"]["denominator"] == 1


def test_the_national_answer_has_six_groups_that_add_up(kit: Kit) -> None:
    told(kit, "H15.102-250930-0001", ACCEPTED, ("1001080000", "9"), TrangThaiHoSo="9", DanhSachGiayToKetQua=RESULT)
    data = ask(kit, "service-results", departmentType="ADMINISTRATIVE_UNIT")
    (own,) = data["evaluation"]
    assert own["groupScores"]["TDGQ"] == 20.0
    assert own["groupScores"]["MDHL"] == 18.0
    assert own["totalScore"] == pytest.approx(sum(own["groupScores"].values()))
    assert len(data["radar"]) == 5
    assert own["groupScores"]["MDSH"] == metrics(kit, "dossier-digitized", "H15")["total"]


def test_pages_and_questions_that_are_not_answered(kit: Kit) -> None:
    first = ask(kit, "dvc-progress-tree", pageSize=100)
    second = ask(kit, "dvc-progress-tree", pageSize=100, currentPage=2)
    keys = [one["departmentId"] for one in first["children"] + second["children"]]
    assert len(keys) == len(set(keys)) == first["pagination"]["total"] == 116
    for wrong in ({"rootDepartmentId": "x"}, {"timeType": "week"}, {"month": 13}, {"pageSize": 500}):
        asked = {**MONTH, "rootDepartmentId": ROOT, "currentPage": 1, "pageSize": 10, **wrong}
        assert kit.client.post(PATH + "transparency", asked).json["code"] != "OK", wrong
    assert kit.client.post(PATH + "unknown", {}).status == 404
    assert kit.client.send("GET", PATH + "transparency").status == 405
    assert {one.service for one in kit.running.log.requests()} >= {"transparency", "dvc-progress-tree"}
