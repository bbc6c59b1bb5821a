"""Both compilations of every kind of rule agree on whatever rows come: drawn at random, hostile ones among them."""

import json
import random
import unicodedata
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lienthong import quality
from lienthong.batches import Window
from lienthong.errors import NeedsPerson
from lienthong.rules import KINDS
from lienthong.rules.vietnam import DAYS, SPELLING
from lienthong.warehouse import Warehouse, measures
from lienthong.warehouse import landing as landing_module
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate

from .builders import HOME, contract, day, land, rows_of, rule

WINDOW = day(30)
NEXT = Window.of_day(date(2025, 10, 1))
SOURCES = ("x", "y", ":z'{%s}")
ROWS = 90  # of each example
QUICK = {
    "max_examples": 14, "deadline": None, "derandomize": True, "database": None,
    # An example costs a second, so a failing one is shown as it is, with the rules that differ.
    "phases": [Phase.generate], "suppress_health_check": list(HealthCheck),
}  # fmt: skip

COLUMNS = [
    ("ma", "string"), ("a", "string"), ("b", "string"), ("so", "integer"), ("gia", "number"), ("co", "boolean"),
    ("ngay", "date"), ("luc", "timestamp"), ("sau", "timestamp"),
]  # fmt: skip
DANH = contract(
    "danh",
    [("ma", "string"), ("ten", "string"), ("hieu_luc_tu", "date"), ("hieu_luc_den", "date")],
    [],
    mode="snapshot",
    cursor=None,
)

HOSTILE = [
    "'", '"', "''", "\\", "\\'", "{batch}", "{", "}", "{{x}}", ":a", " :a", "\\:a", "::text", "'a :b'", "%s",
    "%(x)s", "%",
    "$PARAMETER", "$$", ";", "--", "/*", "=1+1", "@SUM(1)", "<b>", "&amp;", "\u202ea", "a\u200bb", "\ufeff", "\u2400",
    "\ufffd", "\u00a0", "a\u00a0b", "a  b", "a\tb", "a\r\nb", "x" * 300, "😀", "İ", "ß", "null", "NULL", "NaN",
    "Infinity",
]  # fmt: skip
WORDS = [
    "1", "2", "10", "a", "A", "aa", "Hòa", "Hoà", "Hoàng", "quý", "quỳ", "thuỷ", "THUỶ", "Ea H’Leo", "Ea H'Leo",
    unicodedata.normalize("NFD", "Hòa"), unicodedata.normalize("NFD", "Ea Khăl"), "Xã Hòa Phú", "UBND xã Hoà Phú",
    "066090900001", "066190900001", "054203900001", "066399900001", "066490900001", "66090900001", "٠66090900001",
    "6000000018", "6000000019", "6000000018-001", "6000000018-000", "0912345678", "+84912345678", "02621234567",
    "0262123456", "0912 345 678", "nam", "nữ",
]  # fmt: skip
NUMBERS = ["0", "1", "-1", "2", "007", "+3", "1.5", "0.1", "1990", "2003", "999999999999999999", "1e3", "1,5", "٣"]
MOMENTS = [
    "2025-09-30", "2025-09-30 07:00:00", "2025-09-30 17:00:00", "2025-09-30 17:00:01", "2025-09-30 06:59:59.6",
    "2025-09-30 23:59:59.7", "2025-10-01 00:00:00", "2025-09-28 09:00", "2025-09-02 09:00", "2025-04-26 09:00",
    "2026-02-17 09:00", "30/09/2025 08:15", "2025-09-30T08:00:00Z", "2025-02-30", "hôm qua", "infinity", "0001-01-01",
    "9999-12-31 23:59:59", "1990-05-01", "2003-01-01",
]  # fmt: skip
POOLS = {
    "string": WORDS + HOSTILE, "integer": NUMBERS + HOSTILE[:6], "number": NUMBERS + HOSTILE[:6],
    "boolean": ["0", "1", "true", "FALSE", "yes"], "date": MOMENTS, "timestamp": MOMENTS,
}  # fmt: skip
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


