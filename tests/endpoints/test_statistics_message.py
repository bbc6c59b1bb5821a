"""The statistics message through the standard suite, and what is its own: its fields, its percentages, its versions."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from datetime import date

import pytest

from lienthong.connections import Connection
from lienthong.errors import TryAgain
from lienthong.gateway import Gateway
from lienthong.sandbox.platform_options import PlatformOptions
from lienthong.sandbox.platform_server import running_platform
from lienthong.sandbox.platform_statistics import DATASET, PATH
from lienthong.sandbox.portal_log import digest
from tests.endpoints.aggregates import AggregateSuite, AggregateWorld
from tests.endpoints.suite import Accepted, Stage

CLIENT = ("tinh-daklak", "mat-khau-truc-lien-thong")
FIELDS = {
    "Month", "Year", "IsMonthStatistic", "NewReception", "PreExtisting", "Total", "TotalSolved", "SolvedInTime",
    "SolvedInTimePercent", "SolvedLate", "SolvedLatePercent", "TotalPending", "Pending", "PendingLate",
}  # fmt: skip


class StatisticsWorld(AggregateWorld):
    """A month of a unit stands for a dossier, other months for its steps."""

    main = "thong_ke_thang"

    def key(self, number):
        return f"H15.{number:04d}|2025-09-01"

    def row(self, number, trang_thai="4", ghi_chu="", month=date(2025, 9, 1), **counts):
        taken = 100 + int(trang_thai) + len(ghi_chu)
        return {
            "ma_don_vi": f"H15.{number:04d}", "thang": month, "moi_tiep_nhan": taken, "ton_truoc": 20,
            "tong": taken + 20, "da_giai_quyet": 90, "dung_han": 88, "qua_han": 2, "dang_giai_quyet": taken - 70,
            "trong_han": taken - 75, "tre_han": 5, **counts,
        }  # fmt: skip

    def other(self, number, status):
        month = date(2024, int(status), 1)
        return self.main, f"H15.{number:04d}|{month}", self.row(number, month=month)

    def month(self, **counts):
        """One more unit's month with these counts, enqueued."""
        self._promote(self.main, {self.key(9000): self.row(9000, **counts)})


