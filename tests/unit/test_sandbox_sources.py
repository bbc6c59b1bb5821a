"""What is in the 116 sources is what the truth log says: every planted fault is found again by plain reading."""

import json
import re
import unicodedata
from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sandbox.columns import TABLES
from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.faults import LATE_CHANGE
from lienthong.sandbox.procedures import load
from lienthong.sandbox.province import Province
from lienthong.sandbox.units import unit, units
from tests.unit.sandbox_kit import QUIET, SHOW_DAY, at, read, read_sqlite, show_day
from tests.unit.test_sandbox_people import PROVINCES

STATUSES = {str(n) for n in range(1, 11)}
DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
FINAL = ("3", "7", "8", "10")


def rows_of_all(province, day):
    """Rows of both datasets by unit, read through the connections and with plain drivers."""
    entries = province.connections()
    found = {table.name: {} for table in TABLES}
    for one in units():
        for table in TABLES:
            if one.store == "rest":
                found[table.name][one.code] = read_sqlite(province.department_file(), table.name, day)
            else:
                found[table.name][one.code] = read(entries[one.connection_id], table.name, day)
    return found


def some_rows(province, day):
    """Rows of one source of each kind, and of one without a key; a table has no order of its own."""
    entries = province.connections()
    found = {("H15.10", table.name): read_sqlite(province.department_file(), table.name, day) for table in TABLES}
    for code in ("H15.100", "H15.168", "H15.50", "H15.17", "H15.124", "H15.151", "H15.131"):
        for table in TABLES:
            found[code, table.name] = read(entries[unit(code).connection_id], table.name, day)
    return {place: sorted(map(str, rows)) for place, rows in found.items()}


@pytest.fixture(scope="module")
def made(new_database, tmp_path_factory):
    """The province with the day of the demonstration, and the rows in its sources."""
    with new_database() as database:
        province = Province(tmp_path_factory.mktemp("var"), database)
        counts = province.make_day(SHOW_DAY)
        yield province, rows_of_all(province, SHOW_DAY), counts


@pytest.fixture(scope="module")
def quiet(new_database, tmp_path_factory):
    """A province with few dossiers, for what does not depend on their number; each test has days of its own."""
    with new_database() as database:
        var = tmp_path_factory.mktemp("quiet")
        yield Province(var, database, habits=Habits(**QUIET), department_url="http://127.0.0.1:9")


def header_faults(headers):
    """Which rule each header breaks, told from the rows alone: (unit, key) -> rules."""
    procedures = set(load().codes)
    names = {name_key(one.name): one.code for one in units()}
    found = {}
    for code, rows in headers.items():
        repeated = {key for key, count in Counter(row["ma_ho_so"] for row in rows).items() if count > 1}
        for row in rows:
            rules = {rule for rule, broken in header_rules(row, code, procedures, names) if broken}
            rules |= {"ma_ho_so_duy_nhat"} if row["ma_ho_so"] in repeated else set()
            if rules:
                found.setdefault((code, row["ma_ho_so"]), set()).update(rules)
    return found


def header_rules(row, code, procedures, names):
    received, due, ended = row["ngay_tiep_nhan"], row["ngay_hen_tra"], row["ngay_ket_thuc_xu_ly"]
    dated = due is None or DATE.fullmatch(due)
    yield "ma_tthc_ton_tai", row["ma_tthc"] not in procedures
    yield "hen_tra_sau_tiep_nhan", bool(received and due and dated and due < received)
    yield "so_dinh_danh_hop_le", not identity_fits(row)
    yield "don_vi_xu_ly_bat_buoc", row["don_vi_xu_ly"] is None
    yield "ngay_tiep_nhan_bat_buoc", received is None
    yield "trang_thai_bat_buoc", row["trang_thai"] is None
    yield "don_vi_khop_ma", row["don_vi_xu_ly"] is not None and names[name_key(row["don_vi_xu_ly"])] != code
    yield "trang_thai_trong_danh_muc", row["trang_thai"] is not None and row["trang_thai"] not in STATUSES
    yield "ngay_hen_tra_dung_kieu", not dated
    yield "khong_cong_thuc", row["trich_yeu"].startswith("=")
    yield "ma_ho_so_thuoc_don_vi", row["ma_ho_so"].split("-")[0] != row["ma_don_vi"]
    yield "ket_thuc_sau_tiep_nhan", bool(received and ended and ended < received)
    assert row["ma_don_vi"] == code


def identity_fits(row):
    number, kind = row["so_dinh_danh"], row["loai_dinh_danh"]
    if kind is None:
        return number is None
    if kind == "2":
        return bool(re.fullmatch(r"\d{9}", number))
    return bool(re.fullmatch(r"\d{12}", number)) and number[:3] in PROVINCES


