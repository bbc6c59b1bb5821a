"""The shared databases of the sandbox: readers find in each store what was made, and it is wrong only where told."""

import csv
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg
import pytest

from lienthong.batches import Window
from lienthong.contracts import load_all
from lienthong.errors import NeedsPerson, SourceDown
from lienthong.sandbox import trouble
from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.province import SEED, Province
from lienthong.sandbox.shared import DATASETS, FAULTS
from lienthong.sandbox.shared.databases import SharedDatabases
from lienthong.sandbox.shared.encoders import encoded
from lienthong.sandbox.shared.enterprises_and_prices import EDITED
from lienthong.sandbox.shared.service import switched
from lienthong.sandbox.shared.stores import text
from lienthong.sandbox.switch import Switch, set_switch
from lienthong.sources import source_of
from lienthong.sources.encodings import KNOWN
from lienthong.warehouse import Warehouse
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.promote import promote
from tests.sql.builders import land
from tests.unit.sandbox_kit import QUIET, at

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = load_all(ROOT / "expectations")
BEFORE, DAY = date(2025, 9, 29), date(2025, 9, 30)
BY_NAME = {dataset.name: dataset for dataset in DATASETS}
READ = [dataset for dataset in DATASETS if dataset.store.kind != "platform"]
KEY = "khoa-thu-nghiem"


@pytest.fixture(scope="module")
def shared(new_database, tmp_path_factory):
    """Two days, the newer one first."""
    with new_database() as database:
        made = SharedDatabases(tmp_path_factory.mktemp("var") / "sandbox", database, SEED)
        made.write([DAY])
        made.write([BEFORE], made=[DAY])
        yield made


@pytest.fixture(scope="module")
def service(shared):
    """The address of the running REST service; it finds the shared file beside the department's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = shared.folder.parent / "sqlite" / "so.sqlite"
    data.parent.mkdir()
    data.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "lienthong.sandbox.department_service",
         "--port", str(port), "--data", str(data), "--api-key-env", "KEY_OF_TEST"],
        env={**os.environ, "KEY_OF_TEST": KEY},
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            break
        except OSError:
            time.sleep(0.05)
    yield url
    process.kill()
    process.wait()


def as_read(rows):
    """Rows as a reader gives them, in any order."""
    return sorted([tuple(text(value) or "" for value in row.values()) for row in rows])


def found(connection, dataset, day):
    """What the product's own reader finds, in any order."""
    contract = CONTRACTS[dataset.table]
    batches = source_of(connection).read(contract, Window.of_day(day))
    return sorted(tuple(value or "" for value in row) for batch in batches for row in batch)


def read_platform(shared, dataset):
    with closing(sqlite3.connect(shared.platform.path)) as database:
        return sorted(tuple(value or "" for value in row) for row in database.execute(f"SELECT * FROM {dataset.table}"))


@pytest.mark.parametrize("dataset", DATASETS, ids=[dataset.name for dataset in DATASETS])
def test_rows_have_the_columns_of_the_contract_and_one_key_each(shared, dataset):
    contract = CONTRACTS[dataset.table]
    for day in (date(2025, 7, 1), BEFORE, DAY):
        rows = shared.rows(dataset, day)
        assert {tuple(row) for row in rows} == {contract.names}
        assert len({tuple(row[name] for name in contract.key) for row in rows}) == len(rows)
        assert contract.cursor == dataset.cursor
        if dataset.cursor:
            assert {row[dataset.cursor].date() for row in rows} == {day}
            assert len(rows) >= 10
        else:
            assert len(rows) >= 50


@pytest.mark.parametrize("dataset", READ, ids=[dataset.name for dataset in READ])
def test_a_reader_finds_what_was_made(shared, service, dataset):
    connection = at(dataset.connection_id, shared.connections(service, KEY)[dataset.connection_id])
    for day in (BEFORE, DAY):
        one_state = dataset.cursor is None and dataset.store.kind not in ("csv", "xlsx")
        assert found(connection, dataset, day) == as_read(shared.rows(dataset, DAY if one_state else day))


@pytest.mark.parametrize("dataset", [one for one in DATASETS if one not in READ], ids=lambda one: one.name)
def test_the_platform_holds_what_was_made(shared, dataset):
    days = (BEFORE, DAY) if dataset.cursor else (DAY,)
    (key,) = CONTRACTS[dataset.table].key  # a record that was corrected is there once, as it is now
    newest = {row[key]: row for day in days for row in shared.rows(dataset, day)}
    assert read_platform(shared, dataset) == as_read(newest.values())
    with closing(sqlite3.connect(shared.platform.path)) as database:
        told = database.execute("SELECT khoa_cot, con_tro FROM _datasets WHERE dataset = ?", (dataset.table,))
        assert told.fetchall() == [(key, dataset.cursor)]


