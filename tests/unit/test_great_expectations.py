"""What we rely on in Great Expectations 1.24.1, one test a behaviour; a new version that differs is seen here first."""

import itertools
import json
import warnings
from datetime import datetime
from importlib.metadata import version

import pytest

from lienthong.quality.columns import kind
from lienthong.quality.compilation import _escaped, _repeated_rows, _unexpected_rows
from lienthong.quality.counting import counted_pairs, counted_rows
from lienthong.quality.great import RESULT_FORMAT, _failing
from lienthong.rules import Rule
from lienthong.warehouse import Warehouse

from ..conftest import ROOT
from .test_rules import WINDOW

HOSTILE = "<script>'{batch}' %s :x \u202e 066090900001"
ROWS = [
    (1, 1, HOSTILE, "x", "2025-09-30 08:17:23", None),
    (2, 2, HOSTILE, "x", "2025-09-30 10:00:00", "2025-09-30 09:00:00"),
    (3, 3, "a", None, None, None),
    (4, 0, None, None, "2025-10-05 00:00:00", "2025-10-06 00:00:00"),
]


@pytest.fixture(scope="module")
def warehouse(new_database):
    with new_database() as connection:
        made = Warehouse(connection, ROOT)
        with made.session() as session:
            session.execute("CREATE SCHEMA landing")
            for name in ("t", "none"):
                session.execute(
                    f"CREATE TABLE landing.{name} (_row int, _line int, a text, b text, luc timestamp, sau timestamp)"
                )
            session.cursor().executemany("INSERT INTO landing.t VALUES (%s, %s, %s, %s, %s, %s)", ROWS)
        yield made


@pytest.fixture(scope="module")
def validate(warehouse):
    """Validate expectations on a table in the result format of ours; gives one result each, in their order."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    names = itertools.count()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(name="w", connection_string=warehouse.sqlalchemy_url())
    batches = {
        name: source.add_table_asset(
            name=name, table_name=name, schema_name="landing"
        ).add_batch_definition_whole_table("run")
        for name in ("t", "none")
    }

    def run(*expectations, table="t"):
        for place, one in enumerate(expectations):
            one.meta = {"rule": str(place)}
        suite = context.suites.add(gx.ExpectationSuite(name=f"s{next(names)}", expectations=list(expectations)))
        definition = gx.ValidationDefinition(name=suite.name, data=batches[table], suite=suite)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = definition.run(result_format=RESULT_FORMAT)
        run.told = json.dumps(outcome.to_json_dict(), ensure_ascii=False)
        return sorted(outcome.results, key=lambda one: int(one.expectation_config.meta["rule"]))

    yield run
    source.get_execution_engine().engine.dispose()


@pytest.fixture(scope="module")
def gxe():
    import great_expectations.expectations as found

    return found


def test_the_version_is_the_one_that_was_read():
    assert version("great-expectations") == "1.24.1"


def test_no_value_of_a_row_is_in_any_result_of_rows(validate, gxe):
    validate(
        gxe.ExpectColumnValuesToNotBeNull(column="b"),
        gxe.ExpectColumnValuesToBeInSet(column="a", value_set=["z"]),
        gxe.ExpectColumnValuesToMatchRegex(column="a", regex="^z$"),
        gxe.ExpectColumnValuesToNotMatchRegex(column="a", regex="x"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="a", min_value=90, max_value=99),
        gxe.ExpectColumnValuesToBeUnique(column="a"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["a", "b"], ignore_row_if="any_value_is_missing"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="sau", column_B="luc", or_equal=True, ignore_row_if="either_value_is_missing"
        ),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query="SELECT q.a FROM (SELECT * FROM {batch}) q"),
    )
    assert '"success": false' in validate.told
    assert "script" not in validate.told
    assert "066090900001" not in validate.told
    assert "10:00:00" not in validate.told


def test_null_passes_every_expectation_about_a_value(validate, gxe):
    found = validate(
        gxe.ExpectColumnValuesToBeInSet(column="b", value_set=["x"]),
        gxe.ExpectColumnValuesToMatchRegex(column="b", regex="^x$"),
        gxe.ExpectColumnValuesToNotMatchRegex(column="b", regex="y"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="b", min_value=1, max_value=1),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="sau", column_B="luc", or_equal=True, ignore_row_if="either_value_is_missing"
        ),
    )
    assert [one.result["unexpected_count"] for one in found] == [0, 0, 0, 0, 1]


def test_every_row_of_a_repeated_key_counts_and_missing_parts_do_not(validate, gxe):
    found = validate(
        gxe.ExpectColumnValuesToBeUnique(column="b"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["a", "b"], ignore_row_if="any_value_is_missing"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["b", "sau"], ignore_row_if="any_value_is_missing"),
    )
    assert [one.result["unexpected_count"] for one in found] == [2, 2, 0]


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{batch}", "{{x}}", ":x", " :x y", "\\:x", "\\\\:x", "::x", ":", "%s", "%(x)s", "%", "$x", "'' :x"],
)
def test_a_query_arrives_as_it_was_written(validate, gxe, text):
    """Braces are for str.format, a colon before a word is a value to SQLAlchemy, a per cent sign one to the driver."""
    same = f"'{text}' = concat({', '.join(_letters(text))})"
    query = f"SELECT q._row FROM (SELECT * FROM {{batch}}) q WHERE {_escaped(same)} AND q._row = 1"
    (found,) = validate(gxe.UnexpectedRowsExpectation(unexpected_rows_query=query))
    assert not found.exception_info.get("raised_exception", True)
    assert found.result["observed_value"] == 1


def _letters(text):
    return [f"chr({ord(letter)})" for letter in text.replace("''", "'")]


def test_our_query_selects_nothing_but_row_numbers():
    made = Rule("r", "sql", ("a",), "warn", "accuracy", "", {"expression": "t.a = 'x'"})
    query = _unexpected_rows(made, WINDOW)["unexpected_rows_query"]
    assert query.startswith("SELECT q._row FROM (SELECT t._row, ((t.a = 'x')) AS passes FROM")


def test_our_query_is_run_once_and_no_row_leaves_the_database(validate, warehouse):
    """Their own class runs it twice, and fetches two hundred rows the second time."""
    with warehouse.session() as session:
        session.execute("CREATE SEQUENCE landing.calls")
    query = "SELECT q._row FROM (SELECT * FROM {batch}) q WHERE nextval('landing.calls') > 0"
    (found,) = validate(counted_rows()(unexpected_rows_query=query))
    assert found.expectation_config.type == "unexpected_rows_expectation"
    assert (found.success, found.result) == (False, {"observed_value": len(ROWS)})
    with warehouse.session() as session:
        assert session.execute("SELECT last_value FROM landing.calls").fetchone() == {"last_value": len(ROWS)}


def test_conditions_on_a_row_alone_are_counted_in_one_statement(validate):
    """Those that look at other rows or another table have a query each."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    tests = {
        "t.a = 'a'": 2,
        "t.b <> 'x' OR t.b = '{:x %s}'": 2,
        "t.luc < t.sau": 1,
        "EXISTS (SELECT FROM landing.none n WHERE n.a = t.a)": 4,
        "count(*) OVER (PARTITION BY t.b) = 1": 4,
    }
    made = [Rule("r", "sql", ("a",), "warn", "accuracy", "", {"expression": test}) for test in tests]
    told = []

    def keep(_connection, _cursor, text, *_):
        told.append(text)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        found = validate(*(counted_rows()(**_unexpected_rows(one, WINDOW)) for one in made))
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    assert [one.result["observed_value"] for one in found] == list(tests.values())
    assert [text.count("FILTER") for text in told if "FILTER" in text] == [3]
    assert len([text for text in told if "unexpected_row_count" in text]) == 2


