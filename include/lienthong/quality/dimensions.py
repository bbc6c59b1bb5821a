"""The scorecard's counts stand in the verdict's transaction: per source and dimension, the rows that fail.

The standard of contracts (ODCS) knows seven words for dimensions, the scorecard the five that ISO 8000 and the
province's reports use. ``DIMENSIONS`` is the only place where the seven become five.
"""

from __future__ import annotations

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.warehouse import ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session

# A record that should be there and is not (coverage) is a gap; a value of the wrong form (conformity) or one that
# cannot be true (accuracy) is not valid. Whether a plausible value is the true one, nobody can see from the data.
DIMENSIONS = {
    "completeness": "completeness",
    "coverage": "completeness",
    "conformity": "validity",
    "accuracy": "validity",
    "uniqueness": "uniqueness",
    "timeliness": "timeliness",
    "consistency": "consistency",
}


def record(session: Session, landing: Landing, run_id: int) -> None:
    """Write what each source of a marked run delivered and fails, by dimension; a second call replaces the first.

    Counted are the rows that a source gave, each once for a dimension however many of its rules it breaks; a waived
    rule is still broken. Rules about a window belong to no row and count nowhere here. Held rows that a
    redrive judges again came with an earlier run of its window: ``ops.redriven`` says by how many rows that run's
    failures are fewer now."""
    masks = _masks(landing.contract)
    rules = (*landing.contract.rejecting, *landing.contract.warning)
    values = {
        "run_id": run_id,
        "dataset": landing.contract.dataset,
        "dimensions": list(masks),
        "rejecting": [rejecting for rejecting, _ in masks.values()],
        "warning": [warning for _, warning in masks.values()],
        "rules": [rule.id for rule in rules],
        "rule_dimensions": [DIMENSIONS[rule.dimension] for rule in rules],
        "due_at": landing.window.end + landing.contract.latency,
        "waiting": ledger.WAITING,
    }
    for table in ("verdict_dimensions", "deliveries", "redriven"):
        session.execute(sql.SQL("DELETE FROM {} WHERE run_id = %s").format(sql.Identifier("ops", table)), [run_id])
    for name in ("dimensions", "deliveries", "redriven"):
        query = statement(landing.warehouse.home, f"marts/{name}", marks=landing.marks, landing=landing.landing)
        session.execute(query, values)


def _masks(contract: Contract) -> dict[str, tuple[int, int]]:
    """The bits of each dimension among the rejecting and among the warning rules, for dimensions that have rules."""
    masks: dict[str, tuple[int, int]] = {}
    for side, rules in enumerate((contract.rejecting, contract.warning)):
        for place, rule in enumerate(rules):
            rejecting, warning = masks.get(DIMENSIONS[rule.dimension], (0, 0))
            bit = 1 << place
            masks[DIMENSIONS[rule.dimension]] = (rejecting | bit, warning) if side == 0 else (rejecting, warning | bit)
    return dict(sorted(masks.items()))
