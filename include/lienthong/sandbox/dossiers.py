"""The dossiers received on one day: a pure function of the seed, the catalogue and the day.

How many, by which unit, for what, through which channel, when: numbers only. Names and texts are made by ``rows``,
and only for the rows that somebody asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from lienthong.sandbox.calendar_vn import DAY, HOUR, WorkingTime, day_number
from lienthong.sandbox.lives import Pace, appointments, ended_at, live
from lienthong.sandbox.noise import Bools, Floats, Ids, Ints, mixed, pick, salt, share, spread, weighted
from lienthong.sandbox.people import CITIZEN
from lienthong.sandbox.procedures import DIRECT, ONLINE, POST, Procedures, demand
from lienthong.sandbox.units import Unit

_MINUTE = 60
_WEEKDAYS = (1.12, 1.04, 1.0, 0.98, 0.94, 0.06, 0.015)  # Saturday and Sunday: online only
_HOLIDAY = 0.01
_AFTER_BREAK = 1.15
_OWNER_MIX = np.array([0.90, 0.07, 0.01, 0.02])


@dataclass(frozen=True, slots=True)
class Habits:
    """What the province does; every figure can be changed, the defaults are calibrated on the published ones."""

    monthly: Mapping[str, int] = field(
        default_factory=lambda: {"2025-07": 112_000, "2025-08": 106_000, "2025-09": 102_000}
    )
    """Dossiers received in each month; a month that is not named receives none."""
    provincial: float = 0.36404
    """Share of the provincial bodies in all dossiers."""
    still_open: tuple[float, float] = (0.21524, 0.09389)
    """Share not resolved at the end of a window of two months: provincial bodies, communes."""
    online: tuple[float, float] = (0.46, 0.36)
    """Share of online dossiers: provincial bodies, communes."""
    post: float = 0.03
    unknown_channel: float = 0.04
    """Dossiers handed in directly of which nobody noted the channel."""
    pace: Pace = field(default_factory=Pace)


@dataclass(slots=True)
class Dossiers:
    """Arrays with one place a dossier; ``times`` and ``statuses`` have a second axis, the places of a life."""

    ids: Ids
    unit: Ints
    serial: Ints
    procedure: Ints
    channel: Ints
    owner: Ints
    submitted: Ints
    received: Ints
    due: Ints
    due_after: Ints
    ended: Ints
    fee: Ints
    times: Ints
    statuses: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: Ints | Bools) -> Dossiers:
        """The dossiers at these places, in this order."""
        return Dossiers(**{f.name: getattr(self, f.name)[places] for f in fields(self)})

    @staticmethod
    def together(parts: Sequence[Dossiers]) -> Dossiers:
        """All dossiers of several collections, one collection after the other."""
        return Dossiers(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Dossiers)})


class Arrivals:
    """Makes the dossiers of any day. The same day always gives the same dossiers."""

    def __init__(
        self, seed: int, procedures: Procedures, units: Sequence[Unit], calendar: WorkingTime, habits: Habits
    ) -> None:
        self.procedures, self.calendar, self.habits = procedures, calendar, habits
        self._seed = salt(f"seed {seed}")
        self._commune = np.array([bool(unit.commune) for unit in units])
        sizes = np.array([unit.size for unit in units], dtype=float)
        levels = (habits.provincial, 1 - habits.provincial)
        for level, total in ((~self._commune, levels[0]), (self._commune, levels[1])):
            sizes[level] *= total / max(sizes[level].sum(), 1)
        self._sizes = sizes
        shares = np.cumsum(demand(procedures, units, habits.still_open), axis=1)
        # One search for all units: the weights of unit n lie between n and n + 1.
        self._demand = (shares / shares[:, -1:] + np.arange(len(units))[:, None]).ravel()

    def expected(self, day: date) -> float:
        """Dossiers to be received on ``day`` over all units, before chance."""
        month = [day.replace(day=1) + timedelta(n) for n in range(31)]
        weights = {d: self._weight(d) for d in month if d.month == day.month}
        return self.habits.monthly.get(f"{day:%Y-%m}", 0) * weights[day] / sum(weights.values())

    def on(self, day: date) -> Dossiers:
        """The dossiers received on ``day``, by unit and then by time of reception."""
        number = day_number(day)
        working = bool(self.calendar.works(number))
        unit = self._units(day, number)
        ids = mixed(np.arange(len(unit), dtype=np.uint64) + np.uint64(number << 24) ^ self._seed, "dossier")
        procedure = self._asked(ids, unit)
        channel = self._channels(ids, unit, procedure, working)
        if not working:  # the desks are closed: only what can be handed in online comes
            kept = channel == ONLINE
            ids, unit, procedure, channel = ids[kept], unit[kept], procedure[kept], channel[kept]
        received, submitted = _moments(ids, channel, number, working)
        order = np.lexsort((ids, received, unit))
        ids, unit, procedure, channel = ids[order], unit[order], procedure[order], channel[order]
        return self._with_lives(ids, unit, procedure, channel, received[order], submitted[order])

    def _with_lives(
        self, ids: Ids, unit: Ints, procedure: Ints, channel: Ints, received: Ints, submitted: Ints
    ) -> Dossiers:
        terms = self.procedures
        case = (share(ids, "case") < 0.08).astype(np.int64)
        where = (procedure, channel - 1)
        due = appointments(self.calendar, received, terms.amount[(*where, case)], terms.unit[(*where, case)])
        fee = terms.fee[where]
        online = channel == ONLINE
        lives = live(self.calendar, self.habits.pace, ids, self._commune[unit], online, fee, received, due)
        direct = channel == DIRECT
        unknown = direct & (share(ids, "channel noted") < self.habits.unknown_channel)
        return Dossiers(
            ids=ids,
            unit=unit,
            serial=_serials(unit),
            procedure=procedure,
            channel=np.where(unknown, 0, channel),
            owner=self._owners(ids, procedure),
            submitted=submitted,
            received=received,
            due=due,
            due_after=lives.due_after,
            ended=ended_at(lives.times, lives.statuses),
            fee=fee,
            times=lives.times,
            statuses=lives.statuses,
        )

    def _units(self, day: date, number: int) -> Ints:
        places = np.arange(len(self._sizes), dtype=np.uint64) + np.uint64(number << 24) ^ self._seed
        chance = spread(places, "busy", 0.85, 1.15) * self.expected(day) * self._sizes
        counts = np.floor(chance + share(places, "rounding")).astype(np.int64)
        return np.repeat(np.arange(len(counts)), counts)

    def _asked(self, ids: Ids, unit: Ints) -> Ints:
        width = len(self.procedures.codes)
        place: Ints = np.searchsorted(self._demand, unit + share(ids, "procedure"), side="right").astype(np.int64)
        within: Ints = place - unit * width
        return np.clip(within, 0, width - 1)

    def _channels(self, ids: Ids, unit: Ints, procedure: Ints, working: bool) -> Ints:
        offered = self.procedures.offered[procedure]
        wish = share(ids, "channel")
        online = np.where(self._commune[unit], self.habits.online[1], self.habits.online[0])
        if not working:
            online = np.ones_like(online)
        # A share is meant of all dossiers, so who may use the channel uses it more often.
        possible = max(float(offered[:, ONLINE - 1].mean()), 0.1) if len(offered) else 1.0
        channel = np.where(wish < online / possible, ONLINE, np.where(wish > 1 - self.habits.post, POST, DIRECT))
        places = np.arange(len(ids))
        return np.where(offered[places, channel - 1], channel, DIRECT)

    def _owners(self, ids: Ids, procedure: Ints) -> Ints:
        chances = np.cumsum(self.procedures.owners[procedure] * _OWNER_MIX, axis=1)
        drawn = share(ids, "owner kind")[:, None] * chances[:, -1:]
        found: Ints = (drawn >= chances).sum(axis=1) + CITIZEN
        return np.minimum(found, len(_OWNER_MIX))

    def _weight(self, day: date) -> float:
        number = day_number(day)
        if not bool(self.calendar.works(number)):
            return _HOLIDAY if day.weekday() < 5 else _WEEKDAYS[day.weekday()]
        rested = not self.calendar.works(np.arange(number - 3, number)).any()
        return _WEEKDAYS[min(day.weekday(), 4)] * (_AFTER_BREAK if rested else 1)


def _moments(ids: Ids, channel: Ints, number: int, working: bool) -> tuple[Ints, Ints]:
    """When each dossier was received on the day, and when it was submitted, never later."""
    start = number * DAY
    if not working:
        received = start + spread(ids, "day off", 6.5 * HOUR, 22 * HOUR).astype(np.int64)
        return received, received - spread(ids, "instant", 5, 300).astype(np.int64)
    desk = _desk_hours(ids)
    # Online: at any hour. The system takes an evening's dossier in by itself, a night's one waits for the morning.
    kind = weighted(ids, "online when", np.array([0.72, 0.18, 0.10]))
    evening = spread(ids, "evening", 17.1 * HOUR, 22.5 * HOUR)
    morning = spread(ids, "morning", 7 * HOUR, 8.4 * HOUR)
    online = np.select([kind == 0, kind == 1], [desk, evening], morning)
    received = start + np.where(channel == ONLINE, online, desk).astype(np.int64)
    before = np.select([kind == 0, kind == 1], [spread(ids, "queue", 20, 2400), spread(ids, "instant", 5, 300)], 0)
    night = start + spread(ids, "night", -5.5 * HOUR, 6.5 * HOUR)
    submitted = np.where(kind == 2, night, received - before)
    posted = received - pick(ids, "posted", 3) * DAY - spread(ids, "post", HOUR, 10 * HOUR)
    counter = received - spread(ids, "counter wait", 0, 15 * _MINUTE)
    by_channel = np.select([channel == ONLINE, channel == POST], [submitted, posted], counter)
    return received, by_channel.astype(np.int64)


def _desk_hours(ids: Ids) -> Floats:
    """Seconds after midnight at an open desk: more in the morning, few right before closing."""
    within = share(ids, "hour") ** 0.9
    morning = 7 * HOUR + 3 * _MINUTE + within * 4.4 * HOUR
    afternoon = 13.5 * HOUR + within * 3.45 * HOUR
    return np.where(share(ids, "half") < 0.6, morning, afternoon)


def _serials(unit: Ints) -> Ints:
    """Numbers from 1 within each unit; ``unit`` is sorted."""
    places = np.arange(len(unit))
    fresh = np.ones(len(unit), bool)
    fresh[1:] = unit[1:] != unit[:-1]
    return places - np.maximum.accumulate(np.where(fresh, places, 0)) + 1
