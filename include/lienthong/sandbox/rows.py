"""Rows as a unit would hold them: the texts of dossiers and steps, made only for the rows that are asked for.

A table of rows is a mapping from column to an array of objects: text, whole number or None; a time is text of the
form ``2025-09-30 08:15:00``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from lienthong.sandbox import lives, people
from lienthong.sandbox.calendar_vn import DAY
from lienthong.sandbox.dossiers import Dossiers
from lienthong.sandbox.lives import DELIVERED, NEVER, PLACES, RETURNED, place_before
from lienthong.sandbox.noise import Bools, Floats, Ids, Ints, mixed, pick, share, weighted
from lienthong.sandbox.people import CITIZEN, ENTERPRISE, Texts
from lienthong.sandbox.procedures import ONLINE, Procedures
from lienthong.sandbox.units import Unit

Columns = dict[str, Texts]

RESULT_ADDRESS = "https://motcua.example.vn/tai-ve/"
BOUNDARY_FREE = 0.04  # of the citizens' dossiers at communes
_NOTES = (
    "Công dân hẹn nhận kết quả buổi chiều", "Hồ sơ nộp thay theo ủy quyền", "Đã hướng dẫn nộp trực tuyến lần sau",
    "Liên hệ qua điện thoại trước khi trả", "Kèm bản chính để đối chiếu",
)  # fmt: skip
_CONTENT = {
    lives.SUBMITTED: "Hồ sơ nộp trực tuyến", lives.ACCEPTED: "Tiếp nhận hồ sơ", lives.HANDED_ON: "Chuyển thụ lý",
    lives.SUPPLEMENT: "Yêu cầu bổ sung giấy tờ", lives.DELIVERED: "Đã bổ sung, tiếp tục thụ lý",
    lives.FEE: "Yêu cầu thực hiện nghĩa vụ tài chính", lives.PAID: "Đã thực hiện nghĩa vụ tài chính",
    lives.FINISHED: "Đã có kết quả", lives.RETURNED: "Trả kết quả",
}  # fmt: skip
_CONTENT_BY_STATUS = {3: "Từ chối tiếp nhận", 7: "Công dân rút hồ sơ", 8: "Dừng xử lý"}
_AT_DESK = (lives.SUBMITTED, lives.ACCEPTED, lives.SUPPLEMENT, lives.RETURNED)


@dataclass(frozen=True, slots=True)
class Writer:
    """Turns dossiers into rows; holds what all rows share."""

    procedures: Procedures
    units: tuple[Unit, ...]

    def headers(self, dossiers: Dossiers, limit: int, changed: Ints) -> Columns:
        """The header of each dossier as it stands before ``limit``; ``changed`` is the time of its last change."""
        d, ids, every = dossiers, dossiers.ids, np.arange(len(dossiers))
        status = d.statuses[every, place_before(d.times, limit)]
        ended, returned = d.ended < limit, d.times[:, RETURNED] < limit
        delivered = (d.times[:, DELIVERED] < limit) & (d.statuses[:, DELIVERED] != 3)
        issued = ended & np.isin(status, (9, 10)) & (share(ids, "electronic result") < 0.65)
        online, paying = d.channel == ONLINE, d.fee > 0
        code = _given(issued, self.procedures.results[d.procedure])
        return {
            "ma_ho_so": self.codes(d),
            "ma_tthc": self.procedures.codes[d.procedure],
            "ma_don_vi": self._unit_codes()[d.unit],
            "don_vi_xu_ly": np.array([unit.name for unit in self.units], object)[d.unit],
            "kenh_thuc_hien": _given(d.channel > 0, d.channel),
            **self._owner(d),
            "trich_yeu": self.procedures.names[d.procedure],
            "ngay_nop": time_texts(d.submitted),
            "ngay_tiep_nhan": time_texts(d.received),
            "ngay_hen_tra": time_texts(np.where(delivered, d.due_after, d.due)),
            "trang_thai": status.astype(object),
            "ngay_ket_thuc_xu_ly": time_texts(np.where(ended, d.ended, NEVER)),
            "ngay_tra": time_texts(np.where(returned, d.times[:, RETURNED], NEVER)),
            "ngay_tu_choi": time_texts(np.where(ended & (status == 3), d.ended, NEVER)),
            "hinh_thuc_tra": (share(ids, "by post") < 0.12).astype(np.int64).astype(object),
            "noi_nop": np.where(online, 1, 2).astype(object),
            "co_so_hoa": _flag(ids, "digitised", np.where(online, 0.92, 0.55)),
            "xac_thuc_vneid": _flag(ids, "vneid", np.where(online, 0.94, 0.25)),
            "thanh_toan_truc_tuyen": np.where(paying, _payment(ids, online), 0).astype(object),
            "muc_phi": d.fee.astype(object),
            "ma_giay_to_ket_qua": code,
            "duong_dan_ket_qua": _links(ids, np.array([one is not None for one in code], bool)),
            "giay_to_tai_su_dung": weighted(ids, "reused", np.array([0.8, 0.14, 0.06])).astype(object),
            "lay_tu_kho_dmqg": _flag(ids, "national store", np.full(len(d), 0.05)),
            "ghi_chu": _given(share(ids, "note") < 0.04, _some(ids, _NOTES)),
            "cap_nhat_luc": time_texts(changed),
        }

    def steps(self, dossiers: Dossiers, place: Ints) -> Columns:
        """One step of each dossier: the one at ``place`` of its life."""
        every = np.arange(len(dossiers))
        times, status = dossiers.times[every, place], dossiers.statuses[every, place]
        names, posts, rooms = people.officers()
        desk = np.isin(place, _AT_DESK)
        own = mixed(dossiers.ids, "officer") + place.astype(np.uint64) * desk.astype(np.uint64)
        officer = np.where(desk, pick(own, "desk", 3), 3 + pick(own, "specialist", people.OFFICERS - 3))
        who = (dossiers.unit, officer)
        content = np.array([_CONTENT[n] for n in range(PLACES)], object)[place]
        for ending, text in _CONTENT_BY_STATUS.items():
            content[status == ending] = text
        promised = np.where(place >= DELIVERED, dossiers.due_after, dossiers.due)
        promised = np.where(np.isin(status, (2, 4)) & (promised >= times), promised, NEVER)
        return {
            "ma_ho_so": self.codes(dossiers),
            "thoi_diem_xu_ly": time_texts(times),
            "trang_thai": status.astype(object),
            "nguoi_xu_ly": names[who],
            "chuc_danh": posts[who],
            "phong_ban_xu_ly": rooms[who],
            "noi_dung_xu_ly": content,
            "ngay_bat_dau": time_texts(times),
            "ngay_ket_thuc_theo_quy_dinh": time_texts(promised),
            "cap_nhat_luc": time_texts(times),
        }

    def codes(self, dossiers: Dossiers) -> Texts:
        """The code of each dossier: unit, date of reception, number of the day."""
        days, place = np.unique(dossiers.received // DAY, return_inverse=True)
        dates = np.array([f"-{date(1970, 1, 1) + timedelta(int(n)):%y%m%d}-" for n in days], object)
        codes: Texts = self._unit_codes()[dossiers.unit] + dates[place] + serial_texts()[dossiers.serial]
        return codes

    def _unit_codes(self) -> Texts:
        return np.array([unit.code for unit in self.units], object)

    def _owner(self, d: Dossiers) -> Columns:
        ids, citizen = d.ids, d.owner == CITIZEN
        person, company = pick(ids, "person", people.PERSONS), pick(ids, "company", people.COMPANIES)
        communes = np.flatnonzero([bool(unit.commune) for unit in self.units])
        at_commune = np.isin(d.unit, communes)
        # Boundary-free: some people hand in at the commune where they are, not at the one where they live.
        at_home = at_commune & ~(citizen & (share(ids, "boundary-free") < BOUNDARY_FREE))
        home = np.where(at_home, d.unit, communes[pick(ids, "home commune", len(communes))])
        phu_yen = np.array([unit.commune.startswith("22") for unit in self.units])[home]
        numbers, old = people.citizen_numbers(person, phu_yen), people.old_card(ids, d.owner)
        identity = np.where(old, people.old_card_numbers(person), numbers)
        household = people.household_businesses(ids, d.owner)
        tax = _given(household, numbers)
        tax = np.where(d.owner == ENTERPRISE, people.tax_codes(company), tax)
        contact = np.where(citizen | household, person, people.PERSONS + company)
        mails = share(ids, "mail") < np.where(d.channel == ONLINE, 0.6, 0.06)
        return {
            "chu_ho_so": np.where(
                citizen, people.person_names(person), people.organisation_names(ids, d.owner, company)
            ),
            "loai_doi_tuong": d.owner.astype(object),
            "loai_dinh_danh": _given(citizen, np.where(old, 2, 1)),
            "so_dinh_danh": _given(citizen, identity),
            "ma_so_thue": tax,
            "so_dien_thoai": _given(people.has_telephone(ids), people.telephones(contact)),
            "email": _given(mails, people.mail_addresses(contact)),
            "dia_chi": people.addresses(ids, home),
        }


def time_texts(moments: Ints) -> Texts:
    """``YYYY-MM-DD HH:MM:SS`` for each moment, None for ``NEVER``."""
    found = np.full(moments.shape, None, object)
    known = moments != NEVER
    days, clock = np.divmod(moments[known], DAY)
    days, place = np.unique(days, return_inverse=True)
    dates = np.array([f"{date(1970, 1, 1) + timedelta(int(n))} " for n in days], object)
    found[known] = dates[place] + _clocks()[clock] if len(days) else None
    return found


@cache
def serial_texts() -> Texts:
    """Four digits for each serial number."""
    return np.array([f"{n:04d}" for n in range(10_000)], object)


@cache
def _clocks() -> Texts:
    return np.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY)], object)


def _given(condition: Bools, values: Texts | Ints) -> Texts:
    """The values where the condition holds, None elsewhere."""
    found = np.full(len(condition), None, object)
    found[condition] = values[condition]
    return found


def _some(ids: Ids, texts: tuple[str, ...]) -> Texts:
    return np.array(texts, object)[pick(ids, "some note", len(texts))]


def _flag(ids: Ids, question: str, chance: Floats) -> Texts:
    return (share(ids, question) < chance).astype(np.int64).astype(object)


def _payment(ids: Ids, online: Bools) -> Ints:
    """How a fee was paid: on the national portal, through the province's gateway, or not online."""
    return np.where(
        online,
        1 + weighted(ids, "paid online", np.array([0.6, 0.2, 0.2])),
        1 + weighted(ids, "paid at desk", np.array([0.05, 0.1, 0.85])),
    )


def _links(ids: Ids, issued: Bools) -> Texts:
    found = np.full(len(ids), None, object)
    found[issued] = [f"{RESULT_ADDRESS}{key:016x}" for key in mixed(ids[issued], "result file").tolist()]
    return found