def test_every_store_and_every_encoding_is_there():
    stores = [dataset.store for dataset in DATASETS]
    assert {store.kind for store in stores} == {"postgres", "sqlite", "csv", "xlsx", "rest", "platform"}
    assert {store.encoding for store in stores if store.kind == "csv"} >= {"utf-8-sig", "windows-1258", "tcvn3", "vni"}
    assert {store.ending for store in stores} >= {"csv", "tsv", "zip"}
    assert {store.paging for store in stores} == {"page", "cursor", "link"}


def test_the_shared_databases_are_all_there():
    held = {contract.shared_database for contract in CONTRACTS.values()}
    assert held - {None} == set(range(1, 26))
    sources = {contract.source.connection for contract in CONTRACTS.values()}
    sources |= {contract.counterpart.connection for contract in CONTRACTS.values() if contract.counterpart}
    assert {dataset.connection_id for dataset in READ} == {name for name in sources if name.startswith("csdl_")}


def test_days_are_the_same_in_any_order_and_made_again(shared, new_database, tmp_path):
    with new_database() as database:
        twin = SharedDatabases(tmp_path, database, SEED)
        for day, made in ((BEFORE, []), (DAY, [BEFORE]), (BEFORE, [BEFORE, DAY])):
            twin.write([day], made)
        assert drops(twin) == drops(shared)
        for dataset in DATASETS:
            if dataset.store.kind in ("postgres", "sqlite"):
                name = dataset.connection_id
                mine, others = (at(name, one.connections("http://x", KEY)[name]) for one in (shared, twin))
                for day in (BEFORE, DAY):
                    assert found(others, dataset, day) == found(mine, dataset, day)
            if dataset.store.kind == "platform":
                assert read_platform(twin, dataset) == read_platform(shared, dataset)


def drops(shared):
    return {str(path.relative_to(shared.folder)): path.read_bytes() for path in shared.folder.rglob("*_2025-*")}


def test_a_snapshot_changes_a_little_from_day_to_day(shared):
    within_a_day, within_a_month = changed(shared, BEFORE), changed(shared, date(2025, 9, 1))
    # Prices are all new every day; whole lists of the nation stand still for years.
    assert {name for name, part in within_a_day.items() if part > 0.1} == {"gia_hang_hoa"}
    assert sum(part > 0 for part in within_a_month.values()) > len(within_a_month) / 2


def changed(shared, before):
    """The share of rows of each snapshot that are not as they were."""
    found = {}
    for dataset in DATASETS:
        if dataset.cursor is None:
            old, new = (shared.rows(dataset, day) for day in (before, DAY))
            found[dataset.name] = sum(row not in old for row in new) / len(new)
    return found


def test_the_copy_of_the_department_differs_in_three_enterprises(shared):
    master, copy = (shared.rows(BY_NAME[name], DAY) for name in ("doanh_nghiep", "doanh_nghiep_dia_phuong"))
    assert [place for place, pair in enumerate(zip(master, copy, strict=True)) if pair[0] != pair[1]] == list(EDITED)
    assert all(master[place]["ma_so_doanh_nghiep"] == copy[place]["ma_so_doanh_nghiep"] for place in EDITED)


def test_a_dataset_is_read_by_its_own_role_and_no_other(shared):
    entry = shared.connections("http://x", KEY)["csdl_thua_dat"]
    with psycopg.connect(**at("x", entry).conninfo()) as session:
        assert session.execute("SELECT count(*) FROM csdl_thua_dat.thua_dat").fetchone()[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT * FROM csdl_can_bo.can_bo")


def test_the_service_refuses_strangers_and_one_dataset_may_be_down(shared, service):
    dataset = BY_NAME["tham_gia_bao_hiem"]
    entries = shared.connections(service, "khoa-sai")
    with pytest.raises(Exception, match="401"):
        found(at("csdl_x", entries["csdl_tham_gia_bao_hiem"]), dataset, DAY)
    place = switched(shared.rest.path, "tham_gia_bao_hiem")
    entries = shared.connections(service, KEY)
    set_switch(place, Switch(down=True))
    try:
        with pytest.raises(SourceDown):
            found(at("csdl_x", entries["csdl_tham_gia_bao_hiem"]), dataset, DAY)
        assert found(at("csdl_x", entries["csdl_co_so_luu_tru"]), BY_NAME["co_so_luu_tru"], DAY)
    finally:
        set_switch(place, Switch())


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "windows-1258"])
def test_old_encodings_come_back_as_they_were(encoding):
    words = "Xã Ea H'Leo, phường Đông Hòa, buôn Êđê; đường Nguyễn Thị Minh Khai – thửa 12: quý, thuở, khuỷu tay, Ơi ƯU"
    letters = " ".join("ăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ")
    known = KNOWN[encoding]
    decoded = encoded(f"{words} {letters}", encoding).decode(known.codec)
    assert known.convert(decoded) == f"{words} {letters}"


