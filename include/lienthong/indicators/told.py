"""What views must know of the declarations stands in ``marts.declared``, and never differs from the file."""

from __future__ import annotations

from lienthong.indicators.declared import declared
from lienthong.warehouse.store import Warehouse


def tell(warehouse: Warehouse) -> None:
    """Bring ``marts.declared`` up to ``sql/marts/indicators.yaml``; what did not change is not touched."""
    found = declared(warehouse.home).values()
    columns = ([getattr(one, name) for one in found] for name in ("id", "name", "unit", "form", "open"))
    values = dict(zip(("ids", "names", "units", "forms", "open"), columns, strict=True))
    with warehouse.session() as session:
        session.execute("DELETE FROM marts.declared WHERE indicator <> ALL (%(ids)s)", values)
        session.execute(
            "INSERT INTO marts.declared AS d (indicator, name, unit, form, open) SELECT * FROM unnest(%(ids)s::text[],"
            " %(names)s::text[], %(units)s::text[], %(forms)s::text[], %(open)s::boolean[])"
            " ON CONFLICT (indicator) DO UPDATE SET (name, unit, form, open) = ROW (excluded.name, excluded.unit,"
            " excluded.form, excluded.open) WHERE ROW (d.name, d.unit, d.form, d.open) IS DISTINCT FROM"
            " ROW (excluded.name, excluded.unit, excluded.form, excluded.open)",
            values,
        )