def name_key(name):
    """The matching key of a unit's name: NFC, one space, straight apostrophe, tone on the first vowel, no case."""
    found = re.sub(r"\s+", " ", unicodedata.normalize("NFC", name)).replace("\u2019", "'").casefold()
    for new, old in (("oà", "òa"), ("oá", "óa"), ("oả", "ỏa"), ("oã", "õa"), ("oạ", "ọa")):
        found = re.sub(rf"{new}\b", old, found)
    return found


def step_faults(steps, good):
    """Which rule each step breaks; ``good`` maps the codes of the headers that may go in to their reception."""
    found = {}
    for code, rows in steps.items():
        keys = [f"{row['ma_ho_so']}|{row['thoi_diem_xu_ly']}|{row['trang_thai']}" for row in rows]
        repeated = {key for key, count in Counter(keys).items() if count > 1}
        for key, row in zip(keys, rows, strict=True):
            received = good.get(row["ma_ho_so"])
            rules = {
                rule
                for rule, broken in (
                    ("ho_so_ton_tai", received is None),
                    ("buoc_sau_tiep_nhan", received is not None and row["thoi_diem_xu_ly"] < received),
                    ("trang_thai_trong_danh_muc", row["trang_thai"] not in STATUSES),
                    ("khong_tuong_lai", row["thoi_diem_xu_ly"] >= str(SHOW_DAY + timedelta(days=1))),
                    ("khoa_duy_nhat", key in repeated),
                )
                if broken
            }
            if rules:
                found.setdefault((code, key), set()).update(rules)
    return found


def planted(province, dataset):
    """What the truth log says must be kept out: (unit, key) -> rules."""
    found = {}
    for one in province.truth.read(SHOW_DAY):
        if one.dataset == dataset and "rule" in one.expected:
            owner, _, rule = one.expected["rule"].partition(".")
            assert owner == dataset
            found[one.source, one.record_key] = {rule}
        elif one.dataset == dataset and "waits_for" in one.expected:
            found[one.source, one.record_key] = {"ho_so_ton_tai"}
    return found


def test_every_source_answers(made):
    _, found, counts = made
    assert sum(map(len, found["ho_so"].values())) == counts.ho_so == len(show_day().ho_so)
    assert sum(map(len, found["tien_trinh"].values())) == counts.tien_trinh
    assert len(found["ho_so"]) == 116


def test_the_rows_kept_out_are_exactly_the_planted_ones(made):
    province, found, _ = made
    broken = header_faults(found["ho_so"])
    assert broken == planted(province, "ho_so")
    assert sum(code == "H15.131" for code, _ in broken) == 11
    bad = {key for _, key in broken}
    rows = [row for rows in found["ho_so"].values() for row in rows]
    good = {row["ma_ho_so"]: row["ngay_tiep_nhan"] for row in rows if row["ma_ho_so"] not in bad}
    assert step_faults(found["tien_trinh"], good) == planted(province, "tien_trinh")


def test_the_warned_rows_are_exactly_the_planted_ones(made):
    province, found, _ = made
    truth = {}
    for one in province.truth.read(SHOW_DAY):
        truth.setdefault(one.fault, set()).add(one.record_key)
    headers = [row for rows in found["ho_so"].values() for row in rows]
    official = {one.code: one.name for one in units()}
    telephone = re.compile(r"(0|\+84)([35789]\d{8}|2\d{9})")
    assert truth["phone_malformed"] == {
        row["ma_ho_so"] for row in headers if row["so_dien_thoai"] and not telephone.fullmatch(row["so_dien_thoai"])
    }
    assert truth["decomposed_unicode"] == {
        row["ma_ho_so"] for row in headers if not unicodedata.is_normalized("NFC", row["chu_ho_so"] + row["dia_chi"])
    }
    kept_out = truth["missing_unit"] | truth["unit_contradicts_code"]
    assert (
        truth["unit_name_variant"]
        == {row["ma_ho_so"] for row in headers if row["don_vi_xu_ly"] != official[row["ma_don_vi"]]} - kept_out
    )
    assert truth["late_change"] == {row["ma_ho_so"] for row in headers if "Đính chính" in (row["ghi_chu"] or "")}
    jumped = set()
    for rows in found["tien_trinh"].values():
        paths = {}
        for row in rows:
            paths.setdefault(row["ma_ho_so"], []).append(row["trang_thai"])
        for row in rows:
            if row["trang_thai"] == "10" and paths[row["ma_ho_so"]][-2:] == ["4", "10"]:
                jumped.add(f"{row['ma_ho_so']}|{row['thoi_diem_xu_ly']}|10")
    assert truth["status_jump"] == jumped
    assert not truth["deleted_at_source"] & {row["ma_ho_so"] for row in headers}


