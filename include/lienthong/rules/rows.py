"""Kinds about single rows that any dataset can use: presence, type, form, range, order, uniqueness, sequence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lienthong.batches import Window
from lienthong.rules import checks
from lienthong.rules.model import SQL_TYPES, Kind, Rule, column, literal, quoted, raw


def _required(rule: Rule, _: Window) -> str:
    return f"{raw(rule.columns[0])} IS NOT NULL"


def _typed(rule: Rule, _: Window) -> str:
    name = rule.columns[0]
    return f"({raw(name)} IS NULL OR {column(name)} IS NOT NULL)"


def _in_set(rule: Rule, _: Window) -> str:
    values = ", ".join(literal(str(value)) for value in rule.arguments["values"])
    return f"{column(rule.columns[0])} IN ({values})"


# Digits of a given number, the form of most codes. PostgreSQL makes a state for each digit that a pattern counts, for
# every text anew; to count the bytes and to look for anything that is no digit takes half the time.
_DIGITS = re.compile(r"\^\[0-9\]\{([0-9]{1,2})\}\$")


def _matches(rule: Rule, _: Window) -> str:
    name, pattern = column(rule.columns[0]), rule.arguments["pattern"]
    if digits := _DIGITS.fullmatch(pattern):
        return f"(octet_length({name}) = {int(digits[1])} AND {name} !~ '[^0-9]')"
    return f"{name} ~ {literal(pattern)}"


def _length(rule: Rule, _: Window) -> str:
    name = column(rule.columns[0])
    low, high = rule.arguments.get("min", 0), rule.arguments["max"]
    return f"char_length({name}) BETWEEN {literal(low)} AND {literal(high)}"


def _between(rule: Rule, _: Window) -> str:
    # A bound with decimals is compared as Great Expectations compares it, in float8: far digits would differ else.
    tests = []
    for bound, sign in (("min", ">="), ("max", "<=")):
        value = rule.arguments[bound]
        cast = "::float8" if isinstance(value, float) else ""
        tests.append(f"{column(rule.columns[0])}{cast} {sign} {literal(value)}{cast}")
    return f"({' AND '.join(tests)})"


def _at_most(rule: Rule, _: Window) -> str:
    first, second = rule.columns
    return f"{column(first)} <= {column(second)}"


def _unique(rule: Rule, _: Window) -> str:
    names = ", ".join(column(name) for name in rule.columns)
    absent = " OR ".join(f"{column(name)} IS NULL" for name in rule.columns)
    return f"({absent} OR count(*) OVER (PARTITION BY {names}) = 1)"


def _not_future(rule: Rule, window: Window) -> str:
    return f"{column(rule.columns[0])} < timestamp {literal(window.local_end)}"


def _normal_form(rule: Rule, _: Window) -> str:
    # A typed text is the NFC form of what was received, so a comparison tells it: much cheaper than IS NORMALIZED.
    return " AND ".join(f"coalesce({raw(name)} = {column(name)}, true)" for name in rule.columns)


def _legal_characters(rule: Rule, _: Window) -> str:
    # Readers write U+2400 for NUL and U+FFFD for what is not Unicode, because PostgreSQL can hold neither.
    whole = " || ".join(f"coalesce({raw(name)}, '')" for name in rule.columns)  # concat_ws takes twice as long
    return f"({whole}) NOT LIKE ALL (ARRAY['%\u2400%', '%\ufffd%'])"


def _sql(rule: Rule, _: Window) -> str:
    return f"({rule.arguments['expression']})"


def _record_beside(rule: Rule) -> tuple[str, str] | None:
    """A condition that names ``<dataset>.<column>`` looks at the record that ``by`` names; one with a query of its own
    finds its rows itself."""
    dataset, by, text = (rule.arguments.get(name, "") for name in ("dataset", "by", "expression"))
    if not dataset or not by or re.search(r"\b(select|over)\b", text, re.IGNORECASE):
        return None
    return (dataset, by) if re.search(rf"(?<![\w.]){re.escape(dataset)}\.", text) else None


def _transition(rule: Rule, _: Window) -> str:
    status, moment = rule.columns
    table = f"core.{quoted(rule.arguments['within'])}"
    of = rule.arguments["of"]
    allowed: Mapping[str, list[str]] = rule.arguments["allowed"]
    place = {code: number for number, code in enumerate(allowed, 1)}
    legal = ", ".join(
        str(100 * place[code] + place[after]) for code in allowed for after in (code, *allowed[code]) if after in place
    )

    def number(alias: str) -> str:
        codes = " ".join(f"WHEN {literal(code)} THEN {at}" for code, at in place.items())
        return f"CASE {alias}.{quoted(status)} {codes} END"

    def step(alias: str) -> str:
        # One number that sorts as (moment, place) does, a code that is not known last: sorting rows is the cost here.
        return f"(date_part('epoch', {alias}.{quoted(moment)})::bigint << 10 | coalesce({number(alias)}, {UNKNOWN}))"

    def follows(before: str) -> str:
        return f"100 * nullif({before} & {UNKNOWN}, {UNKNOWN}) + {number('t')} IN ({legal})"

    key, key_in_core = column(of), f"r.{quoted(of)}"
    in_batch = f"lag({step('t')}) OVER (PARTITION BY {key} ORDER BY {step('t')})"
    rows = f"FROM {table} r WHERE {key_in_core} = {key} AND r._deleted_at IS NULL"
    in_core = f"(SELECT max({step('r')}) {rows} AND {step('r')} < {step('t')})"
    # The table is asked only where the batch alone does not show a legal step: once a record, not once a row.
    return (
        f"CASE WHEN {key} IS NULL OR {column(moment)} IS NULL OR coalesce({follows(in_batch)}, false) THEN true"
        f" ELSE {follows(f'greatest({in_batch}, {in_core})')} END"
    )


TIMES = ("date", "timestamp")
UNKNOWN = 1023  # the ten bits of a code that has no place among the known ones, of which there are at most 99

KINDS: dict[str, Kind] = {
    "required": Kind(_required),
    "type": Kind(_typed, required=("type",)),
    "in_set": Kind(
        _in_set, required=("values",), check=checks.needs(checks.texts, "a list of texts", "values"), types=("string",)
    ),
    "matches": Kind(
        _matches,
        required=("pattern",),
        check=checks.needs(checks.pattern, "a regular expression", "pattern"),
        types=("string",),
    ),
    "length": Kind(
        _length,
        ("max",),
        ("min",),
        check=checks.needs(checks.whole, "a whole number from 0", "min", "max"),
        types=("string",),
    ),
    "between": Kind(
        _between,
        required=("min", "max"),
        check=checks.needs(checks.number, "a number", "min", "max"),
        types=("integer", "number"),
    ),
    "at_most": Kind(_at_most, columns=2),
    "unique": Kind(_unique, columns=None),
    "transition": Kind(
        _transition,
        ("within", "of", "allowed"),
        columns=2,
        check=checks.needs(checks.transitions, "a map from each code to a list of codes that the map knows", "allowed"),
        named={"of": tuple(SQL_TYPES)},
    ),
    "not_future": Kind(_not_future, types=TIMES),
    "normal_form": Kind(_normal_form, columns=None, types=("string",)),
    "legal_characters": Kind(_legal_characters, columns=None),
    "sql": Kind(
        _sql,
        ("expression",),
        ("dataset", "by"),
        columns=None,
        refers=True,
        check=checks.needs(checks.expression, "an SQL condition without :parameters", "expression"),
        named={"by": tuple(SQL_TYPES)},
        beside=_record_beside,
    ),
}
