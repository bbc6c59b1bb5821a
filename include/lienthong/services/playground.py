"""The sandboxed province of this installation, with the procedures of the portal that it will report to.

A province can only use procedures that its portal knows. When the portal is somebody else's, its catalogue is pulled
once and kept; a portal that offers too few to play with gets the shipped catalogue, and that is said.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lienthong.connections import Connection, from_environment
from lienthong.errors import LienThongError, NeedsPerson
from lienthong.services.airflow import PORTAL, foreign
from lienthong.services.folders import Folders
from lienthong.services.keys import write_private
from lienthong.services.postgres import Server

if TYPE_CHECKING:
    from lienthong.mapi.client import Mapi
    from lienthong.sandbox.dossiers import Habits
    from lienthong.sandbox.province import Province
    from lienthong.warehouse import Warehouse

DEPARTMENT = "SANDBOX_DEPARTMENT_URL"
"""Variable with the address of the sandboxed department's REST service."""
VOLUME = "LIENTHONG_SANDBOX_VOLUME"
"""Variable with the share of the real volume of dossiers that the province has; 1 when it is not set."""
FEWEST = 20
MOST = 400
"""Procedures pulled from a foreign portal: enough for a lively province, not the thousands of the nation."""
SHIPPED = "the shipped catalogue of procedures"


@dataclass(frozen=True, slots=True)
class Playground:
    """The province and where its procedures come from."""

    province: Province
    notice: str


def playground(folders: Folders, env: Mapping[str, str] | None = None) -> Playground:
    """The province of this installation; asks a foreign portal for its procedures the first time."""
    from lienthong.sandbox.province import DEPARTMENT_URL, Province

    values = os.environ if env is None else env
    catalogue, notice = _catalogue(folders, values)
    database = Server.at(folders).connection("sandbox")
    url = values.get(DEPARTMENT, DEPARTMENT_URL)
    habits = _habits(values.get(VOLUME, "1"))
    province = Province(folders.var, database, habits=habits, catalogue=catalogue, department_url=url)
    return Playground(province, notice)


def _habits(share: str) -> Habits:
    from lienthong.sandbox.dossiers import Habits

    try:
        volume = float(share)
    except ValueError:
        volume = 0.0
    if not 0 < volume <= 1:
        raise NeedsPerson(f"{VOLUME} must be a number above 0 and at most 1; it is {share!r}.")
    usual = Habits()
    return replace(usual, monthly={month: round(count * volume) for month, count in usual.monthly.items()})


def department_file(folders: Folders) -> Path:
    """The database behind the REST service, found without making a province."""
    from lienthong.sandbox.units import units

    slug = next(unit.slug for unit in units() if unit.store == "rest")
    return folders.sandbox / "sqlite" / f"{slug}.sqlite"


def department_key(folders: Folders) -> str:
    """The key of the REST service; made once."""
    if not folders.department_key.exists():
        write_private(folders.department_key, secrets.token_urlsafe(24))
    return folders.department_key.read_text(encoding="utf-8").strip()


def introduce(warehouse: Warehouse, folders: Folders) -> None:
    """Give a warehouse without contacts those of the sandboxed province, through the import that a province uses."""
    from lienthong.alerts.contacts import contacts, import_contacts, read_contacts
    from lienthong.sandbox.contacts import contacts as listed

    path = folders.sandbox / "contacts.csv"
    with warehouse.session() as session:
        if not contacts(session):
            path.write_text(listed(), encoding="utf-8")
            import_contacts(session, read_contacts(path))


def _catalogue(folders: Folders, env: Mapping[str, str]) -> tuple[Path | None, str]:
    if not foreign(env, PORTAL):
        return None, f"The province uses {SHIPPED}."
    connection = from_environment("national_portal", env)
    known = _kept(folders.catalogue, connection)
    if known is None:
        known = _pull(connection)
        _keep(folders.catalogue, connection, known)
    if len(known) < FEWEST:
        return None, (
            f"{connection.base_url} offers {len(known)} usable procedures, fewer than {FEWEST}: the province uses "
            f"{SHIPPED}, and the portal may refuse some of its dossiers."
        )
    return folders.catalogue, f"The province uses {len(known)} procedures of {connection.base_url}."


def _kept(path: Path, connection: Connection) -> list[dict[str, Any]] | None:
    """What was pulled earlier from this very portal."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return list(content["procedures"]) if content["portal"] == connection.base_url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, connection: Connection, procedures: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps({"portal": connection.base_url, "procedures": procedures}, ensure_ascii=False))


def _pull(connection: Connection) -> list[dict[str, Any]]:
    from lienthong.mapi.catalogue import Catalogue
    from lienthong.mapi.client import Mapi

    client = Mapi(connection)
    try:
        catalogue = Catalogue(client)
        codes = [str(row["MATTHC"]) for row in catalogue.procedures()]
        with ThreadPoolExecutor(client.options.pull_in_flight) as pool:
            return usable(pool.map(lambda code: _procedure(client, code), _sample(codes)))
    finally:
        client.close()


def _procedure(client: Mapi, code: str) -> dict[str, Any] | None:
    from lienthong.mapi.catalogue import Catalogue

    try:
        return Catalogue(client).procedure(code)
    except LienThongError:
        # One procedure that the portal cannot show is one procedure less to play with.
        return None


def _sample(codes: list[str]) -> list[str]:
    """At most ``MOST`` codes, spread evenly over the list."""
    step = max(1, -(-len(codes) // MOST))
    return codes[::step]


def usable(entries: Iterable[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """The procedures that the province's generator can read."""
    from lienthong.sandbox.procedures import load

    good = []
    for entry in entries:
        if entry is None:
            continue
        try:
            load([entry])
        except (LienThongError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            continue
        good.append(entry)
    return good
