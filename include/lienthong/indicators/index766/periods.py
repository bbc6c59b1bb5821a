"""A period of the index is a month, a quarter or a year, and is written one way: 2025-09, 2025-Q3, 2025."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from lienthong.errors import NeedsPerson

MONTHS = {"thang": 1, "quy": 3, "nam": 12}
"""Months of each kind, by the word that the portal's published figures are kept under."""


@dataclass(frozen=True, slots=True)
class Period:
    """Dossiers received on a day of the period belong to it; ``number`` is the month or quarter, 0 for a year."""

    kind: str
    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """The period of a text such as 2025-Q3; anything else is refused with the three forms."""
        found = re.fullmatch(r"([0-9]{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?", text.strip())
        if not found or found[1] == "0000" or found[1] == "9999":
            raise NeedsPerson(f"A period is written 2025-09 (month), 2025-Q3 (quarter) or 2025 (year), not {text!r}.")
        if found[2]:
            return cls("thang", int(found[1]), int(found[2]))
        return cls("quy", int(found[1]), int(found[3])) if found[3] else cls("nam", int(found[1]), 0)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, (max(self.number, 1) - 1) * MONTHS[self.kind] + 1, 1)

    @property
    def next(self) -> date:
        """The first day after it."""
        months = self.first.month - 1 + MONTHS[self.kind]
        return date(self.year + months // 12, months % 12 + 1, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.next - timedelta(days=1)

    def __str__(self) -> str:
        if self.kind == "thang":
            return f"{self.year}-{self.number:02d}"
        return f"{self.year}-Q{self.number}" if self.kind == "quy" else str(self.year)
