"""The schema comes from the migrations and the contracts, once, whole, and is never changed behind anybody's back."""

import dataclasses
import shutil
import traceback

import pytest

from lienthong.contracts import Column, load_all
from lienthong.errors import NeedsPerson
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

from .builders import CHA, rows_of


@pytest.fixture
def warehouse(database):
    """On an empty database: what is applied to it first is the matter here."""
    return Warehouse(database, ROOT)


def test_a_second_time_there_is_nothing_to_do(warehouse):
    contracts = list(load_all(ROOT / "expectations").values())
    applied = migrate(warehouse, contracts)
    assert applied[0] == "0001_schemas.sql"
    assert f"core.{contracts[0].dataset}" in applied
    assert migrate(warehouse, contracts) == []


def test_a_new_column_is_added_to_core_and_history(warehouse):
    migrate(warehouse, [CHA])
    wider = dataclasses.replace(CHA, columns=(*CHA.columns, Column("them", "date", "thêm", "internal", {})))
    assert migrate(warehouse, [wider]) == ["core.cha.them"]
    found = rows_of(
        warehouse,
        "SELECT table_schema, data_type FROM information_schema.columns WHERE column_name = 'them' ORDER BY 1",
    )
    assert found == [("core", "date"), ("history", "date")]


def test_a_changed_type_is_left_to_a_person(warehouse):
    migrate(warehouse, [CHA])
    columns = tuple(dataclasses.replace(c, type="string") if c.name == "gia_tri" else c for c in CHA.columns)
    with pytest.raises(NeedsPerson, match="'gia_tri' is text in the contract and bigint in core"):
        migrate(warehouse, [dataclasses.replace(CHA, columns=columns)])


def test_an_edited_migration_is_refused(warehouse, tmp_path):
    migrate(warehouse, [CHA])
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    file = tmp_path / "sql" / "migrations" / "0001_schemas.sql"
    file.write_text(file.read_text(encoding="utf-8") + "\n-- edited\n", encoding="utf-8")
    with pytest.raises(NeedsPerson, match="0001_schemas.sql was applied in another wording"):
        migrate(Warehouse(warehouse.connection, tmp_path), [CHA])


def test_a_migration_that_fails_leaves_nothing(warehouse, tmp_path):
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    broken = tmp_path / "sql" / "migrations" / "9999_broken.sql"
    broken.write_text("CREATE TABLE ops.half (x int); SELECT no_such_function();", encoding="utf-8")
    with pytest.raises(NeedsPerson, match="no_such_function"):
        migrate(Warehouse(warehouse.connection, tmp_path), [CHA])
    assert rows_of(warehouse, "SELECT to_regclass('ops.half')::text, to_regnamespace('core')::text") == [(None, None)]


def test_receipts_only_grow(warehouse):
    migrate(warehouse, [CHA])
    for verb in (
        "UPDATE publish.receipts SET message = ''",
        "DELETE FROM publish.receipts",
        "TRUNCATE publish.receipts",
    ):
        with pytest.raises(NeedsPerson), warehouse.session() as session:
            session.execute(verb)


def test_an_error_of_the_server_tells_no_value(warehouse):
    """PostgreSQL repeats the failing row in its detail; neither our words nor a traceback may."""
    migrate(warehouse, [CHA])
    with pytest.raises(NeedsPerson) as error, warehouse.session() as session:
        session.execute("INSERT INTO core.cha (ma) VALUES ('Hờ Đánh Dấu')")
    told = "".join(traceback.format_exception(error.value))
    assert "Đánh Dấu" not in told
