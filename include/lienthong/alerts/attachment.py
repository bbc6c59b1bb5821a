"""The list of what is to be corrected, as a workbook that holds text and nothing else: no formula, no link, no macro.

The same rows give the same bytes, so that a letter that is sent again is the same letter.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lienthong.alerts import words
from lienthong.alerts.letter import Held

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MEDIA = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
LONGEST_CELL = 32_767
"""Characters that a cell may hold by the format; a longer one makes the whole workbook unreadable."""
_COLUMNS = (
    ("Cơ sở dữ liệu", 28),
    ("Mã bản ghi", 26),
    ("Tham chiếu của đơn vị", 26),
    ("Kỳ dữ liệu", 13),
    ("Dòng tại nguồn", 16),
    ("Quy tắc", 24),
    ("Nội dung cần sửa", 60),
    ("Cột", 26),
    ("Giá trị đã gửi (đã che)", 32),
)
_STAMP = datetime(2025, 7, 1)  # noqa: DTZ001 - the format's dates have no zone; a constant keeps the bytes equal
_ZIPPED = (2025, 7, 1, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
# What XML 1.0 cannot hold, half characters included; and _x000D_ and the like, which readers turn into characters.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# With one of these a spreadsheet may take a text for a formula, also when it is pasted or saved as CSV.
_ACTING = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def workbook(rows: Sequence[Held], left_out: int = 0) -> bytes:
    """The rows as an .xlsx file with Vietnamese headings; ``left_out`` rows more are mentioned below the last."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet: Worksheet = book.active  # type: ignore[assignment]  # a new workbook has one worksheet
    sheet.title = "Cần sửa"
    _head(sheet)
    for place, row in enumerate(rows, start=2):
        _line(sheet, place, _cells(row))
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(_COLUMNS))}{len(rows) + 1}"
    if left_out > 0:
        _line(sheet, len(rows) + 3, (f"Còn {words.number(left_out)} dòng nữa chưa đưa vào tệp này.",))
    book.properties.creator, book.properties.title = "Liên Thông", "Danh sách bản ghi cần sửa"
    book.properties.created = _STAMP
    written = io.BytesIO()
    book.save(written)
    return _timeless(written.getvalue())


def inert(value: str) -> str:
    """The value as a text that no spreadsheet program acts on, in at most 32,767 characters."""
    text = _ESCAPE.sub("_x005F_", _ILLEGAL.sub("", value[: LONGEST_CELL + 1]))
    stripped = text.lstrip(" \u00a0\u3000")
    if text.startswith(_ACTING) or stripped.startswith(_ACTING):
        text = f"'{text}"
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _cells(row: Held) -> tuple[str, ...]:
    return (
        row.title, row.record_key, row.reference, words.day(row.window) if row.window else "", row.line, row.rule,
        row.sentence, row.column_title or row.column, row.value,
    )  # fmt: skip


def _head(sheet: Worksheet) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    for place, (heading, width) in enumerate(_COLUMNS, start=1):
        cell = sheet.cell(1, place, heading)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="7A1420")
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _line(sheet: Worksheet, place: int, values: Sequence[str]) -> None:
    from openpyxl.styles import Alignment

    aligned = Alignment(wrap_text=True, vertical="top")
    for column, value in enumerate(values, start=1):
        cell = sheet.cell(place, column, inert(value))
        # openpyxl takes "=..." for a formula and "#N/A" for an error unless it is told
        cell.data_type = "s"
        cell.number_format = "@"
        cell.alignment = aligned


def _timeless(packed: bytes) -> bytes:
    """The same archive without the time at which it was written, which stands in two places."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as given, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in given.namelist():
            content = given.read(name)
            if name == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>2025-07-01T00:00:00Z\g<2>", content)
            entry = zipfile.ZipInfo(name, _ZIPPED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            kept.writestr(entry, content)
    return result.getvalue()
