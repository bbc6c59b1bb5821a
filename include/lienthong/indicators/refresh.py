"""The marts of indicators say what ``core`` says: in whatever order days came, however often they are refreshed.

Only dossiers that changed since the last refresh are looked at. What each of them said is taken from the measures of
its unit, what it says now is added; then the indicators of the cells that moved are said anew. What no longer holds
goes to the history with the time until which it was said."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from lienthong.errors import NeedsPerson
from lienthong.indicators import parts
from lienthong.indicators.declared import declared, targets, wording
from lienthong.rules.calendar import works
from lienthong.settings import INDICATORS_FROM, PROVINCE, TIMEZONE
from lienthong.warehouse import versions
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse, one

LOCK = "marts.indicators"
DATASETS = ("ho_so", "tien_trinh", "thu_tuc", "phan_anh_hien_truong", "diem_phuc_vu")
EARLIEST, YEARS_AHEAD = 2000, 2
MADE = (
    *("dossiers", "dossiers_history", "feedback", "equipment", "cells", "durations", "duration_hours", "stocks"),
    *("periods", "indicators", "indicators_history", "indicator_state", "units", "calendar"),
)
"""Every table that a refresh makes; the working day and the key of pseudonyms are settings."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did: dossiers looked at and changed, indicators said and moved to history, the horizon."""

    horizon: date | None
    dossiers: int = 0
    changed: int = 0
    cells: int = 0
    written: int = 0
    replaced: int = 0


def refresh(
    warehouse: Warehouse,
    agency: str,
    *,
    whole: bool = False,
    floor: date = INDICATORS_FROM,
    province: str = PROVINCE,
) -> Refreshed:
    """Bring the marts up to ``core`` in one transaction; what did not change is not touched.

    ``whole`` looks at every dossier again, and still writes only what differs: for a calendar that was corrected. No
    period begins before ``floor``; ``province`` is the name that addresses end with. A second refresh waits, and then
    finds little to do."""
    with warehouse.alone(LOCK), warehouse.session() as session:
        # One picture of core: promotes that end meanwhile belong to the next refresh.
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # The generated sums are many and short: compiling them costs more than they do, spilling sorts more still.
        session.execute("SET LOCAL jit = off")
        session.execute("SET LOCAL work_mem = '128MB'")
        horizon = _horizon(session)
        if horizon is None:
            return Refreshed(None)
        return _Refresh(warehouse, session, agency, horizon, whole, floor, province).run()


def forget(session: Session) -> None:
    """Empty everything that a refresh makes, the histories too; the next refresh makes it from nothing."""
    for name in MADE:
        session.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("marts", name)))


def _horizon(session: Session) -> date | None:
    """The newest local day of which both the dossiers and their steps are promoted."""
    row = one(
        session,
        "SELECT (max(window_start) AT TIME ZONE %s)::date AS day FROM ("
        " SELECT window_start FROM ops.runs WHERE state = 'promoted' AND kind = 'read'"
        " AND dataset IN ('ho_so', 'tien_trinh') GROUP BY 1 HAVING count(DISTINCT dataset) = 2) AS days",
        [TIMEZONE],
    )
    found: date | None = row["day"]
    return found


