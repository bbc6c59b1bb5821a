"""What is published of the marts is a dataset like any other: read from a view, judged, promoted, enqueued. What the
public sees rests on public columns alone."""

import json
import re
import shutil
from datetime import date, datetime

import pytest

from lienthong.batches import Window
from lienthong.contracts import load, load_all
from lienthong.endpoints import ENDPOINTS
from lienthong.errors import ContractError, SourceShrunk
from lienthong.indicators.declared import declared
from lienthong.settings import ROOT, TIMEZONE, Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate
from tests.indicators.world import catalogues, dossier, feedback, lives, write

from .builders import rows_of

CONTRACTS = load_all(ROOT / "expectations")
DERIVED = {name: contract for name, contract in CONTRACTS.items() if contract.derived}
AUGUST = [date(2025, 8, day) for day in (18, 19, 20)]
FIRST, SECOND, THIRD = map(Window.of_day, AUGUST)
LAST, NEXT = date(2025, 8, 31), date(2025, 9, 1)
POINT = {
    "ma_don_vi": "H15.102", "tru_so": "12 Lê Duẩn", "dien_thoai": "02623856789",
    "gio_sang": "07:30-11:30", "gio_chieu": "13:30-17:00",
    "lam_thu_bay": "1", "so_quay": 4, "so_can_bo": 6, "so_may_tinh": 6, "so_may_quet": 2, "mang_chuyen_dung": "1",
    "bang_thong_mbps": 300, "cap_nhat_luc": datetime(2025, 8, 1, 8),
}  # fmt: skip
SERVED = {"ma_tthc": "1.000009", "ten_tthc": "Đăng ký khai sinh", "ten_linh_vuc": "Hộ tịch", "cap_thuc_hien": "3",
          "trang_thai": "1", "thoi_gian_giai_quyet": 1, "don_vi_tinh": "Ngày làm việc"}  # fmt: skip


@pytest.fixture
def world(province):
    """Five units, two dossiers of one of them, one service point, one procedure of the communes."""
    catalogues(province)
    write(
        province,
        promoted=AUGUST[:2],
        ho_so=[
            dossier("H15.102-250818-0001", "2025-08-18 08:00", "2025-08-21 17:00", "9", "2025-08-19 09:00"),
            dossier("H15.102-250818-0002", "2025-08-18 09:00", "2025-08-18 17:00", "9", "2025-08-19 10:00"),
        ],
        diem_phuc_vu=[POINT],
    )
    write(province, thu_tuc=[SERVED])
    return province


@pytest.fixture
def pipeline(world):
    def no_connection(name):
        raise AssertionError(f"what is derived needs no connection, {name} was asked for")

    return Pipeline(Settings.from_env({}), CONTRACTS, world, no_connection)


def outbox(warehouse, dataset):
    return rows_of(
        warehouse, "SELECT record_key, version, deleted FROM publish.outbox WHERE dataset = %s ORDER BY 1, 2", dataset
    )


# -- contracts


def test_what_is_derived_says_of_what_and_waits_for_it():
    assert set(DERIVED) == {"chi_so", "thong_ke_thang", "thong_tin_xa", "trang_thai_dich_vu"}
    order = list(CONTRACTS)
    for name, contract in DERIVED.items():
        waited = set(contract.waits_for).union(*(CONTRACTS[other].waits_for for other in contract.waits_for))
        assert {"ho_so", "tien_trinh"} <= waited, name
        assert all(order.index(other) < order.index(name) for other in contract.waits_for), name
        assert set(contract.endpoints) <= set(ENDPOINTS), name


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - property: after\n    value: [ho_so, tien_trinh]\n", "", "what is derived says with after"),
        ("value: [ho_so, tien_trinh]", "value: [ho_so, don_vi]", "'don_vi', which is waited for anyway"),
        ("value: [ho_so, tien_trinh]", "value: ho_so", "must be a list of datasets"),
    ],
)
def test_an_after_that_says_nothing_is_refused(tmp_path, old, new, words):
    (path,) = ROOT.glob("expectations/*/thong_ke_thang.odcs.yaml")
    text = path.read_text(encoding="utf-8")
    assert old in text
    copy = tmp_path / path.name
    copy.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ContractError, match=words):
        load(copy)


