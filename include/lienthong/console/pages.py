"""What each page says, as plain values for its template; a page that does not exist is ``Missing``."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienthong.alerts.facts import held_by_rule
from lienthong.alerts.telling import PSEUDO_RULES, UNKNOWN_RULE
from lienthong.batches import LOCAL
from lienthong.console import airflow_links
from lienthong.console.queries import Look, Row
from lienthong.console.standing import Cell, cells_of
from lienthong.console.words import receiver
from lienthong.contracts import Contract
from lienthong.quality.dimensions import DIMENSIONS
from lienthong.quality.docs import NAME
from lienthong.settings import Settings

View = dict[str, Any]
MOST_PRESSING = 12
TOGETHER = 4
"""Problems of one kind and dataset from which on they are one line of the overview."""
LARGEST = 2**63 - 1


class Missing(Exception):
    """There is no such page; the words say what was looked for."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi, self.en = vi, en


class NotDone(Exception):
    """Something that was asked for and not done; nothing has changed, and ``detail`` may say more in English."""

    def __init__(self, vi: str, en: str, detail: str = "") -> None:
        super().__init__(en)
        self.vi, self.en, self.detail = vi, en, detail


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One unit with its cell in each dataset that is read unit by unit; None where it gives nothing."""

    code: str
    name: str
    cells: tuple[Cell | None, ...]

    @property
    def place(self) -> int:
        """The place of its most pressing cell."""
        return min((cell.place for cell in self.cells if cell), default=99)

    @property
    def good(self) -> bool:
        """Whether nothing about it needs anybody."""
        return all(cell is None or cell.state == "good" for cell in self.cells)


def by_number(code: str) -> tuple[str | int, ...]:
    """H15.12 stands before H15.102."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"([0-9]{1,9})", code[:100]))


def typed(text: str, most: int) -> str:
    """What a person typed into a field, without characters that cannot be seen."""
    return "".join(c for c in text[: 4 * most] if not unicodedata.category(c).startswith("C")).strip()[:most]


def page_number(text: str) -> int:
    """Which page of a list is asked for, from 1."""
    return max(1, int(text)) if re.fullmatch("[0-9]{1,5}", text) else 1


def overview(look: Look) -> View:
    """Units and datasets: which are behind, which hold rows, and what to see to first."""
    by_unit = [contract for contract in look.contracts.values() if contract.source.for_each]
    single = [contract for contract in look.contracts.values() if not contract.source.for_each]
    cells = cells_of(look, look.contracts)
    names = look.unit_names()
    found: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        if look.contracts[cell.dataset].source.for_each:
            found.setdefault(cell.source, {})[cell.dataset] = cell
    units = [
        UnitLine(code, names.get(code, code), tuple(own.get(contract.dataset) for contract in by_unit))
        for code, own in found.items()
    ]
    units.sort(key=lambda unit: (unit.place, -max(c.late for c in unit.cells if c), by_number(unit.code)))
    own = {cell.dataset: cell for cell in cells}
    datasets = [(contract, own[contract.dataset]) for contract in single]
    datasets.sort(key=lambda item: (item[0].shared_database or 99, item[0].content != "danh_muc", item[0].title))
    problems, total = look.problems(most=1000)
    return {
        "now": look.now,
        "by_unit": by_unit,
        "units": units,
        "datasets": datasets,
        "pressing": _pressing(look, problems, names),
        "total": total,
        "letters": look.letters_waiting(),
        "counts": {
            "units_behind": sum(any(cell and cell.behind for cell in unit.cells) for unit in units),
            "datasets_good": sum(cell.state in ("good", "rows", "review") for _, cell in datasets),
            "held": sum(cell.held for cell in cells),
        },
    }


def _pressing(look: Look, problems: Sequence[Row], names: Mapping[str, str]) -> list[View]:
    """The most pressing problems; of many alike one line with their number."""
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in problems:
        alike.setdefault((row["kind"], row["dataset"]), []).append(row)
    lines: list[View] = []
    told = set()
    for row in problems:
        key = row["kind"], row["dataset"]
        rows = alike[key]
        if len(rows) < TOGETHER:
            lines.append({"many": 0, **line_of(look, row, names)})
        elif key not in told:
            told.add(key)
            lines.append({
                **line_of(look, row, names), "many": len(rows), "place": "", "unit": "",
                "since": min(other["since"] for other in rows), "count": sum(other["count"] for other in rows),
            })  # fmt: skip
    return lines[:MOST_PRESSING]


def title_of(look: Look, dataset: str) -> str:
    """What a dataset is called."""
    contract = look.contracts.get(dataset)
    return contract.title if contract else dataset


