"""What a unit dropped is copied once, under the hash of its content, before anything looks into it.

A file that changes while it is copied is not taken. ``<var>/intake/<sha256>`` stays, readable by its owner only, so
that what was judged can be shown later; ``<var>/intake/taken.jsonl`` says what was taken from whom. ``forget`` removes
what nobody has dropped again for long; a name that begins with a dot is a copy that was cut short.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from lienthong.sources.failures import NoSpace, Unreadable, Unsettled
from lienthong.sources.locations import Location, Opened

log = logging.getLogger("lienthong")

LARGEST_FILE = 512 * 1024 * 1024
CHUNK = 1 << 20
LIST = "taken.jsonl"
CUT_SHORT = 1.0
"""Days after which a copy that never got its name is rubbish."""
_NOT_OURS_TO_WRITE = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Taken:
    """A copy of one file, open at its beginning, with the hash of its content."""

    file: BinaryIO
    sha256: str
    size: int


class Intake:
    """The store of the files that were taken, below ``var``."""

    def __init__(self, var: Path) -> None:
        self.folder = var / "intake"

    @contextmanager
    def take(self, place: Location, name: str, owner: str, settle: float = 0.0) -> Iterator[Taken]:
        """Copy the file while hashing it, and open the copy. ``owner`` says whose it is in the list of what was taken.

        ``settle``: seconds that the file must have lain untouched. Raises ``NotThere`` and ``Unreachable`` of the
        location, ``Unsettled``, ``NoSpace``, and ``Unreadable`` for what is empty or larger than 512 MB."""
        with self._room() as (copy, path):
            with place.open(name) as opened:
                _refuse_at_sight(opened, settle)
                digest, size = _copy(opened, copy)
            if size == 0:
                raise Unreadable("tệp rỗng (0 byte). Xuất lại rồi nộp; ngày không có hồ sơ thì vẫn có dòng tiêu đề.")
            if path:
                entry: dict[str, object] = {
                    "sha256": digest,
                    "size": size,
                    "name": name,
                    "source": owner,
                    "at": int(time.time()),
                }
                self._keep(copy, path, entry)
            copy.seek(0)
            yield Taken(copy, digest, size)

    def forget(self, days: float) -> int:
        """Remove the content that was last taken more than so many days ago, and copies that were cut short; gives
        how many files went. The list of what was taken stays: it holds names and hashes only."""
        if not self.folder.is_dir():
            return 0
        now, gone = time.time(), 0
        for path in self.folder.iterdir():
            oldest = CUT_SHORT if path.name.startswith(".") else days
            if path.name != LIST and now - path.stat().st_mtime > oldest * 86_400:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    @contextmanager
    def _room(self) -> Iterator[tuple[BinaryIO, Path | None]]:
        """A new file in the store and its path; where the store may not be written, one that nobody else sees."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            number, name = tempfile.mkstemp(prefix=".", dir=self.folder)
        except OSError as error:
            if error.errno not in _NOT_OURS_TO_WRITE:
                raise NoSpace from None
            log.warning("intake: %s cannot be written, so no copy of what is read is kept", self.folder)
            with tempfile.TemporaryFile() as hidden:
                yield cast(BinaryIO, hidden), None
            return
        try:
            with os.fdopen(number, "w+b") as file:
                yield file, Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _keep(self, copy: BinaryIO, path: Path, entry: dict[str, object]) -> None:
        """Give the copy its name, once its content is safe; the same content again is the same file, newer."""
        try:
            copy.flush()
            os.fsync(copy.fileno())
            path.replace(self.folder / str(entry["sha256"]))
            self._note(entry)
        except OSError:
            raise NoSpace from None

    def _note(self, entry: dict[str, object]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        number = os.open(self.folder / LIST, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(number, line.encode())
        finally:
            os.close(number)


def _refuse_at_sight(opened: Opened, settle: float) -> None:
    if opened.size > LARGEST_FILE:
        raise Unreadable("lớn hơn 512 MB. Chia nhỏ tệp, hoặc liên hệ nhóm dữ liệu của tỉnh.")
    if settle and opened.modified is not None and time.time() - opened.modified < settle:
        raise Unsettled


def _copy(opened: Opened, copy: BinaryIO) -> tuple[str, int]:
    """Hash and size of what was copied; the file must be the same before and after, by name and by content."""
    before = opened.state()
    digest, size = hashlib.sha256(), 0
    while chunk := opened.file.read(CHUNK):
        size += len(chunk)
        if size > opened.size:
            raise Unsettled
        digest.update(chunk)
        try:
            copy.write(chunk)
        except OSError:
            raise NoSpace from None
    if size != opened.size or opened.state() != before:
        raise Unsettled
    return digest.hexdigest(), size
