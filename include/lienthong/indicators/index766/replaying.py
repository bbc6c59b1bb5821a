"""What the counters will be at the period's end is replayed from days that are old enough to tell.

Dossiers open today end as earlier ones did that stood as near their limit. Each day to come is a past day of its kind,
looked at as old as its dossiers will be; only past days of that age are drawn, up to the age at which days hardly
change any more. Each draw has a past of a few blocks of neighbouring days: a bad month stays a bad month, and a short
past leaves more doubt than a long one. Where the past is too short to show an age, the draws spread over everything
that could be, and the share is told; where that is most of the period, nothing is forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from lienthong.errors import NeedsPerson
from lienthong.indicators.index766.cohorts import COUNTERS, FAR, ON_END, Cohorts, Course, Floats, Ints
from lienthong.indicators.index766.periods import Period
from lienthong.rules.calendar import works

HISTORY = 84
"""Days of the past that are drawn from, besides as many as are left."""
FEWEST = 4
"""Days of one kind below which days of other kinds are drawn from too."""
DONORS = 14
"""Days that must be old enough for an age to be looked at."""
SETTLED = 0.005
"""Share of the dossiers of a day that may still end after the age from which on the day counts as settled."""
MOST_UNKNOWN = 0.5
"""Share of the period's dossiers of which the past says nothing, above which there is no forecast."""
BLOCK = 28
"""Days that are drawn together: what is bad stays so for weeks."""
LINES = 200
DRAWS = 1000
SEED = 766


@dataclass(frozen=True, slots=True)
class Replayed:
    """Draws of what the counters will have more or less, in the order of ``COUNTERS``; ``unknown``: the share of the
    period's dossiers whose end the past cannot show, ``days``: how far back the past goes."""

    changes: Ints
    unknown: float = 0.0
    days: int = 0


def replay(cohorts: Cohorts, period: Period, stands: date, *, draws: int = DRAWS) -> Replayed:
    """Draws of the changes until the period's end, refused when the past says too little."""
    today, last = stands.toordinal(), period.last.toordinal()
    if today >= last:
        return Replayed(np.zeros((0, len(COUNTERS)), np.int64))
    if not len(cohorts.received_on):
        raise NeedsPerson(f"Nothing can be forecast for {period}: in the days before {stands} no dossier was received.")
    begun = int(cohorts.received_on.min())
    chance = np.random.default_rng(SEED)
    which = chance.integers(LINES, size=draws)
    # A guess for every draw about what nobody has seen: nothing of it, all of it, or any share.
    guess = chance.random((draws, 2))
    now = cohorts.where((cohorts.received_on >= period.first.toordinal()) & (cohorts.ended_on > today))
    open_, unknown = _open(cohorts, now, today, last, begun, chance, which, guess)
    coming, more = _coming(cohorts, today, last, begun, chance, which, guess)
    here = int(cohorts.counts["received"][cohorts.received_on >= period.first.toordinal()].sum())
    expected = here + float(coming[:, COUNTERS.index("received")].mean())
    share = (unknown + more) / expected if expected else 0.0
    if share > MOST_UNKNOWN:
        raise NeedsPerson(
            f"Nothing can be forecast for {period}: the records begin {today - begun + 1} days before {stands}, and"
            f" {share:.0%} of the period's dossiers will be older at its end than any that were seen from their"
            " reception on. Ask again later, or for a shorter period."
        )
    return Replayed(open_ + coming, share, today - begun + 1)


