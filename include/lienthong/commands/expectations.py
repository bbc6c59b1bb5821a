"""``lienthong expectations``: the rules and what they found, to look at with Great Expectations or in a browser."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Look at the rules and at what they found.", no_args_is_help=True)

Datasets = Annotated[list[str] | None, typer.Argument(metavar="[DATASET]...", help="Datasets; without any: all.")]
Window = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help="The window of rules about one; without it: yesterday."),
]
Judged = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="A judged day; without it: the newest.")
]
To = Annotated[Path | None, typer.Option("--to", help="Folder; without it: gx in the folder for what runs write.")]


@app.command()
def export(datasets: Datasets = None, to: To = None, day: Window = None) -> None:
    """Write the suites as a project that Great Expectations itself opens.

    For the same day the same bytes are written. gx.get_context(mode="file", project_root_dir=FOLDER) opens them."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: _export(console, datasets or [], to, day)))


@app.command()
def docs(day: Judged = None) -> None:
    """Build the pages of one day's validation results anew, and remove those that are older than the retention."""
    from lienthong.services import commands

    raise typer.Exit(commands.explained(lambda console: _docs(console, day)))


def _export(console: Console, datasets: list[str], to: Path | None, day: datetime | None) -> int:
    from lienthong.batches import LOCAL
    from lienthong.contracts import load_all
    from lienthong.errors import NeedsPerson
    from lienthong.quality import export
    from lienthong.settings import Settings

    settings = Settings.from_env()
    contracts = load_all(settings.home / "expectations")
    unknown = [name for name in datasets if name not in contracts]
    if unknown:
        raise NeedsPerson(f"There is no dataset {unknown[0]!r}; there are {', '.join(contracts)}.")
    wanted = [contract for name, contract in contracts.items() if name in datasets or not datasets]
    window = day.date() if day else datetime.now(LOCAL).date() - timedelta(days=1)
    for path in export.write(wanted, to or settings.var / "gx", window):
        console.print(str(path), highlight=False, soft_wrap=True)
    return 0


def _docs(console: Console, day: datetime | None) -> int:
    from lienthong.contracts import load_all
    from lienthong.errors import NeedsPerson
    from lienthong.quality import docs
    from lienthong.services import control, status
    from lienthong.services.folders import Folders
    from lienthong.settings import Settings
    from lienthong.warehouse import Warehouse

    settings, folders = Settings.from_env(), Folders.from_env()
    with status.warehouse_of(folders, os.environ, control.running(folders)) as connection:
        warehouse = Warehouse(connection, settings.home) if connection else None
        judged = docs.judged_days(warehouse) if warehouse else []
        wanted = day.date() if day else max(judged, default=None)
        if warehouse is None or wanted is None:
            raise NeedsPerson("Nothing has been judged here yet: `make run` runs a day.")
        if wanted not in judged:
            raise NeedsPerson(f"Nothing was judged for {wanted}; the newest day that was is {max(judged)}.")
        made = docs.build(warehouse, load_all(settings.home / "expectations"), docs.folder_of(settings), wanted)
    console.print(str(made), highlight=False, soft_wrap=True)
    return 0
