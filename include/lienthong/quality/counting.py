"""Great Expectations' own expectations under their own names, counted with as few statements as it takes.

Nothing here decides what is wrong: conditions come from the suite or from Great Expectations. What it counts one
statement at a time, or fetches although nobody may see it, is put into the aggregates that it computes in one scan.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

# Great Expectations puts an aliased sub-query in the place of {batch}, hence the second SELECT.
ROWS = "FROM (SELECT * FROM {batch}) t"
# Around the predicate of a rule, with what it looks at beside its row in the middle. Only the row number is selected:
# what is kept of unexpected rows holds no value.
BEFORE, BETWEEN, AFTER = "SELECT q._row FROM (SELECT t._row, (", f") AS passes {ROWS}", ") q WHERE q.passes IS FALSE"
# Between the parts of what it looks at beside its row.
JOIN, ON = " LEFT JOIN ", " ON "
# Their names for the number of rows, and for what they count of two columns.
ROW_COUNT, PAIRS = "table.row_count", "column_pair_values.a_greater_than_b"
# Words without which a condition can be one of many in an aggregate.
_NOT_TOGETHER = re.compile(r"\b(select|over)\b", re.IGNORECASE)


@contextmanager
def names_taken_anew() -> Iterator[None]:
    """Great Expectations warns that a name is taken anew, which is what is wanted here."""
    registry = logging.getLogger("great_expectations.expectations.registry")
    registry.disabled = True
    try:
        yield
    finally:
        registry.disabled = False


@cache
def counted_rows() -> Any:
    """Great Expectations' own query for unexpected rows, under its own name, that counts them and does not fetch them.

    Theirs runs the query twice, once for the count and once for the first rows, which nobody may see. Ours runs it
    once; conditions without a query of their own are counted together, in one scan."""
    import great_expectations.expectations as gxe

    together = _conditions_together().metric_name
    with names_taken_anew():

        class UnexpectedRowsExpectation(gxe.UnexpectedRowsExpectation):  # type: ignore[name-defined,misc]  # not exported
            @property
            def metric_dependencies(self) -> tuple[str, ...]:
                alone = _condition(self.unexpected_rows_query) is None
                return ("unexpected_rows_query.row_count" if alone else together,)

            def _validate(self, metrics: dict[str, Any], *context: Any, **named: Any) -> Any:
                (counted,) = self.metric_dependencies
                found = {"unexpected_rows_query.row_count": metrics[counted], "unexpected_rows_query.table": []}
                return super()._validate(found, *context, **named)

    return UnexpectedRowsExpectation


@cache
def counted_pairs() -> Any:
    """Great Expectations' own comparison of two columns, under its own name, counted in the scan of the conditions.

    Theirs takes a statement for the pairs and one for those that are wrong. The condition stays theirs."""
    import great_expectations.expectations as gxe
    from great_expectations.validator.metric_configuration import MetricConfiguration

    counted = {
        ROW_COUNT: rows_together(),
        **{f"{PAIRS}.{part}": _pairs_together(part) for part in ("unexpected_count", "filtered_row_count")},
    }
    with names_taken_anew():

        class ExpectColumnPairValuesAToBeGreaterThanB(gxe.ExpectColumnPairValuesAToBeGreaterThanB):  # type: ignore[name-defined,misc]  # not exported
            def get_validation_dependencies(self, *context: Any, **named: Any) -> Any:
                found = super().get_validation_dependencies(*context, **named)
                wanted = found.metric_configurations
                for replaced, ours in counted.items():
                    theirs = wanted.pop(replaced)
                    given = theirs.metric_domain_kwargs, theirs.metric_value_kwargs
                    found.set_metric_configuration(ours.metric_name, MetricConfiguration(ours.metric_name, *given))
                wanted.pop(f"{self.map_metric}.unexpected_values", None)
                return found

            def _validate(self, metrics: dict[str, Any], *context: Any, **named: Any) -> Any:
                counts = {replaced: metrics[ours.metric_name] for replaced, ours in counted.items()}
                none: dict[str, Any] = {f"{self.map_metric}.unexpected_values": []}
                return super()._validate({**metrics, **counts, **none}, *context, **named)

    return ExpectColumnPairValuesAToBeGreaterThanB


def _condition(query: str) -> tuple[str, str] | None:
    """The predicate in a query of ours and what it looks at beside its row; None when it is not one of many."""
    if not (query.startswith(BEFORE) and query.endswith(AFTER)):
        return None
    condition, _, beside = query.removeprefix(BEFORE).removesuffix(AFTER).rpartition(BETWEEN)
    # format undoes the doubled braces
    return None if _NOT_TOGETHER.search(condition) else (condition.format(), beside.format())


def aggregate(function: Callable[..., Any]) -> Any:
    """A method that gives one aggregate; Great Expectations puts all of a domain into one statement."""
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.metrics.metric_provider import metric_partial

    return metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )(function)


def batch_as_t(engine: Any, batch_id: str, beside: str = "") -> dict[str, str]:
    """The domain of the same batch under the name that conditions know it by: Great Expectations gives it none."""
    import sqlalchemy

    batches = engine.batch_manager.batch_data_cache
    name = f"{batch_id} as t{beside}"
    if name not in batches:
        rows: Any = engine.get_domain_records({"batch_id": batch_id}).alias("t")
        if beside:
            table, on = beside.removeprefix(JOIN).split(ON, 1)
            held = sqlalchemy.table(sqlalchemy.quoted_name(table, quote=False))
            rows = rows.outerjoin(held, sqlalchemy.text(on))
        batches[name] = SimpleNamespace(selectable=rows)  # their class would take the name away
    return {"batch_id": name}


@cache
def together() -> Any:
    """Metrics that are asked as soon as the names of the columns are known, all at once: Great Expectations puts the
    aggregates that it can answer at one time into one statement."""
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
    from great_expectations.validator.metric_configuration import MetricConfiguration

    class Together(TableMetricProvider):
        @classmethod
        def _get_evaluation_dependencies(cls, metric: Any, *context: Any, **named: Any) -> dict[str, Any]:
            found = dict(super()._get_evaluation_dependencies(metric, *context, **named))
            if not found:  # the aggregate itself, and not the number that is made of it
                batch = {"batch_id": metric.metric_domain_kwargs["batch_id"]}
                found["table.columns"] = MetricConfiguration("table.columns", batch, None)
            return found

    return Together


@cache
def _conditions_together() -> Any:
    """A metric of Great Expectations for our queries whose condition is one of many."""
    import sqlalchemy

    class RowsThatBreakACondition(together()):  # type: ignore[misc]  # a class
        metric_name = "unexpected_rows_query.rows_that_break_a_condition"
        value_keys = ("unexpected_rows_query",)

        @aggregate
        def _sqlalchemy(
            cls,  # theirs: it is called with the class
            execution_engine: Any,
            metric_domain_kwargs: dict[str, Any],
            metric_value_kwargs: dict[str, Any],
            **_: Any,
        ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
            condition, beside = _condition(metric_value_kwargs["unexpected_rows_query"]) or ("", "")
            broken = sqlalchemy.text(f"({condition}) IS FALSE")
            domain = batch_as_t(execution_engine, metric_domain_kwargs["batch_id"], beside)
            return sqlalchemy.func.count().filter(broken), domain, {}

    return RowsThatBreakACondition


@cache
def rows_together() -> Any:
    """A metric for the number of rows."""
    import sqlalchemy

    class Rows(together()):  # type: ignore[misc]  # a class
        metric_name = f"{ROW_COUNT}.together"
        domain_keys = ("batch_id", "table", "row_condition", "condition_parser")

        @aggregate
        def _sqlalchemy(
            cls,  # theirs: it is called with the class
            execution_engine: Any,
            metric_domain_kwargs: dict[str, Any],
            **_: Any,
        ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
            return sqlalchemy.func.count(), batch_as_t(execution_engine, metric_domain_kwargs["batch_id"]), {}

    return Rows


@cache
def _pairs_together(part: str) -> Any:
    """A metric for one of the two counts of a comparison, out of Great Expectations' own condition."""
    import sqlalchemy
    from great_expectations.expectations.registry import get_metric_provider

    class Pairs(together()):  # type: ignore[misc]  # a class
        metric_name = f"{PAIRS}.{part}.together"
        domain_keys = ("batch_id", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if")
        value_keys = ("or_equal",)

        @aggregate
        def _sqlalchemy(
            cls,  # theirs: it is called with the class
            execution_engine: Any,
            metric_domain_kwargs: dict[str, Any],
            **given: Any,
        ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
            counted = [sqlalchemy.column(metric_domain_kwargs[name]).is_not(None) for name in ("column_A", "column_B")]
            if part == "unexpected_count":
                provider, condition = get_metric_provider(f"{PAIRS}.condition", execution_engine)
                domain = {"execution_engine": execution_engine, "metric_domain_kwargs": metric_domain_kwargs}
                counted.append(condition(cls=provider, **domain, **given)[0])
            both = sqlalchemy.func.count().filter(sqlalchemy.and_(*counted))
            return both, batch_as_t(execution_engine, metric_domain_kwargs["batch_id"]), {}

    return Pairs
