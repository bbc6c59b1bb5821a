"""Great Expectations gives counts and no values; this is the only place where it looks at rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.quality.compilation import NOTHING, expectations
from lienthong.rules import Subject

# Counts, no values: the only form in which a result is ever asked for.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True, slots=True)
class Found:
    """Failing rows per rule, and Great Expectations' own result as it can be kept: without a value of any row."""

    failing: dict[str, int]
    result: dict[str, Any] | None


def expect(
    url: str,
    table: str,
    contract: Contract,
    window: Window,
    subjects: Mapping[str, Sequence[Subject]] = NOTHING,
) -> Found:
    """What Great Expectations finds in a typed landing table, counted inside PostgreSQL.

    ``subjects`` are the sources that each rule about a window looks at; without them such a rule passes."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(name="warehouse", connection_string=url)
    asset = source.add_table_asset(name=contract.dataset, table_name=table, schema_name="landing")
    batch = asset.add_batch_definition_whole_table("run")
    suite = context.suites.add(
        gx.ExpectationSuite(name=contract.dataset, expectations=expectations(contract, window, subjects))
    )
    definition = gx.ValidationDefinition(name=contract.dataset, data=batch, suite=suite)
    try:
        outcome = definition.run(result_format=RESULT_FORMAT)
    finally:
        source.get_execution_engine().engine.dispose()
    counts: dict[str, int] = {}
    for result in outcome.results:
        told: Any = result.expectation_config
        rule = told.meta["rule"]
        counts[rule] = _failing(contract.dataset, rule, result)
    told = outcome.to_json_dict()  # type: ignore[no-untyped-call]  # theirs is not annotated
    return Found(counts, _without_values(dict(told)))


def _without_values(told: dict[str, Any]) -> dict[str, Any]:
    """The result without the newest moment of a column: it is the value of a row, all the rest are counts."""
    for result in told["results"]:
        if result["expectation_config"]["type"] == "expect_column_max_to_be_between":
            result["result"].pop("observed_value", None)
    return told


def _failing(dataset: str, rule: str, result: Any) -> int:
    raised = result.exception_info or {}
    if raised.get("raised_exception", False) or any(
        isinstance(value, dict) and value.get("raised_exception") for value in raised.values()
    ):
        raise NeedsPerson(
            f"{dataset}.{rule}: Great Expectations could not evaluate the rule. The rule does not fit the columns; "
            "the data team mends the contract. Nothing is promoted."
        )
    found = result.result
    if result.expectation_config.type == "unexpected_rows_expectation":
        return int(found["observed_value"])
    if "unexpected_count" in found:
        return int(found["unexpected_count"] or 0)  # null where there is no row
    return 0 if result.success else 1
