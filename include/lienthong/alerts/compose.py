"""What is due becomes letters in one transaction: run it as often as you like, nothing is told twice or lost.

Who has heard what is read from the letters themselves, so a crash before the commit leaves nothing behind and the next
call writes the same. ``rounds`` decides who is told what; here it meets the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lienthong.alerts.contacts import contacts
from lienthong.alerts.facts import Problem, heard_of, standing
from lienthong.alerts.letter import showable
from lienthong.alerts.manners import Manners
from lienthong.alerts.outbox import MOST_NAMED, Writer
from lienthong.alerts.readers import OWNER, Directory, unit_names
from lienthong.alerts.rounds import Draft, Round
from lienthong.batches import LOCAL
from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.settings import Settings
from lienthong.warehouse import Warehouse
from lienthong.warehouse.store import Session, one


@dataclass(frozen=True, slots=True)
class Composed:
    """What one call wrote: letters by kind; and how many open problems nobody could be told of."""

    letters: Mapping[str, int] = field(default_factory=dict)
    nobody: int = 0

    @property
    def total(self) -> int:
        """Letters of all kinds."""
        return sum(self.letters.values())


def compose(warehouse: Warehouse, contracts: Mapping[str, Contract], settings: Settings) -> Composed:
    """Write every letter that is due at ``ops.moment()``; a second call at the same moment writes none."""
    with warehouse.session() as session:
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts.compose', 3))")
        now: datetime = one(session, "SELECT ops.moment() AS now")["now"]
        problems = standing(session, warehouse.home)
        directory = Directory(contacts(session), contracts)
        heard = heard_of(session, warehouse.home, problems)
        manners = Manners.of(settings)
        writer = Writer(session, warehouse.home, contracts, settings, directory, now)
        round_ = Round(problems, heard, directory, contracts, manners, now)
        round_.at_once()
        round_.all_clear()
        round_.many_units()
        escalated: list[Problem] = []
        if manners.digest_time(now) and _first_today(session, now):
            round_.digest()
            escalated = round_.escalations()
            round_.province_digest()
            _report_undelivered(session, round_, writer)
        letters = writer.write(round_.drafts.values(), heard, unit_names(session, warehouse.home, contracts))
        _note_told(session, round_.drafts.values(), escalated, now)
        crashpoint("alerts.before_commit")
    return Composed(dict(letters), round_.nobody())


def _first_today(session: Session, now: datetime) -> bool:
    """Whether the digests of the day are still to be written; now they are."""
    done = session.execute(
        "INSERT INTO ops.digests (day, composed_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [now.astimezone(LOCAL).date(), now],
    )
    return done.rowcount == 1


def _report_undelivered(session: Session, round_: Round, writer: Writer) -> None:
    """Tell the province, once, which letters a mail server has refused for good."""
    people = [person.reader for person in round_.directory.province if person.reader in round_.drafts]
    if not people:
        return
    rows = session.execute(
        "UPDATE ops.letters SET reported_at = ops.moment() WHERE state = 'dead' AND reported_at IS NULL"
        " RETURNING recipient, reason"
    )
    dead = sorted(f"{showable(row['recipient'])} ({showable(row['reason'] or '', 120)})" for row in rows)
    if dead:
        more = f"; và {len(dead) - MOST_NAMED} thư khác" if len(dead) > MOST_NAMED else ""
        for reader in people:
            writer.note(reader, f"Thư không gửi được đến: {'; '.join(dead[:MOST_NAMED])}{more}.")


def _note_told(session: Session, drafts: Iterable[Draft], escalated: list[Problem], now: datetime) -> None:
    """Keep with each problem when its owner first heard of it, and when it was escalated."""
    told = {
        number
        for draft in drafts
        for number, (problem, state) in draft.told.items()
        if state != "mended" and (draft.recipient.reader.role == OWNER or problem.of_platform)
    }
    # Notes of several problems lock their rows in whatever order; beside them this update could end in a deadlock.
    session.execute("SELECT pg_advisory_xact_lock(hashtextextended('ops.problems', 3))")
    session.execute(
        "UPDATE ops.problems SET told_at = coalesce(told_at, CASE WHEN problem_id = ANY (%(told)s) THEN %(now)s END),"
        " escalated_at = coalesce(escalated_at, CASE WHEN problem_id = ANY (%(escalated)s) THEN %(now)s END)"
        " WHERE problem_id = ANY (%(told)s) AND told_at IS NULL"
        " OR problem_id = ANY (%(escalated)s) AND escalated_at IS NULL",
        {"now": now, "told": sorted(told), "escalated": sorted(problem.problem_id for problem in escalated)},
    )