def line_of(look: Look, row: Row, names: Mapping[str, str]) -> View:
    """One problem in a list: what, where, since when."""
    contract = look.contracts.get(row["dataset"])
    at_receiver = row["source"] if row["kind"] == "unreconciled" else ""
    unit = bool(contract and contract.source.for_each and row["source"] and not at_receiver)
    return {**row, "title": title_of(look, row["dataset"]), "unit": row["source"] if unit else "",
            "receiver": at_receiver, "place": _place(contract, row, names)}  # fmt: skip


def _place(contract: Contract | None, row: Row, names: Mapping[str, str]) -> str:
    """The unit's name, who owns the dataset, the other holder or the receiver; empty when no source is meant."""
    if not row["source"]:
        return ""
    if row["kind"] == "unreconciled":
        return receiver("vi", row["source"])
    if contract is None or row["kind"] == "conflict":
        return str(row["source"])
    return names.get(row["source"], row["source"]) if contract.source.for_each else contract.owner


def unit(look: Look, code: str) -> View:
    """One unit: where each of its datasets stands, what it gave, what is held, and its scorecard."""
    names = look.unit_names()
    if code not in names:
        raise Missing("Không có đơn vị này trong danh mục đơn vị.", "No unit of this code is in the list of units.")
    by_unit = [contract.dataset for contract in look.contracts.values() if contract.source.for_each]
    cells = cells_of(look, by_unit, [code])
    problems, _ = look.problems(source=code)
    held = held_by_rule(look.session, look.home, [(dataset, code) for dataset in by_unit])
    scores: dict[str, View] = {}
    for row in look.scorecard(by_unit, code):
        scores.setdefault(row["dataset"], {"day": row["day"], "rows": {}})["rows"][row["dimension"]] = row
    windows: dict[str, list[Row]] = {}
    for row in look.windows(by_unit, code):
        windows.setdefault(row["dataset"], []).append(row)
    return {
        "code": code,
        "name": names[code] or code,
        "now": look.now,
        "cells": cells,
        "contracts": look.contracts,
        "problems": [line_of(look, row, names) for row in problems],
        "held": [
            {"title": title_of(look, dataset), "dataset": dataset, "rules": [
                {"sentence": _sentence(look, dataset, item.rule), "count": item.count, "rule": item.rule}
                for item in sorted(items, key=lambda item: (-item.count, item.rule))
            ]}
            for (dataset, _), items in held.items()
        ],
        "scores": scores,
        "windows": windows,
    }  # fmt: skip


def _sentence(look: Look, dataset: str, name: str) -> str:
    contract = look.contracts.get(dataset)
    rules = {rule.id: rule.sentence for rule in contract.rules} if contract else {}
    return rules.get(name) or PSEUDO_RULES.get(name, UNKNOWN_RULE)


def dataset(look: Look, settings: Settings, name: str) -> View:
    """One dataset: its contract as a page, its newest runs, and what its receivers still have to hear."""
    contract = look.contracts.get(name)
    if contract is None:
        raise Missing("Không có bộ dữ liệu này.", "There is no such dataset.")
    cells = cells_of(look, [name])
    verdicts = look.verdicts(name)
    problems, total = look.problems(dataset=name, most=20)
    names = look.unit_names()
    return {
        "now": look.now,
        "contract": contract,
        "cell": cells[0] if cells and not contract.source.for_each else None,
        "counts": Counter(cell.state for cell in cells),
        "sources": len(cells),
        "rules": [
            {"rule": rule, "dimension": DIMENSIONS[rule.dimension], "verdict": verdicts.get(rule.id)}
            for rule in contract.rules
        ],
        "judged": max((row["window_start"] for row in verdicts.values()), default=None),
        "runs": [{**row, "docs": _docs(settings, name, row)} for row in look.runs(name)],
        "opened_by": airflow_links.opened_by,
        "runs_of": airflow_links.runs_of,
        "outbox": look.outbox(contract),
        "problems": [line_of(look, row, names) for row in problems],
        "total": total,
    }


def _docs(settings: Settings, dataset: str, run: Row) -> str:
    """The page of results of a run's day, where there is one."""
    if not settings.docs_url or run["judged_at"] is None:
        return ""
    folder = settings.var / "data_docs"
    day = run["window_start"].astimezone(LOCAL).date().isoformat()
    kept = folder.is_dir() and any(NAME.fullmatch(path.name) for path in folder.iterdir())
    if kept and not Path(folder, day, f"{dataset}.html").is_file():
        return ""
    return f"{settings.docs_url}/{day}/{dataset}.html"
