"""What one look asks: planned when it is opened, so that a look that was cut off goes on where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lienthong.endpoints import Part
from lienthong.reconcile.options import Options
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

GRID = (
    "CREATE TEMP TABLE IF NOT EXISTS grid (dataset text NOT NULL, unit text NOT NULL, first_day date, last_day date,"
    " recent boolean NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One reconciliation: its number, the local day on which it was begun, and the days that a person asked for."""

    number: int
    endpoint: str
    day: date
    asked: tuple[date, date] | None


@dataclass(frozen=True, slots=True)
class Planned:
    """One part that is still to be asked for."""

    number: int
    part: Part


def open_look(session: Session, endpoint: str, asked: tuple[date, date] | None) -> Look:
    """Take up the look that was cut off today, with the same days; any other that is open is left.

    Only one look of an endpoint is open at a time. So the daily one that was cut off is left while days that a person
    asked for are looked at, and taken up again with its parts afterwards."""
    today: date = one(session, "SELECT ops.moment()::date AS day")["day"]
    first, last = asked or (None, None)
    session.execute(
        "UPDATE ops.reconciliations SET state = 'left', closed_at = clock_timestamp()"
        " WHERE endpoint = %s AND state = 'open'",
        [endpoint],
    )
    row = session.execute(
        "UPDATE ops.reconciliations SET state = 'open', closed_at = NULL WHERE reconciliation_id = ("
        "SELECT max(reconciliation_id) FROM ops.reconciliations WHERE endpoint = %s AND state = 'left' AND day = %s"
        " AND first_day IS NOT DISTINCT FROM %s AND last_day IS NOT DISTINCT FROM %s) RETURNING reconciliation_id",
        [endpoint, today, first, last],
    ).fetchone()
    if row is not None:
        return Look(row["reconciliation_id"], endpoint, today, asked)
    number = one(
        session,
        "INSERT INTO ops.reconciliations (endpoint, day, first_day, last_day) VALUES (%s, %s, %s, %s)"
        " RETURNING reconciliation_id",
        [endpoint, today, first, last],
    )["reconciliation_id"]
    return Look(number, endpoint, today, asked)


def add_to_grid(session: Session, home: Path, look: Look, dataset: str, by_days: bool, options: Options) -> None:
    """Every question about one dataset; what it was accepted of stands in the table ``accepted``."""
    if not by_days:
        session.execute("INSERT INTO grid VALUES (%s, '', NULL, NULL, true)", [dataset])
        return
    first, last = look.asked or (None, None)
    values = {"dataset": dataset, "first": first, "last": last, "today": look.day, "recent": options.recent_days}
    session.execute(statement(home, "reconcile/grid"), {**values, "slice": options.slice_days})


def plan(session: Session, home: Path, look: Look, options: Options) -> None:
    """Choose the questions of this look out of all; those of a look that goes on stand already."""
    values: dict[str, Any] = {"endpoint": look.endpoint, "reconciliation": look.number, "whole": options.whole_days}
    session.execute(statement(home, "reconcile/plan"), {**values, "all": look.asked is not None})


def left(session: Session, look: Look, dataset: str) -> list[Planned]:
    """The parts of one dataset that were not looked at yet, in their order."""
    rows = session.execute(
        "SELECT p.number, p.unit, p.first_day, p.last_day, coalesce(d.ten_don_vi, '') AS unit_name"
        " FROM ops.reconciliation_parts p LEFT JOIN core.don_vi d ON d._record_key = p.unit"
        " WHERE p.reconciliation_id = %s AND p.dataset = %s AND p.state = 'planned' ORDER BY p.number",
        [look.number, dataset],
    )
    return [
        Planned(row["number"], Part(dataset, row["unit"], row["unit_name"], row["first_day"], row["last_day"]))
        for row in rows
    ]
