"""The judge: Great Expectations gives the recorded verdict in the database, and its counts must equal the split's.

The other compilation of a rule. Where Great Expectations has an expectation of its own for a kind, that is used,
so that the two counts come from two different hands; the rest become queries for unexpected rows. Results are
asked for in a form that holds counts and no values, and only counts leave this module.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from lienthong.batches import Verdict, Window
from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.rules import Rule, predicate
from lienthong.warehouse import Warehouse, ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.store import Session, one

# Counts, no values: the only form in which a result is ever asked for.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


def judge(warehouse: Warehouse, contract: Contract, window: Window, run_id: int) -> Verdict:
    """Judge one landed run and record the verdict; judging it again gives the same.

    Raises ``TryAgain`` when the landing was lost, ``NeedsPerson`` when the two compilations of a rule disagree or
    an expectation could not be evaluated: both are failures of the pipeline, not of the data."""
    landing = Landing(warehouse, contract, window, run_id)
    with warehouse.session() as session:
        if not landing.intact(session):
            raise TryAgain(f"{contract.dataset} {window}: the landing is not whole; it is read again.")
        landing.mark(session)
        split = landing.counts(session)
        rows = ledger.landed_rows(session, run_id)
    failing = Counter({rule.id: 0 for rule in contract.rules})
    for found in split:
        failing[found["rule"]] += found["failing"]
    verdicts = expect(warehouse.sqlalchemy_url(), landing.typed_name, contract, window) if rows else dict(failing)
    _must_agree(contract, failing, verdicts)
    crashpoint("judge.before_record", contract.dataset)
    return _record(landing, rows, failing, split)


def recorded(session: Session, contract: Contract, window: Window, run_id: int) -> Verdict:
    """The verdict that was recorded for a run."""
    run = one(session, "SELECT extracted, quarantined FROM ops.runs WHERE run_id = %s", [run_id])
    failing = session.execute("SELECT rule, failing FROM ops.verdicts WHERE run_id = %s AND failing > 0", [run_id])
    blocked = session.execute("SELECT source FROM ops.batches WHERE run_id = %s AND state = 'blocked'", [run_id])
    return Verdict(
        contract.dataset,
        str(window),
        run_id,
        run["extracted"],
        run["quarantined"],
        {row["rule"]: row["failing"] for row in failing},
        tuple(sorted(row["source"] for row in blocked)),
    )


def _must_agree(contract: Contract, split: Counter[str], verdicts: dict[str, int]) -> None:
    for rule in contract.rules:
        if split[rule.id] != verdicts[rule.id]:
            raise NeedsPerson(
                f"{contract.dataset}.{rule.id}: Great Expectations counts {verdicts[rule.id]} failing rows and the "
                f"split {split[rule.id]}. The two compilations of the rule differ; nothing is promoted. The data team "
                "mends the rule."
            )


def _record(landing: Landing, rows: int, failing: Counter[str], split: list[dict[str, Any]]) -> Verdict:
    contract, run_id = landing.contract, landing.run_id
    with landing.warehouse.session() as session:
        session.execute("DELETE FROM ops.verdict_sources WHERE run_id = %s", [run_id])
        session.execute("DELETE FROM ops.verdicts WHERE run_id = %s", [run_id])
        cursor = session.cursor()
        cursor.executemany(
            "INSERT INTO ops.verdicts (run_id, rule, severity, expectation, checked, failing)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [(run_id, rule.id, rule.severity, compilation(rule)[0], rows, failing[rule.id]) for rule in contract.rules],
        )
        cursor.executemany(
            "INSERT INTO ops.verdict_sources (run_id, rule, source, failing)"
            " VALUES (%(run_id)s, %(rule)s, %(source)s, %(failing)s)",
            [{**found, "run_id": run_id} for found in split],
        )
        blocked = _blocked(session, landing, split)
        session.execute(
            "UPDATE ops.batches SET state = 'blocked', reason_code = 'nguon_bi_chan',"
            " reason = 'Quá nhiều bản ghi lỗi hoặc vi phạm quy tắc chặn; chưa ghi nhận bản ghi nào của nguồn này.'"
            " WHERE run_id = %s AND source = ANY (%s)",
            [run_id, list(blocked)],
        )
        session.execute(
            "UPDATE ops.runs SET judged_at = clock_timestamp(), extracted = %s WHERE run_id = %s", [rows, run_id]
        )
        rejected = landing.rejected(session, blocked)
    return Verdict(
        contract.dataset, str(landing.window), run_id, rows, rejected, {k: n for k, n in failing.items() if n}, blocked
    )


def _blocked(session: Session, landing: Landing, split: list[dict[str, Any]]) -> tuple[str, ...]:
    """Sources of which nothing may be promoted: a ``block`` rule is broken, or too large a share is rejected."""
    blocking = {rule.id for rule in landing.contract.rules if rule.severity == "block"}
    found = {item["source"] for item in split if item["rule"] in blocking}
    return tuple(sorted(found | set(landing.mostly_rejected(session))))


def expect(url: str, table: str, contract: Contract, window: Window) -> dict[str, int]:
    """Failing rows per rule of a typed landing table, counted by Great Expectations inside PostgreSQL."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(name="warehouse", connection_string=url)
    asset = source.add_table_asset(name=contract.dataset, table_name=table, schema_name="landing")
    batch = asset.add_batch_definition_whole_table("run")
    suite = context.suites.add(gx.ExpectationSuite(name=contract.dataset, expectations=expectations(contract, window)))
    definition = gx.ValidationDefinition(name=contract.dataset, data=batch, suite=suite)
    try:
        results = definition.run(result_format=RESULT_FORMAT).results
    finally:
        source.get_execution_engine().engine.dispose()
    counts: dict[str, int] = {}
    for result in results:
        told: Any = result.expectation_config
        rule = told.meta["rule"]
        counts[rule] = _failing(contract.dataset, rule, result)
    return counts


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
    return int(found["unexpected_count"] if "unexpected_count" in found else found["observed_value"])