def of(*columns, **arguments):
    """A strategy of columns and arguments, out of strategies and plain values."""
    wanted = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in arguments.items()
    }
    return st.tuples(st.just(columns), st.fixed_dictionaries(wanted))


def some(names, least=1):
    return st.lists(st.sampled_from(names), min_size=least, max_size=len(names), unique=True)


words = st.lists(st.one_of(st.sampled_from(WORDS + HOSTILE), text), min_size=1, max_size=12, unique=True)
codes = st.lists(st.sampled_from(WORDS + HOSTILE), min_size=2, max_size=6, unique=True)
bound = st.one_of(st.integers(-3, 2000), st.floats(-3, 2000, allow_nan=False))
per = st.sampled_from(["source", "dataset"])
few = st.integers(1, 40)
share = st.one_of(st.sampled_from([0, 0.1, 0.3, 0.5, 0.7, 1]), st.floats(0, 1))

# A kind of rule that has no line here fails below by name.
DRAWN = {
    "required": st.sampled_from([((name,), {}) for name, _ in COLUMNS]),
    "type": st.sampled_from([((name,), {"type": kind}) for name, kind in COLUMNS if kind != "string"]),
    "in_set": of("a", values=words),
    "matches": of(
        "a",
        pattern=st.sampled_from(["^a{1,2}$", "^[0-9]{2}$", "'", "[:%]", "\\{", "^[^ ]*$", "^.{2}$", "(?i)hò", "\\:a"]),
    ),
    "length": st.integers(0, 8).flatmap(lambda low: of("a", min=low, max=st.integers(low, 400))),
    "between": st.tuples(st.sampled_from(["so", "gia"]), bound, bound).map(
        lambda drawn: ((drawn[0],), {"min": min(drawn[1:]), "max": max(drawn[1:])})
    ),
    "at_most": st.sampled_from([(pair, {}) for pair in (("luc", "sau"), ("so", "gia"), ("ngay", "luc"), ("a", "b"))]),
    "unique": some([name for name, _ in COLUMNS]).map(lambda names: (tuple(names[:3]), {})),
    "exists_in": st.one_of(
        of("a", dataset="danh", column="ma"),
        of("a", dataset="danh", column="ma", at=st.sampled_from(["ngay", "luc"])),
        of("ma", dataset="danh"),  # which rules of kind sql look at too
    ),
    "official_name": of("a", "b", dataset="danh", column="ma", names=["ten"]),
    "not_name_of_another": of("a", "b", dataset="danh", column="ma", names=["ten"]),
    "append_only": some(["a", "b", "so", "luc"]).map(
        lambda names: (tuple(names), {"within": "thu", "key": {"ma": "string"}})
    ),
    "transition": codes.map(lambda drawn: list(dict.fromkeys(["1", "2", *drawn]))).flatmap(
        lambda known: of(
            "a", "luc", within="thu", of="ma", allowed=st.fixed_dictionaries({c: some(known, 0) for c in known})
        )
    ),
    "not_future": st.sampled_from([(("luc",), {}), (("ngay",), {})]),
    "normal_form": some(["a", "b"]).map(lambda names: (tuple(names), {})),
    "legal_characters": some(["a", "b", "luc"]).map(lambda names: (tuple(names), {})),
    "sql": of(
        "a",
        "b",
        dataset="danh",
        by="ma",
        expression=st.sampled_from(
            ["t.b = danh.ten", "t.so > 1 OR t.ngay >= danh.hieu_luc_tu", "danh.ten <> '{x}' AND t.a <> ' :a'"]
        ),
    )
    | of(
        "a",
        expression=st.sampled_from(
            [
                "t.a LIKE '%a%'",
                "t.a = '{batch}' OR t.b IS NULL",
                "t.so % 2 = 0",
                "t.a ~ '^a{1,2}$'",
                "t.luc::time > time '08:00'",
                "t.a <> '%s'",
                "strpos(t.a, '{') = 0",
                "t.a = t.a__raw",
                "t.a !~ '\\:a'",
                "t.gia > 0 -- {x}\n AND t.so > 0",
                "count(*) OVER (PARTITION BY t.b) < 3",
            ]
        ),
    ),
    "phone": of("a"),
    "tax_code": of("a"),
    "citizen_number": st.one_of(
        of("a"),
        of("a", birth_date=st.sampled_from(["ngay", "luc"]), sex="b", male=["nam", "1"], female=["nữ", "'"]),
        of("a", birth_year="so"),
    ),
    "spelling": some(list(SPELLING)).map(lambda parts: (("a",), {"parts": parts})),
    "working_time": st.one_of(
        of("luc", days=st.sampled_from(DAYS[1:])),
        of("luc", **{"from": "07:00", "to": "17:00", "days": st.sampled_from(DAYS)}),
        of("luc", **{"from": "06:59", "to": "09:00", "after": "sau"}),
    ),
    "row_count": of(per=per, tolerance=st.floats(0.1, 9), share=share, min_windows=few.map(lambda n: n % 7 + 1)),
    "null_share": st.one_of(
        of("a", per=per, max=share, min_rows=few),
        of("a", per=per, max=share, rise=share, min_rows=few),
        of("luc", per=per, rise=share, min_rows=few, min_windows=3),
    ),
    "freshness": of("luc", per=per, max_age_hours=st.one_of(st.integers(1, 30), st.just(1e4)), min_rows=few),
    "drift": codes.flatmap(lambda known: of("a", per=per, max=share, min_rows=few, values=known, min_windows=3)),
}


