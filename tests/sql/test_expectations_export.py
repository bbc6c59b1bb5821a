"""The exported suites are Great Expectations' own: its tools open them, and they count what the judge counts."""

import hashlib
import os
from datetime import date

import pytest

from lienthong.errors import NeedsPerson
from lienthong.quality import export
from lienthong.warehouse import Warehouse
from lienthong.warehouse.landing import Landing

from ..contracts import samples
from .builders import land

DAY = date(2025, 9, 30)


def digests(folder):
    # Great Expectations adds the identity of a store when it opens one.
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".ge_store_backend_id"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def opened(folder):
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx

    return gx.get_context(mode="file", project_root_dir=folder)


def test_the_same_bytes_are_written_twice_and_great_expectations_opens_them(contracts, tmp_path):
    paths = export.write(contracts.values(), tmp_path, DAY)
    assert [path.name for path in paths] == [f"{name}.json" for name in contracts]
    first = digests(tmp_path)
    suites = {suite.name: suite for suite in opened(tmp_path).suites.all()}
    assert set(suites) == set(contracts)
    for name, contract in contracts.items():
        told = [(e.meta["rule"], e.meta["severity"], e.meta["sentence"], e.notes) for e in suites[name].expectations]
        assert told == [(rule.id, rule.severity, rule.sentence, rule.sentence) for rule in contract.rules]
        assert len({e.id for e in suites[name].expectations}) == len(contract.rules)
    export.write(contracts.values(), tmp_path, DAY)
    assert digests(tmp_path) == first
    only = export.write([contracts["don_vi"]], tmp_path, DAY)
    assert [path.name for path in (tmp_path / "gx" / "expectations").iterdir()] == [only[0].name]
    assert [path.name for path in tmp_path.iterdir()] == ["gx"], "nothing half-made is left"


def test_somebodys_own_project_is_not_replaced(contracts, tmp_path):
    (tmp_path / "gx").mkdir()
    (tmp_path / "gx" / "great_expectations.yml").write_text("config_version: 4.0\n", encoding="utf-8")
    before = digests(tmp_path)
    with pytest.raises(NeedsPerson, match="was not written by this command"):
        export.write(contracts.values(), tmp_path, DAY)
    assert digests(tmp_path) == before


def test_an_exported_suite_counts_what_the_judge_counts(province, contracts, tmp_path):
    """Against a real landing table, through a file context, as an engineer would do it by hand."""
    contract = contracts["don_vi"]
    warehouse: Warehouse = province
    rows = [sample.values for sample in samples.read(contract)]
    plan = land(warehouse, contract, samples.WINDOW, {"nguon": rows})
    landing = Landing(warehouse, contract, samples.WINDOW, plan.run_id)
    with warehouse.session() as session:
        landing.mark(session)
        split = {item["rule"]: item["failing"] for item in landing.counts(session)}
    assert len(split) > 10
    export.write([contract], tmp_path, samples.WINDOW.day)
    context = opened(tmp_path)
    source = context.data_sources.add_postgres(name="warehouse", connection_string=warehouse.sqlalchemy_url())
    try:
        asset = source.add_table_asset(name="landing", table_name=landing.typed_name, schema_name="landing")
        batch = asset.add_batch_definition_whole_table("run").get_batch()
        outcome = batch.validate(context.suites.get("don_vi"), result_format={"result_format": "BASIC"})
    finally:
        source.get_execution_engine().engine.dispose()
    found = {}
    for result in outcome.results:
        count = result.result.get("unexpected_count", result.result.get("observed_value"))
        if count:
            found[result.expectation_config.meta["rule"]] = count
    assert found == split


@pytest.fixture
def command(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from lienthong.commands.expectations import app

    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))

    def run(*words):
        # A terminal of the same width everywhere, so that no sentence is broken in another place.
        found = CliRunner().invoke(app, words, env={"COLUMNS": "200", "TERM": "dumb"})
        return found.exit_code, found.stdout, found.stderr

    return run


def test_the_command_writes_the_datasets_asked_for(command, tmp_path):
    code, told, _ = command("export", "don_vi", "--day", "2025-09-30")
    assert (code, told.split()) == (0, [str(tmp_path / "gx" / "gx" / "expectations" / "don_vi.json")])
    code, _, complaint = command("export", "khong_co")
    assert code == 1
    assert "There is no dataset 'khong_co'" in complaint


def test_the_command_builds_the_pages_of_a_judged_day(command, province, contracts, monkeypatch, tmp_path):
    from lienthong import quality
    from lienthong.warehouse.promote import promote

    host, name = province.connection.host, province.connection.schema
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"postgresql://postgres@/{name}?host={host}")
    assert "Nothing has been judged here yet" in command("docs")[2]
    contract = contracts["don_vi"]
    rows = [sample.values for sample in samples.read(contract) if not sample.breaks]
    plan = land(province, contract, samples.WINDOW, {"nguon": rows})
    quality.judge(province, contract, samples.WINDOW, plan.run_id)
    promote(province, contract, samples.WINDOW, plan.run_id)
    assert "Nothing was judged for 2025-01-01" in command("docs", "--day", "2025-01-01")[2]
    index = tmp_path / "data_docs" / samples.WINDOW.day.isoformat() / "index.html"
    assert command("docs")[:2] == (0, f"{index}\n")
    assert "Danh mục đơn vị" in index.read_text(encoding="utf-8")
