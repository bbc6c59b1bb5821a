"""Each kind of rule as PostgreSQL sees it: FALSE for what breaks it, TRUE for what keeps it, NULL for no opinion."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lienthong.batches import Window
from lienthong.rules import KINDS, Past, Rule, literal, predicate, quoted
from lienthong.rules.calendar import works
from lienthong.warehouse import Warehouse

from ..conftest import ROOT

WINDOW = Window.of_day(date(2025, 9, 30))


@pytest.fixture(scope="module")
def session(new_database, migrated):
    with new_database(migrated) as connection, Warehouse(connection, ROOT).session(autocommit=True) as opened:
        yield opened


def rule(kind, *columns, **arguments):
    return Rule("r", kind, columns, "quarantine", "conformity", "Câu nói với đơn vị.", arguments)


@pytest.fixture(scope="module")
def verdicts(session):
    """What a rule says of rows that are given as {column: (typed SQL, received text)}."""

    def judge(made, *rows):
        table = " UNION ALL ".join(
            f"SELECT {place} AS _row, "
            + ", ".join(
                f"{typed} AS {name}, {literal_or_null(raw)} AS {name}__raw" for name, (typed, raw) in row.items()
            )
            for place, row in enumerate(rows)
        )
        query = f"SELECT ({predicate(made, WINDOW)}) AS found FROM ({table}) t ORDER BY t._row"
        return [row["found"] for row in session.execute(query)]

    return judge


def hold(session, dataset, **values):
    """Put a record into core without promoting it."""
    key = str(sorted(values.items(), key=str))
    values |= {"_record_key": key, "_source": "s", "_source_time": "2025-09-30", "_version": 1, "_run_id": 1}
    values["_row_hash"] = "00000000-0000-0000-0000-000000000000"
    places = ", ".join(["%s"] * len(values))
    session.execute(f"INSERT INTO core.{dataset} ({', '.join(values)}) VALUES ({places})", list(values.values()))


def literal_or_null(value):
    return "NULL::text" if value is None else f"{literal(value)}::text"


def text(value, raw=None):
    return (literal_or_null(value), value if raw is None else raw)


def typed(kind, value):
    return (f"NULL::{kind}", None) if value is None else (f"{literal(value)}::{kind}", value)


def unfit(kind, raw):
    return (f"NULL::{kind}", raw)


def test_every_kind_is_tried_here():
    """A new kind needs its lines below."""
    tried = {name for name, *_ in SINGLE} | {"at_most", "unique", "exists_in", "official_name", "not_name_of_another"}
    tried |= {"citizen_number", "transition", "normal_form", "legal_characters", "sql", "append_only"}
    assert tried == {name for name, kind in KINDS.items() if not kind.about_window}
    assert {name for name, *_ in DECIDED} == set(KINDS) - tried


SINGLE = [
    ("required", {}, text("x"), True),
    ("required", {}, text(None), False),
    ("required", {}, unfit("date", "không rõ"), True),
    ("type", {"type": "date"}, typed("date", "2025-09-30"), True),
    ("type", {"type": "date"}, unfit("date", "không rõ"), False),
    ("type", {"type": "date"}, typed("date", None), True),
    ("in_set", {"values": ["1", "2"]}, text("2"), True),
    ("in_set", {"values": ["1", "2"]}, text("12"), False),
    ("in_set", {"values": ["1", "2"]}, text(None), None),
    ("matches", {"pattern": "^a{2}'$"}, text("aa'"), True),
    ("matches", {"pattern": "^a{2}'$"}, text("aaa'"), False),
    ("matches", {"pattern": "^a"}, text(None), None),
    ("length", {"min": 2, "max": 3}, text("Ôô"), True),
    ("length", {"min": 2, "max": 3}, text("Ô"), False),
    ("length", {"max": 3}, text("Ôôôô"), False),
    ("length", {"max": 3}, text(None), None),
    ("between", {"min": 0, "max": 1.5}, typed("numeric", "1.5"), True),
    ("between", {"min": 0, "max": 1.5}, typed("numeric", "-0.1"), False),
    ("between", {"min": 0, "max": 1.5}, typed("numeric", None), None),
    ("not_future", {}, typed("timestamp", "2025-09-30 23:59:59"), True),
    ("not_future", {}, typed("timestamp", "2025-10-01 00:00:00"), False),
    ("not_future", {}, typed("timestamp", None), None),
    ("phone", {}, text("0912345678"), True),
    ("phone", {}, text("+842623456789"), True),
    ("phone", {}, text("0262345678"), False),
    ("phone", {}, text("0912 345 678"), False),
    ("phone", {}, text("912345678"), False),
    ("phone", {}, text("0412345678"), False),
    ("phone", {}, text(None), None),
    ("tax_code", {}, text("0100109106"), True),
    ("tax_code", {}, text("0100109107"), False),
    ("tax_code", {}, text(None), None),
    ("spelling", {}, text("Xã Hòa Phú, Ea H'Leo, Quý, Hoàng, khoẻo, uỷu"), True),
    ("spelling", {}, text("Xã Hoà Phú"), False),
    ("spelling", {}, text("HOÀ"), False),
    ("spelling", {}, text("sức khoẻ"), False),
    ("spelling", {}, text("Thuỷ lợi"), False),
    ("spelling", {}, text("Phường  Tân Lập"), False),
    ("spelling", {}, text("Phường\u00a0Tân Lập"), False),
    ("spelling", {}, text("Phường\tTân Lập"), False),
    ("spelling", {}, text("Ea H\u2019Leo"), False),
    ("spelling", {"parts": ["spaces"]}, text("Hoà, Ea H\u2019Leo"), True),
    ("spelling", {}, text(None), None),
    ("working_time", {"from": "07:00", "to": "17:00"}, typed("timestamp", "2025-09-30 07:00:00"), True),
    ("working_time", {"from": "07:00", "to": "17:00"}, typed("timestamp", "2025-09-30 17:00:00"), True),
    ("working_time", {"from": "07:00", "to": "17:00"}, typed("timestamp", "2025-09-30 17:00:01"), False),
    ("working_time", {"days": "monday_to_saturday"}, typed("timestamp", "2025-09-27 09:00:00"), True),
    ("working_time", {"days": "monday_to_saturday"}, typed("timestamp", "2025-09-28 09:00:00"), False),
    ("working_time", {"days": "working"}, typed("timestamp", "2025-09-27 09:00:00"), False),
    # The second of September is a holiday; on Saturday 26 April 2025 offices worked for the Friday after.
    ("working_time", {"days": "working"}, typed("timestamp", "2025-09-02 09:00:00"), False),
    ("working_time", {"days": "working"}, typed("timestamp", "2025-04-26 09:00:00"), True),
    ("working_time", {"days": "working"}, typed("timestamp", "2025-05-02 09:00:00"), False),
    ("working_time", {"days": "working"}, typed("timestamp", "1999-09-01 09:00:00"), True),
    ("working_time", {"days": "working"}, typed("timestamp", None), None),
]


@pytest.mark.parametrize(("kind", "arguments", "value", "expected"), SINGLE)
def test_kinds_of_one_column(verdicts, kind, arguments, value, expected):
    assert verdicts(rule(kind, "a", **arguments), {"a": value}) == [expected]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("2025-09-30", "2025-09-30", True), ("2025-10-01", "2025-09-30", False), (None, "2025-09-30", None)],
)
def test_at_most(verdicts, first, second, expected):
    assert verdicts(rule("at_most", "a", "b"), {"a": typed("date", first), "b": typed("date", second)}) == [expected]


@pytest.mark.parametrize(
    ("number", "born", "sex", "expected"),
    [
        ("066090900001", "1990-05-01", "nam", True),
        ("066190900001", "1990-05-01", "nữ", True),
        ("066190900001", "1990-05-01", "nam", False),
        ("066090900001", "1991-05-01", "nam", False),
        ("066090900001", None, None, True),
        ("066090900001", "1990-05-01", "khác", True),
        ("066203900001", "2003-01-01", "nam", True),
        ("066003900001", "2003-01-01", "nam", False),
        ("066226900001", None, None, False),  # born in the year after the window's
        ("047090900001", None, None, False),
        ("6609090000", None, None, False),
        (None, "1990-05-01", "nam", None),
    ],
)
def test_citizen_number_beside_birth_and_sex(verdicts, number, born, sex, expected):
    made = rule("citizen_number", "a", birth_date="b", sex="c", male=["nam"], female=["nữ"])
    row = {"a": text(number), "b": typed("date", born), "c": text(sex)}
    assert verdicts(made, row) == [expected]
    year = typed("bigint", born and int(born[:4]))
    found = verdicts(rule("citizen_number", "a", birth_year="b"), {"a": text(number), "b": year})
    assert found == [expected if sex != "nam" or number != "066190900001" else True]


def test_working_time_leaves_a_moment_before_another_to_another_rule(verdicts):
    made = rule("working_time", "a", **{"from": "07:00", "to": "17:00", "after": "b"})
    rows = [("2025-09-29 22:00:00", "2025-09-30 08:00:00"), ("2025-09-30 22:00:00", "2025-09-30 08:00:00")]
    assert verdicts(made, *({"a": typed("timestamp", a), "b": typed("timestamp", b)} for a, b in rows)) == [True, False]


def past(*parts, first=date(2025, 9, 29)):
    """Earlier windows, newest first, on the weekdays before the window's; of each what it counted."""
    days = [first - timedelta(days=ago) for ago in range(60) if works(first - timedelta(days=ago))]
    return [Past(day, counts) for day, counts in zip(days, parts, strict=False)]


