"""Rules that every DAG keeps, read from the parsed DAGs themselves."""

import ast
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# DagBag needs a home of its own and costs seconds of imports: parsed once, in a process of its own.
PARSE = """
import json, sys, time
import airflow.sdk, airflow.serialization.serialized_objects
from airflow.dag_processing.dagbag import DagBag
began = time.perf_counter()
bag = DagBag(sys.argv[1])
seconds = time.perf_counter() - began
heavy = [m for m in ("great_expectations", "pandas", "openpyxl", "requests") if m in sys.modules]
from airflow.serialization.serialized_objects import DagSerialization as S
print(json.dumps({
    "errors": bag.import_errors, "seconds": seconds, "heavy": heavy,
    "dags": {d.dag_id: {
        "tags": sorted(d.tags), "doc": bool(d.doc_md), "catchup": d.catchup, "max_active_runs": d.max_active_runs,
        "tasks": {t.task_id: {
            "retries": t.retries, "policy": type(t.retry_policy).__name__,
            "downstream": sorted(t.downstream_task_ids), "trigger_rule": t.trigger_rule.value,
        } for t in d.tasks},
        "serialized": json.dumps(S.to_dict(d), sort_keys=True, default=str),
    } for d in bag.dags.values()},
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    return parse(tmp_path_factory.mktemp("airflow"))


def parse(home):
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "LIENTHONG_SCHEDULE_UNTIL": "2025-10-01",
    }
    out = subprocess.run(
        [sys.executable, "-c", PARSE, str(ROOT / "dags")], env=env, capture_output=True, text=True, timeout=120
    )
    assert out.returncode == 0, out.stderr[-2000:]
    return json.loads(out.stdout.splitlines()[-1])


def test_every_file_parses(parsed):
    assert parsed["errors"] == {}


def test_the_set_of_dags_is_what_contracts_and_endpoints_say(parsed):
    from lienthong.contracts import load_all

    contracts = load_all(ROOT / "expectations")
    expected = {f"ingest.{name}" for name in contracts}
    expected |= {f"publish.{name}" for contract in contracts.values() for name in contract.endpoints}
    expected |= {"late_sources", "alerts", "scorecard", "housekeeping", "compare", "reconcile", "exports", "backfills"}
    expected |= {"verify"}
    assert set(parsed["dags"]) == expected


def test_every_dag_has_a_page_tags_and_no_catch_up(parsed):
    for dag_id, dag in parsed["dags"].items():
        assert dag["doc"], dag_id
        assert dag["tags"], dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["max_active_runs"] == 1, dag_id


def test_every_task_retries_what_may_pass_and_fails_what_cannot(parsed):
    for dag_id, dag in parsed["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["retries"] > 0, (dag_id, task_id)
            assert task["policy"] == "ExceptionRetryPolicy", (dag_id, task_id)


def test_ingest_reads_top_to_bottom(parsed):
    tasks = parsed["dags"]["ingest.ho_so"]["tasks"]
    order = ["wait", "plan", "extract", "judge", "promote", "redrive"]
    assert set(tasks) == set(order)
    for before, after in pairwise(order):
        assert after in tasks[before]["downstream"]
    assert tasks["judge"]["trigger_rule"] == "none_failed", "nothing left to read must not skip the judge"


def test_a_dataset_of_one_source_is_one_task_that_gives_its_place_to_others_while_it_waits(parsed):
    from lienthong.contracts import load_all

    single = [name for name, one in load_all(ROOT / "expectations").items() if one.source.for_each is None]
    assert single
    for name in single:
        dag = parsed["dags"][f"ingest.{name}"]
        assert set(dag["tasks"]) == {"sync"}, name
        assert '"reschedule"' in dag["serialized"], name


def test_parsing_is_light(parsed):
    """Heavy libraries are imported inside tasks. The budget of a second is measured in benchmarks, not here."""
    assert parsed["heavy"] == []


def test_parsing_twice_gives_the_same_dags(parsed, tmp_path):
    again = parse(tmp_path)
    for dag_id, dag in parsed["dags"].items():
        assert again["dags"][dag_id]["serialized"] == dag["serialized"], dag_id


def test_dag_files_hold_no_business_logic():
    for path in (ROOT / "dags").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        assert ast.get_docstring(tree), f"{path.name}: its docstring is the DAG's page"
        assert len(text.splitlines()) <= 90, path.name
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert modules <= {"airflow.sdk", "lienthong", "datetime"}, (path.name, modules)


ORDER = (
    ["errors", "settings", "batches", "connections", "crashpoints", "mapi", "gateway", "rules", "odcs", "contracts"]
    + [
        "ngsi",
        "sources",
        "warehouse",
        "quality",
        "indicators",
        "endpoints",
        "publishing",
        "reconcile",
        "alerts",
        "report",
        "screen",
        "metrics",
        "share",
    ]
    + [
        "steps",
        "lineage",
        "airflow_secrets",
        "airflow_api",
        "backfill",
        "console",
        "orchestration",
        "services",
        "onboarding",
    ]
    + ["commands", "cli"]
)


def test_modules_import_only_leftwards():
    package = ROOT / "include" / "lienthong"
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        own = parts[0]
        if own in ("__init__", "sandbox"):
            continue
        assert own in ORDER, f"{path.name}: put the module {own!r} into the order of imports"
        for name in imported(path):
            if name == "sandbox":
                assert own in ("services", "cli"), f"{path}: the product does not know the sandbox"
            else:
                assert ORDER.index(name) <= ORDER.index(own), f"{path}: {own} may not import {name}"


def test_the_sandbox_knows_nothing_of_the_product_but_its_foundations():
    allowed = {"errors", "settings", "batches", "connections", "sandbox"}
    for path in (ROOT / "include" / "lienthong" / "sandbox").rglob("*.py"):
        assert imported(path) <= allowed, path


def imported(path):
    """Top modules of the package that a file imports, at any depth, type checking apart."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lienthong":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found - {"__version__"}


ONLY = {
    "airflow": {"orchestration", "airflow_secrets"},
    "great_expectations": {"quality"},
    "psycopg": (
        {"sources", "warehouse", "publishing", "services", "sandbox", "quality", "indicators", "share", "reconcile"}
    ),
    "sqlalchemy": {"sources", "warehouse", "quality"},
}


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_in_its_place_only(library):
    package = ROOT / "include" / "lienthong"
    for path in package.rglob("*.py"):
        own = path.relative_to(package).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            if any(name.split(".")[0] == library for name in names):
                assert own in ONLY[library], f"{path}: {library} belongs to {sorted(ONLY[library])}"
