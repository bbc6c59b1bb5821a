"""The contracts of the province: one YAML file a dataset below ``expectations``, read whole or refused.

``model`` is what a contract is, ``reading`` makes it out of a file; here all of them are read together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lienthong.contracts.model import (
    CLASSES,
    CONTENTS,
    MASTERS,
    MODES,
    MOST_RULES,
    TO_REVIEW,
    Channel,
    Column,
    Contract,
    SourceSpec,
)
from lienthong.contracts.reading import load
from lienthong.errors import ContractError
from lienthong.rules import VALIDITY, Rule

__all__ = [
    "CLASSES", "CONTENTS", "MASTERS", "MODES", "MOST_RULES", "TO_REVIEW", "Channel", "Column", "Contract", "SourceSpec",
    "load", "load_all",
]  # fmt: skip


def load_all(folder: Path) -> dict[str, Contract]:
    """Read every contract below ``folder``, by dataset, references before those who refer to them.

    Every mistake of every file is told at once: one line of the error is one mistake."""
    contracts: dict[str, Contract] = {}
    mistakes: list[str] = []
    for path in sorted(folder.glob("*/*.odcs.yaml")):
        try:
            contract = load(path)
        except ContractError as error:
            mistakes.append(str(error))
            continue
        if contract.dataset in contracts:
            other = contracts[contract.dataset].path
            mistakes.append(f"{path.parent.name}/{path.name}: dataset {contract.dataset!r} already stands in "
                            f"{other.parent.name}/{other.name}.")  # fmt: skip
            continue
        contracts[contract.dataset] = contract
    unread = {path.name.split(".")[0] for path in folder.glob("*/*.odcs.yaml")} - set(contracts)
    for contract in contracts.values():
        mistakes += _wrong_references(contract, contracts, unread)
    if mistakes:
        raise ContractError("\n".join(mistakes))
    if not contracts:
        raise ContractError(f"No contract (*/*.odcs.yaml) below {folder.name}/. Is the folder complete?")
    return _in_order(contracts)


def _in_order(contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    ordered: dict[str, Contract] = {}
    waiting = dict(contracts)
    while waiting:
        ready = [c for c in waiting.values() if not set(c.references) & set(waiting)]
        if not ready:
            raise ContractError(f"Contracts refer to each other in a circle: {', '.join(sorted(waiting))}.")
        for contract in ready:
            ordered[contract.dataset] = waiting.pop(contract.dataset)
    return ordered


def _wrong_references(contract: Contract, contracts: Mapping[str, Contract], unread: set[str]) -> Iterator[str]:
    """What a contract expects of others in vain; what could not be read is told elsewhere."""
    for name in contract.references:
        if name not in contracts and name not in unread:
            yield f"{contract.path.name}: refers to {name!r}, which no contract describes."
    for rule in contract.rules:
        listed = contracts.get(rule.reference or "")
        missing = [name for name in _wanted(rule) if listed is not None and name not in listed.names]
        if missing:
            yield (
                f"{contract.path.name}: rule {rule.id!r} looks for {missing[0]!r} in {rule.reference}, "
                "which has no such column."
            )


def _wanted(rule: Rule) -> list[str]:
    """The columns that a rule looks for in the dataset that it refers to."""
    if not rule.reference or rule.kind == "sql":
        return []
    found = [rule.arguments.get("column", rule.columns[0]), *rule.arguments.get("names", [])]
    return [*found, *(VALIDITY if "at" in rule.arguments else ())]
