"""A rule kind compiles to one SQL predicate; ``quality`` holds its other compilation, for Great Expectations.

A predicate reads the typed landing table under the alias ``t``: column ``x`` holds the typed value (NULL when
the text does not fit the type; a text in NFC), ``x__raw`` the trimmed text. A predicate that yields NULL passes: only
``required`` speaks about absence, so no row is reported twice for one missing value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lienthong.batches import Window

SEVERITIES = ("block", "quarantine", "warn")

# Text types of the warehouse by the contract's logical type.
SQL_TYPES = {
    "string": "text", "integer": "bigint", "number": "numeric",
    "date": "date", "timestamp": "timestamp(0)", "boolean": "boolean",
}  # fmt: skip


# Columns of a dataset whose records are valid for a time: first day, and first day no more.
VALIDITY = ("hieu_luc_tu", "hieu_luc_den")


@dataclass(frozen=True, slots=True)
class Rule:
    """One testable promise about the rows of a dataset.

    ``sentence`` tells the department, in Vietnamese, what is wrong and how to mend it. ``arguments`` belong to
    the kind. ``derived`` marks a rule that follows from the schema part of the contract."""

    id: str
    kind: str
    columns: tuple[str, ...]
    severity: str
    dimension: str
    sentence: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    derived: bool = False

    @property
    def rejects(self) -> bool:
        """Whether a row that breaks the rule stays out of ``core``."""
        return self.severity != "warn"

    @property
    def reference(self) -> str | None:
        """Dataset that the rule looks into; a run waits for it, and a rejected row waits with it."""
        return self.arguments.get("dataset") if KINDS[self.kind].refers else None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a rule of this kind must say, what it may say, and its SQL predicate.

    ``columns`` is the number of columns that it takes, None for one or more. ``refers`` says that its argument
    ``dataset`` is another dataset. ``check`` gives what is wrong with its arguments, or an empty text."""

    predicate: Callable[[Rule, Window], str]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    columns: int | None = 1
    refers: bool = False
    check: Callable[[Mapping[str, Any]], str] = lambda _: ""


def predicate(rule: Rule, window: Window) -> str:
    """SQL that is FALSE exactly for the rows that break the rule; values are literals, names are quoted."""
    return KINDS[rule.kind].predicate(rule, window)


def column(name: str) -> str:
    """The typed value of a column, quoted."""
    return f"t.{quoted(name)}"


def raw(name: str) -> str:
    """The trimmed text of a column as received, quoted."""
    return column(f"{name}__raw")


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as an SQL literal; ``standard_conforming_strings`` is on, so only quotes need doubling."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _required(rule: Rule, _: Window) -> str:
    return f"{raw(rule.columns[0])} IS NOT NULL"


def _typed(rule: Rule, _: Window) -> str:
    name = rule.columns[0]
    return f"({raw(name)} IS NULL OR {column(name)} IS NOT NULL)"


def _in_set(rule: Rule, _: Window) -> str:
    values = ", ".join(literal(str(value)) for value in rule.arguments["values"])
    return f"{column(rule.columns[0])} IN ({values})"


def _matches(rule: Rule, _: Window) -> str:
    return f"{column(rule.columns[0])} ~ {literal(rule.arguments['pattern'])}"


def _length(rule: Rule, _: Window) -> str:
    name = column(rule.columns[0])
    low, high = rule.arguments.get("min", 0), rule.arguments["max"]
    return f"char_length({name}) BETWEEN {literal(low)} AND {literal(high)}"


def _between(rule: Rule, _: Window) -> str:
    name = column(rule.columns[0])
    return f"{name} BETWEEN {literal(rule.arguments['min'])} AND {literal(rule.arguments['max'])}"


def _at_most(rule: Rule, _: Window) -> str:
    first, second = rule.columns
    return f"{column(first)} <= {column(second)}"


def _unique(rule: Rule, _: Window) -> str:
    names = ", ".join(column(name) for name in rule.columns)
    absent = " OR ".join(f"{column(name)} IS NULL" for name in rule.columns)
    return f"({absent} OR count(*) OVER (PARTITION BY {names}) = 1)"


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


def _not_future(rule: Rule, window: Window) -> str:
    return f"{column(rule.columns[0])} < timestamp {literal(window.local_end)}"


def _normal_form(rule: Rule, _: Window) -> str:
    # A typed text is the NFC form of what was received, so a comparison tells it: much cheaper than IS NORMALIZED.
    return " AND ".join(f"coalesce({raw(name)} = {column(name)}, true)" for name in rule.columns)


def _legal_characters(rule: Rule, _: Window) -> str:
    # Readers write U+2400 for NUL and U+FFFD for what is not Unicode, because PostgreSQL can hold neither.
    whole = f"concat_ws('', {', '.join(raw(name) for name in rule.columns)})"
    return f"(strpos({whole}, '\u2400') = 0 AND strpos({whole}, '\ufffd') = 0)"


def _sql(rule: Rule, _: Window) -> str:
    return f"({rule.arguments['expression']})"


def _official_name(rule: Rule, _: Window) -> str:
    # A name that belongs to another record is the business of not_name_of_another, and of that rule alone.
    return f"({_spelled_officially(rule)} OR {_name_of_another(rule)})"


def _not_name_of_another(rule: Rule, _: Window) -> str:
    return f"({_spelled_officially(rule)} OR NOT {_name_of_another(rule)})"


