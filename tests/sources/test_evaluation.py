"""The published index as a source, over HTTP against the sandbox's portal: whole periods, or nothing of them."""

from datetime import date, datetime

import pytest

from lienthong.batches import LOCAL, Window
from lienthong.connections import Connection
from lienthong.contracts import load, load_all
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sandbox.portal_catalogue import department_id
from lienthong.settings import Settings
from lienthong.sources import evaluation, source_of
from lienthong.steps import Pipeline

from ..sql.builders import CHA, HOME, rows_of
from ..unit.portal_kit import dossier, open_portal, step

CONTRACT = load(HOME / "expectations" / "van_phong_ubnd" / "chi_so_cong_bo.odcs.yaml")
DAY = Window.of_day(date(2025, 9, 30))
EXTRA = {"root_department_id": department_id("H15"), "pause": "0", "snapshot": "window"}
UNITS = {"path": str(HOME / "include" / "lienthong" / "reference"), "pattern": "{dataset}.csv"}
SHAPES = {"dossier-digitized": "evaluation", "dvc-progress-tree": "children"}


@pytest.fixture
def kit(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "RETRY_PAUSE", 0.0)
    with open_portal(tmp_path) as kit:
        for code in ("H15.102-250930-0001", "H15.147-250930-0001"):
            kit.client.push(dossier(code, TrangThaiHoSo="9"))
            kit.client.steps(step(code, TrangThai="2"), step(code, ThoiDiemXuLy="20250930160000", TrangThai="9"))
        kit.client.push(dossier("H15.102-250930-0002"))
        yield kit


def connection(kit, **extra):
    return Connection("danh_gia", "http", host=kit.running.url, extra={**EXTRA, "periods": "month", **extra})


def read(kit, window=DAY, **extra):
    source = source_of(connection(kit, **extra), "evaluation")
    return [dict(zip(CONTRACT.names, row, strict=True)) for part in source.read(CONTRACT, window) for row in part]


def figure(rows, unit, code):
    (found,) = [row for row in rows if (row["ma_don_vi"], row["ma_chi_tieu"]) == (unit, code)]
    return found


def asked(kit):
    return [one.service for one in kit.running.log.requests() if "-" in one.service or one.service == "transparency"]


def test_both_shapes_and_the_national_answer_become_rows(kit):
    rows = read(kit)
    assert figure(rows, "H15.102", "totalOnTime") == {
        "ma_don_vi": "H15.102", "ma_tren_cong": department_id("H15.102"), "ky_loai": "thang", "nam": "2025",
        "ky_so": "9", "nhom": "TDGQ", "ma_chi_tieu": "totalOnTime", "tu_so": "2", "mau_so": "2", "ty_le": None,
        "diem": None, "diem_toi_da": None, "co_chat_luong": None, "ngay_chup": "2025-10-01",
    }  # fmt: skip
    sync = figure(rows, "H15.102", "DOSSIER_SYNC")
    assert (sync["tu_so"], sync["mau_so"], sync["diem"]) == ("2", "2", "6")
    assert sync["co_chat_luong"] == "TEMP_NATIONAL_REPORT_DENOMINATOR"
    assert figure(rows, "H15.103", "DOSSIER_SYNC")["co_chat_luong"] == "NO_NATIONAL_REPORT_DATA"
    copies = figure(rows, "H15.102", "ELECTRONIC_CERTIFIED_COPY")
    assert (copies["tu_so"], copies["mau_so"], copies["ty_le"], copies["diem"]) == (None, None, "100", "2")
    assert figure(rows, "H15", "TONG")["diem_toi_da"] == "100"
    groups = [figure(rows, "H15", code)["diem"] for code in ("CKMB", "TDGQ", "CLGQ", "TTTT", "MDHL", "MDSH")]
    assert sum(map(float, groups)) == pytest.approx(float(figure(rows, "H15", "TONG")["diem"]))
    assert figure(rows, "H15", "totalOverdue")["tu_so"] == "0"
    keys = [tuple(row[name] for name in CONTRACT.key) for row in rows]
    assert len(keys) == len(set(keys))
    assert len({row["ma_don_vi"] for row in rows}) == 117


def test_a_blank_in_a_code_is_no_other_unit(kit):
    assert figure(read(kit), "H15.147", "totalOnTime")["tu_so"] == "1"


@pytest.mark.parametrize("size", [7, 58, 200])
def test_every_page_is_read(kit, size):
    assert len({row["ma_don_vi"] for row in read(kit, page_size=str(size))}) == 117


