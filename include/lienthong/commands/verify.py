"""``lienthong verify`` and ``lienthong receipts``: whether the receipts hold, here and where they were copied to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import By, Json, act, actor, pipeline, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.publishing.chain_check import Chain
    from lienthong.steps import Pipeline

app = typer.Typer(help="Receipts: copy their chains into a file, go on after a restore.", no_args_is_help=True)


def verify(
    files: Annotated[list[Path] | None, typer.Argument(help="Exports; the warehouse itself when left out.")] = None,
    anchors: Annotated[Path | None, typer.Option("--anchors", help="The file of anchors to compare with.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether every receipt is there, unchanged and in its place: exit code 0 when all hold, 1 when not."""
    from lienthong.services import commands

    def look(console: Console) -> int:
        found, noted = _exported(files, anchors) if files else _living(anchors)
        whole = not any(chain.wrong for _, chains in found for chain in chains)
        if as_json:
            chains = [_plain(where, one) for where, chains in found for one in chains]
            print_json({"whole": whole, "anchors": None if noted is None else str(noted), "chains": chains})
        else:
            _tell(console, found, noted, whole=whole)
        return 0 if whole else 1

    raise typer.Exit(commands.explained(look))


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", help="The file to write, JSON lines.")],
    endpoints: Annotated[list[str] | None, typer.Argument(help="Receivers; all when left out.")] = None,
    from_place: Annotated[int, typer.Option("--from-place", min=1, help="From this receipt of one receiver on.")] = 1,
) -> None:
    """Copy receipts into a file that `lienthong verify` verifies anywhere, without a database."""

    def copy(pipeline: Pipeline, console: Console) -> None:
        from lienthong.publishing import chain_live

        count = chain_live.export(pipeline.warehouse, to, endpoints or (), from_place)
        console.print(f"{count:,} receipts are in {to}.", highlight=False, markup=False, soft_wrap=True)

    act(copy)


@app.command("new-epoch")
def new_epoch(
    reason: Annotated[str, typer.Option("--reason", help="Why what was anchored is not there any more.")],
    by: By = "",
) -> None:
    """Go on after a restore: receipts that were anchored and are lost are noted as lost, with your name and reason."""

    def begin(pipeline: Pipeline, console: Console) -> None:
        from lienthong.publishing import chain_anchors, chain_live

        path = chain_anchors.file_of(pipeline.settings)
        begun = chain_live.begin_epoch(pipeline.warehouse, path, reason, actor(by))
        for epoch in begun:
            console.print(
                f"{epoch.endpoint} goes on from place {epoch.place}; its anchors at places {epoch.lost_from} to "
                f"{epoch.lost_to} no longer bind.", highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip
        if not begun:
            console.print("Every anchor is met: there is nothing to go on from.", highlight=False)

    act(begin)


Found = Sequence[tuple[str, Sequence["Chain"]]]


def _living(anchors: Path | None) -> tuple[Found, Path | None]:
    """The chains of the warehouse, and the anchors that they were compared with, if there are any."""
    from lienthong.publishing import chain_anchors, chain_live

    with pipeline() as steps:
        noted = anchors or chain_anchors.file_of(steps.settings)
        lines = _lines(noted) if anchors else chain_anchors.read(noted)
        return [("warehouse", chain_live.verify(steps.warehouse, lines))], noted if lines else None


def _exported(files: Sequence[Path], anchors: Path | None) -> tuple[Found, Path | None]:
    from lienthong.publishing import chain_files

    lines = _lines(anchors) if anchors else []
    return [(str(path), chains) for path, chains in chain_files.verify(files, lines)], anchors


def _lines(anchors: Path) -> Any:
    from lienthong.errors import NeedsPerson
    from lienthong.publishing import chain_anchors

    if not anchors.exists():
        raise NeedsPerson(f"Expected the anchors in {anchors}, and there is no such file. Name another with --anchors.")
    return chain_anchors.read(anchors)


def _tell(console: Console, found: Found, noted: Path | None, *, whole: bool) -> None:
    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    for where, chains in found:
        for chain in chains:
            say(f"{where}: {_words(chain)}")
            for finding in chain.findings:
                say(f"  {_inert(str(finding))}")
            if chain.wrong > len(chain.findings):
                say(f"  and {chain.wrong - len(chain.findings):,} more.")
    if noted is None:
        say("There were no anchors to compare with: a chain that was made anew as a whole would not be noticed.")
    say("Every receipt holds." if whole else "The receipts do not hold.")


def _words(chain: Chain) -> str:
    from lienthong.publishing.chain_check import when

    verdict = "hold" if not chain.wrong else f"do not hold, {chain.wrong:,} findings"
    begun = "" if chain.after == 0 else f" after place {chain.after}, which are all that is here,"
    anchored = "nothing here is anchored"
    if chain.anchored is not None:
        anchored = f"anchored up to place {chain.anchored.place} on {when(chain.anchored.at)}"
    text = f"{chain.endpoint}: {chain.receipts:,} receipts{begun} {verdict}; "
    text += f"the last is at place {chain.place}, {anchored}."
    for epoch in chain.epochs:
        text += (
            f" On {when(epoch.at)} {epoch.by} gave up the anchors at places {epoch.lost_from} to {epoch.lost_to} "
            f"(the chain ended at {epoch.place}): {epoch.reason}"
        )
    return _inert(text)


def _inert(text: str) -> str:
    """Names in a damaged file or table can be anything; a terminal obeys no character of theirs."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _plain(where: str, chain: Chain) -> dict[str, Any]:
    def anchor(one: Any) -> dict[str, Any]:
        from dataclasses import asdict

        return {**asdict(one), "at": one.at.isoformat()}

    return {
        "where": where, "endpoint": chain.endpoint, "whole": not chain.wrong, "after": chain.after,
        "receipts": chain.receipts, "place": chain.place, "hash": chain.hash,
        "anchored": anchor(chain.anchored) if chain.anchored else None,
        "epochs": [anchor(one) for one in chain.epochs], "wrong": chain.wrong,
        "findings": [
            {"endpoint": one.endpoint, "place": one.place, "kind": one.kind, "expected": one.expected,
             "found": one.found, "mend": one.mend}
            for one in chain.findings
        ],
    }  # fmt: skip
