"""Our own records give the counters of the index, what they cannot know is named, and differences have dossiers."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from lienthong.batches import LOCAL
from lienthong.cli import app
from lienthong.errors import NeedsPerson
from lienthong.indicators import index766
from lienthong.indicators.refresh import refresh
from lienthong.services.airflow import as_json

from . import world as lives
from .index766_world import EA_SUP, FREE, HORIZON, NO_PAPER, SETTINGS, SO_VH, WITH_FEE, World

SEPTEMBER = index766.Period.parse("2025-09")


@pytest.fixture
def world(province):
    return World(province)


def of(world, unit=EA_SUP, period=SEPTEMBER, as_of=None, **options):
    with world.warehouse.session() as session:
        found = index766.of_warehouse(session, period, as_of, settings=SETTINGS, units=[unit], **options)
    return found[0]


def compared(world, unit=EA_SUP):
    with world.warehouse.session() as session:
        found = index766.compare(session, SEPTEMBER, settings=SETTINGS, units=[unit])
    return {one.code: one for one in found}


def causes(difference):
    return {one.cause: (one.dossiers, one.numerator, one.denominator) for one in difference.reasons if one.dossiers}


def test_counters_of_a_unit_its_sum_and_the_province(world):
    world.dossier(1)
    world.dossier(2, national="late", ma_tthc=WITH_FEE, has_fee=True, paid_online=True, fee=5000)
    late_later = world.dossier(3, national="open", open_until=datetime(2025, 9, 30, 17), e_result=False)
    world.core("ho_so", late_later, ma_ho_so=late_later, giay_to_tai_su_dung="1")
    world.dossier(4, national="open", open_until=datetime(2025, 10, 9, 17), e_result=False, digitised=False)
    world.dossier(5, ma_tthc=NO_PAPER, e_result=False, digitised=False, vneid=False, from_store=True, sent="pending")
    world.dossier(6, unit=SO_VH, ma_tthc=WITH_FEE, has_fee=True, online=False, sent=None)
    world.dossier(7, counted=False)
    fee_of_nothing = world.dossier(8, ma_tthc=FREE, has_fee=True, paid_online=True)
    commune = of(world)
    assert {name: commune.counters[name] for name in (
        "received", "on_time", "with_fee", "paid_online", "e_results", "digitised", "reused", "synced_personal",
        "citizen_data", "online_dossiers", "sync_dossiers", "sync_dossiers_of", "online_payment_formality",
        "online_payment_formality_of", "online_fee_formality", "mean_days",
    )} == {
        "received": 6, "on_time": 4, "with_fee": 1, "paid_online": 1, "e_results": 3, "digitised": 3, "reused": 4,
        "synced_personal": 1, "citizen_data": 6, "online_dossiers": 4, "sync_dossiers": 5, "sync_dossiers_of": 6,
        "online_payment_formality": 1, "online_payment_formality_of": 1, "online_fee_formality": 1, "mean_days": 1,
    }, fee_of_nothing  # fmt: skip
    assert commune.stands == HORIZON
    assert commune.scored.part("PROGRESS_ON_TIME").score == Decimal("13.33")
    assert commune.scored.part("DOSSIER_SYNC").score == Decimal("5.00")
    province = of(world, "H15")
    assert (province.counters["received"], province.counters["online_payment_formality_of"]) == (7, 1)
    assert of(world, "H15-XA").counters["received"] == 6
    assert of(world, "H15-SO").counters["with_fee"] == 1
    heard = of(world, synchronised=True).counters
    assert (heard["received"], heard["synced_personal"], heard["sync_dossiers_of"]) == (5, 0, 6)


def test_what_the_warehouse_cannot_know_is_not_determined_and_taken_from_the_portal_when_it_is_known(world):
    world.dossier(1)
    world.core(
        "phan_anh_hien_truong", "PA-1", ma_phan_anh="PA-1", ma_co_quan_xu_ly=EA_SUP, trang_thai="2",
        thoi_diem_gui=datetime(2025, 9, 2), han_xu_ly=datetime(2025, 9, 5),
    )  # fmt: skip
    alone = of(world)
    unknown = {one.part.number for one in alone.scored.parts if not one.determined}
    assert unknown == {"1.1", "1.2", "1.3", "3.1", "3.2", "4.5b", "5.1", "5.1b", "5.2", "5.3"}
    assert all(one.why for one in alone.scored.parts if not one.determined)
    petitions = alone.scored.part("PETITION_PROCESSING_ON_TIME")
    assert (petitions.numerator, petitions.denominator, petitions.score) == (0, 1, 0)
    assert "phản ánh hiện trường" in petitions.why.lower()
    assert next(one for one in alone.scored.groups if one.group.code == "MDHL").score == 6, "reports are not counted"
    assert alone.completed is None
    day = date(2025, 10, 1)
    for code, points in (("PUBLISH_ON_TIME", 0), ("PUBLIC_UPDATE_ON_TIME", "3.85"), ("PUBLIC_CONTENT_FULL", 2),
                         ("CITIZEN_DATA_CONNECTED_FORMALITY", "0.5"), ("PETITION_PROCESSING_ON_TIME", 6),
                         ("PETITION_HANDLING_SATISFACTION", 6)):  # fmt: skip
        world.published(EA_SUP, code, day, points=points)
    world.published(EA_SUP, "partialCount", day, 20, 100)
    world.published(EA_SUP, "fullCount", day, 20, 100)
    world.published(EA_SUP, "onlineDossierCount", day, 10, 40)
    whole = of(world)
    assert whole.published["ONLINE_SERVICE_PROVIDED"].score == Decimal("1.00"), "2 x (0.40 / 0.80) from their counters"
    assert whole.completed == whole.scored.score + Decimal("3.85") + 2 + Decimal("0.5") + 12 + 1 + 1


def test_a_restated_dossier_changes_the_index_as_of_today_and_not_as_of_then(world):
    before = {"national": "on_time"}
    world.dossier(1, national="late", known="2025-09-20", history=[(before, "2025-09-02", "2025-09-20")])
    world.dossier(2, known="2025-09-25")
    now, then = of(world), of(world, as_of=datetime(2025, 9, 10, tzinfo=LOCAL))
    assert (now.counters["received"], now.counters["on_time"]) == (2, 1)
    assert (then.counters["received"], then.counters["on_time"], then.stands) == (1, 1, date(2025, 9, 9))


def test_days_of_which_the_steps_are_not_here_yet_are_not_counted(world):
    """The headers of the 21st are promoted, its steps are not: the dossier would count as open and as nothing else."""
    world.dossier(20)
    world.dossier(21, national="open", open_until=datetime(2025, 9, 21, 17), e_result=False)
    with world.warehouse.session() as session:
        session.execute("UPDATE marts.indicator_state SET horizon = '2025-09-20'")
    counters = of(world).counters
    assert [counters[name] for name in ("received", "on_time", "sync_dossiers", "sync_dossiers_of")] == [1, 1, 1, 1]
    world.published(EA_SUP, "totalOnTime", date(2025, 9, 20), 1, 1)
    assert compared(world)["PROGRESS_ON_TIME"].explained


def test_points_of_a_period_before_the_rules_say_so_wherever_they_are_shown(world, run):
    world.dossier(1)
    rules = index766.ruleset(SETTINGS.home)
    assert rules.note(date(2026, 1, 1)) == ""
    assert "Quy tắc 2026-10 áp dụng cho kỳ từ 01/01/2026" in rules.note(date(2025, 12, 31))
    world.published(EA_SUP, "totalOnTime", date(2025, 10, 1), 1, 1)
    assert of(world).note == compared(world)["PROGRESS_ON_TIME"].note == rules.note(SEPTEMBER.first)
    for command in ("warehouse", "forecast", "compare"):
        told = run(command, "--period", "2025-09", "--unit", EA_SUP)
        assert "không nối với các kỳ sau" in told, command
        assert "không nối với các kỳ sau" in run(command, "--period", "2025-09", "--unit", EA_SUP, "--json")


def test_periods_and_units_are_refused_with_what_would_be_right(world):
    with pytest.raises(NeedsPerson, match=r"2025-09 \(month\)"):
        index766.Period.parse("2025-13")
    with pytest.raises(NeedsPerson, match=r"No unit H15\.999"):
        of(world, "H15.999")
    with pytest.raises(NeedsPerson, match="Nothing is known of 2025-Q4 yet"):
        of(world, period=index766.Period.parse("2025-Q4"))
    quarter = index766.Period.parse("2025-Q3")
    assert (quarter.first, quarter.last, str(quarter)) == (date(2025, 7, 1), HORIZON, "2025-Q3")


def test_every_difference_is_followed_to_its_dossiers_and_the_rest_is_named(world):
    """The portal counted 5 of 6 on time when we hold 12, of which 10; each cause was made by hand."""
    for day in (1, 2, 3):
        world.dossier(day)
    refused = world.dossier(4, sent=None)
    world.sent(refused, "refused", words="MaLinhVuc không hợp lệ")
    doubtful = world.dossier(5, sent="in_doubt")
    waiting = world.dossier(6, sent="pending", national="late")
    never = world.dossier(7, sent=None)
    restated = world.dossier(
        8, national="late", known="2025-10-05", history=[({"national": "on_time"}, "2025-09-09", "2025-10-05")]
    )
    new = world.dossier(9, known="2025-10-05")
    changed = world.dossier(
        10, known="2025-09-28", history=[({"national": "open", "ended_at": None, "open_until": datetime(2025, 9, 12),
                                           "e_result": False}, "2025-09-11", "2025-09-28")]
    )  # fmt: skip
    world.sent(changed, "pending", version=2)
    steps = world.dossier(
        11, known="2025-09-28", history=[({"national": "open", "ended_at": None, "open_until": datetime(2025, 9, 13)},
                                          "2025-09-12", "2025-09-28")]
    )  # fmt: skip
    world.sent(f"{steps}|1", "pending", dataset="tien_trinh")
    world.dossier(12)
    # Theirs: 1, 2, 3, 12 and 8 on time; 10 and 11 still open and late; one dossier that nobody here knows.
    world.published(EA_SUP, "totalOnTime", date(2025, 10, 1), 6, 8, quality="TEMP_NATIONAL_REPORT_DENOMINATOR")
    found = compared(world)["PROGRESS_ON_TIME"]
    assert (found.numerator, found.denominator) == (4, 4)
    assert causes(found) == {
        "refused": (1, 1, 1), "in_doubt": (1, 1, 1), "pending": (1, 0, 1), "unsent": (1, 1, 1),
        "restated": (1, -1, 0), "new_since": (1, 1, 1), "change_waits": (1, 1, 0), "steps_wait": (1, 1, 0),
    }  # fmt: skip
    named = {one.cause: one.examples for one in found.reasons if one.examples}
    assert named == {
        "refused": (refused,), "in_doubt": (doubtful,), "pending": (waiting,), "unsent": (never,),
        "restated": (restated,), "new_since": (new,), "change_waits": (changed,), "steps_wait": (steps,),
    }  # fmt: skip
    assert next(one.said for one in found.reasons if one.cause == "refused") == "MaLinhVuc không hợp lệ"
    assert (found.unexplained_numerator, found.unexplained_denominator) == (-1, -1), "the one that nobody here knows"
    assert not found.explained
    assert "provisional" in {one.cause for one in found.reasons}
    world.published(EA_SUP, "totalOnTime", date(2025, 10, 2), 5, 7)
    assert compared(world)["PROGRESS_ON_TIME"].explained, "the newest snapshot counts"


def test_time_that_passed_since_the_snapshot_is_a_cause_of_its_own(world):
    world.dossier(1)
    code = world.dossier(20, national="open", open_until=datetime(2025, 9, 25, 17), known="2025-09-21")
    world.published(EA_SUP, "totalOnTime", date(2025, 9, 22), 2, 2)
    found = compared(world)["PROGRESS_ON_TIME"]
    assert causes(found) == {"time_passed": (1, -1, 0)}
    assert found.reasons[0].examples == (code,)
    assert found.explained


def test_the_line_of_synchronisation_lacks_what_the_portal_never_accepted(world):
    world.dossier(1)
    missing = world.dossier(2, sent="pending")
    world.published(EA_SUP, "DOSSIER_SYNC", date(2025, 10, 1), 1, 1, points=6)
    found = compared(world)["DOSSIER_SYNC"]
    assert (found.score, found.numerator, found.denominator) == (Decimal("-3.00"), 0, 1)
    assert causes(found) == {"pending": (1, 0, 1)}
    assert found.reasons[0].examples == (missing,)
    assert found.explained


@pytest.fixture
def run(world, monkeypatch):
    """The command on the world's warehouse; gives its words as one line."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", as_json(world.warehouse.connection))

    def call(*words, fails=False):
        done = CliRunner().invoke(app, ["index", *words], env={"COLUMNS": "220"})
        assert done.exit_code == int(fails), done.output
        return done.output if "--json" in words else " ".join(done.output.split())

    return call


