"""Catalogue pulls come whole or not at all."""

import pytest

from lienthong.connections import Connection
from lienthong.errors import ReceiverRefused, SourceChanged, SourceDown
from lienthong.mapi import Catalogue, Mapi, catalogue
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from tests.unit.mapi_server import DROP, Reply, serving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(catalogue, "_pause", lambda retry_after, tries: 0.0)


@pytest.fixture
def server():
    with serving() as found:
        yield found


@pytest.fixture
def pulls(server):
    client = Mapi(Connection("danh_muc", "http", host=server.url, extra={"pull_in_flight": 3}))
    yield Catalogue(client)
    client.close()


def result(rows):
    return Reply({"error_code": 0, "message": "", "result": rows})


def test_every_list_of_the_sandbox_is_pulled_as_received(tmp_path):
    with running_portal(PortalOptions(tmp_path, "u", "p")) as portal:
        client = Mapi(
            Connection("danh_muc", "http", host=portal.url, login="u", password="p", extra={"pull_in_flight": 4})
        )
        found = Catalogue(client)
        listed = found.procedures()
        full = list(found.procedures_in_full())
        assert len(listed) >= 200
        assert [row["MATTHC"] for row in full] == [row["MATTHC"] for row in listed]
        assert all(row["LINHVUCTHUCHIEN"][0]["MALINHVUC"] and row["CACHTHUCTHUCHIEN"] for row in full)
        assert found.procedure(listed[0]["MATTHC"])["TENTTHC"] == listed[0]["TENTTHC"]
        assert found.procedure("9.999999") is None
        assert {"MALINHVUC", "TENLINHVUC", "MANGANH"} <= found.fields()[0].keys()
        assert {"MADONVI", "TENDONVI", "CAPDONVI"} <= found.agencies()[0].keys()
        client.close()


@pytest.mark.parametrize(
    ("rows", "found"),
    [([], "none"), (None, "none"), ("x", "none"), ({}, "none"), ([{"MATTHC": "1"}, {"TENTTHC": "x"}, 3], "2 without")],
)
def test_an_empty_or_malformed_list_is_refused_by_name(server, pulls, rows, found):
    server.script = lambda _: result(rows)
    with pytest.raises(SourceChanged, match=f"danh_muc: LayDanhSachTTHC: expected .*{found}"):
        pulls.procedures()


def test_a_list_one_level_lower_is_found(server, pulls):
    server.script = lambda _: result({"data": [{"MATTHC": "1.0", "TENTTHC": "x"}]})
    assert pulls.procedures() == [{"MATTHC": "1.0", "TENTTHC": "x"}]


def test_a_lost_answer_is_asked_for_again(server, pulls):
    answers = iter([DROP, Reply(b"", status=503), result([{"MADONVI": "H15"}])])
    server.script = lambda _: next(answers)
    assert pulls.agencies() == [{"MADONVI": "H15"}]


def test_a_receiver_that_stays_silent_is_a_source_that_is_down(server, pulls):
    server.script = lambda _: DROP
    with pytest.raises(SourceDown, match="LayDanhMucLinhVuc gave nothing in 3 tries"):
        pulls.fields()
    server.script = lambda _: Reply({"error_code": -9, "message": "lỗi"})
    with pytest.raises(SourceDown, match="code -9"):
        pulls.fields()
    server.script = lambda _: Reply(b"", status=403)
    with pytest.raises(ReceiverRefused):
        pulls.fields()


def test_a_procedure_without_its_record_comes_as_its_list_entry(server, pulls):
    listed = [{"MATTHC": "1.1", "TENTTHC": "một"}, {"MATTHC": "1.2", "TENTTHC": "hai"}]
    full = {"MATTHC": "1.2", "TENTTHC": "hai", "MOTA": "đủ"}
    server.script = lambda one: result(
        listed if one.service == "LayDanhSachTTHC" else [full] if one.body["maTTHC"] == "1.2" else []
    )
    assert list(pulls.procedures_in_full()) == [listed[0], full]
    server.script = lambda one: result(listed if one.service == "LayDanhSachTTHC" else [full])
    with pytest.raises(SourceChanged, match="LayThuTuc"):
        list(pulls.procedures_in_full())
