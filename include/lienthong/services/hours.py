"""The sandbox's days lie in the past, so the clock of people stands where they were: in the night after the day's
last window while it is read, on the next working morning when its owners are told.

It never goes back, and every day that is told takes its time: a day that is run again, or after a later one, is told
some minutes after the one before.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from lienthong.batches import LOCAL
from lienthong.rules.calendar import works
from lienthong.warehouse import Warehouse

NIGHT = time(0, 10)
MORNING = time(8)
CLOSING = time(16)
"""No day is told later than this: the next one is told on the next working morning."""
TELLING = timedelta(minutes=10)
"""What telling a day takes; more than letters wait for one another."""


def night_after(day: date) -> datetime:
    """When a day is read: shortly after its end."""
    return datetime.combine(day + timedelta(days=1), NIGHT, LOCAL)


def morning_after(day: date) -> datetime:
    """When people hear of a day: on the first working morning after it."""
    following = day + timedelta(days=1)
    while not works(following):
        following += timedelta(days=1)
    return datetime.combine(following, MORNING, LOCAL)


def tell(warehouse: Warehouse, day: date) -> None:
    """Let the clock stand where people hear of a day: on the morning after it, or after what they heard last.

    The digest of a morning is written once; what a day that is run after a later one brings is told on the next."""
    with warehouse.session() as session:
        row = session.execute(
            "SELECT c.stands_at, (SELECT max(day) FROM ops.digests) AS digest, EXISTS (SELECT FROM ops.problems p"
            " WHERE p.closed_at IS NULL AND p.last_seen_at >= (SELECT max(composed_at) FROM ops.digests)) AS news"
            " FROM ops.clock c"
        ).fetchone()
    own = moment = morning_after(day)
    if row is not None:
        moment = _in_office(max(own, row["stands_at"].astimezone(LOCAL) + TELLING))
        if row["news"] and row["digest"] == moment.date() > own.date():
            moment = morning_after(moment.date())
    stand(warehouse, moment)


def _in_office(moment: datetime) -> datetime:
    """The moment, or the next at which people are told something."""
    if moment.time() < MORNING and works(moment.date()):
        return datetime.combine(moment.date(), MORNING, LOCAL)
    return moment if moment.time() < CLOSING and works(moment.date()) else morning_after(moment.date())


def stand(warehouse: Warehouse, moment: datetime) -> None:
    """Let the clock of people stand at ``moment``, or where it stands if that is later."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.clock AS c (stands_at) VALUES (%s)"
            " ON CONFLICT (only_row) DO UPDATE SET stands_at = greatest(c.stands_at, excluded.stands_at)",
            [moment],
        )


def go_on(warehouse: Warehouse) -> None:
    """Take the standing clock away: a warehouse that is not the sandbox's lives in the present."""
    with warehouse.session() as session:
        session.execute("DELETE FROM ops.clock")
