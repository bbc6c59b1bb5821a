"""Workbooks (.xlsx): looked through from end to end before the first cell is believed, then read row by row.

A workbook is a ZIP of XML written by somebody else. What can do something (macros, links, embedded objects, queries)
and what could grow beyond reason is refused; formulas stay text and their cached values are not trusted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO, NoReturn
from xml.parsers import expat

from lienthong.sources.archive import bounded, open_archive
from lienthong.sources.failures import Unreadable

MOST_ROWS = 1_048_576  # what Excel itself can hold
MOST_COLUMNS = 1_000
MOST_CELLS = 50_000_000
LONGEST_CELL = 32_767  # Excel's own limit
MOST_SHEETS = 100
MOST_ELEMENTS = 200_000  # of one row, one shared text, or everything else of a part
MOST_TEXT = 1 << 30
HEADER_WITHIN = 20  # rows from the top among which the header is looked for

_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_FORBIDDEN = {
    "vbaproject": "chứa macro. Lưu lại ở dạng .xlsx không macro rồi nộp lại.",
    "macrosheets/": "chứa macro. Lưu lại ở dạng .xlsx không macro rồi nộp lại.",
    "externallinks/": "có liên kết sang tệp khác. Thay liên kết bằng giá trị rồi nộp lại.",
    "connections.xml": "có kết nối tới dữ liệu ngoài. Thay bằng giá trị rồi nộp lại.",
    "querytables/": "có kết nối tới dữ liệu ngoài. Thay bằng giá trị rồi nộp lại.",
    "embeddings/": "có đối tượng nhúng. Xóa đối tượng rồi nộp lại.",
    "activex/": "có đối tượng nhúng. Xóa đối tượng rồi nộp lại.",
}
_READ = ("officeDocument", "worksheet", "chartsheet", "sharedStrings", "styles", "theme")
_TOO_MUCH = "có quá nhiều dòng, cột hoặc ô. Xóa phần thừa của bảng tính, hoặc nộp dưới dạng CSV."
_DAMAGED = "bảng tính bị hỏng hoặc đang ghi dở. Nộp lại tệp hoàn chỉnh."


def table(file: BinaryIO, names: Sequence[str], sheet: str | None = None) -> Iterator[tuple[Any, ...]]:
    """The header, then every row below it that holds something, as long as the header.

    The header is the row near the top that holds most of ``names``; the sheet is the one given, else the first."""
    inspect(file)
    rows = _rows(file, sheet)
    top: list[tuple[Any, ...]] = []
    for row in rows:
        top.append(row)
        if len(top) >= HEADER_WITHIN or set(names) <= _texts(row):
            break
    if not top:
        raise Unreadable("trang tính không có dòng tiêu đề. Nộp lại tệp có dòng tiêu đề.")
    place = max(range(len(top)), key=lambda number: (len(_texts(top[number]) & set(names)), -number))
    header = top[place]
    while header and header[-1] is None:
        header = header[:-1]
    yield header
    for row in chain(top[place + 1 :], rows):
        yield _fitted(row, len(header))


def _texts(row: tuple[Any, ...]) -> set[str]:
    return {str(cell).strip() for cell in row if cell is not None}


def _fitted(row: tuple[Any, ...], width: int) -> tuple[Any, ...]:
    return (*row[:width], *(None,) * (width - len(row)))


def _rows(file: BinaryIO, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """Rows of one sheet that hold something, cells as they stand."""
    import openpyxl

    if not openpyxl.DEFUSEDXML:
        raise RuntimeError("openpyxl must read XML through defusedxml: install it and do not switch it off.")
    file.seek(0)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, zipfile.BadZipFile, SyntaxError):
        raise Unreadable(_DAMAGED) from None  # what openpyxl stumbles over would hold names of parts
    try:
        found: Any = _sheet(book, sheet)
        found.reset_dimensions()  # what the file says of its own size is not asked
        length = 0
        for cells in found.iter_rows(values_only=True):
            row = tuple(map(_cell, cells))
            if any(cell is not None for cell in row):
                length += sum(len(cell) for cell in row if isinstance(cell, str))
                if length > MOST_TEXT:
                    raise Unreadable(_TOO_MUCH)
                yield row
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile, SyntaxError):
        raise Unreadable(_DAMAGED) from None
    finally:
        book.close()


def _sheet(book: Any, name: str | None) -> Any:
    if name is None:
        if not book.worksheets:
            raise Unreadable("không có trang tính nào. Nộp lại tệp hoàn chỉnh.")
        return book.worksheets[0]
    for sheet in book.worksheets:
        if sheet.title.strip() == name:
            return sheet
    raise Unreadable(f"không có trang tính {name!r}. Đặt lại tên trang tính rồi nộp lại.")


def _cell(value: Any) -> Any:
    """Formulas that fill a range come as objects: their text is what stands in the cell."""
    if hasattr(value, "ref") and hasattr(value, "t"):
        return str(getattr(value, "text", None) or "=")
    return value


def inspect(file: BinaryIO) -> None:
    """Refuse a workbook that does more than hold rows, or that would grow beyond reason; nothing is kept of it."""
    with open_archive(file) as archive:
        names = {item.filename.lower() for item in archive.infolist()}
        if "[content_types].xml" not in names or "xl/workbook.xml" not in names:
            raise Unreadable("không phải là bảng tính .xlsx. Lưu lại ở dạng .xlsx rồi nộp lại.")
        for name in names:
            for part, sentence in _FORBIDDEN.items():
                if part in name:
                    raise Unreadable(sentence)
        for item in archive.infolist():
            if item.filename.lower().endswith((".xml", ".rels")):
                with archive.open(item) as part_file:
                    _Part(item.filename).read(part_file)


class _Part:
    """One XML part, parsed without keeping anything: counted, and refused when it is too much or does something."""

    def __init__(self, name: str) -> None:
        self.rows = self.columns = self.cells = self.sheets = self.elements = self.letters = 0
        self.in_cells = False
        self.relations = name.lower().endswith(".rels")
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        self.parser = parser

    def read(self, file: Any) -> None:
        """Read the part to its end."""
        try:
            for chunk in bounded(file):
                self.parser.Parse(chunk, False)
            self.parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError):
            raise Unreadable(_DAMAGED) from None

    def _doctype(self, *_: Any) -> NoReturn:
        raise Unreadable("có khai báo DTD, là dấu hiệu của tệp độc hại. Lưu lại từ Excel rồi nộp lại.")

    def _text(self, text: str) -> None:
        self.letters += len(text)
        if self.in_cells and self.letters > LONGEST_CELL:
            raise Unreadable(f"có ô dài hơn {LONGEST_CELL} ký tự. Rút gọn ô đó, hoặc nộp dưới dạng CSV.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition("}")[2]
        self.elements += 1
        if kind == "c":
            self._cell(attributes.get("r", ""))
        elif kind in ("row", "si"):
            self._row(attributes.get("r", ""))
        elif kind in ("sheetData", "sst"):
            self.in_cells = True
        elif kind == "sheet":
            self.sheets += 1
        elif kind in ("Override", "Default"):
            _check_content(attributes)
        elif kind == "Relationship" and self.relations:
            _check_relation(attributes)
        if self.elements > MOST_ELEMENTS or self.sheets > MOST_SHEETS:
            raise Unreadable(_TOO_MUCH)

    def _end(self, name: str) -> None:
        if name.endswith(("}sheetData", "}sst")):
            self.in_cells = False

    def _cell(self, place: str) -> None:
        self.columns += 1
        self.cells += 1
        self.letters = 0
        if self.columns > MOST_COLUMNS or self.cells > MOST_CELLS or _column(place) > MOST_COLUMNS:
            raise Unreadable(_TOO_MUCH)

    def _row(self, number: str) -> None:
        self.rows += 1
        self.columns = self.elements = self.letters = 0
        if self.rows > MOST_ROWS or (number and (len(number) > 7 or not number.isdigit() or int(number) > MOST_ROWS)):
            raise Unreadable(_TOO_MUCH)


def _check_content(attributes: dict[str, str]) -> None:
    """What the list of contents says of a part: the book is a plain one, and XML is where it was looked for."""
    kind, name = attributes.get("ContentType", ""), attributes.get("PartName", "").lower()
    if name == "/xl/workbook.xml" and kind != _MAIN:
        raise Unreadable("không phải là bảng tính .xlsx thường. Lưu lại ở dạng .xlsx không macro rồi nộp lại.")
    ending = name or "." + attributes.get("Extension", "").lower()
    if kind.endswith("+xml") and not ending.endswith((".xml", ".rels")):
        raise Unreadable(_DAMAGED)


def _check_relation(attributes: dict[str, str]) -> None:
    """What a part refers to: nothing outside but links that a person may click, and rows only in XML parts."""
    kind, target = attributes.get("Type", "").rpartition("/")[2], attributes.get("Target", "").lower()
    if attributes.get("TargetMode") == "External":
        if kind != "hyperlink":
            raise Unreadable(_FORBIDDEN["externallinks/"])
    elif kind in _READ and not target.endswith(".xml"):
        raise Unreadable(_DAMAGED)


_PLACE = re.compile("([A-Z]{0,4})[0-9]*")


def _column(place: str) -> int:
    """Number of the column of a place such as ``AB12``; what is no place lies beyond every limit."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return MOST_COLUMNS + 1
    number = 0
    for letter in match.group(1):
        number = number * 26 + ord(letter) - 64
    return number
