"""What days, catalogues and losses do to the marts: nothing that did not happen, and no more work than they cause."""

from datetime import date, datetime

import pytest

from lienthong import quality
from lienthong.batches import Window
from lienthong.indicators import refresh as module
from lienthong.indicators.refresh import refresh
from lienthong.quality import judging
from lienthong.quality.great import Found
from lienthong.warehouse.promote import promote
from tests.sql.builders import land

from . import world
from .test_marts import fill, said

DAY = date(2025, 8, 19)


def query(warehouse, text, *values):
    with warehouse.session() as session:
        return [tuple(row.values()) for row in session.execute(text, list(values))]


def dossier(number, received="2025-08-19 08:00", status="4", ended=None, **more):
    return world.dossier(f"H15.102-{number:04d}", received, "2025-08-25 17:00", status, ended, **more)


def month(warehouse, columns, unit="H15", kind="month", start=date(2025, 8, 1)):
    found = query(warehouse, f"SELECT {columns} FROM marts.unit_periods WHERE (unit, kind, start) = (%s, %s, %s)",
        unit, kind, start)  # fmt: skip
    return found[0] if found else None


@pytest.fixture
def wanted(monkeypatch):
    """How many cells each refresh looked at."""
    seen = []
    analyze = module._Refresh._analyze

    def count(self, *tables):
        analyze(self, *tables)
        if "wanted" in tables:
            seen.append(self.session.execute("SELECT count(*) AS n FROM wanted").fetchone()["n"])

    monkeypatch.setattr(module._Refresh, "_analyze", count)
    return seen


POINTS = {
    "H15.100": ("2025-08-01 08:00:00", 6),
    "H15.102": ("2025-08-02 08:00:00", 4),
    "H15.10": ("2025-06-01 08:00:00", 2),
}
COMPUTERS = (
    "SELECT unit, start, numerator::int FROM marts.indicators WHERE indicator = 'may_tinh_moi_can_bo' AND kind = 'day'"
    " AND unit IN ('H15', 'H15.102') AND start BETWEEN '2025-08-17' AND '2025-08-21' ORDER BY 1, 2"
)


def snapshot(warehouse, contract, day, points, monkeypatch):
    """One day's file of the service points, through the promote that production uses."""
    monkeypatch.setattr(judging, "expect", lambda *_: Found({one.id: 0 for one in contract.rules}, None))
    given = {"so_quay": "2", "so_can_bo": "2", "so_may_quet": "1", "mang_chuyen_dung": "1", "bang_thong_mbps": "100",
        "tru_so": "12 Lê Duẩn", "dien_thoai": "02623856789", "gio_sang": "07:30-11:30", "gio_chieu": "13:30-17:00",
        "lam_thu_bay": "1"}  # fmt: skip
    rows = [
        tuple({**given, "ma_don_vi": unit, "cap_nhat_luc": since, "so_may_tinh": str(computers)}.get(c)
            for c in contract.names)
        for unit, (since, computers) in points.items()
    ]  # fmt: skip
    window = Window.of_day(day)
    plan = land(warehouse, contract, window, {"so": rows})
    quality.judge(warehouse, contract, window, plan.run_id)
    return promote(warehouse, contract, window, plan.run_id)


def test_a_past_period_keeps_its_equipment_whatever_file_came_since(province, contracts, monkeypatch):
    contract = contracts["diem_phuc_vu"]
    world.catalogues(province)
    snapshot(province, contract, date(2025, 8, 18), POINTS, monkeypatch)
    world.write(province, ho_so=[dossier(1, "2025-08-17 08:00")], promoted=[date(2025, 8, 18)])
    refresh(province, "H15")
    first = query(province, COMPUTERS)
    assert first == [(unit, date(2025, 8, day), n) for unit, n in (("H15", 12), ("H15.102", 4)) for day in (17, 18)]
    # The next day's file: one unit bought computers, the others are as they were; that day moves past periods too.
    later = {**POINTS, "H15.102": ("2025-08-19 10:00:00", 9)}
    done = snapshot(province, contract, DAY, later, monkeypatch)
    assert (done.updated, done.unchanged) == (1, 2)
    world.write(province, ho_so=[dossier(1, "2025-08-17 09:00"), dossier(2)], promoted=[DAY])
    refresh(province, "H15")
    second = [*first[:2], ("H15", DAY, 17), *first[2:], ("H15.102", DAY, 9)]
    assert query(province, COMPUTERS) == second
    lost = "SELECT count(*) FROM marts.indicators_history WHERE kind = 'day' AND indicator LIKE 'may%%'"
    assert query(province, lost) == [(0,)]
    # Then one point closes: gone on that day, still there before.
    snapshot_gone(province, contract, date(2025, 8, 20))
    world.write(province, promoted=[date(2025, 8, 20)])
    refresh(province, "H15")
    assert query(province, COMPUTERS) == [*second[:3], ("H15", date(2025, 8, 20), 8), *second[3:]]
    refresh(province, "H15", whole=True)
    assert query(province, COMPUTERS) == [*second[:3], ("H15", date(2025, 8, 20), 8), *second[3:]]


