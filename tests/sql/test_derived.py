"""What is published of the marts is a dataset like any other: read from a view, judged, promoted, enqueued. What the
public sees rests on public columns alone."""

import json
import shutil
from datetime import date

import pytest

from lienthong.batches import Window
from lienthong.contracts import load, load_all
from lienthong.endpoints import ENDPOINTS
from lienthong.errors import ContractError
from lienthong.indicators.declared import declared
from lienthong.indicators.told import tell
from lienthong.settings import ROOT, Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate
from tests.indicators.world import catalogues, dossier, write

from .builders import rows_of

CONTRACTS = load_all(ROOT / "expectations")
DERIVED = {name: contract for name, contract in CONTRACTS.items() if contract.derived}
AUGUST = [date(2025, 8, day) for day in (18, 19, 20)]
FIRST, SECOND, THIRD = map(Window.of_day, AUGUST)
POINT = {
    "ma_don_vi": "H15.102", "tru_so": "12 Lê Duẩn", "gio_sang": "07:30-11:30", "gio_chieu": "13:30-17:00",
    "lam_thu_bay": "1", "so_quay": 4, "so_can_bo": 6, "so_may_tinh": 6, "so_may_quet": 2, "mang_chuyen_dung": "1",
    "bang_thong_mbps": 300,
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
        assert {"ho_so", "tien_trinh"} <= set(contract.waits_for), name
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
    file.write_text(file.read_text(encoding="utf-8").replace("p.overdue AS", "p.overdue + 7 AS"), encoding="utf-8")
    assert migrate(Warehouse(province.connection, tmp_path), CONTRACTS.values()) == ["views/thong_ke_thang.sql"]
    (text,) = rows_of(province, "SELECT pg_get_viewdef('marts.thong_ke_thang'::regclass)")[0]
    assert "+ 7" in text
    assert rows_of(province, "SELECT count(*) FROM marts.chi_so") == [(0,)]


def test_what_the_public_sees_reads_public_columns_and_sums_only(province):
    """By construction: every column that the view reaches, through whatever views, is public by its contract, belongs
    to the sums, or is machinery of a record. Marts of single dossiers are out of reach."""
    sums = {"indicators", "indicator_state", "declared", "periods", "units"}
    reached = reached_by(province, "thong_tin_xa")
    assert {"core.don_vi", "core.diem_phuc_vu", "core.thu_tuc", "marts.indicators"} <= {table for table, _ in reached}
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


def test_the_public_document_of_a_commune(world, pipeline):
    with world.session() as session:
        session.execute("UPDATE core.don_vi SET hieu_luc_den = '2025-08-01' WHERE ma_don_vi = 'H15.131'")
    pipeline.run("thong_tin_xa", SECOND)
    shown = {row[0]: row[1:] for row in rows_of(
        world, "SELECT ma_xa, ma_don_vi, gio_sang, so_thu_tuc, thu_tuc, chi_so FROM core.thong_tin_xa"
    )}  # fmt: skip
    assert set(shown) == {"24133", "24121"}, "neither departments nor a commune that has ended"
    assert shown["24133"][1] is None
    unit, morning, number, procedures, figures = shown["24121"]
    assert (unit, morning, number) == ("H15.102", "07:30-11:30", 1)
    assert json.loads(procedures) == [
        {"don_vi_tinh": "Ngày làm việc", "linh_vuc": "Hộ tịch", "ma": "1.000009", "ten": "Đăng ký khai sinh",
         "thoi_han": 1}
    ]  # fmt: skip
    held = rows_of(world, "SELECT indicator FROM marts.indicators WHERE unit = 'H15.102' AND kind = 'month'"
                   " AND start = '2025-08-01'")  # fmt: skip
    assert {one["ma"] for one in json.loads(figures)} == {name for (name,) in held if declared(ROOT)[name].open}


def test_a_figure_that_is_not_open_is_not_shown(world, pipeline):
    pipeline.indicators()
    tell(world)
    shown = "SELECT chi_so FROM marts.thong_tin_xa WHERE ma_xa = '24121'"
    before = {one["ma"] for one in json.loads(rows_of(world, shown)[0][0])}
    with world.session() as session:
        session.execute("UPDATE marts.declared SET open = false WHERE indicator = 'dung_han_dia_phuong'")
    after = {one["ma"] for one in json.loads(rows_of(world, shown)[0][0])}
    assert before - after == {"dung_han_dia_phuong"}


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
