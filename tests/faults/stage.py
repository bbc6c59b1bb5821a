"""A small province, a portal and an embedded PostgreSQL that can be killed; each play has its own warehouse."""

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psutil

from lienthong.contracts import load_all
from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.portal_log import AcceptanceLog
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from lienthong.sandbox.province import Province
from lienthong.services.folders import Folders
from lienthong.services.postgres import Server
from lienthong.services.processes import spawn
from lienthong.settings import ROOT

from .actor import Actor

# The default day: every kind of fault is planted on it, however small the province.
DAYS = [date(2025, 9, 30)]
# A small province: some dossiers a day in every unit.
SMALL = Habits(monthly={"2025-07": 15_000, "2025-09": 15_000})


class Postgres:
    """The embedded server as a child of the test."""

    def __init__(self, var: Path) -> None:
        self.folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
        self.folders.log.mkdir(parents=True, exist_ok=True)
        self.server = Server.prepare(self.folders)
        self.start()

    def start(self) -> None:
        self.process = spawn(
            # Whoever is killed here leaves the machine running: what was written is in its memory, also without fsync.
            [*self.server.command(), "-c", "fsync=off", "-c", "full_page_writes=off"],
            environment=self.server.environment(os.environ),
            log=self.folders.log / "postgres.log",
            folder=Path("/"),
            account=self.server.account,
        )
        self._until_ready()

    def _until_ready(self) -> None:
        until = time.monotonic() + 30
        while not self.server.ready():
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL of the postmaster; its children end by themselves, then a new one can start."""
        backends = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        psutil.wait_procs(backends, timeout=20)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


class Play:
    """One warehouse and one portal, on which the day is played, with or without a fault."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage = stage
        self.name = name
        self.crash = stage.var / "crash" / name
        self.crash.mkdir(parents=True)
        self.portal_data = stage.var / "portal" / name
        with stage.postgres.server.connect("postgres") as session:
            session.execute(f'CREATE DATABASE "{name}"')

    @contextmanager
    def portal(self):
        options = PortalOptions(data=self.portal_data, user="tinh", password="mat-khau-thu")
        with running_portal(options, port=0) as portal:
            self.url = portal.url
            self.prepare()
            yield portal

    def prepare(self) -> None:
        from lienthong.steps import Pipeline

        Pipeline.of(self.settings(), self.lookup).prepare()

    def settings(self):
        from lienthong.settings import Settings

        return Settings.from_env(self.environment())

    def lookup(self, name):
        from lienthong.connections import from_environment

        return from_environment(name, self.environment())

    def environment(self) -> dict[str, str]:
        server = self.stage.postgres.server
        portal = {
            "conn_type": "http", "host": self.url, "login": "tinh", "password": "mat-khau-thu",
            "extra": {"dossiers_per_request": 5, "steps_per_request": 10, "in_flight": 2, "pull_in_flight": 4},
        }  # fmt: skip
        warehouse = {
            "conn_type": "postgres", "host": str(server.socket_folder), "login": "postgres", "schema": self.name,
        }  # fmt: skip
        units = {"conn_type": "fs", "extra": {"path": str(self.stage.var / "reference"), "pattern": "{dataset}.csv"}}
        return {
            **os.environ,
            "LIENTHONG_HOME": str(ROOT),
            "LIENTHONG_VAR": str(self.stage.var),
            "LIENTHONG_CONNECTIONS": str(self.stage.connections),
            "LIENTHONG_CRASH_DIR": str(self.crash),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(warehouse),
            "AIRFLOW_CONN_NATIONAL_PORTAL": json.dumps(portal),
            "AIRFLOW_CONN_DANH_MUC": json.dumps(units),
            "GX_ANALYTICS_ENABLED": "False",
        }

    def actor(self, days) -> Actor:
        """The pipeline in a process of its own."""
        return Actor(days, self.environment(), self.crash / "said.txt")

    def run(self, days) -> None:
        code, said = self.actor(days).end()
        assert code == 0, said[-3000:]

    def arm(self, point: str, order: str) -> Path:
        (self.crash / point).write_text(order, encoding="utf-8")
        return self.crash / f"{point}.reached"

    def content(self) -> dict[str, list]:
        """Everything that must be the same whatever happened on the way; machinery's clocks and numbers apart."""
        found = {}
        with self.stage.postgres.server.connect(self.name) as session:
            for contract in load_all(ROOT / "expectations").values():
                columns = ", ".join(f'"{name}"' for name in contract.names)
                for schema in ("core", "history"):
                    query = (
                        f"SELECT {columns}, _source_time, _deleted_at IS NULL FROM {schema}.{contract.dataset}"
                        " ORDER BY 1, 2, 3, _source_time"
                    )
                    found[f"{schema}.{contract.dataset}"] = session.execute(query).fetchall()
            found["quarantine"] = session.execute(
                "SELECT dataset, source, record_key, place, rules, state, raw::text FROM quarantine.rows"
                " ORDER BY 1, 2, 3, 4"
            ).fetchall()
            found["outbox"] = session.execute(
                "SELECT dataset, record_key, version, state FROM publish.outbox WHERE state <> 'superseded'"
                " ORDER BY 1, 2, 3"
            ).fetchall()
        log = AcceptanceLog(self.portal_data)
        found["portal.dossiers"] = sorted((d.ma_ho_so, d.sha256) for d in log.dossiers())
        found["portal.steps"] = sorted((s.ma_ho_so, s.thoi_diem_xu_ly, s.trang_thai, s.sha256) for s in log.steps())
        return found

    def rows(self, query):
        with self.stage.postgres.server.connect(self.name) as session:
            return session.execute(query).fetchall()


class Stage:
    """What all plays share: the sources, made once."""

    def __init__(self, var: Path, days: Sequence[date] = DAYS) -> None:
        self.var = var
        self.days = days
        self.postgres = Postgres(var)
        self.provide()

    def provide(self) -> None:
        database = self.postgres.server.connection("sandbox")
        self.province = province = Province(self.var, database, habits=SMALL)
        for day in self.days:
            province.make_day(day)
        self.connections = province.write_connections()
        # The department behind a REST service has its own tests; here its rows come from the same SQLite file.
        known = json.loads(self.connections.read_text(encoding="utf-8"))
        file = next((self.var / "sandbox" / "sqlite").glob("*15_10.sqlite"))
        known["unit_h15_10"] = {"conn_type": "sqlite", "host": str(file)}
        self.connections.write_text(json.dumps(known), encoding="utf-8")
        self._choose_units(known)

    def _choose_units(self, connections) -> None:
        """A dozen units are enough to die in front of: every kind of source, and the one with eleven faults."""
        lines = (ROOT / "include/lienthong/reference/don_vi.csv").read_text(encoding="utf-8").splitlines()
        by_kind = {"H15.131": [], "H15.10": []}
        for line in lines[1:]:
            unit = line.split(",")[0]
            found = connections[f"unit_{unit.lower().replace('.', '_')}"]
            by_kind.setdefault(found["conn_type"] + found.get("extra", {}).get("pattern", "")[-4:], []).append(unit)
        chosen = {"H15.131", "H15.10"}.union(*(units[:3] for units in by_kind.values()))
        folder = self.var / "reference"
        folder.mkdir()
        kept = [lines[0], *(line for line in lines[1:] if line.split(",")[0] in chosen)]
        (folder / "don_vi.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