def test_every_kind_is_drawn():
    assert set(DRAWN) == set(KINDS), "a kind of rule without a line in DRAWN"


@st.composite
def rules(draw):
    """One or two rules of each kind, as a contract has them."""
    made = []
    for kind in KINDS:
        for number in range(2 if kind in ("unique", "sql", "null_share", "drift", "row_count", "freshness") else 1):
            columns, arguments = draw(DRAWN[kind])
            severity = draw(st.sampled_from(["warn", "block" if KINDS[kind].about_window else "quarantine"]))
            made.append(rule(f"{kind}_{number}", kind, *columns, severity=severity, **arguments))
    return contract("thu", COLUMNS, made, cursor="luc")


@st.composite
def sources(draw):
    """Rows by source: many of them, out of a few drawn values a column, so that values meet and repeat."""
    pools = {}
    for name, kind in COLUMNS:
        common = {
            "a": ["1", "2", "a", "{batch}", "\u2400"],
            "b": ["UBND xã Hoà Phú", "nam", "\ufffd"],
            "ma": ["1", "2"],
        }
        pools[name] = [
            None,
            *common.get(name, []),
            *draw(st.lists(st.sampled_from(POOLS[kind]), min_size=3, max_size=14)),
        ]
        pools[name] += draw(st.lists(text, max_size=2)) if kind == "string" else []
    chance = random.Random(draw(st.integers(0, 2**32)))
    ends = sorted(chance.randint(0, ROWS) for _ in SOURCES[1:])
    rows = [tuple(chance.choice(pools[name]) for name, _ in COLUMNS) for _ in range(ROWS)]
    given = dict(zip(SOURCES, (rows[i:j] for i, j in zip([0, *ends], [*ends, ROWS], strict=True)), strict=True))
    history = {
        name: [(chance.randint(0, 60), chance.random()) for _ in range(8)] for name in (*SOURCES, measures.WHOLE)
    }
    return given, history