def rows_of_days(*numbers):
    return past(*({"rows": number} for number in numbers))


def parts(**counts):
    return counts


CODES = {"values": ["1", "2"], "max": 0.3}
USUAL = past(*[{"1": 40, "2": 20, "": 0}] * 6)

# Kind, arguments, the earlier windows, what was counted now, and the decision; None is no opinion.
DECIDED = [
    ("row_count", {}, rows_of_days(60, 60, 60, 60), parts(rows=0), None),
    ("row_count", {}, rows_of_days(60, 60, 60, 60, 60), parts(rows=0), False),
    ("row_count", {}, rows_of_days(60, 62, 58, 0, 61, 400), parts(rows=16), True),
    ("row_count", {}, rows_of_days(60, 60, 60, 60, 60), parts(rows=15), False),
    ("row_count", {}, rows_of_days(60, 60, 60, 60, 60), parts(rows=150), True),
    ("row_count", {}, rows_of_days(60, 60, 60, 60, 60), parts(rows=151), False),
    ("row_count", {}, rows_of_days(3, 5, 2, 3, 4), parts(rows=0), True),
    ("row_count", {}, rows_of_days(3, 5, 2, 3, 4), parts(rows=29), True),
    ("row_count", {}, rows_of_days(0, 0, 0, 0, 0), parts(rows=12), False),
    ("row_count", {"min_windows": 1, "share": 0, "tolerance": 2}, rows_of_days(100), parts(rows=81), True),
    ("row_count", {"min_windows": 1, "share": 0, "tolerance": 2}, rows_of_days(100), parts(rows=80), False),
    ("null_share", {"max": 0.3}, [], parts(rows=100, empty=30), True),
    ("null_share", {"max": 0.3}, [], parts(rows=100, empty=31), False),
    ("null_share", {"max": 0.3}, [], parts(rows=29, empty=29), True),
    ("null_share", {"max": 0.3}, [], parts(rows=0, empty=0), True),
    ("null_share", {"rise": 0.2}, past(*[{"rows": 10, "empty": 1}] * 4), parts(rows=100, empty=90), None),
    ("null_share", {"rise": 0.2}, past(*[{"rows": 10, "empty": 1}] * 5), parts(rows=100, empty=31), False),
    ("null_share", {"rise": 0.2}, past(*[{"rows": 10, "empty": 1}] * 5), parts(rows=100, empty=29), True),
    ("null_share", {"rise": 0.2, "max": 0.1}, past(*[{"rows": 9, "empty": 9}] * 5), parts(rows=99, empty=30), False),
    ("freshness", {"max_age_hours": 1}, [], parts(rows=1, newest=1759273200.0), True),  # 23:00 as wall time
    ("freshness", {"max_age_hours": 1}, [], parts(rows=1, newest=1759273199.0), False),
    ("freshness", {"max_age_hours": 1}, [], parts(rows=1, newest=None), False),
    ("freshness", {"max_age_hours": 1}, [], parts(rows=0, newest=None), True),
    ("drift", CODES, USUAL[:4], {"1": 0, "2": 60, "": 0}, None),
    ("drift", CODES, USUAL, {"1": 0, "2": 60, "": 0}, False),
    ("drift", CODES, USUAL, {"1": 40, "2": 20, "": 0}, True),
    ("drift", CODES, USUAL, {"1": 0, "2": 0, "": 60}, False),
    ("drift", CODES, USUAL, {"1": 0, "2": 29, "": 0}, True),
    ("drift", CODES | {"min_rows": 5}, USUAL, {"1": 3, "2": 2, "": 0}, True),
]


