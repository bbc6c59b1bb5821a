"""The scorecard says what the ledger says: in whatever order windows were run, and however often it is refreshed."""

from __future__ import annotations

from dataclasses import dataclass

from lienthong.settings import TIMEZONE
from lienthong.warehouse import ledger
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Warehouse

LOCK = "marts.quality"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did: windows looked at, rows of the scorecard written, and earlier rows moved to history."""

    windows: int
    written: int
    replaced: int


def refresh(warehouse: Warehouse) -> Refreshed:
    """Bring ``marts.quality`` up to the ledger in one transaction; what did not change is not touched.

    Only windows whose runs changed since the last refresh are made again. What a restated window said before stays
    in ``marts.quality_history``. One refresh at a time: a second one waits, and then finds little to do."""
    values = {"timezone": TIMEZONE, "waiting": ledger.WAITING}
    with warehouse.session() as session:
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", [LOCK])
        counts = {}
        for name in ("touched", "quality", "quality_keep", "quality_add", "quality_open"):
            counts[name] = session.execute(statement(warehouse.home, f"marts/{name}"), values).rowcount
            if name in ("touched", "quality"):
                session.execute("ANALYZE touched" if name == "touched" else "ANALYZE fresh")
        session.execute(
            "INSERT INTO marts.refreshed (dataset, window_start, seen) SELECT dataset, window_start, seen FROM touched"
            " ON CONFLICT (dataset, window_start) DO UPDATE SET seen = excluded.seen"
        )
    return Refreshed(counts["touched"], counts["quality_add"], counts["quality_keep"])