def test_a_dataset_waits_for_those_it_is_after(pipeline):
    assert pipeline.waits_for("thong_ke_thang", SECOND) == ["don_vi"], "nothing noted a window of don_vi"
    assert pipeline.waits_for("thong_ke_thang", THIRD) == ["don_vi", "ho_so", "tien_trinh"]
    assert pipeline.sync("thong_ke_thang", THIRD) is False


# -- views


@pytest.mark.parametrize("dataset", DERIVED)
def test_the_view_has_the_columns_of_the_contract(province, dataset):
    found = rows_of(
        province,
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'marts' AND table_name = %s",
        dataset,
    )
    assert {name for (name,) in found} == set(DERIVED[dataset].names)


def test_a_changed_view_is_made_anew_and_an_unchanged_one_is_left(province, tmp_path):
    assert migrate(province, CONTRACTS.values()) == []
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    file = tmp_path / "sql" / "marts" / "views" / "thong_ke_thang.sql"
    file.write_text(file.read_text(encoding="utf-8").replace("overdue AS", "overdue + 7 AS"), encoding="utf-8")
    assert migrate(Warehouse(province.connection, tmp_path), CONTRACTS.values()) == ["views/thong_ke_thang.sql"]
    (text,) = rows_of(province, "SELECT pg_get_viewdef('marts.thong_ke_thang'::regclass)")[0]
    assert "+ 7" in text
    assert rows_of(province, "SELECT count(*) FROM marts.chi_so") == [(0,)]


def test_what_the_public_sees_reads_public_columns_and_sums_only(province):
    """By construction: every column that the view reaches, through whatever views, is public by its contract, belongs
    to the sums, or is machinery of a record. Marts of single dossiers are out of reach."""
    sums = {"indicator_state", "declared"}
    reached = reached_by(province, "thong_tin_xa")
    assert {"core.don_vi", "core.diem_phuc_vu", "core.thu_tuc", "core.chi_so"} <= {table for table, _ in reached}
    for table, column in reached:
        schema, name = table.split(".")
        if schema == "marts":
            assert name in sums, f"{table}.{column}"
        else:
            assert schema == "core", f"{table}.{column}"
            classes = {one.name: one.classification for one in CONTRACTS[name].columns}
            assert column == "_deleted_at" or classes[column] == "public", f"{table}.{column}"
    assert {column.classification for column in CONTRACTS["thong_tin_xa"].columns} == {"public"}


def test_a_personal_column_would_be_seen_however_deep_it_lies(province):
    with province.session() as session:
        session.execute("CREATE VIEW marts.deep AS SELECT ma_don_vi, max(chu_ho_so) AS ten FROM core.ho_so GROUP BY 1")
        session.execute("CREATE VIEW marts.seen AS SELECT v.ma_xa, d.ten FROM core.don_vi v JOIN marts.deep d USING"
                        " (ma_don_vi)")  # fmt: skip
    assert ("core.ho_so", "chu_ho_so") in reached_by(province, "seen")


def reached_by(warehouse, view):
    """Every column of a table that a view of the marts reads, itself or through other views."""
    return set(
        rows_of(
            warehouse,
            """
            WITH RECURSIVE reads AS (
                SELECT 'marts.' || %s AS name, NULL::oid AS relation, 0 AS number
                UNION
                SELECT r.name, d.refobjid, d.refobjsubid
                FROM reads r
                JOIN pg_rewrite w ON w.ev_class = coalesce(r.relation, r.name::regclass)
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
            )
            SELECT DISTINCT n.nspname || '.' || c.relname, a.attname
            FROM reads r
            JOIN pg_class c ON c.oid = r.relation AND c.relkind <> 'v'
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = r.number AND a.attnum > 0
            """,
            view,
        )
    )


# -- runs


def test_values_are_promoted_once_and_a_second_run_changes_and_sends_nothing(world, pipeline):
    done = pipeline.run("chi_so", SECOND)
    held = rows_of(world, "SELECT count(*) AS n, count(*) FILTER (WHERE ky = 'thang') AS months FROM core.chi_so")[0]
    expected = rows_of(world, "SELECT count(*) FROM marts.indicators WHERE kind IN ('month', 'quarter', 'year')")[0]
    assert done.inserted == done.enqueued == held[0] == expected[0] > held[1] > 0
    assert done.quarantined == 0
    again = pipeline.run("chi_so", SECOND)
    assert (again.unchanged, again.updated, again.enqueued) == (done.inserted, 0, 0)


