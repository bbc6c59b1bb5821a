"""The public app through the standard suite, and what is its own: documents as they are read, deletions, and that no
column of another class than public can ever be on its way. The judge is the app's own log."""

import json
import urllib.request
from dataclasses import replace
from datetime import date, datetime

import pytest

from lienthong.connections import Connection
from lienthong.contracts import load, load_all
from lienthong.endpoints import PublicApp
from lienthong.errors import ContractError
from lienthong.sandbox.app_receiver import running_receiver
from lienthong.sandbox.app_receiver_app import ReceiverOptions
from lienthong.sandbox.portal_log import digest
from lienthong.settings import ROOT
from tests.endpoints.aggregates import AggregateWorld, KeySuite
from tests.endpoints.suite import SWIFT, Accepted, EndpointSuite, Stage

KEY = "khoa-ung-dung"
LIST = '[{"linh_vuc":"Hộ tịch","ma":"1.001193","ten":"Đăng ký khai sinh","thoi_han":1}]'
FIGURES = '[{"don_vi_tinh":"%","gia_tri":98.87,"ma":"dung_han","mau_so":100,"ten":"Tỷ lệ đúng hạn","tu_so":98.87}]'


class AppWorld(AggregateWorld):
    """Documents of communes stand for dossiers, service points for their steps."""

    main = "thong_tin_xa"

    def key(self, number):
        return f"{24000 + number}"

    def row(self, number, trang_thai="4", ghi_chu=""):
        return {
            "ma_xa": self.key(number), "ma_don_vi": f"H15.{number + 100}", "ten_xa": "Xã Ea M'Droh",
            "tru_so": f"12 Lê Duẩn{ghi_chu}", "dien_thoai": "02623856789", "gio_sang": "07:30-11:30",
            "gio_chieu": "13:30-17:00", "lam_thu_bay": "1", "so_quay": int(trang_thai), "so_thu_tuc": 1,
            "thu_tuc": LIST, "chi_so": FIGURES, "thang": date(2025, 9, 1), "so_lieu_den_ngay": date(2025, 9, 30),
            "phien_ban_cau_truc": "1",
        }  # fmt: skip

    def other(self, number, status):
        unit = f"H15.{number + 100}.{int(status):02d}"
        row = {
            "ma_don_vi": unit, "tru_so": "12 Lê Duẩn", "gio_sang": "07:30-11:30", "gio_chieu": "13:30-17:00",
            "lam_thu_bay": "0", "so_quay": 3, "so_can_bo": 5, "so_may_tinh": 4, "so_may_quet": 1,
            "mang_chuyen_dung": "1", "bang_thong_mbps": 300, "cap_nhat_luc": datetime(2025, 9, 1, 8),
        }  # fmt: skip
        return "diem_phuc_vu", unit, row