def expectations(contract: Contract, window: Window) -> list[Any]:
    """The suite of a contract, one expectation a rule, each carrying its rule's id, severity and sentence."""
    return [_expectation(rule, window) for rule in contract.rules]


def _expectation(rule: Rule, window: Window) -> Any:
    import great_expectations.expectations as gxe

    name, arguments = compilation(rule)
    kind = getattr(gxe, name)
    severity = "warning" if rule.severity == "warn" else "critical"
    meta = {"rule": rule.id, "sentence": rule.sentence, "severity": rule.severity}
    return kind(**arguments(rule, window), severity=severity, meta=meta)


def compilation(rule: Rule) -> Compilation:
    """The expectation that a rule becomes, and how its arguments are made."""
    if rule.kind == "unique":
        return UNIQUE_COLUMN if len(rule.columns) == 1 else UNIQUE_COLUMNS
    return EXPECTATIONS.get(rule.kind, UNEXPECTED)


def _unexpected_rows(rule: Rule, window: Window) -> dict[str, Any]:
    # Great Expectations puts an aliased sub-query in the place of {batch}, hence the second SELECT. Only the row
    # number is selected: what is kept of unexpected rows holds no value.
    marked = f"SELECT t._row, ({predicate(rule, window)}) AS passes FROM (SELECT * FROM {{batch}}) t"
    return {"unexpected_rows_query": f"SELECT q._row FROM ({_escaped(marked)}) q WHERE q.passes IS FALSE"}


def _escaped(query: str) -> str:
    """Great Expectations fills ``{batch}`` with ``str.format``: every other brace must be doubled."""
    return query.replace("{", "{{").replace("}", "}}").replace("{{batch}}", "{batch}")


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
UNIQUE_COLUMNS: Compilation = (
    "ExpectCompoundColumnsToBeUnique",
    lambda r, _: {"column_list": list(r.columns), "ignore_row_if": "any_value_is_missing"},
)
