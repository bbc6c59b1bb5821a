"""Where everything stands, at any time. When the services are stopped, the embedded PostgreSQL is started for the
time of the question (about a second) and stopped again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from lienthong import report, screen
from lienthong.connections import Connection, parse
from lienthong.contracts import load_all
from lienthong.errors import TryAgain
from lienthong.services import airflow, board, control
from lienthong.services.folders import Folders
from lienthong.services.postgres import Server, briefly
from lienthong.warehouse import Warehouse


def collect(folders: Folders, env: Mapping[str, str]) -> dict[str, Any]:
    """The services and the ledger, ready for JSON."""
    present = control.running(folders)
    found: dict[str, Any] = {
        "running": present is not None,
        "address": present.get("address", "") if present else "",
        "mailbox": mailbox_of(present) if present else "",
        "services": present.get("services", {}) if present else {},
        "note": "",
        "datasets": {},
        "endpoints": {},
    }
    try:
        with warehouse_of(folders, env, present) as connection:
            if connection is None:
                return found | {"note": "Nothing has run here yet: `make run` runs a day."}
            return found | _ledger(Warehouse(connection, folders.home), folders)
    except TryAgain as error:
        # While the services start, they can be shown although the ledger cannot be read.
        if present is None:
            raise
        return found | {"note": str(error)}


@contextmanager
def warehouse_of(
    folders: Folders, env: Mapping[str, str], present: Mapping[str, Any] | None
) -> Iterator[Connection | None]:
    """The way to the warehouse of this installation, whether its services run or not; None before the first start."""
    if airflow.foreign(env, airflow.WAREHOUSE):
        yield parse("warehouse", env[airflow.WAREHOUSE])
    elif present is not None:
        yield Server.at(folders).connection("warehouse")
    elif not (folders.var / "postgres").exists():
        yield None
    else:
        with board.held(folders, patience=30), briefly(folders) as server:
            yield server.connection("warehouse")


def _ledger(warehouse: Warehouse, folders: Folders) -> dict[str, Any]:
    with warehouse.session() as session:
        row = session.execute("SELECT to_regclass('ops.runs') IS NOT NULL AS there").fetchone()
        if row is None or not row["there"]:
            return {"note": "The warehouse is empty: `make run` runs a day."}
        return report.collect(session, load_all(folders.home / "expectations"))


def mailbox_of(present: Mapping[str, Any]) -> str:
    """Where the sandbox's mail is read, from what the supervisor says; empty when the mail server is the caller's."""
    return airflow.mailbox_address(present["ports"]) if "mailbox" in present.get("services", {}) else ""


def show(found: Mapping[str, Any], console: Console) -> None:
    """The same for a person."""
    if found["running"]:
        states = ", ".join(f"{name} {entry['state']}" for name, entry in found["services"].items())
        console.print(f"Services: {found['address']} ({states})", highlight=False, soft_wrap=True)
        if found["mailbox"]:
            console.print(f"Mail: {found['mailbox']}", highlight=False, soft_wrap=True)
    else:
        console.print("Services: stopped (`make up` starts them).", highlight=False)
    if found["note"]:
        console.print(found["note"], highlight=False)
    if found["datasets"]:
        console.print(screen.render(dict(found), directions=True))
