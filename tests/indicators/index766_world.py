"""A commune and a provincial body whose dossiers, sendings and published figures a test writes down one by one."""

import uuid
from datetime import UTC, date, datetime, timedelta

from psycopg import sql
from psycopg.types.json import Jsonb

from lienthong.batches import LOCAL
from lienthong.settings import Settings

EA_SUP, SO_VH = "H15.131", "H15.15"
SETTINGS = Settings.from_env({})
HORIZON = date(2025, 9, 30)
WITH_FEE, FREE, NO_PAPER = "1.000001", "1.000002", "1.000003"
UNITS = (
    ("H15", "Tỉnh Đắk Lắk", None, "province"), ("H15-XA", "Cấp xã", "H15", "communes"),
    ("H15-SO", "Cấp tỉnh", "H15", "departments"), (EA_SUP, "Xã Ea Súp", "H15-XA", "commune"),
    (SO_VH, "Sở Văn hóa", "H15-SO", "department"),
)  # fmt: skip
FACT = {
    "trang_thai": "10", "counted": True, "national": "on_time", "local_class": "on_time", "channel": 2, "online": True,
    "full_process": True, "result_due": True, "e_result": True, "digitised": True, "reused": False,
    "from_store": False, "vneid": True, "has_fee": False, "paid_online": False, "fee": 0, "supplements": 0,
    "supplement_minutes": 0, "working_minutes": 480, "limit_minutes": 960, "ma_tthc": FREE,
}  # fmt: skip


class World:
    """Writes what a test says into a migrated warehouse."""

    def __init__(self, warehouse):
        self.warehouse = warehouse
        self.numbers = iter(range(1, 10**6))
        with warehouse.session() as session:
            self.run = session.execute(
                "INSERT INTO ops.runs (dataset, window_start, window_end)"
                " VALUES ('ho_so', '2025-09-01+07', '2025-09-02+07') RETURNING run_id"
            ).fetchone()["run_id"]
            for unit, name, above, level in UNITS:
                session.execute("INSERT INTO marts.units VALUES (%s, %s, %s, %s)", [unit, name, above, level])
            session.execute(
                "INSERT INTO marts.indicator_state (agency, horizon, seen, refreshed_at) VALUES ('H15', %s, %s, now())",
                [HORIZON, Jsonb({})],
            )
        self.core("thu_tuc", WITH_FEE, ma_tthc=WITH_FEE, co_phi="1", ma_ket_qua="KQ.G07.000001", ten_tthc="A")
        self.core("thu_tuc", FREE, ma_tthc=FREE, co_phi="0", ma_ket_qua="KQ.G07.000002", ten_tthc="B")
        self.core("thu_tuc", NO_PAPER, ma_tthc=NO_PAPER, co_phi="0", ten_tthc="C")

    def core(self, table, key, **columns):
        """One live record of core; what it must have besides is nobody's business here."""
        values = {
            **columns, "_record_key": key, "_source": "nguon", "_source_time": datetime(2025, 9, 1),
            "_row_hash": uuid.uuid4(), "_version": 1, "_run_id": self.run,
        }  # fmt: skip
        with self.warehouse.session() as session:
            self._insert(session, "core", table, values)

    def dossier(self, day, unit=EA_SUP, sent="accepted", known="2025-09-02", history=(), **facts):
        """A dossier received on the day of September; ``history``: (facts, known_from, known_to) before it."""
        code = f"{unit}-2509{day:02d}-{next(self.numbers):04d}"
        received = datetime(2025, 9, day, 8)
        ended = None if facts.get("national") == "open" else received + timedelta(days=1)
        row = {
            **FACT, "ma_ho_so": code, "ma_don_vi": unit, "received_at": received, "received_on": received.date(),
            "level_sum": "H15-XA" if unit == EA_SUP else "H15-SO", "due_at": received + timedelta(days=2),
            "open_until": received + timedelta(days=2), "ended_at": ended, "known_from": moment(known), **facts,
        }  # fmt: skip
        with self.warehouse.session() as session:
            self._insert(session, "marts", "dossiers", row)
            for before, since, until in history:
                values = {**row, **before, "known_from": moment(since), "known_to": moment(until)}
                self._insert(session, "marts", "dossiers_history", values)
        if sent:
            self.sent(code, sent)
        return code

    def sent(self, key, state, version=1, words="", dataset="ho_so"):
        """What became of a version: accepted, refused, pending, in_doubt."""
        with self.warehouse.session() as session:
            at = {"accepted": "done", "refused": "dead"}.get(state, state)
            order = key.split("|")[0]
            self._insert(session, "publish", "outbox", {
                "endpoint": "national_portal", "dataset": dataset, "record_key": key, "version": version,
                "order_key": order, "state": at, "run_id": self.run,
            })  # fmt: skip
            if state in ("accepted", "refused"):
                self._insert(session, "publish", "receipts", {
                    "endpoint": "national_portal", "place": next(self.numbers), "dataset": dataset, "record_key": key,
                    "version": version, "outcome": state, "code": "0", "message": words, "request_id": "r",
                    "body_sha256": "", "answered_at": datetime.now(UTC), "previous": "", "hash": "",
                })  # fmt: skip

    def published(self, unit, code, taken, numerator=None, denominator=None, points=None, quality=None):
        """One figure of September as the portal published it."""
        self.core(
            "chi_so_cong_bo", f"{unit}|{code}|{taken}", ma_don_vi=unit, ky_loai="thang", nam=2025, ky_so=9,
            ma_chi_tieu=code, nhom="TDGQ", tu_so=numerator, mau_so=denominator, diem=points, co_chat_luong=quality,
            ngay_chup=taken,
        )  # fmt: skip

    def _insert(self, session, schema, table, values):
        session.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.Placeholder, values)),
            ),
            values,
        )  # fmt: skip


def moment(day):
    """The first hour of a day, local time."""
    return datetime.fromisoformat(f"{day}T01:00").replace(tzinfo=LOCAL)
