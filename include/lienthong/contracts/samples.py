"""The files beside a contract that prove its rules: read, or refused with every mistake at its line.

``<dataset>.samples.csv`` has rows that break the rules they name and rows that break none; ``<dataset>.windows.yaml``
has what a source gave before and in a window, for the rules about windows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lienthong.contracts.model import Contract
from lienthong.odcs import LOADER

HEAD = ("_breaks", "_note")
HELD = "_core"
"""Stands in place of rules before a row that ``core`` holds already when the others are judged."""
HISTORY = ("note", "days", "before", "breaks", "passes")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample row: where it stands, what it is about, the rules that it must break, and its values.

    ``held`` marks a row that ``core`` holds before the others come."""

    line: int
    note: str
    breaks: frozenset[str]
    values: tuple[str | None, ...]
    held: bool = False


def histories(contract: Contract) -> Path:
    """The file of a contract's rules about windows; a contract without such a rule has none."""
    return contract.path.with_name(f"{contract.dataset}.windows.yaml")


def read(contract: Contract) -> list[Sample]:
    """The samples of a contract in the order of their file, as far as its rows have the form; ``mistakes`` tells
    what was left out."""
    return [found for found in _rows(contract) if isinstance(found, Sample)]


def mistakes(contract: Contract) -> list[str]:
    """Everything that is wrong with the files beside a contract, one line each, as ``file:line: what``."""
    found = [*_of_samples(contract), *_of_histories(contract)]
    return [f"{contract.path.parent.name}/{line}" for line in found]


def strays(folder: Path, contracts: Mapping[str, Contract]) -> Iterator[str]:
    """Files of samples and histories that belong to no contract."""
    for path in sorted([*folder.glob("*/*.samples.csv"), *folder.glob("*/*.windows.yaml")]):
        name = path.name.split(".")[0]
        beside = path.with_name(f"{name}.odcs.yaml")
        if not beside.exists() and (name not in contracts or contracts[name].path != beside):
            yield f"{path.parent.name}/{path.name}:1: there is no contract {beside.name} beside it."


def _rows(contract: Contract) -> Iterator[Sample | str]:
    """Every row with its line, or what is wrong with it."""
    path = contract.samples
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        yield f"{path.name}:1: the file is missing; each rule needs a row that breaks it and one that passes."
        return
    except UnicodeDecodeError as error:
        yield f"{path.name}:1: not UTF-8 (byte {error.start}). Save the file as UTF-8."
        return
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    expected = [*HEAD, *contract.names]
    try:
        header = next(lines, [])
        if header != expected:
            yield f"{path.name}:1: {_header(header, expected)}"
            return
        for cells in lines:
            if len(cells) != len(expected):
                yield f"{path.name}:{lines.line_num}: {len(cells)} cells, the header has {len(expected)}."
                continue
            breaks, note, *values = cells
            held = breaks.strip() == HELD
            rules = frozenset() if held else frozenset(breaks.split())
            yield Sample(lines.line_num, note, rules, tuple(value or None for value in values), held)
    except csv.Error as error:
        yield f"{path.name}:{lines.line_num}: not CSV: {error}."


def _header(header: Sequence[str], expected: Sequence[str]) -> str:
    missing = [name for name in expected if name not in header]
    strange = [name for name in header if name not in expected]
    if missing:
        return f"the header lacks {', '.join(missing)}."
    if strange:
        return f"the header has {', '.join(strange)}, which the contract has not."
    return f"the header must be {','.join(expected)}, in this order."


def _of_samples(contract: Contract) -> Iterator[str]:
    name = contract.samples.name
    known = {rule.id for rule in contract.rules if not rule.about_window}
    samples: list[Sample] = []
    whole = True
    for found in _rows(contract):
        if isinstance(found, str):
            whole = False
            yield found
            continue
        samples.append(found)
        for rule in sorted(found.breaks - known):
            yield f"{name}:{found.line}: {_unknown(contract, rule)}"
        if not found.note.strip():
            yield f"{name}:{found.line}: _note is empty; say what the row is about."
    if not whole:
        return
    shown = {rule for sample in samples for rule in sample.breaks}
    last = samples[-1].line if samples else 1
    for unseen in (rule.id for rule in contract.rules if rule.id in known - shown):
        yield f"{name}:{last}: no row breaks {unseen!r}; add one."
    if not any(not sample.breaks and not sample.held for sample in samples):
        yield f"{name}:{last}: there is no good row; add one with an empty _breaks."


def _unknown(contract: Contract, rule: str) -> str:
    if rule in {one.id for one in contract.window_rules}:
        return f"{rule!r} is about windows; it is proven in {histories(contract).name}."
    return f"_breaks names {rule!r}, which is no rule of {contract.dataset}."


def _of_histories(contract: Contract) -> Iterator[str]:
    path = histories(contract)
    rules = {rule.id for rule in contract.window_rules}
    if not path.exists():
        for rule in sorted(rules):
            yield f"{path.name}:1: the file is missing; rule {rule!r} is about windows and needs a history."
        return
    found = _loaded(path)
    if isinstance(found, str):
        yield found
        return
    content, lines = found
    for rule, history in content.items():
        at = f"{path.name}:{lines.get(str(rule), 1)}"
        if rule not in rules:
            yield f"{at}: {rule!r} is no rule about windows of {contract.dataset}."
        for said in _of_history(contract, history):
            yield f"{at}: {rule}: {said}"
    for rule in sorted(rules - set(content)):
        yield f"{path.name}:1: rule {rule!r} has no history; add one."


def _loaded(path: Path) -> tuple[dict[str, Any], dict[str, int]] | str:
    """What a YAML file maps, and the line of each key; or what is wrong with it."""
    try:
        loader: Any = LOADER(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else None
    except UnicodeDecodeError as error:
        return f"{path.name}:1: not UTF-8 (byte {error.start}). Save the file as UTF-8."
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return f"{path.name}:{line}: not YAML: {error.problem}."
    except ValueError:  # YAML reads 2025-02-30 as a date, and Python knows none
        return f"{path.name}:1: a date or number in the file does not exist. Put it in quotes, or correct it."
    if not isinstance(content, dict):
        return f"{path.name}:1: a map from each rule about windows to its history is expected."
    return content, {key.value: key.start_mark.line + 1 for key, _ in root.value}


def _of_history(contract: Contract, history: Any) -> Iterator[str]:
    if not isinstance(history, dict) or set(history) != set(HISTORY):
        yield f"the parts must be {', '.join(HISTORY)}."
        return
    if not isinstance(history["days"], int) or history["days"] < 1:
        yield "days must be a whole number from 1."
    for part in ("before", "breaks", "passes"):
        rows = history[part]
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "rows" in row for row in rows):
            yield f"{part} must be a list of parts, each with rows and the columns that differ."
            continue
        strange = sorted({str(name) for row in rows for name in row} - {"rows", *contract.names})
        if strange:
            yield f"{part} names {', '.join(strange)}, which is no column."