class StatisticsStage(Stage):
    """The sandbox platform in this process, over HTTP, with client credentials."""

    password = CLIENT[1]
    most_refused = 6  # each of three calls is repeated once, with a renewed token

    def __init__(self, world, running, folder) -> None:
        connection = Connection(
            "statistics_message", "http", host=running.url, login=CLIENT[0], password=CLIENT[1],
            extra={"auth": "oauth2", "timeout": 5},
        )  # fmt: skip
        super().__init__(StatisticsWorld(world.warehouse, "statistics_message"), connection, folder)
        self.running = running
        self.foreign = 0

    def misbehave(self, fault, ma_ho_so=None, message=None, **how):
        if ma_ho_so is not None:
            how["khoa"] = ma_ho_so.removesuffix("-01")
        if message is not None:
            how["message"] = message.replace("{ma_ho_so}", ma_ho_so or "")
        self.running.misbehaviour.add(fault=fault, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        held, found = set(), []
        for one in self.running.log.effects():
            kind = "update" if one.khoa in held else "create"
            if one.effect:
                held.add(one.khoa)
            if one.seq > self.foreign:
                found.append(Accepted(f"{one.khoa}-01", one.sha256, one.effect, kind, one.phien_ban))
        return found

    def requests(self):
        return sum(one.service != "login" for one in self.running.log.requests())

    def hold(self, *codes):
        gateway = Gateway(self.connection)
        for code in codes:
            body = {name: 1 for name in FIELDS} | {"Month": 9, "Year": 2025, "IsMonthStatistic": True}
            query = {"MaDonVi": code.partition("|")[0], "Thang": "2025-09", "PhienBan": "1"}
            assert gateway.send("thong-ke", PATH, json.dumps(body), [], query=query).accepted
        gateway.close()
        self.foreign = max(one.seq for one in self.running.log.effects())
        with self.world.session() as session:
            for table, column in (("core.thong_ke_thang", "_version"), ("publish.outbox", "version")):
                key = "_record_key" if column == "_version" else "record_key"
                session.execute(f"UPDATE {table} SET {column} = {column} + 1 WHERE {key} = ANY(%s)", [list(codes)])

    def held(self):
        return {one.khoa: one.record for one in self.running.log.held(DATASET)}


@pytest.fixture
def stage(world, tmp_path):
    options = PlatformOptions(tmp_path / "platform", tmp_path / "national.sqlite", client=CLIENT)
    with running_platform(options) as running:
        yield StatisticsStage(world, running, tmp_path)


class TestStatisticsMessage(AggregateSuite):
    """Every test of the standard suite against the sandbox platform, with client credentials."""

    def test_a_second_sender_leaves_at_once(self, stage):
        stage.world.dossiers([1])
        stage.misbehave("latency", ms=600)
        first = threading.Thread(target=stage.publish)
        first.start()
        time.sleep(0.3)
        with pytest.raises(TryAgain, match="another sender"):
            stage.publish()
        first.join()
        assert stage.requests() == 1

    def test_a_session_that_ends_in_mid_run_costs_nothing(self, stage):
        """Not at every third request: with one message in each, that would end fresh tokens before their first use."""
        stage.world.dossiers(range(20))
        stage.misbehave("expire_session", every=7)
        report = stage.publish(in_flight=2)
        assert (report.accepted, report.in_doubt) == (20, 0)

    def test_the_message_has_its_fields_and_no_other(self, stage):
        stage.world.dossiers([1])
        assert stage.publish().accepted == 1
        assert stage.held() == {
            "H15.0001|2025-09": {
                "Month": 9, "Year": 2025, "IsMonthStatistic": True, "NewReception": 104, "PreExtisting": 20,
                "Total": 124, "TotalSolved": 90, "SolvedInTime": 88, "SolvedInTimePercent": 97, "SolvedLate": 2,
                "SolvedLatePercent": 3, "TotalPending": 34, "Pending": 29, "PendingLate": 5,
            }
        }  # fmt: skip
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
        text = json.dumps(stage.held()["H15.0001|2025-09"], sort_keys=True, separators=(",", ":"))
        assert receipt["body_sha256"] == hashlib.sha256(text.encode()).hexdigest()

    def test_a_new_version_takes_the_place_of_the_old_one_and_a_repetition_none(self, stage):
        stage.world.dossiers([1])
        stage.publish()
        stage.world.dossiers([1], trang_thai="9")
        stage.misbehave("drop", times=1, after=True, service="thong_ke")
        stage.settle()
        assert [(one.version, one.effect) for one in stage.accepted()] == [(1, True), (2, True), (2, False)]
        assert stage.held()["H15.0001|2025-09"]["NewReception"] == 109

    def test_a_month_that_is_gone_is_not_told(self, stage):
        stage.world.dossiers([1])
        stage.publish()
        stage.world.delete([1])
        assert stage.publish().sent == 0
        assert stage.world.states() == {"done": 1, "superseded": 1}


@pytest.mark.parametrize(
    ("released", "in_time", "cut", "rounded"),
    [(0, 0, 100, 100), (1000, 999, 99, 100), (3, 2, 66, 67), (200, 1, 0, 1), (7, 7, 100, 100)],
)
def test_percentages_are_cut_or_rounded_and_add_up(stage, released, in_time, cut, rounded):
    """Cut unless the connection says otherwise; the two always make 100, and nothing released is all in time."""
    for option, expected in (("cut", cut), ("round", rounded)):
        stage.world.month(da_giai_quyet=released, dung_han=in_time, qua_han=released - in_time)
        assert stage.publish(percent=option).accepted == 1
        (held,) = stage.held().values()
        assert (held["SolvedInTimePercent"], held["SolvedLatePercent"]) == (expected, 100 - expected), option
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts ORDER BY place DESC LIMIT 1")
        assert receipt["body_sha256"] == digest(held), option


def test_what_is_in_doubt_is_sent_again_to_the_byte_whatever_the_connection_says_meanwhile(stage):
    stage.world.month(da_giai_quyet=1000, dung_han=999, qua_han=1)
    stage.misbehave("http_error", status=503, retry_after=600, times=1, after=True, service="thong_ke")
    with pytest.raises(TryAgain):
        stage.publish(percent="round")
    assert stage.world.states() == {"in_doubt": 1}
    stage.world.due_now()
    assert stage.publish(percent="cut").accepted == 1
    first, second = stage.accepted()
    assert (first.sha256, first.effect, second.effect) == (second.sha256, True, False)
    (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
    (held,) = stage.held().values()
    assert receipt["body_sha256"] == first.sha256 == digest(held)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body | {"PreExisting": body["PreExtisting"]},
        lambda body: {name: value for name, value in body.items() if name != "PreExtisting"},
        lambda body: body | {"Total": "124"},
        lambda body: body | {"Month": 8},
    ],
    ids=["a field more", "a field less", "text", "another month"],
)
def test_the_sandbox_takes_the_message_of_the_protocol_only(stage, spoil):
    body = {name: 1 for name in FIELDS} | {"Month": 9, "Year": 2025, "IsMonthStatistic": True}
    gateway = Gateway(stage.connection)
    query = {"MaDonVi": "H15.0001", "Thang": "2025-09", "PhienBan": "1"}
    answer = gateway.send("thong-ke", PATH, json.dumps(spoil(body)), [], query=query)
    gateway.close()
    assert not answer.accepted
    assert stage.held() == {}
