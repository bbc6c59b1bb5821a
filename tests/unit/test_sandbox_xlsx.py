"""The hand-written workbook is read by others as what it was meant to be, and comes out equal each time."""

import io
from datetime import datetime

import pytest

from lienthong.sandbox.xlsx import workbook

COLUMNS = {"ma": "text", "so": "int", "luc": "time", "ghi_chu": "text"}
ROWS = [
    ("H15.131-250930-0001", 3, "2025-09-30 08:15:07", 'Công dân & "bản sao" <1>'),
    ("066090900123", None, "chưa hẹn", '=HYPERLINK("https://vidu.invalid/?a=1&b=2","Xem")'),
    (66090900123, 0, None, "  hai  dấu cách "),
    ("a\x00b\x1fc", -5, "1999-12-31 23:59:59", None),
]


def opened(content):
    from openpyxl import load_workbook

    return load_workbook(io.BytesIO(content)).worksheets[0]


@pytest.fixture(scope="module")
def content():
    return workbook("ho_so", COLUMNS, ROWS)


def test_openpyxl_reads_types_texts_and_formulas(content):
    sheet = opened(content)
    header, first, second, third, fourth = sheet.values
    assert header == tuple(COLUMNS)
    assert first == ("H15.131-250930-0001", 3, datetime(2025, 9, 30, 8, 15, 7), 'Công dân & "bản sao" <1>')
    assert second == ("066090900123", None, "chưa hẹn", '=HYPERLINK("https://vidu.invalid/?a=1&b=2","Xem")')
    assert third == (66090900123, 0, None, "  hai  dấu cách ")
    assert fourth == ("abc", -5, datetime(1999, 12, 31, 23, 59, 59), None)
    assert sheet["D3"].data_type == "f"
    assert sheet["C2"].is_date


def test_pandas_reads_every_second_of_a_day():
    seconds = [f"2025-09-30 {s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(0, 86_400, 97)]
    content = workbook("luc", {"luc": "time"}, ((second,) for second in seconds))
    import pandas as pd

    frame = pd.read_excel(io.BytesIO(content), dtype=object, engine="openpyxl")
    assert [str(value) for value in frame["luc"]] == seconds


def test_many_columns_are_lettered_on():
    columns = {f"c{n}": "int" for n in range(60)}
    row = next(iter(opened(workbook("x", columns, [range(60)])).iter_rows(2)))
    assert [cell.value for cell in row] == list(range(60))
    assert row[59].coordinate == "BH2"


def test_nothing_but_a_header_is_a_workbook():
    sheet = opened(workbook("x", COLUMNS, []))
    assert list(sheet.values) == [tuple(COLUMNS)]


def test_the_same_rows_give_the_same_bytes(content):
    assert workbook("ho_so", COLUMNS, ROWS) == content
