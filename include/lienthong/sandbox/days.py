"""The rows that changed on one day, in all 116 units, with everything that was planted in them.

A unit's table is kept by day: a dossier that changed on three days has three rows, each the state at the end of its
day. So the rows of a day never depend on the days that were made before or after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from lienthong.sandbox import faults, spoil
from lienthong.sandbox.calendar_vn import DAY, HOUR, day_number
from lienthong.sandbox.columns import TABLES
from lienthong.sandbox.dossiers import Arrivals, Dossiers
from lienthong.sandbox.faults import KINDS, NONE, STEP_KINDS, Kind, Plan, Planner
from lienthong.sandbox.lives import HANDED_ON, NEVER, RETURNED
from lienthong.sandbox.noise import Bools, Ints, mixed, spread
from lienthong.sandbox.rows import Columns, Writer
from lienthong.sandbox.truth import Planted
from lienthong.sandbox.units import Unit

LATE_AFTER_DAYS = 10
_LATE_CHANGES = 3  # on an ordinary day
_STEPS_OF_ORDINARY_DAY = 2_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one dataset, sorted by unit; ``unit`` holds the place of each row's unit among the 116."""

    columns: Columns
    unit: Ints

    def of(self, unit: int) -> Columns:
        """The rows of one unit."""
        start, end = np.searchsorted(self.unit, [unit, unit + 1])
        return {name: values[start:end] for name, values in self.columns.items()}

    def __len__(self) -> int:
        return len(self.unit)


@dataclass(frozen=True, slots=True)
class Day:
    """What one day brings: the two tables and the truth about them."""

    day: date
    ho_so: Rows
    tien_trinh: Rows
    planted: tuple[Planted, ...]

    def rows(self, name: str) -> Rows:
        """The rows of a dataset by its name."""
        found: Rows = getattr(self, name)
        return found