def _weights(chance: np.random.Generator, days: int, ahead: float) -> Floats:
    """How often each past day counts, one line a drawn past: blocks of neighbouring days, with replacement.

    As few blocks as give the mean of ``ahead`` days to come its doubt: that of those days themselves, and that of the
    past, of which few blocks say little (two are taken off for that)."""
    length = max(1, min(BLOCK, days // 3))
    blocks = 1 / (length / max(ahead, 1) + 1 / max(days / length - 2, 1))
    starts = chance.integers(0, days, size=(LINES, max(1, round(blocks))))
    found = np.zeros((LINES, days))
    lines = np.arange(LINES)[:, None]
    for step in range(length):
        # Around the corner, so that no day is drawn less often for standing at an end.
        np.add.at(found, (lines, (starts + step) % days), 1.0)
    return found


def _open(
    cohorts: Cohorts, now: Cohorts, today: int, last: int, begun: int, chance: np.random.Generator, which: Ints,
    guess: Floats,
) -> tuple[Ints, float]:  # fmt: skip
    """What becomes of the dossiers of the period that are open today, and how many of them nobody can tell."""
    found = np.zeros((len(which), len(COUNTERS)), np.int64)
    count = now.counts["received"]
    stock = int(count.sum())
    if not stock:
        return found, 0.0
    by_day = np.bincount(now.received_on - begun, count)
    days = stock**2 / float((by_day**2).sum())
    course = Course.of(cohorts, today, begun, _weights(chance, today - begun + 1, days))
    at_stake = (now.due_on > today) & (now.due_on <= last)
    keys, inverse = np.unique(np.stack([now.clock(today), at_stake]), axis=1, return_inverse=True)
    dossiers = np.bincount(inverse.ravel(), count, keys.shape[1])
    lost, gained, unsure, blind = course.ahead(keys[0], last - today, keys[1].astype(bool))
    due = float(dossiers[keys[1] == 1].sum())
    if due:
        share = ((lost @ dossiers)[which] + guess[:, 0] * (unsure @ dossiers)[which]) / due
        found[:, COUNTERS.index("on_time")] = -chance.binomial(round(due), np.clip(share, 0, 1))
    yields = _yields(cohorts, today)
    shares = (gained @ dossiers)[:, which].T + (guess[:, 1] * (blind @ dossiers)[which])[:, None] * yields
    found[:, 1 : 1 + len(ON_END)] = _together(chance, stock, np.clip(shares / stock, 0, 1))
    return found, float((blind @ dossiers).mean())


def _together(chance: np.random.Generator, stock: int, shares: Floats) -> Ints:
    """Numbers of dossiers with each of several properties that are drawn as one: who has a rarer one has the more
    frequent ones too, as a dossier with a digitised result has a result."""
    order = np.argsort(-shares, axis=1)
    ranked = np.take_along_axis(shares, order, axis=1)
    drawn = np.zeros(shares.shape, np.int64)
    having, before = np.full(len(shares), stock, np.int64), np.ones(len(shares))
    for place in range(shares.shape[1]):
        share = np.divide(ranked[:, place], before, out=np.zeros(len(shares)), where=before > 0)
        having, before = chance.binomial(having, np.clip(share, 0, 1)), ranked[:, place]
        np.put_along_axis(drawn, order[:, place : place + 1], having[:, None], axis=1)
    return drawn


def _yields(cohorts: Cohorts, today: int) -> Floats:
    """What an ended dossier adds to each of ``ON_END``, in the mean."""
    over = cohorts.ended_on <= today
    ended = int(cohorts.counts["received"][over].sum())
    return np.array([float(cohorts.counts[name][over].sum()) / max(ended, 1) for name in ON_END])


def _coming(
    cohorts: Cohorts, today: int, last: int, begun: int, chance: np.random.Generator, which: Ints, guess: Floats
) -> tuple[Ints, float]:
    """What the dossiers of the days that are left will add, and how many of them will be older than any seen."""
    found = np.zeros((len(which), len(COUNTERS)), np.int64)
    oldest = max(today - begun - DONORS + 1, 0)
    settled = _settled(cohorts, today, oldest)
    donors = list(range(begun, today - min(settled, last - today - 1) + 1))
    weights = _weights(chance, len(donors), last - today) + 0.001
    past = {day: cohorts.where(cohorts.received_on == day) for day in donors}
    alike = {kind: _like(kind, donors) for kind in {_kind(day) for day in range(today + 1, last + 1)}}
    cumulated = {kind: np.cumsum(weights[:, np.array(like) - begun], axis=1)[which] for kind, like in alike.items()}
    stood: dict[tuple[int, int], Ints] = {}
    late, rest = np.zeros(len(which), np.int64), np.zeros(len(which), np.int64)
    for day in range(today + 1, last + 1):
        age = last - day
        look = min(age, settled)
        like, upto = alike[_kind(day)], cumulated[_kind(day)]
        spot = chance.random(len(which)) * upto[:, -1]
        chosen = np.minimum((spot[:, None] > upto).sum(axis=1), len(like) - 1)
        for one in like:
            if (one, look) not in stood:
                stood[one, look] = past[one].standing(one + look)
        found += np.array([stood[one, look] for one in like])[chosen]
        if look == oldest and age > look:
            # The past shows no day of this age: what was still open then may end in any way.
            rest += np.array([_open_at(past[one], one + look) for one in like])[chosen]
            late += np.array([_falls_due(past[one], one + look, one + age) for one in like])[chosen]
    found[:, COUNTERS.index("on_time")] -= np.rint(guess[:, 0] * late).astype(np.int64)
    more = np.rint((guess[:, 1] * rest)[:, None] * _yields(cohorts, today)).astype(np.int64)
    found[:, 1 : 1 + len(ON_END)] += more
    return found, float(rest.mean())


def _open_at(day: Cohorts, seen: int) -> int:
    """Dossiers of a day that are open at the end of another."""
    return int(day.counts["received"][day.ended_on > seen].sum())


def _falls_due(day: Cohorts, seen: int, end: int) -> int:
    """Dossiers of a day that are open and within time when last seen, and due before the end."""
    chosen = (day.ended_on > seen) & (day.due_on > seen) & (day.due_on <= end) & (day.due_on < FAR)
    return int(day.counts["received"][chosen].sum())


def _settled(cohorts: Cohorts, today: int, oldest: int) -> int:
    """The age from which on at most ``SETTLED`` of a day's dossiers still end, as far as the past shows; the oldest
    that can be looked at where that is less than the limits of nearly all dossiers."""
    count, over = cohorts.counts["received"], cohorts.ended_on <= today
    age = np.maximum(np.where(over, cohorts.ended_on, today) - cohorts.received_on, 0)
    size = max(int(age.max()), oldest) + 2
    ended, left = np.bincount(age[over], count[over], size), np.bincount(age, count, size)
    risk = np.cumsum(left[::-1])[::-1]
    still = np.cumprod(1 - np.divide(ended, risk, out=np.zeros(size), where=risk > 0))[: oldest + 1]
    limited = cohorts.due_on < FAR
    longer = count[limited & (cohorts.due_on - cohorts.received_on > oldest)].sum()
    if longer > 0.01 * count[limited].sum():
        return oldest
    return int(np.argmax(still <= still[-1] + SETTLED))


@cache
def _kind(day: int) -> int:
    """The weekday of a working day, 7 for a day off."""
    when = date.fromordinal(day)
    return when.weekday() if works(when) else 7


def _like(kind: int, past: list[int]) -> list[int]:
    """Past days of the kind; where there are too few, of all working days or all days off; else any."""
    same = [one for one in past if _kind(one) == kind]
    if len(same) >= FEWEST:
        return same
    return [one for one in past if (_kind(one) == 7) == (kind == 7)] or past
