"""A rule becomes one expectation: the other compilation beside the predicate of ``rules``.

Where Great Expectations has an expectation of its own for a kind, that is used, so that the two counts come from two
different hands; the rest become queries for unexpected rows, or for the sources that break a rule about a window.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.quality import columns
from lienthong.quality.counting import AFTER, BEFORE, BETWEEN, JOIN, ON, ROWS
from lienthong.rules import VALIDITY, Rule, Subject, column, literal, predicate, quoted, window_test
from lienthong.rules.vietnam import PHONE, misspelt
from lienthong.rules.windows import min_rows, oldest

NOTHING: Mapping[str, Sequence[Subject]] = {}


def expectations(contract: Contract, window: Window, subjects: Mapping[str, Sequence[Subject]] = NOTHING) -> list[Any]:
    """The suite of a contract, one expectation a rule, each carrying its rule's id, severity and sentence.

    ``subjects`` are the sources that each rule about a window looks at; without them it passes."""
    beside = {rule.beside for rule in contract.rules}
    return [_expectation(rule, window, subjects.get(rule.id, ()), beside) for rule in contract.rules]


def _expectation(rule: Rule, window: Window, subjects: Sequence[Subject], beside: Collection[object]) -> Any:
    name, arguments = compilation(rule, subjects)
    severity = "warning" if rule.severity == "warn" else "critical"
    meta = {"rule": rule.id, "sentence": rule.sentence, "severity": rule.severity}
    if rule.about_window:
        given = (
            _native_window(rule, window, subjects[0]) if name in NATIVE_WINDOW.values() else _sources(rule, subjects)
        )
    elif rule.kind == "exists_in" and (found := _found_beside(rule)) and found in beside:
        given = _nobody_beside(rule)
    else:
        given = arguments(rule, window)
    return columns.kind(name)(**given, severity=severity, meta=meta)


def compilation(rule: Rule, subjects: Sequence[Subject] = ()) -> Compilation:
    """The expectation that a rule becomes, and how the arguments of one about rows are made."""
    if rule.kind == "unique":
        return UNIQUE_COLUMN if len(rule.columns) == 1 else UNIQUE_COLUMNS
    if rule.about_window and _is_native(rule, subjects):
        return NATIVE_WINDOW[rule.kind], _unexpected_rows
    return EXPECTATIONS.get(rule.kind, UNEXPECTED)


def _unexpected_rows(rule: Rule, window: Window) -> dict[str, Any]:
    condition = _escaped(predicate(rule, window))
    return {"unexpected_rows_query": f"{BEFORE}{condition}{BETWEEN}{_escaped(_beside(rule))}{AFTER}"}


def _beside(rule: Rule) -> str:
    # By the column; the split joins by the name of the record. A column that is no name makes the counts differ.
    return _join(*rule.beside) if rule.beside else ""


def _join(dataset: str, by: str) -> str:
    dataset, by = quoted(dataset), quoted(by)
    return f"{JOIN}core.{dataset}{ON}{dataset}.{by} = t.{by} AND {dataset}._deleted_at IS NULL"


def _not_listed(rule: Rule, _: Window) -> dict[str, Any]:
    """Rows whose code no live record has: as one join without a partner, where the split asks row by row."""
    code, at = column(rule.columns[0]), rule.arguments.get("at")
    partner = f"r._deleted_at IS NULL AND r.{quoted(rule.arguments.get('column', rule.columns[0]))} = {code}"
    if at:
        day = f"{column(at)}::date"
        start, end = (f"r.{quoted(name)}" for name in VALIDITY)
        partner += f" AND coalesce({start} <= {day}, true) AND coalesce({day} < {end}, true)"
    listed = f"SELECT FROM core.{quoted(rule.arguments['dataset'])} r WHERE {partner}"
    where = _escaped(f"{code} IS NOT NULL AND NOT EXISTS ({listed})")
    return {"unexpected_rows_query": f"SELECT t._row {ROWS} WHERE {where}"}


def _found_beside(rule: Rule) -> tuple[str, str] | None:
    """The record that rules of kind ``sql`` would know beside the row, when it is the one that this rule looks for."""
    code = rule.columns[0]
    alone = "at" not in rule.arguments and rule.arguments.get("column", code) == code
    return (rule.arguments["dataset"], code) if alone else None


def _nobody_beside(rule: Rule) -> dict[str, Any]:
    """The same as ``_not_listed`` where other rules join that dataset by that column anyway: one join for all."""
    dataset, code = quoted(rule.arguments["dataset"]), quoted(rule.columns[0])
    condition = _escaped(f"t.{code} IS NULL OR {dataset}.{code} IS NOT NULL")
    join = _escaped(_join(rule.arguments["dataset"], rule.columns[0]))
    return {"unexpected_rows_query": f"{BEFORE}{condition}{BETWEEN}{join}{AFTER}"}


def _repeated_rows(rule: Rule, _: Window) -> dict[str, Any]:
    # One row for each row of a repeated key. Groups are hashed; the split sorts for its window function, and Great
    # Expectations' own expectation joins the groups to all rows again, which takes four times as long.
    names = ", ".join(column(name) for name in rule.columns)
    present = " AND ".join(f"{column(name)} IS NOT NULL" for name in rule.columns)
    groups = f"SELECT count(*) AS n {ROWS} WHERE {_escaped(present)} GROUP BY {_escaped(names)} HAVING count(*) > 1"
    return {"unexpected_rows_query": f"SELECT q.n FROM ({groups}) q, generate_series(1, q.n)"}


def _is_native(rule: Rule, subjects: Sequence[Subject]) -> bool:
    """Whether the sources are looked at together, there is an opinion, and Great Expectations can say it."""
    if not rule.whole or rule.kind not in NATIVE_WINDOW or not subjects or subjects[0].limits is None:
        return False
    return rule.kind == "row_count" or (subjects[0].parts["rows"] or 0) >= min_rows(rule)


def _native_window(rule: Rule, window: Window, subject: Subject) -> dict[str, Any]:
    from great_expectations.expectations.row_conditions import Column

    given = {"row_condition": Column("_line") > 0}  # line 0 is what waited, not what the sources gave
    limits = subject.limits or {}
    if rule.kind == "row_count":
        return given | {"min_value": limits["low"], "max_value": limits["high"]}
    if rule.kind == "null_share":
        return given | {"column": f"{rule.columns[0]}__raw", "min_value": limits["filled"]}
    return given | {"column": rule.columns[0], "min_value": oldest(rule, window)}


def _sources(rule: Rule, subjects: Sequence[Subject]) -> dict[str, Any]:
    """A query with one row for each source that breaks the rule; it gives places in the list, no value and no name."""
    test = window_test(rule)
    judged = [subject for subject in subjects if subject.limits is not None]
    if not judged:
        return {"unexpected_rows_query": f"SELECT t._row {ROWS} WHERE false"}
    names = list(judged[0].limits or {})
    columns = ", ".join(f"l{place}" for place in range(len(names)))
    values = ", ".join(
        f"({place}, {literal(one.source)}, {', '.join(_double((one.limits or {})[name]) for name in names)})"
        for place, one in enumerate(judged)
    )
    parts = dict(test.parts(rule))
    counts = _escaped(", ".join(f"{text} AS p{place}" for place, text in enumerate(parts.values())))
    of_source = f"SELECT t._source AS source, {counts} {ROWS} WHERE t._line > 0 GROUP BY t._source"
    if rule.whole:
        of_source = f"SELECT {literal(judged[0].source)} AS source, {counts} {ROWS} WHERE t._line > 0"
    condition = test.condition(
        rule,
        {name: f"q.p{place}" for place, name in enumerate(parts)},
        {name: f"b.l{place}" for place, name in enumerate(names)},
    )
    return {
        "unexpected_rows_query": f"SELECT b.place FROM (VALUES {_escaped(values)}) AS b(place, source, {columns})"
        f" LEFT JOIN ({of_source}) q ON q.source = b.source WHERE NOT ({_escaped(condition)})"
    }


def _double(value: float) -> str:
    return f"{float(value)!r}::float8"


def _escaped(text: str) -> str:
    """SQL as Great Expectations must be given it: ``str.format`` fills ``{batch}``, so every brace is doubled, and
    SQLAlchemy takes ``:word`` for a value to be bound unless a backslash stands before it."""
    return re.sub(r"(?<![:\w$]):(?=[\w$])", r"\\:", text.replace("{", "{{").replace("}", "}}"))


# Name of the expectation and its arguments for a rule.
Compilation = tuple[str, Callable[[Rule, Window], dict[str, Any]]]

UNEXPECTED: Compilation = ("UnexpectedRowsExpectation", _unexpected_rows)

# Kinds for which Great Expectations has an expectation of the same meaning.
EXPECTATIONS: dict[str, Compilation] = {
    "required": ("ExpectColumnValuesToNotBeNull", lambda r, _: {"column": f"{r.columns[0]}__raw"}),
    "in_set": (
        "ExpectColumnValuesToBeInSet",
        lambda r, _: {"column": r.columns[0], "value_set": [str(value) for value in r.arguments["values"]]},
    ),
    "matches": (
        "ExpectColumnValuesToMatchRegex",
        lambda r, _: {"column": r.columns[0], "regex": r.arguments["pattern"]},
    ),
    "phone": ("ExpectColumnValuesToMatchRegex", lambda r, _: {"column": r.columns[0], "regex": PHONE}),
    "spelling": ("ExpectColumnValuesToNotMatchRegex", lambda r, _: {"column": r.columns[0], "regex": misspelt(r)}),
    "length": (
        "ExpectColumnValueLengthsToBeBetween",
        lambda r, _: {
            "column": r.columns[0],
            "min_value": r.arguments.get("min", 0),
            "max_value": r.arguments["max"],
        },
    ),
    "between": (
        "ExpectColumnValuesToBeBetween",
        lambda r, _: {"column": r.columns[0], "min_value": r.arguments["min"], "max_value": r.arguments["max"]},
    ),
    "exists_in": (UNEXPECTED[0], _not_listed),
    "at_most": (
        "ExpectColumnPairValuesAToBeGreaterThanB",
        lambda r, _: {
            "column_A": r.columns[1],
            "column_B": r.columns[0],
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        },
    ),
}
UNIQUE_COLUMN: Compilation = ("ExpectColumnValuesToBeUnique", lambda r, _: {"column": r.columns[0]})
UNIQUE_COLUMNS: Compilation = (UNEXPECTED[0], _repeated_rows)
# Kinds about a window for which it has one, when the sources are looked at together.
NATIVE_WINDOW = {
    "row_count": "ExpectTableRowCountToBeBetween",
    "null_share": "ExpectColumnProportionOfNonNullValuesToBeBetween",
    "freshness": "ExpectColumnMaxToBeBetween",
}