@dataclass(slots=True)
class _Refresh:
    """One refresh: its session, what the last one saw, and the values that the statements are bound with."""

    warehouse: Warehouse
    session: Session
    agency: str
    horizon: date
    whole: bool
    floor: date
    province: str
    values: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    new_units: list[str] = field(default_factory=list)
    everything: bool = False
    """Whether the indicators of every period are said anew, not only of those that moved."""

    def run(self) -> Refreshed:
        before = self._before()
        self._settings(before)
        self._calendar()
        self._execute("dossiers_touched")
        dossiers = self._count("touched")
        for name in ("dossiers_paths", "dossiers_facts"):
            self._execute(name)
        self._analyze("paths", "facts")
        self._units_of_facts()
        self._execute("dossiers_changed")
        self._analyze("changed")
        self._execute("dossiers_keep")
        changed = self._execute("dossiers_add")
        cells = self._cells()
        first = self._first_day()
        written, replaced = (0, self._silence()) if first is None else self._say(before, first)
        self._note(first)
        return Refreshed(self.horizon, dossiers, changed, cells, written, replaced)

    def _before(self) -> dict[str, Any] | None:
        row = self.session.execute("SELECT * FROM marts.indicator_state").fetchone()
        if row is not None and row["agency"] != self.agency:
            raise NeedsPerson(
                f"The marts of indicators are of agency {row['agency']}, the settings name {self.agency}. Whoever set "
                "LIENTHONG_AGENCY can mend it."
            )
        # A day that is promoted again later never takes the horizon back.
        if row is not None:
            self.horizon = max(self.horizon, row["horizon"])
        return row

    def _settings(self, before: dict[str, Any] | None) -> None:
        """Compare what the last refresh saw with what is there, and bind what the statements need."""
        hours = one(
            self.session,
            "SELECT extract(epoch FROM opens)::integer AS opens, extract(epoch FROM lunch)::integer AS lunch,"
            " extract(epoch FROM back)::integer AS back, extract(epoch FROM closes)::integer AS closes"
            " FROM marts.working_day",
        )
        self.values = {
            **hours,
            "length": hours["lunch"] - hours["opens"] + hours["closes"] - hours["back"],
            "agency": self.agency,
            "timezone": TIMEZONE,
            "horizon": self.horizon,
            "before": before["horizon"] if before else None,
            "moment": self._moment(before),
            "floor": self.floor,
            "province": rf",\s*((tỉnh|thành phố)\s+)?{re.escape(self.province)}\s*$",
        }
        said = before["seen"] if before else {}
        self.values["floor_before"] = date.fromisoformat(said.get("floor", str(self.floor)))
        self.seen = {name: self._version(name) for name in DATASETS}
        self.seen |= {"hours": hours, "floor": str(self.floor), "province": self.province, "aims": self._aims()}
        self.seen["declared"] = hashlib.sha256(wording(self.warehouse.home).encode()).hexdigest()
        self._execute("indicators_names")
        self.new_units = [row["unit"] for row in self.session.execute(self._statement("indicators_units"), self.values)]
        # A dataset that begins is only new; one that began again has lost what was seen of it.
        rebuilt = any(said.get(name, [0, 0])[1] not in (0, self.seen[name][1]) for name in DATASETS)
        self.whole = self.whole or before is None or rebuilt or bool(self.new_units) or any(
            said.get(name) != self.seen[name] for name in ("hours", "province")
        )  # fmt: skip
        self.everything = self.whole or any(said.get(name) != self.seen[name] for name in ("declared", "floor", "aims"))
        for name in DATASETS:
            self.values[name] = -1 if self.whole else said.get(name, [-1])[0]
        self.values["whole"] = self.whole

    def _aims(self) -> str:
        """The targets and baselines of this installation, as they stand in the table."""
        row = one(self.session, "SELECT coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') AS aims"
            " FROM marts.targets t")  # fmt: skip
        found: str = row["aims"]
        return found

    def _moment(self, before: dict[str, Any] | None) -> datetime:
        """When this refresh speaks, by the clock of people; never before the one that spoke last."""
        now: datetime = one(self.session, "SELECT ops.moment() AS moment")["moment"]
        return max(now, before["refreshed_at"]) if before else now

    def _version(self, dataset: str) -> list[int]:
        version = versions.current(self.session, dataset)
        return [version.number, version.first]

    def _calendar(self) -> None:
        """Fill the calendar for the years that dossiers can lie in; a corrected holiday is seen by a whole refresh."""
        row = one(
            self.session,
            "SELECT extract(year FROM min(ngay_tiep_nhan))::integer AS first,"
            " (SELECT extract(year FROM min(day))::integer FROM marts.calendar) AS held,"
            " (SELECT extract(year FROM max(day))::integer FROM marts.calendar) AS upto"
            " FROM core.ho_so WHERE _change > %(ho_so)s",
            self.values,
        )
        known = [year for year in (row["first"], row["held"], self.horizon.year) if year is not None]
        first, last = max(min(known), EARLIEST), max(self.horizon.year + YEARS_AHEAD, row["upto"] or 0)
        if not self.whole and row["held"] == first and row["upto"] == last:
            return
        days = [date(first, 1, 1) + timedelta(n) for n in range((date(last + 1, 1, 1) - date(first, 1, 1)).days)]
        self.session.execute("DELETE FROM marts.calendar")
        self._execute("calendar_fill", days=days, works=[works(day) for day in days])
        self._analyze("marts.calendar")

    def _units_of_facts(self) -> None:
        """A unit that the catalogue never had counts all the same, under its code."""
        self.new_units += [
            row["unit"]
            for row in self.session.execute(
                "INSERT INTO marts.units (unit, name, level) SELECT DISTINCT ma_don_vi, ma_don_vi, 'department'"
                " FROM facts ON CONFLICT (unit) DO NOTHING RETURNING unit"
            )
        ]

    def _cells(self) -> int:
        self._execute("cells_moves")
        if self._has("core", "phan_anh_hien_truong"):
            self._execute("cells_feedback")
        self._execute("cells_delta")
        self._execute("durations_delta")
        self._analyze("delta", "spans")
        cells = self._execute("cells_add")
        for name in ("durations_add", "durations_empty", "durations_hours", "durations_hours_empty"):
            self._execute(name)
        if self.whole:
            self._analyze("marts.durations", "marts.duration_hours", "marts.cells", "marts.dossiers")
        for name in ("durations_p90", "cells_empty"):
            self._execute(name)
        return cells

    def _first_day(self) -> date | None:
        row = one(self.session, "SELECT min(start) AS day FROM marts.cells WHERE kind = 'day'")
        found: date | None = row["day"]
        first = None if found is None else max(min(found, self.horizon), self.floor)
        return None if first is None or first > self.horizon else first

    def _silence(self) -> int:
        """Nothing is left to measure: all that was said goes to the history; gives how many."""
        self._equipped()
        for name in ("periods", "stocks"):
            self.session.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("marts", name)))
        return self._execute("indicators_outside", declared=list(declared(self.warehouse.home)))

    def _say(self, before: dict[str, Any] | None, first: date) -> tuple[int, int]:
        """Stocks, then the indicators of the cells that moved; gives how many were said and moved to history."""
        moved = before is None or before["first_day"] != first or self.floor != self.values["floor_before"]
        opening = first - timedelta(days=1)
        begins = opening if before is None or moved else before["horizon"] + timedelta(days=1)
        self.values |= {"first": first, "opening": opening, "from": begins, "new_units": self.new_units}
        gone_on = list(self.session.execute(self._statement("calendar_periods"), self.values))
        if moved:
            self.session.execute("DELETE FROM marts.periods WHERE last < %(first)s", self.values)
            self.session.execute("DELETE FROM marts.stocks WHERE day < %(opening)s", self.values)
        self.everything = self.everything or moved or bool(self.new_units)
        self._execute("cells_stocks")
        self._execute("cells_stocks_add")
        self._analyze("stocks", "marts.periods", "marts.stocks")
        self._targets()
        self._equipped()
        self._execute(
            "indicators_wanted",
            everything=self.everything,
            kinds=[row["kind"] for row in gone_on],
            starts=[row["start"] for row in gone_on],
        )
        self._analyze("wanted")
        self._execute("indicators_equipment")
        self._execute("indicators_said")
        self._analyze("said")
        replaced = self._execute("indicators_keep")
        if self.everything:
            replaced += self._execute("indicators_outside", declared=list(declared(self.warehouse.home)))
        return self._execute("indicators_add"), replaced

    def _targets(self) -> None:
        if not self.everything:
            return
        # A baseline that the installation set stays.
        self.session.execute("DELETE FROM marts.targets WHERE baseline IS NULL")
        for target in targets(self.warehouse.home):
            self.session.execute(
                "INSERT INTO marts.targets AS t (indicator, unit, target, baseline, note) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (indicator, unit) DO UPDATE SET target = excluded.target, note = excluded.note,"
                " baseline = coalesce(excluded.baseline, t.baseline)",
                [target.indicator, target.unit, target.target, target.baseline, target.note],
            )
        self.seen["aims"] = self._aims()

    def _equipped(self) -> None:
        """What the service points had, and the units and days from which on it differs."""
        self.session.execute("CREATE TEMPORARY TABLE equipped (unit text, day date) ON COMMIT DROP")
        if self._has("core", "diem_phuc_vu"):
            self._execute("indicators_equipped")

    def _note(self, first: date | None) -> None:
        self.session.execute(
            "INSERT INTO marts.indicator_state (agency, horizon, first_day, seen, refreshed_at)"
            " VALUES (%(agency)s, %(horizon)s, %(first)s, %(seen)s, %(moment)s) ON CONFLICT (only_row) DO UPDATE SET"
            " horizon = excluded.horizon, first_day = excluded.first_day, seen = excluded.seen,"
            " refreshed_at = excluded.refreshed_at",
            {**self.values, "first": first, "seen": Jsonb(self.seen)},
        )

    def _statement(self, name: str) -> sql.Composed:
        return statement(self.warehouse.home, f"marts/{name}", **parts.of(name, self.warehouse.home))

    def _execute(self, name: str, **values: Any) -> int:
        return self.session.execute(self._statement(name), {**self.values, **values}).rowcount

    def _count(self, table: str) -> int:
        self._analyze(table)
        row = one(self.session, sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(table)))
        found: int = row["n"]
        return found

    def _analyze(self, *tables: str) -> None:
        for name in tables:
            self.session.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*name.split("."))))

    def _has(self, schema: str, table: str) -> bool:
        return bool(one(self.session, "SELECT to_regclass(%s) IS NOT NULL AS there", [f"{schema}.{table}"])["there"])
