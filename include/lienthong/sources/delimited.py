"""CSV and TSV, line by line: nothing is guessed about a cell, and a line that does not fit is named."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from lienthong.sources.encodings import Encoding, lines
from lienthong.sources.failures import Unreadable

DELIMITERS = ",;\t|"
LONGEST_CELL = 16 * 1024 * 1024
MOST_COLUMNS = 1_000


def table(
    file: BinaryIO, encoding: Encoding, names: Sequence[str], delimiter: str | None = None
) -> Iterator[tuple[str, ...]]:
    """The header, then every row that holds something, each as long as the header.

    Without a ``delimiter`` it is the one that finds most of ``names`` in the header."""
    text = lines(file, encoding)
    top, told = _top(text)
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(
        chain(top, text), delimiter=delimiter or told or _delimiter("".join(top[-1:]), names), strict=True
    )
    width = 0
    try:
        for row in rows:
            if not any(row):
                continue
            if width == 0:
                width = len(row)
                if width > MOST_COLUMNS:
                    raise Unreadable(f"có hơn {MOST_COLUMNS} cột. Chỉ nộp các cột của bộ dữ liệu.")
            if len(row) != width:
                raise Unreadable(
                    f"dòng {rows.line_num} có {len(row)} cột, dòng tiêu đề có {width} cột. "
                    "Kiểm tra dấu phân cách và dấu ngoặc kép ở dòng đó rồi nộp lại."
                )
            yield tuple(row)
    except csv.Error:
        raise Unreadable(
            f"sai dấu ngoặc kép hoặc ô quá dài ở dòng {rows.line_num}. Tệp có thể đang ghi dở; nộp lại tệp hoàn chỉnh."
        ) from None
    if width == 0:
        raise Unreadable("không có dòng tiêu đề. Nộp lại tệp có dòng tiêu đề.")


def _top(text: Iterator[str]) -> tuple[list[str], str | None]:
    """The lines down to the header, and the delimiter that a line ``sep=;`` above it tells, as Excel writes it."""
    top: list[str] = []
    told = None
    for line in text:
        if told is None and re.fullmatch("sep=.", line.strip(), re.IGNORECASE):
            told, line = line.strip()[-1], "\n"  # keeps its number, says nothing more
        top.append(line)
        if line.strip():
            break
    return top, told


def _delimiter(header: str, names: Sequence[str]) -> str:
    wanted = set(names)

    def found(delimiter: str) -> tuple[int, int]:
        cells = header.strip("\r\n").split(delimiter)
        return len({cell.strip().strip('"').strip() for cell in cells} & wanted), len(cells)

    return max(DELIMITERS, key=found)
