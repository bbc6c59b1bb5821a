"""``lienthong sources``: what shape each source has, what has changed in one, and the word that lets a change pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import By, Json, act, actor, print_json, print_rows, shown

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline
    from lienthong.warehouse.shapes import Kept

app = typer.Typer(help="What the sources look like, and what changed in one.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(help="A dataset, e.g. ho_so.")]
Source = Annotated[str, typer.Argument(help="A source of it: a unit's code, or the name of its connection.")]


@app.command()
def show(
    dataset: Annotated[str, typer.Argument(help="Only sources of this dataset.")] = "", as_json: Json = False
) -> None:
    """Show the sources that changed and wait: the differences, and the change of the contract that would follow."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from rich.text import Text

        waiting = [kept for kept in _known(pipeline, dataset) if kept.accepted_at is None]
        if as_json:
            print_json([_plain(kept) for kept in waiting])
            return
        if not waiting:
            console.print("No source has changed.", highlight=False)
        for kept in waiting:
            head = f"{kept.dataset} of {kept.source}: changed, first seen {shown(kept.first_seen_at)}"
            console.print(Text(f"{head} (shape {kept.shape_id})", style="bold"))
            for line in (*(f"  - {line}" for line in kept.lines), "", *kept.proposal.splitlines(), ""):
                console.print(Text(line), soft_wrap=True)
            console.print(
                Text(f'lienthong sources accept {kept.dataset} {kept.source} --by NAME --reason "..."'), soft_wrap=True
            )

    act(tell)


@app.command()
def shape(
    dataset: Dataset,
    source: Annotated[str, typer.Argument(help="One source of it; without it: every source.")] = "",
    as_json: Json = False,
) -> None:
    """Print the columns of a source as they were accepted, by whom and why, and those of a change that waits."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from rich.text import Text

        found = _known(pipeline, dataset, source)
        if as_json:
            print_json([_plain(kept) for kept in found])
            return
        if not found:
            console.print("None of these sources was landed yet.", highlight=False)
        for kept in found:
            state = f"accepted by {kept.accepted_by}: {kept.reason}" if kept.accepted_at else "changed, waits"
            console.print(Text(f"{kept.dataset} of {kept.source} (shape {kept.shape_id}): {state}", style="bold"))
            print_rows(console, _columns(kept), ("place", "column", "type"), "Nothing.")

    act(tell)


@app.command()
def accept(
    dataset: Dataset,
    source: Source,
    reason: Annotated[str, typer.Option("--reason", help="The letter or agreement by which the source was changed.")],
    number: Annotated[int, typer.Option("--shape", help="Which one, where several wait, as `show` numbers them.")] = 0,
    by: By = "",
) -> None:
    """Accept the changed shape of a source; its next read is landed again."""

    def let_pass(pipeline: Pipeline, console: Console) -> None:
        from lienthong.warehouse import shapes

        contract = pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            kept = shapes.accept(
                session, contract, source, by=actor(by), reason=reason, shape_id=number if number else None
            )
        console.print(
            f"Shape {kept.shape_id} of {source} is accepted since {shown(kept.accepted_at)}, by {kept.accepted_by}. "
            "Windows that are missing are read by late_sources within the hour, or by the next run.",
            highlight=False,
        )

    act(let_pass)


def _known(pipeline: Pipeline, dataset: str, source: str = "") -> list[Kept]:
    from lienthong.warehouse import shapes

    if dataset:
        pipeline.contract(dataset)
    with pipeline.warehouse.session() as session:
        return shapes.listed(session, dataset, source)


def _columns(kept: Kept) -> Sequence[dict[str, Any]]:
    from lienthong.sources.shapes import shown as name_of
    from lienthong.sources.shapes import shown_type

    return [
        {"place": place, "column": name_of(name, place).strip("«»"), "type": shown_type(type_)}
        for place, (name, type_) in enumerate(kept.shape.columns, 1)
    ]


def _plain(kept: Kept) -> dict[str, Any]:
    """One shape for programs, with the names and types that may be shown."""
    return {
        "shape_id": kept.shape_id, "dataset": kept.dataset, "source": kept.source, "kind": kept.shape.kind,
        "columns": _columns(kept), "differences": kept.lines, "proposal": kept.proposal,
        "first_seen_at": kept.first_seen_at, "accepted_at": kept.accepted_at, "accepted_by": kept.accepted_by,
        "reason": kept.reason,
    }  # fmt: skip
