"""Kinds about a window: what a source gave as a whole, beside what it gave before.

Each is decided twice, in Python for the split and in SQL for Great Expectations. Fractions are computed in the same
order of the same double-precision operations on both sides, so that no border case can tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from lienthong.batches import Window
from lienthong.rules import checks
from lienthong.rules.calendar import works
from lienthong.rules.model import Kind, Limits, Parts, Past, Rule, WindowTest, column, literal, raw

LOOK_BACK = timedelta(days=60)  # further than this no earlier window is compared with
MIN_WINDOWS = 5
_ROWS = "count(t._row)"


def _number(parts: Parts, name: str) -> float:
    return parts.get(name) or 0.0


# row_count: as many rows as usual.


def _row_parts(_: Rule) -> Mapping[str, str]:
    return {"rows": _ROWS}


def _row_limits(rule: Rule, window: Window, past: Sequence[Past]) -> Limits | None:
    """Bounds around the median m of the earlier windows of the same kind of day, working or not.

    Square roots of counts have the same spread whatever the count, so the test is on them: sqrt(m) -/+ tolerance / 2,
    squared again, and then ``share`` less or more for what is no chance (Mondays, the eve of a holiday). With the
    defaults 3 rows a day allow 0 to 29, 60 allow 16 to 150, 1000 allow 574 to 1558: a small commune can have an empty
    day, and one of some size cannot lose its day unnoticed."""
    alike = [one.parts["rows"] for one in past if works(one.day) == works(window.day)]
    if len(alike) < rule.arguments.get("min_windows", MIN_WINDOWS):
        return None
    root, spread = math.sqrt(median(alike)), rule.arguments.get("tolerance", 6) / 2
    share = rule.arguments.get("share", 0.3)
    low = max(root - spread, 0.0) ** 2 * (1 - share)
    return {"low": math.ceil(low), "high": math.floor((root + spread) ** 2 * (1 + share))}


def _row_holds(_: Rule, parts: Parts, limits: Limits) -> bool:
    return limits["low"] <= _number(parts, "rows") <= limits["high"]


def _row_condition(_: Rule, part: Mapping[str, str], limit: Mapping[str, str]) -> str:
    return f"coalesce({part['rows']}, 0) BETWEEN {limit['low']} AND {limit['high']}"


# null_share: not more empty cells than promised, or than usual.


def _null_parts(rule: Rule) -> Mapping[str, str]:
    return {"rows": _ROWS, "empty": f"count(t._row) FILTER (WHERE {raw(rule.columns[0])} IS NULL)"}


def _null_limits(rule: Rule, _: Window, past: Sequence[Past]) -> Limits | None:
    """``max`` is the share that is always allowed at most, ``rise`` how much above the earlier windows together it
    may be. A source with fewer than ``min_rows`` rows is not looked at: a share of few rows says nothing."""
    allowed = [rule.arguments["max"]] if "max" in rule.arguments else []
    rows = sum(one.parts["rows"] for one in past)
    if "rise" in rule.arguments and rows and len(past) >= rule.arguments.get("min_windows", MIN_WINDOWS):
        allowed.append(sum(one.parts["empty"] for one in past) / rows + rule.arguments["rise"])
    return {"filled": 1 - min(*allowed, 1.0)} if allowed else None


def min_rows(rule: Rule) -> int:
    """Rows from which on a source is looked at."""
    return int(rule.arguments.get("min_rows", {"freshness": 1}.get(rule.kind, 30)))


def _null_holds(rule: Rule, parts: Parts, limits: Limits) -> bool:
    rows = _number(parts, "rows")
    return rows < min_rows(rule) or (rows - _number(parts, "empty")) / rows >= limits["filled"]


def _null_condition(rule: Rule, part: Mapping[str, str], limit: Mapping[str, str]) -> str:
    rows, empty = part["rows"], part["empty"]
    return (
        f"CASE WHEN coalesce({rows}, 0) < {min_rows(rule)} THEN true"
        f" ELSE ({rows} - {empty})::float8 / {rows}::float8 >= {limit['filled']} END"
    )


# freshness: the newest moment is not far from the window's end.


def _fresh_parts(rule: Rule) -> Mapping[str, str]:
    return {"rows": _ROWS, "newest": f"extract(epoch FROM max({column(rule.columns[0])}))::float8"}


def oldest(rule: Rule, window: Window) -> datetime:
    """The local wall time that the newest moment of a source must reach."""
    return window.local_end - timedelta(hours=rule.arguments["max_age_hours"])


def _fresh_limits(rule: Rule, window: Window, _: Sequence[Past]) -> Limits | None:
    """A source that gave rows, but none of them with a readable moment, is not fresh; one without rows is silent,
    which is what row_count is for."""
    return {"oldest": oldest(rule, window).replace(tzinfo=UTC).timestamp()}  # as extract(epoch) sees wall time


def _fresh_holds(rule: Rule, parts: Parts, limits: Limits) -> bool:
    if _number(parts, "rows") < min_rows(rule):
        return True
    newest = parts["newest"]
    return newest is not None and newest >= limits["oldest"]


def _fresh_condition(rule: Rule, part: Mapping[str, str], limit: Mapping[str, str]) -> str:
    few = f"coalesce({part['rows']}, 0) < {min_rows(rule)}"
    return f"({few} OR coalesce({part['newest']} >= {limit['oldest']}, false))"


# drift: the codes of a column are used about as often as before.


def _drift_parts(rule: Rule) -> Mapping[str, str]:
    """Rows of each code, and under the empty name those of none: a value outside the list is not written down."""
    name = column(rule.columns[0])
    codes = [str(code) for code in rule.arguments["values"]]
    listed = ", ".join(literal(code) for code in codes)
    parts = {code: f"count(t._row) FILTER (WHERE {name} = {literal(code)})" for code in codes}
    return parts | {"": f"count(t._row) FILTER (WHERE {name} IS NULL OR {name} NOT IN ({listed}))"}


def _drift_limits(rule: Rule, _: Window, past: Sequence[Past]) -> Limits | None:
    """The rows of each code in all earlier windows together; too few of them say nothing about what is usual."""
    pooled = {name: sum(one.parts.get(name, 0.0) for one in past) for name in _drift_parts(rule)}
    enough = len(past) >= rule.arguments.get("min_windows", MIN_WINDOWS)
    return pooled if enough and sum(pooled.values()) >= min_rows(rule) else None


def _drift_holds(rule: Rule, parts: Parts, limits: Limits) -> bool:
    """Whether the total variation distance between the shares now and before (half of the sum of the differences)
    is at most ``max``, and what chance alone may add: half of sqrt((k - 1) / n) for k codes and n rows is the most
    that the expected distance of a sample can be. Counts are whole, so both sums are exact."""
    names = list(_drift_parts(rule))
    now, before = [int(_number(parts, name)) for name in names], [int(limits[name]) for name in names]
    rows, pooled = sum(now), sum(before)
    if rows < min_rows(rule):
        return True
    apart = sum(abs(one * pooled - other * rows) for one, other in zip(now, before, strict=True))
    chance = 0.5 * math.sqrt((len(names) - 1) / rows)
    return float(apart) / float(2 * rows * pooled) <= float(rule.arguments["max"]) + chance


def _drift_condition(rule: Rule, part: Mapping[str, str], limit: Mapping[str, str]) -> str:
    names = list(_drift_parts(rule))
    now = {name: f"coalesce({part[name]}, 0)::numeric" for name in names}
    before = {name: f"{limit[name]}::numeric" for name in names}
    rows, pooled = (f"({' + '.join(counts.values())})" for counts in (now, before))
    apart = " + ".join(f"abs({now[name]} * {pooled} - {before[name]} * {rows})" for name in names)
    chance = f"0.5::float8 * sqrt({len(names) - 1}::float8 / {rows}::float8)"
    most = f"{literal(float(rule.arguments['max']))}::float8 + {chance}"
    return (
        f"CASE WHEN {rows} < {min_rows(rule)} THEN true"
        f" ELSE ({apart})::float8 / (2 * {rows} * {pooled})::float8 <= {most} END"
    )


def _no_row(_: Rule, __: Window) -> str:
    return "true"


_PER = checks.needs(*checks.one_of("source", "dataset"), "per")
_COUNTS = checks.needs(checks.counting, "a whole number from 1", "min_windows", "min_rows")
_SHARES = checks.needs(checks.share, "a share from 0 to 1", "share", "max", "rise")


def _some_limit(arguments: Mapping[str, Any]) -> str:
    return "" if {"max", "rise"} & set(arguments) else "it needs 'max', 'rise' or both"


def _kind(test: WindowTest, *more: Callable[[Mapping[str, Any]], str], **given: Any) -> Kind:
    given["optional"] = ("per", *given.get("optional", ()))
    return Kind(_no_row, window=test, check=checks.every(_PER, _COUNTS, _SHARES, *more), **given)


KINDS: dict[str, Kind] = {
    "row_count": _kind(
        WindowTest(_row_parts, _row_limits, _row_holds, _row_condition),
        checks.needs(checks.positive, "a number above 0", "tolerance"),
        optional=("tolerance", "share", "min_windows"),
        columns=0,
    ),
    "null_share": _kind(
        WindowTest(_null_parts, _null_limits, _null_holds, _null_condition),
        _some_limit,
        optional=("max", "rise", "min_rows", "min_windows"),
    ),
    "freshness": _kind(
        WindowTest(_fresh_parts, _fresh_limits, _fresh_holds, _fresh_condition, history=False),
        checks.needs(checks.positive, "a number of hours above 0", "max_age_hours"),
        required=("max_age_hours",),
        optional=("min_rows",),
        types=("timestamp",),
    ),
    "drift": _kind(
        WindowTest(_drift_parts, _drift_limits, _drift_holds, _drift_condition),
        required=("max",),
        optional=("min_rows", "min_windows"),
        types=("string",),
        coded=True,
    ),
}
