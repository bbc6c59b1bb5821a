"""What ``make run``, ``make up``, ``make down`` and ``lienthong status`` do; each gives the exit code."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.text import Text

from lienthong.errors import ContractError, LienThongError
from lienthong.services import control
from lienthong.services.folders import Folders

if TYPE_CHECKING:
    from lienthong.contracts import Contract

INTERRUPTED = 130
ATTACHED_PAUSE = 1.0


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; like ``KeyboardInterrupt`` it is nobody's to catch on the way."""


def explained(action: Callable[[Console], int]) -> int:
    """Do something; what goes wrong becomes one sentence and an exit code."""
    try:
        return action(_console())
    except Interrupted:
        Console(stderr=True).print("Interrupted; what was started here is stopped.")
        return INTERRUPTED
    except LienThongError as error:
        _failed(str(error))
        return 1


def _console() -> Console:
    """The terminal; wide where nobody's window limits the lines."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _failed(words: str) -> None:
    text = Text.assemble(("Failed: ", "bold red"), words)
    Console(stderr=True).print(text, soft_wrap=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C, once, so that everything that was started is stopped in peace."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def unwind(_number: int, _frame: object) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    kept = {number: signal.signal(number, unwind) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def run(day: date, console: Console) -> int:
    """One day from the sources to the receipts, with a report; what this command started it also stops."""
    from lienthong.services.journey import Journey

    with interruptible():
        return Journey(Folders.from_env(), os.environ, day, console).run()


def up(console: Console, *, detach: bool) -> int:
    """Start the services and keep them: until Ctrl-C, or with ``detach`` until ``make down``."""
    from lienthong.services.progress import Progress

    folders = Folders.from_env()
    present = control.running(folders)
    if present is not None:
        console.print("The services are already running.", highlight=False)
        _welcome(console, folders, control.wait(folders, None, lambda _: None))
        return 0
    with interruptible(), control.started(folders, tethered=not detach) as handle:
        with Progress(console) as progress:
            progress.stage("start")
            present = control.wait(folders, None, progress.services, handle)
        _welcome(console, folders, present)
        if detach:
            handle.let_go()
            console.print("They go on until `make down`.", highlight=False)
            return 0
        console.print("They stop with Ctrl-C or `make down`.", highlight=False)
        return _attend(console, folders, handle)


def _attend(console: Console, folders: Folders, handle: control.Handle) -> int:
    """Stay until the services end; tell of restarts meanwhile."""
    told: dict[str, int] = {}

    def tell(content: Mapping[str, Any]) -> None:
        for name, entry in content.get("services", {}).items():
            if entry["restarts"] > told.get(name, 0):
                told[name] = entry["restarts"]
                how = entry.get("last_exit", "an unknown end")
                console.print(f"{name} ended with {how} and is started again.", highlight=False)

    sentence = control.attend(folders, handle, tell, ATTACHED_PAUSE)
    if sentence:
        _failed(sentence)
        return 1
    console.print("The services are stopped.", highlight=False)
    return 0


def _welcome(console: Console, folders: Folders, present: Mapping[str, Any]) -> None:
    from lienthong.services.airflow import CONSOLE
    from lienthong.services.keys import USER, load
    from lienthong.services.status import mailbox_of

    for notice in present.get("notices", ()):
        console.print(notice, highlight=False)
    mailbox = mailbox_of(present)
    mail = f"Mail      {mailbox}   what the departments are told\n" if mailbox else ""
    pages = f"Console   {present['address']}{CONSOLE}/   which units are behind, and why\n"
    console.print(
        f"\nAirflow   {present['address']}   user {USER}   password {load(folders.secrets).admin}\n{pages}{mail}"
        "Run a day: `make run DAY=2025-09-30` in another terminal uses these services and leaves them running.",
        highlight=False,
        soft_wrap=True,
    )


def down(console: Console) -> int:
    """Stop the services, and sweep what a killed supervisor may have left."""
    console.print(control.stop(Folders.from_env()), highlight=False)
    return 0


def ports(console: Console) -> int:
    """Print the table of ports: default, choice, and where the services listen now."""
    from rich.table import Table

    from lienthong.services.ports import PORTS

    present = control.running(Folders.from_env()) or {}
    table = Table()
    for name in ("variable", "default", "set to", "in use", "purpose"):
        table.add_column(name)
    for port in PORTS:
        used = present.get("ports", {}).get(port.name, "")
        table.add_row(port.variable, str(port.default), os.environ.get(port.variable, ""), str(used), port.purpose)
    console.print(table)
    return 0


def status(console: Console, *, as_json: bool) -> int:
    """The services, the newest window of each dataset and each receiver, whether the services run or not."""
    from lienthong.services.status import collect, show

    found = collect(Folders.from_env(), os.environ)
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        show(found, console)
    return 0


def migrate(console: Console) -> int:
    """Apply what the warehouse lacks of ``sql/migrations`` and of the contracts' tables."""
    from lienthong.connections import from_environment
    from lienthong.settings import Settings
    from lienthong.steps import Pipeline

    applied = Pipeline.of(Settings.from_env(), from_environment).prepare()
    console.print(f"Applied: {', '.join(applied)}." if applied else "The warehouse is up to date.", highlight=False)
    return 0