def snapshot_gone(warehouse, contract, day):
    """What a promote leaves of a record that the day's file lacks (its brake would hold one of three)."""
    with warehouse.session() as session:
        kept = ("record_key", "source", "source_time", "row_hash", "version", "run_id", "loaded_at", "deleted_at")
        names = ", ".join([*contract.names, *(f"_{name}" for name in kept)])
        session.execute(f"INSERT INTO history.diem_phuc_vu ({names}) SELECT {names} FROM core.diem_phuc_vu"
            " WHERE ma_don_vi = 'H15.102'")  # fmt: skip
        session.execute(
            "UPDATE core.diem_phuc_vu SET _deleted_at = clock_timestamp(), _version = _version + 1, _source_time ="
            " (%s::date + 1)::timestamp WHERE ma_don_vi = 'H15.102'", [day])  # fmt: skip


def test_a_changed_service_point_is_said_anew_from_its_change_on(province, wanted):
    fill(province, 4)
    wanted.clear()
    (point, *_) = world.equipment(4)
    world.write(province, diem_phuc_vu=[{**point, "so_may_tinh": 99, "cap_nhat_luc": datetime(2025, 9, 25, 9)}])
    refresh(province, "H15")
    # It, its sum and the province: the days from its change on, and the longer periods that end later.
    assert 0 < wanted[0] <= query(province, "SELECT 3 * count(*) FROM marts.periods WHERE stands >= %s",
        min(point["cap_nhat_luc"].date(), date(2025, 9, 25)))[0][0]  # fmt: skip
    assert query(province, "SELECT count(DISTINCT unit) FROM marts.indicators WHERE indicator LIKE 'may_tinh%%'"
        " AND known_from = (SELECT refreshed_at FROM marts.indicator_state)") == [(3,)]  # fmt: skip


def test_a_unit_that_is_called_otherwise_has_a_new_name_and_nothing_else(province, wanted):
    fill(province, 4)
    before = said(province)
    wanted.clear()
    code, _, kind, commune = world.UNITS[2]
    world.write(province, don_vi=[{"ma_don_vi": code, "ten_don_vi": "Xã Ea Súp Mới", "loai": kind, "ma_xa": commune,
        "hieu_luc_tu": date(2025, 7, 1)}])  # fmt: skip
    done = refresh(province, "H15")
    assert query(province, "SELECT name FROM marts.units WHERE unit = %s", code) == [("Xã Ea Súp Mới",)]
    assert (wanted, done.dossiers, done.written) == ([0], 0, 0)
    assert said(province) == before


def test_days_after_the_horizon_wait_until_it_reaches_them(province):
    """ho_so of 20 August is promoted, tien_trinh is not: its receptions, ends and feedback are in no figure yet."""
    world.catalogues(province)
    words = [{"ma_phan_anh": "P1", "ma_xa": "24121", "thoi_diem_gui": "2025-08-20 10:00", "muc_do_hai_long": "3"}]
    ended = dossier(1, status="9", ended="2025-08-20 10:00")
    world.write(
        province, ho_so=[ended, dossier(2, "2025-08-20 08:00")], phan_anh_hien_truong=words, promoted=[DAY],
        tien_trinh=[world.step("H15.102-0001", "2025-08-20 10:00", "9")],
    )  # fmt: skip
    refresh(province, "H15")
    columns = "received, resolved, working_counted, pending, feedback"
    assert month(province, columns) == (1, 0, 0, 1, 0)
    assert query(province, "SELECT count(*) FROM marts.durations") == [(0,)]
    world.write(province, promoted=[date(2025, 8, 20)])
    refresh(province, "H15")
    assert month(province, columns) == (2, 1, 1, 1, 1)
    by_differences = said(province)
    with province.session() as session:
        module.forget(session)
    refresh(province, "H15")
    assert said(province) == by_differences