def test_the_commands_say_what_the_functions_find(world, run):
    refused = world.dossier(1, sent=None)
    world.sent(refused, "refused", words="MaLinhVuc [bold]không hợp lệ")
    world.dossier(2)
    told = run("warehouse", "--period", "2025-09", "--unit", EA_SUP)
    assert "2025-09 as of the end of 2025-09-30" in told
    assert "Không có danh mục dịch vụ công trực tuyến" in told
    (unit,) = json.loads(run("warehouse", "--period", "2025-Q3", "--unit", EA_SUP, "--json"))
    assert (unit["counters"]["received"], unit["groups"]["TDGQ"]["score"]) == (2, "20.00")
    (unit,) = json.loads(run("warehouse", "--period", "2025", "--unit", EA_SUP, "--synchronised", "--json"))
    assert unit["counters"]["received"] == 1
    assert "nothing of 2025-09" in run("compare", "--period", "2025-09")
    world.published("H15", "totalOnTime", date(2025, 10, 1), 1, 1)
    told = run("compare", "--period", "2025-09")
    assert "Cổng từ chối nhận hồ sơ: 1 (+1/+1)" in told
    assert "[bold]" in told, "a receiver's words are no markup"
    assert refused in told
    found = json.loads(run("compare", "--period", "2025-09", "--json"))
    (line,) = [one for one in found if one["code"] == "PROGRESS_ON_TIME" and one["unit"] == "H15"]
    assert line["reasons"][0]["examples"] == [refused]
    assert "0 days left" in run("forecast", "--period", "2025-09", "--unit", EA_SUP)
    assert "A period is written" in run("warehouse", "--period", "thang 9", fails=True)


