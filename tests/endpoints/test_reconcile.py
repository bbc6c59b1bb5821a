"""What the portal holds laid beside the receipts: every seeded difference by its exact key, and nothing else.

The judge is the portal's own store, which is changed behind our back through its control interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from psycopg import sql

from lienthong.alerts import facts
from lienthong.alerts.contacts import Contact
from lienthong.alerts.readers import Directory
from lienthong.alerts.telling import Teller
from lienthong.alerts.words import happened
from lienthong.console.reconciliation import _state
from lienthong.endpoints import Feed, Held, Holding
from lienthong.endpoints.holding import Part
from lienthong.errors import NeedsPerson, ReceiverBusy
from lienthong.mapi import Mapi
from lienthong.reconcile import differences, planning
from lienthong.reconcile.looking import TABLES, Looking
from lienthong.reconcile.options import Options
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from lienthong.settings import ROOT
from lienthong.warehouse.statements import statement
from tests.endpoints.suite import _fields
from tests.endpoints.test_national_portal import PASSWORD, PortalStage
from tests.endpoints.world import PERSONAL, RECEIVED, bound_to, code

TOKEN = "khoa-dieu-khien"
TODAY = datetime(2025, 10, 1, 9, 0)


class Reconciling(PortalStage):
    """The portal of the suite, and what changes behind its own back."""

    def control(self, action, **given):
        request = urllib.request.Request(
            f"{self.running.url}/_control/{action}",
            json.dumps(given).encode(),
            {"X-Control-Token": TOKEN, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def forget(self, *codes):
        assert self.control("forget", ma_ho_so=list(codes))["forgotten"] == list(codes)

    def put(self, ma_ho_so, **fields):
        return self.control("hold", ma_ho_so=ma_ho_so, fields=fields)["known"]

    def send_again(self, **chosen):
        with self.world.session() as session:
            return differences.send_again(session, ROOT, "national_portal", **chosen)

    def listings(self):
        return sum(one.service == "DanhSachHoSo" for one in self.running.log.requests())


@pytest.fixture
def stage(world, tmp_path):
    options = PortalOptions(tmp_path / "portal", "daklak", PASSWORD, control_token=TOKEN)
    with running_portal(options) as running:
        stage = Reconciling(world, running, tmp_path)
        at(stage, TODAY)
        yield stage


def at(stage, moment):
    with stage.world.session() as session:
        session.execute("DELETE FROM ops.clock")
        session.execute("INSERT INTO ops.clock (stands_at) VALUES (%s)", [moment])


def received(stage, days, numbers):
    """Dossiers that came in so many days before."""
    moment = RECEIVED - timedelta(days=days)
    return stage.world.dossiers(numbers, ngay_tiep_nhan=moment, ngay_nop=moment, ngay_hen_tra=moment + timedelta(5))


def test_a_clean_day_has_no_finding(stage):
    stage.world.dossiers(range(12))
    stage.world.steps(range(12))
    stage.publish()
    done = stage.reconcile()
    assert (done.records, done.unaccounted, done.orphans, done.parts) == (48, 0, 0, 1)
    assert stage.found() == {}
    (steps, dossiers) = sorted(standing(stage), key=lambda row: row["records"], reverse=True)
    assert (dossiers["knows"], dossiers["accepted"]) == ("list", 12)
    assert (steps["knows"], steps["accepted"]) == ("receipts", 36), "steps cannot be listed, and that is said"
    assert dossiers["whole_since"] is not None


def standing(stage):
    with stage.world.session() as session:
        return differences.standing(session, ROOT)


def test_every_seeded_difference_is_found_by_its_key_told_and_closed_when_it_is_mended(stage):
    keys = stage.world.dossiers(range(12))
    stage.world.steps(range(12))
    stage.publish()
    stage.forget(keys[1], keys[2])
    assert stage.put(keys[4], TrangThaiHoSo="2")
    assert not stage.put(
        "H15.102-250930-9999", NgayTiepNhan="20250930101010", DonViXuLy="UBND xã Ea Súp", ChuHoSo=PERSONAL[0]
    )
    done = stage.reconcile()
    expected = {
        keys[1]: ("missing",), keys[2]: ("missing",), keys[4]: ("different", "TrangThaiHoSo"),
        "H15.102-250930-9999": ("extra",),
    }  # fmt: skip
    assert stage.found() == expected
    assert (done.missing, done.different, done.extra) == (2, 1, 1)
    assert stage.reconcile().missing == 2
    assert len(stage.world.rows("SELECT 1 FROM ops.differences")) == 4, "seen again, they are the same"

    (problem,) = stage.world.rows("SELECT kind, source, count, details::text FROM ops.problems WHERE closed_at IS NULL")
    assert (problem["kind"], problem["source"], problem["count"]) == ("unreconciled", "national_portal", 4)
    assert keys[1] in problem["details"]
    assert not any(value in problem["details"] for value in PERSONAL)

    told_to_the_data_team(stage)

    assert stage.publish().sent == 0, "nothing is sent again by itself"
    assert stage.send_again() == 3
    assert stage.send_again() == 0, "what is on its way is not sent a third time"
    assert stage.publish().accepted == 2 + 6 + 1, "the steps of a lost dossier go with it"
    stage.reconcile()
    assert stage.found() == {"H15.102-250930-9999": ("extra",)}
    stage.forget("H15.102-250930-9999")
    stage.reconcile()
    assert stage.found() == {}
    assert stage.world.rows("SELECT 1 FROM ops.problems WHERE closed_at IS NULL") == []


def told_to_the_data_team(stage):
    """No department hears of what a receiver lost: it could not mend it."""
    with stage.world.session() as session:
        (problem,) = facts.standing(session, ROOT)
    contracts = bound_to("national_portal")
    people = [("unit", "H15.102", "xa@vidu.invalid"), ("province", "", "to-du-lieu@vidu.invalid")]
    contacts = [Contact(scope, unit, scope, "email", address) for scope, unit, address in people]
    directory = Directory(contacts, contracts)
    assert [person.reader.address for person in directory.owners(problem)] == ["to-du-lieu@vidu.invalid"]
    assert not directory.without_contact(problem)
    told = Teller(contracts, {}, {}).told(problem, "new")
    assert told.source_name == "Cổng Dịch vụ công quốc gia"
    assert {rule.rule: rule.count for rule in told.rules} == {
        "doi_soat_missing": 2, "doi_soat_different": 1, "doi_soat_extra": 1,
    }  # fmt: skip
    assert "4 bản ghi" in happened(told)
    assert all("nơi nhận" in rule.sentence.casefold() for rule in told.rules)


def test_the_connection_may_let_it_be_sent_again_and_then_once(stage):
    keys = stage.world.dossiers(range(12))
    stage.publish()
    stage.forget(keys[3])
    assert stage.reconcile(reconcile_send_again="once").sent_again == 1
    assert stage.publish().accepted == 1
    assert stage.reconcile(reconcile_send_again="once").missing == 0
    stage.forget(keys[3])
    stage.misbehave("forget", ma_ho_so=keys[3])
    assert stage.reconcile(reconcile_send_again="once").sent_again == 1, "a new loss is a new difference"
    stage.publish()
    done = stage.reconcile(reconcile_send_again="once")
    assert (done.missing, done.sent_again) == (1, 0), "what it does not keep needs a person"


def test_what_was_sent_again_is_mended_when_it_is_seen_and_its_steps_go_whatever_waits(stage):
    keys = stage.world.dossiers(range(12), trang_thai="2")
    stage.world.steps(range(12))
    stage.publish()
    stage.forget(keys[1], keys[2])
    stage.world.dossiers([2], trang_thai="4")
    done = stage.reconcile(reconcile_send_again="once")
    assert (done.missing, done.sent_again) == (2, 2)
    assert stage.world.states("tien_trinh") == {"done": 30, "pending": 6}, "also of one of which a newer version waits"
    for version in (None, "4"):
        if version:
            stage.world.dossiers([1], trang_thai=version)
        done = stage.reconcile(reconcile_send_again="once")
        assert (done.missing, done.sent_again) == (2, 0), "nothing has left since"
    assert stage.publish().accepted == 2 + 6
    stage.reconcile()
    assert stage.found() == {}
    rows = stage.world.rows("SELECT sent_again FROM ops.differences")
    assert [row["sent_again"] for row in rows] == [1, 1], "two losses in all"


def test_a_list_that_broke_off_is_refused_with_a_sentence_and_nothing_is_noted(stage):
    stage.world.dossiers(range(30))
    stage.publish()
    stage.misbehave("shorten", service="DanhSachHoSo", keep=4)
    with pytest.raises(NeedsPerson, match="30 records of 'ho_so' of H15.102 .* 26 are not in its list.*10%"):
        stage.reconcile()
    assert stage.found() == {}
    with stage.world.session() as session:
        (part,) = differences.parts(session, ROOT, "national_portal")
    assert part["state"] == "refused"
    assert standing(stage)[0]["refused_parts"] == 1
    stage.reconcile((date(2025, 9, 1), date(2025, 9, 2)))
    assert standing(stage)[0]["refused_parts"] == 1, "what a person asked for says nothing of the daily look"
    with stage.world.session() as session:
        assert differences.parts(session, ROOT, "national_portal") == [part]
    stage.behave()
    assert stage.reconcile().refused == 0


def test_a_short_list_that_the_look_up_contradicts_is_no_loss(stage):
    keys = stage.world.dossiers(range(12))
    stage.publish()
    stage.misbehave("shorten", service="DanhSachHoSo", keep=9)
    assert stage.reconcile().missing == 0, "three of twelve lack in the list, and the portal knows them by name"
    stage.behave()
    stage.forget(keys[0])
    stage.misbehave("shorten", service="DanhSachHoSo", keep=9)
    stage.reconcile()
    assert stage.found() == {keys[0]: ("missing",)}


def answered(monkeypatch, *services, result):
    """What the portal accepts and answers with ``result``, whatever it holds."""
    call = Mapi.call

    def otherwise(self, service, *given, **named):
        answer = call(self, service, *given, **named)
        return replace(answer, result=result) if service in services else answer

    monkeypatch.setattr(Mapi, "call", otherwise)


def test_a_portal_that_knows_nothing_has_lost_nothing(stage, monkeypatch):
    keys = [key for week in range(5) for key in received(stage, 7 * week, range(10 * week, 10 * week + 9))]
    stage.publish()
    known = {"reconcile_whole_days": 1, "reconcile_send_again": "once"}
    with monkeypatch.context() as patched:
        answered(patched, "DanhSachHoSo", "TraCuuHoSo", result=[])
        with pytest.raises(NeedsPerson, match="5 of 5 answers were refused.*knows no record of 'ho_so'"):
            stage.reconcile(**known)
    for nothing in (None, [], [{"MaHoSo": "H15.000-000000-0000"}]):
        with monkeypatch.context() as patched:
            answered(patched, "TraCuuHoSo", result=nothing)
            stage.misbehave("shorten", service="DanhSachHoSo", keep=8)
            with pytest.raises(NeedsPerson, match="5 of 5 answers were refused"):
                stage.reconcile(**known)
            stage.behave()
    assert stage.world.rows("SELECT 1 FROM ops.differences") == []

    stage.forget(*keys[:18])
    with pytest.raises(
        NeedsPerson, match="1 of 5 .* 45 records of 'ho_so' that this look asks for .* be 18 that it does"
    ):
        stage.reconcile(**known)
    assert set(stage.world.states("ho_so")) == {"done"}, (
        "two small parts are a large one, and nothing is sent by itself"
    )
    assert stage.reconcile(reconcile_whole_days=1, reconcile_brake=1).missing == 18
    assert stage.send_again() == 18


def test_what_is_on_its_way_is_no_difference(stage):
    keys = stage.world.dossiers(range(6), trang_thai="2")
    stage.publish()
    # one in doubt at the portal, one that a newer version is about to replace, one that is in doubt and lost
    stage.put(keys[0], TrangThaiHoSo="4")
    stage.put(keys[1], TrangThaiHoSo="4")
    stage.forget(keys[2])
    stage.world.dossiers([0, 1, 2], trang_thai="4")
    for key in (keys[0], keys[2]):
        stage.world.postpone(key, state="in_doubt")
    (new,) = stage.world.dossiers([7])
    stage.world.postpone(new, state="in_doubt")
    stage.put(new, NgayTiepNhan="20250930080000", TrangThaiHoSo="4")
    done = stage.reconcile()
    assert stage.found() == {}
    (part,) = stage.world.rows("SELECT on_the_way, differing FROM ops.reconciliation_parts")
    assert (part["on_the_way"], part["differing"]) == (4, 0)
    assert (done.records, done.unaccounted) == (7, 0)


def test_what_is_accepted_while_the_list_is_read_is_no_difference(stage):
    keys = stage.world.dossiers(range(6), trang_thai="2")
    stage.publish()
    stage.world.dossiers(range(3), trang_thai="4")
    stage.world.dossiers([8])
    # the list leaves the portal, then takes its time; meanwhile everything is sent
    stage.misbehave("slow", service="DanhSachHoSo", ms=1500, times=1)
    sending = threading.Timer(0.3, stage.publish)
    sending.start()
    stage.reconcile()
    sending.join()
    assert stage.found() == {}
    assert stage.world.rows("SELECT count(*) AS n FROM publish.outbox WHERE state = 'done'")[0]["n"] == 10
    assert keys


def test_what_neither_outbox_nor_receipts_can_explain_is_listed(stage):
    keys = stage.world.dossiers(range(5))
    stage.publish()
    stage.world.dossiers([6])
    with stage.world.session() as session:
        session.execute("DELETE FROM publish.outbox WHERE record_key = %s", [code(6)])
        session.execute("DELETE FROM publish.outbox WHERE record_key = %s", [keys[1]])
        session.execute("UPDATE publish.outbox SET state = 'superseded' WHERE record_key = %s", [keys[2]])
    done = stage.reconcile()
    assert (done.records, done.unaccounted, done.orphans) == (6, 3, 1)
    rows = stage.world.rows("SELECT kind, record_key FROM ops.differences ORDER BY 1, 2")
    assert [tuple(row.values()) for row in rows] == [
        ("orphan", keys[1]), ("unaccounted", keys[1]), ("unaccounted", keys[2]), ("unaccounted", code(6)),
    ]  # fmt: skip


def test_each_record_is_counted_once_by_what_became_of_it(stage):
    keys = stage.world.dossiers(range(4))
    stage.misbehave("refuse", ma_ho_so=keys[3])
    stage.publish()
    stage.behave()
    stage.world.delete([0])
    stage.publish()
    stage.world.dossiers([10, 11])
    stage.world.steps([10])
    with stage.world.session() as session:
        session.execute("UPDATE publish.outbox SET next_attempt_at = 'infinity' WHERE record_key = %s", [code(11)])
    stage.reconcile()
    told, waiting = sorted(standing(stage), key=lambda row: row["dataset"])
    names = ("accepted", "on_the_way", "held_back", "waiting_parent", "refused", "not_told", "unaccounted")
    assert [told[name] for name in names] == [2, 1, 1, 0, 1, 1, 0]
    assert (waiting["waiting_parent"], waiting["records"]) == (3, 3)
    assert stage.found() == {}, "the portal goes on holding what was deleted here, and takes no word of it"
    stage.forget(keys[0])
    stage.reconcile()
    assert stage.found() == {}, "nor is it missed there"


def test_older_days_take_turns_and_an_open_difference_is_looked_at_every_day(stage):
    stage.world.dossiers([0])
    for weeks in range(1, 7):
        received(stage, 7 * weeks, [weeks])
    stage.publish()
    lost = code(6)
    stage.forget(lost)
    seen = 0
    for turn in range(6):
        at(stage, TODAY + timedelta(days=turn))
        before = stage.listings()
        stage.reconcile(reconcile_whole_days=6)
        assert 2 <= stage.listings() - before <= 4, "the newest days, a turn of the older ones, and what is open"
        seen += lost in stage.found()
    assert seen >= 1, "within the days that were set everything was looked at"
    assert standing(stage)[0]["whole_since"] is not None
    stage.send_again()
    stage.publish()
    stage.reconcile(reconcile_whole_days=100)
    assert stage.found() == {}, "a part with an open difference is asked whatever its turn"


def test_a_part_that_is_refused_had_its_turn_and_a_day_of_a_part_is_not_the_part(stage):
    stage.world.dossiers([0])
    received(stage, 8, [1])
    received(stage, 15, [2])
    lost = received(stage, 12, [3])
    big = received(stage, 22, range(100, 111))
    stage.publish()
    stage.forget(*lost, *big)
    # the parts are 22-24, 15-21 and 8-14 of September, and one of them has its turn each day
    stage.reconcile((date(2025, 9, 15), date(2025, 9, 15)))
    seen = []
    for turn in range(4):
        at(stage, TODAY + timedelta(minutes=turn))
        with suppress(NeedsPerson):
            stage.reconcile(reconcile_whole_days=100)
        seen.append(set(stage.found()))
        assert standing(stage)[0]["whole_since"] is None, "the refused part was never seen"
        if turn == 2:
            stage.forget(code(1))
    assert seen[:2] == [set(), set(lost)]
    assert code(1) in seen[-1]


def test_each_unit_begins_with_its_own_days_and_a_wrong_year_costs_one_question(stage):
    look = planning.Look(0, "national_portal", TODAY.date(), None)
    days = {
        "a": ["1925-09-30", "2025-09-20"],
        "b": ["2025-09-10"],
        "c": ["2025-09-30"],
        "d": ["2025-06-30", "2125-01-01"],
    }
    with stage.world.session() as session:
        for query in (*TABLES, planning.GRID):
            session.execute(query)
        for unit, given in days.items():
            session.execute(
                "INSERT INTO accepted SELECT d, 1, false, false, NULL, %s, d::date, d FROM unnest(%s::text[]) d",
                [unit, given],
            )
        planning.add_to_grid(session, ROOT, look, "ho_so", True, Options())
        rows = session.execute("SELECT unit, first_day, last_day FROM grid WHERE NOT recent ORDER BY 1, 2").fetchall()
    first = {}
    for row in rows:
        first.setdefault(row["unit"], []).append(row["first_day"])
    assert {unit: len(parts) for unit, parts in first.items()} == {"a": 105 + 1, "b": 3, "d": 13}
    assert first["a"][:2] == [date(1925, 9, 28), date(2023, 9, 25)]


def test_what_a_comparison_knows_agrees_only_where_it_was_made_and_agrees(stage):
    def shown(*changes):
        with stage.world.session() as session:
            for change in changes:
                session.execute(change)
        (row,) = standing(stage)
        return _state(row, 0)

    looked = (
        "INSERT INTO ops.reconciliations (endpoint, state, day) VALUES ('shared_platform', 'done', '2025-10-01')",
        "INSERT INTO ops.reconciled VALUES (1, 'doanh_nghiep', 'comparison', 1, 1, 0, 0, 0, 0, 0, 0, 0)",
    )
    compared = (
        "INSERT INTO ops.comparisons (dataset, holder, window_end, theirs, equal, differing, on_the_way, sent_again)"
        " VALUES ('doanh_nghiep', '{}', now(), 1, 1, 0, 0, 0)"
    )
    differs = (
        "INSERT INTO quarantine.conflicts (dataset, holder, record_key, kind, columns)"
        " VALUES ('doanh_nghiep', 'shared_platform', 'a', 'missing', '{}')"
    )
    assert shown(*looked, compared.format("somebody_else")) == "receipts"
    assert shown(compared.format("shared_platform")) == "equal"
    assert shown(differs) == "otherwise"


def test_two_records_of_one_name_are_both_laid_beside_what_it_shows(stage):
    unit = {"ma_don_vi": "H15.103", "ten_don_vi": "UBND xã Ea Nuôl"}
    stage.world._write("don_vi", {unit["ma_don_vi"]: unit})
    holding = Holding("don_vi", ("attributes",), told=lambda body: Held("same", ("digest",)))
    with stage.world.warehouse.session(autocommit=True) as session:
        for query in TABLES:
            session.execute(query)
        looking = Looking(session, ROOT, "monitoring_centre", Feed("don_vi", 1), holding, Options(), 0)
        looking.begin()
        looking._load([Held("same", ("digest",))])
        rows = session.execute("SELECT record_key FROM held ORDER BY 1").fetchall()
    assert [row["record_key"] for row in rows] == ["H15.102", "H15.103"]


def test_statements_of_a_million_rows_join_nothing_unknown_and_lock_in_one_order(stage):
    values = {
        "endpoint": "national_portal", "dataset": "ho_so", "kind": "", "keys": [], "once": False,
        "children": ["tien_trinh"], "parents": ["ho_so"],
    }  # fmt: skip
    with stage.world.session() as session:
        session.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        core = sql.Identifier("core", "ho_so")
        orphans, again = (
            [row["QUERY PLAN"] for row in session.execute(sql.SQL("EXPLAIN ") + query, values)]
            for query in (statement(ROOT, "reconcile/orphans", core=core), statement(ROOT, "reconcile/send_again"))
        )
    assert not any("Join" in line or "Nested" in line for line in orphans), "by index, whatever the statistics say"
    locking = next(place for place, line in enumerate(again) if "LockRows" in line)
    assert any("Sort Key: o" in line for line in again[locking:])


def test_days_that_a_person_asks_for_are_looked_at_all_and_no_others(stage):
    stage.world.dossiers([0])
    keys = [*received(stage, 30, [1]), *received(stage, 20, [2]), *received(stage, 10, [3])]
    stage.publish()
    stage.forget(*keys)
    stage.reconcile((date(2025, 9, 8), date(2025, 9, 12)))
    assert set(stage.found()) == {keys[1]}
    (part,) = stage.world.rows("SELECT unit, first_day, last_day FROM ops.reconciliation_parts")
    assert part == {"unit": "H15.102", "first_day": date(2025, 9, 8), "last_day": date(2025, 9, 12)}


def test_killed_in_the_middle_it_goes_on_where_it_stood(stage):
    stage.world.dossiers([0])
    for weeks in range(1, 5):
        received(stage, 7 * weeks, [weeks])
    stage.publish()
    stage.forget(code(4))
    (stage.folder / "reconcile.before_commit@3").write_text("kill", encoding="utf-8")
    connection = _fields(stage.connection)
    connection["extra"] = {**connection["extra"], "reconcile_whole_days": 1}
    killed = subprocess.run(
        [sys.executable, "-m", "tests.endpoints.reconcile_process", repr(_fields(stage.world.warehouse.connection)),
         repr(connection)],
        cwd=ROOT, env={**os.environ, "LIENTHONG_CRASH_DIR": str(stage.folder)}, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    looked = "SELECT count(*) AS n FROM ops.reconciliation_parts WHERE state = 'looked'"
    before = stage.world.rows(looked)[0]["n"]
    assert before == 2
    asked = stage.listings()
    done = stage.reconcile(reconcile_whole_days=1)
    assert stage.listings() - asked == done.parts - before, "what was looked at is not asked again"
    assert stage.found() == {code(4): ("missing",)}
    assert len(stage.world.rows("SELECT 1 FROM ops.reconciliations")) == 1


def test_a_portal_that_is_down_leaves_the_rest_to_the_next_try(stage, monkeypatch):
    monkeypatch.setattr("lienthong.reconcile.run.FIRST_PAUSE", 0.01)
    stage.world.dossiers(range(3))
    stage.publish()
    stage.misbehave("http_error", status=503)
    with pytest.raises(ReceiverBusy, match="in a row"):
        stage.reconcile()
    assert stage.listings() <= 5
    stage.behave()
    stage.reconcile((date(2025, 9, 1), date(2025, 9, 1)))
    assert stage.reconcile().parts == 1
    looks = stage.world.rows("SELECT state, first_day IS NULL AS daily FROM ops.reconciliations ORDER BY 2 DESC")
    assert [tuple(row.values()) for row in looks] == [("done", True), ("done", False)], (
        "days asked for end no daily look"
    )
    calls = stage.world.rows("SELECT count(*) AS n FROM publish.calls WHERE service = 'DanhSachHoSo'")
    assert calls[0]["n"] == stage.listings(), "every request stands in the audit trail"


def test_the_list_shows_no_person_and_only_its_days(stage):
    stage.world.dossiers([1])
    received(stage, 3, [2])
    stage.publish()
    endpoint = stage.endpoint(list_fields="NgayTiepNhan=ngayNhanHoSo")
    day = date(2025, 9, 30)
    (held,) = endpoint.holds(Part("ho_so", "H15.102", "", day, day), [])
    endpoint.close()
    assert held.name == code(1)
    assert held.marks == (None, None, "20250930080000", None)
    assert not any(value in repr(held) for value in PERSONAL)
    with pytest.raises(NeedsPerson, match="list_fields"):
        stage.endpoint(list_fields="ChuHoSo=hoTen")