@pytest.mark.parametrize(("kind", "arguments", "before", "now", "expected"), DECIDED)
def test_decisions_about_a_window(kind, arguments, before, now, expected):
    columns = () if kind == "row_count" else ("a",)
    made, test = rule(kind, *columns, **arguments), KINDS[kind].window
    limits = test.limits(made, WINDOW, before)
    assert (None if limits is None else test.holds(made, now, limits)) is expected


def test_row_count_compares_working_days_with_working_days():
    saturdays = [Past(date(2025, 9, 27) - timedelta(weeks=n), {"rows": 2}) for n in range(6)]
    test, made = KINDS["row_count"].window, rule("row_count")
    mixed = sorted((*rows_of_days(*[60] * 6), *saturdays), key=lambda one: one.day, reverse=True)
    assert test.limits(made, WINDOW, mixed) == test.limits(made, WINDOW, rows_of_days(*[60] * 6))
    assert test.limits(made, Window.of_day(date(2025, 10, 4)), mixed)["high"] < 60


def test_days_off_come_from_the_calendar():
    off = ["2025-01-01", "2025-01-29", "2025-09-01", "2025-09-02", "2025-05-02", "2025-09-27", "2025-09-28"]
    assert not [day for day in off if works(date.fromisoformat(day))]
    assert all(works(date.fromisoformat(day)) for day in ("2025-04-26", "2025-09-03", "2025-09-30", "2190-01-04"))


