"""Which dossiers are spoilt, and how: a fixed plan, so that every fault is known before anybody looks for it.

A fault sits on a dossier from its first day. The row shows it on every day on which it changes, until it is mended,
if it is: a third of the faults that keep a row out are mended on the next working day. At least one dossier of each
kind is received on every ordinary day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from lienthong.sandbox.calendar_vn import DAY, WorkingTime, day_number
from lienthong.sandbox.dossiers import Dossiers
from lienthong.sandbox.lives import FINISHED, HANDED_ON, NEVER, RETURNED, ended_at
from lienthong.sandbox.noise import Bools, Ints, mixed, share
from lienthong.sandbox.people import CITIZEN, has_telephone, old_card
from lienthong.sandbox.units import Unit

ORDINARY_DAY = 1_000  # received dossiers from which every kind is planted at least once
MENDED_SHARE = 1 / 3
SHOW_DAY = date(2025, 9, 30)
SHOW_UNIT = "H15.131"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a dossier can be wrong.

    ``rule`` names what must catch it; ``exception`` says why nothing is rejected. ``warns`` names the rule that
    speaks without rejecting. ``stores`` limits it to units that keep their data so."""

    name: str
    columns: tuple[str, ...]
    rule: str = ""
    exception: str = ""
    warns: str = ""
    rate: float = 0.0003
    mends: bool = True
    stores: tuple[str, ...] = ()

    @property
    def rejected(self) -> bool:
        """Whether a row of this kind must stay out of the warehouse."""
        return bool(self.rule)


_WARNED = "warn: promoted with a warning"
_FILES = ("csv", "excel")
KINDS = (
    Kind("unknown_procedure", ("ma_tthc",), "ho_so.ma_tthc_ton_tai", rate=0.0004),
    Kind("due_before_reception", ("ngay_hen_tra",), "ho_so.hen_tra_sau_tiep_nhan"),
    Kind("citizen_number_short", ("so_dinh_danh",), "ho_so.so_dinh_danh_hop_le", rate=0.0004),
    Kind("citizen_number_scientific", ("so_dinh_danh",), "ho_so.so_dinh_danh_hop_le"),
    Kind("citizen_number_prefix", ("so_dinh_danh",), "ho_so.so_dinh_danh_hop_le"),
    Kind("duplicate_key", ("ma_ho_so",), "ho_so.ma_ho_so_duy_nhat", rate=0.0002),
    Kind("missing_unit", ("don_vi_xu_ly",), "ho_so.don_vi_xu_ly_bat_buoc", rate=0.0002),
    Kind("missing_reception", ("ngay_tiep_nhan",), "ho_so.ngay_tiep_nhan_bat_buoc", rate=0.0002),
    Kind("missing_status", ("trang_thai",), "ho_so.trang_thai_bat_buoc", rate=0.0002),
    Kind("unit_contradicts_code", ("don_vi_xu_ly", "ma_don_vi"), "ho_so.don_vi_khop_ma", rate=0.0002),
    Kind("status_out_of_range", ("trang_thai",), "ho_so.trang_thai_trong_danh_muc", rate=0.0002),
    Kind("text_in_date", ("ngay_hen_tra",), "ho_so.ngay_hen_tra_dung_kieu", rate=0.0002,
         stores=(*_FILES, "sqlite")),
    Kind("formula", ("trich_yeu",), "ho_so.khong_cong_thuc", rate=0.0002, stores=("excel",)),
    Kind("code_of_other_unit", ("ma_ho_so", "ma_don_vi"), "ho_so.ma_ho_so_thuoc_don_vi", rate=0.0002, mends=False),
    Kind("finished_before_received", ("ngay_ket_thuc_xu_ly",), "ho_so.ket_thuc_sau_tiep_nhan", rate=0.0002),
    Kind("phone_malformed", ("so_dien_thoai",), exception=_WARNED, warns="ho_so.so_dien_thoai_hop_le"),
    Kind("decomposed_unicode", ("chu_ho_so", "dia_chi", "trich_yeu"), exception=_WARNED + ", normalised to NFC",
         warns="ho_so.chuan_unicode", rate=0.0002),
    Kind("unit_name_variant", ("don_vi_xu_ly",), exception=_WARNED + ", the code decides",
         warns="ho_so.ten_don_vi_chuan"),
    Kind("status_jump", ("trang_thai",), exception="warn: the portal accepts jumps",
         warns="tien_trinh.chuyen_trang_thai", rate=0.0004),
    Kind("deleted_at_source", ("ma_ho_so",), rate=0.0002,
         exception="a dossier cannot be withdrawn from the portal, and a windowed reading does not see it"),
)  # fmt: skip
STEP_KINDS = (
    Kind("step_before_reception", ("thoi_diem_xu_ly",), "tien_trinh.buoc_sau_tiep_nhan"),
    Kind("step_of_unknown_dossier", ("ma_ho_so",), "tien_trinh.ho_so_ton_tai"),
    Kind("step_status_out_of_range", ("trang_thai",), "tien_trinh.trang_thai_trong_danh_muc"),
    Kind("step_in_future", ("thoi_diem_xu_ly",), "tien_trinh.khong_tuong_lai"),
    Kind("step_duplicate", ("ma_ho_so", "thoi_diem_xu_ly", "trang_thai"), "tien_trinh.khoa_duy_nhat"),
)
LATE_CHANGE = Kind("late_change", ("so_dien_thoai", "ghi_chu"), exception="a valid update of an old dossier")
BY_NAME = {kind.name: place for place, kind in enumerate(KINDS)}
JUMP, DELETED, DUPLICATE = (BY_NAME[name] for name in ("status_jump", "deleted_at_source", "duplicate_key"))
NONE = -1

