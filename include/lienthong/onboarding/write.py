"""The files of a proposal: read back as every DAG reads them before one of them is put down, and none replaces another.

Where they belong: ``expectations/<owner>/`` for the contract and its samples, ``<var>/new/`` for the preview of the
tables, which nothing runs from there: `lienthong migrate` makes them from the contract.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lienthong.contracts import TO_REVIEW, Contract, load, marks
from lienthong.contracts import samples as sample_files
from lienthong.errors import ContractError, NeedsPerson
from lienthong.onboarding import propose
from lienthong.onboarding.invent import invented
from lienthong.onboarding.propose import Owner, Proposal
from lienthong.warehouse.migrations import preview


@dataclass(frozen=True, slots=True)
class Files:
    """What would be written, by path; ``todo`` says what a person has to add before the samples prove every rule."""

    contents: Mapping[Path, str]
    contract: Contract
    todo: tuple[str, ...]

    @property
    def marks(self) -> int:
        """How many places of the contract wait for a person."""
        return len(marks(next(text for path, text in self.contents.items() if path.suffix == ".yaml")))

    def write(self) -> None:
        """Put every file down, or none of them; a file that stands there already is never replaced."""
        made: list[Path] = []
        with ExitStack() as undo:
            undo.callback(lambda: deque(map(Path.unlink, made)))
            for path, text in self.contents.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with path.open("x", encoding="utf-8", newline="") as file:
                        made.append(path)
                        file.write(text)
                except FileExistsError:
                    raise _taken(path) from None
            undo.pop_all()


def owner_of(contracts: Mapping[str, Contract], folder: str, mail: str, otherwise: str) -> Owner:
    """The owner as the other contracts of its folder have it; of a new folder a person gives name and mailbox."""
    beside = [contract for contract in contracts.values() if contract.path.parent.name == folder]
    name = beside[0].owner if beside else f"{TO_REVIEW}: tên cơ quan quản lý"
    known = [channel.address for contract in beside for channel in contract.support if channel.tool == "email"]
    return Owner(folder, name, mail or next(iter(known), otherwise))


def require_free(home: Path, var: Path, folder: str, dataset: str, contracts: Mapping[str, Contract]) -> list[Path]:
    """Where the contract, its samples and the preview go; refuses before the source is asked when one is taken."""
    if dataset in contracts:
        raise _taken(contracts[dataset].path)
    beside = home / "expectations" / folder
    places = [
        beside / f"{dataset}.odcs.yaml", beside / f"{dataset}.samples.csv", var / "new" / f"{dataset}.migration.sql"
    ]  # fmt: skip
    for path in (*places, *(home / "expectations").glob(f"*/{dataset}.odcs.yaml")):
        if path.exists():
            raise _taken(path)
    return places


def files(proposal: Proposal, contracts: Mapping[str, Contract], places: list[Path]) -> Files:
    """The three files of a proposal; a proposal that could not be read back as a contract is refused."""
    text = propose.text(proposal)
    folder = Path(tempfile.mkdtemp(prefix="lienthong-new-"))
    try:
        path = folder / places[0].parent.name / places[0].name
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        contract = load(path)
        found = invented(contract, contracts)
        contract.samples.write_text(found.text, encoding="utf-8")
        todo = [*found.todo, *(line.partition(": ")[2] for line in sample_files.mistakes(contract))]
    except ContractError as error:
        raise NeedsPerson(
            f"The proposal is no contract, so nothing was written: {error} Of a wide table --columns chooses what the "
            "province needs."
        ) from None
    finally:
        shutil.rmtree(folder)
    written = "".join(f"{line};\n" for line in preview(contract))
    head = "-- purpose: preview of what `lienthong migrate` runs for the contract as it was proposed; nothing runs it\n"
    return Files(
        dict(zip(places, (text, found.text, head + written), strict=True)), contract, tuple(dict.fromkeys(todo))
    )


def _taken(path: Path) -> NeedsPerson:
    return NeedsPerson(
        f"{path.parent.name}/{path.name} is there already and is not replaced. Choose another name, or remove the file "
        "if it was a proposal that nobody needs."
    )
