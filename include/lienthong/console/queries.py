"""What the pages ask of the warehouse: counts, names and record keys; no statement here reads a row of a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from lienthong.alerts.readers import unit_names
from lienthong.batches import LOCAL
from lienthong.console.indicators.kept import Kept
from lienthong.console.words import PROBLEMS
from lienthong.contracts import Contract
from lienthong.settings import TIMEZONE
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, one

Row = dict[str, Any]
MOST_PROBLEMS = 300
MOST_RUNS = 20
MOST_DIFFERENCES = 50
WINDOW_DAYS = 14


@dataclass(frozen=True, slots=True)
class Known:
    """What the warehouse knows of one source of a dataset; ``read`` says that the dataset was ever read."""

    dataset: str
    source: str
    good_until: datetime | None
    owed_from: datetime | None
    read: bool
    score: Decimal | None
    score_7: Decimal | None
    held: int


class Look:
    """One page's view of the warehouse, in one read-only transaction; ``kept`` is what other pages have worked out."""

    def __init__(
        self, session: Session, home: Path, contracts: Mapping[str, Contract], kept: Kept | None = None
    ) -> None:
        self.session, self.home, self.contracts = session, home, contracts
        self.kept = kept or Kept()
        self.now: datetime = one(session, "SELECT ops.moment() AS now")["now"]

    def _rows(self, name: str, **values: Any) -> list[Row]:
        return list(self.session.execute(statement(self.home, f"console/{name}"), values))

    def unit_names(self) -> dict[str, str]:
        """The names of all units by code, those that no longer exist too."""
        return unit_names(self.session, self.home, self.contracts)

    def sources(self, contract: Contract) -> dict[str, datetime | None]:
        """The sources that a dataset has today, each with the moment from which it exists."""
        if contract.source.for_each is None:
            return {contract.source.connection: None}
        query = statement(self.home, "alerts/units_today", units=names((contract.source.for_each,), "core"))
        rows = self.session.execute(query, {"day": self.now.astimezone(LOCAL).date()})
        return {row["unit"]: row["valid_from"] for row in rows}

    def cells(self, asked: Iterable[tuple[str, str, datetime | None]]) -> list[Known]:
        """What is known of each asked dataset, source and beginning."""
        datasets, sources, begin = zip(*asked, strict=True) if (asked := list(asked)) else ((), (), ())
        rows = self._rows(
            "cells", datasets=list(datasets), sources=list(sources), valid_from=list(begin), timezone=TIMEZONE
        )
        return [Known(**row) for row in rows]

    def problems(
        self,
        *,
        everything: bool = False,
        kind: str = "",
        dataset: str = "",
        source: str = "",
        most: int = MOST_PROBLEMS,
    ) -> tuple[list[Row], int]:
        """Problems, the most pressing first, and how many there are beyond the limit too."""
        rows = self._rows(
            "problems",
            everything=everything,
            kind=kind,
            dataset=dataset,
            source=source,
            order=list(PROBLEMS),
            most=most,
        )
        return rows, rows[0]["total"] if rows else 0

    def problem(self, number: int) -> Row | None:
        """One problem, None when there is none of this number."""
        rows = self._rows("problem", problem=number)
        return rows[0] if rows else None

    def letters(self, number: int) -> list[Row]:
        """The letters that tell of a problem, the oldest first."""
        return self._rows("letters", problem=number)

    def conflicts(self, dataset: str, holder: str) -> list[Row]:
        """How another holder's records differ: kind, columns and count."""
        return self._rows("conflicts", dataset=dataset, holder=holder, most=MOST_DIFFERENCES)

    def windows(self, datasets: Sequence[str], source: str) -> list[Row]:
        """What a source gave for the newest windows, dataset by dataset, the newest first."""
        return self._rows("windows", datasets=list(datasets), source=source, days=WINDOW_DAYS)

    def scorecard(self, datasets: Sequence[str], source: str) -> list[Row]:
        """The scores of a source by dataset and dimension."""
        return self._rows("scorecard", datasets=list(datasets), source=source)

    def runs(self, dataset: str) -> list[Row]:
        """The newest runs of a dataset."""
        return self._rows("runs", dataset=dataset, most=MOST_RUNS, waiting=WAITING)

    def verdicts(self, dataset: str) -> dict[str, Row]:
        """How often each rule was broken in the newest judged window."""
        return {row["rule"]: row for row in self._rows("verdicts", dataset=dataset)}

    def outbox(self, contract: Contract) -> dict[str, Row]:
        """What each receiver of a dataset still has to hear."""
        if not contract.endpoints:
            return {}
        rows = self._rows("outbox", dataset=contract.dataset, endpoints=list(contract.endpoints))
        return {row["endpoint"]: row for row in rows}

    def letters_waiting(self) -> dict[str, int]:
        """Letters that wait to be sent, and those that were refused for good."""
        rows = self.session.execute("SELECT state, count(*) AS n FROM ops.letters WHERE state <> 'sent' GROUP BY state")
        return {row["state"]: row["n"] for row in rows}
