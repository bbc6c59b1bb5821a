"""A warehouse with a few catalogue rows, dossiers and steps in it, and everything that waits to be published."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from lienthong.contracts import load, load_all
from lienthong.settings import ROOT
from lienthong.warehouse.migrations import migrate

PROCEDURE = json.loads((ROOT / "include/lienthong/sandbox/catalogue.json").read_text(encoding="utf-8"))["procedures"][0]
RECEIVED = datetime(2025, 9, 30, 8, 0)
OWNER = "Nguyễn Thị Hồng Nhung"
CITIZEN = "066300912345"
PHONE = "0900123456"
EMAIL = "hong.nhung@vidu.invalid"
NOTE = "Bổ sung bản sao giấy khai sinh của con"
PERSONAL = (OWNER, CITIZEN, PHONE, EMAIL, NOTE)


AGGREGATES = {
    "monitoring_centre": ("don_vi", "chi_so", "trang_thai_dich_vu"),
    "statistics_message": ("thong_ke_thang",),
    "public_app": ("thong_tin_xa", "diem_phuc_vu"),
}
"""What the endpoints take to which no dossier ever goes."""


def bound_to(endpoint):
    """The contracts of dossiers and steps, or of sums, as if they were bound to one endpoint and no other."""
    names = AGGREGATES.get(endpoint, ("ho_so", "tien_trinh"))
    found = (load(path) for name in names for path in ROOT.glob(f"expectations/*/{name}.odcs.yaml"))
    return {contract.dataset: replace(contract, endpoints=(endpoint,)) for contract in found}


def code(number: int) -> str:
    """The code of the n-th dossier of a unit on one day."""
    return f"H15.102-250930-{number:04d}"


class World:
    """Writes ``core`` and ``publish.outbox`` as a promote does."""

    def __init__(self, warehouse, endpoint="national_portal") -> None:
        self.warehouse = warehouse
        self.endpoint = endpoint

    def found(self) -> None:
        """Make the schema out of migrations and contracts, with one unit and one procedure."""
        migrate(self.warehouse, load_all(ROOT / "expectations").values())
        with self.session() as session:
            session.execute(
                "INSERT INTO ops.runs (dataset, window_start, window_end) VALUES ('ho_so', now(), now() + '1 day')"
            )
        field = PROCEDURE["LINHVUCTHUCHIEN"][0]
        self._write("don_vi", {"H15.102": {"ma_don_vi": "H15.102", "ten_don_vi": "UBND xã Ea Súp"}})
        names = ("ma_tthc", "ten_tthc", "ma_linh_vuc", "ten_linh_vuc")
        values = (PROCEDURE["MATTHC"], PROCEDURE["TENTTHC"], field["MALINHVUC"], field["TENLINHVUC"])
        self._write("thu_tuc", {PROCEDURE["MATTHC"]: dict(zip(names, values, strict=True))})

    @contextmanager
    def session(self):
        with self.warehouse.session() as session:
            yield session

    def dossiers(self, numbers, **columns) -> list[str]:
        """New versions of dossiers, each enqueued; gives their codes."""
        rows = []
        for number in numbers:
            rows.append({**_DOSSIER, "ma_ho_so": code(number), **columns})
        self._promote("ho_so", {row["ma_ho_so"]: row for row in rows})
        return [row["ma_ho_so"] for row in rows]

    def steps(self, numbers, statuses=("2", "4", "9"), **columns) -> list[str]:
        """Steps one hour apart for each dossier, enqueued; gives their record keys."""
        rows = {}
        for number in numbers:
            for place, status in enumerate(statuses):
                moment = RECEIVED + timedelta(hours=place)
                row = {**_STEP, "ma_ho_so": code(number), "thoi_diem_xu_ly": moment, "trang_thai": status, **columns}
                rows[f"{code(number)}|{moment}|{status}"] = row
        self._promote("tien_trinh", rows)
        return list(rows)

    def _write(self, dataset, rows) -> None:
        columns = [*next(iter(rows.values())), *_MACHINERY]
        names, marks = ", ".join(columns), ", ".join(f"%({c})s" for c in columns)
        changes = ", ".join(f"{c} = excluded.{c}" for c in columns if c != "_record_key")
        given = [
            {**row, **dict(zip(_MACHINERY, (key, "test", RECEIVED, uuid.uuid4(), 1), strict=True))}
            for key, row in rows.items()
        ]
        with self.session() as session:
            session.cursor().executemany(
                f"INSERT INTO core.{dataset} AS c ({names}, _version) VALUES ({marks}, 1)"
                f" ON CONFLICT (_record_key) DO UPDATE SET {changes}, _version = c._version + 1,"
                " _deleted_at = NULL",
                given,
            )

    def delete(self, numbers) -> None:
        """Dossiers are gone: each has a version that says so, enqueued."""
        keys = [code(number) for number in numbers]
        with self.session() as session:
            session.execute(
                "UPDATE core.ho_so SET _deleted_at = now(), _version = _version + 1 WHERE _record_key = ANY(%s)", [keys]
            )
        self._enqueue("ho_so", keys)

    def _promote(self, dataset, rows) -> None:
        self._write(dataset, rows)
        self._enqueue(dataset, rows)

    def _enqueue(self, dataset, rows) -> None:
        with self.session() as session:
            session.execute(
                f"UPDATE publish.outbox o SET state = 'superseded' FROM core.{dataset} c WHERE o.dataset = %s"
                " AND o.record_key = c._record_key AND o.version < c._version AND o.state = 'pending'",
                [dataset],
            )
            session.execute(
                "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id, deleted)"
                f" SELECT %s, %s, _record_key, _version, ma_ho_so, 1, _deleted_at IS NOT NULL FROM core.{dataset}"
                " WHERE _record_key = ANY(%s)",
                [self.endpoint, dataset, list(rows)],
            )

    def rows(self, query, **values):
        with self.session() as session:
            return session.execute(query, values).fetchall()

    def states(self, dataset=None):
        """Count of outbox rows by state."""
        found = self.rows(
            "SELECT state, count(*) AS n FROM publish.outbox WHERE %(d)s::text IS NULL OR dataset = %(d)s GROUP BY 1",
            d=dataset,
        )
        return {row["state"]: row["n"] for row in found}

    def postpone(self, key, state="pending") -> None:
        """Let the newest version of a record wait for an hour, in doubt or not."""
        with self.session() as session:
            session.execute(
                "UPDATE publish.outbox SET state = %(s)s, next_attempt_at = now() + interval '1 hour' WHERE"
                " record_key = %(k)s AND version = (SELECT max(version) FROM publish.outbox WHERE record_key = %(k)s)",
                {"s": state, "k": key},
            )

    def due_now(self) -> None:
        """What waits for its next try has waited long enough."""
        with self.session() as session:
            session.execute("UPDATE publish.outbox SET next_attempt_at = now() WHERE state IN ('pending', 'in_doubt')")


_MACHINERY = ("_record_key", "_source", "_source_time", "_row_hash", "_run_id")
_DOSSIER = {
    "ma_tthc": PROCEDURE["MATTHC"], "ma_don_vi": "H15.102", "don_vi_xu_ly": "xã ea súp", "kenh_thuc_hien": "2",
    "chu_ho_so": OWNER, "loai_doi_tuong": "1", "loai_dinh_danh": "1", "so_dinh_danh": CITIZEN,
    "so_dien_thoai": PHONE, "email": EMAIL, "trich_yeu": f"Đăng ký khai sinh cho con của {OWNER}",
    "ngay_nop": RECEIVED - timedelta(hours=9), "ngay_tiep_nhan": RECEIVED, "ngay_hen_tra": RECEIVED + timedelta(days=2),
    "trang_thai": "4", "hinh_thuc_tra": "0", "noi_nop": "2", "co_so_hoa": "1", "xac_thuc_vneid": "1",
    "thanh_toan_truc_tuyen": "0", "muc_phi": 0, "giay_to_tai_su_dung": "0", "lay_tu_kho_dmqg": "0", "ghi_chu": NOTE,
}  # fmt: skip
_STEP = {
    "nguoi_xu_ly": "Y Thủy Niê", "chuc_danh": "Chuyên viên", "phong_ban_xu_ly": "Bộ phận một cửa",
    "noi_dung_xu_ly": "Chuyển thụ lý",
}  # fmt: skip