def test_a_letter_that_an_encoding_cannot_tell_is_refused():
    with pytest.raises(NeedsPerson, match=r"U\+00C1"):
        encoded("Ánh", "tcvn3")
    assert encoded("Ánh", "vni") == "AÙnh".encode("cp1252")


def test_what_is_planted_is_told_and_nothing_else_is_wrong(shared, new_database, migrated):
    """The rows of the day go through the rules of the contracts: they break those that the truth log names."""
    told = {(one.dataset, one.record_key, rule) for one in shared.planted(DAY) for rule in rules_of(one)}
    with new_database(migrated) as connection:
        broken = broken_rules(Warehouse(connection, ROOT), shared, DAY)
    assert broken == told


def rules_of(planted):
    rule = planted.expected.get("rule") or planted.expected["warns"]
    yield rule.removeprefix(f"{planted.dataset}.")


def broken_rules(warehouse, shared, day):
    """Dataset, key and rule of everything that breaks a rule about rows, references judged and promoted first."""
    window, found = Window.of_day(day), set()
    made = {dataset.table: dataset for dataset in DATASETS if dataset.copy_of is None}
    for name, contract in CONTRACTS.items():
        if name in made:
            rows = [tuple(text(value) for value in row.values()) for row in shared.rows(made[name], day)]
        elif name == "don_vi":
            with (ROOT / "include/lienthong/reference/don_vi.csv").open(encoding="utf-8") as lines:
                rows = [tuple(row[column] or None for column in contract.names) for row in csv.DictReader(lines)]
        else:
            continue
        plan = land(warehouse, contract, window, {"mau": rows})
        landing = Landing(warehouse, contract, window, plan.run_id)
        with warehouse.session() as session:
            landing.mark(session)
            query = (
                f"SELECT t.*, m.broken, m.warned FROM {landing.typed.as_string()} t JOIN {landing.marks.as_string()} m"
            )
            for row in session.execute(f"{query} USING (_row) WHERE m.broken + m.warned > 0"):
                key = "|".join(str(row[name]) for name in contract.key)
                rules = [rule.id for place, rule in enumerate(contract.rejecting) if row["broken"] >> place & 1]
                rules += [rule.id for place, rule in enumerate(contract.warning) if row["warned"] >> place & 1]
                if name in made:
                    found |= {(name, key, rule) for rule in rules}
            session.execute(
                "UPDATE ops.runs SET judged_at = clock_timestamp(), extracted = %s WHERE run_id = %s",
                [len(rows), plan.run_id],
            )
        promote(warehouse, contract, window, plan.run_id)
    return found


def test_every_fault_finds_its_row(shared):
    told = {(one.dataset, one.fault, one.record_key) for day in (BEFORE, DAY) for one in shared.planted(day)}
    assert told == {(fault.dataset, fault.fault, fault.key) for fault in FAULTS}
    assert len(told) == 9


def test_the_province_makes_announces_and_tells_of_them(new_database, tmp_path):
    with new_database() as database:
        province = Province(tmp_path, database, habits=Habits(**QUIET))
        province.lay_out()
        entries = province.connections()
        connection = at("csdl_can_bo", entries["csdl_can_bo"])
        assert found(connection, BY_NAME["can_bo"], DAY) == []
        made = province.make_days(BEFORE, DAY)
        assert found(connection, BY_NAME["can_bo"], DAY) == as_read(province.shared.rows(BY_NAME["can_bo"], DAY))
        assert {name for name in entries if name.startswith("csdl_")} == {one.connection_id for one in READ}
        for name in ("can_bo", "lao_dong_viec_lam", "gia_hang_hoa"):
            place = at(f"csdl_{name}", entries[f"csdl_{name}"])
            trouble.down(province, f"csdl_{name}")
            with pytest.raises(SourceDown):
                found(place, BY_NAME[name], DAY)
            assert set(trouble.active(province)) == {f"csdl_{name}"}
            trouble.refresh(province)
            trouble.restore(province, f"csdl_{name}")
            assert found(place, BY_NAME[name], DAY) == as_read(province.shared.rows(BY_NAME[name], DAY))
        with pytest.raises(NeedsPerson, match="csdl_thua_dat"):
            trouble.down(province, "csdl_ho_gia_dinh")
        assert not trouble.active(province)
        for one in made:
            planted = province.truth.read(one.day)
            assert len(planted) == one.planted
            wanted = sorted(map(repr, province.shared.planted(one.day)))
            names = {dataset.name for dataset in DATASETS}
            assert sorted(repr(fault) for fault in planted if fault.dataset in names) == wanted
            assert all(fault.source in entries for fault in planted if fault.source.startswith("csdl_"))
