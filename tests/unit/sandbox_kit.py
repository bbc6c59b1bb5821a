"""What the tests of the sandboxed province share: its days, made once a process, and plain readers of its sources."""

import csv
import io
import sqlite3
from contextlib import closing
from datetime import date
from functools import cache
from pathlib import Path

import psycopg

from lienthong.connections import Connection
from lienthong.sandbox.calendar_vn import WorkingTime
from lienthong.sandbox.days import Days
from lienthong.sandbox.dossiers import Arrivals, Habits
from lienthong.sandbox.faults import Planner
from lienthong.sandbox.procedures import load
from lienthong.sandbox.province import SEED
from lienthong.sandbox.rows import Writer
from lienthong.sandbox.units import units

SHOW_DAY = date(2025, 9, 30)
QUIET = {"monthly": {"2025-09": 6_000}}
"""A province small enough for tests of what the stores do."""


def new_days(seed=SEED, catalogue=None, **habits):
    known, calendar = load(catalogue), WorkingTime()
    arrivals = Arrivals(seed, known, units(), calendar, Habits(**habits))
    return Days(arrivals, Planner(units(), calendar), Writer(known, units()))


@cache
def days():
    """The days of the province as it comes; the quarter is in memory."""
    made = new_days()
    made.upto(SHOW_DAY)
    return made


@cache
def quarter():
    """Every dossier of the quarter, and the plan of the faults."""
    return days().upto(SHOW_DAY)


@cache
def made(day):
    """The rows of one day of the province as it comes."""
    return days().make(day)


def show_day():
    return made(SHOW_DAY)


def at(connection, entry):
    """A connection of ``Province.connections`` as the product would hold it."""
    return Connection(
        connection,
        entry["conn_type"],
        **{name: entry[name] for name in ("host", "port", "login", "password", "schema") if name in entry},
        extra=entry.get("extra", {}),
    )


def read(entry, dataset, day):
    """The rows of one source on one day, as mappings of text, read with nothing of the sandbox's own."""
    kind = entry["conn_type"]
    if kind == "postgres":
        return read_postgres(entry, dataset, day)
    if kind == "sqlite":
        return read_sqlite(Path(entry["host"]), dataset, day)
    path = Path(entry["extra"]["path"]) / entry["extra"]["pattern"].format(dataset=dataset, day=day)
    return read_excel(path) if path.suffix == ".xlsx" else read_csv(path)


def read_postgres(entry, dataset, day):
    with psycopg.connect(**at("x", entry).conninfo()) as session, session.cursor() as cursor:
        namespace = entry["extra"]["namespace"]
        cursor.execute(f"SELECT * FROM {namespace}.{dataset} WHERE cap_nhat_luc::date = %s", (day,))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, map(text, row), strict=True)) for row in cursor]


def read_sqlite(path, dataset, day):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = database.execute(f"SELECT * FROM {dataset} WHERE date(cap_nhat_luc) = ?", (str(day),))
        names = [column[0] for column in found.description]
        return [dict(zip(names, map(text, row), strict=True)) for row in found]


def read_csv(path):
    content = path.read_text(encoding="utf-8-sig")
    return [{k: v or None for k, v in row.items()} for row in csv.DictReader(io.StringIO(content, newline=""))]


def read_excel(path):
    from openpyxl import load_workbook

    header, *rows = load_workbook(path).worksheets[0].values
    return [dict(zip(header, map(text, row), strict=True)) for row in rows]


def text(value):
    return None if value is None else str(value)
