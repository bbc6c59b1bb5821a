"""A rule becomes one expectation: the other compilation beside the predicate of ``rules``.

Where Great Expectations has an expectation of its own for a kind, that is used, so that the two counts come from two
different hands; the rest become queries for unexpected rows, or for the sources that break a rule about a window.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.rules import Rule, Subject, column, literal, predicate, window_test
from lienthong.rules.vietnam import PHONE, misspelt
from lienthong.rules.windows import min_rows, oldest
from lienthong.warehouse.landing import looks_at_its_row_only

NOTHING: Mapping[str, Sequence[Subject]] = {}
# Great Expectations puts an aliased sub-query in the place of {batch}, hence the second SELECT.
ROWS = "FROM (SELECT * FROM {batch}) t"
# Around the predicate of a rule. Only the row number is selected: what is kept of unexpected rows holds no value.
BEFORE, AFTER = "SELECT q._row FROM (SELECT t._row, (", f") AS passes {ROWS}) q WHERE q.passes IS FALSE"


def expectations(contract: Contract, window: Window, subjects: Mapping[str, Sequence[Subject]] = NOTHING) -> list[Any]:
    """The suite of a contract, one expectation a rule, each carrying its rule's id, severity and sentence.

    ``subjects`` are the sources that each rule about a window looks at; without them it passes."""
    return [_expectation(rule, window, subjects.get(rule.id, ())) for rule in contract.rules]


def _expectation(rule: Rule, window: Window, subjects: Sequence[Subject]) -> Any:
    import great_expectations.expectations as gxe

    name, arguments = compilation(rule, subjects)
    kind = _counted_rows() if name == UNEXPECTED[0] else getattr(gxe, name)
    severity = "warning" if rule.severity == "warn" else "critical"
    meta = {"rule": rule.id, "sentence": rule.sentence, "severity": rule.severity}
    if rule.about_window:
        given = (
            _native_window(rule, window, subjects[0]) if name in NATIVE_WINDOW.values() else _sources(rule, subjects)
        )
    else:
        given = arguments(rule, window)
    return kind(**given, severity=severity, meta=meta)


@cache
def _counted_rows() -> Any:
    """Great Expectations' own query for unexpected rows, under its own name, that counts them and does not fetch them.

    Theirs runs the query twice, once for the count and once for the first rows, which nobody may see. Ours runs it
    once; conditions that look at nothing but their row are counted together, in one scan."""
    import great_expectations.expectations as gxe

    together = _conditions_together().metric_name
    registry = logging.getLogger("great_expectations.expectations.registry")
    registry.disabled = True  # it warns that a name is taken anew, which is what is wanted here

    class UnexpectedRowsExpectation(gxe.UnexpectedRowsExpectation):  # type: ignore[name-defined,misc]  # not exported
        @property
        def metric_dependencies(self) -> tuple[str, ...]:
            return (together if _condition(self.unexpected_rows_query) else "unexpected_rows_query.row_count",)

        def _validate(self, metrics: dict[str, Any], *context: Any, **named: Any) -> Any:
            (counted,) = self.metric_dependencies
            found = {"unexpected_rows_query.row_count": metrics[counted], "unexpected_rows_query.table": []}
            return super()._validate(found, *context, **named)

    registry.disabled = False
    return UnexpectedRowsExpectation


@cache
def _conditions_together() -> Any:
    """A metric of Great Expectations for our queries whose condition looks at nothing but its row.

    An aggregate: Great Expectations puts all of them into one statement, as it does with its own."""
    import sqlalchemy
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.metrics.metric_provider import metric_partial
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

    class RowsThatBreakACondition(TableMetricProvider):
        metric_name = "unexpected_rows_query.rows_that_break_a_condition"
        value_keys = ("unexpected_rows_query",)

        @metric_partial(
            engine=SqlAlchemyExecutionEngine,
            partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
            domain_type=MetricDomainTypes.TABLE,
        )
        def _sqlalchemy(
            cls,  # theirs: it is called with the class
            execution_engine: Any,
            metric_domain_kwargs: dict[str, Any],
            metric_value_kwargs: dict[str, Any],
            **_: Any,
        ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
            # The same batch under the name that conditions know it by: Great Expectations itself gives it none.
            batches = execution_engine.batch_manager.batch_data_cache
            name = f"{metric_domain_kwargs['batch_id']} as t"
            if name not in batches:
                rows = execution_engine.get_domain_records(metric_domain_kwargs).alias("t")
                batches[name] = SimpleNamespace(selectable=rows)  # their class would take the name away
            condition = _condition(metric_value_kwargs["unexpected_rows_query"])
            broken = sqlalchemy.text(f"({condition}) IS FALSE")
            return sqlalchemy.func.count().filter(broken), {"batch_id": name}, {}

    return RowsThatBreakACondition


def compilation(rule: Rule, subjects: Sequence[Subject] = ()) -> Compilation:
    """The expectation that a rule becomes, and how the arguments of one about rows are made."""
    if rule.kind == "unique":
        return UNIQUE_COLUMN if len(rule.columns) == 1 else UNIQUE_COLUMNS
    if rule.about_window and _is_native(rule, subjects):
        return NATIVE_WINDOW[rule.kind], _unexpected_rows
    return EXPECTATIONS.get(rule.kind, UNEXPECTED)


def _unexpected_rows(rule: Rule, window: Window) -> dict[str, Any]:
    return {"unexpected_rows_query": f"{BEFORE}{_escaped(predicate(rule, window))}{AFTER}"}


def _condition(query: str) -> str:
    """The predicate in a query of ours, if it looks at nothing but its row; an empty text for every other query."""
    if not (query.startswith(BEFORE) and query.endswith(AFTER)):
        return ""
    condition = query.removeprefix(BEFORE).removesuffix(AFTER)
    return condition.format() if looks_at_its_row_only(condition) else ""  # format undoes the doubled braces


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
