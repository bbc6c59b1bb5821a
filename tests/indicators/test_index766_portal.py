"""What is pushed to the sandbox portal is what it publishes, and what is pulled is compared: equal, or named."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import load_all
from lienthong.indicators import index766
from lienthong.sandbox.portal_catalogue import department_id
from lienthong.sources import evaluation
from lienthong.steps import Pipeline

from ..sql.builders import HOME
from ..unit.portal_kit import dossier, open_portal, step
from .index766_world import EA_SUP, SETTINGS, SO_VH, World

BIRTH = "1.001193"  # free of charge, and its result is a document
SEPTEMBER = index766.Period.parse("2025-09")
DAY = Window.of_day(SEPTEMBER.last)
RESULT = [{"TenGiayTo": "Kết quả", "MaThanhPhanHoSo": "", "GiayToId": "7", "DuongDanTepTinKetQua":
           "https://mot-cua.invalid/result/7", "MaGiayToKetQua": "KQ.G15.000001"}]  # fmt: skip


@pytest.fixture
def both(province, tmp_path, monkeypatch):
    """A portal and a warehouse that know the same six dossiers, and the month's figures pulled from the portal."""
    monkeypatch.setattr(evaluation, "RETRY_PAUSE", 0.0)
    world = World(province)
    world.core("thu_tuc", BIRTH, ma_tthc=BIRTH, co_phi="0", ma_ket_qua="KQ.G15.000001", ten_tthc="Khai sinh")
    with open_portal(tmp_path) as kit:
        for day, unit, facts in (
            (22, EA_SUP, {}), (23, EA_SUP, {"national": "late"}), (24, EA_SUP, {"e_result": False, "digitised": False}),
            (25, EA_SUP, {"national": "open", "open_until": datetime(2025, 10, 10, 17), "e_result": False}),
            (26, EA_SUP, {"online": False, "vneid": False}), (26, SO_VH, {}),
        ):  # fmt: skip
            pushed(kit, world.dossier(day, unit, ma_tthc=BIRTH, **facts), datetime(2025, 9, day, 8), facts)
        units = {"path": str(HOME / "include" / "lienthong" / "reference"), "pattern": "{dataset}.csv"}
        where = {
            "danh_muc": Connection("danh_muc", "fs", extra=units),
            "danh_gia": Connection("danh_gia", "http", host=kit.running.url, extra={
                "root_department_id": department_id("H15"), "pause": "0", "snapshot": "window", "periods": "month",
            }),
        }  # fmt: skip
        pipeline = Pipeline(SETTINGS, load_all(HOME / "expectations"), province, where.__getitem__)
        pipeline.run("don_vi", DAY)
        pulled = pipeline.run("chi_so_cong_bo", DAY)
        assert pulled.inserted == pulled.extracted > 100
        yield world


def pushed(kit, code, received, facts):
    """The record and the closing step that say the same to the portal as the facts do here."""
    ended = received + timedelta(days=1)
    late, open_ = facts.get("national") == "late", facts.get("national") == "open"
    known = str(int(facts.get("vneid", True)))
    due = facts.get("open_until") or (received if late else received + timedelta(days=2))
    kit.client.push(dossier(
        code, MaTTHC=BIRTH, KenhThucHien="2" if facts.get("online", True) else "1",
        NgayTiepNhan=f"{received:%Y%m%d%H%M%S}", NgayNopHoSo=f"{received:%Y%m%d%H%M%S}",
        NgayHenTra=f"{due:%Y%m%d%H%M%S}", TrangThaiHoSo="4" if open_ else "10",
        NgayTra="" if open_ else f"{ended:%Y%m%d%H%M%S}", NgayKetThucXuLy="" if open_ else f"{ended:%Y%m%d%H%M%S}",
        TaiKhoanDuocXacThucVoiVNeID=known, DSKetNoiCSDL=[], HoSoCoThanhPhanSoHoa=str(int(facts.get("digitised", True))),
        DanhSachGiayToKetQua=RESULT if facts.get("e_result", True) else [],
    ))  # fmt: skip
    kit.client.steps(step(code, ThoiDiemXuLy=f"{received:%Y%m%d%H%M%S}", TrangThai="2"))
    if not open_:
        kit.client.steps(step(code, ThoiDiemXuLy=f"{ended:%Y%m%d%H%M%S}", TrangThai="9"))


def compared(world, unit):
    with world.warehouse.session() as session:
        return {one.code: one for one in index766.compare(session, SEPTEMBER, settings=SETTINGS, units=[unit])}


def test_the_same_dossiers_on_both_sides_are_equal_in_every_figure_that_both_count(both):
    for unit, received in ((EA_SUP, 5), (SO_VH, 1), ("H15", 6)):
        found = compared(both, unit)
        counted = {code: one for code, one in found.items() if one.numerator is not None}
        assert set(counted) >= {
            "DOSSIER_SYNC", "PROGRESS_ON_TIME", "ONLINE_DOSSIER", "ONLINE_PAYMENT_DOSSIER", "ORIGINAL_RESULT_AVAILABLE",
            "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA", "CITIZEN_DATA_CONNECTED_DOSSIER",
            "DOSSIER_RECEIVING_SATISFACTION",
        }  # fmt: skip
        assert counted["PROGRESS_ON_TIME"].theirs.denominator == received
        assert {code: (one.numerator, one.denominator, one.score) for code, one in counted.items()
                if one.numerator or one.denominator or one.score} == {}  # fmt: skip
        assert [one.cause for code in counted for one in found[code].reasons if one.examples] == []


def test_what_never_left_and_what_changed_after_the_snapshot_is_named(both):
    lost = both.dossier(12, ma_tthc=BIRTH, sent=None)
    with both.warehouse.session() as session:
        (changed,) = (
            session.execute(
                "SELECT ma_ho_so FROM marts.dossiers WHERE ma_don_vi = %s AND received_on = %s",
                [EA_SUP, date(2025, 9, 22)],
            )
            .fetchone()
            .values()
        )
        session.execute(
            "INSERT INTO marts.dossiers_history SELECT *, '2025-10-05' FROM marts.dossiers WHERE ma_ho_so = %s",
            [changed],
        )
        session.execute(
            "UPDATE marts.dossiers SET national = 'late', known_from = '2025-10-05' WHERE ma_ho_so = %s", [changed]
        )
    progress = compared(both, EA_SUP)["PROGRESS_ON_TIME"]
    assert (progress.numerator, progress.denominator, progress.score < 0) == (Decimal(0), Decimal(1), True)
    assert {one.cause: (one.examples, one.numerator, one.denominator) for one in progress.reasons if one.examples} == {
        "unsent": ((lost,), 1, 1), "restated": ((changed,), -1, 0),
    }  # fmt: skip
    assert progress.explained
