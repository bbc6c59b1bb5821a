"""``lienthong alerts``, ``contacts`` and ``watch``: what is wrong, who is told, and a look from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import Json, act, actor, print_json, print_rows, shown

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.connections import Lookup
    from lienthong.steps import Pipeline

alerts = typer.Typer(help="What is wrong and who was told.", no_args_is_help=True)
contacts = typer.Typer(help="Whom the letters go to.", no_args_is_help=True)

Problem = Annotated[int, typer.Argument(help="Number of the problem, as in the letter.")]
Unit = Annotated[str, typer.Option("--unit", help="Code of the unit; without it: the province's data team.")]
Email = Annotated[str, typer.Option("--email", help="A mailbox.")]
Apprise = Annotated[str, typer.Option("--apprise", help="Name of the connection of a chat channel.")]


@alerts.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also what is mended, or was sent.")] = False,
    letters: Annotated[bool, typer.Option("--letters", help="Letters that wait or were refused instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the problems that are open, or the letters that did not leave."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts import desk

        with pipeline.warehouse.session() as session:
            find = desk.letters if letters else desk.listed
            rows = find(session, everything=everything)
        columns, nothing = (WAITING_COLUMNS, "No letter waits.") if letters else (PROBLEM_COLUMNS, "Nothing is wrong.")
        print_rows(console, rows, columns, nothing, as_json=as_json)

    act(show)


@alerts.command()
def show(problem: Problem, as_json: Json = False) -> None:
    """Show one problem and the letters that tell of it."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts import desk

        with pipeline.warehouse.session() as session:
            found = desk.shown(session, problem)
        if as_json:
            print_json(found)
            return
        for name in (*PROBLEM_COLUMNS, "acknowledgement", "details"):
            console.print(f"{name.replace('_', ' ')}: {shown(found[name])}", highlight=False, markup=False)
        print_rows(console, found["letters"], LETTER_COLUMNS, "Nobody was told yet.")

    act(tell)


