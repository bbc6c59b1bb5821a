"""The monitoring centre through the standard suite, and what is its own: answers in parts, tenants, contexts, days of
ten thousand entities. The judge is the centre's own log."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from lienthong.connections import Connection
from lienthong.contracts import load
from lienthong.endpoints import MonitoringCentre
from lienthong.errors import ContractError, ReceiverBusy, ReceiverRefused, TryAgain
from lienthong.indicators.declared import declared
from lienthong.indicators.told import tell
from lienthong.ngsi.model import TYPES
from lienthong.sandbox.centre_options import CentreOptions
from lienthong.sandbox.centre_server import running_centre
from lienthong.sandbox.portal_log import digest
from lienthong.settings import ROOT
from tests.endpoints.aggregates import AggregateWorld, KeySuite
from tests.endpoints.suite import SWIFT, Accepted, EndpointSuite, Stage

KEY = "khoa-trung-tam"
TENANT = "daklak"
URN = "urn:ngsi-ld:"
VALUE = {"type": "Property", "value": 1}
MONTH = date(2025, 9, 1)
OBSERVED = datetime(2025, 10, 1)


class CentreWorld(AggregateWorld):
    """Values of indicators stand for dossiers, states of services for their steps."""

    main = "chi_so"

    def __init__(self, warehouse, endpoint) -> None:
        super().__init__(warehouse, endpoint)
        tell(warehouse)

    def key(self, number):
        return f"ty_le_dung_han|H15.{number:04d}|thang|2025-09-01"

    def row(self, number, trang_thai="4", ghi_chu=""):
        in_time, all_of_them = 90 + int(trang_thai), 100 + len(ghi_chu)
        return {
            "ma_chi_so": "ty_le_dung_han", "ma_don_vi": f"H15.{number:04d}", "ky": "thang", "bat_dau": MONTH,
            "gia_tri": Decimal(in_time) / all_of_them, "tu_so": in_time, "mau_so": all_of_them, "don_vi_tinh": "%",
            "quan_sat_luc": OBSERVED, "tinh_luc": datetime(2025, 10, 1, 1, 30),
        }  # fmt: skip

    def other(self, number, status):
        unit, dataset = f"H15.{number:04d}", f"tap_{status}"
        row = {
            "ma_don_vi": unit, "ma_tap_du_lieu": dataset, "trang_thai": "cham", "ngay_moi_nhat": date(2025, 9, 29),
            "so_dang_giu": 3, "so_chua_gui": 0, "quan_sat_luc": OBSERVED,
        }  # fmt: skip
        return "trang_thai_dich_vu", f"{unit}|{dataset}", row

    def value(self, indicator, **columns):
        """One value of a declared indicator, enqueued."""
        row = {**self.row(0), "ma_chi_so": indicator, **columns}
        self._promote("chi_so", {f"{indicator}|H15|thang|2025-09-01": row})

    def units(self, *codes):
        """New versions of units, enqueued."""
        rows = {
            code: {"ma_don_vi": code, "ten_don_vi": f"Xã {code}", "loai": "COMMUNE_PEOPLE_COMMITTEE", "ma_xa": "24211"}
            for code in codes
        }
        self._promote("don_vi", rows)


class CentreStage(Stage):
    """The sandbox centre in this process, over HTTP."""

    password = KEY
    batch = "records_per_request"

    def __init__(self, world, running, folder, **extra) -> None:
        given = {"auth": "key", "tenant": TENANT, self.batch: EndpointSuite.per_request, "timeout": 5, **extra}
        connection = Connection("monitoring_centre", "http", host=running.url, password=KEY, extra=given)
        super().__init__(CentreWorld(world.warehouse, "monitoring_centre"), connection, folder)
        self.running = running
        self.foreign = 0

    def misbehave(self, fault, ma_ho_so=None, message=None, **how):
        if ma_ho_so is not None:
            how["khoa"] = identifier(ma_ho_so)
        if message is not None:
            how["message"] = message.replace("{ma_ho_so}", ma_ho_so or "")
        self.running.misbehaviour.add(fault=fault, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        found = [one for one in self.running.log.effects() if one.seq > self.foreign]
        return [Accepted(key_of(one.id), one.sha256, one.effect, one.kind, one.version) for one in found]

    def requests(self):
        return sum(1 for _ in self.running.log.requests())

    def hold(self, *codes):
        given = [{"id": identifier(code), "type": "IndicatorValue", "value": VALUE} for code in codes]
        endpoint = self.endpoint(context="link")
        told = endpoint.broker.batch("upsert", [json.dumps(one) for one in given], [], [], mask=str)
        endpoint.close()
        assert told.answer.code == "201"
        self.foreign = max(one.seq for one in self.running.log.effects())

    def held(self):
        return {one.id: one.entity for one in self.running.log.held(TENANT)}


def identifier(key):
    kind = {4: "IndicatorValue", 2: "ServiceState", 1: "Unit"}[len(key.split("|"))]
    return f"{URN}{kind}:{key.replace('|', ':')}"


def key_of(identifier):
    return identifier.removeprefix(URN).partition(":")[2].replace(":", "|")


def _coloured(better="up"):
    """A declared rate with limits."""
    return next(one for one in declared(ROOT).values() if one.unit == "%" and one.limits and one.better == better)


@pytest.fixture
def running(tmp_path):
    options = CentreOptions(tmp_path / "centre", key=KEY, tenants=(TENANT,))
    with running_centre(options) as running:
        yield running


@pytest.fixture
def stage(world, tmp_path, running):
    return CentreStage(world, running, tmp_path)


class TestMonitoringCentre(KeySuite):
    """Every test of the standard suite against the sandbox centre; afterwards its log and our receipts agree."""

    def test_a_mixed_batch_is_taken_in_every_way_to_tell_it(self, stage):
        stage.world.dossiers([1, 2])
        stage.publish()
        assert stage.world.dossiers([1, 2, 3, 4], trang_thai="9")
        assert stage.publish().accepted == 4
        stage.misbehave("orion")
        stage.world.dossiers([1, 5], trang_thai="8")
        assert stage.publish().accepted == 2
        codes = [row["code"] for row in stage.world.rows("SELECT code FROM publish.calls ORDER BY started_at")]
        assert codes == ["201", "201", "207"]

    def test_only_what_errors_name_has_failed_and_a_passing_error_is_tried_again(self, stage):
        codes = stage.world.dossiers(range(5))
        stage.misbehave("refuse", ma_ho_so=codes[1], code="BadRequestData", message="Thuộc tính không hợp lệ")
        stage.misbehave("refuse", ma_ho_so=codes[2], code="InternalError", message="Lỗi bên trong", times=1)
        report = stage.publish(replace(SWIFT, first_retry=3600.0, linger=0.0))
        assert (report.accepted, report.refused, report.pending) == (3, 1, 1)
        found = stage.world.rows("SELECT record_key, state, attempts, reason FROM publish.outbox WHERE state <> 'done'")
        assert {(row["record_key"], row["state"], row["attempts"]) for row in found} == {
            (codes[1], "dead", 1), (codes[2], "pending", 1),
        }  # fmt: skip
        assert "mã BadRequestData: Thuộc tính không hợp lệ" in {row["reason"].split(" – ")[0] for row in found}
        stage.settle()
        assert stage.world.states() == {"done": 4, "dead": 1}

    def test_a_batch_refused_as_a_whole_is_parted_until_the_culprit_stands_alone(self, stage):
        codes = stage.world.dossiers(range(10))
        stage.misbehave("fail", status=400, code="BadRequestData", message="sai", ma_ho_so=codes[4])
        report = stage.publish(**{stage.batch: 10})
        assert (report.accepted, report.refused) == (9, 1)
        (dead,) = stage.world.rows("SELECT record_key FROM publish.outbox WHERE state = 'dead'")
        assert dead["record_key"] == codes[4]

    def test_when_every_batch_is_refused_as_a_whole_the_fault_is_ours(self, stage):
        stage.world.dossiers(range(300))
        stage.misbehave("fail", status=400, code="BadRequestData", message="sai")
        with pytest.raises(ReceiverRefused, match="none was accepted"):
            stage.publish(**{stage.batch: 300})
        assert stage.requests() < 60
        assert stage.world.states()["pending"] == 280

    def test_an_unknown_tenant_stops_the_endpoint_and_blames_no_record(self, stage):
        stage.world.dossiers(range(10))
        with pytest.raises(ReceiverRefused, match="no tenant 'khac'.*extra 'tenant'"):
            stage.publish(tenant="khac")
        assert stage.world.states() == {"pending": 10}
        assert stage.accepted() == []

    def test_a_context_that_the_centre_cannot_get_costs_no_try(self, stage):
        stage.world.dossiers([1])
        for style in ("inline", "link"):
            with pytest.raises(TryAgain, match="context_url"):
                stage.publish(context=style, context_url="http://khong-co.invalid/ngsi-context.jsonld")
        assert stage.world.rows("SELECT state, attempts FROM publish.outbox") == [{"state": "pending", "attempts": 0}]

    @pytest.mark.parametrize("style", ["inline", "link"])
    def test_both_styles_put_the_same_entity_there(self, stage, style):
        (key,) = stage.world.dossiers([1])
        address = f"{stage.running.url}/ngsi-context.jsonld"
        assert stage.publish(context=style, context_url=address).accepted == 1
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
        entity = stage.held()[identifier(key)]
        assert receipt["body_sha256"] == digest(entity)
        assert entity == {
            "id": f"{URN}IndicatorValue:ty_le_dung_han:H15.0001:thang:2025-09-01", "type": "IndicatorValue",
            "computedAt": {"type": "Property", "value": "2025-09-30T18:30:00Z"},
            "denominator": {"type": "Property", "value": 100, "observedAt": "2025-09-30T17:00:00Z"},
            "indicator": {"type": "Property", "value": "ty_le_dung_han"},
            "numerator": {"type": "Property", "value": 94, "observedAt": "2025-09-30T17:00:00Z"},
            "period": {"type": "Property", "value": "month"},
            "periodStart": {"type": "Property", "value": "2025-09-01"},
            "refUnit": {"type": "Relationship", "object": f"{URN}Unit:H15.0001"},
            "unitOfMeasure": {"type": "Property", "value": "%"},
            "value": {"type": "Property", "value": 94, "unitCode": "P1", "observedAt": "2025-09-30T17:00:00Z"},
            "version": {"type": "Property", "value": 1},
        }  # fmt: skip

    def test_away_for_an_hour(self, stage):
        """Six runs, ten minutes apart, with new versions before each: it cannot be reached, then it takes every second
        request and answers none. The circuit opens each time; its own log shows nothing lost and nothing doubled."""
        stage.world.dossiers(range(60))
        stage.publish()
        here = stage.connection
        stage.misbehave("drop", every=2, after=True)
        stage.misbehave("http_error", status=503)
        for minute in range(6):
            stage.world.dossiers(range(60), trang_thai=str(minute))
            stage.world.due_now()
            before = stage.requests()
            stage.connection = replace(here, host="http://127.0.0.1:9") if minute < 3 else here
            with pytest.raises(ReceiverBusy, match="in a row"):
                stage.publish(replace(SWIFT, linger=0.0))
            # One more may be under way when the circuit opens.
            assert stage.requests() - before <= (0 if minute < 3 else SWIFT.circuit_after + 1)
        assert stage.world.rows("SELECT max(attempts) AS n FROM publish.outbox WHERE state = 'pending'")[0]["n"] == 0
        stage.behave()
        stage.settle()
        assert set(stage.world.states()) == {"done", "superseded"}
        assert {one["numerator"]["value"] for one in stage.held().values()} == {95}
        newest = stage.world.rows("SELECT _record_key AS key, _version AS version FROM core.chi_so")
        assert {(key_of(one["id"]), one["version"]["value"]) for one in stage.held().values()} == {
            (row["key"], row["version"]) for row in newest
        }
        effects = [(one.key, one.version) for one in stage.accepted() if one.effect]
        assert len(effects) == len(set(effects))
        again = [(one.key, one.version) for one in stage.accepted() if not one.effect]
        assert again, "the test has shown no repetition"
        assert set(again) <= set(effects)

    @pytest.mark.parametrize("after", [None, False, True], ids=["heard", "before", "after"])
    def test_a_deletion_is_told_whatever_becomes_of_its_answer(self, stage, after):
        stage.world.dossiers(range(3))
        stage.publish()
        stage.world.delete(range(2))
        if after is not None:
            stage.misbehave("drop", times=1, after=after)
        stage.settle()
        assert stage.world.states() == {"done": 5}
        assert list(stage.held()) == [identifier(stage.world.key(2))]
        stage.world.dossiers([0])
        assert stage.publish().accepted == 1
        assert stage.held()[identifier(stage.world.key(0))]["version"]["value"] == 3

    @pytest.mark.parametrize("how", ["not there", "whole", "gone"])
    def test_a_deletion_that_arrives_nowhere_is_no_acceptance(self, stage, how):
        """404 for a whole deletion is a wrong address as long as the centre does not say by name that nothing is
        there."""
        stage.world.dossiers(range(3))
        stage.publish()
        stage.world.delete(range(2))
        if how == "gone":  # by another hand
            endpoint = stage.endpoint()
            gone = [identifier(stage.world.key(number)) for number in range(2)]
            endpoint.broker.batch("delete", [json.dumps(one) for one in gone], gone, [], mask=str)
            endpoint.close()
        if how != "not there":
            stage.misbehave("fail", status=404, code="ResourceNotFound", message="sai", service="delete")
        if how == "gone":
            assert stage.publish().accepted == 2
            assert len([one for one in stage.accepted() if one.kind == "delete"]) == 2
        else:
            with pytest.raises(ReceiverRefused, match="address" if how == "not there" else "still holds the entity"):
                stage.publish(path="/khac/v1" if how == "not there" else "/ngsi-ld/v1")
            assert stage.world.states() == {"done": 3, "pending": 2}
            assert len(stage.held()) == 3

    def test_what_a_newer_version_does_not_say_is_held_no_more(self, stage):
        said = _coloured()
        stage.world.value(said.id, gia_tri=Decimal(1))
        stage.publish()
        stage.world.value(said.id, gia_tri=None, tu_so=None, mau_so=None)
        stage.publish(upsert="update")
        (entity,) = stage.held().values()
        assert entity["version"]["value"] == 2
        assert not {"value", "numerator", "denominator", "level"} & set(entity)

    def test_ten_thousand_entities_are_few_requests_and_little_time(self, stage):
        stage.world.dossiers(range(10_000))
        started = time.monotonic()
        report = stage.publish(records_per_request=1000)
        assert (report.accepted, report.pending) == (10_000, 0)
        assert stage.requests() <= 12
        assert time.monotonic() - started < 60
        assert stage.publish().sent == 0


class TestOtherCentres:
    """Centres that are made otherwise."""

    def test_an_answer_that_does_not_name_our_tenant_is_no_acceptance(self, world, tmp_path):
        """A centre that drops the header puts everything into the default tenant: that must be seen at once."""
        options = CentreOptions(tmp_path / "deaf", key=KEY, tenants=(TENANT,), echo=False)
        with running_centre(options) as running:
            deaf = CentreStage(world, running, tmp_path)
            deaf.world.dossiers([1])
            with pytest.raises(ReceiverRefused, match="found no tenant"):
                deaf.publish()
            assert deaf.world.states() == {"in_doubt": 1}
            assert deaf.publish(tenant_echo="optional").accepted == 1

    def test_a_request_too_large_for_the_centre_is_parted(self, world, tmp_path):
        options = CentreOptions(tmp_path / "small", key=KEY, tenants=(TENANT,), max_body_bytes=3000)
        with running_centre(options) as running:
            stage = CentreStage(world, running, tmp_path, records_per_request=50)
            stage.world.dossiers(range(20))
            assert stage.publish().accepted == 20


class TestWhatLeaves:
    """No person leaves for the centre, and what leaves is what the data model says."""

    def test_a_contract_about_persons_cannot_be_bound(self):
        (path,) = ROOT.glob("expectations/*/ho_so.odcs.yaml")
        contract = replace(load(path), endpoints=("monitoring_centre",))
        connection = Connection("monitoring_centre", "http", host="127.0.0.1")
        with pytest.raises(ContractError, match="aggregates only"):
            MonitoringCentre(connection, "H15", {"ho_so": contract})

    def test_every_entity_is_as_its_model_says(self, stage):
        stage.world.value(_coloured().id)
        stage.world.steps([1])
        stage.world.units("H15.102", "H15.103")
        stage.publish()
        kinds = {kind.name: kind for kind in TYPES}
        seen = {}
        for entity in stage.held().values():
            attributes = {one.name: one for one in kinds[entity["type"]].attributes}
            for name, attribute in entity.items():
                if name in ("id", "type"):
                    continue
                declared = attributes[name]
                assert attribute["type"] == declared.kind, name
                assert ("observedAt" in attribute) is declared.observed, name
                seen.setdefault(entity["type"], set()).add(name)
        optional = {
            "Unit": {"validFrom", "validUntil"},
            "ServiceState": {"unsentSince"},
        }
        for kind in TYPES:
            assert seen[kind.name] | optional.get(kind.name, set()) == {one.name for one in kind.attributes}

    def test_a_value_says_what_it_is(self, stage):
        """Numerator, denominator and definition go with every rate of a declared indicator."""
        said = _coloured()
        stage.world.value(said.id)
        assert stage.publish().accepted == 1
        (entity,) = stage.held().values()
        shown = {name: entity[name]["value"] for name in ("name", "definition", "denominatorName", "unitOfMeasure")}
        assert list(shown.values()) == [said.name, said.formula, said.denominator_name, "%"]
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
        assert receipt["body_sha256"] == digest(entity), "the words are not in the receipt"
        assert entity["value"]["value"] == pytest.approx(
            100 * entity["numerator"]["value"] / entity["denominator"]["value"], abs=1e-3
        )

    @pytest.mark.parametrize("better", ["up", "down"])
    def test_a_value_has_the_colour_that_its_declaration_gives_it(self, stage, better):
        said = _coloured(better)
        green, yellow = said.limits
        step = Decimal("0.000001") if better == "down" else Decimal("-0.000001")
        for value, level in (
            (green, "green"), (green + step, "yellow"), (yellow, "yellow"), (yellow + step, "red"), (green, "green"),
        ):  # fmt: skip
            stage.world.value(said.id, gia_tri=value)
            stage.publish()
            (entity,) = stage.held().values()
            assert entity["level"] == {"type": "Property", "value": level, "observedAt": "2025-09-30T17:00:00Z"}, value

    def test_a_receipt_is_the_hash_of_what_was_sent(self, stage):
        stage.world.units("H15.102")
        stage.publish()
        (call,) = stage.world.rows("SELECT * FROM publish.calls")
        assert (call["service"], call["records"], call["outcome"], call["code"]) == (
            "upsert don_vi",
            1,
            "accepted",
            "201",
        )
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
        (held,) = stage.held().values()
        text = json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert receipt["body_sha256"] == hashlib.sha256(text.encode()).hexdigest()
        with suppress(TryAgain):
            assert stage.publish().sent == 0


def test_entities_that_the_centre_lost_or_changed_are_found_by_key(stage):
    keys = stage.world.dossiers(range(12))
    stage.world.steps(range(6))
    stage.world.units("H15.901", "H15.902")
    stage.publish()
    stage.world.delete([11])
    stage.publish()
    assert stage.reconcile(records_per_page=5).parts == 3
    assert stage.found() == {}
    endpoint = stage.endpoint()
    broker = endpoint.broker
    changed = {
        **json.loads(json.dumps(stage.held()[identifier(keys[3])])),
        "level": {"type": "Property", "value": "đỏ"},
    }
    broker.batch("upsert", [json.dumps(changed)], [], [], mask=str)
    stranger = {"id": f"{URN}Unit:H15.999", "type": "Unit", "version": VALUE}
    broker.batch("upsert", [json.dumps(stranger)], [], [], mask=str)
    broker.batch("delete", [json.dumps(identifier(keys[5])), json.dumps(f"{URN}Unit:H15.902")], [], [], mask=str)
    endpoint.close()
    stage.foreign = max(one.seq for one in stage.running.log.effects())
    stage.world.dossiers([7], trang_thai="9")
    stage.world.postpone(keys[7], state="in_doubt")
    stage.reconcile(records_per_page=5)
    assert stage.found() == {
        keys[3]: ("different", "attributes"), keys[5]: ("missing",), "H15.902": ("missing",),
        f"{URN}Unit:H15.999": ("extra",),
    }  # fmt: skip