def test_periods_of_the_window(kit):
    window = Window.of_day(date(2026, 1, 15))
    kinds = {(row["ky_loai"], row["nam"], row["ky_so"]) for row in read(kit, window, periods=None)}
    assert kinds == {("thang", "2026", "1"), ("thang", "2025", "12"), ("quy", "2026", "1"), ("nam", "2026", "0")}
    assert {(row["ky_loai"], row["ky_so"]) for row in read(kit, periods=["quarter", "year"])} == {
        ("quy", "3"), ("nam", "0")
    }  # fmt: skip


def test_a_quarter_and_a_year_ask_satisfaction_for_their_days(kit):
    kit.client.push(dossier("H15.102-250701-0001", NgayTiepNhan="20250701080000"))
    rows = read(kit, periods="quarter")
    assert figure(rows, "H15.102", "DOSSIER_RECEIVING_SATISFACTION")["mau_so"] == "3"
    assert figure(read(kit, periods="month"), "H15.102", "DOSSIER_RECEIVING_SATISFACTION")["mau_so"] == "2"


def test_the_past_is_restated_and_each_snapshot_keeps_its_date(kit):
    first = figure(read(kit), "H15.102", "totalOnTime")
    kit.client.steps(step("H15.102-250930-0002", ThoiDiemXuLy="20251003090000", TrangThai="9"))
    later = read(kit, Window.of_day(date(2025, 10, 3)), periods="previous_month")
    second = figure(later, "H15.102", "totalOnTime")
    assert (first["tu_so"], first["ky_so"], first["ngay_chup"]) == ("2", "9", "2025-10-01")
    assert (second["tu_so"], second["ky_so"], second["ngay_chup"]) == ("1", "9", "2025-10-04")


def test_where_time_goes_on_a_snapshot_has_the_day_on_which_it_was_taken(kit):
    before = datetime.now(LOCAL).date()
    taken = {row["ngay_chup"] for row in read(kit, snapshot="now")}
    assert taken <= {str(before), str(datetime.now(LOCAL).date())}


def test_an_empty_portal_gives_the_rules_of_nothing(tmp_path):
    with open_portal(tmp_path / "empty") as kit:
        rows = read(kit, periods=None)
    assert figure([row for row in rows if row["ky_loai"] == "nam"], "H15.102", "totalOnTime")["mau_so"] == "0"
    assert len({row["ma_don_vi"] for row in rows}) == 117


@pytest.mark.parametrize(("endpoint", "part", "said"), [
    ("service-results", "MDHL", "thiếu MDHL"),
    ("handling-satisfaction", "PETITION_PROCESSING_ON_TIME", "thiếu PETITION_PROCESSING_ON_TIME"),
    ("dossier-digitized", "REUSED_DIGITIZED_DATA", "thiếu REUSED_DIGITIZED_DATA"),
    ("dvc-progress-tree", "totalOnTime", "thiếu totalOnTime"),
    ("formality-online-payment-tree", "totalFeeFormality", "thiếu totalFeeFormality"),
    ("transparency", "H15.131", r"thiếu đơn vị H15\.131 ở nhóm CKMB"),
    ("provide-online-tree", "H15.131", r"thiếu đơn vị H15\.131 ở nhóm CLGQ"),
    ("dvc-progress-tree", "parent", "thiếu dòng của tỉnh"),
    ("service-results", "H15", "thiếu tỉnh nhà"),
])  # fmt: skip
def test_what_is_missing_is_never_a_zero(kit, endpoint, part, said):
    kit.running.misbehaviour.add(fault="omit", service=endpoint, part=part)
    with pytest.raises(SourceDown, match=said):
        read(kit)


@pytest.mark.parametrize(("endpoint", "part", "said"), [
    ("dossier-digitized", "ORIGINAL_RESULT_AVAILABLE", "thiếu numerator của ORIGINAL_RESULT_AVAILABLE"),
    ("handling-satisfaction", "totalScore", "thiếu totalScore"),
    ("dvc-progress-tree", "totalReceived", "thiếu totalReceived"),
    ("service-results", "TDGQ", "thiếu TDGQ"),
])  # fmt: skip
def test_a_figure_without_a_value_is_never_a_zero(kit, endpoint, part, said):
    kit.running.misbehaviour.add(fault="blank", service=endpoint, part=part)
    with pytest.raises(SourceDown, match=said):
        read(kit)


@pytest.mark.parametrize("endpoint", SHAPES)
def test_a_lost_page_makes_the_period_worth_nothing(kit, endpoint):
    kit.running.misbehaviour.add(fault="shorten", service=endpoint, every=2, keep=0)
    with pytest.raises(SourceDown, match="thiếu trang, nhận 58 đơn vị trên 11[67]"):
        read(kit, page_size=58)


