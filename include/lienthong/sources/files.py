"""Drops of files: taken as they lie there, content by content, then read as text. Nothing is guessed silently.

``extra`` of the connection:

    path             the folder, or a URL of a store that fsspec reaches (``s3://``, ``sftp://``, ...)
    pattern          name of the file; ``{dataset}`` and ``{day}`` are filled in. Its ending says how it is read:
                     ``.csv``, ``.txt`` and ``.tsv``, ``.xlsx``, ``.zip`` with one such file in it
    encoding         utf-8, utf-16, windows-1258, tcvn3 or vni, where the evidence does not decide
    delimiter        of CSV, where the header does not tell
    sheet            of a workbook, where it is not the first
    member           pattern of the file inside a ZIP, where it holds several
    settle_seconds   how long a file must have lain untouched, where units write slowly into its final name
    storage_options  arguments of fsspec's file system
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.settings import Settings
from lienthong.sources import delimited, encodings, fonts, workbook
from lienthong.sources.archive import member
from lienthong.sources.failures import NoSpace, NotThere, Unreachable, Unreadable, Unsettled
from lienthong.sources.intake import Intake
from lienthong.sources.locations import location_of
from lienthong.sources.shapes import Shape
from lienthong.sources.text import BATCH, as_text, require_columns

log = logging.getLogger("lienthong")

_OLD = {
    ".xls": "là Excel kiểu cũ (.xls). Mở tệp, chọn «Lưu thành» dạng .xlsx rồi nộp lại.",
    ".xlsm": "là bảng tính có macro. Lưu lại ở dạng .xlsx không macro rồi nộp lại.",
    ".xlsb": "là bảng tính nhị phân (.xlsb). Lưu lại ở dạng .xlsx rồi nộp lại.",
    ".ods": "là bảng tính OpenDocument (.ods). Lưu lại ở dạng .xlsx rồi nộp lại.",
}
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"


class FileSource:
    """A place into which a unit drops one file a dataset and day."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.place = location_of(connection)
        given = connection.extra
        self.pattern = str(given.get("pattern", "{dataset}_{day}.csv"))
        self.settle = float(given.get("settle_seconds", 0))
        self.encoding: str | None = given.get("encoding")
        self.delimiter: str | None = given.get("delimiter")
        self.sheet: str | None = given.get("sheet")
        self.member: str | None = given.get("member")
        path = PurePosixPath(self.pattern)
        if path.is_absolute() or ".." in path.parts or "\\" in self.pattern:
            raise self._mistaken("pattern", "a name below extra.path")
        if self.encoding is not None and self.encoding not in encodings.KNOWN:
            raise self._mistaken("encoding", ", ".join(encodings.KNOWN))
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise self._mistaken("delimiter", "one character")

    def _mistaken(self, option: str, expected: str) -> NeedsPerson:
        return NeedsPerson(
            f"Connection {self.connection.name!r}: extra.{option} must be {expected}. "
            "Whoever keeps the connections can mend it."
        )

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Give every row of the window's file; what a unit drops for a day is that day's, whatever its rows say."""
        name = self._filled(self.pattern, contract, window)
        where = f"{contract.dataset}, {self.connection.name}"
        try:
            with self._taken(name) as file, self._table(file, name, contract, window) as table:
                yield from self._rows(table, contract)
        except NotThere:
            raise SourceDown(f"{where}: đơn vị chưa nộp tệp {name}.") from None
        except Unreachable as error:
            raise SourceDown(
                f"{where}: nơi chứa tệp không trả lời ({error}). Kiểm tra kho tệp và đường truyền."
            ) from None
        except Unsettled:
            raise SourceDown(
                f"{where}: tệp {name} đang được ghi, hoặc vừa bị thay trong lúc đọc; lần chạy sau sẽ đọc lại."
            ) from None
        except NoSpace:
            raise SourceDown(f"{where}: kho tiếp nhận tệp của tỉnh hết chỗ; quản trị viên hệ thống dọn chỗ.") from None
        except Unreadable as error:
            raise SourceChanged(f"{where}: không đọc được tệp {name}: {error}") from None

    def _filled(self, pattern: str, contract: Contract, window: Window) -> str:
        return pattern.replace("{dataset}", contract.dataset).replace("{day}", str(window))

    @contextmanager
    def _taken(self, name: str) -> Iterator[BinaryIO]:
        intake = Intake(Settings.from_env().var)
        with intake.take(self.place, name, self.connection.name, self.settle) as taken:
            log.info("%s: %s taken, %s bytes, sha256 %s", self.connection.name, name, taken.size, taken.sha256)
            yield taken.file

    @contextmanager
    def _table(
        self, file: BinaryIO, name: str, contract: Contract, window: Window
    ) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Header and rows of the file, by its ending."""
        ending = PurePosixPath(name).suffix.lower()
        if ending == ".zip":
            inside = self._filled(self.member, contract, window) if self.member else None
            with member(file, inside) as (ending, unpacked):
                yield self._opened(unpacked, ending, contract)
        else:
            yield self._opened(file, ending, contract)

    def _opened(self, file: BinaryIO, ending: str, contract: Contract) -> Iterator[tuple[Any, ...]]:
        if ending in _OLD:
            raise Unreadable(_OLD[ending])
        file.seek(0)
        head = file.read(8)
        if head == _OLE:
            raise Unreadable(
                "là Excel kiểu cũ (.xls) hoặc có mật khẩu. Lưu lại ở dạng .xlsx không mật khẩu rồi nộp lại."
            )
        if ending == ".xlsx":
            return self._fonts(workbook.table(file, contract.names, self.sheet))
        if head.startswith(_ZIP):
            raise Unreadable(
                "tên là tệp văn bản mà nội dung là Excel hoặc tệp nén. Lưu lại ở dạng «CSV UTF-8» rồi nộp lại."
            )
        known = encodings.encoding_of(file, self.encoding)
        if known.font or known.codec == "cp1258":
            log.info("%s: the text is read as %s", self.connection.name, known.name)
        delimiter = self.delimiter or ("\t" if ending == ".tsv" else None)
        return delimited.table(file, known, contract.names, delimiter)

    def _fonts(self, table: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """The cells of a workbook in Unicode; the first rows show whether they were typed in a legacy font."""
        first = list(islice(table, BATCH))
        font = self.encoding or encodings.font_of(_words(first))
        if font is None or font not in fonts.FONTS:
            yield from first
            yield from table
            return
        log.info("%s: the text is read as %s", self.connection.name, font)
        convert = fonts.FONTS[font]
        for rows in (first, table):
            for row in rows:
                yield tuple(convert(cell) if isinstance(cell, str) else cell for cell in row)

    def _rows(self, table: Iterator[tuple[Any, ...]], contract: Contract) -> Iterator[list[tuple[str | None, ...]]]:
        header = ["" if name is None else str(name).strip() for name in next(table)]
        require_columns(contract, self.connection.name, Shape.header(header))
        places = [_only(header, name) for name in contract.names]
        while rows := list(islice(table, BATCH)):
            yield [tuple(as_text(row[place]) for place in places) for row in rows]


def _only(header: Sequence[str], name: str) -> int:
    if header.count(name) > 1:
        raise Unreadable(f"cột {name} đứng hai lần. Xóa cột thừa rồi nộp lại.")
    return header.index(name)


def _words(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    for row in rows:
        for cell in row:
            if isinstance(cell, str) and not cell.isascii():
                yield from encodings.words_of(cell)
