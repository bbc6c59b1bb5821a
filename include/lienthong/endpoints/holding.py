"""What a receiver says that it holds: what a reconciliation asks of an endpoint whose receiver has a list.

An endpoint whose receiver gives none simply lacks it: of that receiver the receipts are all that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from lienthong.errors import LienThongError, NeedsPerson
from lienthong.mapi import Call


class Incomplete(NeedsPerson):
    """The receiver's list contradicts itself, so that nothing can be concluded from what it lacks."""


@dataclass(frozen=True, slots=True)
class Holding:
    """How a receiver lists one dataset.

    With ``unit_column`` and ``day_column``, columns of the dataset in ``core``, it is asked for one unit and a range of
    days; without, for all at once. ``fields`` name what can be laid beside the mark of the version accepted last, part
    by part. The mark stands in the outbox; with ``told`` it follows from the body that was sent."""

    dataset: str
    fields: tuple[str, ...]
    unit_column: str = ""
    day_column: str = ""
    told: Callable[[str], Held] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked for at once; an empty unit is every unit, no days are all."""

    dataset: str
    unit: str = ""
    unit_name: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A record as the receiver shows it: its name there, marks of ``Holding.fields`` (None: not shown), its day."""

    name: str
    marks: tuple[str | None, ...]
    day: date | None = None


@runtime_checkable
class Holder(Protocol):
    """An endpoint whose receiver tells what it holds. Reading changes nothing there."""

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """The datasets that it lists."""

    def holds(self, part: Part, calls: list[Call]) -> Iterator[Held]:
        """Everything of the part that the receiver holds. Raises ``Incomplete`` where it says itself that there is
        more, and what the client raises; requests are added to ``calls``."""

    def look_up(self, dataset: str, name: str, calls: list[Call]) -> Held | None:
        """One record by its name there, or None when the receiver says that it holds none."""


def unread(name: str, found: str) -> LienThongError:
    """The error for a list that cannot be read as one."""
    return Incomplete(
        f"{name}: expected a list of what the receiver holds, found {found}. Nothing was concluded from it. Whoever "
        f"maintains connection {name!r} asks the receiver whether its list service has changed."
    )