def _spelled_officially(rule: Rule) -> str:
    """Code and name stand together in the list, or the code is unknown and there is nothing to compare with."""
    code, name = column(rule.columns[0]), column(rule.columns[1])
    listed = _listed(rule)
    return f"({code}, {name}) IN ({listed}) OR {code} NOT IN (SELECT l.code FROM ({listed}) l)"  # quoted


def _name_of_another(rule: Rule) -> str:
    # None of the sub-queries depends on the row, so each is hashed once; only odd spellings pay for name_key.
    code, key = column(rule.columns[0]), f"ops.name_key({column(rule.columns[1])})"
    keys = f"SELECT l.code, ops.name_key(l.name) AS key FROM ({_listed(rule)}) l"  # quoted
    return f"({key} IN (SELECT k.key FROM ({keys}) k) AND ({code}, {key}) NOT IN ({keys}))"  # quoted


def _listed(rule: Rule) -> str:
    dataset = f"core.{quoted(rule.arguments['dataset'])}"
    code = f"r.{quoted(rule.arguments.get('column', rule.columns[0]))}"
    given = [f"r.{quoted(name)}" for name in rule.arguments["names"]]
    rows = f"FROM {dataset} r WHERE r._deleted_at IS NULL"
    return " UNION ALL ".join(f"SELECT {code} AS code, {name} AS name {rows} AND {name} IS NOT NULL" for name in given)


def _transition(rule: Rule, _: Window) -> str:
    status, moment = rule.columns
    table = f"core.{quoted(rule.arguments['within'])}"
    of = rule.arguments["of"]
    allowed: Mapping[str, list[str]] = rule.arguments["allowed"]
    place = {code: number for number, code in enumerate(allowed, 1)}
    legal = ", ".join(
        str(100 * place[code] + place[after]) for code in allowed for after in (code, *allowed[code]) if after in place
    )

    def step(alias: str) -> str:
        codes = ", ".join(literal(code) for code in allowed)
        when, what = (f"{alias}.{quoted(name)}" for name in (moment, status))
        return f"ARRAY[extract(epoch FROM {when})::bigint, array_position(ARRAY[{codes}], {what})]"

    def follows(before: str) -> str:
        return f"100 * ({before})[2] + ({step('t')})[2] IN ({legal})"

    key, key_in_core = column(of), f"r.{quoted(of)}"
    in_batch = f"lag({step('t')}) OVER (PARTITION BY {key} ORDER BY {step('t')})"
    rows = f"FROM {table} r WHERE {key_in_core} = {key} AND r._deleted_at IS NULL"
    in_core = f"(SELECT max({step('r')}) {rows} AND {step('r')} < {step('t')})"
    # The table is asked only where the batch alone does not show a legal step: once a record, not once a row.
    return (
        f"CASE WHEN {key} IS NULL OR {column(moment)} IS NULL OR coalesce({follows(in_batch)}, false) THEN true"
        f" ELSE {follows(f'greatest({in_batch}, {in_core})')} END"
    )


def _needs(test: Callable[[Any], bool], expected: str, *names: str) -> Callable[[Mapping[str, Any]], str]:
    def check(arguments: Mapping[str, Any]) -> str:
        wrong = [name for name in names if name in arguments and not test(arguments[name])]
        return f"{wrong[0]!r} must be {expected}" if wrong else ""

    return check


def _pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _expression(value: Any) -> bool:
    # Great Expectations hands the query to SQLAlchemy, which would read ":word" as a parameter.
    return isinstance(value, str) and bool(value.strip()) and not re.search(r"(?<![:\w\\]):\w", value)


def _transitions(value: Any) -> bool:
    if not isinstance(value, dict) or not value or len(value) > 99:
        return False
    return all(
        isinstance(code, str) and isinstance(after, list) and set(after) <= set(value) for code, after in value.items()
    )


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


KINDS: dict[str, Kind] = {
    "required": Kind(_required),
    "type": Kind(_typed, required=("type",)),
    "in_set": Kind(_in_set, required=("values",), check=_needs(_texts, "a list of texts", "values")),
    "matches": Kind(_matches, required=("pattern",), check=_needs(_pattern, "a regular expression", "pattern")),
    "length": Kind(_length, ("max",), ("min",), check=_needs(_whole, "a whole number from 0", "min", "max")),
    "between": Kind(_between, required=("min", "max"), check=_needs(_number, "a number", "min", "max")),
    "at_most": Kind(_at_most, columns=2),
    "unique": Kind(_unique, columns=None),
    "exists_in": Kind(_exists_in, ("dataset",), ("column", "at"), refers=True),
    "official_name": Kind(
        _official_name, ("dataset", "names"), ("column",), 2, True, _needs(_texts, "a list of columns", "names")
    ),
    "not_name_of_another": Kind(
        _not_name_of_another, ("dataset", "names"), ("column",), 2, True, _needs(_texts, "a list of columns", "names")
    ),
    "transition": Kind(
        _transition,
        ("within", "of", "allowed"),
        columns=2,
        check=_needs(_transitions, "a map from each code to a list of codes that the map knows", "allowed"),
    ),
    "not_future": Kind(_not_future),
    "normal_form": Kind(_normal_form, columns=None),
    "legal_characters": Kind(_legal_characters, columns=None),
    "sql": Kind(
        _sql,
        ("expression",),
        ("dataset",),
        columns=None,
        refers=True,
        check=_needs(_expression, "an SQL condition without :parameters", "expression"),
    ),
}
