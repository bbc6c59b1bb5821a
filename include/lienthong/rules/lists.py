"""Kinds that look into another dataset: a code that must stand in a list, a name that must be the list's."""

from __future__ import annotations

from lienthong.batches import Window
from lienthong.rules import checks
from lienthong.rules.model import VALIDITY, Kind, Rule, column, quoted
from lienthong.rules.rows import TIMES


def _exists_in(rule: Rule, _: Window) -> str:
    dataset = f"core.{quoted(rule.arguments['dataset'])}"
    target = quoted(rule.arguments.get("column", rule.columns[0]))
    name = column(rule.columns[0])
    rows = f"FROM {dataset} r WHERE r._deleted_at IS NULL"
    if "at" not in rule.arguments:
        return f"({name} IS NULL OR EXISTS (SELECT {rows} AND r.{target} = {name}))"
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


_NAMES = checks.needs(checks.texts, "a list of columns", "names")

KINDS: dict[str, Kind] = {
    "exists_in": Kind(_exists_in, ("dataset",), ("column", "at"), refers=True, named={"at": TIMES}),
    "official_name": Kind(_official_name, ("dataset", "names"), ("column",), 2, True, _NAMES),
    "not_name_of_another": Kind(_not_name_of_another, ("dataset", "names"), ("column",), 2, True, _NAMES),
}
