"""The commands around quarantine, on a warehouse of the province: what they show, do and refuse."""

import json

import pytest
from typer.testing import CliRunner

from lienthong import quality
from lienthong.commands import quarantine
from lienthong.warehouse.promote import promote

from ..contracts.samples import WINDOW, read
from .builders import land, rows_of

UNIT = "H15.131"


@pytest.fixture
def key(province, contracts, monkeypatch, tmp_path):
    """A held dossier of the province, and an environment in which the commands find the warehouse."""
    ho_so = contracts["ho_so"]
    sample = next(sample for sample in read(ho_so) if not sample.breaks)
    plan = land(province, ho_so, WINDOW, {UNIT: [sample.values]})
    quality.judge(province, ho_so, WINDOW, plan.run_id)
    promote(province, ho_so, WINDOW, plan.run_id)
    given = province.connection
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": given.host, "login": given.login, "schema": given.schema}),
    )
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))
    [(found, rules)] = rows_of(province, "SELECT record_key, rules FROM quarantine.rows")
    assert rules, "the catalogues are empty, so the dossier is held"
    return found, rules, [value for value in sample.values if value and len(value) > 30]


def run(*words, fails=False):
    result = CliRunner().invoke(quarantine.app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == int(fails), result.output
    return " ".join(result.output.split())


def test_what_is_held_is_listed_and_followed_without_a_value(key):
    name, rules, values = key
    for words in (
        ("list", "--unit", UNIT),
        ("list", "--rule", rules[0], "--json"),
        ("show", name),
        ("show", name, "--json"),
    ):
        told = run(*words)
        assert name in told
        assert rules[0] in told
        assert not [value for value in values if value in told]
    [row] = json.loads(CliRunner().invoke(quarantine.app, ["list", "--json"]).output)
    assert (row["source"], row["rules"], row["line"]) == (UNIT, rules, 1)
    assert run("list", "--state", "waived") == "Nothing is held."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "--dataset", "ho_sơ"), "There is no dataset 'ho_sơ'"),
        (("list", "--unit", "H15.13"), "No source 'H15.13' of .* was ever read. Was H15.131 meant"),
        (("list", "--rule", "khong_co"), "There is no rejecting rule 'khong_co'"),
        (("list", "--state", "mở"), "There is no state 'mở'"),
        (("show", "H15.131-000000-0000"), "was ever held"),
        (("revoke", "7"), "There is no waiver 7"),
    ],
)
def test_what_does_not_exist_is_named(key, words, told):
    import re

    assert re.search(told, run(*words, fails=True))


def test_a_waiver_is_granted_listed_and_taken_back(key, province):
    name, rules, _ = key
    waivable = rules[:1]
    options = ("--reason", "Công văn số 12/UBND", "--until", "2099-01-01", "--by", "Phòng KSTTHC")
    told = run("waive", "ho_so", name, "--rule", waivable[0], *options, fails=True)
    assert "within 366 days" in told
    with province.session() as session:
        session.execute("INSERT INTO ops.clock VALUES (true, '2098-12-01')")
    told = run("waive", "ho_so", name, "--rule", waivable[0], *options)
    assert "Waiver 1 until 2099-01-01. 1 rows judged again (2025-09-30)" in told
    assert "Phòng KSTTHC" in run("waivers", "--dataset", "ho_so")
    assert (
        waivable[0] not in json.loads(CliRunner().invoke(quarantine.app, ["list", "--json"]).output or "[]")[0]["rules"]
    )
    assert "is taken back since" in run("revoke", "1", "--by", "An")
    assert json.loads(CliRunner().invoke(quarantine.app, ["waivers", "--json"]).output) == []


def test_a_redrive_says_what_became_of_the_rows(key):
    import typer

    app = typer.Typer()
    app.command()(quarantine.redrive)
    result = CliRunner().invoke(app, ["ho_so", "--unit", UNIT, "--by", "An", "--reason", "quy tắc đã sửa"])
    told = "1 rows judged again (2025-09-30): 0 promoted, 1 still held, 0 to be published."
    assert " ".join(result.output.split()) == told
    assert "No held row matches" in CliRunner().invoke(app, ["ho_so", "--key", "x"]).output