@pytest.mark.parametrize("how", [
    {"fault": "http_error", "status": 503}, {"fault": "http_error", "status": 403}, {"fault": "html"},
    {"fault": "http_error", "status": 429, "retry_after": 0.05}, {"fault": "empty"}, {"fault": "malformed"},
    {"fault": "drop"}, {"fault": "fail", "code": "SYSTEM_BUSY", "message": "Hệ thống đang bận"},
], ids=lambda how: f"{how['fault']}{how.get('status', '')}")  # fmt: skip
def test_a_request_that_fails_is_sent_again_and_a_portal_that_stays_away_is_down(kit, how):
    kit.running.misbehaviour.add(**how, every=3)
    assert len({row["ma_don_vi"] for row in read(kit)}) == 117
    kit.running.misbehaviour.clear()
    kit.running.misbehaviour.add(**how)
    with pytest.raises(SourceDown, match=r"transparency: "):
        read(kit)
    assert asked(kit)[-3:] == ["transparency"] * 3


def test_another_form_needs_a_person(kit):
    kit.running.misbehaviour.add(fault="omit", service="dossier-digitized", part="metrics")
    with pytest.raises(SourceChanged, match="không còn danh sách chỉ số|thiếu dòng"):
        read(kit)
    kit.running.misbehaviour.clear()
    kit.running.misbehaviour.add(fault="omit", service="dvc-progress-tree", part="children")
    with pytest.raises(SourceChanged, match="không còn danh sách children"):
        read(kit)
    kit.running.misbehaviour.clear()
    with pytest.raises(SourceChanged, match="thiếu cột ma"):
        list(source_of(connection(kit), "evaluation").read(CHA, DAY))


@pytest.mark.parametrize(("extra", "said"), [
    ({"root_department_id": ""}, "root_department_id is missing"), ({"pause": "soon"}, "extra.pause"),
    ({"periods": "week"}, "extra.periods"), ({"snapshot": "later"}, "extra.snapshot"),
])  # fmt: skip
def test_a_connection_that_cannot_work_is_named(kit, extra, said):
    with pytest.raises(NeedsPerson, match=said):
        read(kit, **extra)


def test_a_root_that_the_portal_does_not_know_is_told_with_its_code(kit):
    with pytest.raises(SourceDown, match=r"DEPARTMENT_NOT_FOUND.*root_department_id"):
        read(kit, root_department_id="0")


def test_there_is_a_pause_before_each_request(kit, monkeypatch):
    waits = []
    monkeypatch.setattr(evaluation.time, "sleep", waits.append)
    read(kit, pause="350-700")
    assert len(waits) == len(asked(kit)) == 7
    assert all(0.35 <= wait <= 0.7 for wait in waits)


def test_a_snapshot_is_kept_whole_or_not_at_all_and_the_next_stands_beside_it(kit, province):
    where = {"danh_gia": connection(kit), "danh_muc": Connection("danh_muc", "fs", extra=UNITS)}
    pipeline = Pipeline(Settings.from_env(), load_all(HOME / "expectations"), province, where.__getitem__)
    later = Window.of_day(date(2025, 10, 1))
    for window in (DAY, later):
        pipeline.run("don_vi", window)
    kit.running.misbehaviour.add(fault="omit", service="dossier-digitized", part="H15.131")
    with pytest.raises(SourceDown, match="thiếu đơn vị"):
        pipeline.run("chi_so_cong_bo", DAY)
    assert rows_of(province, "SELECT count(*) FROM core.chi_so_cong_bo") == [(0,)]
    kit.running.misbehaviour.clear()
    first = pipeline.run("chi_so_cong_bo", DAY)
    assert (first.extracted, first.quarantined) == (first.inserted, 0)
    where["danh_gia"] = connection(kit, periods="previous_month")
    kit.client.steps(step("H15.102-250930-0002", ThoiDiemXuLy="20251001180000", TrangThai="9"))
    second = pipeline.run("chi_so_cong_bo", later)
    assert (second.inserted, second.updated, second.quarantined) == (first.inserted, 0, 0)
    assert rows_of(
        province,
        "SELECT ngay_chup::text, tu_so::int, mau_so::int FROM core.chi_so_cong_bo"
        " WHERE ma_don_vi = 'H15.102' AND ma_chi_tieu = 'totalOnTime' ORDER BY 1",
    ) == [("2025-10-01", 2, 2), ("2025-10-02", 1, 2)]
    broken = (
        "SELECT rule FROM ops.verdicts JOIN ops.runs USING (run_id) WHERE dataset = 'chi_so_cong_bo' AND failing > 0"
    )
    assert rows_of(province, broken) == []