class Days:
    """Makes the rows of any day from the dossiers received up to it, which it keeps in memory."""

    def __init__(
        self, arrivals: Arrivals, planner: Planner, writer: Writer, corrected: Mapping[int, int] | None = None
    ) -> None:
        """``corrected``: units, by place, that correct all their earlier faults on a day, by number."""
        self._arrivals, self._planner, self._writer = arrivals, planner, writer
        self._corrected = corrected or {}
        months = sorted(arrivals.habits.monthly)
        self._next = date.fromisoformat(f"{months[0]}-01") if months else date.max
        self._end = date.fromisoformat(f"{months[-1]}-28") + timedelta(days=4) if months else date.max
        self._parts: list[tuple[Dossiers, Plan]] = []
        self._pool: tuple[Dossiers, Plan] | None = None

    def upto(self, day: date) -> tuple[Dossiers, Plan]:
        """All dossiers received until ``day``, or longer, with the plan of their faults."""
        while self._next <= min(day, self._end):
            received = self._arrivals.on(self._next)
            self._parts.append((received, self._planner.plan(received, day_number(self._next))))
            self._next, self._pool = self._next + timedelta(days=1), None
        if self._pool is None:
            parts = self._parts or [(self._arrivals.on(day), Plan.clean(0))]
            dossiers = Dossiers.together([dossiers for dossiers, _ in parts])
            self._pool = dossiers, self._with_corrections(dossiers, Plan.together([plan for _, plan in parts]))
        return self._pool

    def _with_corrections(self, dossiers: Dossiers, plan: Plan) -> Plan:
        """The plan as it is when whole units have corrected what was rejected of theirs."""
        rejected = np.array([one.rejected for one in KINDS] + [False])[plan.kind]
        for unit, number in self._corrected.items():
            due = rejected & (dossiers.unit == unit) & (dossiers.received < number * DAY) & (plan.mended_on > number)
            plan.mended_on[due] = number
        return plan

    def _moved(self, dossiers: Dossiers, plan: Plan, number: int) -> Bools:
        """Dossiers whose unit has corrected them on a later day: the source holds that newer row, and no older."""
        found = np.zeros(len(dossiers), bool)
        for unit, later in self._corrected.items():
            if number < later:
                found |= (dossiers.unit == unit) & (plan.mended_on == later) & (plan.kind != NONE)
        return found

    def make(self, day: date) -> Day:
        """The rows of one day; the same day always gives the same rows."""
        dossiers, plan = self.upto(day)
        number = day_number(day)
        start, limit = number * DAY, (number + 1) * DAY
        moves = (dossiers.times >= start) & (dossiers.times < limit) & (plan.deleted_on > number)[:, None]
        ho_so, planted_headers = self._headers(day, dossiers, plan, moves)
        tien_trinh, planted_steps = self._steps(day, dossiers, plan, moves)
        return Day(day, ho_so, tien_trinh, (*planted_headers, *planted_steps))

    def _headers(self, day: date, dossiers: Dossiers, plan: Plan, moves: Bools) -> tuple[Rows, list[Planted]]:
        number = day_number(day)
        mended = plan.mended_on == number
        late = self._late(dossiers, plan, number)
        moves = moves & ~self._moved(dossiers, plan, number)[:, None]
        faulty = (plan.kind != NONE) & (plan.mended_on > number)
        twice = faulty & (plan.kind == faults.DUPLICATE)
        twice &= moves.any(axis=1)
        chosen, changed, again = _changes(number, dossiers, moves, mended | late, twice)
        picked = dossiers.take(chosen)
        rows = Rows(self._writer.headers(picked, (number + 1) * DAY, changed), picked.unit)
        planted = []
        for place in np.flatnonzero((faulty | mended | late)[chosen]):
            dossier = chosen[place]
            row = self._row(rows, int(place), picked)
            if late[dossier]:
                spoil.late_change(row)
                planted.append(_planted(day, "ho_so", row, faults.LATE_CHANGE))
            elif mended[dossier]:
                kind = KINDS[plan.kind[dossier]]
                reason = {"exception": f"mended: {kind.name} of an earlier day"}
                planted.append(_planted(day, "ho_so", row, kind, fault="mended", expected=reason))
            else:
                planted += self._spoil(day, row, KINDS[plan.kind[dossier]], second=bool(again[place]))
        planted += self._deleted(day, dossiers, plan)
        return rows, planted

    def _spoil(self, day: date, row: spoil.Row, kind: Kind, second: bool) -> Iterator[Planted]:
        if kind is KINDS[faults.DUPLICATE] and not second:
            return  # the row that came first stays as it is
        if kind is KINDS[faults.JUMP] or kind is KINDS[faults.DELETED]:
            return  # these show in the steps, or on another day
        spoil.HEADERS[kind.name](row)
        yield _planted(day, "ho_so", row, kind)

    def _deleted(self, day: date, dossiers: Dossiers, plan: Plan) -> Iterator[Planted]:
        places = np.flatnonzero(plan.deleted_on == day_number(day))
        codes = self._writer.codes(dossiers.take(places))
        for place, code in zip(places, codes, strict=True):
            source = self._writer.units[dossiers.unit[place]].code
            kind = KINDS[faults.DELETED]
            yield Planted(str(day), kind.name, "ho_so", source, code, kind.columns, _expected(kind))

    def _steps(self, day: date, dossiers: Dossiers, plan: Plan, moves: Bools) -> tuple[Rows, list[Planted]]:
        number = day_number(day)
        dossier, place = np.nonzero(moves)
        spoilt = self._spoilt_steps(number, dossiers, plan, dossier, place)
        kinds = np.repeat(np.arange(len(STEP_KINDS)), [len(places) for places in spoilt])
        extra = np.concatenate([np.full(len(dossier), NONE), kinds])
        source = np.concatenate([np.arange(len(dossier)), *spoilt])
        dossier, place = dossier[source], place[source]
        order = np.lexsort(
            (extra, place, dossiers.ids[dossier], dossiers.times[dossier, place], dossiers.unit[dossier])
        )
        dossier, place, extra = dossier[order], place[order], extra[order]
        picked = dossiers.take(dossier)
        rows = Rows(self._writer.steps(picked, place), picked.unit)
        kind = plan.kind[dossier]
        waits = np.array([one.rejected for one in KINDS] + [False])[kind] & (plan.mended_on[dossier] > number)
        waits &= ~self._moved(dossiers, plan, number)[dossier]
        jumps = (kind == faults.JUMP) & (place == RETURNED)
        planted = []
        for at in np.flatnonzero(waits | jumps | (extra != NONE)):
            row = self._row(rows, int(at), picked)
            if extra[at] != NONE:
                spoil.STEPS[STEP_KINDS[extra[at]].name](row)
                planted.append(_planted(day, "tien_trinh", row, STEP_KINDS[extra[at]]))
            elif jumps[at]:
                planted.append(_planted(day, "tien_trinh", row, KINDS[faults.JUMP]))
            else:
                planted.append(self._waiting(day, row, KINDS[kind[at]]))
        return rows, planted

    def _waiting(self, day: date, row: spoil.Row, kind: Kind) -> Planted:
        if kind.name == "code_of_other_unit":  # the wrong code was printed on everything
            spoil.HEADERS[kind.name](row)
        expected = {"waits_for": row["ma_ho_so"]}
        return _planted(day, "tien_trinh", row, kind, fault="waits_for_dossier", expected=expected)

    def _spoilt_steps(self, number: int, dossiers: Dossiers, plan: Plan, dossier: Ints, place: Ints) -> list[Ints]:
        """For each kind of step fault, the steps of which a spoilt copy is added."""
        each = 1 + len(dossier) // 15_000 if len(dossier) >= _STEPS_OF_ORDINARY_DAY else 0
        shown = dossiers.unit[dossier] == self._planner.show_unit
        able = np.flatnonzero((place == HANDED_ON) & (plan.kind[dossier] == NONE) & ~shown)
        rank = mixed(dossiers.ids[dossier[able]], f"spoilt step of day {number}")
        chosen = able[np.argsort(rank)[: each * len(STEP_KINDS)]]
        gone = [unit for unit, later in self._corrected.items() if number < later]
        kinds = [chosen[n * each : (n + 1) * each] for n in range(len(STEP_KINDS))]
        return [places[~np.isin(dossiers.unit[dossier[places]], gone)] for places in kinds]

    def _late(self, dossiers: Dossiers, plan: Plan, number: int) -> Bools:
        """Which dossiers, closed long ago, are corrected on this day."""
        found = np.zeros(len(dossiers), bool)
        if not bool(self._arrivals.calendar.works(number)):
            return found
        last = np.where(dossiers.times < NEVER, dossiers.times, 0).max(axis=1)
        old = np.flatnonzero((last < (number - LATE_AFTER_DAYS) * DAY) & (plan.kind == NONE))
        rank = mixed(dossiers.ids[old], f"late change of day {number}")
        found[old[np.argsort(rank)[:_LATE_CHANGES]]] = True
        return found

    def _row(self, rows: Rows, place: int, picked: Dossiers) -> spoil.Row:
        units: tuple[Unit, ...] = self._writer.units
        unit, chance = int(picked.unit[place]), int(mixed(picked.ids[place : place + 1], "spoilt how")[0])
        other = units[(unit + 1 + chance // 7 % (len(units) - 1)) % len(units)]
        return spoil.Row(rows.columns, place, units[unit], other, chance)


def _changes(number: int, dossiers: Dossiers, moves: Bools, by_hand: Bools, twice: Bools) -> tuple[Ints, Ints, Bools]:
    """The dossiers with a row on the day, the time of each row, and whether it is the second of its dossier."""
    chosen = np.flatnonzero(moves.any(axis=1) | by_hand)
    again = np.repeat([False, True], [len(chosen), int(twice[chosen].sum())])
    chosen = np.concatenate([chosen, chosen[twice[chosen]]])
    ids = dossiers.ids[chosen]
    stepped = np.where(moves[chosen], dossiers.times[chosen], 0).max(axis=1)
    edited = number * DAY + spread(ids, "by hand", 8 * HOUR, 11 * HOUR).astype(np.int64)
    changed = np.where(by_hand[chosen], np.maximum(stepped, edited), stepped) + again
    order = np.lexsort((again, ids, changed, dossiers.unit[chosen]))
    return chosen[order], changed[order], again[order]


def _planted(
    day: date, dataset: str, row: spoil.Row, kind: Kind, *, fault: str = "", expected: dict[str, str] | None = None
) -> Planted:
    key = next(table.key for table in TABLES if table.name == dataset)
    columns = kind.columns if fault != "waits_for_dossier" else ("ma_ho_so",)
    return Planted(
        str(day), fault or kind.name, dataset, row.unit.code, row.key(key), columns, expected or _expected(kind)
    )


def _expected(kind: Kind) -> dict[str, str]:
    if kind.rule:
        return {"rule": kind.rule}
    return {"exception": kind.exception, "warns": kind.warns} if kind.warns else {"exception": kind.exception}
