"""What all kinds share: how a reader is found, and how a value becomes text."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson
from lienthong.sources import READERS, source_of
from lienthong.sources.text import as_text


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(NeedsPerson, match="postgres, mysql, sqlite, mssql, oracle, fs, http, https, catalogue"):
        source_of(Connection("x", "ftp"))


def test_a_contract_may_name_another_reader_than_the_type_of_the_connection():
    assert isinstance(source_of(Connection("x", "http"), "catalogue"), READERS["catalogue"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (float("nan"), None),
        ("", ""),
        (" a ", " a "),
        (True, "1"),
        (4.0, "4"),
        (0.1, "0.1"),
        (Decimal("4.00"), "4.00"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("1E+999999999"), "1E+999999999"),  # written out it would fill the memory
        (datetime(2025, 9, 1, 8), "2025-09-01 08:00:00"),
        (date(2025, 9, 1), "2025-09-01"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=30, seconds=5), "30:00:05"),
        (timedelta(hours=-1, minutes=-1), "-01:01:00"),
        ({"b": [1, "Đ"], "a": None}, '{"a": null, "b": [1, "Đ"]}'),
        ("a\x00b", "a\u2400b"),
        ("a\ud800b", "a\ufffdb"),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_value_becomes_text_in_one_way(value, text):
    assert as_text(value) == text