# What the commune of the demonstration gets wrong on the day of the demonstration: eleven dossiers, eight rules.
SHOWN = (
    "citizen_number_short", "citizen_number_short", "citizen_number_scientific", "citizen_number_scientific",
    "citizen_number_prefix", "unknown_procedure", "due_before_reception", "missing_unit", "text_in_date",
    "formula", "status_out_of_range",
)  # fmt: skip


@dataclass(slots=True)
class Plan:
    """For each dossier of one day of reception: its kind (``NONE`` for most) and the days of mending and deletion."""

    kind: Ints
    mended_on: Ints
    deleted_on: Ints

    @staticmethod
    def clean(count: int) -> Plan:
        """A plan in which nothing is wrong."""
        return Plan(np.full(count, NONE, np.int64), np.full(count, NEVER), np.full(count, NEVER))

    @staticmethod
    def together(plans: Sequence[Plan]) -> Plan:
        """The plans of several collections, one after the other."""
        return Plan(
            np.concatenate([plan.kind for plan in plans]),
            np.concatenate([plan.mended_on for plan in plans]),
            np.concatenate([plan.deleted_on for plan in plans]),
        )


class Planner:
    """Chooses the spoilt dossiers of a day of reception; the same day always gives the same plan."""

    def __init__(self, units: tuple[Unit, ...], calendar: WorkingTime) -> None:
        self._calendar = calendar
        self._stores = {kind.name: _units_with(units, kind.stores) for kind in KINDS}
        self._unkeyed = np.array([not unit.keyed for unit in units])
        self.show_unit = next((n for n, unit in enumerate(units) if unit.code == SHOW_UNIT), NONE)

    def plan(self, dossiers: Dossiers, received_on: int) -> Plan:
        """Choose among the dossiers received on one day, and take the step ``finished`` out of the jumping ones."""
        count = len(dossiers)
        plan = Plan.clean(count)
        kind = plan.kind
        if not count:
            return plan
        next_day = int(self._calendar.next_day(received_on + 1))
        mends = share(dossiers.ids, "mended") < MENDED_SHARE
        last = _last(dossiers) // DAY
        show = dossiers.unit == self.show_unit
        show_day = day_number(SHOW_DAY)
        # The demonstration counts rejected dossiers, so no earlier fault of that commune may reach its day.
        quiet = show & (received_on <= show_day) & (np.maximum(last, next_day) >= show_day)
        if received_on == show_day:
            for name in SHOWN:
                self._choose(dossiers, kind, BY_NAME[name], show, 1)
        for place, one in enumerate(KINDS):
            free = ~quiet if one.rejected else np.ones(count, bool)
            self._choose(dossiers, kind, place, free, _quota(one, count, received_on))
        mendable = np.array([one.rejected and one.mends for one in KINDS] + [False])
        plan.mended_on[mendable[kind] & mends] = next_day
        plan.deleted_on[kind == DELETED] = self._deletion_day(received_on)
        jumping = kind == JUMP
        dossiers.times[jumping, FINISHED] = NEVER
        dossiers.ended = np.where(jumping, ended_at(dossiers.times, dossiers.statuses), dossiers.ended)
        return plan

    def _choose(self, dossiers: Dossiers, kind: Ints, place: int, among: Bools, quota: int) -> None:
        free = np.flatnonzero((kind == NONE) & among & self._possible(dossiers, KINDS[place].name))
        rank = mixed(dossiers.ids[free], f"fault {KINDS[place].name}")
        kind[free[np.argsort(rank)[:quota]]] = place

    def _possible(self, dossiers: Dossiers, name: str) -> Bools:
        """Which dossiers can have this fault so that it shows from the first day on."""
        stored: Bools = self._stores[name][dossiers.unit]
        return stored & self._fit(dossiers, name)

    def _fit(self, dossiers: Dossiers, name: str) -> Bools:
        received_on = int(dossiers.received[0]) // DAY
        first_day_end = (received_on + 1) * DAY
        fit: Bools = np.ones(len(dossiers), bool)
        if name.startswith("citizen_number"):
            fit = (dossiers.owner == CITIZEN) & ~old_card(dossiers.ids, dossiers.owner)
        elif name == "duplicate_key":
            fit = self._unkeyed[dossiers.unit]
        elif name == "finished_before_received":
            fit = dossiers.ended < first_day_end
        elif name == "phone_malformed":
            fit = has_telephone(dossiers.ids)
        elif name == "status_jump":
            fit = dossiers.times[:, [HANDED_ON, FINISHED, RETURNED]].max(axis=1) < first_day_end
        elif name == "deleted_at_source":
            fit = _last(dossiers) >= self._deletion_day(received_on) * DAY
        return fit

    def _deletion_day(self, received_on: int) -> int:
        """The second working day after reception."""
        return int(self._calendar.next_day(received_on + 1, 1))


def _last(dossiers: Dossiers) -> Ints:
    """The moment of the last step of each dossier."""
    found: Ints = np.where(dossiers.times < NEVER, dossiers.times, 0).max(axis=1)
    return found


def _quota(kind: Kind, count: int, received_on: int) -> int:
    chance = share(np.array([received_on], np.uint64), f"quota {kind.name}")[0]
    return max(int(count * kind.rate + chance), 1 if count >= ORDINARY_DAY else 0)


def _units_with(units: tuple[Unit, ...], stores: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([not stores or unit.store in stores for unit in units])
