"""The page ``docs/pipelines.md`` is made from contracts, endpoints and DAG files, so it says what really runs."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from pathlib import Path

from lienthong.contracts import MARTS, Contract, load_all
from lienthong.endpoints import ENDPOINTS

PATH = "docs/pipelines.md"
_HEAD = """# Pipelines

What runs here, from the contracts in `expectations`, the endpoints and the files in `dags`. Made by
`lienthong docs pipelines`; do not edit it by hand. Times are those of the province.
"""
_MADE_FROM = {"ingest", "publish"}
"""Files that make a DAG for each contract or endpoint; the others are one DAG each."""


def render(home: Path) -> str:
    """The whole page."""
    contracts = load_all(home / "expectations")
    return "\n".join([_HEAD, *_datasets(contracts), *_endpoints(contracts), *_others(home / "dags")])


def _datasets(contracts: Mapping[str, Contract]) -> list[str]:
    lines = [
        f"## Datasets: {len(contracts)}\n",
        "One DAG each, named `ingest.` and the dataset. *No.* is the shared database of the province that the dataset",
        "belongs to; *source* is the connection and how it is read; *after* are the datasets that must be in place for",
        "the day first: those that its rules refer to, and those that it is made of.\n",
        "| Dataset | Title | Owner | No. | Source | Mode | Schedule | After | Rules | Sent to |",
        "|---|---|---|---:|---|---|---|---|---:|---|",
    ]
    order = sorted(contracts.values(), key=lambda one: (one.shared_database or 99, one.dataset))
    return [*lines, *map(_dataset, order), ""]


def _dataset(contract: Contract) -> str:
    first = dict.fromkeys((*contract.references, *contract.after))
    cells = (
        f"`{contract.dataset}`", contract.title, contract.owner, str(contract.shared_database or ""), _source(contract),
        contract.mode, f"`{contract.schedule}`", _codes(first), str(len(contract.rules)), _codes(contract.endpoints),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _source(contract: Contract) -> str:
    source = contract.source
    if source.connection == MARTS:
        return "the marts"
    told = f"`{source.connection}`" + (f", {source.reader}" if source.reader else "")
    told += f", for each of `{source.for_each}`" if source.for_each else ""
    other = contract.counterpart
    return told + (f"; compared with `{other.connection}`" if other else "")


def _endpoints(contracts: Mapping[str, Contract]) -> list[str]:
    lines = [
        f"## Endpoints: {len(ENDPOINTS)}\n",
        "One DAG each, named `publish.` and the endpoint. It wakes when one of its datasets is promoted, and every",
        "quarter of an hour.\n",
        "| Endpoint | Does | Feeds |",
        "|---|---|---|",
    ]
    for name, made in ENDPOINTS.items():
        fed = [contract.dataset for contract in contracts.values() if name in contract.endpoints]
        does = (inspect.getdoc(made) or "").split("\n", 1)[0]
        lines.append(f"| `{name}` | {does} | {_codes(sorted(fed))} |")
    return [*lines, ""]


def _others(folder: Path) -> list[str]:
    lines = ["## Other DAGs\n", "| DAG | Schedule | Does |", "|---|---|---|"]
    for path in sorted(folder.glob("*.py")):
        if path.stem not in _MADE_FROM:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            title = (ast.get_docstring(tree) or "").split("\n", 1)[0].removeprefix("# ")
            lines.append(f"| `{_constant(tree, 'dag_id')}` | `{_constant(tree, 'schedule')}` | {title} |")
    return [*lines, ""]


def _constant(tree: ast.Module, keyword: str) -> str:
    """The text that a DAG file gives for a keyword, also inside of a call such as ``daily``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == keyword:
            texts = [leaf.value for leaf in ast.walk(node.value) if isinstance(leaf, ast.Constant)]
            return " ".join(text for text in texts if isinstance(text, str))
    return ""


def _codes(names: Mapping[str, object] | tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
