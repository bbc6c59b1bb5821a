"""Who is to be told what at one moment: decided from facts alone, without a database and without a clock of its own.

For each reader: at once what cannot wait, with the digest what can, all clear when it is mended; for the province's
data team one summary when many units have the same problem, what goes on for too long, and the counts of all that is
open. What one reader has to hear at one moment is one draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lienthong.alerts.facts import Heard, Problem, Reader
from lienthong.alerts.manners import DAILY, IMMEDIATE, Manners
from lienthong.alerts.readers import OWNER, Directory, Recipient
from lienthong.batches import LOCAL
from lienthong.contracts import Contract

# The kind of a letter is the most urgent of what stands in it.
URGENCY = ("immediate", "escalation", "summary", "digest", "all_clear")
# Of one problem the first of these is told.
WEIGHT = ("escalated", "new", "still", "mended")


@dataclass(slots=True)
class Draft:
    """What one recipient is to be told: problems with their state, and why the letter is written."""

    recipient: Recipient
    told: dict[int, tuple[Problem, str]] = field(default_factory=dict)
    kind: str = URGENCY[-1]

    def add(self, problem: Problem, state: str, kind: str) -> None:
        """Tell of a problem; it stands once in the letter, whatever the reasons."""
        present = self.told.get(problem.problem_id, (problem, WEIGHT[-1]))[1]
        self.told[problem.problem_id] = (problem, min(state, present, key=WEIGHT.index))
        self.kind = min(kind, self.kind, key=URGENCY.index)


@dataclass(slots=True)
class Round:
    """One look at all problems at one moment; ``heard`` has for each problem who has heard of it."""

    problems: list[Problem]
    heard: Mapping[int, Mapping[Reader, Heard]]
    directory: Directory
    contracts: Mapping[str, Contract]
    manners: Manners
    now: datetime
    drafts: dict[Reader, Draft] = field(default_factory=dict)

    def at_once(self) -> None:
        """What cannot wait, to each owner that has not heard of it and may be told now."""
        waiting: dict[Reader, list[Problem]] = {}
        people: dict[Reader, Recipient] = {}
        for problem in self._speaking(IMMEDIATE):
            for person in self.directory.owners(problem):
                if self._may_hear(person) and not self._has_heard(person, problem):
                    waiting.setdefault(person.reader, []).append(problem)
                    people.setdefault(person.reader, person)
        for reader, problems in waiting.items():
            for problem in self._due_together(problems):
                self._tell(people[reader], problem, "new", "immediate")

    def all_clear(self) -> None:
        """What is mended, once, to everybody who was told that it was wrong.

        A window without warnings does not mend those of an earlier one: warnings just leave the digest. A window that
        was blocked is mended when the last of its held rows is."""
        if not self.manners.at_work(self.now):
            return
        held = {problem.place for problem in self.problems if problem.kind == "rows" and problem.closed_at is None}
        for problem in self.problems:
            if (
                problem.kind == "warnings"
                or problem.closed_at is None
                or (problem.kind == "blocked" and problem.place in held)
                or self.now - problem.closed_at < self.manners.gather
            ):
                continue
            people = self.directory.anybody(problem)
            for reader, heard in self.heard[problem.problem_id].items():
                acts = reader.role == OWNER or heard.escalated or problem.of_platform
                if reader in people and acts and heard.told > heard.mended:
                    self._tell(people[reader], problem, "mended", "all_clear")

    def many_units(self) -> None:
        """One summary to the province when many units have a problem of the same kind that it has not heard of."""
        for person in filter(self._may_hear, self.directory.province):
            for kind in IMMEDIATE:
                unheard = [
                    problem
                    for problem in self._speaking((kind,))
                    if self.directory.of_unit(problem) and not self._has_heard(person, problem)
                ]
                due = list(self._due_together(unheard))
                if len({problem.source for problem in due}) >= self.manners.summary_from:
                    for problem in due:
                        self._tell(person, problem, "new", "summary")

    def digest(self) -> None:
        """What can wait for the morning, and what was told at once on an earlier day and goes on."""
        today = self.now.astimezone(LOCAL).date()
        for problem in self._speaking((*IMMEDIATE, *DAILY)):
            for person in () if problem.of_platform else self.directory.owners(problem):
                heard = self.heard[problem.problem_id].get(person.reader)
                earlier = heard and heard.told_at and heard.told_at.astimezone(LOCAL).date() != today
                if problem.kind in DAILY or earlier:
                    self._tell(person, problem, "still" if heard and heard.told > heard.mended else "new", "digest")

    def escalations(self) -> list[Problem]:
        """What its owner was told of days ago and nobody has pledged to mend, to the province; gives what it told."""
        found = [
            problem
            for problem in self._speaking((*IMMEDIATE, "rows"))
            if not problem.of_platform
            and problem.told_at is not None
            and problem.escalated_at is None
            and self.manners.escalates(problem.told_at, problem.acknowledged_until, self.now)
        ]
        for person in self.directory.province:
            for problem in found:
                self._tell(person, problem, "escalated", "escalation")
        return found if self.directory.province else []

    def province_digest(self) -> None:
        """All that is open, pledges included, to the province; its letters hold counts and no record."""
        for person in self.directory.province:
            for problem in self.problems:
                if problem.closed_at is None:
                    self._tell(person, problem, "still" if self._has_heard(person, problem) else "new", "summary")

    def nobody(self) -> int:
        """Open problems that nobody can be told of: neither a contact nor a support channel is known."""
        return sum(not self.directory.owners(p) for p in self._speaking((*IMMEDIATE, *DAILY)))

    def _speaking(self, kinds: Iterable[str]) -> Iterator[Problem]:
        wanted = set(kinds)
        return (p for p in self.problems if p.kind in wanted and p.speaks(self.now))

    def _may_hear(self, person: Recipient) -> bool:
        return person.any_hour or self.manners.at_work(self.now)

    def _has_heard(self, person: Recipient, problem: Problem) -> bool:
        return person.reader in self.heard[problem.problem_id]

    def _due_together(self, problems: list[Problem]) -> Iterator[Problem]:
        """The ripe ones, and with them what is as good as ripe: a database that is down has several datasets."""
        ripe = [p for p in problems if self.manners.ripe(p.since, self.now, self._tolerance(p))]
        same = {(p.kind, p.source) for p in ripe}
        for problem in problems if ripe else ():
            if (problem.kind, problem.source) in same or self.now - problem.since >= self._tolerance(problem):
                yield problem

    def _tolerance(self, problem: Problem) -> timedelta:
        contract = self.contracts.get(problem.dataset)
        return contract.down_tolerance if contract and problem.kind == "source_down" else timedelta()

    def _tell(self, person: Recipient, problem: Problem, state: str, kind: str) -> None:
        self.drafts.setdefault(person.reader, Draft(person)).add(problem, state, kind)
