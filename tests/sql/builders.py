"""Small contracts and rows for tests of the warehouse; nothing here is a dataset of the province."""

from datetime import date
from pathlib import Path

from lienthong.batches import Window
from lienthong.contracts import Column, Contract, SourceSpec
from lienthong.rules import Rule
from lienthong.warehouse import ledger
from lienthong.warehouse.landing import Landing

HOME = Path(__file__).resolve().parents[2]


def rule(id, kind, *columns, severity="quarantine", **arguments):
    return Rule(id, kind, columns, severity, "conformity", "Câu nói với đơn vị.", arguments)


def contract(dataset, columns, rules, **changes):
    given = {
        "dataset": dataset, "title": dataset, "version": "1.0.0", "owner": "", "purpose": "", "master": "province",
        "mode": "incremental", "key": ("ma",), "cursor": "luc", "order_key": "ma",
        "columns": tuple(Column(name, kind, name, "internal", {}) for name, kind in columns),
        "rules": tuple(rules), "source": SourceSpec("nguon", None, None), "endpoints": ("national_portal",),
        "schedule": "0 0 * * *", "block_share": 0.5, "delete_brake": 0.2, "path": HOME / "expectations" / dataset,
    }  # fmt: skip
    return Contract(**{**given, **changes})


CHA = contract(
    "cha",
    [("ma", "string"), ("gia_tri", "integer"), ("luc", "timestamp")],
    [
        rule("ma_bat_buoc", "required", "ma"),
        rule("gia_tri_dung_kieu", "type", "gia_tri", type="integer"),
        rule("ma_duy_nhat", "unique", "ma"),
        rule("gia_tri_nho", "between", "gia_tri", min=0, max=100),
        rule("gia_tri_chan", "sql", "gia_tri", severity="warn", expression="t.gia_tri % 2 = 0"),
    ],
)
CON = contract(
    "con",
    [("ma", "string"), ("ma_cha", "string"), ("luc", "timestamp")],
    [rule("ma_bat_buoc", "required", "ma"), rule("cha_ton_tai", "exists_in", "ma_cha", dataset="cha", column="ma")],
    order_key="ma_cha",
)
DANH_MUC = contract(
    "danh_muc",
    [("ma", "string"), ("ten", "string")],
    [rule("ma_bat_buoc", "required", "ma"), rule("ten_bat_buoc", "required", "ten")],
    mode="snapshot",
    cursor=None,
    endpoints=(),
    master="national",
)


def day(number):
    return Window.of_day(date(2025, 9, number))


def at(number, hour=8):
    return f"2025-09-{number:02d} {hour:02d}:00:00"


def land(warehouse, contract, window, sources):
    """Open the run of the window and land the given rows; a source whose rows are None is missing."""
    with warehouse.session() as session:
        plan = ledger.open_run(session, contract.dataset, window, sources)
        landing = Landing(warehouse, contract, window, plan.run_id)
        landing.create(session)
        for source in plan.todo:
            rows = sources[source]
            if rows is None:
                ledger.mark_missing(session, plan.run_id, source, "nguon_khong_tra_loi", "tắt", 0.0)
            else:
                ledger.mark_landed(session, plan.run_id, source, landing.land(session, source, [rows]), 0.0)
    return plan


def rows_of(warehouse, query, *values):
    with warehouse.session() as session:
        return [tuple(row.values()) for row in session.execute(query, list(values))]