@alerts.command()
def ack(
    problem: Problem,
    until: Annotated[
        datetime, typer.Option("--until", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="How long letters are to wait.")
    ],
    note: Annotated[str, typer.Option("--note", help="What is being done about it.")],
    by: Annotated[str, typer.Option("--by", help="Who pledges; your account's name when left out.")] = "",
) -> None:
    """Pledge to see to a problem: until then no letter speaks of it, but the one that says it is mended."""

    def pledge(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts import desk
        from lienthong.batches import LOCAL

        with pipeline.warehouse.session() as session:
            who, end = actor(by), until.replace(tzinfo=LOCAL)
            desk.acknowledge(session, problem, by=who, until=end, note=note)
        console.print(f"Noted: letters about problem {problem} wait until {end:%Y-%m-%d %H:%M}.", highlight=False)

    act(pledge)


@contacts.command("list")
def list_contacts(as_json: Json = False) -> None:
    """List whom letters go to."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from dataclasses import asdict

        from lienthong.alerts.contacts import contacts as all_contacts

        with pipeline.warehouse.session() as session:
            rows = [asdict(contact) for contact in all_contacts(session)]
        print_rows(console, rows, CONTACT_COLUMNS, "There is no contact: `lienthong contacts import`.", as_json=as_json)

    act(show)


@contacts.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV in UTF-8 with the columns pham_vi, don_vi, ten, kenh, dia_chi, gio_hanh_chinh.")
    ],
) -> None:
    """Make the list of contacts what a CSV file says: all of it, or nothing and every line that is wrong."""

    def take(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts.contacts import import_contacts, read_contacts

        with pipeline.warehouse.session() as session:
            changed, removed = import_contacts(session, read_contacts(file, _units(session, pipeline)))
        console.print(f"{changed} contacts added or changed, {removed} removed.", highlight=False)

    act(take)


@contacts.command("set")
def set_(
    name: Annotated[str, typer.Option("--name", help="How the letter names its reader, e.g. 'UBND xã Ea Súp'.")],
    email: Email = "",
    apprise: Apprise = "",
    unit: Unit = "",
    any_hour: Annotated[bool, typer.Option("--any-hour", help="Also at night, what cannot wait.")] = False,
    instead_of: Annotated[str, typer.Option("--instead-of", help="The address that it replaces.")] = "",
) -> None:
    """Add one contact, or change its name and hours."""

    def put(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts.contacts import Contact, remove_contact, set_contact
        from lienthong.errors import NeedsPerson

        channel, address = _address(email, apprise)
        with pipeline.warehouse.session() as session:
            known = _units(session, pipeline)
            if unit and known and unit not in known:
                raise NeedsPerson(f"Unit {unit!r} is not in the list of units; nothing was changed.")
            if instead_of and not remove_contact(session, unit, instead_of):
                raise NeedsPerson(f"{unit or 'The province'} has no contact {instead_of!r}; nothing was changed.")
            scope = "unit" if unit else "province"
            set_contact(session, Contact(scope, unit, name, channel, address, working_hours=not any_hour))
        console.print(f"Letters for {unit or 'the province'} go to {address}.", highlight=False)

    act(put)


@contacts.command()
def remove(email: Email = "", apprise: Apprise = "", unit: Unit = "") -> None:
    """Send no more letters to an address."""

    def drop(pipeline: Pipeline, console: Console) -> None:
        from lienthong.alerts.contacts import remove_contact
        from lienthong.errors import NeedsPerson

        _, address = _address(email, apprise)
        with pipeline.warehouse.session() as session:
            if not remove_contact(session, unit, address):
                raise NeedsPerson(f"{unit or 'The province'} has no contact {address!r}; nothing was changed.")
        console.print(f"No more letters for {unit or 'the province'} go to {address}.", highlight=False)

    act(drop)


def _address(email: str, apprise: str) -> tuple[str, str]:
    from lienthong.errors import NeedsPerson

    if bool(email) == bool(apprise):
        raise NeedsPerson("A contact has one address: --email with a mailbox, or --apprise with a connection's name.")
    return ("email", email) if email else ("apprise", apprise)


def watch(
    every: Annotated[int, typer.Option("--every", min=1, help="Seconds between two looks.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once; exit with 1 when something is stale.")] = False,
    pulse: Annotated[Path | None, typer.Option("--pulse", help="File that is touched after each look.")] = None,
) -> None:
    """Look from outside Airflow whether data is fresh, and write and send the letters that are due."""
    from lienthong.errors import TryAgain
    from lienthong.services import commands

    def work(console: Console) -> int:
        with commands.interruptible():
            while True:
                try:
                    stale = look(console, services_here())
                    if pulse is not None:
                        pulse.touch()
                    if once:
                        return 1 if stale else 0
                except TryAgain as error:
                    if once:
                        raise
                    console.print(str(error), highlight=False, markup=False)
                time.sleep(every)

    raise typer.Exit(commands.explained(work))


def look(console: Console, lookup: Lookup) -> int:
    """One look: note what is stale, write what is due, send it; gives the number of stale sources.

    While the mail server does not answer this says so; the next look does the rest."""
    from lienthong.alerts.tick import tick
    from lienthong.settings import Settings
    from lienthong.steps import Pipeline

    steps = Pipeline.of(Settings.from_env(), lookup)
    done = tick(steps.warehouse, steps.contracts, steps.settings, lookup)
    what = "nothing is fresh" if done.platform else f"{done.stale} of {done.looked} sources are stale"
    console.print(f"{what}; {done.written} letters written, {done.sent} sent, {done.waiting} waiting", highlight=False)
    for trouble in done.troubles:
        console.print(trouble, highlight=False, markup=False)
    return done.stale


def services_here() -> Lookup:
    """The connections of the services that run here, or those of the environment."""
    from lienthong.connections import Connection, from_environment
    from lienthong.services import airflow, control, keys
    from lienthong.services.folders import Folders
    from lienthong.services.postgres import Server

    folders = Folders.from_env()
    present = control.running(folders)
    env: Mapping[str, str] = os.environ
    if present is not None:
        own = airflow.connections(os.environ, folders, present["ports"], keys.load(folders.secrets), Server.at(folders))
        env = {**os.environ, **own}

    def lookup(name: str) -> Connection:
        return from_environment(name, env)

    return lookup


def _units(session: Any, pipeline: Pipeline) -> set[str]:
    """Codes of the units that contacts may belong to; empty before the list of units was read."""
    from lienthong.alerts.readers import unit_names

    return set(unit_names(session, pipeline.warehouse.home, pipeline.contracts))


PROBLEM_COLUMNS = (
    "problem_id", "kind", "dataset", "source", "count", "since", "last_window", "told_at", "escalated_at",
    "acknowledged_by", "acknowledged_until", "closed_at",
)  # fmt: skip
LETTER_COLUMNS = ("letter_id", "kind", "told_as", "recipient", "state", "created_at", "sent_at", "reason")
WAITING_COLUMNS = (
    "letter_id", "kind", "recipient", "unit", "channel", "address", "state", "attempts", "next_attempt_at", "sent_at",
    "reason",
)  # fmt: skip
CONTACT_COLUMNS = ("scope", "unit", "name", "channel", "address", "working_hours")
