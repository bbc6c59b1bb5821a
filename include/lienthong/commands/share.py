"""``lienthong share``: the service that other systems read from, their tokens, and what they have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lienthong.commands.desk import By, Json, act, actor, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline

app = typer.Typer(help="What other information systems may read.", no_args_is_help=True)
token = typer.Typer(help="Who may read what, and until when.", no_args_is_help=True)
app.add_typer(token, name="token")

SHOWN_AT_MOST = 1000


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on; a proxy with TLS stands in front.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", envvar="LIENTHONG_PORT_SHARE", min=1, max=65535)] = 8093,
    rate: Annotated[int, typer.Option("--rate", min=1, help="Requests of one token in a minute.")] = 600,
) -> None:
    """Serve what other systems may read, until Ctrl-C."""
    from lienthong.services import commands

    def work(_: Console) -> int:
        import os

        from lienthong.connections import from_environment
        from lienthong.contracts import load_all
        from lienthong.errors import NeedsPerson
        from lienthong.services import airflow, control, status
        from lienthong.services.folders import Folders
        from lienthong.settings import Settings
        from lienthong.share import serve as service

        folders, settings = Folders.from_env(), Settings.from_env()
        present = control.running(folders)
        if present is None and not airflow.foreign(os.environ, airflow.WAREHOUSE):
            raise NeedsPerson("There is no warehouse to read from: start the services, or set AIRFLOW_CONN_WAREHOUSE.")
        with status.warehouse_of(folders, os.environ, present) as found:
            if found is None:
                raise NeedsPerson("Nothing has run here yet, so there is nothing to read: `make run` runs a day.")
            own = airflow.foreign(os.environ, "AIRFLOW_CONN_WAREHOUSE_READ")
            reading = from_environment("warehouse_read") if own else found
            contracts = load_all(settings.home / "expectations")
            service.run(service.desk(settings, contracts, reading, found, rate), host, port)
        return 0

    raise typer.Exit(commands.explained(work))


@token.command()
def add(
    system: Annotated[str, typer.Option("--system", help="Name of the system that will read.")],
    dataset: Annotated[
        list[str], typer.Option("--dataset", help="A dataset that it may read, or metrics; may be repeated.")
    ],
    ceiling: Annotated[
        str, typer.Option("--ceiling", help="Highest class of column whose values it gets: public, internal, personal.")
    ] = "internal",
    days: Annotated[int, typer.Option("--days", help="How long it is valid.")] = 365,
    by: By = "",
) -> None:
    """Make a token; it is shown this once and kept nowhere."""

    def make(pipeline: Pipeline, console: Console) -> None:
        from lienthong.share import tokens

        warehouse = pipeline.warehouse
        with warehouse.session() as session:
            issued = tokens.issue(
                session, warehouse.home, pipeline.contracts, system=system, datasets=dataset, ceiling=ceiling,
                days=days, by=actor(by),
            )  # fmt: skip
        console.print(
            f"Token {issued.token_id} for {system}, valid until {issued.expires_at:%Y-%m-%d}. It is shown once:",
            highlight=False, markup=False,
        )  # fmt: skip
        console.print(issued.text, highlight=False, markup=False, soft_wrap=True)

    act(make)


@token.command("list")
def list_(as_json: Json = False) -> None:
    """List the tokens, what they may read and when they were last used."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from lienthong.share import tokens

        with pipeline.warehouse.session() as session:
            rows = tokens.listed(session, pipeline.warehouse.home)
        print_rows(console, rows, TOKEN_COLUMNS, "There is no token: `lienthong share token add`.", as_json=as_json)

    act(show)


@token.command()
def revoke(
    number: Annotated[int, typer.Argument(metavar="TOKEN", help="Number of the token, as `list` shows it.")],
    by: By = "",
) -> None:
    """End a token at once."""

    def end(pipeline: Pipeline, console: Console) -> None:
        from lienthong.share import tokens

        with pipeline.warehouse.session() as session:
            tokens.revoke(session, pipeline.warehouse.home, number, by=actor(by))
        console.print(f"Token {number} is revoked; its next request is refused.", highlight=False)

    act(end)


@app.command()
def accesses(
    dataset: Annotated[str, typer.Option("--dataset", help="Only of this dataset.")] = "",
    days: Annotated[int, typer.Option("--days", min=1, help="Only of the last days.")] = 7,
    as_json: Json = False,
) -> None:
    """List who has read what, the newest first; no key and no value is kept."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from lienthong.warehouse.statements import statement

        values = {"dataset": dataset, "days": days, "limit": SHOWN_AT_MOST}
        with pipeline.warehouse.session() as session:
            rows = list(session.execute(statement(pipeline.warehouse.home, "share/accesses"), values))
        print_rows(console, rows, ACCESS_COLUMNS, "Nobody has read anything.", as_json=as_json)

    act(show)


@app.command()
def export() -> None:
    """Write the full exports of what changed since the last ones, as the DAG `exports` does every night."""

    def write(pipeline: Pipeline, console: Console) -> None:
        done = pipeline.exports()
        console.print(
            f"{len(done.written)} datasets exported, {done.unchanged} unchanged, {done.removed} old exports removed.",
            highlight=False,
        )

    act(write)


TOKEN_COLUMNS = (
    "token_id", "system", "datasets", "ceiling", "state", "created_by", "created_at", "expires_at", "last_used_at",
    "revoked_by", "revoked_at",
)  # fmt: skip
ACCESS_COLUMNS = ("at", "system", "token_id", "dataset", "what", "version", "rows", "status", "request_id")
