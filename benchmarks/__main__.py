"""What the pipeline costs, as ratios against a floor measured in the same run. ``make bench`` writes a report.

Days of the sandbox's province go through read, judge, promote and publish in this process, without Airflow, on an
embedded PostgreSQL and against the sandbox's portal over HTTP. The floor is PostgreSQL's own COPY of the same rows from
one table into another that is unlogged and has no key: nothing that loads rows can be quicker.

    make bench ARGS="--days 5"
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.indicators import indicators
from benchmarks.pages import pages
from benchmarks.quality import validation
from lienthong.batches import Window
from lienthong.connections import from_environment
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from lienthong.sandbox.province import Province
from lienthong.services.folders import Folders
from lienthong.services.postgres import Server, briefly
from lienthong.settings import ROOT, Settings
from lienthong.steps import Pipeline

REPORTS = Path(__file__).parent / "reports"
LAST = date(2025, 9, 30)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--days", type=int, default=3, help="days of the province, the last of September 2025")
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as var:
        found = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
            "load_before": os.getloadavg()[0],
            "dag_files_seconds": dag_files(Path(var)),
            "validation": validation(Path(var) / "validation"),
            "indicators": indicators(Path(var) / "indicators"),
            "pages": pages(Path(var) / "pages"),
            **pipeline(Path(var) / "bench", [LAST - timedelta(days=n) for n in reversed(range(days))]),
        }
    REPORTS.mkdir(exist_ok=True)
    path = REPORTS / f"{found['at'][:10]}.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    print(f"Report: {path.relative_to(ROOT)}")


def dag_files(home: Path) -> float:
    """Seconds to parse every DAG file, beyond importing Airflow: the middle of three processes."""
    code = (
        "import time, sys, airflow.sdk, airflow.serialization.serialized_objects\n"
        "from airflow.dag_processing.dagbag import DagBag\n"
        "t = time.perf_counter(); bag = DagBag(sys.argv[1]); assert not bag.import_errors\n"
        "print(time.perf_counter() - t)"
    )
    env = {**os.environ, "AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code, str(ROOT / "dags")], env=env, capture_output=True, text=True)
        seconds.append(float(done.stdout.splitlines()[-1]))
    return round(sorted(seconds)[1], 2)


def pipeline(var: Path, days: list[date]) -> dict:
    """Seconds and rows a second of each stage over the days, the floor, and their ratio."""
    folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
    folders.log.mkdir(parents=True)
    options = PortalOptions(data=var / "portal", user="tinh", password="bench-only")
    with briefly(folders) as server, running_portal(options, port=0) as portal:
        province = Province(var, server.connection("sandbox"))
        seconds = {"make_sources": timed(lambda: [province.make_day(day) for day in days])}
        environment = connections(server, province, portal.url, var)
        steps = Pipeline.of(Settings.from_env(environment), lambda name: from_environment(name, environment))
        steps.prepare()
        import great_expectations.expectations  # noqa: F401 # the scheduler preloads it

        for day in days:
            window = Window.of_day(day)
            for dataset in ("don_vi", "thu_tuc"):
                steps.run(dataset, window)
            for dataset in ("ho_so", "tien_trinh"):
                add(seconds, "read", lambda d=dataset, w=window: [steps.extract(d, w, x) for x in steps.plan(d, w)])
                add(seconds, "judge", lambda d=dataset, w=window: steps.judge(d, w))
                add(seconds, "promote", lambda d=dataset, w=window: steps.promote(d, w))
            add(seconds, "publish", lambda: steps.publish("national_portal"))
        again = timed(lambda: [steps.run(d, Window.of_day(days[-1])) for d in ("ho_so", "tien_trinh")])
        with server.connect("warehouse") as session:
            count = "SELECT sum(extracted) FROM ops.runs WHERE dataset IN ('ho_so', 'tien_trinh') AND extracted > 0"
            rows = int(session.execute(count).fetchone()[0])
            sent = session.execute("SELECT count(*) FROM publish.receipts").fetchone()[0]
            floor = copy_floor(session, server)
    ingest = seconds["read"] + seconds["judge"] + seconds["promote"]
    return {
        "days": len(days),
        "rows_extracted": rows,
        "records_sent": sent,
        "seconds": {name: round(value, 2) for name, value in seconds.items()} | {"same_day_again": round(again, 2)},
        "rows_per_second": {"ingest": round(rows / ingest), "publish": round(sent / seconds["publish"])},
        "floor_rows_per_second": round(floor),
        "ingest_share_of_floor": round(rows / ingest / floor, 4),
    }


def connections(server: Server, province: Province, portal: str, var: Path) -> dict[str, str]:
    known = json.loads(province.write_connections().read_text(encoding="utf-8"))
    # The department's REST service is another process; here its rows come from the file behind it.
    known["unit_h15_10"] = {"conn_type": "sqlite", "host": str(province.department_file())}
    path = var / "connections.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    reach = {"conn_type": "postgres", "host": str(server.socket_folder), "login": "postgres", "schema": "warehouse"}
    extra = {"dossiers_per_request": 20, "steps_per_request": 50, "in_flight": 4, "pull_in_flight": 4}
    receiver = {"conn_type": "http", "host": portal, "login": "tinh", "password": "bench-only", "extra": extra}
    units = {"path": str(ROOT / "include/lienthong/reference"), "pattern": "{dataset}.csv"}
    return {
        "LIENTHONG_HOME": str(ROOT),
        "LIENTHONG_VAR": str(var),
        "LIENTHONG_CONNECTIONS": str(path),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps(reach),
        "AIRFLOW_CONN_NATIONAL_PORTAL": json.dumps(receiver),
        "AIRFLOW_CONN_DANH_MUC": json.dumps({"conn_type": "fs", "extra": units}),
    }


def copy_floor(source: psycopg.Connection, server: Server) -> float:
    """Rows a second of COPY out of ``core`` piped into COPY of an unlogged table without a key; best of three."""
    rows = source.execute("SELECT count(*) FROM core.tien_trinh").fetchone()[0]
    best = float("inf")
    with server.connect("warehouse") as sink:
        for _ in range(3):
            sink.execute("DROP TABLE IF EXISTS landing.floor")
            sink.execute("CREATE UNLOGGED TABLE landing.floor (LIKE core.tien_trinh)")
            began = time.perf_counter()
            out = source.cursor().copy("COPY core.tien_trinh TO STDOUT")
            into = sink.cursor().copy("COPY landing.floor FROM STDIN")
            with out as read, into as write:
                for block in read:
                    write.write(block)
            best = min(best, time.perf_counter() - began)
        sink.execute("DROP TABLE landing.floor")
    return rows / best


def timed(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def add(seconds: dict[str, float], name: str, work) -> None:
    seconds[name] = seconds.get(name, 0.0) + timed(work)


if __name__ == "__main__":
    main()
