"""The parts of the statements that follow from the measures and the declarations, so that neither is written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from lienthong.indicators.declared import Indicator, declared
from lienthong.indicators.measures import DAYS, FEEDBACK, FLOWS, IN_TIME, KINDS, MEASURES, OPEN_IN_TIME, STORED, TIMED

COLUMNS = (
    *("ma_ho_so", "ma_don_vi", "level_sum", "ma_tthc", "trang_thai", "received_at", "received_on", "due_at", "counted"),
    *("ended_at", "national", "open_until", "local_end", "local_class", "channel", "online", "full_process"),
    *("result_due", "e_result", "digitised", "reused", "from_store", "vneid", "has_fee", "paid_online", "fee"),
    *("supplements", "supplement_minutes", "working_minutes", "limit_minutes", "outside_commune", "office", "officer"),
)
"""What is said of a dossier, but for the time from which it was said."""

# The commune of an address is its last part before the province's name, which is bound as a pattern.
PLACE = "(SELECT btrim(split_part(regexp_replace(j.dia_chi, %(province)s, '', 'i'), ',', -1)))"


def of(name: str, home: Path) -> dict[str, sql.Composable]:
    """The placeholders of the statement ``sql/marts/<name>.sql``."""
    return _PARTS[name](home) if name in _PARTS else {}


def _columns(_home: Path) -> dict[str, sql.Composable]:
    return {"columns": _names(COLUMNS)}


def _changed(_home: Path) -> dict[str, sql.Composable]:
    return {
        "columns": sql.SQL(", ").join(sql.Identifier("f", name) for name in COLUMNS),
        "new": sql.SQL(", ").join(sql.Identifier("n", name) for name in COLUMNS),
        "old": sql.SQL(", ").join(sql.Identifier("o", name) for name in COLUMNS),
    }


def _moves(_home: Path) -> dict[str, sql.Composable]:
    sums = [
        sql.SQL("sum(CASE WHEN e.event = {}{} THEN f.sign * ({}) ELSE 0 END)::bigint AS {}").format(
            sql.Literal(measure.event),
            sql.SQL("" if name in FLOWS else " AND e.day >= f.floor"),
            measure.adds,
            sql.Identifier(name),
        )
        for name, measure in MEASURES.items()
    ]
    return {
        "sums": sql.SQL(", ").join(sums),
        "in_time": sql.SQL(", ").join(_in_time(kind) for kind in KINDS),
        "feedback": sql.SQL(", ").join(sql.SQL("0::bigint AS {}").format(sql.Identifier(name)) for name in FEEDBACK),
        "days": sql.SQL(", ").join(
            sql.SQL("({}, {})").format(sql.Literal(event), sql.SQL(day)) for event, day in DAYS.items()
        ),
    }


def _in_time(kind: LiteralString) -> sql.Composed:
    """Open dossiers that are within time at the end of their period of ``kind``, or of the horizon."""
    last = sql.SQL("(date_trunc({kind}, f.received_on) + {length}::interval)::date - 1").format(
        kind=sql.Literal(kind), length=sql.Literal("3 months" if kind == "quarter" else f"1 {kind}")
    )
    return sql.SQL(
        "sum(CASE WHEN e.event = 'received' AND e.day >= f.floor AND {test}"
        " AND coalesce(f.open_until >= least({last}, f.horizon) + 1, true) THEN f.sign ELSE 0 END)::bigint AS {name}"
    ).format(test=sql.SQL(OPEN_IN_TIME), last=last, name=sql.Identifier(f"in_time_{kind}"))


def _feedback(_home: Path) -> dict[str, sql.Composable]:
    sums = (sql.SQL("sum(CASE WHEN {} THEN f.sign ELSE 0 END)").format(sql.SQL(test)) for test in FEEDBACK.values())
    return {"names": _names(FEEDBACK), "sums": sql.SQL(", ").join(sums)}


def _delta(_home: Path) -> dict[str, sql.Composable]:
    by_kind = sql.SQL(" ").join(
        sql.SQL("WHEN {} THEN m.{}").format(sql.Literal(kind), sql.Identifier(f"in_time_{kind}")) for kind in KINDS
    )
    sums = [
        sql.SQL("coalesce(sum({}), 0)::bigint AS {}").format(
            sql.SQL("CASE p.kind {} END").format(by_kind) if name == IN_TIME else sql.Identifier("m", name),
            sql.Identifier(name),
        )
        for name in STORED
    ]
    return {"sums": sql.SQL(", ").join(sums)}


def _add(_home: Path) -> dict[str, sql.Composable]:
    adds = (sql.SQL("{0} = c.{0} + excluded.{0}").format(sql.Identifier(name)) for name in STORED)
    return {"names": _names(STORED), "adds": sql.SQL(", ").join(adds)}


def _empty(_home: Path) -> dict[str, sql.Composable]:
    return {"nothing": sql.SQL(" AND ").join(sql.SQL("c.{} = 0").format(sql.Identifier(name)) for name in STORED)}


def _said(home: Path) -> dict[str, sql.Composable]:
    return {"declared": sql.SQL(", ").join(_values(one) for one in declared(home).values())}


def _values(indicator: Indicator) -> sql.Composed:
    return sql.SQL("({}, {}, {}, {}, {})").format(
        sql.Literal(indicator.id),
        added(indicator.numerator),
        added(indicator.denominator) if indicator.denominator else sql.SQL("NULL::numeric"),
        sql.Literal(indicator.bare),
        sql.SQL("1::numeric / {}").format(sql.Literal(indicator.per)),
    )


def added(measures: Iterable[str]) -> sql.Composed:
    """Measures of ``m`` added up; one that begins with a minus is taken away."""
    terms = [
        sql.SQL("- m.{}" if name.startswith("-") else "+ m.{}").format(sql.Identifier(name.lstrip("-")))
        for name in measures
    ]
    return sql.SQL("(0 {})::numeric").format(sql.SQL(" ").join(terms))


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


_PARTS: dict[str, Callable[[Path], dict[str, sql.Composable]]] = {
    "dossiers_facts": lambda _: {"place": sql.SQL(PLACE)},
    "dossiers_changed": _changed,
    "dossiers_keep": _columns,
    "dossiers_add": _columns,
    "cells_moves": _moves,
    "cells_feedback": _feedback,
    "cells_delta": _delta,
    "cells_add": _add,
    "cells_empty": _empty,
    "durations_delta": lambda _: {"timed": sql.SQL(TIMED)},
    "indicators_said": _said,
}
