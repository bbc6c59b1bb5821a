"""``lienthong indicators`` on a warehouse: figures with what they are made of, dossiers without people."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from lienthong.commands import indicators

from . import world

CODE = "H15.102-250710-0001"


@pytest.fixture
def filled(province, monkeypatch, tmp_path):
    """One dossier of July that ended on its day but after its hour."""
    given = province.connection
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": given.host, "login": given.login, "schema": given.schema}),
    )
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))
    world.catalogues(province)
    header = world.dossier(CODE, "2025-07-10 08:00", "2025-07-11 08:00", "9", "2025-07-11 09:00", chu_ho_so="Y Kín")
    steps = [world.step(CODE, "2025-07-10 08:00", "2"), world.step(CODE, "2025-07-11 09:00", "9", officer="H Kín")]
    world.write(province, ho_so=[header], tien_trinh=steps, promoted=[date(2025, 7, 12)])
    assert "changed=1" in run("refresh")


def run(*words, fails=False):
    result = CliRunner().invoke(indicators.app, list(words), env={"COLUMNS": "240"})
    assert result.exit_code == int(fails), result.output
    return " ".join(result.output.split())


def test_both_definitions_are_shown_with_their_denominators_and_the_dossier_that_makes_the_difference(filled):
    national, local = (run("show", name, "--unit", "H15.102") for name in ("dung_han_quoc_gia", "dung_han_dia_phuong"))
    assert "Mẫu số: hồ sơ tiếp nhận trong kỳ" in national
    assert "0,00 %" in national
    assert "Mẫu số: hồ sơ đã giải quyết trong kỳ" in local
    assert "100,00 %" in local
    told = run("explain", "dung_han_dia_phuong", "H15", "month", "2025-07-01", "--part", "differ", "--json")
    [row] = json.loads(told)["rows"]
    assert (row["ma_ho_so"], row["reason"]) == (CODE, "time_of_day")
    assert "so cả giờ" in row["ly_do"]
    assert "Kín" not in told
    assert CODE in run("explain", "dung_han_quoc_gia", "H15.102", "day", "2025-07-10", "--part", "denominator")
    assert "0 dossiers" in run("explain", "dung_han_quoc_gia", "H15.102", "day", "2025-07-10")


def test_what_does_not_exist_is_refused_by_name(filled):
    assert "dung_gio" in run("show", "dung_gio", fails=True)
    assert "week" in run("show", "dung_han_quoc_gia", "--kind", "week", fails=True)
    assert "Nothing is said" in run("show", "dung_han_quoc_gia", "--as-of", "2000-01-01")