def test_unique_catches_every_row_of_a_key_and_leaves_absent_keys_alone(verdicts):
    rows = [{"a": text(a), "b": text(b)} for a, b in (("x", "1"), ("x", "1"), ("x", "2"), ("x", None), ("x", None))]
    assert verdicts(rule("unique", "a", "b"), *rows) == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("value", "expected"), [("Hòa", True), (unicodedata.normalize("NFD", "Hòa"), False), ("Hoa", True), (None, True)]
)
def test_normal_form_compares_with_what_was_received(verdicts, value, expected):
    composed = None if value is None else unicodedata.normalize("NFC", value)
    assert verdicts(rule("normal_form", "a"), {"a": text(composed, value)}) == [expected]


@pytest.mark.parametrize(
    ("received", "expected"), [("tốt", True), ("h\u2400ng", False), ("h\ufffdng", False), (None, True)]
)
def test_legal_characters(verdicts, received, expected):
    row = {"a": text("x"), "b": text(received)}
    assert verdicts(rule("legal_characters", "a", "b"), row) == [expected]


def test_sql_is_taken_as_it_stands(verdicts):
    made = rule("sql", "a", expression="t.a = 'x' OR t.a__raw IS NULL")
    assert verdicts(made, {"a": text("x")}, {"a": text("y")}, {"a": text(None)}) == [True, False, True]


@pytest.fixture(scope="module")
def units(session):
    for code, name, portal, start, end, deleted in (
        ("H15.102", "Phường Tân Lập", "UBND phường Tân Lập", "2025-07-01", None, None),
        ("H15.105", "Xã Hòa Phú", "UBND xã Hòa Phú", "2025-07-01", None, None),
        ("H15.113", "Xã Ea M'Droh", None, None, None, None),
        ("H15.53", "Ban Quản lý mẫu", None, "2021-01-01", "2025-07-01", None),
        ("H15.99", "Xã đã xóa", None, None, None, "2025-08-01"),
    ):
        hold(session, "don_vi", ma_don_vi=code, ten_don_vi=name, ten_tren_cong=portal, hieu_luc_tu=start,
             hieu_luc_den=end, _deleted_at=deleted)  # fmt: skip


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(
    ("code", "at", "expected"),
    [
        ("H15.102", "2025-09-30", True),
        ("H15.102", "2025-07-01", True),
        ("H15.102", "2025-06-30", False),
        ("H15.113", "1999-01-01", True),
        ("H15.53", "2025-06-30", True),
        ("H15.53", "2025-07-01", False),
        ("H15.53", "2025-09-30", False),
        ("H15.53", None, True),
        ("H15.99", "2025-09-30", False),
        ("H15.1020", "2025-09-30", False),
        (None, "2025-09-30", True),
    ],
)
def test_exists_in_at_a_date(verdicts, code, at, expected):
    made = rule("exists_in", "a", dataset="don_vi", column="ma_don_vi", at="b")
    assert verdicts(made, {"a": text(code), "b": typed("timestamp", at)}) == [expected]


