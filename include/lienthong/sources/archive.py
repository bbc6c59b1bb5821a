"""ZIP files from outside: names, kinds and sizes are checked before anything is unpacked, sizes also while it is."""

from __future__ import annotations

import fnmatch
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from lienthong.sources.failures import NoSpace, Unreadable

CHUNK = 1 << 18
MOST_ENTRIES = 2_000
LARGEST_CONTENT = 1 << 30
MOST_GROWTH = 100  # times the size of the archive, from 1 MB on
_NESTED = (".zip", ".7z", ".rar", ".gz", ".tar", ".bz2", ".xz")
_BOMB = "bung ra quá lớn. Nộp lại dưới dạng CSV."
_DAMAGED = "tệp nén bị hỏng hoặc đang ghi dở. Nộp lại tệp hoàn chỉnh."


@contextmanager
def open_archive(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """A ZIP whose entries are harmless by name, kind and declared size; ``Unreadable`` otherwise.

    Python's reader never gives more of an entry than its declared size and checks its sum, so the declared sizes
    bound what comes out."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            _check(archive.infolist(), size)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError, ValueError):
        raise Unreadable(_DAMAGED) from None


def _check(items: list[zipfile.ZipInfo], size: int) -> None:
    if len(items) > MOST_ENTRIES or sum(item.file_size for item in items) > min(
        LARGEST_CONTENT, MOST_GROWTH * max(size, 1_000_000)
    ):
        raise Unreadable(_BOMB)
    names = [item.filename for item in items]
    if len(set(names)) != len(names):
        raise Unreadable("có hai mục cùng tên. Nén lại rồi nộp lại.")
    for item in items:
        if item.flag_bits & 1:
            raise Unreadable("có mật khẩu. Nộp lại tệp không đặt mật khẩu.")
        if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable("nén theo cách không dùng được. Nén lại kiểu ZIP thông thường.")
        if _strays(item):
            raise Unreadable("có đường dẫn hoặc liên kết trỏ ra ngoài. Nén lại chỉ các tệp cần nộp.")


def _strays(item: zipfile.ZipInfo) -> bool:
    """Whether an entry is a link, or its name leads out of where it would be unpacked."""
    name = item.orig_filename
    path = PurePosixPath(name)
    odd = "\\" in name or "\x00" in name or (len(name) > 1 and name[1] == ":")
    return odd or path.is_absolute() or ".." in path.parts or stat.S_ISLNK(item.external_attr >> 16)


def bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The content in pieces; what comes out is counted whatever the archive declared."""
    total = 0
    while chunk := file.read(CHUNK):
        total += len(chunk)
        if total > LARGEST_CONTENT:
            raise Unreadable(_BOMB)
        yield chunk


@contextmanager
def member(file: BinaryIO, pattern: str | None) -> Iterator[tuple[str, BinaryIO]]:
    """The one file of a ZIP that fits the pattern (any, without one), unpacked where nobody else sees it.

    Gives its ending in small letters and the open file. No archive inside an archive is opened."""
    with open_archive(file) as archive:
        items = [item for item in archive.infolist() if not item.is_dir()]
        if pattern:
            items = [item for item in items if fnmatch.fnmatchcase(PurePosixPath(item.filename).name, pattern)]
        if len(items) != 1:
            wanted = f" theo mẫu {pattern}" if pattern else ""
            raise Unreadable(f"tệp nén có {len(items)} tệp{wanted}, cần đúng một. Nén lại rồi nộp lại.")
        ending = PurePosixPath(items[0].filename).suffix.lower()
        if ending in _NESTED:
            raise Unreadable("trong tệp nén lại có tệp nén. Nén lại một lần rồi nộp lại.")
        with archive.open(items[0]) as inside, tempfile.TemporaryFile() as copy:
            for chunk in bounded(inside):
                try:
                    copy.write(chunk)
                except OSError:
                    raise NoSpace from None
            copy.seek(0)
            yield ending, cast(BinaryIO, copy)