@pytest.mark.parametrize("text", ["2025-07", "2025-09", "2025-Q3", "2025"])
def test_the_counters_are_the_marts_own_measures_where_both_count_the_same(province, text):
    """Of a world of odd lives, refreshed from core: two statements that share no line must agree on every unit."""
    headers, steps = lives.lives(5)
    lives.catalogues(province)
    days = sorted({row["ngay_tiep_nhan"].date() for row in headers})
    lives.write(province, ho_so=headers, tien_trinh=steps, promoted=days)
    refresh(province, "H15")
    period = index766.Period.parse(text)
    kind = {"thang": "month", "quy": "quarter", "nam": "year"}[period.kind]
    with province.session() as session:
        measures = {
            row["unit"]: (row["received"], row["on_time"], row["digitised"], row["from_store"])
            for row in session.execute(
                "SELECT unit, received, national_on_time + national_open_in_time AS on_time, digitised,"
                " from_store FROM marts.unit_periods WHERE kind = %s AND start = %s",
                [kind, period.first],
            )
        }
        found = {one.unit: one for one in index766.of_warehouse(session, period, settings=SETTINGS)}
    assert sum(own[0] for own in measures.values()) > 50
    assert {
        unit: tuple(one.counters[name] for name in ("received", "on_time", "reused", "synced_personal"))
        for unit, one in found.items() if one.counters["received"]
    } == {unit: own for unit, own in measures.items() if own[0]}  # fmt: skip
