"""The figures of one indicator as a file for a spreadsheet: no cell of it can act there, and it says what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lienthong.alerts.letter import showable
from lienthong.console import words
from lienthong.console.indicators.board import Board
from lienthong.console.indicators.figures import FEW, Figure, percent
from lienthong.console.indicators.one import ranking as ranked
from lienthong.console.queries import Look

Cell = str | Decimal | int | None
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ACTS = ("=", "+", "-", "@", "\t", "\r", "\n")


Row = Sequence[Cell]
NOTES = {
    "vi": ("Chỉ số", "Mã chỉ số", "Cách tính", "Mẫu số", "Đơn vị tính", "Đơn vị chủ quản", "Nguồn dữ liệu", "Kỳ",
           "Số liệu đến hết ngày", "Theo số liệu biết đến hết ngày"),
    "en": ("Indicator", "Identifier", "Formula", "Denominator", "Unit", "Owner", "Sources", "Period",
           "Figures up to the end of", "As known at the end of"),
}  # fmt: skip
SHEETS = {"vi": ("Số liệu", "Định nghĩa"), "en": ("Figures", "Definition")}
FEW_WORDS = {"vi": f"Ít: mẫu số dưới {FEW}, không xếp hạng", "en": f"Few: denominator below {FEW}, not ranked"}


def acts(value: str) -> bool:
    """Whether a spreadsheet would take a text for a formula."""
    return value.startswith(_ACTS) or showable(value, 600).startswith(_ACTS)


def ranking(look: Look, ident: str, query: Mapping[str, str], language: str) -> tuple[str, list[Row], list[Row]]:
    """The name of the file, its lines, and what they are: the three sums and every unit, under what was asked."""
    board = Board(look, query)
    one, period = board.indicator(ident), board.asked.period
    sums = [board.agency, board.communes, board.bodies]
    found = board.figures([ident], sums, [period])
    rows: list[Row] = [_head(language == "vi", percent(one))]
    rows += [_line(None, board.name(code, language), found[ident, code, period], language) for code in sums]
    for lines in ranked(board, one).values():
        rows += [_line(line["rank"], line["name"], line["figure"], language) for line in lines]
    asof = words.day(language, board.asked.asof or board.today)
    said = (
        one.name, one.id, one.formula, one.denominator_name or "", one.unit, one.owner, ", ".join(one.sources),
        period.name(language), words.day(language, min(board.horizon, period.last)), asof,
    )  # fmt: skip
    notes: list[Row] = [list(pair) for pair in zip(NOTES[language], said, strict=True)]
    return f"{ident}-{period.code}", rows, notes


def _head(vi: bool, percents: bool) -> Row:
    value = ("Giá trị (%)" if vi else "Value (%)") if percents else ("Giá trị" if vi else "Value")
    return (["Hạng", "Mã đơn vị", "Đơn vị", "Kỳ", value, "Tử số", "Mẫu số", "Ghi chú"] if vi
            else ["Rank", "Unit", "Name", "Period", value, "Numerator", "Denominator", "Note"])  # fmt: skip


def _line(rank: int | None, name: str, figure: Figure, language: str) -> Row:
    """One unit; a share is given in per cent with all decimals that count."""
    value = figure.value
    if value is not None and percent(figure.indicator):
        value = (value * 100).quantize(Decimal("0.0001"))
    parts = (figure.numerator, figure.denominator) if figure.parts("vi") else (None, None)
    return [rank, figure.unit, name, figure.period.code, value, *parts, FEW_WORDS[language] if figure.few else None]


def as_csv(notes: Sequence[Row], rows: Sequence[Row]) -> bytes:
    """UTF-8 with the mark by which spreadsheets know it; numbers with a decimal point, what is unknown is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in (*rows, [], *notes):
        writer.writerow([_plain(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _plain(cell: Cell) -> str:
    """A cell has no type in CSV: what would be taken for a formula stands behind an apostrophe."""
    if isinstance(cell, str):
        return f"'{showable(cell, 600)}" if acts(cell) else showable(cell, 600)
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def as_xlsx(notes: Sequence[Row], rows: Sequence[Row], language: str) -> bytes:
    """A workbook with the figures and, on a second sheet, what they are. Texts are typed as texts, and those that
    would be formulas stay texts when somebody edits the cell: that is the quote prefix, which nobody sees."""
    from openpyxl import Workbook  # heavy, and only a download needs it
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    figures, meaning = SHEETS[language]
    for name, lines, widths in ((figures, rows, (8, 14, 44, 12, 14, 14, 14, 40)), (meaning, notes, (32, 100))):
        sheet = book.create_sheet(name)
        for column, width in zip("ABCDEFGH", widths, strict=False):
            sheet.column_dimensions[column].width = width
        if lines is rows:
            sheet.freeze_panes = "A2"
        for number, row in enumerate(lines):
            cells = []
            for value in row:
                shown = showable(value, 600) if isinstance(value, str) else value
                cell = WriteOnlyCell(sheet, value=float(shown) if isinstance(shown, Decimal) else shown)
                if isinstance(value, str):
                    cell.data_type = "s"
                    cell.quotePrefix = acts(value)
                if number == 0 and lines is rows:
                    cell.font = Font(bold=True)
                cells.append(cell)
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
