"""What views and bodies must know of the declarations stands in ``marts.declared``, and never differs from the file."""

from __future__ import annotations

import json

from lienthong.indicators.declared import Indicator, declared
from lienthong.warehouse.store import Warehouse

NOBODY = {"points", "counters", "computers", "staff", "scanners", "network", "bandwidth", "communes_free"}
"""Measures that count nothing about a person."""
COUNTED = {
    "working_minutes": "working_counted", "limit_minutes": "limited", "fee_baseline": "fee_dossiers",
    "supplement_requests": "supplemented",
}  # fmt: skip
"""Measures that are no counts of dossiers, and how many dossiers lie behind each."""
WHOLES = {"late": "resolved", "pending_in_time": "pending", "overdue": "pending"}
"""Counts that are told beside the whole that they are a part of: what is left can be computed."""


def tell(warehouse: Warehouse) -> None:
    """Bring ``marts.declared`` up to ``sql/marts/indicators.yaml``; what did not change is not touched."""
    said = {"said": json.dumps([_row(one) for one in declared(warehouse.home).values()])}
    with warehouse.session() as session:
        session.execute(
            "DELETE FROM marts.declared WHERE indicator NOT IN"
            " (SELECT indicator FROM json_populate_recordset(NULL::marts.declared, %(said)s::json))",
            said,
        )
        session.execute(
            "INSERT INTO marts.declared AS d SELECT * FROM json_populate_recordset(NULL::marts.declared,"
            " %(said)s::json) ON CONFLICT (indicator) DO UPDATE SET (name, unit, form, open, formula,"
            " denominator_name, better, green, yellow, guarded, whole, behind, beside) = ROW (excluded.name,"
            " excluded.unit, excluded.form, excluded.open, excluded.formula, excluded.denominator_name,"
            " excluded.better, excluded.green, excluded.yellow, excluded.guarded, excluded.whole, excluded.behind,"
            " excluded.beside) WHERE d.* IS DISTINCT FROM excluded.*",
            said,
        )


def _row(one: Indicator) -> dict[str, object]:
    same = ("name", "unit", "form", "open", "formula", "denominator_name", "better")
    # A number as text: a float on its way would not be the limit that was declared.
    green, yellow = map(str, one.limits) if one.limits else (None, None)
    said = {"indicator": one.id, **{name: getattr(one, name) for name in same}, "green": green, "yellow": yellow}
    return said | _few(one)


def _few(one: Indicator) -> dict[str, object]:
    """Where to look whether the indicator tells of few."""
    first = (one.denominator or one.numerator)[0]
    taken = [measure[1:] for measure in one.numerator if measure.startswith("-")]
    return {
        "guarded": one.numerator[0] not in NOBODY,
        "whole": WHOLES.get(first) if one.bare else None,
        "behind": COUNTED.get(first),
        "beside": next((measure for measure in taken if measure.startswith("feedback")), None),
    }
