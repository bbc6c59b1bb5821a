"""Under root, PostgreSQL runs as an account without rights; under anybody else, as that person.

PostgreSQL refuses to be root. No user is made and no folder is opened for others: an account that exists anyway
(``LIENTHONG_POSTGRES_USER``, the owner of the data, the owner of ``var/``, ``nobody``; the first that fits) gets the
data folder. When a folder on the way is closed to it, as ``/root`` is, the process keeps one right of root,
CAP_DAC_OVERRIDE, which lets it pass. Only where the kernel has no such right, the folders on the way are opened for
passing through (``chmod o+x``), and that is said.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lienthong.errors import NeedsPerson

PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """Who a child process becomes before it runs its program."""

    name: str
    uid: int
    gid: int
    passes: bool
    """Keep CAP_DAC_OVERRIDE, to pass through folders that are closed to this account."""

    def enter(self) -> None:
        """Become this account for good. For the moment between fork and exec."""
        os.setgroups([])
        os.setgid(self.gid)
        if not self.passes:
            os.setuid(self.uid)
            return
        _call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setuid(self.uid)
        _hold(1 << CAP_DAC_OVERRIDE)
        _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)

    def own(self, folder: Path) -> None:
        """Give a folder (not what is in it) to this account."""
        os.chown(folder, self.uid, self.gid)


def choose(env: Mapping[str, str], data: Path, var: Path, programs: Path) -> tuple[Account | None, tuple[str, ...]]:
    """The account for PostgreSQL and what to tell the person at the terminal; no account unless we are root."""
    if os.geteuid() != 0:
        _refuse_foreign(data)
        return None, ()
    entry = _entry(env, data, var)
    closed = [*_closed(entry, data.parent), *_closed(entry, programs)]
    if not closed:
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, passes=False), ()
    if _may_override():
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, passes=True), ()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, passes=False), (_open(closed, entry.pw_name),)


def _refuse_foreign(data: Path) -> None:
    if data.exists() and data.stat().st_uid != os.geteuid():
        owner = data.stat().st_uid
        raise NeedsPerson(
            f"{data} belongs to another account (number {owner}), so PostgreSQL cannot use it. "
            "Run as that account (or root), or delete the folder var/ to start afresh."
        )


def _entry(env: Mapping[str, str], data: Path, var: Path) -> pwd.struct_passwd:
    wanted = env.get("LIENTHONG_POSTGRES_USER")
    if wanted:
        try:
            entry = pwd.getpwnam(wanted)
        except KeyError:
            raise NeedsPerson(f"LIENTHONG_POSTGRES_USER={wanted}: this machine has no such account.") from None
        if entry.pw_uid == 0:
            raise NeedsPerson("LIENTHONG_POSTGRES_USER may not be root: PostgreSQL refuses to run as root.")
        return entry
    for place in (data, var, var.parent):
        if place.exists() and place.stat().st_uid != 0:
            try:
                return pwd.getpwuid(place.stat().st_uid)
            except KeyError:
                continue
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise NeedsPerson(
            "PostgreSQL refuses to run as root, and this machine has no account 'nobody'. Name another one in "
            "LIENTHONG_POSTGRES_USER, or run as an ordinary user."
        ) from None


def _closed(entry: pwd.struct_passwd, place: Path) -> list[Path]:
    """Folders from the root to this place that the account may not enter."""
    return [folder for folder in (*reversed(place.parents), place) if not _enters(entry, folder)]


def _enters(entry: pwd.struct_passwd, folder: Path) -> bool:
    found = folder.stat()
    if found.st_uid == entry.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == entry.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _open(folders: Iterable[Path], name: str) -> str:
    opened = list(dict.fromkeys(folders))
    for folder in opened:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    names = ", ".join(str(folder) for folder in opened)
    return f"PostgreSQL runs as {name}, which could not enter {names}: opened for passing through (chmod o+x)."


def _may_override() -> bool:
    """Whether this process may hand CAP_DAC_OVERRIDE on to a child."""
    if _libc is None:
        return False
    held = {
        key: int(value, 16)
        for key, _, value in (line.partition(":") for line in Path("/proc/self/status").read_text().splitlines())
        if key in ("CapPrm", "CapBnd")
    }
    return all(held.get(key, 0) & (1 << CAP_DAC_OVERRIDE) for key in ("CapPrm", "CapBnd"))


def _hold(mask: int) -> None:
    """Set the effective, permitted and inheritable rights of this process to exactly this mask."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _call("capset", header, data)


def _call(name: str, *arguments: object) -> None:
    if _libc is None:
        raise OSError(f"{name} exists on Linux only")
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
