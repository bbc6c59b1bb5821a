"""What every command at the warehouse shares: how it finds it, who acts, and how rows are shown, never a value."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
By = Annotated[str, typer.Option("--by", help="Who does this; your account's name when left out.")]


def act(action: Callable[[Pipeline, Console], None]) -> None:
    """Do something with the steps of this installation and exit; what goes wrong is one sentence and exit code 1."""
    from lienthong.services import commands

    def work(console: Console) -> int:
        with pipeline() as steps:
            action(steps, console)
        return 0

    raise typer.Exit(commands.explained(work))


@contextmanager
def pipeline() -> Iterator[Pipeline]:
    """The steps on the warehouse of this installation, whether its services run or not."""
    from lienthong.connections import from_environment
    from lienthong.errors import NeedsPerson
    from lienthong.services import control, status
    from lienthong.services.folders import Folders
    from lienthong.settings import Settings
    from lienthong.steps import Pipeline

    folders = Folders.from_env()
    with status.warehouse_of(folders, os.environ, control.running(folders)) as found:
        if found is None:
            raise NeedsPerson("Nothing has run here yet, so there is nothing to show: `make run` runs a day.")
        warehouse = found
        yield Pipeline.of(
            Settings.from_env(), lambda name: warehouse if name == "warehouse" else from_environment(name)
        )


def actor(by: str) -> str:
    """Who acts: the name given, else the account's; an account without a name is asked for one."""
    from lienthong.errors import NeedsPerson

    try:
        name = by.strip() or getpass.getuser()
    except (OSError, KeyError):
        name = ""
    if not name:
        raise NeedsPerson("Your account has no name here; say who you are with --by.")
    return name


def print_rows(
    console: Console, rows: Sequence[Mapping[str, Any]], columns: Iterable[str], nothing: str, *, as_json: bool = False
) -> None:
    """Rows as a table of the columns that say something, or as JSON for programs."""
    from rich.table import Table
    from rich.text import Text

    if as_json:
        print_json(rows)
        return
    if not rows:
        console.print(nothing, highlight=False)
        return
    wanted = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
    table = Table(*(_title(name) for name in wanted))
    for row in rows:
        table.add_row(*(Text(shown(row[name])) for name in wanted))
    console.print(table)


def print_json(found: Any) -> None:
    """Whatever it is, for programs."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n")


def shown(value: Any) -> str:
    """One cell: local time, words for truth, counts per rule, and any text made inert."""
    from lienthong.alerts.letter import showable
    from lienthong.batches import LOCAL

    if isinstance(value, datetime):
        return f"{value.astimezone(LOCAL):%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        rules: Mapping[str, int] = value.get("rules") or {}
        parts = [f"{rule} {count}" for rule, count in rules.items()] or [showable(str(value.get("reason") or ""), 200)]
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else showable(str(value), 200)


TITLES = {
    "record_key": "key", "window_start": "window", "first_seen": "since", "from_state": "from", "to_state": "to",
    "granted_by": "by", "valid_until": "until", "revoked_by": "taken back by",
}  # fmt: skip


def _title(name: str) -> str:
    return TITLES.get(name, name.removesuffix("_id").removesuffix("_at").replace("_", " "))
