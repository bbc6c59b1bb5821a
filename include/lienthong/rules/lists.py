"""Kinds that look into ``core``: a code that must stand in a list, a name that must be the list's, a record of their
own dataset that must stay as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lienthong.batches import Window
from lienthong.rules import checks
from lienthong.rules.model import SQL_TYPES, VALIDITY, Kind, Rule, column, quoted
from lienthong.rules.rows import TIMES


def _exists_in(rule: Rule, _: Window) -> str:
    dataset = f"core.{quoted(rule.arguments['dataset'])}"
    target = quoted(rule.arguments.get("column", rule.columns[0]))
    name = column(rule.columns[0])
    rows = f"FROM {dataset} r WHERE r._deleted_at IS NULL"
    if "at" not in rule.arguments:
        # Not EXISTS: a query about the row keeps the statement from parallel workers. NULL in a list would hide a miss.
        return f"({name} IS NULL OR {name} IN (SELECT r.{target} {rows} AND r.{target} IS NOT NULL))"
    at = f"{column(rule.arguments['at'])}::date"
    start, end = (f"r.{quoted(name)}" for name in VALIDITY)
    valid = f"({at} IS NULL OR (({start} IS NULL OR {start} <= {at}) AND ({end} IS NULL OR {at} < {end})))"
    # Nearly every row is younger than the newest record and names one without an end: that takes no look-up a row.
    young = f"{at} >= (SELECT max({start}) {rows}) AND {name} IN (SELECT r.{target} {rows} AND {end} IS NULL)"
    return f"({name} IS NULL OR {young} OR EXISTS (SELECT {rows} AND r.{target} = {name} AND {valid}))"


def _official_name(rule: Rule, _: Window) -> str:
    # A name that belongs to another record is the business of not_name_of_another, and of that rule alone.
    return f"({_spelled_officially(rule)} OR {_name_of_another(rule)})"


def _not_name_of_another(rule: Rule, _: Window) -> str:
    return f"({_spelled_officially(rule)} OR NOT {_name_of_another(rule)})"


def _spelled_officially(rule: Rule) -> str:
    """Code and name stand together in the list, or the code is unknown and there is nothing to compare with."""
    code, name = column(rule.columns[0]), column(rule.columns[1])
    listed = _listed(rule)
    return f"({code}, {name}) IN ({listed}) OR {code} NOT IN (SELECT l.code FROM ({listed}) l)"


def _name_of_another(rule: Rule) -> str:
    # None of the sub-queries depends on the row, so each is hashed once; only odd spellings pay for name_key.
    code, key = column(rule.columns[0]), f"ops.name_key({column(rule.columns[1])})"
    keys = f"SELECT l.code, ops.name_key(l.name) AS key FROM ({_listed(rule)}) l"
    return f"({key} IN (SELECT k.key FROM ({keys}) k) AND ({code}, {key}) NOT IN ({keys}))"


def _listed(rule: Rule) -> str:
    dataset = f"core.{quoted(rule.arguments['dataset'])}"
    code = f"r.{quoted(rule.arguments.get('column', rule.columns[0]))}"
    given = [f"r.{quoted(name)}" for name in rule.arguments["names"]]
    rows = f"FROM {dataset} r WHERE r._deleted_at IS NULL"
    return " UNION ALL ".join(f"SELECT {code} AS code, {name} AS name {rows} AND {name} IS NOT NULL" for name in given)


def _append_only(rule: Rule, _: Window) -> str:
    """A record that ``core`` holds comes again with the same content, or not at all."""
    # By the name of the record, which has an index, and not by its columns, which need not have one.
    parts = [_as_name(name, kind) for name, kind in rule.arguments["key"].items()]
    name = " || '|' || ".join(parts)
    held, given = (", ".join(f"{alias}.{quoted(one)}" for one in rule.columns) for alias in ("r", "t"))
    return (
        f"NOT EXISTS (SELECT FROM core.{quoted(rule.arguments['within'])} r WHERE r._record_key = {name}"
        f" AND r._deleted_at IS NULL AND ROW({held}) IS DISTINCT FROM ROW({given}))"
    )


def _as_name(name: str, kind: str) -> str:
    """A column of the key as it stands in the name of a record."""
    value = column(name)
    return f"to_char({value}, 'YYYY-MM-DD HH24:MI:SS')" if kind == "timestamp" else f"{value}::text"


def _key(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and set(value.values()) <= set(SQL_TYPES)


_NAMES = checks.needs(checks.texts, "a list of columns", "names")

KINDS: dict[str, Kind] = {
    "exists_in": Kind(_exists_in, ("dataset",), ("column", "at"), refers=True, named={"at": TIMES}),
    "official_name": Kind(_official_name, ("dataset", "names"), ("column",), 2, True, _NAMES),
    "not_name_of_another": Kind(_not_name_of_another, ("dataset", "names"), ("column",), 2, True, _NAMES),
    "append_only": Kind(
        _append_only,
        ("within", "key"),
        columns=None,
        check=checks.needs(_key, "a map from each column of the key to its type", "key"),
    ),
}
