"""A province for stories about alerts: its units, its contacts, its clock, and things that go wrong in it."""

import csv
import json
from datetime import datetime

from lienthong.alerts.compose import compose
from lienthong.alerts.contacts import Contact, set_contact
from lienthong.alerts.letter import Letter
from lienthong.batches import LOCAL
from lienthong.settings import ROOT, Settings
from lienthong.warehouse import ledger, problems
from lienthong.warehouse.landing import Landing

from .builders import day, rows_of

DOWN = "nguon_khong_tra_loi"
EA_SUP, EA_BUNG = "H15.131", "H15.132"
PROVINCE = "dulieu@tinh.example"


def units_of_the_province():
    with (ROOT / "include/lienthong/reference/don_vi.csv").open(encoding="utf-8") as file:
        return {row["ma_don_vi"]: row["ten_don_vi"] for row in csv.DictReader(file)}


class Story:
    """One warehouse and the moment at which its people live."""

    def __init__(self, warehouse, contracts, **changes):
        self.warehouse, self.contracts = warehouse, contracts
        self.settings = Settings.from_env({f"LIENTHONG_{name.upper()}": value for name, value in changes.items()})
        self.units = units_of_the_province()
        with warehouse.session() as session:
            session.cursor().executemany(
                "INSERT INTO core.don_vi (ma_don_vi, ten_don_vi, hieu_luc_tu, _record_key, _source, _source_time,"
                " _row_hash, _version, _run_id) VALUES (%(code)s, %(name)s, '2025-07-01', %(code)s, 'danh_muc',"
                " '2025-07-01', gen_random_uuid(), 1, 1)",
                [{"code": code, "name": name} for code, name in self.units.items()],
            )

    def at(self, number, hour=8, minute=0, month=9):
        """People live at this moment of 2025 from now on; the 8th of September is a Monday."""
        self.now = datetime(2025, month, number, hour, minute, tzinfo=LOCAL)
        with self.warehouse.session() as session:
            session.execute(
                "INSERT INTO ops.clock (stands_at) VALUES (%s) ON CONFLICT (only_row) DO UPDATE"
                " SET stands_at = excluded.stands_at",
                [self.now],
            )
        return self

    def contact(self, unit, address=None, hours=True):
        scope = "unit" if unit else "province"
        address = address or (f"{unit.lower()}@xa.example" if unit else PROVINCE)
        with self.warehouse.session() as session:
            set_contact(session, Contact(scope, unit, self.units.get(unit, "Tổ dữ liệu"), "email", address, hours))
        return address

    def source(self, unit, window, code=None, dataset="ho_so", reason="máy chủ không trả lời"):
        """A source was asked for a window: it landed nothing unusual, or ``code`` says what went wrong."""
        contract = self.contracts[dataset]
        with self.warehouse.session() as session:
            plan = ledger.open_run(session, dataset, window, [unit])
            if code:
                ledger.mark_missing(session, plan.run_id, unit, code, reason, 0.0)
            else:
                Landing(self.warehouse, contract, window, plan.run_id).create(session)
                ledger.mark_landed(session, plan.run_id, unit, 0, 0.0)
            session.execute(
                "UPDATE ops.runs SET state = 'promoted', extracted = 0, inserted = 0, updated = 0, unchanged = 0,"
                " superseded = 0, quarantined = 0 WHERE run_id = %s",
                [plan.run_id],
            )
            problems.note_source(session, contract, window, plan.run_id, unit)

    def hold(self, unit, *keys, dataset="ho_so", rules=("ma_tthc_ton_tai",), window=None, **raw):
        """Rows of a unit are held."""
        window = window or day(5)
        contract = self.contracts[dataset]
        with self.warehouse.session() as session:
            run = session.execute(
                "INSERT INTO ops.runs (dataset, kind, window_start, window_end, state, extracted, inserted, updated,"
                " unchanged, superseded, quarantined) VALUES (%s, 'read', %s, %s, 'promoted', 0, 0, 0, 0, 0, 0)"
                " RETURNING run_id", [dataset, window.start, window.end],
            ).fetchone()["run_id"]  # fmt: skip
            for line, key in enumerate(keys, 1):
                content = {name: None for name in contract.names} | {contract.key[0]: key} | raw
                session.execute(
                    "INSERT INTO quarantine.rows (dataset, source, record_key, place, raw, rules, source_time, line,"
                    " window_start, window_end, first_run, last_run)"
                    " VALUES (%s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [dataset, unit, key, json.dumps(content), list(rules), window.local_start, line, window.start,
                     window.end, run, run],
                )  # fmt: skip
            problems.note_promote(session, contract, window, run)

    def mend(self, *keys, dataset="ho_so"):
        """Rows are corrected."""
        with self.warehouse.session() as session:
            session.execute(
                "UPDATE quarantine.rows SET state = 'corrected', closed_at = ops.moment()"
                " WHERE dataset = %s AND record_key = ANY (%s)",
                [dataset, list(keys)],
            )
            problems.note_promote(session, self.contracts[dataset], day(5), 0)

    def stale(self, *units, looked=(), dataset="ho_so"):
        """The watcher finds these units stale, and those it only looked at fresh."""
        with self.warehouse.session() as session:
            problems.note_stale(session, dataset, [*units, *looked], dict.fromkeys(units, day(3).end))

    def tick(self):
        """Compose, twice: the second time nothing is left to say. Gives the new letters by address."""
        before = len(self.letters())
        compose(self.warehouse, self.contracts, self.settings)
        written = self.letters()[before:]
        assert compose(self.warehouse, self.contracts, self.settings).total == 0
        by_address = {address: letter for address, letter in written}
        assert len(by_address) == len(written), "one letter for one recipient"
        return by_address

    def letters(self):
        rows = rows_of(self.warehouse, "SELECT address, content FROM ops.letters ORDER BY letter_id")
        return [(address, Letter.from_json(content)) for address, content in rows]


def said(letter):
    """What a letter is and says, in short."""
    return letter.kind, sorted((told.state, told.kind, told.dataset, told.source) for told in letter.told)