class AppStage(Stage):
    """The sandbox app in this process, over HTTP."""

    password = KEY
    batch = "documents_per_request"

    def __init__(self, world, running, folder) -> None:
        given = {self.batch: EndpointSuite.per_request, "timeout": 5}
        connection = Connection("public_app", "http", host=running.url, password=KEY, extra=given)
        super().__init__(AppWorld(world.warehouse, "public_app"), connection, folder)
        self.running = running
        self.foreign = set()

    def misbehave(self, fault, ma_ho_so=None, **how):
        self.running.misbehaviour.add(fault=fault, khoa=ma_ho_so, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        held, found = set(), []
        for one in self.running.log.effects():
            kind = "update" if one.key in held else "create"
            if one.effect:
                held.add(one.key)
            if one.seq not in self.foreign:
                found.append(Accepted(one.key, one.sha256, one.effect, kind, one.version))
        return found

    def requests(self):
        return sum(1 for one in self.running.log.requests() if one.service != "login")

    def hold(self, *codes):
        # Others hold their versions under the same keys: an older one than ours can only be one that we sent.
        items = [{"key": key, "version": 1, "document": {"ma_xa": key}} for key in codes]
        self.post({"schema": "dak-lak-so/1", "generated": "2025-09-30T00:00:00Z", "items": items})
        self.foreign |= {one.seq for one in self.running.log.effects()}
        with self.world.session() as session:
            session.execute(
                "UPDATE core.thong_tin_xa SET _version = _version + 1 WHERE _record_key = ANY(%s)", [list(codes)]
            )
            session.execute("UPDATE publish.outbox SET version = version + 1 WHERE record_key = ANY(%s)", [list(codes)])

    def post(self, message):
        request = urllib.request.Request(
            f"{self.running.url}/api/v1/communes", json.dumps(message).encode(), {"X-API-Key": KEY}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())["results"]

    def get(self, path):
        with urllib.request.urlopen(f"{self.running.url}{path}", timeout=5) as answer:
            return answer.read().decode()

    def held(self):
        return {one.key: one for one in self.running.log.held("communes")}


@pytest.fixture
def stage(world, tmp_path):
    with running_receiver(ReceiverOptions(tmp_path / "app", key=KEY)) as running:
        yield AppStage(world, running, tmp_path)


class TestPublicApp(KeySuite):
    """Every test of the standard suite against the sandbox app; afterwards its log and our receipts agree."""

    def test_a_document_arrives_as_the_app_shows_it(self, stage):
        (key,) = stage.world.dossiers([1])
        stage.publish()
        found = json.loads(stage.get(f"/api/v1/communes/{key}"))
        assert found["version"] == 1
        document = found["document"]
        assert document["gio_phuc_vu"] == {"sang": "07:30-11:30", "chieu": "13:30-17:00", "thu_bay": True}
        assert document["thu_tuc_cap_xa"] == json.loads(LIST)
        assert document["chi_so"] == json.loads(FIGURES)
        (receipt,) = stage.world.rows("SELECT body_sha256, code FROM publish.receipts")
        assert receipt == {"body_sha256": digest(document), "code": "created"}
        page = stage.get(f"/xa/{key}")
        for words in (
            "Xã Ea M&#x27;Droh",
            "07:30-11:30",
            "98,87 % (98,87/100)",
            "Đăng ký khai sinh",
            "đến ngày 30/09/2025",
        ):
            assert words in page
        assert f'href="/xa/{key}"' in stage.get("/")

    def test_a_commune_that_ends_is_taken_out_and_one_that_comes_back_returns(self, stage):
        first, second = stage.world.dossiers([1, 2])
        stage.publish()
        stage.world.delete([1])
        assert stage.publish().accepted == 1
        assert (stage.held()[first].version, stage.held()[first].document) == (2, None)
        assert f"/xa/{first}" not in stage.get("/")
        stage.world.dossiers([1])
        stage.publish()
        assert (stage.held()[first].version, stage.held()[first].document["ma_xa"]) == (3, first)
        assert stage.held()[second].version == 1

    def test_an_older_version_changes_nothing(self, stage):
        stage.world.dossiers([1], trang_thai="2")
        stage.world.dossiers([1], trang_thai="4")
        stage.publish()
        (key,) = stage.held()
        old = {"schema": "dak-lak-so/1", "generated": "", "items": [{"key": key, "version": 1, "document": {"a": 1}}]}
        assert [one["status"] for one in stage.post(old)] == ["stale"]
        assert stage.held()[key].document["so_quay"] == 4
        stage.foreign.add(max(one.seq for one in stage.running.log.effects()))

    @pytest.mark.parametrize("word", ["busy", "chua_ro", "500"])
    def test_a_word_that_is_no_judgement_is_tried_again(self, stage, word):
        codes = stage.world.dossiers([1, 2])
        stage.misbehave("refuse", ma_ho_so=codes[0], code=word, message="Hệ thống bận", times=1)
        report = stage.publish(replace(SWIFT, first_retry=3600.0, linger=0.0))
        assert (report.accepted, report.refused, report.pending) == (1, 0, 1)
        stage.settle()
        assert stage.world.states() == {"done": 2}

    @pytest.mark.parametrize("word", ["refused", "invalid"])
    def test_a_judgement_is_a_dead_letter(self, stage, word):
        stage.world.dossiers([1])
        stage.misbehave("refuse", code=word, message="Thiếu trụ sở")
        assert stage.publish().refused == 1
        (dead,) = stage.world.rows("SELECT state, reason FROM publish.outbox")
        assert dead == {"state": "dead", "reason": f"mã {word}: Thiếu trụ sở"}

    def test_what_is_refused_says_why(self, stage):
        items = [{"key": "1", "version": 0, "document": {"a": 1}}, {"key": "2", "version": 1}, {"version": 1}, 7]
        told = stage.post({"schema": "dak-lak-so/1", "generated": "", "items": items})
        assert {one["status"] for one in told} == {"refused"}
        assert all(one["message"] for one in told)
        assert stage.held() == {}


class TestNobody:
    """No personal data by construction."""

    def test_a_column_of_another_class_keeps_a_dataset_from_the_app(self):
        (path,) = ROOT.glob("expectations/*/thong_tin_xa.odcs.yaml")
        contract = load(path)
        for name in ("internal", "personal", "sensitive"):
            last = replace(contract.columns[-1], classification=name)
            spoilt = replace(contract, columns=(*contract.columns[:-1], last))
            with pytest.raises(ContractError, match=f"{last.name!r} is not classified public"):
                PublicApp(Connection("public_app", "http"), "H15", {contract.dataset: spoilt})

    def test_every_dataset_of_the_app_is_public(self):
        bound = [one for one in load_all(ROOT / "expectations").values() if "public_app" in one.endpoints]
        assert [one.dataset for one in bound] == ["thong_tin_xa"]
        assert {column.classification for one in bound for column in one.columns} == {"public"}
