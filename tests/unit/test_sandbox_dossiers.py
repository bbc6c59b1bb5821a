"""The dossiers of the quarter: how many, where, when, how long, and that each lives lawfully."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox.calendar_vn import DAY, WorkingTime, day_number, moment
from lienthong.sandbox.dossiers import Arrivals, Habits
from lienthong.sandbox.lives import FINISHED, NEVER, RETURNED, SUBMITTED
from lienthong.sandbox.procedures import COMMUNE, PROVINCE, demand, load
from lienthong.sandbox.province import SEED
from lienthong.sandbox.units import unit, units
from tests.unit.sandbox_kit import new_days, quarter

COMMUNES = np.array([bool(one.commune) for one in units()])
WINDOW_END = day_number(date(2025, 9, 3)) * DAY
ALLOWED = {
    1: {2, 3, 7}, 2: {4, 5, 6, 7, 8, 9}, 4: {4, 5, 6, 7, 8, 9}, 5: {2, 4, 3, 7, 8},
    6: {4, 7, 8, 9}, 8: {4, 10}, 9: {10, 4}, 3: set(), 7: set(), 10: set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def dossiers():
    return quarter()[0]


@pytest.fixture(scope="module")
def plan():
    return quarter()[1]


def received_by_day(dossiers):
    days = dossiers.received // DAY
    return {
        moment(day * DAY).date(): int(count) for day, count in zip(*np.unique(days, return_counts=True), strict=True)
    }


def test_the_quarter_has_320_000_dossiers_split_between_province_and_communes(dossiers):
    assert len(dossiers) == pytest.approx(320_000, rel=0.01)
    assert 1 - COMMUNES[dossiers.unit].mean() == pytest.approx(0.37, abs=0.01)


def test_the_monthly_volume_is_a_parameter():
    few = new_days(monthly={"2025-08": 5_000})
    dossiers, _ = few.upto(date(2025, 9, 30))
    assert len(dossiers) == pytest.approx(5_000, rel=0.03)
    assert {day.month for day in received_by_day(dossiers)} == {8}


def test_the_week_and_the_holidays_show(dossiers):
    counts = received_by_day(dossiers)
    ordinary = [counts[date(2025, 7, 7) + timedelta(n)] for n in range(5)]
    assert min(ordinary) > 4_000
    assert ordinary[0] > ordinary[4]
    assert 100 < counts[date(2025, 7, 12)] < 0.1 * min(ordinary)
    assert 10 < counts[date(2025, 7, 13)] < 0.03 * min(ordinary)
    assert counts[date(2025, 9, 1)] + counts[date(2025, 9, 2)] < 200
    assert counts[date(2025, 9, 3)] > max(ordinary[1:])


def test_on_a_day_off_only_online_dossiers_come(dossiers):
    off = ~WorkingTime().works(dossiers.received // DAY)
    assert set(dossiers.channel[off]) == {2}
    desk = (dossiers.received % DAY)[dossiers.channel != 2]
    assert desk.min() >= 7 * 3600
    assert desk.max() <= 17 * 3600


def test_units_are_of_very_different_size(dossiers):
    sizes = np.bincount(dossiers.unit, minlength=len(units()))
    assert (sizes > 0).all()
    assert sizes[COMMUNES].max() > 10 * np.sort(sizes[COMMUNES])[5]
    assert sizes[[one.code for one in units()].index("H15.131")] > 5_000


def test_resolved_and_on_time_shares_are_the_published_ones(dossiers):
    commune = COMMUNES[dossiers.unit]
    early = dossiers.received < WINDOW_END
    resolved = dossiers.ended < WINDOW_END
    on_time = dossiers.ended // DAY <= dossiers.due_after // DAY  # by dates, as local reports count
    for level, open_share, punctual in ((~commune, 0.7838, 0.987), (commune, 0.9068, 0.990)):
        assert resolved[early & level].mean() == pytest.approx(open_share, abs=0.015)
        assert on_time[early & level & resolved].mean() == pytest.approx(punctual, abs=0.003)
    assert on_time[early & resolved].mean() > 0.98


def test_channels_and_owners(dossiers):
    commune = COMMUNES[dossiers.unit]
    assert (dossiers.channel[~commune] == 2).mean() == pytest.approx(0.46, abs=0.03)
    assert (dossiers.channel[commune] == 2).mean() == pytest.approx(0.36, abs=0.03)
    assert 0.01 < (dossiers.channel == 0).mean() < 0.05
    assert (dossiers.owner == 1).mean() > 0.7
    assert (dossiers.owner[~commune] == 2).mean() > 2 * (dossiers.owner[commune] == 2).mean()


def test_the_serial_starts_anew_with_each_day_and_unit(dossiers):
    days = dossiers.received // DAY
    for code in ("H15.50", "H15.131", "H15.52"):
        place = [one.code for one in units()].index(code)
        for day in np.unique(days)[:20]:
            mine = (dossiers.unit == place) & (days == day)
            assert (dossiers.serial[mine] == np.arange(1, mine.sum() + 1)).all()
            assert (np.diff(dossiers.received[mine]) >= 0).all()


def test_dates_follow_each_other(dossiers):
    assert (dossiers.submitted <= dossiers.received).all()
    assert (dossiers.due >= dossiers.received).all()
    assert (dossiers.due_after >= dossiers.due).all()
    calendar = WorkingTime()
    for appointments in (dossiers.due, dossiers.due_after):
        assert calendar.works(appointments // DAY).all()


def test_every_life_goes_forward_through_lawful_statuses(dossiers, plan):
    sample = np.flatnonzero(plan.kind < 0)[::40]
    for times, statuses in zip(dossiers.times[sample], dossiers.statuses[sample], strict=True):
        taken = times != NEVER
        assert (np.diff(times[taken]) > 0).all()
        path = statuses[taken].tolist()
        assert path[0] in (1, 2)
        assert all(after in ALLOWED[before] for before, after in pairwise(path)), path


def test_every_status_is_met(dossiers):
    assert set(dossiers.statuses[dossiers.times != NEVER]) == set(range(1, 11))


def test_officers_work_in_working_time(dossiers):
    calendar = WorkingTime()
    times = dossiers.times[:, SUBMITTED + 1 :]
    steps = times[times != NEVER]
    assert calendar.works(steps // DAY).all()
    assert (calendar.start(steps) == steps).all()


def test_the_end_is_the_first_closing_step(dossiers, plan):
    clean = (plan.kind < 0) & (dossiers.times[:, RETURNED] != NEVER)
    assert (dossiers.ended[clean] == dossiers.times[clean, FINISHED]).all()


def test_a_day_is_the_same_alone_and_after_others():
    habits = Habits(monthly={"2025-09": 5_000})
    known, calendar = load(), WorkingTime()

    def arrivals(seed):
        return Arrivals(seed, known, units(), calendar, habits)

    day = date(2025, 9, 17)
    one, other = arrivals(SEED), arrivals(SEED)
    for n in range(5):
        other.on(day - timedelta(n))
    assert same(one.on(day), other.on(day))
    assert not same(one.on(day), arrivals(SEED + 1).on(day))


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("ids", "unit", "received", "times", "due")
    )


def procedure(code, level, days, unit="Ngày làm việc", channels=("1", "2", "3"), fee="0", field="G15-TP01"):
    """The shape of LayThuTuc, as small as it may be."""
    fees = [{"MAPHILEPHI": "P1", "SOTIEN": fee}] if fee != "0" else []
    return {
        "MATTHC": code, "TENTTHC": f"Thủ tục  {code}", "TRANGTHAI": "1",
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": level, "TENCAP": ""}],
        "LINHVUCTHUCHIEN": [{"MALINHVUC": field, "TENLINHVUC": ""}],
        "CACHTHUCTHUCHIEN": [
            {"KENH": channel, "THOIGIAN": [{"THOIGIANGIAIQUYET": days, "DONVITINH": unit, "PHILEPHI": fees}]}
            for channel in channels
        ],
        "DOITUONGTHUCHIEN": [{"MADOITUONG": "1", "TENDOITUONG": "Công dân Việt Nam"}],
        "KETQUATHUCHIEN": [{"MAKETQUA": "KQ.G15.000001"}],
    }  # fmt: skip


SMALL = [
    procedure("1.000001", COMMUNE, "1"), procedure("1.000002", COMMUNE, "10", fee="50000"),
    procedure("1.000003", COMMUNE, "4", "Giờ làm việc", ("1",)), procedure("1.000004", COMMUNE, "0"),
    procedure("2.000001", PROVINCE, "30", "Ngày"), procedure("2.000002", PROVINCE, "5"),
    {**procedure("9.000001", COMMUNE, "1"), "TRANGTHAI": "0"},
]  # fmt: skip


def test_another_catalogue_of_the_same_shape_is_taken():
    known = load({"procedures": SMALL})
    assert list(known.codes) == [entry["MATTHC"] for entry in SMALL[:-1]]  # the withdrawn one is not asked for
    assert known.names[0] == "Thủ tục 1.000001"
    assert known.fee[1].tolist() == [50_000] * 3
    assert known.offered[2].tolist() == [True, False, False]
    assert not load([procedure("1.000005", COMMUNE, "1", channels=("0", "7"))]).offered.any()
    dossiers, _ = new_days(catalogue=SMALL, monthly={"2025-09": 4_000}).upto(date(2025, 9, 10))
    levels = known.codes[dossiers.procedure]
    assert {code[0] for code in levels[COMMUNES[dossiers.unit]]} == {"1"}
    assert {code[0] for code in levels[~COMMUNES[dossiers.unit]]} == {"2"}


def test_demand_leans_towards_procedures_that_keep_the_published_share_open():
    known = load(SMALL)
    chosen = [unit("H15.131"), unit("H15.14")]
    quick, slow = demand(known, chosen, (0.02, 0.02)), demand(known, chosen, (0.4, 0.15))
    assert quick.sum(axis=1) == pytest.approx([1, 1])
    assert (quick @ known.days() < slow @ known.days()).all()


def test_an_unusable_catalogue_is_refused():
    with pytest.raises(NeedsPerson, match="at least one public procedure"):
        load([SMALL[-1]])
    with pytest.raises(NeedsPerson, match="Tuần"):
        load([procedure("1.000001", COMMUNE, "1", "Tuần")])