def test_each_store_holds_its_own_faults(made):
    province, _, _ = made
    stores = {}
    for one in province.truth.read(SHOW_DAY):
        if one.dataset in {table.name for table in TABLES}:
            stores.setdefault(one.fault, set()).add(unit(one.source).store)
    assert stores["formula"] == {"excel"}
    assert stores["text_in_date"] <= {"csv", "excel", "sqlite"}
    for one in province.truth.read(SHOW_DAY):
        if one.fault == "duplicate_key":
            assert not unit(one.source).keyed
    assert LATE_CHANGE.name in stores


def test_a_unit_without_changes_has_its_tables_and_an_empty_drop(quiet):
    sunday = date(2025, 9, 7)
    quiet.make_day(sunday)
    for one in units():
        if one.store in ("csv", "excel"):
            ending = "xlsx" if one.store == "excel" else "csv"
            assert all((quiet.drops.path(one) / f"{table.name}_{sunday}.{ending}").is_file() for table in TABLES)
    assert sum(map(len, rows_of_all(quiet, sunday)["ho_so"].values())) < 20


def test_making_a_day_again_changes_nothing_and_other_days_stay(quiet):
    first, second = date(2025, 9, 9), date(2025, 9, 10)
    quiet.make_days(first, second)
    once = {day: some_rows(quiet, day) for day in (first, second)}
    assert all(len(rows) > 5 for (code, _), rows in once[first].items() if code in ("H15.50", "H15.131"))
    files = drops(quiet)
    quiet.make_day(first)
    assert {day: some_rows(quiet, day) for day in (first, second)} == once
    assert drops(quiet) == files


def test_days_may_be_made_in_any_order(quiet, new_database, tmp_path):
    wanted = [date(2025, 9, 18), date(2025, 9, 16)]
    with new_database() as other:
        twin = Province(tmp_path / "twin", other, habits=Habits(**QUIET))
        for day in wanted:
            quiet.make_day(day)
        for day in reversed(wanted):
            twin.make_day(day)
        for day in wanted:
            assert some_rows(quiet, day) == some_rows(twin, day)
        mine = drops(quiet)
        assert {name: mine[name] for name in drops(twin)} == drops(twin)


def drops(province):
    """The bytes of every drop and of every truth file."""
    folders = (province.folder / "drops", province.folder / "truth")
    return {
        str(path.relative_to(province.folder)): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_failed_write_leaves_the_source_as_it_was(quiet, monkeypatch):
    day = date(2025, 9, 23)
    quiet.make_day(day)
    before = some_rows(quiet, day)

    def fail(*_):
        raise RuntimeError("power cut")

    monkeypatch.setattr(quiet.postgres, "_copy", fail)
    with pytest.raises(RuntimeError):
        quiet.make_day(day)
    assert some_rows(quiet, day) == before


def test_connections_have_the_forms_of_the_product(quiet):
    path = quiet.write_connections()
    assert path.stat().st_mode & 0o077 == 0
    entries = json.loads(path.read_text(encoding="utf-8"))
    assert len([name for name in entries if name.startswith("unit_")]) == 116
    assert len([name for name in entries if name.startswith("csdl_")]) == len(entries) - 116
    ward = entries["unit_h15_102"]
    assert (ward["conn_type"], ward["schema"], ward["extra"]) == (
        "postgres", quiet.database.schema, {"namespace": "c_24121"},
    )  # fmt: skip
    assert entries["unit_h15_17"] == {"conn_type": "sqlite", "host": str(quiet.folder / "sqlite" / "h15_17.sqlite")}
    assert entries["unit_h15_131"] == {
        "conn_type": "fs",
        "extra": {"path": str(quiet.folder / "drops" / "h15_131"), "pattern": "{dataset}_{day}.xlsx"},
    }
    service = entries["unit_h15_10"]
    assert (service["conn_type"], service["host"]) == ("http", "http://127.0.0.1:9")
    assert service["password"] == quiet.department_key() == Province.at(quiet.folder.parent).department_key()
    assert service["extra"] == {"path": "/api/v1/{dataset}"}


def test_a_unit_reads_its_own_schema_and_no_other(quiet):
    entry = {**quiet.connections()["unit_h15_102"]}
    quiet.lay_out()
    assert read(entry, "ho_so", SHOW_DAY) == []
    for statement in ("SELECT * FROM c_24133.ho_so", "DELETE FROM c_24121.ho_so"):
        with (
            psycopg.connect(**at("x", entry).conninfo()) as session,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            session.execute(statement)


def test_a_province_is_found_again_by_its_folder(quiet, tmp_path):
    with pytest.raises(NeedsPerson, match="Make a day first"):
        Province.at(tmp_path / "elsewhere")
    quiet.lay_out()
    found = Province.at(quiet.folder.parent)
    assert (found.database.conninfo(), found.department_url) == (quiet.database.conninfo(), "http://127.0.0.1:9")


def test_a_given_key_is_the_key(tmp_path):
    nowhere = Connection("sandbox", "postgres", schema="sandbox")
    assert Province(tmp_path, nowhere, department_key="khoa").connections()["unit_h15_10"]["password"] == "khoa"
