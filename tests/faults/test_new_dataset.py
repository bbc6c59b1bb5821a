"""A department's database is added by a contract, its samples and a connection; everything else follows."""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime

import pytest
import yaml
from typer.testing import CliRunner

from lienthong.alerts.letter import Letter
from lienthong.batches import LOCAL, Window
from lienthong.cli import app
from lienthong.connections import from_environment
from lienthong.contracts import TO_REVIEW
from lienthong.sandbox.platform_options import PlatformOptions
from lienthong.sandbox.platform_server import running_platform
from lienthong.settings import ROOT, Settings
from lienthong.steps import Pipeline
from lienthong.warehouse.migrations import preview

from ..dags.test_policy import PARSE
from ..sql.builders import rows_of

DATASET = "nha_van_hoa"
DAY = datetime(2025, 9, 29).date()
WINDOW = Window.of_day(DAY)
COLUMNS = ("ma_nha_van_hoa", "ten_don_vi_quan_ly", "loai", "so_phong", "dien_tich", "so_dien_thoai", "ngay_cap_nhat")
SUPPORT = "nhavanhoa.sovhttdl@daklak.example"


def house(n, **changes):
    row = {
        "ma_nha_van_hoa": f"NVH-{n:03d}", "ten_don_vi_quan_ly": "UBND xã", "loai": "ABC"[n % 3], "so_phong": n % 7 + 1,
        "dien_tich": 100.5 + n, "so_dien_thoai": f"09{n:08d}", "ngay_cap_nhat": "2025-09-01",
    } | changes  # fmt: skip
    return [row[name] for name in COLUMNS]


def drop(folder, rows):
    """A workbook as a department keeps it: a title stands above the header."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["DANH SÁCH NHÀ VĂN HÓA"])
    book.active.append(list(COLUMNS))
    for row in rows:
        book.active.append(row)
    folder.mkdir(exist_ok=True)
    book.save(folder / f"{DATASET}_{DAY}.xlsx")


@pytest.fixture
def home(tmp_path, monkeypatch, new_database):
    """A copy of the installation with a database of its own and the department's folder as a connection."""
    folder = tmp_path / "home"
    shutil.copytree(ROOT / "expectations", folder / "expectations")
    for name in ("sql", "dags"):
        (folder / name).symlink_to(ROOT / name)
    drop(tmp_path / "drops", [house(n) for n in range(40)])
    source = {
        "conn_type": "fs", "extra": {"path": str(tmp_path / "drops"), "pattern": "{dataset}_{day}.xlsx"},
    }  # fmt: skip
    with new_database() as warehouse:
        known = {"conn_type": "postgres", "host": warehouse.host, "login": warehouse.login, "schema": warehouse.schema}
        monkeypatch.setenv("LIENTHONG_HOME", str(folder))
        monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path / "var"))
        monkeypatch.setenv("LIENTHONG_CONNECTIONS", "")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(known))
        monkeypatch.setenv(f"AIRFLOW_CONN_CSDL_{DATASET.upper()}", json.dumps(source))
        yield folder


def command(*words):
    found = CliRunner().invoke(app, list(words))
    assert found.exit_code == 0, found.output
    return found.output


def proposed(home):
    command(
        "new", "dataset", DATASET, "--connection", f"csdl_{DATASET}", "--day", str(DAY), "--support", SUPPORT,
        "--owner-folder", "so_van_hoa_the_thao_du_lich",
    )  # fmt: skip
    command("check")
    return home / "expectations" / "so_van_hoa_the_thao_du_lich" / f"{DATASET}.odcs.yaml"


def begun(home):
    """As a person leaves it: every mark is decided, then the status is active."""
    path = proposed(home)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(TO_REVIEW, "Đã xem").replace("status: draft", "status: active"), encoding="utf-8")
    command("check")


def test_until_somebody_has_reviewed_it_no_table_and_no_run_knows_it(home, tmp_path):
    proposed(home)
    steps = Pipeline.of(Settings.from_env(), from_environment)
    assert DATASET not in steps.contracts
    assert not [name for name in steps.prepare() if DATASET in name]
    assert _columns(steps) == []
    assert f"ingest.{DATASET}" not in _parsed(tmp_path)["dags"]


def test_its_dag_table_rules_letters_and_status_appear(home, tmp_path):
    begun(home)
    steps = Pipeline.of(Settings.from_env(), from_environment)
    contract = steps.contract(DATASET)

    applied = steps.prepare()
    assert f"core.{DATASET}" in applied
    made = _columns(steps)
    with steps.warehouse.session() as session:  # what was shown to the person is what was run
        for schema in ("core", "history"):
            session.execute(f"DROP TABLE {schema}.{DATASET}")
        for statement in preview(contract):
            session.execute(statement)
    assert _columns(steps) == made
    assert {(schema, name) for schema, name, _ in made} >= {(s, n) for s in ("core", "history") for n in COLUMNS}

    assert steps.waits_for(DATASET, WINDOW) == []
    first = steps.run(DATASET, WINDOW)
    assert (first.extracted, first.inserted, first.quarantined) == (40, 40, 0)
    wrong = [house(0, loai="Z"), house(1, so_phong="hai"), *(house(n) for n in range(2, 40))]
    drop(tmp_path / "drops", wrong)
    second = steps.run(DATASET, WINDOW)
    assert (second.unchanged, second.quarantined, second.deleted) == (38, 2, 0)
    held = rows_of(steps.warehouse, "SELECT record_key, rules FROM quarantine.rows WHERE state = 'open' ORDER BY 1")
    assert held == [("NVH-000", ["loai_trong_danh_muc"]), ("NVH-001", ["so_phong_dung_kieu"])]

    with steps.warehouse.session() as session:
        morning = datetime(2025, 9, 30, 8, tzinfo=LOCAL)
        session.execute("INSERT INTO ops.clock (stands_at) VALUES (%s)", [morning])
    from lienthong.alerts.compose import compose

    compose(steps.warehouse, steps.contracts, steps.settings)
    letters = rows_of(steps.warehouse, "SELECT address, content FROM ops.letters")
    assert [address for address, _ in letters] == [SUPPORT]
    letter = Letter.from_json(letters[0][1])
    assert DATASET in {told.dataset for told in letter.told}
    assert {rule.rule for told in letter.told for rule in told.rules} == {"loai_trong_danh_muc", "so_phong_dung_kieu"}

    status = json.loads(command("status", "--json"))
    assert status["datasets"][DATASET]["extracted"] == 40
    from lienthong.console import pages
    from lienthong.console.desk import Desk

    with Desk(Settings.from_env(), from_environment).look() as look:
        assert DATASET in str(pages.overview(look)), "the console has its row"


