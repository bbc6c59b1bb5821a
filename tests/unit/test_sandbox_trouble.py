"""Each misbehaviour of a source shows, is written down, and is undone whole."""

import json
import subprocess
import sys
import time
from datetime import date

import psycopg
import pytest

from lienthong.errors import NeedsPerson
from lienthong.sandbox import trouble
from lienthong.sandbox.dossiers import Habits
from lienthong.sandbox.province import Province
from lienthong.sandbox.switch import switch_file
from lienthong.sandbox.units import unit
from tests.unit.sandbox_kit import at, read, read_sqlite

DAY, NEXT = date(2025, 9, 24), date(2025, 9, 25)
POSTGRES, SQLITE, CSV, EXCEL, REST = "H15.102", "H15.17", "H15.151", "H15.131", "H15.10"


@pytest.fixture(scope="module")
def province(new_database, tmp_path_factory):
    with new_database() as database:
        made = Province(tmp_path_factory.mktemp("var"), database, habits=Habits(monthly={"2025-09": 30_000}))
        made.make_day(DAY)
        yield made


@pytest.fixture(autouse=True)
def _undone(province):
    """What a test did not restore itself is restored, and the sources are as before."""
    before = {code: rows(province, code) for code in (POSTGRES, SQLITE, CSV, EXCEL)}
    yield
    for code in trouble.active(province):
        trouble.restore(province, code)
    assert {code: rows(province, code) for code in before} == before
    assert trouble.active(province) == {}


def entry(province, code):
    return province.connections()[unit(code).connection_id]


def rows(province, code, dataset="ho_so", day=DAY):
    return read(entry(province, code), dataset, day)


@pytest.mark.parametrize(
    ("code", "failure"),
    [(POSTGRES, psycopg.OperationalError), (SQLITE, Exception), (CSV, FileNotFoundError), (EXCEL, FileNotFoundError)],
)
def test_a_source_is_down_until_it_is_restored(province, code, failure):
    trouble.down(province, code)
    with pytest.raises(failure):
        rows(province, code)
    assert json.loads((province.folder / "trouble.json").read_text(encoding="utf-8"))[code]["down"] is True
    trouble.restore(province, code)
    assert rows(province, code)


def test_a_source_that_goes_down_drops_who_is_reading(province):
    with psycopg.connect(**at("x", entry(province, POSTGRES)).conninfo()) as session:
        session.execute("SELECT 1")
        trouble.down(province, POSTGRES)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert rows(province, "H15.100")  # the others go on


@pytest.mark.parametrize("code", [POSTGRES, SQLITE, CSV, EXCEL])
def test_columns_are_dropped_renamed_retyped_and_added(province, code):
    before = rows(province, code)
    trouble.drop_column(province, code, "email")
    trouble.rename_column(province, code, "trang_thai", "ma_trang_thai")
    trouble.retype_column(province, code, "ngay_tiep_nhan")
    trouble.retype_column(province, code, "muc_phi")
    trouble.add_column(province, code, "ghi_chu_moi")
    after = rows(province, code)
    assert set(before[0]) - set(after[0]) == {"email", "trang_thai"}
    assert set(after[0]) - set(before[0]) == {"ma_trang_thai", "ghi_chu_moi"}
    assert len(after) == len(before)
    by_code = {row["ma_ho_so"]: row for row in before}
    for row in after:
        old = by_code[row["ma_ho_so"]]
        assert row["ma_trang_thai"] == old["trang_thai"]
        assert row["muc_phi"] == f"mã {old['muc_phi']}"
        if old["ngay_tiep_nhan"]:
            day, clock = old["ngay_tiep_nhan"].split()
            assert row["ngay_tiep_nhan"] == f"{'/'.join(reversed(day.split('-')))} {clock[:5]}"
    assert rows(province, code, "tien_trinh")[0].keys() >= {"trang_thai", "cap_nhat_luc"}


