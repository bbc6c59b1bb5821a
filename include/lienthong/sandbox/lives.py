"""How a dossier lives: the steps it will go through and when, all of them in working time and in lawful order.

A life has nine places: submitted, accepted or refused, with the specialist, supplement asked, delivered or deadline
missed, fee asked, fee paid, finished (or withdrawn, or stopped), handed over. A dossier uses some of them; the others
hold ``NEVER``. Each step lies at least a minute of working time after the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np
from numpy.typing import NDArray

from lienthong.sandbox.calendar_vn import HOUR, WorkingTime
from lienthong.sandbox.noise import Bools, Floats, Ids, Ints, share, spread, waiting

SUBMITTED, ACCEPTED, HANDED_ON, SUPPLEMENT, DELIVERED, FEE, PAID, FINISHED, RETURNED = range(9)
PLACES = 9
NEVER = np.iinfo(np.int64).max
CUTOFF = time(15)  # "the same day, or the next working day when received after 15:00"
ENDINGS = (3, 7, 8, 9, 10)
_USUAL = (1, 2, 4, 5, 4, 6, 4, 9, 10)
_WORKDAY = 8 * HOUR


@dataclass(frozen=True, slots=True)
class Pace:
    """How often lives leave the straight road; shares of the dossiers that could."""

    late: tuple[float, float] = (0.02087, 0.01426)
    """Finished after the hour of the appointment, most of them after its day: provincial bodies, communes."""
    supplement: tuple[float, float] = (0.05, 0.03)
    """Asked for a supplement: provincial bodies, communes."""
    missed: float = 0.03
    """Supplement requests that nobody answers before the deadline."""
    fee: float = 0.04
    withdrawn: float = 0.006
    stopped: float = 0.003
    refused: float = 0.015
    """Online dossiers that the desk does not accept."""


@dataclass(frozen=True, slots=True)
class Lives:
    """Steps of many dossiers, by dossier and place, with the appointment after a supplement."""

    times: Ints
    statuses: NDArray[np.int8]
    due_after: Ints


def appointments(calendar: WorkingTime, received: Ints, amount: Floats, unit: NDArray[np.int8]) -> Ints:
    """The due date of each reception; without a processing time it is the close of the day, or of the next."""
    promised = calendar.due(received, amount, unit)
    return np.where(amount > 0, promised, calendar.same_day(received, CUTOFF))


def live(
    calendar: WorkingTime, pace: Pace, ids: Ids, commune: Bools, online: Bools, fee: Ints, received: Ints, due: Ints
) -> Lives:
    """The life of each dossier: a function of its id, its level, its channel and its two dates."""
    begin = calendar.elapsed(calendar.start(received))
    end = calendar.elapsed(due)
    room = np.maximum(end - begin, HOUR)
    accepted = begin + online * (60 + np.minimum(waiting(ids, "accept", 35 * 60), 0.12 * room).astype(np.int64))
    passed = accepted + 60 + np.minimum(spread(ids, "hand on", 300, 5400), 0.1 * room).astype(np.int64)

    long = room > 2 * _WORKDAY
    asks = long & (share(ids, "supplement") < np.where(commune, pace.supplement[1], pace.supplement[0]))
    missed = asks & (share(ids, "missed") < pace.missed)
    asked = passed + (spread(ids, "asked at", 0.1, 0.4) * (end - passed)).astype(np.int64)
    delivered = asked + _pause(ids, missed)
    moved = calendar.extended(due, calendar.at(asked), calendar.at(delivered))
    due_after = np.where(asks & ~missed, moved, due)
    resumed = np.where(asks, delivered, passed)
    late = share(ids, "late") < np.where(commune, pace.late[1], pace.late[0])
    work = _work(ids, np.maximum(calendar.elapsed(due_after) - resumed, HOUR), late)

    broken = share(ids, "broken")
    withdrawn, stopped = broken < pace.withdrawn, broken > 1 - pace.stopped
    refused = online & (share(ids, "refused") < pace.refused)
    open_road = ~refused & ~missed
    straight = (room <= _WORKDAY) & (share(ids, "straight") < 0.5)  # done at the desk, without a specialist
    pays = open_road & long & (fee > 0) & (share(ids, "fee asked") < pace.fee)
    whole = ~(withdrawn | stopped)
    steps = (
        (ACCEPTED, accepted, np.ones_like(online)),
        (HANDED_ON, passed, ~refused & ~straight),
        (SUPPLEMENT, asked, asks & ~refused),
        (DELIVERED, delivered, asks & ~refused),
        (FEE, resumed + work * 3 // 10, pays),
        (PAID, resumed + work * 6 // 10, pays),
        (FINISHED, resumed + np.where(whole, work, work * 8 // 10), open_road),
        (RETURNED, resumed + work + _handover(ids), open_road & whole),
    )
    times = np.full((len(ids), PLACES), NEVER)
    for place, elapsed, taken in steps:
        times[taken, place] = calendar.at(elapsed[taken])
    times[online, SUBMITTED] = received[online]
    times[~online, ACCEPTED] = received[~online]
    statuses = np.tile(np.array(_USUAL, np.int8), (len(ids), 1))
    for place, taken, status in (
        (ACCEPTED, refused, 3), (DELIVERED, missed, 3), (FINISHED, stopped, 8), (FINISHED, withdrawn, 7),
    ):  # fmt: skip
        statuses[taken, place] = status
    return Lives(times, statuses, due_after)


def ended_at(times: Ints, statuses: NDArray[np.int8]) -> Ints:
    """The moment of the first closing step of each dossier, ``NEVER`` when it has none."""
    found: Ints = np.where(np.isin(statuses, ENDINGS), times, NEVER).min(axis=1)
    return found


def place_before(times: Ints, limit: int) -> Ints:
    """The place of the last step of each dossier before ``limit``; -1 when it has none yet."""
    found: Ints = np.where(times < limit, np.arange(PLACES), -1).max(axis=1)
    return found


def _pause(ids: Ids, missed: Bools) -> Ints:
    """Working seconds from the request of a supplement to its delivery, or to the refusal when none comes."""
    delivery = np.minimum(HOUR + waiting(ids, "delivery", 2.5 * _WORKDAY), 15 * _WORKDAY)
    return np.where(missed, spread(ids, "deadline", 22, 32) * _WORKDAY, delivery).astype(np.int64)


def _work(ids: Ids, room: Ints, late: Bools) -> Ints:
    """Working seconds until the result, of the ``room`` that is left: most of it, or more when late."""
    used = (0.2 + 0.78 * share(ids, "work") ** 0.6) * room
    over = room + HOUR + waiting(ids, "over", 2 * _WORKDAY)
    return np.where(late, over, used).astype(np.int64)


def _handover(ids: Ids) -> Ints:
    """Working seconds until the result is fetched: within the hour, or some days later."""
    at_once = share(ids, "at once") < 0.8
    waits = np.where(at_once, spread(ids, "counter", 60, HOUR), waiting(ids, "fetched", 1.2 * _WORKDAY))
    return 120 + waits.astype(np.int64)