def test_a_change_in_the_spreadsheet_reaches_the_shared_platform_and_comes_back_unchanged(home, tmp_path, monkeypatch):
    begun(home)
    path = home / "expectations" / "so_van_hoa_the_thao_du_lich" / f"{DATASET}.odcs.yaml"
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    given = [{"property": "connection", "value": "shared_platform"}, {"property": "reader", "value": "platform"}]
    contract["servers"].append(
        {"server": "ben-kia", "type": "custom",
         "customProperties": [*given, {"property": "role", "value": "counterpart"}]}
    )  # fmt: skip
    contract["customProperties"].append({"property": "endpoints", "value": ["shared_platform"]})
    path.write_text(yaml.safe_dump(contract, allow_unicode=True, sort_keys=False), encoding="utf-8")
    options = PlatformOptions(tmp_path / "platform", tmp_path / "national.sqlite", client=("tinh", "mat-khau"))
    with running_platform(options) as platform:
        there = {"conn_type": "http", "host": platform.url, "login": "tinh", "password": "mat-khau",
                 "extra": {"auth": "oauth2"}}  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_SHARED_PLATFORM", json.dumps(there))
        steps = Pipeline.of(Settings.from_env(), from_environment)
        steps.prepare()
        steps.run(DATASET, WINDOW)
        assert steps.publish("shared_platform").accepted == 40
        drop(tmp_path / "drops", [house(0, so_phong=99), *(house(n) for n in range(1, 40))])
        assert steps.run(DATASET, WINDOW).updated == 1
        assert steps.publish("shared_platform").accepted == 1
        held = {one.khoa: one.record for one in platform.log.held(DATASET)}
        assert int(held["NVH-000"]["so_phong"]) == 99
        (compared,) = steps.compare([DATASET])
        assert (compared.equal, compared.differing, compared.on_the_way) == (40, 0, 0)


def _columns(steps):
    return rows_of(
        steps.warehouse,
        "SELECT table_schema, column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " ORDER BY 1, 2",
        DATASET,
    )


def test_its_dag_parses_like_the_others(home, tmp_path):
    begun(home)
    parsed = _parsed(tmp_path)
    assert parsed["errors"] == {}
    dag = parsed["dags"][f"ingest.{DATASET}"]
    assert dag["tags"] == ["ingest", "so_van_hoa_the_thao_du_lich"]
    assert set(dag["tasks"]) == {"sync"}


def _parsed(tmp_path):
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "LIENTHONG_SCHEDULE_UNTIL": "2025-10-01",
    }
    out = subprocess.run(
        [sys.executable, "-c", PARSE, str(ROOT / "dags")], env=env, capture_output=True, text=True, timeout=180
    )
    assert out.returncode == 0, out.stderr[-2000:]
    return json.loads(out.stdout.splitlines()[-1])


def test_its_contract_passes_the_suite_that_every_contract_inherits(home, tmp_path):
    """The very suite, in a copy of the repository that holds the new contract, still a draft."""
    proposed(home)
    for name in ("contracts", "sql"):
        shutil.copytree(ROOT / "tests" / name, home / "tests" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / name, home / "tests" / name)
    shutil.copy(ROOT / "pyproject.toml", home)
    for owner in (home / "expectations").iterdir():
        if owner.name != "so_van_hoa_the_thao_du_lich":
            shutil.rmtree(owner)
    for path in (home / "expectations" / "so_van_hoa_the_thao_du_lich").iterdir():
        if not path.name.startswith(DATASET):
            path.unlink()
    out = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/contracts", "-k", DATASET, "-p", "no:cacheprovider"],
        cwd=home, capture_output=True, text=True, timeout=600, env=os.environ,
    )  # fmt: skip
    assert out.returncode == 0, out.stdout[-4000:]
    results = out.stdout.split("[100%]")[0]
    assert results.count(".") >= 35, "the rules, the samples and the file itself were tried"
    assert "s" not in results


def test_without_its_connection_only_the_new_dataset_waits(home, monkeypatch):
    begun(home)
    monkeypatch.delenv(f"AIRFLOW_CONN_CSDL_{DATASET.upper()}")
    steps = Pipeline.of(Settings.from_env(), from_environment)
    steps.prepare()
    steps.plan(DATASET, WINDOW)
    assert steps.extract(DATASET, WINDOW, [f"csdl_{DATASET}"]).missing == (f"csdl_{DATASET}",)
    [(reason,)] = rows_of(steps.warehouse, "SELECT reason FROM ops.batches")
    assert "quản trị viên của tỉnh" in reason