@pytest.mark.usefixtures("units")
def test_append_only_compares_with_the_record_of_the_same_name(session, verdicts):
    session.execute(
        "INSERT INTO core.quan_trac_moi_truong (gia_tri, don_vi_do, _record_key, _source, _source_time, _version,"
        " _run_id, _row_hash) VALUES (1.5, NULL, 'KK-01|2025-09-29 08:00:00', 's', '2025-09-29', 1, 1,"
        " gen_random_uuid())"
    )
    made = rule(
        "append_only", "gia_tri", "don_vi_do", within="quan_trac_moi_truong", key={"ma": "string", "luc": "timestamp"}
    )

    def row(value, unit, key="KK-01", at="2025-09-29 08:00:00"):
        return {
            "ma": text(key), "luc": typed("timestamp", at), "gia_tri": typed("numeric", value), "don_vi_do": text(unit)
        }  # fmt: skip

    rows = [row("1.50", None), row("2", None), row(None, None), row("1.5", "mg"), row("2", "mg", key="KK-02")]
    rows += [row("2", "mg", at="2025-09-29 09:00:00"), row("2", "mg", key=None), row("2", "mg", at=None)]
    assert verdicts(made, *rows) == [True, False, False, False, True, True, True, True]


def test_exists_in_without_a_date_and_by_the_same_name(verdicts):
    made = rule("exists_in", "ma_don_vi", dataset="don_vi")
    rows = [{"ma_don_vi": text(code)} for code in ("H15.53", "H15.99", None)]
    assert verdicts(made, *rows) == [True, False, True]


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(
    ("code", "name", "official", "own"),
    [
        ("H15.102", "Phường Tân Lập", True, True),
        ("H15.102", "UBND phường Tân Lập", True, True),
        ("H15.102", "Phường  Tân Lập", False, True),
        ("H15.102", "PHƯỜNG TÂN LẬP", False, True),
        ("H15.102", "Bộ phận một cửa", False, True),
        ("H15.105", "Xã Hoà Phú", False, True),
        ("H15.113", "Xã Ea M’Droh", False, True),
        ("H15.102", "Xã Hòa Phú", True, False),
        ("H15.102", "ubnd xã Hoà Phú", True, False),
        ("H15.999", "Xã Hòa Phú", True, True),
        ("H15.102", "Xã đã xóa", False, True),
        ("H15.102", None, None, None),
        (None, "Xã Hòa Phú", None, None),
    ],
)
def test_names_of_units(verdicts, code, name, official, own):
    arguments = {"dataset": "don_vi", "names": ["ten_don_vi", "ten_tren_cong"]}
    row = {"ma_don_vi": text(code), "ten": text(name)}
    assert verdicts(rule("official_name", "ma_don_vi", "ten", **arguments), row) == [official]
    assert verdicts(rule("not_name_of_another", "ma_don_vi", "ten", **arguments), row) == [own]


ALLOWED = {"1": ["2"], "2": ["4", "9"], "4": ["9"], "9": ["10"], "10": []}


def step(of, moment, status):
    return {"of": text(of), "moment": typed("timestamp", moment and f"2025-09-30 {moment}"), "status": text(status)}


def follow(verdicts, *steps):
    made = rule("transition", "status", "moment", within="tien_trinh", of="of", allowed=ALLOWED)
    return verdicts(made, *(step(*one) for one in steps))