def test_a_restated_dossier_changes_its_figures_and_only_those(world, pipeline):
    pipeline.run("chi_so", SECOND)
    pipeline.run("thong_ke_thang", SECOND)
    sent = len(outbox(world, "thong_ke_thang"))
    late = dossier("H15.102-250818-0001", "2025-08-18 08:00", "2025-08-18 17:00", "9", "2025-08-19 09:00")
    write(world, ho_so=[late])
    done = pipeline.run("thong_ke_thang", SECOND)
    assert (done.updated, done.inserted) == (1, 0)
    assert len(outbox(world, "thong_ke_thang")) == sent + 1
    (row,) = rows_of(world, "SELECT moi_tiep_nhan, da_giai_quyet, dung_han, qua_han FROM core.thong_ke_thang"
                     " WHERE ma_don_vi = 'H15.102' AND thang = '2025-08-01'")  # fmt: skip
    assert row == (2, 2, 0, 2)
    changed = pipeline.run("chi_so", SECOND)
    assert 0 < changed.updated < changed.unchanged
    units = rows_of(world, "SELECT DISTINCT ma_don_vi FROM core.chi_so WHERE _version > 1")
    assert {unit for (unit,) in units} <= {"H15", "H15-XA", "H15.102"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sums_of_a_month_agree(province, seed):
    """Whatever the statuses: what came in and what was there is what went out and what is left."""
    catalogues(province)
    headers, steps = lives(seed)
    refused = dossier("H15.102-250818-9001", "2025-08-18 08:00", "2025-08-25 17:00", "3")
    steps += [{"ma_ho_so": refused["ma_ho_so"], "thoi_diem_xu_ly": f"2025-08-18 0{hour}:00", "trang_thai": status}
              for hour, status in ((8, "2"), (9, "3"))]  # fmt: skip
    last = date(2025, 12, 31)
    write(province, promoted=[last], ho_so=[*headers, refused], tien_trinh=steps,
          phan_anh_hien_truong=feedback(seed))  # fmt: skip
    pipeline = Pipeline(Settings.from_env({}), CONTRACTS, province, None)
    done = pipeline.run("thong_ke_thang", Window.of_day(last))
    assert done.inserted > 10
    wrong = rows_of(
        province,
        "SELECT * FROM core.thong_ke_thang WHERE tong <> moi_tiep_nhan + ton_truoc OR tong <> da_giai_quyet +"
        " dang_giai_quyet OR da_giai_quyet <> dung_han + qua_han OR dang_giai_quyet <> trong_han + tre_han",
    )
    assert wrong == []


def test_a_unit_that_the_catalogue_drops_keeps_its_past_months(world, pipeline):
    old = [dossier(f"H15.131-{n}", "2025-07-18 08:00", "2025-07-21 17:00", "9", "2025-07-19 09:00", "H15.131")
           for n in range(3)]  # fmt: skip
    write(world, ho_so=old)
    pipeline.run("thong_ke_thang", SECOND)
    months = "SELECT thang, moi_tiep_nhan FROM core.thong_ke_thang WHERE ma_don_vi = 'H15.131' AND _deleted_at IS NULL"
    assert sorted(rows_of(world, months)) == [(date(2025, 7, 1), 3), (date(2025, 8, 1), 0)]
    gone = {"ma_don_vi": "H15.131", "ten_don_vi": "Xã Ea Súp", "loai": "COMMUNE_PEOPLE_COMMITTEE", "ma_xa": "24211",
            "hieu_luc_tu": date(2025, 7, 1), "hieu_luc_den": date(2025, 7, 31), "_deleted": True}  # fmt: skip
    write(world, don_vi=[gone])
    for dataset in ("thong_ke_thang", "chi_so"):
        done = pipeline.run(dataset, SECOND)
        assert done.quarantined == 0, dataset
    assert rows_of(world, "SELECT thang, moi_tiep_nhan FROM marts.thong_ke_thang WHERE ma_don_vi = 'H15.131'") == [
        (date(2025, 7, 1), 3)
    ]


def test_a_mass_of_values_does_not_vanish_unasked(world, pipeline):
    """952 of 14,000 once went by a mistake; an indicator that is taken away on purpose asks as well."""
    pipeline.run("chi_so", SECOND)
    assert CONTRACTS["chi_so"].delete_brake < 952 / 14_000 / 3
    with world.session() as session:
        session.execute("DELETE FROM marts.indicators WHERE indicator = 'ho_so_tiep_nhan'")
    held = rows_of(world, "SELECT count(*) FROM core.chi_so WHERE _deleted_at IS NULL")
    with pytest.raises(SourceShrunk, match="deleteBrake"):
        pipeline.run("chi_so", SECOND)
    assert rows_of(world, "SELECT count(*) FROM core.chi_so WHERE _deleted_at IS NULL") == held


def test_the_local_time_of_views_is_that_of_the_settings(province):
    (same,) = rows_of(province, "SELECT bool_and(ops.local(m) = m AT TIME ZONE %s) FROM (VALUES ('2025-08-31"
                      " 17:00:00+00'::timestamptz), ('1975-06-12 15:00+00')) AS v (m)", TIMEZONE)  # fmt: skip
    assert same == (True,)
    views = (ROOT / "sql" / "marts" / "views").glob("*.sql")
    assert [path.name for path in views if TIMEZONE in path.read_text(encoding="utf-8")] == []


def test_a_day_that_is_made_up_for_leaves_the_newest_state(world, pipeline):
    """Its own window is overtaken and changes nothing; the newest is read again, with what the day brought."""
    pipeline.run("thong_ke_thang", SECOND)
    missed = dossier("H15.131-250818-0001", "2025-08-18 08:00", "2025-08-21 17:00", "9", "2025-08-18 09:00", "H15.131")
    write(world, ho_so=[missed])
    done = pipeline.run("thong_ke_thang", FIRST)
    assert (done.inserted, done.updated, done.deleted) == (0, 0, 0)
    counted = "SELECT moi_tiep_nhan FROM core.thong_ke_thang WHERE ma_don_vi = 'H15.131' AND thang = '2025-08-01'"
    assert rows_of(world, counted) == [(1,)]
    assert rows_of(world, "SELECT bool_and(state = 'promoted') FROM ops.runs WHERE dataset = 'thong_ke_thang'") == [
        (True,)
    ]


# -- the public documents


def in_september(warehouse, pipeline, *rows, **more):
    """The first of September is there, so that August is whole; the figures of it are promoted."""
    write(warehouse, promoted=[LAST, NEXT], ho_so=list(rows), **more)
    pipeline.run("chi_so", Window.of_day(NEXT))


def many(received, good, bad, month=8, unit="H15.102"):
    """Dossiers of one unit and month: ``good`` finished in time and ``bad`` late, ``received`` at most still open."""
    for number in range(received):
        due = f"2025-{month:02d}-{20 if number < good else 12} 17:00"
        ended = f"2025-{month:02d}-15 09:00" if number < good + bad else None
        day = f"2025-{month:02d}-11"
        yield dossier(f"{unit}-{month}-{number:04d}", f"{day} 08:00", due, "9" if ended else "4", ended, unit)


def shown(warehouse, commune="24121"):
    """The figures in the commune's document, by indicator."""
    found = rows_of(warehouse, "SELECT chi_so FROM marts.thong_tin_xa WHERE ma_xa = %s", commune)
    return {one["ma"]: one for one in json.loads(found[0][0])}


def test_the_public_document_of_a_commune(world, pipeline):
    with world.session() as session:
        session.execute("UPDATE core.don_vi SET hieu_luc_den = '2025-08-01' WHERE ma_don_vi = 'H15.131'")
    in_september(world, pipeline, *many(30, 20, 10))
    pipeline.run("thong_tin_xa", Window.of_day(NEXT))
    held = {row[0]: row[1:] for row in rows_of(
        world, "SELECT ma_xa, ma_don_vi, gio_sang, so_thu_tuc, thu_tuc, chi_so, thang, so_lieu_den_ngay"
        " FROM core.thong_tin_xa"
    )}  # fmt: skip
    assert set(held) == {"24133", "24121"}, "neither departments nor a commune that has ended"
    assert held["24133"][1] is None
    unit, morning, number, procedures, figures, month, upto = held["24121"]
    assert (unit, morning, number) == ("H15.102", "07:30-11:30", 1)
    assert (month, upto) == (date(2025, 8, 1), LAST), "the newest month that is whole"
    assert json.loads(procedures) == [
        {"don_vi_tinh": "Ngày làm việc", "linh_vuc": "Hộ tịch", "ma": "1.000009", "ten": "Đăng ký khai sinh",
         "thoi_han": 1}
    ]  # fmt: skip
    told = {one["ma"]: one for one in json.loads(figures)}
    assert all(declared(ROOT)[name].open for name in told)
    rate = told["dung_han_dia_phuong"]
    # The world has two dossiers beside: one in time, one late.
    assert (rate["tu_so"], rate["mau_so"], rate["don_vi_tinh"]) == (21, 32, "%")
    assert rate["gia_tri"] == 65.625, "per cent, as the unit says"


def test_of_a_month_that_goes_on_nothing_is_shown(world, pipeline):
    """On the first of September nothing is said of September, and no rate of no dossiers at all."""
    in_september(world, pipeline, *many(30, 20, 10), *many(30, 20, 10, month=9))
    assert rows_of(world, "SELECT DISTINCT thang, so_lieu_den_ngay FROM marts.thong_tin_xa") == [
        (date(2025, 8, 1), LAST)
    ]
    assert shown(world)["ho_so_tiep_nhan"]["gia_tri"] == 32
    with world.session() as session:
        session.execute("UPDATE marts.indicator_state SET horizon = '2025-08-30'")
    assert shown(world) == {}, "July is the newest whole month, of which nothing is known"


def test_what_the_judge_holds_does_not_reach_the_public(world, pipeline):
    in_september(world, pipeline, *many(30, 20, 10))
    before = shown(world)
    with world.session() as session:
        session.execute("UPDATE marts.indicators SET value = 7 WHERE indicator = 'dung_han_dia_phuong'")
    assert shown(world) == before, "what was not judged is not told"


def test_a_figure_that_is_not_open_is_not_shown(world, pipeline):
    in_september(world, pipeline, *many(30, 20, 10))
    before = set(shown(world))
    with world.session() as session:
        session.execute("UPDATE marts.declared SET open = false WHERE indicator = 'dung_han_dia_phuong'")
    assert before - set(shown(world)) == {"dung_han_dia_phuong"}


def hidden(warehouse, unit="H15.102", month="2025-08-01"):
    return {name for (name,) in rows_of(
        warehouse, "SELECT ma_chi_so FROM core.chi_so WHERE gia_tri IS NULL AND ma_don_vi = %s AND bat_dau = %s"
        " AND ky = 'thang'", unit, month
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("resolved", "late", "told"),
    [
        (40, 0, {"ho_so_tre_han", "ho_so_giai_quyet", "dung_han_dia_phuong"}),
        (40, 1, {"ho_so_giai_quyet"}),
        (40, 4, {"ho_so_giai_quyet"}),
        (40, 5, {"ho_so_tre_han", "ho_so_giai_quyet", "dung_han_dia_phuong"}),
        (40, 36, {"ho_so_giai_quyet"}),
        (9, 0, {"ho_so_tre_han", "ho_so_giai_quyet"}),
        (3, 0, set()),
    ],
)
def test_a_small_count_is_told_neither_itself_nor_by_its_rate_nor_by_what_is_left(province, resolved, late, told):
    catalogues(province)
    write(province, thu_tuc=[SERVED])
    pipeline = Pipeline(Settings.from_env({}), CONTRACTS, province, None)
    in_september(province, pipeline, *many(resolved, resolved - late, late))
    asked = {"ho_so_tre_han", "ho_so_giai_quyet", "dung_han_dia_phuong"}
    assert asked & hidden(province) == asked - told
    assert asked & set(shown(province)) == {name for name in told if declared(ROOT)[name].open}


def test_a_hidden_figure_of_one_commune_cannot_be_computed_from_the_sum(province):
    catalogues(province)
    pipeline = Pipeline(Settings.from_env({}), CONTRACTS, province, None)
    rows = [row for unit, late in (("H15.100", 20), ("H15.102", 2), ("H15.131", 9))
            for row in many(40, 40 - late, late, unit=unit)]  # fmt: skip
    in_september(province, pipeline, *rows)
    told = {unit for (unit,) in rows_of(
        province, "SELECT ma_don_vi FROM core.chi_so WHERE ma_chi_so = 'ho_so_tre_han' AND ky = 'thang'"
        " AND bat_dau = '2025-08-01' AND gia_tri IS NOT NULL"
    )}  # fmt: skip
    assert "H15-XA" in told
    assert len(told & {"H15.100", "H15.102", "H15.131"}) == 1, "a second one goes with it"
    assert rows_of(province, "SELECT count(*) FROM core.chi_so WHERE gia_tri IS NULL"
                   " AND num_nonnulls(tu_so, mau_so) > 0") == [(0,)]  # fmt: skip


def test_time_and_money_of_a_few_dossiers_are_not_told(province):
    """The denominator is minutes or dong, thousands of them; behind it may stand one dossier."""
    catalogues(province)
    pipeline = Pipeline(Settings.from_env({}), CONTRACTS, province, None)
    rows = list(many(40, 40, 0))
    steps = [{"ma_ho_so": one["ma_ho_so"], "thoi_diem_xu_ly": one["ngay_ket_thuc_xu_ly"], "trang_thai": "9"}
             for one in rows[:8]]  # fmt: skip
    in_september(province, pipeline, *rows, tien_trinh=steps)
    assert {"thoi_gian_trung_binh", "thoi_gian_p90", "giam_thoi_gian"} <= hidden(province)
    assert not {"thoi_gian_trung_binh", "giam_thoi_gian"} & set(shown(province))


def test_the_limits_are_configuration(world, pipeline):
    in_september(world, pipeline, *many(30, 27, 3))
    assert "ho_so_tre_han" in hidden(world)
    with world.session() as session:
        session.execute("UPDATE marts.small_cells SET below = 2, least = 1")
    pipeline.run("chi_so", Window.of_day(NEXT))
    assert "ho_so_tre_han" not in hidden(world)


def test_a_day_without_changes_sends_nothing_to_the_app(world, pipeline):
    in_september(world, pipeline, *many(30, 20, 10))
    pipeline.run("thong_tin_xa", Window.of_day(NEXT))
    sent = outbox(world, "thong_tin_xa")
    day_after = date(2025, 9, 2)
    write(world, promoted=[day_after], ho_so=list(many(5, 1, 0, month=9)))
    assert pipeline.run("chi_so", Window.of_day(day_after)).enqueued > 0
    done = pipeline.run("thong_tin_xa", Window.of_day(day_after))
    assert (done.unchanged, done.enqueued) == (len(sent), 0)


MOBILE = re.compile(r"(?<!\d)(?:0|\+?84)[ .-]?[35789](?:[ .-]?\d){8}(?!\d)")
CITIZEN = re.compile(r"(?<!\d)0\d\d(?:[ .]?\d){9}(?!\d)")


@pytest.mark.parametrize(
    ("phone", "place"),
    [
        ("0905123456", "12 Lê Duẩn"),
        ("+84905123456", "12 Lê Duẩn"),
        ("02623856789", "12 Lê Duẩn, gọi 0905 123 456"),
        ("02623856789", "12 Lê Duẩn, gọi 84905.123.456"),
        ("02623856789", "Nhà ông 066300987654"),
        ("066300987654", "12 Lê Duẩn"),
    ],
)
def test_nothing_that_looks_like_a_number_of_a_person_is_in_a_document(world, pipeline, phone, place):
    """The rules of the service points hold such a row; here it got past them."""
    in_september(world, pipeline, *many(30, 20, 10), diem_phuc_vu=[{**POINT, "dien_thoai": phone, "tru_so": place}])
    pipeline.run("thong_tin_xa", Window.of_day(NEXT))
    for (text,) in rows_of(world, "SELECT row_to_json(t)::text FROM (SELECT ma_xa, ma_don_vi, ten_xa, tru_so,"
                           " dien_thoai, thu_tuc, chi_so FROM core.thong_tin_xa) t"):  # fmt: skip
        assert not MOBILE.search(text)
        assert not CITIZEN.search(text)


@pytest.mark.parametrize("phone", ["02623856789", "1022", "19001234", "18001080"])
def test_the_phone_of_an_office_is_shown(world, pipeline, phone):
    write(world, diem_phuc_vu=[{**POINT, "dien_thoai": phone}])
    pipeline.indicators()
    assert rows_of(world, "SELECT dien_thoai FROM marts.thong_tin_xa WHERE ma_xa = '24121'") == [(phone,)]


def test_a_commune_that_ends_is_told_to_the_app_as_gone(world, pipeline):
    contract = CONTRACTS["thong_tin_xa"]
    assert contract.delete_brake < 1
    with world.session() as session:
        for number in range(30):
            session.execute(
                "INSERT INTO core.don_vi SELECT (jsonb_populate_record(v, jsonb_build_object("
                "'ma_don_vi', %(code)s::text, 'ma_xa', %(xa)s::text, 'ten_don_vi', %(code)s::text,"
                " '_record_key', %(code)s::text))).*"
                " FROM core.don_vi v WHERE v.ma_don_vi = 'H15.102'",
                {"code": f"H15.{300 + number}", "xa": f"{30000 + number}"},
            )
    pipeline.run("thong_tin_xa", SECOND)
    with world.session() as session:
        session.execute("UPDATE core.don_vi SET hieu_luc_den = '2025-08-01' WHERE ma_don_vi = 'H15.305'")
    assert pipeline.run("thong_tin_xa", SECOND).deleted == 1
    assert outbox(world, "thong_tin_xa")[-1:] == [("30029", 1, False)]
    assert ("30005", 2, True) in outbox(world, "thong_tin_xa")


def test_states_of_the_services(world, pipeline):
    """Fresh, late and cut off; held rows and what earlier windows left unsent; what is on its way is no state."""
    with world.session() as session:
        runs = {}
        for window in (FIRST, SECOND, THIRD):
            for dataset in ("ho_so", "gia_hang_hoa"):
                runs[dataset, window] = session.execute(
                    "INSERT INTO ops.runs (dataset, window_start, window_end, state, extracted, inserted, updated,"
                    " unchanged, superseded, quarantined) VALUES (%s, %s, %s, 'promoted', 0, 0, 0, 0, 0, 0)"
                    " RETURNING run_id",
                    [dataset, window.start, window.end],
                ).fetchone()["run_id"]
        newest = runs["ho_so", THIRD]
        for unit, good in (("H15.102", THIRD), ("H15.131", FIRST), ("H15.100", THIRD), ("H15.10", None)):
            session.execute("INSERT INTO ops.batches (run_id, source, state) VALUES (%s, %s, 'landed')", [newest, unit])
            if good:
                session.execute("INSERT INTO ops.watermarks VALUES ('ho_so', %s, %s)", [unit, good.end])
        prices = ("csdl_gia_hang_hoa", SECOND.end)
        session.execute("INSERT INTO ops.batches (run_id, source, state) VALUES (%s, %s, 'landed')",
                        [runs["gia_hang_hoa", THIRD], prices[0]])  # fmt: skip
        session.execute("INSERT INTO ops.watermarks VALUES ('gia_hang_hoa', %s, %s)", prices)
        session.execute("INSERT INTO ops.problems (kind, dataset, source) VALUES ('source_down', 'ho_so', 'H15.100')")
        session.execute("UPDATE core.ho_so SET _source = 'H15.102'")
        for number, window, state in ((1, FIRST, "dead"), (2, THIRD, "pending")):
            session.execute(
                "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, state, run_id)"
                " VALUES ('national_portal', 'ho_so', %(key)s, 1, %(key)s, %(state)s, %(run)s)",
                {"key": f"H15.102-250818-000{number}", "state": state, "run": runs["ho_so", window]},
            )
    found = {row[:2]: row[2:] for row in rows_of(
        world, "SELECT ma_don_vi, ma_tap_du_lieu, trang_thai, ngay_moi_nhat, so_chua_gui, chua_gui_tu"
        " FROM marts.trang_thai_dich_vu"
    )}  # fmt: skip
    assert found == {
        ("H15.102", "ho_so"): ("dong_bo", AUGUST[2], 1, AUGUST[0]),
        ("H15.131", "ho_so"): ("cham", AUGUST[0], 0, None),
        ("H15.100", "ho_so"): ("mat_ket_noi", AUGUST[2], 0, None),
        ("H15.10", "ho_so"): ("mat_ket_noi", None, 0, None),
        ("H15", "gia_hang_hoa"): ("dong_bo", AUGUST[1], 0, None),
    }


def test_the_marts_are_read_in_the_warehouse_itself(world, pipeline):
    connection = pipeline._connection("marts")
    assert (connection.host, connection.schema) == (world.connection.host, world.connection.schema)
    assert connection.extra == {**world.connection.extra, "namespace": "marts"}