@pytest.fixture(scope="module")
def warehouse(new_database):
    with new_database() as connection:
        made = Warehouse(connection, HOME)
        migrate(made, [DANH, contract("thu", COLUMNS, [], cursor="luc")])
        with made.session() as session:
            for code, name, since, until in (
                ("1", "Xã Hòa Phú", "2025-07-01", None),
                ("2", "Xã Ea H'Leo", None, "2025-09-30"),
                ("a", "{x}", None, None),
            ):
                hold(session, "danh", code, ma=code, ten=name, hieu_luc_tu=since, hieu_luc_den=until)
            for place, (key, status) in enumerate((("1", "1"), ("a", "2"), ("Hòa", "a"))):
                hold(session, "thu", place, ma=key, a=status, luc="2025-09-01 08:00:00")
        yield made


def hold(session, dataset, place, **values):
    """Put a record into core without promoting it."""
    values |= {"_record_key": str(place), "_source": "s", "_source_time": "2025-09-01", "_version": 1, "_run_id": 1}
    values["_row_hash"] = "00000000-0000-0000-0000-000000000000"
    places = ", ".join(["%s"] * len(values))
    session.execute(f"INSERT INTO core.{dataset} ({', '.join(values)}) VALUES ({places})", list(values.values()))


def remember(warehouse, made, run_id, history):
    """Measures of eight earlier working days, as if they had been judged."""
    kept = []
    for one in made.window_rules:
        test = KINDS[one.kind].window
        parts = list(test.parts(one)) if test.history else []
        for source, windows in history.items():
            for ago, (rows, part) in enumerate(windows):
                start = day(
                    29 - ago - (2 if ago >= 1 else 0)
                ).start  # 29, 26, 25, ... September: the 27th is a Saturday
                counts = {name: rows if name == "rows" else int(rows * part) for name in parts}
                kept += [(made.dataset, one.id, start, source, name, count, run_id) for name, count in counts.items()]
    with warehouse.session() as session:
        session.cursor().executemany("INSERT INTO ops.measures VALUES (%s, %s, %s, %s, %s, %s, %s)", kept)


def forget(warehouse, run_id):
    """End the run and what it measured; the next one of the window reads everything anew."""
    with warehouse.session() as session:
        session.execute("UPDATE ops.runs SET state = 'promoted' WHERE run_id = %s", [run_id])
        session.execute("DELETE FROM ops.measures")
        session.execute("DROP SCHEMA landing CASCADE")
        session.execute("CREATE SCHEMA landing")


def test_both_compilations_agree_rule_by_rule(warehouse):
    broken, held = Counter(), Counter()

    @settings(**QUICK)
    @given(made=rules(), drawn=sources())
    def agree(made, drawn):
        given, history = drawn
        plan = land(warehouse, made, WINDOW, given)
        try:
            remember(warehouse, made, plan.run_id, history)
            landing = Landing(warehouse, made, WINDOW, plan.run_id)
            with warehouse.session() as session:
                landing.mark(session)
                subjects = measures.take(session, landing)
                split = landing.counts(session) + measures.broken(made, subjects)
            counts = Counter({one.id: 0 for one in made.rules})
            for item in split:
                counts[item["rule"]] += item["failing"]
            found = quality.expect(warehouse.sqlalchemy_url(), landing.typed_name, made, WINDOW, subjects)
            assert found.failing == dict(counts), [
                (one.kind, one.columns, one.arguments) for one in made.rules if found.failing[one.id] != counts[one.id]
            ]
            for one in made.rules:
                asked = len([s for s in subjects[one.id] if s.limits is not None]) if one.about_window else ROWS
                broken[one.kind] += counts[one.id]
                held[one.kind] += asked - counts[one.id]
        finally:
            forget(warehouse, plan.run_id)

    agree()
    assert [kind for kind in KINDS if not broken[kind]] == [], "kinds that no drawn row broke: nothing was compared"
    assert [kind for kind in KINDS if not held[kind]] == [], "kinds that no drawn row kept"


def test_rules_that_look_at_two_records_of_one_dataset_are_refused(warehouse):
    """Both would stand beside the row under one name."""
    made = [
        rule(f"theo_{by}", "sql", "a", dataset="danh", by=by, expression="t.b = danh.ten") for by in ("ma", "ma", "a")
    ]
    assert Landing(warehouse, contract("thu", COLUMNS, made[:2]), WINDOW, 1).beside().as_string().count("JOIN") == 1
    with pytest.raises(NeedsPerson, match="rules look at records of danh by ma and by a"):
        Landing(warehouse, contract("thu", COLUMNS, made), WINDOW, 1).beside()


