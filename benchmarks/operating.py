"""What the operators' pages cost ten people who look at once, over the warehouse that a backfilled quarter has left."""

from benchmarks.pages import two_rounds
from lienthong.endpoints import ENDPOINTS

WEIGHTS = {
    "overview": 6, "unit": 4, "dataset": 3, "problems": 2, "problem": 1, "alerts": 2, "quarantine": 3,
    "held_of_unit": 3, "held_row": 3, "endpoints": 2, "receipts": 3, "endpoint": 2, "reconciliation": 2,
    "reconciliation_endpoint": 1, "backfills": 2, "backfill": 1, "preview": 1, "activity": 1,
}  # fmt: skip
"""How often each page is chosen."""
DRAWN = {
    "units": "SELECT DISTINCT source FROM ops.batches JOIN ops.runs USING (run_id) WHERE dataset = 'ho_so'",
    "datasets": "SELECT DISTINCT dataset FROM ops.runs",
    "problems": "SELECT problem_id FROM ops.problems",
    "held": "SELECT min(transition_id) FROM quarantine.transitions GROUP BY dataset, source, record_key, place"
    " LIMIT 500",
    "dossiers": "SELECT ma_ho_so FROM core.ho_so ORDER BY md5(ma_ho_so) LIMIT 500",
    "backfills": "SELECT backfill_id FROM ops.backfills",
}


def address(page, chance, drawn):
    """An address of a page, for something that the warehouse holds."""
    one = {name: chance.choice(values) for name, values in drawn.items()}
    endpoint = chance.choice(sorted(ENDPOINTS))
    return {
        "overview": "/",
        "unit": f"/units/{one['units']}",
        "dataset": f"/datasets/{one['datasets']}",
        "problems": "/problems",
        "problem": f"/problems/{one['problems']}",
        "alerts": "/alerts",
        "quarantine": "/quarantine",
        "held_of_unit": f"/quarantine?unit={one['units']}&dataset=ho_so",
        "held_row": f"/quarantine/{one['held']}",
        "endpoints": "/endpoints",
        "receipts": f"/endpoints?key={one['dossiers']}",
        "endpoint": f"/endpoints/{endpoint}",
        "reconciliation": "/reconciliation",
        "reconciliation_endpoint": f"/reconciliation/{endpoint}",
        "backfills": "/backfills",
        "backfill": f"/backfills/{one['backfills']}",
        "preview": "/backfills/new?dataset=ho_so&first=2025-07-01&last=2025-09-30&reprocess=1",
        "activity": "/activity",
    }[page]


def operating(warehouse):
    """Two rounds over everything that operators look at, with what the warehouse holds."""
    with warehouse.session() as session:
        drawn = {name: [next(iter(row.values())) for row in session.execute(query)] for name, query in DRAWN.items()}
        size = session.execute(
            "SELECT (SELECT count(*) FROM core.ho_so) AS dossiers, (SELECT count(*) FROM publish.receipts) AS receipts,"
            " (SELECT count(*) FROM ops.batches) AS batches, (SELECT count(*) FROM quarantine.rows) AS held_rows"
        ).fetchone()
    assert all(drawn.values()), {name: len(values) for name, values in drawn.items()}
    return {**size, **two_rounds(warehouse, WEIGHTS, lambda page, chance: address(page, chance, drawn))}
