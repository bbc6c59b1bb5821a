"""The command ``lienthong``: one function for each subcommand, the work is elsewhere and imported when it is needed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from lienthong.commands import (
    alerts,
    backfill,
    docs,
    endpoints,
    expectations,
    index,
    indicators,
    new,
    quarantine,
    reconcile,
    share,
    sources,
    verify,
)

app = typer.Typer(
    help="Keeps a province's databases in step with Vietnam's national systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Day = Annotated[
    datetime,
    typer.Option("--day", envvar="DAY", formats=["%Y-%m-%d"], help="A day from 2025-07-01 to 2025-10-01."),
]


@app.command()
def run(day: Day = datetime(2025, 9, 30)) -> None:  # noqa: DTZ001 - a calendar day, not a moment
    """Run one day of the province through a real Airflow, report, and stop what was started."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: commands.run(day.date(), console)))


@app.command()
def up(detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready.")] = False) -> None:
    """Start the services with Airflow's UI and keep them until Ctrl-C or `lienthong down`."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: commands.up(console, detach=detach)))


@app.command()
def down() -> None:
    """Stop the services."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(commands.down))


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show where every service, dataset and receiver stands."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: commands.status(console, as_json=as_json)))


@app.command()
def ports() -> None:
    """Show which port belongs to what, and the variable that moves it."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(commands.ports))


@app.command()
def migrate() -> None:
    """Bring the warehouse of AIRFLOW_CONN_WAREHOUSE to the present schema."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(commands.migrate))


@app.command()
def check() -> None:
    """Read every contract; every mistake is told with file and line."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(commands.check))


@app.command()
def province(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
) -> None:
    """Make the sandbox's sources for some days, in AIRFLOW_CONN_SANDBOX or where the running services keep them."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: commands.province(first.date(), last.date(), console)))


app.add_typer(quarantine.app, name="quarantine")
app.command()(quarantine.redrive)
app.add_typer(alerts.alerts, name="alerts")
app.add_typer(alerts.contacts, name="contacts")
app.command()(alerts.watch)
app.add_typer(expectations.app, name="expectations")
app.add_typer(sources.app, name="sources")
app.add_typer(share.app, name="share")
app.add_typer(new.app, name="new")
app.add_typer(indicators.app, name="indicators")
app.add_typer(index.app, name="index")
app.add_typer(backfill.app, name="backfill")
app.add_typer(endpoints.app, name="endpoints")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(verify.app, name="receipts")
app.command()(verify.verify)
app.add_typer(docs.app, name="docs")


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
