"""Dossiers and steps: what is created, replaced, refused, repeated, and how the acceptance log tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lienthong.sandbox.portal_log import AcceptanceLog, canonical, digest
from tests.unit.portal_kit import CODE, Kit, codes, dossier, open_portal, step

STEP_KEY = f"{CODE}|20250930101500|4|Cán Bộ Thử"


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with open_portal(tmp_path) as kit:
        yield kit


def test_create_is_answered_in_the_portals_words_and_logged(kit: Kit) -> None:
    reply = kit.client.push(dossier())
    assert reply.json == {"error_code": "0", "message": "Đồng bộ hồ sơ thành công"}
    (effect,) = kit.running.log.effects()
    assert (effect.seq, effect.service, effect.record_key) == (1, "DongBoHoSoMC", CODE)
    assert (effect.kind, effect.effect) == ("create", True)
    assert effect.sha256 == digest(dossier())
    assert effect.request_id == reply.headers["x-request-id"]
    (held,) = kit.running.log.dossiers()
    assert held.record == dossier()
    assert list(kit.running.log.warnings()) == []


def test_second_create_exists_already_and_changes_nothing(kit: Kit) -> None:
    kit.client.push(dossier())
    reply = kit.client.push(dossier(TrangThaiHoSo="9"))
    assert reply.json == {"error_code": "3", "message": f"Hồ sơ {CODE} đã tồn tại"}
    assert kit.effects() == [(CODE, "create", True)]
    assert next(kit.running.log.dossiers()).record["TrangThaiHoSo"] == "4"


def test_update_of_an_unknown_dossier_is_refused(kit: Kit) -> None:
    reply = kit.client.push(dossier(), updating=True)
    assert reply.json == {"error_code": "-1", "message": f"Hồ sơ {CODE} không tồn tại"}
    assert kit.effects() == []


def test_update_replaces_the_whole_record(kit: Kit) -> None:
    kit.client.push(dossier(GhiChu="cũ"))
    newer = dossier(TrangThaiHoSo="9")
    del newer["GhiChu"]
    assert kit.client.push(newer, updating=True).json["error_code"] == "0"
    (held,) = kit.running.log.dossiers()
    assert held.record == newer
    assert held.changed_at > held.created_at


def test_identical_update_is_accepted_without_effect(kit: Kit) -> None:
    kit.client.push(dossier())
    turned = dict(reversed(dossier().items()))
    assert kit.client.push(turned, updating=True).json["error_code"] == "0"
    assert kit.effects() == [(CODE, "create", True), (CODE, "update", False)]


def test_step_is_kept_once_under_its_natural_key(kit: Kit) -> None:
    kit.client.push(dossier())
    reply = kit.client.steps(step())
    assert reply.json == {"error_code": "0", "message": "Cập nhật tiến độ hồ sơ thành công"}
    assert kit.client.steps(step(), step(TrangThai="9")).json["error_code"] == "0"
    assert kit.effects()[1:] == [
        (STEP_KEY, "step", True),
        (STEP_KEY, "step", False),
        (STEP_KEY.replace("|4|", "|9|"), "step", True),
    ]
    assert [s.record for s in kit.running.log.steps()] == [step(), step(TrangThai="9")]


def test_step_before_its_dossier_is_refused(kit: Kit) -> None:
    reply = kit.client.steps(step())
    assert reply.json == {"error_code": "-1", "message": f"Hồ sơ {CODE} không tồn tại"}
    kit.client.push(dossier())
    assert kit.client.steps(step()).json["error_code"] == "0"


def test_array_with_one_bad_record_changes_nothing(kit: Kit) -> None:
    first, second, third = codes(3)
    kit.client.push(dossier(second))
    reply = kit.client.push(dossier(first), dossier(second), dossier(third))
    assert reply.json == {"error_code": "3", "message": f"Hồ sơ {second} đã tồn tại"}
    assert kit.effects() == [(second, "create", True)]
    mixed = kit.client.steps(step(second), step(first))
    assert mixed.json["error_code"] == "-1"
    assert list(kit.running.log.steps()) == []


def test_record_twice_in_one_array_of_creates_exists_already(kit: Kit) -> None:
    assert kit.client.push(dossier(), dossier()).json["error_code"] == "3"
    assert kit.effects() == []


def test_updates_of_one_record_in_one_array_apply_in_order(kit: Kit) -> None:
    kit.client.push(dossier())
    kit.client.push(dossier(TrangThaiHoSo="9"), dossier(TrangThaiHoSo="10"), updating=True)
    assert next(kit.running.log.dossiers()).record["TrangThaiHoSo"] == "10"


def test_partial_mode_keeps_the_good_records(tmp_path: Path) -> None:
    first, second, third = codes(3)
    with open_portal(tmp_path, partial=True) as kit:
        kit.client.push(dossier(second))
        reply = kit.client.push(dossier(first), dossier(second), dossier(third, MaTTHC=""))
        assert reply.json["error_code"] == "3"
        assert reply.json["message"].startswith(f"Tiếp nhận 1/3 bản ghi: Hồ sơ {second} đã tồn tại; Hồ sơ {third}:")
        assert [key for key, _, _ in kit.effects()] == [second, first]


def test_effects_are_read_on_from_any_place(kit: Kit) -> None:
    kit.client.push(*map(dossier, codes(5)))
    assert [e.seq for e in kit.running.log.effects(after=3)] == [4, 5]


def test_unusual_transition_is_kept_with_a_warning(kit: Kit) -> None:
    kit.client.push(dossier(TrangThaiHoSo="10"))
    kit.client.push(dossier(TrangThaiHoSo="9"), updating=True)
    kit.client.push(dossier(TrangThaiHoSo="1"), updating=True)
    assert [(w.field, w.ma_ho_so) for w in kit.running.log.warnings()] == [("TrangThaiHoSo", CODE)]
    assert next(kit.running.log.dossiers()).record["TrangThaiHoSo"] == "1"


def test_log_of_a_folder_that_no_portal_has_used_is_empty(tmp_path: Path) -> None:
    log = AcceptanceLog(tmp_path / "none")
    assert [*log.effects(), *log.requests(), *log.dossiers(), *log.steps(), *log.forgotten()] == []
    assert not (tmp_path / "none").exists()


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": "đ"}) == canonical({"a": "đ", "b": 1}) == '{"a":"đ","b":1}'