def check(console: Console) -> int:
    """Read the contracts as every DAG does, the drafts too, and the samples and histories beside them; every mistake is
    one line."""
    from lienthong.contracts import TO_REVIEW, load_all, marks, samples, unreviewed
    from lienthong.settings import Settings

    folder = Settings.from_env().home / "expectations"
    mistakes: list[str] = []
    try:
        contracts = load_all(folder, drafts=True)
    except ContractError as error:
        mistakes += str(error).splitlines()
        contracts = _readable(folder)
    for contract in contracts.values():
        mistakes += [*unreviewed(contract), *samples.mistakes(contract)]
    mistakes += samples.strays(folder, contracts)
    for mistake in mistakes:
        console.print(Text(mistake), soft_wrap=True)
    if mistakes:
        few = "1 mistake." if len(mistakes) == 1 else f"{len(mistakes)} mistakes."
        raise ContractError(f"{few} Whoever wrote the contracts can mend them.")
    for contract in contracts.values():
        rejecting = sum(rule.rejects for rule in contract.rules)
        left = len(marks(contract.path.read_text(encoding="utf-8")))
        console.print(
            f"{contract.dataset}: {len(contract.columns)} columns, {len(contract.rules)} rules ({rejecting} reject)"
            + (f"; {left} places wait for a person ({TO_REVIEW})" if left else "")
            + ("; a draft, nothing runs by it until its status is active" if contract.draft else ""),
            highlight=False,
        )
    return 0


def _readable(folder: Path) -> dict[str, Contract]:
    """The contracts that can be read while others cannot, so that what stands beside them is looked at as well."""
    from lienthong.contracts import load

    found: dict[str, Contract] = {}
    for path in sorted(folder.glob("*/*.odcs.yaml")):
        with suppress(ContractError):
            contract = load(path)
            found.setdefault(contract.dataset, contract)
    return found


def province(first: date, last: date, console: Console) -> int:
    """Make the days at the sources, and tell where the connections of the units stand."""
    from lienthong.connections import from_environment
    from lienthong.sandbox.province import DEPARTMENT_URL, Province
    from lienthong.services.playground import DEPARTMENT, playground
    from lienthong.settings import Settings

    folders = Folders.from_env()
    present = control.running(folders)
    if "AIRFLOW_CONN_SANDBOX" not in os.environ and present is not None:
        address = f"http://127.0.0.1:{present['ports']['department']}"
        place = playground(folders, {**os.environ, DEPARTMENT: address}).province
    else:
        url = os.environ.get(DEPARTMENT, DEPARTMENT_URL)
        place = Province(Settings.from_env().var, from_environment("sandbox"), department_url=url)
    for made in place.make_days(first, last):
        console.print(f"{made.day}: {made.ho_so:,} dossiers, {made.tien_trinh:,} steps", highlight=False)
    place.department_key()
    console.print(f"Connections: {place.write_connections()}", highlight=False)
    return 0
