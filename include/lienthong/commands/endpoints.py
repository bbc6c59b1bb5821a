"""``lienthong endpoints``: what receivers refused for good, and sending it once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.commands.desk import By, Json, act, actor, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline

app = typer.Typer(help="What receivers refused: list it, have it sent again.", no_args_is_help=True)

MOST = 1000

Dataset = Annotated[str, typer.Option("--dataset", help="Only records of this dataset.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List refused records by the receiver's words."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from lienthong.publishing import dead

        with pipeline.warehouse.session() as session:
            rows = dead.listed(session, pipeline.warehouse.home, most=MOST)
        columns = ("endpoint", "dataset", "reason", "count", "due", "newest", "keys")
        print_rows(console, rows, columns, "Nothing was refused.", as_json=as_json)

    act(show)


@app.command()
def redrive(
    endpoint: Annotated[str, typer.Argument(help="A receiver, e.g. national_portal.")],
    dataset: Dataset = "",
    key: Annotated[list[str] | None, typer.Option("--key", help="Only this record; may be repeated.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Only what was refused with exactly these words.")] = "",
    by: By = "",
) -> None:
    """Send refused records once more, as the warehouse holds them now; the next publish takes them."""

    def send(pipeline: Pipeline, console: Console) -> None:
        from lienthong.console import acts
        from lienthong.endpoints import require_known
        from lienthong.publishing import dead

        require_known(endpoint)
        if dataset:
            pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            count = dead.send_again(
                session, pipeline.warehouse.home, endpoint, dataset=dataset, reason=reason, keys=key or ()
            )
            if count:
                acts.note(
                    session, "resend", actor(by), dataset=dataset, place=endpoint, subject=", ".join(key or ()),
                    count=count, reason=reason,
                )  # fmt: skip
        console.print(f"{count:,} records are due again; the next publish takes them.", highlight=False)

    act(send)
