"""The national portal through the standard suite, and what is its own: bodies, codes, the split of arrays."""

import hashlib
import json

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.endpoints import Feed, Item, NationalPortal
from lienthong.endpoints.national_portal import mark_of
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from tests.endpoints.family import FamilySuite
from tests.endpoints.suite import Accepted, EndpointSuite, Stage
from tests.endpoints.world import CITIZEN, PROCEDURE, code

PASSWORD = "mat-khau-dvc-kin"


class PortalStage(Stage):
    """The sandbox portal in this process, over HTTP."""

    password = PASSWORD

    def __init__(self, world, running, folder) -> None:
        connection = Connection(
            "national_portal", "http", host=running.url, login="daklak", password=PASSWORD,
            extra={"dossiers_per_request": EndpointSuite.per_request, "timeout": 5},
        )  # fmt: skip
        super().__init__(world, connection, folder)
        self.running = running

    def misbehave(self, fault, **how):
        self.running.misbehaviour.add(fault=fault, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        return [
            Accepted(one.record_key, one.sha256, one.effect, one.kind)
            for one in self.running.log.effects()
            if one.request_id not in self._foreign
        ]

    def requests(self):
        return sum(one.service != "login" for one in self.running.log.requests())

    _foreign: frozenset[str] = frozenset()

    def hold(self, *codes):
        portal = NationalPortal(self.connection)
        for ma_ho_so in codes:
            body = json.dumps({**json.loads(dossier_body(self.world, ma_ho_so)), "GhiChu": "từ hệ thống khác"})
            portal.client.call("DongBoHoSoMC", {"isUpdating": "False"}, [body])
        portal.close()
        self._foreign = frozenset(one.request_id for one in self.running.log.effects())


def dossier_body(world, ma_ho_so):
    """The body that our statement makes of a dossier."""
    from lienthong.warehouse.statements import statement

    with world.session() as session:
        query = statement(world.warehouse.home, "publish/national_portal.ho_so")
        values = {"keys": [ma_ho_so], "versions": [1]}
        return session.execute(query, values).fetchone()["body"]


@pytest.fixture
def stage(world, tmp_path):
    with running_portal(PortalOptions(tmp_path / "portal", "daklak", PASSWORD)) as running:
        yield PortalStage(world, running, tmp_path)


class TestNationalPortal(FamilySuite):
    """Every test of the standard suite against the sandbox portal."""


FIELDS = """
    MaHoSo MaTTHC TenTTHC MaLinhVuc TenLinhVuc SoBienNhan ChuHoSo LoaiDoiTuong MaDoiTuong ThongTinKhac Email Fax
    SoDienThoai TrichYeuHoSo NgayTiepNhan NgayHenTra TrangThaiHoSo NgayTra ThongTinTra HinhThuc NgayKetThucXuLy
    DonViXuLy GhiChu TaiLieuNop DanhSachLePhi DanhSachTepDinhKemKhac DanhSachHoSoBoSung DanhSachGiayToKetQua
    KenhThucHien SoGiayToChuHoSo DinhDanhCHS NgayNopHoSo NgayTuChoi NoiNopHoSo HoSoCoThanhPhanSoHoa
    TaiKhoanDuocXacThucVoiVNeID DuocThanhToanTrucTuyen DSKetNoiCSDL
"""
"""The fields of 2020, then those that the index of Decision 766 added."""


class TestBodies:
    """What the statements make of a dossier and of a step."""

    def sent(self, stage):
        stage.publish()
        return {held.ma_ho_so: held.record for held in stage.running.log.dossiers()}

    def test_a_dossier_has_every_field_and_nothing_but_texts(self, stage):
        stage.world.dossiers([7])
        record = self.sent(stage)[code(7)]
        assert set(record) == set(FIELDS.split())
        assert all(isinstance(value, str | list) for value in record.values())
        assert record["MaTTHC"] == PROCEDURE["MATTHC"]
        assert record["TenTTHC"] == PROCEDURE["TENTTHC"]
        assert record["MaLinhVuc"] == PROCEDURE["LINHVUCTHUCHIEN"][0]["MALINHVUC"]
        assert record["DonViXuLy"] == "UBND xã Ea Súp"
        assert record["NgayNopHoSo"] == "20250929230000"
        assert record["NgayTiepNhan"] == "20250930080000"
        assert record["NgayTra"] == record["NgayTuChoi"] == record["Fax"] == record["MaDoiTuong"] == ""
        assert record["DinhDanhCHS"] == [{"LoaiDinhDanh": "1", "SoDinhDanh": CITIZEN}]
        assert record["DanhSachLePhi"][0]["Gia"] == "0"
        assert record["TaiLieuNop"][0]["DuocSoHoa"] == "1"
        assert list(stage.running.log.warnings()) == []

    def test_a_body_is_the_canonical_text_so_receipts_can_be_checked_from_outside(self, stage):
        stage.world.dossiers([1], ghi_chu='Dòng một\n"hai"\t\\ \x01 \x7f 😀 /', ma_giay_to_ket_qua="KQ.1")
        body = dossier_body(stage.world, code(1))
        value = json.loads(body)
        assert body == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        stage.publish()
        (receipt,) = stage.world.rows("SELECT body_sha256 FROM publish.receipts")
        assert receipt["body_sha256"] == hashlib.sha256(body.encode()).hexdigest()
        assert [one.sha256 for one in stage.running.log.effects()] == [receipt["body_sha256"]]

    def test_nothing_is_invented_where_the_source_says_nothing(self, stage):
        nothing = dict.fromkeys(
            ("kenh_thuc_hien", "chu_ho_so", "loai_dinh_danh", "so_dinh_danh", "so_dien_thoai", "email", "trich_yeu",
             "ngay_nop", "ngay_hen_tra", "muc_phi", "giay_to_tai_su_dung", "lay_tu_kho_dmqg", "ghi_chu")
        )  # fmt: skip
        stage.world.dossiers([1], **nothing, co_so_hoa="0", trang_thai="5")
        record = self.sent(stage)[code(1)]
        for name in ("KenhThucHien", "ChuHoSo", "SoGiayToChuHoSo", "TrichYeuHoSo", "NgayNopHoSo", "NgayHenTra"):
            assert record[name] == ""
        for name in ("DinhDanhCHS", "DSKetNoiCSDL", "TaiLieuNop", "DanhSachLePhi", "DanhSachGiayToKetQua"):
            assert record[name] == []
        assert record["TrangThaiHoSo"] == "5"

    def test_texts_are_cut_where_the_portal_cuts_them(self, stage):
        stage.world.dossiers([1], ghi_chu="g" * 3000, trich_yeu="t" * 3000)
        stage.world.steps([1], statuses=["2"], nguoi_xu_ly="n" * 80)
        stage.world.steps([1], statuses=["4", "4"], nguoi_xu_ly=None)
        record = self.sent(stage)[code(1)]
        assert (len(record["GhiChu"]), len(record["TrichYeuHoSo"])) == (2000, 1000)
        officers = {step.trang_thai: step.nguoi_xu_ly for step in stage.running.log.steps()}
        assert officers == {"2": "n" * 50, "4": "Chuyên viên"}

    def test_results_reuse_and_fees_come_from_the_source(self, stage):
        stage.world.dossiers(
            [1], muc_phi=50000, ma_giay_to_ket_qua="KQ.G07.000122", duong_dan_ket_qua="https://kq.invalid/1",
            giay_to_tai_su_dung="2", lay_tu_kho_dmqg="1", thanh_toan_truc_tuyen="2",
        )  # fmt: skip
        record = self.sent(stage)[code(1)]
        assert record["DanhSachLePhi"][0]["Gia"] == "50000"
        (result,) = record["DanhSachGiayToKetQua"]
        assert (result["MaGiayToKetQua"], result["DuongDanTepTinKetQua"]) == ("KQ.G07.000122", "https://kq.invalid/1")
        (paper,) = record["TaiLieuNop"]
        assert (paper["DuocLayTuKhoDMQG"], paper["DuocTaiSuDung"]) == ("1", "0")
        assert record["DuocThanhToanTrucTuyen"] == "2"

    def test_a_dossier_that_lacks_a_compulsory_field_waits_and_says_so(self, stage):
        stage.world.dossiers([1], ma_tthc="1.999999")
        stage.world.dossiers([2])
        assert stage.publish().accepted == 1
        (row,) = stage.world.rows(
            "SELECT state, attempts, reason FROM publish.outbox WHERE record_key = %(k)s", k=code(1)
        )
        assert row["state"] == "pending"
        assert row["attempts"] >= 1
        assert row["reason"] == "chưa đủ trường bắt buộc: TenTTHC, MaLinhVuc"

    def test_a_deletion_is_closed_with_its_reason_and_never_sent_as_an_update(self, stage):
        stage.world.dossiers([1, 2])
        stage.publish()
        stage.world.delete([1])
        assert stage.publish().sent == 0
        (row,) = stage.world.rows("SELECT state, reason FROM publish.outbox WHERE deleted")
        assert (row["state"], "không nhận thao tác xóa" in row["reason"]) == ("superseded", True)
        stage.world.dossiers([1], trang_thai="9")
        assert stage.publish().accepted == 1

    def test_a_version_that_core_no_longer_holds_gives_way(self, stage):
        stage.world.dossiers([1])
        with stage.world.session() as session:
            session.execute("UPDATE core.ho_so SET _version = 2, _deleted_at = now()")
        assert stage.publish().sent == 0
        assert stage.world.states() == {"superseded": 1}


class TestAnswers:
    """What single answers of the portal mean."""

    def test_update_of_a_procedure_that_does_not_exist_is_told_with_the_first_words(self, stage):
        stage.world.dossiers([1])
        stage.publish()
        stage.world.dossiers([1], trang_thai="9")
        stage.misbehave("refuse", code="-1", message="Thủ tục của hồ sơ {ma_ho_so} không tồn tại", times=1)
        report = stage.publish()
        assert (report.refused, report.dead) == (1, 1)
        (dead,) = stage.world.rows("SELECT reason FROM publish.outbox WHERE state = 'dead'")
        assert dead["reason"] == f"mã -1: Thủ tục của hồ sơ {code(1)} không tồn tại"

    def test_a_step_whose_dossier_the_portal_forgot_waits(self, stage):
        stage.misbehave("forget", ma_ho_so=code(1))
        stage.world.dossiers([1, 2])
        stage.publish()
        stage.behave()
        stage.world.steps([1, 2], statuses=["2"])
        stage.publish()
        assert stage.world.states("tien_trinh").keys() == {"done", "pending"}
        stage.world.dossiers([1], trang_thai="9")
        stage.settle()
        assert stage.world.states("tien_trinh") == {"done": 2}

    def test_who_has_sent_lets_the_next_in_before_the_server_buries_the_session(self, stage, monkeypatch):
        stage.world.dossiers(range(2))
        open_still = []
        with monkeypatch.context() as late:
            late.setattr(psycopg.Connection, "close", lambda session: open_still.append(session))
            assert (stage.publish().sent, stage.publish().sent) == (2, 0)
        for session in open_still:
            session.close()

    def test_a_busy_portal_is_left_alone(self, stage):
        from lienthong.errors import ReceiverBusy

        stage.world.dossiers(range(5))
        stage.misbehave("refuse", code="-9", message="Hệ thống đang bận, vui lòng thử lại sau")
        with pytest.raises(ReceiverBusy):
            stage.publish()
        assert stage.world.states() == {"pending": 5}

    def test_a_wrong_unit_code_stops_the_endpoint_and_blames_no_record(self, stage):
        from lienthong.errors import ReceiverRefused

        stage.world.dossiers(range(5))
        with pytest.raises(ReceiverRefused, match="madonvi"):
            stage.publish(madonvi="H99")
        assert stage.world.states() == {"pending": 5}

    def test_a_request_that_is_too_large_is_made_smaller(self, world, tmp_path):
        options = PortalOptions(tmp_path / "portal", "daklak", PASSWORD, max_body_bytes=4000)
        with running_portal(options) as running:
            stage = PortalStage(world, running, tmp_path)
            stage.world.dossiers(range(5))
            stage.world.dossiers([9], ghi_chu="ghi chú dài " * 150, trich_yeu="trích yếu dài " * 70)
            report = stage.publish()
        assert (report.accepted, report.refused) == (5, 1)

    def test_a_portal_that_keeps_the_good_part_of_an_array(self, world, tmp_path):
        options = PortalOptions(tmp_path / "portal", "daklak", PASSWORD, partial=True)
        with running_portal(options) as running:
            stage = PortalStage(world, running, tmp_path)
            codes = stage.world.dossiers(range(10))
            stage.misbehave("refuse", ma_ho_so=codes[1])
            report = stage.publish()
            assert (report.accepted, report.refused) == (9, 1)
            assert sum(one.effect for one in stage.accepted()) == 9


def item(key, order=None, **changes):
    given = {"dataset": "ho_so", "record_key": key, "version": 1, "order_key": order or key, "body": "{}"}
    return Item(**{**given, **changes})


class TestGroups:
    """How claimed records are dealt into requests."""

    portal = NationalPortal(Connection("national_portal", "http", host="http://127.0.0.1:1"))

    def test_creations_and_updates_never_share_a_request(self):
        items = [item(str(n), known=n % 3 == 0) for n in range(10)]
        groups = self.portal.group(Feed("ho_so", 3), items)
        assert sorted(len(group) for group in groups) == [1, 3, 3, 3]
        assert all(len({i.known for i in group}) == 1 for group in groups)

    def test_the_steps_of_a_dossier_share_a_request_and_keep_their_order(self):
        items = [
            item(f"{dossier}|{n}", dossier, dataset="tien_trinh")
            for dossier, count in (("a", 4), ("b", 7), ("c", 6), ("d", 3), ("e", 10))
            for n in range(count)
        ]
        groups = self.portal.group(Feed("tien_trinh", 10, parent="ho_so"), items)
        assert [len(group) for group in groups] == [10, 10, 10]
        for group in groups:
            assert sorted(group, key=lambda i: i.record_key) == sorted(group, key=lambda i: (i.order_key, i.record_key))
        homes = {i.order_key: number for number, group in enumerate(groups) for i in group}
        assert all(homes[i.order_key] == number for number, group in enumerate(groups) for i in group)


@pytest.mark.parametrize(
    ("found", "mark"),
    [
        ({"MaTTHC": "1.1", "MaTrangThai": "4", "TrangThaiHoSo": "Đang xử lý", "NgayTiepNhan": "20250930080000"},
         "1.1|4|20250930080000|"),
        ({"MaTTHC": "1.1", "TrangThaiHoSo": 4, "NgayTiepNhan": "30/09/2025 08:00:00", "NgayHenTra": None},
         "1.1|4|20250930080000|"),
        ({"MaTTHC": "1.1", "MaTrangThai": "4", "NgayTiepNhan": "2025-09-30 08:00:00.0"}, "1.1|4|20250930080000|"),
    ],
)  # fmt: skip
def test_a_lookup_is_read_in_each_of_its_spellings(found, mark):
    assert mark_of(found) == mark
