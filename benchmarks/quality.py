"""What it costs to judge: both compilations of 25 rules over 300,000 rows, as a ratio to one plain scan of them.

Twice: the steps of dossiers, whose rules are the hardest that there are (three look into another table, two compare
rows with each other), and enterprises, a shared database with the usual 25 of its kind.

The plain scan reads every column of the typed table once: ``count(*)`` and the sum of the lengths of all texts. The
split is the statement that marks the rows, less what the same statement takes without a rule; Great Expectations
counts in the same database. Importing it is not counted: the scheduler does that once.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path

import numpy as np

from lienthong import quality
from lienthong.batches import Window
from lienthong.contracts import Contract, load_all
from lienthong.rules.calendar import works
from lienthong.sandbox.people import tax_codes
from lienthong.sandbox.province import SEED, Province
from lienthong.sandbox.shared import DATASETS
from lienthong.sandbox.shared.model import Chance
from lienthong.services.folders import Folders
from lienthong.services.postgres import briefly
from lienthong.settings import ROOT
from lienthong.sources.text import as_text
from lienthong.warehouse import Warehouse, ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.store import Session

ROWS, RULES = 300_000, 25
LAST = date(2025, 9, 30)


def validation(var: Path) -> dict:
    """Seconds of each part, the best of three (of nine for the scan, which is short), and the ratios, for both."""
    folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
    folders.log.mkdir(parents=True)
    contracts = load_all(ROOT / "expectations")
    with briefly(folders) as server:
        warehouse = Warehouse(server.connection("warehouse"), ROOT)
        migrate(warehouse, contracts.values())
        province = Province(var, server.connection("sandbox"))
        hardest, usual = (_with_rules(contracts[name]) for name in ("tien_trinh", "doanh_nghiep"))
        return {
            "rows": ROWS,
            "rules": RULES,
            "hardest": _ratios(measure(warehouse, hardest, land(warehouse, hardest, province))),
            "usual": _ratios(measure(warehouse, usual, land_enterprises(warehouse, usual))),
        }


def _with_rules(contract: Contract) -> Contract:
    judged = replace(contract, rules=tuple(rule for rule in contract.rules if not rule.about_window)[:RULES])
    assert len(judged.rules) == RULES
    return judged


def _ratios(seconds: dict[str, float]) -> dict:
    both = seconds["mark"] - seconds["mark_without_rules"] + seconds["great_expectations"]
    whole = seconds["mark"] + seconds["great_expectations"]
    return {
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "rows_per_second": round(ROWS / whole),
        "both_compilations_to_plain_scan": round(both / seconds["plain_scan"], 1),
        "with_typing_to_plain_scan": round(whole / seconds["plain_scan"], 1),
    }


def land_enterprises(warehouse: Warehouse, contract: Contract) -> int:
    """Land the sandbox's enterprises as often as it takes, each time under other numbers, one in a hundred wrong."""
    made = next(one for one in DATASETS if one.name == contract.dataset)
    rows = made.make(Chance(SEED, made.name), LAST)
    given = [[as_text(row[name]) for name in contract.names] for row in rows]
    key = contract.names.index(contract.key[0])
    many = [
        [*row[:key], f"{code[:9]}{(int(code[9]) + (number % 100 == 0)) % 10}", *row[key + 1 :]]
        for number, (row, code) in enumerate(zip(cycle(given), tax_codes(np.arange(ROWS)), strict=False))
    ]
    codes = {row[contract.names.index("ma_xa")] for row in given}
    with warehouse.session() as session:
        session.cursor().executemany(
            "INSERT INTO core.don_vi_hanh_chinh (ma_dvhc, hieu_luc_tu, _record_key, _source, _source_time, _row_hash,"
            " _version, _run_id) VALUES (%s, '2025-07-01', %s, 's', now(), gen_random_uuid(), 1, 1)",
            [(code, code) for code in codes],
        )
        return _landed(warehouse, session, contract, many)


def _landed(warehouse: Warehouse, session: Session, contract: Contract, rows: list) -> int:
    window = Window.of_day(LAST)
    run_id = ledger.open_run(session, contract.dataset, window, ["s"]).run_id
    landing = Landing(warehouse, contract, window, run_id)
    landing.create(session)
    ledger.mark_landed(session, run_id, "s", landing.land(session, "s", [rows]), 0.0)
    return run_id


def land(warehouse: Warehouse, contract: Contract, province: Province) -> int:
    """Land the newest steps of the sandbox's province, with their dossiers in place."""
    steps, dossiers, day = [], {}, LAST
    while len(steps) < ROWS:
        if works(day):
            made = province.days.make(day)
            dossiers |= dict(zip(*(made.ho_so.columns[name] for name in ("ma_ho_so", "ngay_tiep_nhan")), strict=True))
            columns = [made.tien_trinh.columns[name] for name in contract.names]
            steps += [
                tuple(None if value is None else str(value) for value in row) for row in zip(*columns, strict=True)
            ]
        day -= timedelta(days=1)
    with warehouse.session() as session:
        with session.cursor().copy(
            "COPY core.ho_so (ma_ho_so, ngay_tiep_nhan, _record_key, _source, _source_time, _row_hash, _version,"
            " _run_id) FROM STDIN"
        ) as copy:
            for code, received in dossiers.items():
                moment = received if str(received)[:1].isdigit() else None
                copy.write_row((code, moment, code, "s", LAST, "0" * 32, 1, 1))
        run_id = _landed(warehouse, session, contract, steps[:ROWS])
    with warehouse.session(autocommit=True) as session:
        session.execute("VACUUM ANALYZE core.ho_so")
    return run_id


def measure(warehouse: Warehouse, contract: Contract, run_id: int) -> dict[str, float]:
    """Seconds of the scan, the marks with and without rules, and Great Expectations."""
    import great_expectations.expectations  # noqa: F401 # the scheduler preloads it

    window = Window.of_day(LAST)
    landing = Landing(warehouse, contract, window, run_id)
    bare = Landing(warehouse, replace(contract, rules=()), window, run_id)
    texts = " + ".join(f'coalesce(length("{name}__raw"), 0)' for name in contract.names)
    scan = f'SELECT count(*), sum({texts}) FROM landing."{landing.typed_name}"'

    def in_session(work: Callable, times: int = 3) -> float:
        def once() -> float:
            with warehouse.session() as session:
                began = time.perf_counter()
                work(session)
                return time.perf_counter() - began

        return min(once() for _ in range(times))

    found = {"mark_without_rules": in_session(bare.mark), "mark": in_session(landing.mark)}
    found["plain_scan"] = in_session(lambda session: session.execute(scan).fetchone(), times=9)
    url = warehouse.sqlalchemy_url()
    found["great_expectations"] = in_session(
        lambda _: quality.expect(url, landing.typed_name, contract, window),
    )
    return found
