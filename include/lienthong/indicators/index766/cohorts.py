"""Dossiers grouped by their days: what they count for stands for any past day, and how they end for any age.

``Course`` is the development of groups seen so far. Its clock is the days since the due day, or since reception where
nothing is due: what a dossier does next depends on how near its limit is. A young group only says what happens early,
and an old one says everything, so that nothing is concluded from dossiers that had no time yet to be late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

ON_END = ("results_due", "e_results", "digitised", "online_on_end")
"""Counters that a dossier adds to when it has ended; the others it adds to from the day on which it came."""
AT_ONCE = (
    "received", "reused", "synced_personal", "citizen_data", "with_fee", "paid_online", "sync_dossiers",
    "online_at_once",
)  # fmt: skip
COUNTERS = ("on_time", *ON_END, *AT_ONCE)
FAR = np.int64(10**6)
"""A day that never comes."""
REACH = 400
"""Days before and after the limit beyond which a clock says no more."""
POOLED = 2.0
"""Dossiers of the whole past that stand beside those of a few weeks, so that no hazard rests on none."""


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Groups of dossiers with the same days; days are ordinals of the calendar."""

    received_on: Ints
    due_on: Ints
    ended_on: Ints
    late: Flags
    counts: Mapping[str, Ints]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Cohorts:
        """From rows with received_on, due_on, ended_on (dates or None), late, and the counters."""

        def days(name: str) -> Ints:
            return np.array([row[name].toordinal() if row[name] else FAR for row in rows], np.int64)

        return cls(
            days("received_on"), days("due_on"), days("ended_on"), np.array([row["late"] for row in rows], bool),
            {name: np.array([row[name] for row in rows], np.int64) for name in (*ON_END, *AT_ONCE)},
        )  # fmt: skip

    def where(self, chosen: Flags) -> Cohorts:
        """The groups for which it holds."""
        return Cohorts(
            self.received_on[chosen], self.due_on[chosen], self.ended_on[chosen], self.late[chosen],
            {name: values[chosen] for name, values in self.counts.items()},
        )  # fmt: skip

    def in_time(self, day: int) -> Flags:
        """Which groups are on time, or still within time, at the end of the day."""
        return np.where(self.ended_on <= day, ~self.late, self.due_on > day)

    def standing(self, day: int) -> Ints:
        """The counters at the end of the day, in the order of ``COUNTERS``."""
        ended = self.ended_on <= day
        found = [int(self.counts["received"][self.in_time(day)].sum())]
        found += [int(self.counts[name][ended].sum()) for name in ON_END]
        found += [int(self.counts[name].sum()) for name in AT_ONCE]
        return np.array(found, np.int64)

    def clock(self, day: int) -> Ints:
        """Places of the groups' clocks at the end of the day; those with a limit stand before those without."""
        limited = self.due_on < FAR
        since = np.where(limited, day - self.due_on, day - self.received_on)
        return np.clip(since, -REACH, REACH) + REACH + np.where(limited, 0, WIDTH)


WIDTH = 2 * REACH + 1


@dataclass(frozen=True, slots=True)
class Course:
    """Chances by place of the clock, one line for each weighting of the past: to end on that day when open before
    (``ends``), and of those that end to be late and to add to the counters ``ON_END``."""

    ends: Floats
    late: Floats
    gains: Floats
    seen: Flags

    @classmethod
    def of(cls, cohorts: Cohorts, today: int, begun: int, weights: Floats) -> Course:
        """From groups seen until today. ``weights``: one line for each weighting, by day of reception from ``begun``
        on."""
        days, places = weights.shape[1], 2 * WIDTH
        count, when = cohorts.counts["received"], cohorts.received_on - begun
        limited = cohorts.due_on < FAR
        base, anchor = np.where(limited, 0, WIDTH), np.where(limited, cohorts.due_on, cohorts.received_on)
        first = np.clip(cohorts.received_on - anchor, -REACH, REACH) + REACH + base
        last = np.clip(np.minimum(cohorts.ended_on, today) - anchor, -REACH, REACH) + REACH + base
        steps = np.zeros((days, places + 1))
        np.add.at(steps, (when, first), count)
        np.add.at(steps, (when, last + 1), -count)
        risk = np.cumsum(steps, axis=1)[:, :places]
        over = cohorts.ended_on <= today
        names = ("received", *ON_END)
        ended = np.zeros((len(names) + 1, days, places))
        for layer, name in enumerate(names):
            np.add.at(ended[layer], (when[over], last[over]), cohorts.counts[name][over])
        np.add.at(ended[-1], (when[over & cohorts.late], last[over & cohorts.late]), count[over & cohorts.late])
        whole, totals = risk.sum(axis=0), ended.sum(axis=1)
        prior = np.divide(totals[0], whole, out=np.zeros(places), where=whole > 0)
        ends = (weights @ risk, weights @ ended[0])
        hazard = (ends[1] + POOLED * prior) / (ends[0] + POOLED)
        of_ended = [
            (weights @ layer + POOLED * np.divide(total, totals[0], out=np.zeros(places), where=totals[0] > 0))
            / (ends[1] + POOLED)
            for layer, total in zip(ended[1:], totals[1:], strict=True)
        ]
        return cls(hazard, of_ended[-1], np.array(of_ended[:-1]), whole > 0)

    def ahead(self, places: Ints, days: int, at_stake: Flags) -> tuple[Floats, Floats, Floats, Floats]:
        """Of dossiers open at these places: the share lost to lateness where it is ``at_stake``, what they add to
        each of ``ON_END``, and what cannot be said of the two because nobody was ever seen there."""
        lines = self.ends.shape[0]
        alive = np.ones((lines, len(places)))
        lost, blind = np.zeros_like(alive), np.zeros_like(alive)
        gained = np.zeros((len(ON_END), lines, len(places)))
        unsure = np.zeros_like(alive)
        now = places.copy()
        ends = np.where(places < WIDTH, WIDTH, 2 * WIDTH) - 1
        for _ in range(days):
            now = np.minimum(now + 1, ends)
            unseen = ~self.seen[now]
            blind[:, unseen] += alive[:, unseen]
            alive[:, unseen] = 0
            out = alive * self.ends[:, now]
            lost += out * self.late[:, now] * (now <= REACH)
            gained += out * self.gains[:, :, now]
            alive -= out
            # Open at the end of its last day: late, whatever comes.
            limit = now == REACH
            lost[:, limit] += alive[:, limit]
            unsure[:, now <= REACH] = blind[:, now <= REACH]
        return lost * at_stake, gained, unsure * at_stake, blind
