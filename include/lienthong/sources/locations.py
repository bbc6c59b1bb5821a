"""Where files lie: a folder of this machine, or any store that fsspec reaches. Opened once, and looked at twice."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sources.failures import Failure, NotThere, Unreachable, Unreadable

PROTOCOLS = ("file", "memory", "s3", "gs", "abfs", "webhdfs", "hdfs", "sftp", "smb")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is open for reading. ``state`` changes whenever its content may have changed."""

    file: BinaryIO
    size: int
    modified: float | None
    state: Callable[[], object]


class Location(Protocol):
    """A place that holds files by name."""

    def open(self, name: str) -> Any:
        """A context manager with the ``Opened`` file; raises ``NotThere`` or ``Unreachable``."""
        ...


def location_of(connection: Connection) -> Location:
    """The folder or store that ``extra.path`` names, as a path or as a URL."""
    path = str(connection.extra.get("path") or "")
    if not path:
        raise NeedsPerson(f"Connection {connection.name!r} needs extra.path, the folder of its files.")
    protocol, mark, _ = path.partition("://")
    if not mark:
        return Folder(Path(path))
    if protocol not in PROTOCOLS or "::" in path:
        raise NeedsPerson(
            f"Connection {connection.name!r}: extra.path must be a folder or a URL of {', '.join(PROTOCOLS)}; "
            "it is another one. Whoever keeps the connections can mend it."
        )
    if protocol == "file":
        return Folder(Path(unquote(urlsplit(path).path)))
    return Store(connection, path.rstrip("/"))


class Folder:
    """A folder of this machine. No symbolic link below it is followed, and nothing but a plain file is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def open(self, name: str) -> Iterator[Opened]:
        """The file as it lies there now; ``state`` compares what the name means with what is open."""
        parts = name.split("/")
        opened: list[int] = []
        try:
            opened.append(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            for part in parts[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                opened.append(os.open(part, flags, dir_fd=opened[-1]))
            folder = opened[-1]
            # Without O_NONBLOCK a pipe with nobody at its other end would hold the worker for ever.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            opened.append(os.open(parts[-1], flags, dir_fd=folder))
            found = os.fstat(opened[-1])
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable("không phải là tệp thông thường. Nộp lại chính tệp đó.")
            with os.fdopen(opened.pop(), "rb", buffering=0) as file:
                yield Opened(
                    file,
                    found.st_size,
                    found.st_mtime,
                    lambda: (_identity(os.fstat(file.fileno())), _named(folder, parts[-1])),
                )
        except OSError as error:
            raise _told(error) from None
        finally:
            for number in opened:
                os.close(number)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _named(folder: int, name: str) -> tuple[int, ...] | None:
    try:
        return _identity(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None


def _told(error: OSError) -> Exception:
    if error.errno == errno.ENOENT:
        return NotThere()
    if error.errno in (errno.ELOOP, errno.ENOTDIR):  # the second, where a folder on the way is a link
        return Unreadable("là một liên kết, hoặc nằm sau một liên kết. Nộp lại chính tệp đó.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreadable("không có quyền đọc. Đơn vị cấp quyền đọc tệp cho hệ thống của tỉnh.")
    return Unreachable(type(error).__name__)


class Store:
    """An object store or file server behind fsspec; ``extra.storage_options`` are the arguments of its file system."""

    def __init__(self, connection: Connection, base: str) -> None:
        self.connection = connection
        self.base = base

    @contextmanager
    def open(self, name: str) -> Iterator[Opened]:
        """The object as it is now; ``state`` asks the store again."""
        files, base = self._files()
        path = f"{base}/{name}"
        try:
            files.invalidate_cache()
            info = files.info(path)
            if info.get("type") != "file":
                raise NotThere
            with files.open(path, "rb") as file:
                yield Opened(file, int(info["size"]), _modified(info), lambda: self._state(files, path))
        except Failure:
            raise
        except FileNotFoundError:
            raise NotThere from None
        except Exception as error:  # each store's library has errors of its own, with addresses in their words
            raise Unreachable(type(error).__name__) from None

    def _files(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # it carries no types

        known = self.connection
        options: dict[str, Any] = dict(known.extra.get("storage_options") or {})
        if self.base.startswith("s3://") and known.login:
            options = {"key": known.login, "secret": known.password, **options}
        try:
            files, base = url_to_fs(self.base, **options)
        except ImportError:
            raise NeedsPerson(
                f"Connection {known.name!r}: the library for {self.base.partition(':')[0]}:// is not installed. "
                "An administrator of this installation can add it."
            ) from None
        return files, base

    @staticmethod
    def _state(files: Any, path: str) -> object:
        files.invalidate_cache()
        try:
            return str(files.info(path))
        except FileNotFoundError:
            return None


def _modified(info: dict[str, Any]) -> float | None:
    for name in ("mtime", "LastModified", "last_modified", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return None