def test_no_period_begins_before_the_floor_and_what_is_older_is_carried_over(province):
    world.catalogues(province)
    old = dossier(2, "2015-08-19 08:00")
    world.write(province, ho_so=[dossier(1), old, dossier(3, "2025-06-10 08:00", "9", "2025-08-19 10:00")],
        promoted=[DAY])  # fmt: skip
    refresh(province, "H15")
    assert query(province, "SELECT min(begins), count(*) FILTER (WHERE kind = 'month') FROM marts.periods") == [
        (date(2025, 7, 1), 2)
    ]
    year = (date(2025, 1, 1),)
    assert month(province, "received, resolved, carried_over, pending", "H15", "year", *year) == (1, 1, 2, 2)
    assert month(province, "received, carried_over, pending", "H15", "month", date(2025, 7, 1)) == (0, 2, 2)
    assert month(province, "carried_over", "H15", "day", date(2025, 7, 1)) == (2,)
    # A floor that moves: as if it had been there from the beginning.
    refresh(province, "H15", floor=date(2025, 8, 1))
    moved = said(province)
    assert month(province, "received, carried_over, pending") == (1, 2, 2)
    with province.session() as session:
        module.forget(session)
    refresh(province, "H15", floor=date(2025, 8, 1))
    assert said(province) == moved


def test_when_nothing_is_left_nothing_is_said_and_it_is_kept_that_it_was(province):
    world.catalogues(province)
    world.write(province, ho_so=[dossier(1)], promoted=[DAY])
    refresh(province, "H15")
    (before,) = query(province, "SELECT count(*) FROM marts.indicators")
    world.write(province, ho_so=[{**dossier(1), "_deleted": True}])
    refresh(province, "H15")
    assert query(province, "SELECT count(*) FROM marts.indicators") == [(0,)]
    assert query(province, "SELECT count(*) FROM marts.indicators_history") == [before]


def test_feedback_that_a_rebuilt_dataset_lacks_is_taken_back(province):
    fill(province, 4)
    with province.session() as session:
        session.execute("DELETE FROM core.phan_anh_hien_truong WHERE ma_phan_anh > 'PA-0010'")
        session.execute(
            "UPDATE ops.dataset_versions SET version = 5, first_version = 5 WHERE dataset = 'phan_anh_hien_truong'"
        )
    refresh(province, "H15")
    (left,) = query(province, "SELECT count(*) FROM core.phan_anh_hien_truong")
    assert query(province, "SELECT count(*) FROM marts.feedback") == [left]
    assert query(province, "SELECT sum(feedback) FROM marts.cells WHERE (unit, kind) = ('H15', 'year')") == [left]


def test_who_was_stopped_for_good_is_no_longer_pending(province):
    world.catalogues(province)
    world.write(province, ho_so=[dossier(1, status="8", ended="2025-08-20 10:00"), dossier(2, status="8"), dossier(3)],
        promoted=[DAY, date(2025, 8, 20)])  # fmt: skip
    refresh(province, "H15")
    assert month(province, "pending", "H15", "day", DAY) == (3,)
    after = month(province, "pending, pending_in_time, resolved, closed", "H15", "day", date(2025, 8, 20))
    assert after == (2, 2, 0, 1)


def test_without_a_baseline_the_cost_says_nothing(province):
    world.catalogues(province)
    with province.session() as session:
        session.execute("DELETE FROM marts.targets")
    world.write(province, ho_so=[dossier(1, muc_phi=50000)], promoted=[DAY])
    refresh(province, "H15")
    cost = "SELECT count(*) FROM marts.indicators WHERE indicator = 'giam_chi_phi'"
    assert query(province, cost) == [(0,)]
    with province.session() as session:
        session.execute("UPDATE marts.targets SET baseline = 100000 WHERE indicator = 'giam_chi_phi'")
    refresh(province, "H15")
    assert query(province, cost + " AND value = 0.5 AND unit = 'H15'") == [(4,)]


def test_a_commune_is_found_behind_the_name_of_whatever_province(province):
    world.catalogues(province)
    world.write(province, ho_so=[dossier(1, dia_chi="Thôn 1, Xã Ea Súp, tỉnh Gia Lai")], promoted=[DAY])
    refresh(province, "H15")
    assert query(province, "SELECT outside_commune FROM marts.dossiers") == [(None,)]
    refresh(province, "H15", province="Gia Lai")
    assert query(province, "SELECT outside_commune FROM marts.dossiers") == [(True,)]


def test_a_unit_that_no_catalogue_had_counts_for_the_province_alone(province):
    world.catalogues(province)
    world.write(province, ho_so=[dossier(1, unit="H15.999")], promoted=[DAY])
    refresh(province, "H15")
    got = query(province, "SELECT unit FROM marts.cells WHERE kind = 'month' AND received = 1 ORDER BY 1")
    assert got == [("H15",), ("H15.999",)]


def test_a_dataset_that_the_last_refresh_did_not_know_is_new(province):
    horizon = fill(province, 4)
    with province.session() as session:
        session.execute("UPDATE marts.indicator_state SET seen = seen - 'thu_tuc'")
    refresh(province, "H15")
    assert horizon
