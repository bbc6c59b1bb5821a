"""The version of a dataset grows by one with every promote that changed something and every comparison that sent
something again, and with nothing else.

The first one is the Unix second in which it is made: after a rebuild a dataset begins above every version that it had,
so nobody who holds a copy of before can take it for one of after. A row of ``core`` carries in ``_change`` the version
that last changed it. Only who holds the dataset's lock of promotes may ask for the next version, so versions become
visible in their order and whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lienthong.warehouse.store import Session, one

FIRST = "floor(extract(epoch FROM now()))::bigint"
"""What the first version of a dataset is, of one and the same value within a transaction."""


@dataclass(frozen=True, slots=True)
class Version:
    """Where a dataset stands, and the version with which it began: ``number`` and ``first`` are 0, and ``changed_at``
    None, before its first promote."""

    number: int
    first: int
    changed_at: datetime | None


def next_of(session: Session, dataset: str) -> int:
    """The version that the running promote makes, if it changes anything."""
    row = one(
        session,
        f"SELECT coalesce(max(version) + 1, {FIRST}) AS version FROM ops.dataset_versions WHERE dataset = %s",  # noqa: S608
        [dataset],
    )
    number: int = row["version"]
    return number


def current(session: Session, dataset: str) -> Version:
    """The newest version that is promoted whole."""
    row = one(
        session,
        "SELECT coalesce(max(version), 0) AS version, coalesce(max(first_version), 0) AS first_version,"
        " max(changed_at) AS changed_at FROM ops.dataset_versions WHERE dataset = %s",
        [dataset],
    )
    return Version(row["version"], row["first_version"], row["changed_at"])


def note(session: Session, dataset: str, version: int) -> None:
    """Let the dataset stand at ``version`` from the end of this transaction on."""
    session.execute(
        "INSERT INTO ops.dataset_versions (dataset, version, first_version) VALUES (%s, %s, %s)"
        " ON CONFLICT (dataset) DO UPDATE SET version = excluded.version, changed_at = clock_timestamp()",
        [dataset, version, version],
    )
