"""A worker that reads a million rows takes no more memory than one that reads a few, whatever holds them."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import asdict

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.settings import ROOT
from lienthong.warehouse.migrations import migrate

from ..sql.builders import CHA
from .test_servers import MariaDbStage

pytestmark = pytest.mark.services

MANY = 1_000_000
MOST = 150  # megabytes more than at rest
VALUES = "concat('MA-', n), n % 100, '2025-09-01 08:00:00'"

# At rest: after a window of a few rows, with everything imported and connected once.
MEASURE = """
import json, resource, sys
from lienthong.connections import Connection
from lienthong.sources import source_of
from lienthong.warehouse import Warehouse
from lienthong.warehouse.landing import Landing
from tests.sql.builders import CHA, HOME, day
source, warehouse = (Connection(**json.loads(text)) for text in sys.argv[1:])
store = Warehouse(warehouse, HOME)
def read(window):
    landing = Landing(store, CHA, window, window.day.day)
    with store.session() as session:
        landing.create(session)
        return landing.land(session, "nguon", source_of(source).read(CHA, window))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
few = read(day(2))
idle = peak()
print(json.dumps([few, read(day(1)), peak() - idle]))
"""


@pytest.fixture
def sources(older_postgres, tmp_path):
    """The makers of a source of each kind: a million rows on the first day, one on the second."""
    postgres = older_postgres.connection
    one = ("MA-0", "1", "2025-09-02 08:00:00")

    def of_postgres():
        with psycopg.connect(**postgres.conninfo()) as session:
            session.execute("CREATE TABLE cha (ma text, gia_tri int, luc timestamp)")
            session.execute(f"INSERT INTO cha SELECT {VALUES}::timestamp FROM generate_series(1, {MANY}) n")
            session.execute("INSERT INTO cha VALUES (%s, %s, %s)", one)
        return postgres

    def of_mariadb():
        stage = MariaDbStage()
        numbers = f"SELECT seq AS n FROM {stage.name}.seq_1_to_{MANY}"
        stage.run(f"INSERT INTO {stage.name}.cha (ma, gia_tri, luc) SELECT {VALUES} FROM ({numbers}) s")
        stage.run(f"INSERT INTO {stage.name}.cha (ma, gia_tri, luc) VALUES (%s, %s, %s)", [one])
        made.append(stage)
        return stage.connection

    def of_sqlite():
        path = tmp_path / "cha.sqlite"
        with sqlite3.connect(path) as session:
            session.execute("CREATE TABLE cha (ma text, gia_tri int, luc text)")
            rows = ((f"MA-{n}", n % 100, "2025-09-01 08:00:00") for n in range(MANY))
            session.executemany("INSERT INTO cha VALUES (?, ?, ?)", rows)
            session.execute("INSERT INTO cha VALUES (?, ?, ?)", one)
        return Connection("unit_h15_1", "sqlite", host=str(path))

    def of_csv():
        for number, count in ((1, MANY), (2, 1)):
            with (tmp_path / f"cha_2025-09-0{number}.csv").open("w", encoding="utf-8") as file:
                file.write("ma,gia_tri,luc\n")
                file.writelines(f"MA-{n},{n % 100},2025-09-0{number} 08:00:00\n" for n in range(count))
        return Connection("unit_h15_1", "fs", extra={"path": str(tmp_path)})

    made = []
    yield {"postgres": of_postgres, "mariadb": of_mariadb, "sqlite": of_sqlite, "csv": of_csv}
    for stage in made:
        stage.remove()


def as_json(connection):
    return json.dumps(asdict(connection), default=dict)


@pytest.mark.parametrize("kind", ["postgres", "mariadb", "sqlite", "csv"])
def test_memory_stays_flat(sources, older_postgres, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path / "var"))
    source = sources[kind]()
    migrate(older_postgres, [CHA])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(as_json, (source, older_postgres.connection))],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    few, many, grown = json.loads(done.stdout.splitlines()[-1])
    assert (few, many) == (1, MANY)
    assert grown < MOST, f"{grown:.0f} MB more than at rest"
