"""The page of the pipelines is the one that the contracts, endpoints and DAG files make."""

import ast

from lienthong.commands import pipelines

from .project import ROOT

PAGE = (ROOT / pipelines.PATH).read_text(encoding="utf-8")


def test_the_page_is_made_from_what_runs():
    assert pipelines.render(ROOT) == PAGE, "run: lienthong docs pipelines"


def test_every_contract_endpoint_and_dag_file_is_on_it(contracts):
    from lienthong.endpoints import ENDPOINTS

    for name, contract in contracts.items():
        lines = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(lines) == (not contract.draft), name
        for other in (*contract.references, *contract.after, *contract.endpoints) if lines else ():
            assert f"`{other}`" in lines[0], name
    for name in ENDPOINTS:
        assert f"| `{name}` |" in PAGE
    others = {path.stem for path in (ROOT / "dags").glob("*.py")} - {"ingest", "publish"}
    lines = {name: line for line in PAGE.splitlines() for name in others if line.startswith(f"| `{name}` |")}
    assert set(lines) == others
    for name, line in lines.items():
        doc = ast.get_docstring(ast.parse((ROOT / f"dags/{name}.py").read_text(encoding="utf-8")))
        assert doc.splitlines()[0].removeprefix("# ") in line
        assert all(cell.strip(" `") for cell in line.strip("|").split("|")), f"{name}: an empty cell"