@pytest.fixture(scope="module")
def held(session):
    """The columns of the rule in core, and two steps of A there: 2 at 08:00 and 4 at 10:00."""
    session.execute(
        "ALTER TABLE core.tien_trinh ADD COLUMN of text, ADD COLUMN moment timestamp, ADD COLUMN status text"
    )
    for moment, status in (("08:00", "2"), ("10:00", "4")):
        hold(session, "tien_trinh", of="A", moment=f"2025-09-30 {moment}", status=status)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            [("B", "08:00", "2"), ("B", "09:00", "4"), ("B", "09:30", "4"), ("B", "10:00", "10")],
            [None, True, True, False],
        ),
        ([("B", "09:00", "4"), ("B", "08:00", "2")], [True, None]),
        ([("B", "08:00", "9"), ("B", "08:00", "10")], [None, True]),
        ([("B", "08:00", "2"), ("C", "09:00", "10")], [None, None]),
        ([("A", "11:00", "9")], [True]),
        ([("A", "11:00", "10")], [False]),
        ([("A", "09:00", "9")], [True]),
        ([("A", "07:00", "10")], [None]),
        ([("A", "07:00", "1"), ("A", "11:00", "9")], [None, True]),
        ([("A", "10:00", "4")], [True]),
        ([("B", "08:00", "2"), ("B", "09:00", "99"), ("B", "10:00", "9")], [None, None, None]),
        ([("B", "08:00", "2"), ("B", None, "10"), (None, "09:00", "10")], [None, True, True]),
    ],
)
def test_transition_follows_the_batch_and_what_is_held(verdicts, steps, expected):
    assert follow(verdicts, *steps) == expected


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("UBND phường Tân Lập", "tân lập"),
        ("PHƯỜNG\u00a0 TÂN  LẬP ", "tân lập"),
        ("Uỷ ban nhân dân xã Hoà Phú", "hòa phú"),
        ("Ủy ban nhân dân Xã Hòa Phú", "hòa phú"),
        ("Xã Ea H’leo", "ea h'leo"),
        ("Xã Ea H`Leo", "ea h'leo"),
        ("Sở Nội vụ - Tỉnh Đắk Lắk", "sở nội vụ"),
        ("SỞ VĂN HOÁ, THỂ THAO VÀ DU LỊCH", "sở văn hóa, thể thao và du lịch"),
        ("UBND tỉnh Đắk Lắk", "tỉnh đắk lắk"),
        ("Hoàng Quý", "hoàng quý"),
        ("Thuỷ khoẻ loắt ngoặt", "thủy khỏe loắt ngoặt"),
        ("Phú Hòa 1", "phú hòa 1"),
    ],
)
def test_name_key(session, name, key):
    for form in ("NFC", "NFD"):
        assert _value(session, "ops.name_key(%s)", unicodedata.normalize(form, name)) == key


def test_units_of_the_province_have_different_keys(session):
    import csv

    with (ROOT / "include/lienthong/reference/don_vi.csv").open(encoding="utf-8", newline="") as lines:
        names = [row["ten_don_vi"] for row in csv.DictReader(lines)]
    assert len({_value(session, "ops.name_key(%s)", name) for name in names}) == len(names) == 116


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("066090900001", True), ("054390900001", True), ("066490900001", False), ("047090900001", False),
        ("66090900001", False), ("0660909000011", False), ("06609090000a", False), ("000000000000", False),
        ("٠66090900001", False), ("", False), (None, None),
    ],
)  # fmt: skip
def test_citizen_numbers(session, number, expected):
    assert _value(session, "ops.is_citizen_number(%s)", number) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0100109106", True), ("0300588569", True), ("0101248141", True), ("0100686174", True), ("0100112437", True),
        ("0100109107", False), ("6000000018", True), ("6000000032", True), ("6000000040", False), ("6000000041", False),
        ("6000000018-001", True), ("6000000018-000", False), ("6000000018-1", False), ("600000001", False),
        ("066090900001", True), ("047090900001", False), ("MST 0100109106", False), (None, None),
    ],
)  # fmt: skip
def test_tax_codes(session, code, expected):
    assert _value(session, "ops.is_tax_code(%s)", code) == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_text_escapes_from_a_literal_or_a_name(session, value):
    found = session.execute(f"SELECT {literal(value)} AS v").fetchone()
    assert found["v"] == value
    name = quoted(value)
    assert name.startswith('"')
    assert name.endswith('"')
    assert name[1:-1].replace('""', "") == value.replace('"', "")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text("aeoăâêôơưyuqnghHÒÓỎòóọÀàáỹỲĐđ '’ "))
def test_case_form_and_space_do_not_change_the_key_of_a_name(session, name):
    key = _value(session, "ops.name_key(%s)", name)
    for other in (name.upper(), unicodedata.normalize("NFD", name), f" \u00a0{name.replace(' ', '  ')} "):
        assert _value(session, "ops.name_key(%s)", other) == key


def _value(session, expression, value):
    return session.execute(f"SELECT {expression} AS v", [value]).fetchone()["v"]
