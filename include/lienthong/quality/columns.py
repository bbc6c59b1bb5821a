"""Great Expectations' own expectations about a column, under their own names, counted in the scan of the conditions.

Theirs takes statements of its own: for the rows, for the counts of each depth of its graph, and one a rule for values
that nobody may see. The conditions stay theirs; only where and when they are counted is ours.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lienthong.quality.counting import (
    ROW_COUNT,
    aggregate,
    batch_as_t,
    counted_pairs,
    counted_rows,
    names_taken_anew,
    rows_together,
    together,
)

ABSENT = "column_values.nonnull"
# Another row decides, so their statement with a window function stays; the counts beside it are ours.
_LOOKS_AT_OTHERS = "column_values.unique"


def kind(name: str) -> Any:
    """The class of an expectation of Great Expectations, by its name; one that counts as few times as it can."""
    import great_expectations.expectations as gxe

    if name == "UnexpectedRowsExpectation":
        return counted_rows()
    if name == "ExpectColumnPairValuesAToBeGreaterThanB":
        return counted_pairs()
    theirs = getattr(gxe, name)
    return counted_column(name) if issubclass(theirs, _map_expectation()) else theirs


@cache
def counted_column(name: str) -> Any:
    """The class of that name which asks for no value of any row, and whose counts are of the one scan."""
    import great_expectations.expectations as gxe
    from great_expectations.validator.metric_configuration import MetricConfiguration

    theirs = getattr(gxe, name)
    map_metric = theirs.map_metric
    ours = {ROW_COUNT: rows_together(), f"{ABSENT}.unexpected_count": _column(ABSENT)}
    if map_metric != _LOOKS_AT_OTHERS:
        ours[f"{map_metric}.unexpected_count"] = _column(map_metric)

    def get_validation_dependencies(self: Any, *context: Any, **named: Any) -> Any:
        found = theirs.get_validation_dependencies(self, *context, **named)
        wanted = found.metric_configurations
        wanted.pop(f"{map_metric}.unexpected_values", None)
        for replaced, metric in ours.items():
            asked = wanted.pop(replaced)
            given = asked.metric_domain_kwargs, asked.metric_value_kwargs
            found.set_metric_configuration(metric.metric_name, MetricConfiguration(metric.metric_name, *given))
        return found

    def validate(self: Any, metrics: dict[str, Any], *context: Any, **named: Any) -> Any:
        counts = {replaced: metrics[metric.metric_name] for replaced, metric in ours.items()}
        none: dict[str, Any] = {f"{map_metric}.unexpected_values": []}
        return theirs._validate(self, {**metrics, **counts, **none}, *context, **named)

    members = {"get_validation_dependencies": get_validation_dependencies, "_validate": validate}
    with names_taken_anew():
        return type(theirs)(name, (theirs,), {"__module__": __name__, **members})


def _map_expectation() -> Any:
    from great_expectations.expectations.expectation import ColumnMapExpectation

    return ColumnMapExpectation


@cache
def _column(map_metric: str) -> Any:
    """A metric for the values that break a condition of Great Expectations, which gives the condition."""
    import sqlalchemy
    from great_expectations.expectations.registry import get_metric_provider
    from great_expectations.validator.metric_configuration import MetricConfiguration

    def said(name: str, engine: Any, given: dict[str, Any]) -> Any:
        """What theirs says, with what it needs of the same column, as the length of the text; nothing is executed."""
        provider, function = get_metric_provider(name, engine)
        configuration = MetricConfiguration(name, given["metric_domain_kwargs"], given["metric_value_kwargs"])
        needed = provider.get_evaluation_dependencies(configuration, execution_engine=engine)
        known = given["metrics"] | {part: said(part, engine, given) for part in needed if part.endswith(".map")}
        return function(cls=provider, execution_engine=engine, **{**given, "metrics": known})

    class Column(together()):  # type: ignore[misc]  # a class
        metric_name = f"{map_metric}.unexpected_count.together"
        domain_keys = ("batch_id", "table", "column", "row_condition", "condition_parser")
        value_keys = _value_keys(map_metric)

        @aggregate
        def _sqlalchemy(
            cls,  # theirs: it is called with the class
            execution_engine: Any,
            **given: Any,
        ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
            condition = said(f"{map_metric}.condition", execution_engine, given)[0]
            batch = batch_as_t(execution_engine, given["metric_domain_kwargs"]["batch_id"])
            return sqlalchemy.func.count().filter(condition), batch, {}

    return Column


def _value_keys(map_metric: str) -> tuple[str, ...]:
    from great_expectations.expectations.registry import get_metric_kwargs

    return tuple(get_metric_kwargs(f"{map_metric}.condition")["metric_value_keys"] or ())
