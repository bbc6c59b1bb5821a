"""The version of a dataset grows by one with every promote that changed something, and with nothing else.

A row of ``core`` carries in ``_change`` the version that last changed it. Only who holds the dataset's lock of
promotes may ask for the next version, so versions become visible in their order and whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lienthong.warehouse.store import Session, one


@dataclass(frozen=True, slots=True)
class Version:
    """Where a dataset stands: ``number`` is 0, and ``changed_at`` None, before its first promote."""

    number: int
    changed_at: datetime | None


def next_of(session: Session, dataset: str) -> int:
    """The version that the running promote makes, if it changes anything."""
    return current(session, dataset).number + 1


def current(session: Session, dataset: str) -> Version:
    """The newest version that is promoted whole."""
    row = one(
        session,
        "SELECT coalesce(max(version), 0) AS version, max(changed_at) AS changed_at"
        " FROM ops.dataset_versions WHERE dataset = %s",
        [dataset],
    )
    return Version(row["version"], row["changed_at"])


def note(session: Session, dataset: str, version: int) -> None:
    """Let the dataset stand at ``version`` from the end of this transaction on."""
    session.execute(
        "INSERT INTO ops.dataset_versions (dataset, version) VALUES (%s, %s)"
        " ON CONFLICT (dataset) DO UPDATE SET version = excluded.version, changed_at = clock_timestamp()",
        [dataset, version],
    )
