"""What it costs to judge: both compilations of 25 rules over 300,000 steps, as a ratio to one plain scan of them.

The plain scan reads every column of the typed table once: ``count(*)`` and the sum of the lengths of all texts. The
split is the statement that marks the rows, less what the same statement takes without a rule; Great Expectations
counts in the same database. Importing it is not counted: the scheduler does that once.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from lienthong import quality
from lienthong.batches import Window
from lienthong.contracts import Contract, load_all
from lienthong.rules.calendar import works
from lienthong.sandbox.province import Province
from lienthong.services.folders import Folders
from lienthong.services.postgres import briefly
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse, ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate

ROWS, RULES = 300_000, 25
LAST = date(2025, 9, 30)


def validation(var: Path) -> dict:
    """Seconds of each part, the best of three (of nine for the scan, which is short), and the ratios."""
    folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
    folders.log.mkdir(parents=True)
    contracts = load_all(ROOT / "expectations")
    steps = contracts["tien_trinh"]
    judged = replace(steps, rules=tuple(rule for rule in steps.rules if not rule.about_window)[:RULES])
    assert len(judged.rules) == RULES
    with briefly(folders) as server:
        warehouse = Warehouse(server.connection("warehouse"), ROOT)
        migrate(warehouse, contracts.values())
        run_id = land(warehouse, judged, Province(var, server.connection("sandbox")))
        seconds = measure(warehouse, judged, run_id)
    both = seconds["mark"] - seconds["mark_without_rules"] + seconds["great_expectations"]
    return {
        "rows": ROWS,
        "rules": RULES,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "rows_per_second": round(ROWS / (seconds["mark"] + seconds["great_expectations"])),
        "both_compilations_to_plain_scan": round(both / seconds["plain_scan"], 1),
        "with_typing_to_plain_scan": round(
            (seconds["mark"] + seconds["great_expectations"]) / seconds["plain_scan"], 1
        ),
    }


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
    window = Window.of_day(LAST)
    with warehouse.session() as session:
        with session.cursor().copy(
            "COPY core.ho_so (ma_ho_so, ngay_tiep_nhan, _record_key, _source, _source_time, _row_hash, _version,"
            " _run_id) FROM STDIN"
        ) as copy:
            for code, received in dossiers.items():
                moment = received if str(received)[:1].isdigit() else None
                copy.write_row((code, moment, code, "s", LAST, "0" * 32, 1, 1))
        run_id = ledger.open_run(session, contract.dataset, window, ["s"]).run_id
        landing = Landing(warehouse, contract, window, run_id)
        landing.create(session)
        ledger.mark_landed(session, run_id, "s", landing.land(session, "s", [steps[:ROWS]]), 0.0)
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