@pytest.mark.parametrize("kind", ["matches", "sql", "row_count"])
def test_a_compilation_that_was_altered_stops_the_run_and_leaves_nothing(warehouse, monkeypatch, kind):
    arguments = {"matches": {"pattern": "^a$"}, "sql": {"expression": "t.a = 'a'"}, "row_count": {"min_windows": 3}}[
        kind
    ]
    columns = ("a",) if kind != "row_count" else ()
    made = contract("thu", COLUMNS, [rule("quy_tac", kind, *columns, severity="warn", **arguments)], cursor="luc")
    row = dict.fromkeys((name for name, _ in COLUMNS), "1") | {"a": "b", "luc": "2025-09-30 08:00:00"}
    plan = land(warehouse, made, NEXT, {"x": [tuple(row.values())] * 3})
    try:
        remember(warehouse, made, plan.run_id, {"x": [(2, 0.5)] * 8})
        before = rows_of(warehouse, "SELECT count(*) FROM ops.measures")
        if kind == "row_count":
            monkeypatch.setattr(measures, "broken", lambda *_: [{"rule": "quy_tac", "source": "x", "failing": 1}])
        else:
            monkeypatch.setattr(landing_module, "predicate", lambda *_: "t.a = 'b'")
        with pytest.raises(NeedsPerson, match="The two compilations of the rule differ"):
            quality.judge(warehouse, made, NEXT, plan.run_id)
        for table in ("verdicts", "verdict_sources", "validations"):
            assert rows_of(warehouse, f"SELECT run_id FROM ops.{table} WHERE run_id = %s", plan.run_id) == []
        assert rows_of(warehouse, "SELECT count(*) FROM ops.measures") == before
        assert rows_of(warehouse, "SELECT judged_at FROM ops.runs WHERE run_id = %s", plan.run_id) == [(None,)]
        monkeypatch.undo()
        assert quality.judge(warehouse, made, NEXT, plan.run_id).failing == (
            {} if kind == "row_count" else {"quy_tac": 3}
        )
    finally:
        forget(warehouse, plan.run_id)


def test_the_kept_result_holds_no_value_of_any_row(warehouse):
    """Neither in what Great Expectations counts, nor in what it compares with."""
    secret = "bi-mat-0912345678"
    made = contract(
        "thu",
        COLUMNS,
        [
            rule("chu", "matches", "a", pattern="^x$"),
            rule("so_dien_thoai", "phone", "b"),
            rule("trung", "unique", "a", "b"),
            rule("sql", "sql", "a", expression="t.a = 'x'"),
            rule("moi", "freshness", "luc", severity="warn", per="dataset", max_age_hours=1),
            rule("kenh", "drift", "a", severity="warn", max=0.1, min_rows=1, values=["1"]),
        ],
        cursor="luc",
    )
    row = (secret, secret, secret, "1", "1", "1", "2025-09-30", "2025-09-30 08:17:23", "2025-09-30")
    plan = land(warehouse, made, NEXT, {"x": [row] * 3})
    try:
        verdict = quality.judge(warehouse, made, NEXT, plan.run_id)
        assert verdict.failing == {"chu": 3, "so_dien_thoai": 3, "trung": 3, "sql": 3, "moi": 1}
        kept = json.dumps(
            rows_of(warehouse, "SELECT result FROM ops.validations WHERE run_id = %s", plan.run_id), ensure_ascii=False
        )
        assert len(kept) > 1000
        assert secret not in kept
        assert "08:17:23" not in kept
        assert rows_of(warehouse, "SELECT DISTINCT part FROM ops.measures ORDER BY 1") == [("",), ("1",)]
    finally:
        forget(warehouse, plan.run_id)
