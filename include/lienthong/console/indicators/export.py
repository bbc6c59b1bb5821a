"""The figures of one indicator as a file for a spreadsheet: no cell of it can act there, and it says what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lienthong.alerts.letter import showable
from lienthong.console import words
from lienthong.console.indicators.board import Board
from lienthong.console.indicators.figures import Figure, percent
from lienthong.console.indicators.one import ranking as ranked
from lienthong.console.queries import Look

Cell = str | Decimal | int | None
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ACTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def inert(value: Cell) -> Cell:
    """A value as a cell shows it; a text that a spreadsheet would take for a formula stands behind an apostrophe."""
    if not isinstance(value, str):
        return value
    text = showable(value, 600)
    return f"'{text}" if value.startswith(_ACTS) or text.startswith(_ACTS) else text


Row = Sequence[Cell]


def ranking(look: Look, ident: str, query: Mapping[str, str], language: str) -> tuple[str, list[Row], list[Row]]:
    """The name of the file, its lines, and what they are: the three sums and every unit, under what was asked."""
    board = Board(look, query)
    one, period = board.indicator(ident), board.asked.period
    sums = [board.agency, board.communes, board.bodies]
    found = board.figures([ident], sums, [period])
    rows: list[Row] = [_head(language == "vi", percent(one))]
    rows += [_line(None, board.name(code, language), found[ident, code, period]) for code in sums]
    for lines in ranked(board, one).values():
        rows += [_line(line["rank"], line["name"], line["figure"]) for line in lines]
    asof = words.day(language, board.asked.asof or board.today)
    notes: list[Row] = [
        ["Chỉ số", one.name], ["Mã chỉ số", one.id], ["Cách tính", one.formula],
        ["Mẫu số", one.denominator_name or ""], ["Đơn vị tính", one.unit], ["Đơn vị chủ quản", one.owner],
        ["Nguồn dữ liệu", ", ".join(one.sources)], ["Kỳ", period.name("vi")],
        ["Số liệu đến hết ngày", words.day(language, min(board.horizon, period.last))],
        ["Theo số liệu biết đến hết ngày", asof],
    ]  # fmt: skip
    return f"{ident}-{period.code}", rows, notes


def _head(vi: bool, percents: bool) -> Row:
    value = ("Giá trị (%)" if vi else "Value (%)") if percents else ("Giá trị" if vi else "Value")
    return (["Hạng", "Mã đơn vị", "Đơn vị", "Kỳ", value, "Tử số", "Mẫu số"] if vi
            else ["Rank", "Unit", "Name", "Period", value, "Numerator", "Denominator"])  # fmt: skip


def _line(rank: int | None, name: str, figure: Figure) -> Row:
    """One unit; a share is given in per cent with all decimals that count."""
    value = figure.value
    if value is not None and percent(figure.indicator):
        value = (value * 100).quantize(Decimal("0.0001"))
    parts = (figure.numerator, figure.denominator) if figure.parts("vi") else (None, None)
    return [rank, figure.unit, name, figure.period.code, value, *parts]


def as_csv(notes: Sequence[Row], rows: Sequence[Row]) -> bytes:
    """UTF-8 with the mark by which spreadsheets know it; numbers with a decimal point, what is unknown is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in (*rows, [], *notes):
        writer.writerow([_plain(inert(cell)) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _plain(cell: Cell) -> str:
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def as_xlsx(notes: Sequence[Row], rows: Sequence[Row]) -> bytes:
    """A workbook with the figures and, on a second sheet, what they are; texts are texts, whatever they begin with."""
    from openpyxl import Workbook  # heavy, and only a download needs it
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for name, lines, widths in (("Số liệu", rows, (8, 14, 44, 12, 14, 14, 14)), ("Định nghĩa", notes, (26, 100))):
        sheet = book.create_sheet(name)
        for column, width in zip("ABCDEFG", widths, strict=False):
            sheet.column_dimensions[column].width = width
        if lines is rows:
            sheet.freeze_panes = "A2"
        for number, row in enumerate(lines):
            cells = []
            for value in row:
                shown = inert(value)
                cell = WriteOnlyCell(sheet, value=float(shown) if isinstance(shown, Decimal) else shown)
                if isinstance(shown, str):
                    cell.data_type = "s"
                if number == 0 and lines is rows:
                    cell.font = Font(bold=True)
                cells.append(cell)
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