def test_our_count_of_pairs_is_theirs_without_a_statement_of_its_own(validate, gxe):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    given = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
    pairs = [{"column_A": "sau", "column_B": "luc"}, {"column_A": "b", "column_B": "a"}]
    alone = Rule("r", "sql", ("a",), "warn", "accuracy", "", {"expression": "t.a = 'a'"})
    told = []

    def keep(_connection, _cursor, text, *_):
        told.append(text)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        ours = validate(
            *(counted_pairs()(**pair, **given) for pair in pairs), counted_rows()(**_unexpected_rows(alone, WINDOW))
        )
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    theirs = validate(*(gxe.ExpectColumnPairValuesAToBeGreaterThanB(**pair, **given) for pair in pairs))
    assert [one.expectation_config.type for one in ours[:2]] == [one.expectation_config.type for one in theirs]
    assert [one.result for one in ours[:2]] == [one.result for one in theirs]
    assert [one.result["unexpected_count"] for one in theirs] == [1, 0]
    assert [text.count("FILTER") for text in told if "FILTER" in text] == [5]


@pytest.mark.parametrize("table", ["t", "none"])
def test_our_counts_of_columns_are_theirs_in_one_statement(validate, gxe, table):
    """Theirs takes one for the rows, one for each depth of its graph, and one a rule for values that nobody may see."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    wanted = [
        ("ExpectColumnValuesToNotBeNull", {"column": "b"}),
        ("ExpectColumnValuesToNotBeNull", {"column": "a"}),
        ("ExpectColumnValuesToBeInSet", {"column": "a", "value_set": ["a", "it's %s :x"]}),
        ("ExpectColumnValuesToMatchRegex", {"column": "a", "regex": "^a{1,2}$"}),
        ("ExpectColumnValuesToNotMatchRegex", {"column": "b", "regex": "x"}),
        ("ExpectColumnValueLengthsToBeBetween", {"column": "a", "min_value": 0, "max_value": 1}),
        ("ExpectColumnValueLengthsToBeBetween", {"column": "a", "min_value": 2, "max_value": 90}),
        ("ExpectColumnValuesToBeBetween", {"column": "_line", "min_value": 1, "max_value": 2}),
        ("ExpectColumnValuesToBeUnique", {"column": "a"}),
    ]
    told = []

    def keep(_connection, _cursor, text, *_):
        told.append(text)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        ours = validate(*(kind(name)(**given) for name, given in wanted), table=table)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    theirs = validate(*(getattr(gxe, name)(**given) for name, given in wanted), table=table)
    assert [one.expectation_config.type for one in ours] == [one.expectation_config.type for one in theirs]
    broken = [_failing("thu", "r", one) for one in theirs]
    assert [_failing("thu", "r", one) for one in ours] == broken
    assert broken == ([2, 1, 2, 2, 2, 2, 1, 2, 2] if table == "t" else [0] * 9)
    # Where there is no row theirs says null and ours 0.
    assert table == "none" or [one.result for one in ours] == [one.result for one in theirs]
    about_rows = [text for text in told if "landing." in text and "LIMIT" not in text]
    assert len([text for text in about_rows if "FILTER" in text]) == 1
    assert len(about_rows) == 3, "those of repeated values need the number of rows from theirs"


def test_our_query_for_repeated_keys_counts_the_rows_that_theirs_counts(validate, gxe):
    """Groups are hashed once; theirs joins them to every row again."""
    for columns in (("a", "b"), ("b", "sau"), ("_line", "a")):
        ours = _repeated_rows(Rule("r", "unique", columns, "warn", "uniqueness", ""), WINDOW)
        theirs = gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns), ignore_row_if="any_value_is_missing")
        found = validate(counted_rows()(**ours), theirs)
        assert found[0].result["observed_value"] == found[1].result["unexpected_count"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("ExpectColumnValuesToNotBeNull", {"column": "khong_co"}),
        ("ExpectColumnMaxToBeBetween", {"column": "khong_co", "min_value": 1}),
        ("UnexpectedRowsExpectation", {"unexpected_rows_query": "SELECT q.khong_co FROM (SELECT * FROM {batch}) q"}),
        ("ExpectColumnValuesToMatchRegex", {"column": "a", "regex": "("}),
    ],
)
def test_an_expectation_that_cannot_be_evaluated_says_so_by_metric(validate, gxe, name, given):
    """Not ``success`` alone: it would look like bad data. The flag stands once or below each metric."""
    from lienthong.errors import NeedsPerson

    (found,) = validate(getattr(gxe, name)(**given))
    assert found.success is False
    told = found.exception_info
    assert "raised_exception" not in told
    assert all(one["raised_exception"] is True for one in told.values())
    with pytest.raises(NeedsPerson, match="could not evaluate the rule"):
        _failing("thu", "r", found)


def test_one_that_was_evaluated_has_one_flat_flag(validate, gxe):
    (found,) = validate(gxe.ExpectColumnValuesToNotBeNull(column="a"))
    assert found.exception_info == {"raised_exception": False, "exception_traceback": None, "exception_message": None}


def test_expectations_about_the_window_leave_the_rows_out_that_waited(validate, gxe):
    from great_expectations.expectations.row_conditions import Column

    only = {"row_condition": Column("_line") > 0}
    found = validate(
        gxe.ExpectTableRowCountToBeBetween(min_value=3, max_value=3, **only),
        gxe.ExpectTableRowCountToBeBetween(min_value=4, max_value=4, **only),
        gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column="b", min_value=2 / 3, **only),
        gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column="b", min_value=0.67, **only),
        gxe.ExpectColumnMaxToBeBetween(column="luc", min_value=datetime(2025, 9, 30, 10), **only),
        gxe.ExpectColumnMaxToBeBetween(column="luc", min_value=datetime(2025, 9, 30, 10, 0, 1), **only),
    )
    assert [one.success for one in found] == [True, False] * 3
    assert [_failing("thu", "r", one) for one in found] == [0, 1] * 3
    assert "unexpected_count" not in found[0].result


def test_the_newest_moment_is_the_one_value_that_a_result_holds(validate, gxe):
    """So it is taken out before the result is kept."""
    validate(gxe.ExpectColumnMaxToBeBetween(column="luc", min_value=datetime(2025, 9, 30)))
    assert "2025-10-05T00:00:00" in validate.told


def test_a_column_without_a_value_has_no_newest_one_and_fails(validate, gxe):
    (found,) = validate(gxe.ExpectColumnMaxToBeBetween(column="luc", min_value=datetime(2000, 1, 1)), table="none")
    assert (found.success, found.result) == (False, {"observed_value": None})


def test_an_empty_table_breaks_no_rule_about_rows(validate, gxe):
    found = validate(
        gxe.ExpectColumnValuesToNotBeNull(column="b"),
        gxe.ExpectColumnValuesToMatchRegex(column="a", regex="^z$"),
        gxe.ExpectColumnValuesToBeUnique(column="a"),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query="SELECT q._row FROM (SELECT * FROM {batch}) q"),
        gxe.ExpectTableRowCountToBeBetween(min_value=0, max_value=0),
        table="none",
    )
    assert all(one.success for one in found)
    assert [_failing("thu", "r", one) for one in found] == [0] * 5
