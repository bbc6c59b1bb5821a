"""Whatever happened, the marts say what core says: checked against pandas, and against marts made from nothing."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.errors import InsufficientPrivilege

from lienthong.indicators import reading
from lienthong.indicators.declared import declared
from lienthong.indicators.refresh import forget, refresh

from . import recomputed, world

CONTENT = {
    "dossiers": "*", "cells": "*", "durations": "*", "duration_hours": "*", "stocks": "*", "periods": "*",
    "feedback": "*", "equipment": "*",
    "indicators": "indicator, unit, kind, start, numerator, denominator, value",
}  # fmt: skip


def said(warehouse):
    """All that the marts say, but since when."""
    found = {}
    with warehouse.session() as session:
        for table, columns in CONTENT.items():
            rows = session.execute(f"SELECT {columns} FROM marts.{table}")
            found[table] = sorted(repr({n: v for n, v in row.items() if n != "known_from"}) for row in rows)
    return found


def fill(warehouse, seed, order=None):
    """A world that comes in parts by the day of reception, refreshed after each; gives the newest day."""
    world.catalogues(warehouse)
    headers, steps = world.lives(seed)
    write_extras(warehouse, seed)
    days = sorted({row["ngay_tiep_nhan"].date() for row in headers})
    groups = [days[n::4] for n in range(4)] if order else [days]
    for group in [groups[n] for n in order or (0,)]:
        mine = [row for row in headers if row["ngay_tiep_nhan"].date() in group]
        codes = {row["ma_ho_so"] for row in mine}
        world.write(
            warehouse, ho_so=mine, tien_trinh=[one for one in steps if one["ma_ho_so"] in codes], promoted=group
        )
        refresh(warehouse, "H15")
    return days[-1]


def write_extras(warehouse, seed):
    world.write(warehouse, phan_anh_hien_truong=world.feedback(seed), diem_phuc_vu=world.equipment(seed))


def agree(warehouse, horizon, chance):
    """Every value of the marts is the one of pandas, and the other way round: on some days, the newest among them, and
    in every month, quarter and year."""
    days = {horizon, *(world.FIRST + timedelta(chance.randrange(90)) for _ in range(8))}
    with warehouse.session() as session:
        expected = recomputed.indicators(session, horizon, days)
        rows = list(
            session.execute("SELECT * FROM marts.indicators WHERE kind <> 'day' OR start = ANY (%s)", [[*days]])
        )
    found = {(r["indicator"], r["unit"], r["kind"], r["start"]): r for r in rows}
    wrong = [
        (key, value, found.get(key) and (found[key]["numerator"], found[key]["denominator"], found[key]["value"]))
        for key, value in expected.items()
        if key not in found
        or found[key]["numerator"] != value[0]
        or (value[1] is not None and found[key]["denominator"] != value[1])
        or abs(float(found[key]["value"]) - float(value[2])) > 1e-6
    ]
    assert not wrong, wrong[:5]
    assert set(found) <= set(expected), sorted(set(found) - set(expected))[:5]
    assert {key[0] for key in expected} == set(declared(warehouse.home)), "an indicator that nothing tests"


@pytest.mark.parametrize("seed", [1, 2, 3, "today"])
def test_every_indicator_at_every_level_is_what_pandas_says_on_a_random_day(province, seed):
    if seed == "today":
        seed = datetime.now(tz=UTC).toordinal()
        print(f"the seed drawn from the day is {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    agree(province, fill(province, seed), chance)
    # Days later, some dossiers restated, others gone, an open one finished: by differences, not from nothing.
    headers, _ = world.lives(seed)
    changed = []
    for row in chance.sample(headers, 25):
        kind = chance.choice(["due", "status", "unit", "gone", "back"])
        new = {name: value for name, value in row.items() if name != "_deleted"}
        if kind == "due" and row["ngay_hen_tra"]:
            new["ngay_hen_tra"] = row["ngay_hen_tra"] + timedelta(days=chance.randint(-3, 5))
        elif kind == "status":
            new |= {"trang_thai": "9", "ngay_ket_thuc_xu_ly": row["ngay_tiep_nhan"] + timedelta(days=4)}
        elif kind == "unit":
            new["ma_don_vi"] = "H15.131"
        elif kind == "gone":
            new["_deleted"] = True
        changed.append(new)
    later = world.FIRST + timedelta(days=75 + chance.randint(1, 20))
    world.write(province, ho_so=changed, promoted=[later])
    refresh(province, "H15")
    agree(province, later, chance)


def test_any_order_of_days_ends_in_the_same_and_so_does_nothing_before(province):
    fill(province, 7, order=(2, 0, 3, 1))
    by_differences = said(province)
    with province.session() as session:
        forget(session)
    refresh(province, "H15")
    assert said(province) == by_differences


def test_a_second_refresh_does_nothing(province):
    fill(province, 4)
    before = said(province)
    done = refresh(province, "H15")
    assert (done.dossiers, done.changed, done.cells, done.written, done.replaced) == (0, 0, 0, 0, 0)
    assert refresh(province, "H15", whole=True).written == 0
    assert said(province) == before


def clock(warehouse, moment):
    with warehouse.session() as session:
        session.execute("DELETE FROM ops.clock")
        session.execute("INSERT INTO ops.clock (stands_at) VALUES (%s)", [moment])


def test_restating_july_changes_july_today_and_not_yesterday(province):
    world.catalogues(province)
    headers = [
        world.dossier(f"H15.102-250710-{n:04d}", "2025-07-10 08:00", "2025-07-14 08:00", "9", "2025-07-11 09:00")
        for n in range(4)
    ]
    steps = [world.step(h["ma_ho_so"], "2025-07-10 08:00", "2") for h in headers]
    steps += [world.step(h["ma_ho_so"], "2025-07-11 09:00", "9") for h in headers]
    clock(province, "2025-08-20 01:00+07")
    world.write(province, ho_so=headers, tien_trinh=steps, promoted=[date(2025, 7, 10), date(2025, 8, 19)])
    refresh(province, "H15")
    clock(province, "2025-08-21 01:00+07")
    world.write(
        province,
        ho_so=[{**headers[0], "ngay_hen_tra": "2025-07-10 17:00"}],
        promoted=[date(2025, 8, 20)],
    )
    refresh(province, "H15")
    yesterday, now = datetime.fromisoformat("2025-08-20T12:00+07:00"), datetime.fromisoformat("2025-08-21T12:00+07:00")
    for name in ("dung_han_quoc_gia", "dung_han_dia_phuong"):
        for unit in ("H15.102", "H15-XA", "H15"):
            assert july(province, name, unit, None) == july(province, name, unit, now) == 3 / 4
            assert july(province, name, unit, yesterday) == 1
    with province.session() as session:
        late = reading.behind(session, "ho_so_tre_han", "H15", "month", date(2025, 7, 1))
        earlier = reading.behind(session, "ho_so_tre_han", "H15", "month", date(2025, 7, 1), as_of=yesterday)
    assert [row["ma_ho_so"] for row in late.rows] == ["H15.102-250710-0000"]
    assert earlier.rows == []


def test_restating_july_changes_july_today_and_not_yesterday_for_every_indicator(province):
    clock(province, "2025-10-05 01:00+07")
    fill(province, 11)
    before = of_july(province)
    clock(province, "2025-10-06 01:00+07")
    # Everything of July comes again, otherwise: another seed, one that was late, and one of before the floor.
    headers, steps = world.lives(12)
    headers.append(
        world.dossier("H15.102-250722-0901", "2025-07-22 08:00", "2025-07-23 08:00", "9", "2025-07-24 08:00")
    )
    headers.append(world.dossier("H15.102-250610-0902", "2025-06-10 08:00"))
    world.write(province, ho_so=headers, tien_trinh=steps, phan_anh_hien_truong=world.feedback(12),
        diem_phuc_vu=world.equipment(12))  # fmt: skip
    refresh(province, "H15")
    yesterday, now = datetime.fromisoformat("2025-10-05T12:00+07:00"), datetime.fromisoformat("2025-10-06T12:00+07:00")
    assert of_july(province, yesterday) == before
    after = of_july(province)
    assert of_july(province, now) == after
    changed = {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == set(declared(province.home))


def of_july(warehouse, as_of=None):
    with warehouse.session() as session:
        first = date(2025, 7, 1)
        rows = reading.values(session, kind="month", first=first, last=first, as_of=as_of)
    return {(row.indicator, row.unit): (row.numerator, row.denominator, row.value) for row in rows}


def july(warehouse, name, unit, as_of):
    with warehouse.session() as session:
        first = date(2025, 7, 1)
        (value,) = reading.values(
            session, indicators=[name], units=[unit], kind="month", first=first, last=first, as_of=as_of
        )
    return float(value.value)


# Each: due, status, end of the header, steps after acceptance on Tuesday 1 July 2025, 08:00; what both definitions say
# at the end of Thursday 3 July. The procedure may take three working days.
DUE, NEXT = "2025-07-03 10:00", "2025-07-04 10:00"
EDGES = {
    "ends at the second of the appointment": (DUE, "9", DUE, [(DUE, "9")], "on_time", "on_time"),
    "a second later": (DUE, "9", DUE, [("2025-07-03 10:00:01", "9")], "late", "on_time"),
    "the day before": (DUE, "9", "2025-07-02 16:00", [("2025-07-02 16:00", "9")], "on_time", "early"),
    "finished wins over handed over": (
        DUE, "10", "2025-07-02", [("2025-07-02 09:00", "9"), ("2025-07-03 16:00", "10")], "on_time", "early"),
    "handed over, never finished": (DUE, "10", "2025-07-03", [("2025-07-03 16:00", "10")], "late", "on_time"),
    "no due date, to the second": (None, "9", "2025-07-04", [("2025-07-04 08:00", "9")], "on_time", "on_time"),
    "no due date, a second over": (None, "9", "2025-07-04", [("2025-07-04 08:00:01", "9")], "late", "on_time"),
    "no due date, running": (None, "4", None, [], "open_in_time", "open"),
    "withdrawn in time": (DUE, "7", "2025-07-02", [("2025-07-02 09:00", "7")], "on_time", "on_time"),
    "withdrawn too late": (DUE, "7", "2025-07-04", [("2025-07-04 09:00", "7")], "late", "on_time"),
    "stopped too late": (DUE, "8", "2025-07-04", [("2025-07-04 09:00", "8")], "late", "in_time"),
    "waits for a fee": (DUE, "6", None, [("2025-07-02 09:00", "6")], "open_late", "in_time"),
    "refused after acceptance": (DUE, "3", "2025-07-02", [("2025-07-02 09:00", "3")], "on_time", "outside"),
    "one supplement asked": (DUE, "5", None, [("2025-07-02 09:00", "5")], "on_time", "in_time"),
    "one supplement asked too late": (DUE, "5", None, [("2025-07-03 11:00", "5")], "late", "in_time"),
    "two supplements asked": (
        DUE, "5", None, [("2025-07-01 09:00", "5"), ("2025-07-01 10:00", "4"), ("2025-07-02 09:00", "5")], "late",
        "in_time"),
    "waiting is taken off": (
        DUE, "9", "2025-07-04", [("2025-07-01 09:00", "5"), ("2025-07-02 09:00", "4"), ("2025-07-04 10:00", "9")],
        "on_time", "late"),
    "waiting is taken off, to the second": (
        DUE, "9", "2025-07-04", [("2025-07-01 09:00", "5"), ("2025-07-02 09:00", "4"), ("2025-07-04 10:00:01", "9")],
        "late", "late"),
    "two completed supplements": (
        DUE, "9", "2025-07-05", [("2025-07-01 09:00", "5"), ("2025-07-02 09:00", "4"), ("2025-07-02 10:00", "5"),
        ("2025-07-03 10:00", "4"), ("2025-07-05 10:00", "9")], "on_time", "late"),
    "running, due tomorrow": (NEXT, "4", None, [("2025-07-02 09:00", "4")], "open_in_time", "open"),
    "running, due this morning": (DUE, "4", None, [("2025-07-02 09:00", "4")], "open_late", "open"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_the_two_definitions_at_their_edges(province, name):
    due, status, end, path, national, local = EDGES[name]
    code = "H15.102-250701-0001"
    world.catalogues(province)
    steps = [world.step(code, "2025-07-01 08:00", "2"), *(world.step(code, at, one) for at, one in path)]
    header = world.dossier(code, "2025-07-01 08:00", due, status, end)
    world.write(province, ho_so=[header], tien_trinh=steps, promoted=[date(2025, 7, 3)])
    refresh(province, "H15")
    with province.session() as session:
        row = session.execute("SELECT * FROM marts.dossiers").fetchone()
        cell = session.execute(
            "SELECT * FROM marts.unit_periods WHERE unit = 'H15' AND kind = 'month' AND start = '2025-07-01'"
        ).fetchone()
        differ = reading.definitions_differ(session, "H15", "month", date(2025, 7, 1))
    assert row["counted"]
    assert row["local_class"] == local
    if row["national"] == "open":
        assert national == ("open_in_time" if cell["national_open_in_time"] else "open_late")
    else:
        assert row["national"] == national
    fine = {"on_time", "open_in_time"}, {"early", "on_time", "in_time"}
    # What is open is within time locally up to the day of its appointment, here always.
    same = (national in fine[0]) == (local in fine[1] or local == "open")
    assert [one["ma_ho_so"] for one in differ.rows] == ([] if same and local != "outside" else [code])
    assert all(one["ly_do"] for one in differ.rows)


@pytest.mark.parametrize(("status", "path"), [("1", ["1"]), ("3", ["1", "3"])])
def test_what_was_never_accepted_is_outside_both(province, status, path):
    world.catalogues(province)
    code = "H15.102-250701-0001"
    steps = [world.step(code, f"2025-07-01 0{8 + n}:00", one) for n, one in enumerate(path)]
    world.write(
        province,
        ho_so=[world.dossier(code, "2025-07-01 08:00", DUE, status)],
        tien_trinh=steps,
        promoted=[date(2025, 7, 3)],
    )
    refresh(province, "H15")
    with province.session() as session:
        row = session.execute("SELECT counted, local_class FROM marts.dossiers").fetchone()
        cells = session.execute("SELECT count(*) AS n FROM marts.cells").fetchone()["n"]
    assert (row["counted"], row["local_class"], cells) == (False, "outside", 0)


def test_a_running_period_moves_with_the_horizon_and_then_stays(province):
    """Received on 30 July, due on 4 August, never finished: in time for July for ever, late for the quarter."""
    world.catalogues(province)
    code = "H15.102-250730-0001"
    world.write(
        province,
        ho_so=[world.dossier(code, "2025-07-30 08:00", "2025-08-04 17:00")],
        tien_trinh=[world.step(code, "2025-07-30 08:00", "2")],
        promoted=[date(2025, 7, 30)],
    )
    seen = []
    for day in (date(2025, 7, 31), date(2025, 8, 3), date(2025, 8, 4), date(2025, 8, 20)):
        world.write(province, promoted=[day])
        refresh(province, "H15")
        with province.session() as session:
            cells = session.execute(
                "SELECT kind, national_open_in_time AS n FROM marts.cells WHERE unit = 'H15' AND received = 1"
            )
            seen.append({row["kind"]: row["n"] for row in cells})
    fine = {"day": 1, "month": 1, "quarter": 1, "year": 1}
    assert seen == [fine, fine, fine | {"quarter": 0, "year": 0}, fine | {"quarter": 0, "year": 0}]


def finished(people, day="2025-07-01", end="2025-07-02"):
    """A dossier finished by each (office, officer) of H15.102: (headers, steps)."""
    headers, steps = [], []
    for number, (office, officer) in enumerate(people):
        code = f"H15.102-{day[2:].replace('-', '')}-{number:04d}"
        headers.append(world.dossier(code, f"{day} 08:00", None, "9", f"{end} 09:00"))
        steps += [world.step(code, f"{day} 08:00", "2"), world.step(code, f"{end} 09:00", "9", office, officer)]
    return headers, steps


def test_officers_are_pseudonyms_and_small_groups_cannot_be_told(province):
    world.catalogues(province)
    people = [("P", "Trần Thị Lớn")] * 14 + [("P", "Lê Văn Vừa")] * 11 + [("P", "Võ Nhỏ")] * 3
    headers, steps = finished(people)
    again, more = finished([("P", "Trần Thị Lớn")], "2025-08-01", "2025-08-04")
    world.write(province, ho_so=headers + again, tien_trinh=steps + more, promoted=[date(2025, 8, 5)])
    refresh(province, "H15")
    with province.session() as session:
        rows = reading.officers(session, "H15.102", date(2025, 7, 1))
        offices = reading.offices(session, "H15.102", date(2025, 7, 1))
        text = repr(list(session.execute("SELECT * FROM marts.dossiers")))
        names = session.execute("SELECT count(DISTINCT officer) AS n FROM marts.dossiers").fetchone()["n"]
    # Three alone would be told by the office's total: the next smallest group joins them.
    assert [(row["officer"] is None, row["resolved"]) for row in rows] == [(False, 14), (True, 14)]
    assert [row["resolved"] for row in offices] == [28]
    assert not any(name in text for name in ("Lớn", "Vừa", "Nhỏ"))
    assert names == 4, "what one person did in two months can be put together"


def test_an_office_in_which_one_person_shows_is_in_the_rest(province):
    """One of a single officer, one of a few dossiers, a large and a middle one: the middle one joins the first two."""
    world.catalogues(province)
    people = [("Lớn", f"A{n % 3}") for n in range(40)] + [("Vừa", f"B{n % 2}") for n in range(24)]
    headers, steps = finished([*people, *[("Một", "C")] * 12, ("Nhỏ", "D0")])
    world.write(province, ho_so=headers, tien_trinh=steps, promoted=[date(2025, 7, 3)])
    refresh(province, "H15")
    with province.session() as session:
        offices = reading.offices(session, "H15.102", date(2025, 7, 1))
        officers = reading.officers(session, "H15.102", date(2025, 7, 1))
    assert {row["office"]: row["resolved"] for row in offices} == {"Lớn": 40, None: 37}
    assert {row["office"] for row in officers} == {"Lớn"}


def test_nobody_but_the_owner_reads_the_key_of_the_pseudonyms(province):
    with province.session() as session:
        session.execute("CREATE ROLE reader_of_marts")
        session.execute("GRANT USAGE ON SCHEMA marts TO reader_of_marts")
        session.execute("GRANT SELECT ON ALL TABLES IN SCHEMA marts TO reader_of_marts")
        session.execute("SET ROLE reader_of_marts")
        assert session.execute("SELECT count(*) AS n FROM marts.officers").fetchone()["n"] == 0
        with pytest.raises(InsufficientPrivilege):
            session.execute("SELECT * FROM keys.officer")
        session.rollback()


def test_a_dissolved_unit_keeps_its_dossiers_in_the_sums(province):
    fill(province, 5)
    with province.session() as session:
        before = session.execute("SELECT * FROM marts.cells WHERE unit = 'H15' ORDER BY kind, start").fetchall()
    gone = {
        "ma_don_vi": "H15.131", "ten_don_vi": "Xã Ea Súp", "loai": "COMMUNE_PEOPLE_COMMITTEE", "ma_xa": "24211",
        "hieu_luc_tu": date(2025, 7, 1), "hieu_luc_den": date(2025, 8, 31), "_deleted": True,
    }  # fmt: skip
    world.write(province, don_vi=[gone])
    refresh(province, "H15")
    with province.session() as session:
        after = session.execute("SELECT * FROM marts.cells WHERE unit = 'H15' ORDER BY kind, start").fetchall()
        unit = session.execute("SELECT valid_to FROM marts.units WHERE unit = 'H15.131'").fetchone()
    assert after == before
    assert unit["valid_to"] == date(2025, 8, 31)
