"""The services that take something in: dossiers and progress steps.

A record writes only after its last check, so a refusal leaves nothing of it behind; whether a refusal also undoes
its neighbours in the array is the caller's transaction and the option ``partial``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.portal_answers import EXISTS, FAILED, INVALID, MALFORMED, OK, Answer, Refused
from lienthong.sandbox.portal_log import canonical
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_pulls import unit_of
from lienthong.sandbox.portal_store import DossierRow, PortalStore
from lienthong.sandbox.portal_validation import Finding, Judge, Judgement, transition
from lienthong.sandbox.request_log import Delivery

Envelope = Mapping[str, Any]
Record = dict[str, Any]
Push = Callable[[Envelope, Delivery], Answer]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A record that the judge lets in, with the identity of its content."""

    ma_ho_so: str
    record: Record
    body: str
    sha256: str
    warnings: tuple[Finding, ...]

    def text(self, name: str) -> str:
        """A field as text, whatever the lenient profile let through."""
        return str(self.record.get(name, ""))

    def row(self) -> DossierRow:
        """The dossier as it is held."""
        return DossierRow(
            ma_ho_so=self.ma_ho_so,
            sha256=self.sha256,
            trang_thai=self.text("TrangThaiHoSo"),
            don_vi_xu_ly=self.text("DonViXuLy"),
            ma_don_vi=unit_of(self.ma_ho_so),
            ngay_tiep_nhan=self.text("NgayTiepNhan"),
            body=self.body,
        )


def held_row(record: Record) -> DossierRow:
    """A dossier as it is held that no judge has seen."""
    body = canonical(record)
    return Admitted(record["MaHoSo"], record, body, hashlib.sha256(body.encode()).hexdigest(), ()).row()


class Pushes:
    """Takes dossiers and steps; the caller has opened a transaction around each call."""

    def __init__(self, options: PortalOptions, judge: Judge, store: PortalStore, misbehaviour: Misbehaviour) -> None:
        self._options = options
        self._judge = judge
        self._store = store
        self._misbehaviour = misbehaviour
        self.services: dict[str, Push] = {"DongBoHoSoMC": self._dossiers, "CapNhatTienDoHoSoMC": self._steps}

    def _dossiers(self, envelope: Envelope, delivery: Delivery) -> Answer:
        take = self._update if self._is_update(envelope) else self._create
        return self._each(envelope, delivery, take, "Đồng bộ hồ sơ thành công")

    def _steps(self, envelope: Envelope, delivery: Delivery) -> Answer:
        return self._each(envelope, delivery, self._step, "Cập nhật tiến độ hồ sơ thành công")

    def _each(
        self, envelope: Envelope, delivery: Delivery, take: Callable[[Record, Delivery], None], success: str
    ) -> Answer:
        records = self._records(envelope)
        refusals: list[Refused] = []
        for record in records:
            try:
                take(record, delivery)
            except Refused as refusal:
                if not self._options.partial:
                    raise
                refusals.append(refusal)
        if not refusals:
            return Answer(OK, success)
        words = "; ".join(refusal.words for refusal in refusals)
        kept = len(records) - len(refusals)
        return Answer(refusals[0].code, f"Tiếp nhận {kept}/{len(records)} bản ghi: {words}")

    def _is_update(self, envelope: Envelope) -> bool:
        value: object = envelope.get("isUpdating")
        if value in ("True", "False"):
            return value == "True"
        if isinstance(value, bool) and self._options.profile == "lenient":
            return value
        raise Refused(MALFORMED, 'Thiếu isUpdating hoặc isUpdating không phải là "True" hay "False"')

    def _records(self, envelope: Envelope) -> list[Record]:
        data = envelope.get("data")
        if not isinstance(data, list) or not data or not all(isinstance(record, dict) for record in data):
            raise Refused(MALFORMED, "data phải là danh sách gồm ít nhất một đối tượng")
        limit = self._options.max_records
        if limit is not None and len(data) > limit:
            raise Refused(MALFORMED, f"data vượt quá {limit} bản ghi trong một yêu cầu")
        return data

    def _create(self, record: Record, delivery: Delivery) -> None:
        new = self._admit(record, delivery, self._judge.dossier)
        if self._store.held(new.ma_ho_so) is not None:
            raise Refused(EXISTS, f"Hồ sơ {new.ma_ho_so} đã tồn tại")
        self._store.create(new.row())
        self._note(new, delivery, new.ma_ho_so, "create", True)

    def _update(self, record: Record, delivery: Delivery) -> None:
        new = self._admit(record, delivery, self._judge.dossier)
        sha256, status = self._held(new.ma_ho_so)
        changed = sha256 != new.sha256
        if changed:
            self._store.replace(new.row())
            jump = transition(status, new.text("TrangThaiHoSo"))
            if jump is not None:
                new = replace(new, warnings=(*new.warnings, jump))
        self._note(new, delivery, new.ma_ho_so, "update", changed)

    def _step(self, record: Record, delivery: Delivery) -> None:
        new = self._admit(record, delivery, self._judge.step)
        self._held(new.ma_ho_so)
        key = (new.ma_ho_so, new.text("ThoiDiemXuLy"), new.text("TrangThai"), new.text("NguoiXuLy"))
        added = self._store.add_step(key, new.sha256, new.body)
        self._note(new, delivery, "|".join(key), "step", added)

    def _admit(self, record: Record, delivery: Delivery, judge: Callable[[Record], Judgement]) -> Admitted:
        """The record ready to be held, or the refusal that keeps it out."""
        ma_ho_so = record.get("MaHoSo")
        if not isinstance(ma_ho_so, str) or not ma_ho_so:
            raise Refused(INVALID, "MaHoSo là trường bắt buộc nhưng đang thiếu hoặc không phải là chuỗi")
        refusal = self._misbehaviour.refusal(delivery.service, ma_ho_so)
        if refusal is not None:
            raise Refused(*refusal)
        judgement = judge(record)
        if judgement.problem is not None:
            raise Refused(INVALID, f"Hồ sơ {ma_ho_so}: {judgement.problem}")
        body = canonical(record)
        sha256 = hashlib.sha256(body.encode("utf-8")).hexdigest()
        return Admitted(ma_ho_so, record, body, sha256, judgement.warnings)

    def _held(self, ma_ho_so: str) -> tuple[str, str]:
        held = self._store.held(ma_ho_so)
        if held is None:
            raise Refused(FAILED, f"Hồ sơ {ma_ho_so} không tồn tại")
        return held

    def _note(self, new: Admitted, delivery: Delivery, record_key: str, kind: str, effect: bool) -> None:
        self._store.log_effect(delivery, record_key, kind, new.sha256, effect)
        for warning in new.warnings:
            self._store.log_warning(delivery, new.ma_ho_so, warning.field, warning.words)
        if self._misbehaviour.forgets(delivery.service, new.ma_ho_so):
            self._store.forget(new.ma_ho_so)
