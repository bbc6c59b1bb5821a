"""The contracts of the province: one YAML file a dataset below ``expectations``, read whole or refused.

``model`` is what a contract is, ``reading`` makes it out of a file; here all of them are read together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lienthong.contracts.model import (
    CLASSES,
    CONTENTS,
    MARTS,
    MASTERS,
    MODES,
    MOST_RULES,
    STATUSES,
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
    "CLASSES", "CONTENTS", "MARTS", "MASTERS", "MODES", "MOST_RULES", "STATUSES", "TO_REVIEW", "Channel", "Column",
    "Contract", "SourceSpec", "load", "load_all", "marks", "unreviewed",
]  # fmt: skip

_DRAFT = re.compile(r"^status: *[\"']?draft\b", re.MULTILINE)
_MARK = re.compile(r"\s+".join(TO_REVIEW.split()))


def load_all(folder: Path, *, drafts: bool = False) -> dict[str, Contract]:
    """Read every contract in force below ``folder``, by dataset, references before those who refer to them.

    Without ``drafts`` a contract whose status is draft is left out, and so are its mistakes: what nobody has reviewed
    neither runs nor keeps the others from running. Every mistake of every file is told at once: one line of the error
    is one mistake."""
    mistakes: list[str] = []
    waiting: set[str] = set()
    contracts = _read(folder, drafts, mistakes, waiting)
    waiting -= {contract.dataset for contract in contracts.values() if not contract.draft}
    unread = {path.name.split(".")[0] for path in folder.glob("*/*.odcs.yaml")} - set(contracts)
    for contract in contracts.values():
        mistakes += _wrong_references(contract, contracts, unread)
        mistakes += () if contract.draft else _of_drafts(contract, waiting)
    if mistakes:
        raise ContractError("\n".join(mistakes))
    if not contracts:
        what = f"none but drafts ({', '.join(sorted(waiting))})" if waiting else "none"
        raise ContractError(
            f"Contracts in force (*/*.odcs.yaml) are expected below {folder.name}/, there is {what}. Is the folder "
            "complete?"
        )
    return _in_order(contracts)


def _read(folder: Path, drafts: bool, mistakes: list[str], waiting: set[str]) -> dict[str, Contract]:
    """Every contract that is wanted and can be read; the ``mistakes`` of the others and the drafts, which are
    ``waiting``, are added to what was given."""
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*/*.odcs.yaml")):
        try:
            contract = load(path)
        except ContractError as error:
            if _says_draft(path):
                waiting.add(path.name.split(".")[0])
            if drafts or not _says_draft(path):
                mistakes.append(str(error))
            continue
        if contract.draft:
            waiting.add(contract.dataset)
            if not drafts:
                continue
        if contract.dataset in contracts:
            other = contracts[contract.dataset].path
            mistakes.append(f"{path.parent.name}/{path.name}: dataset {contract.dataset!r} already stands in "
                            f"{other.parent.name}/{other.name}.")  # fmt: skip
            continue
        contracts[contract.dataset] = contract
    return contracts


def marks(text: str) -> list[int]:
    """The line of every place in a contract's text that waits for a person; a comment is no such place."""
    bare = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)
    return [bare.count("\n", 0, found.start()) + 1 for found in _MARK.finditer(bare)]


def unreviewed(contract: Contract) -> list[str]:
    """Each place that still waits for a person although the contract is in force, as ``file:line: what``."""
    if contract.draft:
        return []
    at = f"{contract.path.parent.name}/{contract.path.name}"
    return [
        f"{at}:{line}: status is {contract.status}, and {TO_REVIEW} still stands here. Decide this place and remove "
        "the mark, or set the status back to draft."
        for line in marks(contract.path.read_text(encoding="utf-8"))
    ]


def _says_draft(path: Path) -> bool:
    """Whether a file that cannot be read as a contract calls itself a draft."""
    return bool(_DRAFT.search(path.read_text(encoding="utf-8", errors="replace")))


def _of_drafts(contract: Contract, waiting: set[str]) -> Iterator[str]:
    """What a contract in force expects of datasets that are not."""
    for name in contract.waits_for:
        if name in waiting:
            yield (
                f"{contract.path.name}: refers to {name!r}, whose contract is a draft. Set that one to active once it "
                "is reviewed, or this one to draft until then."
            )


def _in_order(contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    ordered: dict[str, Contract] = {}
    waiting = dict(contracts)
    while waiting:
        ready = [c for c in waiting.values() if not set(c.waits_for) & set(waiting)]
        if not ready:
            raise ContractError(f"Contracts refer to each other in a circle: {', '.join(sorted(waiting))}.")
        for contract in ready:
            ordered[contract.dataset] = waiting.pop(contract.dataset)
    return ordered


def _wrong_references(contract: Contract, contracts: Mapping[str, Contract], unread: set[str]) -> Iterator[str]:
    """What a contract expects of others in vain; what could not be read is told elsewhere."""
    for name in contract.waits_for:
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
