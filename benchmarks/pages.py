"""What the pages of the console cost ten people who look at once, over HTTP, on the sandbox's quarter: those of the
indicators here, those of operators by ``benchmarks.backfill`` on the warehouse that a whole backfill has left.

Each of them opens a page, reads for a second, and opens another one: the first pages of leaders more often than the
units' own. Times are from the request to the last byte. The first round begins on a console that has kept nothing; the
second one on a console that the first has used.

    python -m benchmarks.pages
"""

import json
import os
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
import uvicorn
from fastapi import FastAPI

from benchmarks.indicators import AGENCY, Quarter, analyze, catalogues
from lienthong.console.acting import Person
from lienthong.console.app import make
from lienthong.console.desk import Desk
from lienthong.contracts import load_all
from lienthong.indicators.refresh import refresh
from lienthong.sandbox.province import QUARTER
from lienthong.sandbox.units import units
from lienthong.services.folders import Folders
from lienthong.services.postgres import briefly
from lienthong.settings import ROOT, Settings
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

PEOPLE, PAGES, READING = 10, 40, 1.0
PERIODS = ("2025-09", "2025-09", "2025-Q3", "2025-08")
RATES = ("dung_han_quoc_gia", "dung_han_dia_phuong", "ty_le_qua_han", "thoi_gian_trung_binh", "giam_thoi_gian")
REASONS = ("ended_later", "open", "supplement", "time_of_day", "withdrawn")
WEIGHTS = {
    "overview": 4, "indicator": 4, "drill_province": 2, "drill_unit": 4, "on_time": 2, "on_time_unit": 2,
    "on_time_reason": 1, "index": 3, "index_province": 1, "index_unit": 2, "offices": 1, "csv": 1,
}  # fmt: skip
"""How often each page is chosen."""


def address(page, chance, codes):
    """An address of a page, for any unit, period and indicator."""
    period, code, rate = chance.choice(PERIODS), chance.choice(codes), chance.choice(RATES)
    return {
        "overview": f"/indicators?period={period}",
        "indicator": f"/indicators/{rate}?period={period}",
        "drill_province": f"/indicators/{rate}/{AGENCY}?period={period}",
        "drill_unit": f"/indicators/{rate}/{code}?period={period}",
        "on_time": f"/on-time?period={period}",
        "on_time_unit": f"/on-time/{code}?period={period}",
        "on_time_reason": f"/on-time?period={period}&reason={chance.choice(REASONS)}",
        "index": f"/index766?period={period}",
        "index_province": f"/index766/{AGENCY}?period={period}",
        "index_unit": f"/index766/{code}?period={period}",
        "offices": f"/units/{code}/offices?period={period}",
        "csv": f"/indicators/{rate}.csv?period={period}",
    }[page]


def looked(base, seed, weights, where_is, found):
    """One person's pages."""
    chance, session = random.Random(seed), requests.Session()
    for page in chance.choices(list(weights), weights.values(), k=PAGES):
        time.sleep(chance.uniform(0.5, 1.5) * READING)
        where = where_is(page, chance)
        began = time.perf_counter()
        answer = session.get(base + where, timeout=60)
        found.append((page, time.perf_counter() - began))
        assert answer.status_code == 200, (where, answer.status_code)


def round_of(base, number, weights, where_is):
    """p50, p95 and the longest in milliseconds, over all pages and per page; ``where_is`` gives a page's address."""
    found = []
    with ThreadPoolExecutor(PEOPLE) as people:
        for one in [people.submit(looked, base, 100 * number + n, weights, where_is, found) for n in range(PEOPLE)]:
            one.result()
    return {
        "all": told([seconds for _, seconds in found]),
        **{page: told([seconds for name, seconds in found if name == page]) for page in weights},
    }


def two_rounds(warehouse, weights, where_is):
    """Two rounds on the console over a warehouse that has the quarter."""
    with console(warehouse.connection) as base:
        load = os.getloadavg()[0]
        first, second = (round_of(base, number, weights, where_is) for number in (1, 2))
    return {"people": PEOPLE, "pause_seconds": READING, "load_before": round(load, 2),
            "first_round": first, "second_round": second}  # fmt: skip


def told(seconds):
    own = sorted(seconds)
    if not own:
        return {"requests": 0}
    at = {name: round(own[min(len(own) - 1, int(share * len(own)))] * 1000) for name, share in (
        ("p50_ms", 0.5), ("p95_ms", 0.95), ("longest_ms", 1.0))}  # fmt: skip
    return {"requests": len(own), **at}


@contextmanager
def console(connection):
    """The console's application over HTTP, open to whoever asks: there is no Airflow here to sign in to."""
    desk = Desk(Settings.from_env({}), lambda _: connection)
    outer = FastAPI()
    outer.mount("/lienthong", make(desk, _guard, _person, b"for this measurement only"))
    server = uvicorn.Server(uvicorn.Config(outer, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/lienthong"
    finally:
        server.should_exit = True
        thread.join()
        desk.close()


def measure(warehouse):
    """The pages of the indicators over a warehouse that has the quarter."""
    codes = [unit.code for unit in units()]
    with warehouse.session() as session:
        dossiers = session.execute("SELECT count(*) AS n FROM marts.dossiers").fetchone()["n"]
    found = two_rounds(warehouse, WEIGHTS, lambda page, chance: address(page, chance, codes))
    return {"dossiers": dossiers, **found}


def pages(var):
    """The whole measurement on a server of its own."""
    folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
    folders.log.mkdir(parents=True)
    with briefly(folders) as server:
        warehouse = Warehouse(server.connection("warehouse"), ROOT)
        migrate(warehouse, load_all(ROOT / "expectations").values())
        quarter = Quarter()
        with warehouse.session() as session:
            catalogues(session, quarter.procedures)
            quarter.load(session, *QUARTER, 1)
        analyze(warehouse)
        refresh(warehouse, AGENCY)
        with warehouse.session() as session:
            session.execute("ANALYZE")
        return measure(warehouse)


def _guard():
    return None


def _person():
    return Person("bench", lambda _: False)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(pages(Path(folder) / "pages"), indent=2))
