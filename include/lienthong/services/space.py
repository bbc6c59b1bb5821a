"""Nothing starts on a disk that is nearly full, and everything stops before one is."""

from __future__ import annotations

import shutil
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.services.folders import Folders

MB = 1_000_000
NEW = 1000 * MB
"""Free space to begin with: databases and their write-ahead log, Airflow's logs, one day of the province."""
AGAIN = 300 * MB
"""Free space to go on with data that exists."""
FLOOR = 100 * MB
"""Below this the services stop while PostgreSQL can still close its files."""


def check_start(folders: Folders) -> None:
    """Refuse to start without room, naming what was found."""
    needed = AGAIN if folders.postgres.exists() else NEW
    found = free(folders.var)
    if found < needed:
        raise NeedsPerson(
            f"{folders.var} needs {needed // MB} MB of free disk space, {found // MB} MB were found. "
            "Free some, or choose another disk with LIENTHONG_VAR."
        )


def check_run(folders: Folders) -> None:
    """Refuse to go on when the disk is about to be full."""
    found = free(folders.var)
    if found < FLOOR:
        raise NeedsPerson(
            f"The disk under {folders.var} is full: {found // MB} MB are left, {FLOOR // MB} MB are the least to go on "
            "with. Everything was stopped; free some space, or choose another disk with LIENTHONG_VAR, and start again."
        )


def free(folder: Path) -> int:
    """Bytes that an ordinary program may still write under this folder, which need not exist yet."""
    place = folder
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
