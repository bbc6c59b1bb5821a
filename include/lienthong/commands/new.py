"""``lienthong new``: a proposal from a live source, for a person to review. It replaces no file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.onboarding.inspect import Place
    from lienthong.onboarding.write import Files

app = typer.Typer(help="Begin something new.", no_args_is_help=True)

Day = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help="A day of which the source has rows; without it: yesterday."),
]


@app.callback()
def new() -> None:
    """Begin something new."""


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="Its name: the law's words without diacritics, e.g. giay_phep.")],
    connection: Annotated[str, typer.Option("--connection", help="The connection of its source.")],
    table: Annotated[str, typer.Option("--table", help="Its table, where it has another name.")] = "",
    path: Annotated[str, typer.Option("--path", help="Of files: the folder, if the connection does not say.")] = "",
    pattern: Annotated[str, typer.Option("--pattern", help="Of files: the name, with {dataset} and {day}.")] = "",
    encoding: Annotated[str, typer.Option("--encoding", help="Of files: where the evidence does not decide.")] = "",
    owner: Annotated[str, typer.Option("--owner-folder", help="Folder of the owner, e.g. so_cong_thuong.")] = "",
    reader: Annotated[str, typer.Option("--reader", help="Who reads it, e.g. platform.")] = "",
    key: Annotated[str, typer.Option("--key", help="Columns of the key with commas, if it cannot be seen.")] = "",
    columns: Annotated[str, typer.Option("--columns", help="Only these of its columns, with commas.")] = "",
    support: Annotated[str, typer.Option("--support", help="Mailbox that is told of its findings.")] = "",
    day: Day = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the files and write none.")] = False,
) -> None:
    """Look at a live source and write contract, samples and a preview of the tables, for a person to review."""
    from lienthong.services import commands

    extra = {"path": path, "pattern": pattern, "encoding": encoding}

    def work(console: Console) -> int:
        place, made = _proposed(name, connection, table, extra, owner, reader, key, columns, support, day)
        _tell(console, place, made, dry_run)
        return 0

    raise typer.Exit(commands.explained(work))


def _proposed(
    name: str, connection: str, table: str, extra: dict[str, Any], owner: str, reader: str, key: str, columns: str,
    support: str, day: datetime | None,
) -> tuple[Place, Files]:  # fmt: skip
    import re

    from lienthong.batches import LOCAL
    from lienthong.connections import from_environment
    from lienthong.contracts import load_all
    from lienthong.errors import NeedsPerson
    from lienthong.onboarding import write
    from lienthong.onboarding.inspect import NAME, look, place_of
    from lienthong.onboarding.propose import propose
    from lienthong.settings import Settings

    for given in (name, owner or "so"):
        if not NAME.fullmatch(given):
            raise NeedsPerson(f"{given!r}: expected lower-case letters, digits and _. Choose another name.")
    if support and not re.fullmatch(r"[a-z0-9.]+@[a-z.]+", support):
        raise NeedsPerson(f"--support must be one mailbox, name@domain in small letters; it is {support!r}.")
    settings = Settings.from_env()
    contracts = load_all(settings.home / "expectations")
    folder = owner or "chua_ro_don_vi"
    places = write.require_free(settings.home, settings.var, folder, name, contracts)
    place = place_of(name, connection, from_environment, reader=reader or None, table=table, extra=extra)
    names = [column for contract in contracts.values() for column in contract.names]
    wanted = day.date() if day else datetime.now(LOCAL).date() - timedelta(days=1)
    seen = look(name, place, wanted, names, _listed(columns))
    otherwise = f"can.xem.lai@{settings.mail_from.partition('@')[2]}"
    told = write.owner_of(contracts, folder, support, otherwise)
    return place, write.files(propose(name, told, seen, contracts, _listed(key)), contracts, places)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _tell(console: Console, place: Place, made: Files, dry_run: bool) -> None:
    from rich.text import Text

    def say(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    if dry_run:
        for path, text in made.contents.items():
            say(f"--- {path.parent.name}/{path.name}")
            say(text)
    else:
        made.write()
        for path in made.contents:
            say(str(path))
    contract = made.contract
    cursor = f", cursor {contract.cursor}" if contract.cursor else ""
    say(
        f"{contract.dataset}: {len(contract.columns)} columns, {len(contract.rules)} rules, "
        f"key {', '.join(contract.key)}, mode {contract.mode}{cursor}; {made.marks} places wait for a person."
    )
    for line in made.todo:
        say(f"Add to {contract.samples.name}: {line}.")
    if place.extra:
        names = ", ".join(f"extra.{name}" for name in place.extra)
        say(f"Write into connection {place.connection.name}, of type {place.connection.kind}: {names}, as given here.")
    if not dry_run:
        say("Then: lienthong check, and .venv/bin/python -m pytest tests/contracts.")
        say("It is a draft: nothing runs by it until a person has replaced every mark and set its status to active.")
