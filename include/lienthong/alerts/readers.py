"""Whose a problem is: the unit's contacts, else the dataset's support, else the province's data team; what a receiver
holds otherwise is the data team's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lienthong.alerts.contacts import Contact
from lienthong.alerts.facts import Problem, Reader
from lienthong.contracts import Contract
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session

OWNER, PROVINCE = "owner", "province"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One reader with the name that the letter greets; ``any_hour`` may be told at night what cannot wait."""

    reader: Reader
    name: str
    any_hour: bool = False


def unit_names(session: Session, home: Path, contracts: Mapping[str, Contract]) -> dict[str, str]:
    """The names of all units by their code, as far as the datasets that list them have a column of names."""
    found: dict[str, str] = {}
    for dataset in sorted({c.source.for_each for c in contracts.values() if c.source.for_each}):
        column = next((name for name in contracts[dataset].names if name.startswith("ten_")), None)
        if column:
            query = statement(home, "alerts/unit_names", units=names((dataset,), "core"), label=names((column,)))
            found |= {row["code"]: row["name"] for row in session.execute(query)}
    return found


class Directory:
    """Answers who is to be told of a problem; an address that is not in the table or a contract is never used."""

    def __init__(self, contacts: list[Contact], contracts: Mapping[str, Contract]) -> None:
        self._contracts = contracts
        self._units: dict[str, list[Recipient]] = {}
        self.province: list[Recipient] = []
        for contact in contacts:
            role = OWNER if contact.scope == "unit" else PROVINCE
            reader = Reader(role, contact.channel, contact.address, contact.unit)
            recipient = Recipient(reader, contact.name, any_hour=not contact.working_hours)
            (self._units.setdefault(contact.unit, []) if contact.unit else self.province).append(recipient)

    def of_unit(self, problem: Problem) -> bool:
        """Whether the problem's source is a unit of the province."""
        contract = self._contracts.get(problem.dataset)
        by_unit = contract is not None and contract.source.for_each is not None
        return by_unit and not (problem.of_platform or problem.of_receiver)

    def without_contact(self, problem: Problem) -> bool:
        """Whether a unit ought to be told and nobody of it is known."""
        return self.of_unit(problem) and problem.source not in self._units

    def keeps_contracts(self, reader: Reader) -> bool:
        """Whether the reader is one of the province's data team, in whatever role a letter reaches it."""
        return any((reader.channel, reader.address) == person.reader[1:3] for person in self.province)

    def owners(self, problem: Problem) -> list[Recipient]:
        """Whom the problem belongs to; empty when nobody at all is known."""
        if problem.of_platform:
            return self.province
        if problem.of_receiver:
            return self._stand_in()
        if self.of_unit(problem) and problem.source in self._units:
            return self._units[problem.source]
        return self._support(problem) or self._stand_in()

    def anybody(self, problem: Problem) -> dict[Reader, Recipient]:
        """Everybody who may have been told of the problem and still has something to do with it."""
        own = self._units.get(problem.source, []) if self.of_unit(problem) else []
        known = [*own, *self._support(problem), *self._stand_in(), *self.province]
        return {recipient.reader: recipient for recipient in known}

    def _support(self, problem: Problem) -> list[Recipient]:
        contract = self._contracts.get(problem.dataset)
        channels = [channel for channel in contract.support if channel.scope == "issues"] if contract else []
        return [
            Recipient(Reader(OWNER, channel.tool, channel.address, ""), contract.owner if contract else "")
            for channel in channels
        ]

    def _stand_in(self) -> list[Recipient]:
        """The province's team in the place of an owner that nobody knows."""
        return [
            Recipient(person.reader._replace(role=OWNER), person.name, any_hour=person.any_hour)
            for person in self.province
        ]