@pytest.mark.parametrize("code", [POSTGRES, SQLITE, CSV, EXCEL])
def test_rows_are_gone(province, code):
    before = rows(province, code)
    gone = [row["ma_ho_so"] for row in before[:3]]
    trouble.delete_rows(province, code, gone[:1])
    trouble.delete_rows(province, code, gone[1:])
    assert [row["ma_ho_so"] for row in rows(province, code)] == [
        row["ma_ho_so"] for row in before if row["ma_ho_so"] not in gone
    ]


@pytest.mark.parametrize("code", [POSTGRES, SQLITE, CSV, EXCEL])
@pytest.mark.parametrize("bad", ["down", "changed"])
def test_new_days_go_on_arriving(province, code, bad):
    if bad == "down":
        trouble.down(province, code)
    else:
        trouble.drop_column(province, code, "email")
    province.make_day(NEXT)
    if bad == "changed":
        assert rows(province, code, day=NEXT)
        assert "email" not in rows(province, code, day=NEXT)[0]
    trouble.restore(province, code)
    assert "email" in rows(province, code, day=NEXT)[0]


def test_a_table_is_slow(province):
    trouble.slow(province, POSTGRES, 0.5)
    started = time.monotonic()
    assert rows(province, POSTGRES)
    assert time.monotonic() - started >= 0.5
    trouble.restore(province, POSTGRES)
    started = time.monotonic()
    rows(province, POSTGRES)
    assert time.monotonic() - started < 0.5


def test_the_service_gets_its_switch(province):
    trouble.slow(province, REST, 2.5)
    trouble.down(province, REST)
    switch = switch_file(province.department_file())
    assert json.loads(switch.read_text(encoding="utf-8")) == {"down": True, "delay": 2.5}
    trouble.drop_column(province, REST, "email")
    assert "email" not in read_sqlite(province.department_file(), "ho_so", DAY)[0]
    trouble.restore(province, REST)
    assert json.loads(switch.read_text(encoding="utf-8")) == {"down": False, "delay": 0.0}
    assert "email" in read_sqlite(province.department_file(), "ho_so", DAY)[0]


def test_what_cannot_be_done_is_said(province):
    with pytest.raises(NeedsPerson, match="cannot be slow"):
        trouble.slow(province, EXCEL, 1)
    with pytest.raises(NeedsPerson, match="khong_co"):
        trouble.drop_column(province, POSTGRES, "khong_co")
    with pytest.raises(NeedsPerson, match="text already"):
        trouble.retype_column(province, POSTGRES, "email")
    with pytest.raises(NeedsPerson, match="Dataset"):
        trouble.add_column(province, POSTGRES, "x", "thu_tuc")
    with pytest.raises(NeedsPerson, match="116"):
        trouble.down(province, "H15.999")


def test_a_hostile_column_name_is_only_a_name(province):
    for code in (POSTGRES, SQLITE):
        trouble.add_column(province, code, 'x"; DROP TABLE ho_so; --')
        assert rows(province, code)
        trouble.delete_rows(province, code, ["'; DROP TABLE ho_so; --"])
        assert rows(province, code)


def test_the_command_line_does_the_same(province, tmp_path, capsys):
    var = ["--var", str(province.folder.parent)]
    assert trouble.main([*var, "down", CSV]) == 0
    assert trouble.main([*var, "rename", POSTGRES, "trang_thai", "tt"]) == 0
    assert trouble.main([*var, "list"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [POSTGRES, CSV]
    assert trouble.main([*var, "restore", CSV]) == 0
    assert trouble.main([*var, "down", "H15.999"]) == 1
    assert "Check its spelling" in capsys.readouterr().err
    assert trouble.main(["--var", str(tmp_path), "down", CSV]) == 1
    module = [sys.executable, "-m", "lienthong.sandbox.trouble", *var, "delete", EXCEL, "H15.131-250924-0001"]
    assert subprocess.run(module, capture_output=True).returncode == 0
    assert set(trouble.active(province)) == {POSTGRES, EXCEL}
