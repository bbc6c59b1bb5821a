"""What every kind of source must do. A new kind's test inherits ``SourceSuite`` and gives it a ``stage``."""

from __future__ import annotations

from typing import Any

import pytest

from lienthong.connections import Connection
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sources import source_of
from lienthong.sources.text import BATCH

from ..sql.builders import CHA, at, contract, day

SECRET = "mat-khau-bi-mat-0912345678"
ROWS = [
    ("A", 1, at(1, 0)),
    ("Đắk Lắk, «Ea Súp»", None, at(1, 23)),
    ("C", 3, at(2, 0)),
    ('D "trích"; dẫn', 4, at(3, 12)),
]
EMPTY = (None, "")  # what a kind gives for an absent value: files know no difference
TURNED = contract(
    "cha", [("luc", "timestamp"), ("ma", "string")], [], cursor="luc"
)  # the same table, fewer columns, another order


class Stage:
    """One source of the kind under test."""

    connection: Connection

    def put(self, rows: list[tuple[Any, ...]]) -> None:
        """Hold exactly these rows of ``ma, gia_tri, luc``, and a column ``them`` that no contract knows."""
        raise NotImplementedError

    def rename(self, column: str, other: str) -> None:
        """The owner renames a column."""
        raise NotImplementedError

    def stop(self) -> None:
        """Nobody answers any more."""
        raise NotImplementedError

    def content(self) -> object:
        """Everything the source holds, to be compared."""
        raise NotImplementedError


def read(connection: Connection, of=CHA, window=None) -> list[tuple[str | None, ...]]:
    return [row for part in source_of(connection).read(of, window or day(1)) for row in part]


class SourceSuite:
    """Inherited by the tests of each kind."""

    def test_rows_of_the_window_come_as_text(self, stage):
        stage.put(ROWS)
        first, second = sorted(read(stage.connection))
        assert first == ("A", "1", at(1, 0))
        assert second[0] == "Đắk Lắk, «Ea Súp»"
        assert second[1] in EMPTY
        assert second[2] == at(1, 23)
        assert [row[:2] for row in read(stage.connection, window=day(2))] == [("C", "3")]
        assert [row[:2] for row in read(stage.connection, window=day(3))] == [('D "trích"; dẫn', "4")]

    def test_columns_come_in_the_order_of_the_contract(self, stage):
        stage.put(ROWS)
        assert (at(1, 0), "A") in read(stage.connection, TURNED)

    def test_a_day_without_rows_is_no_error(self, stage):
        stage.put([row for row in ROWS if row[0] != "C"])
        assert read(stage.connection, window=day(2)) == []

    def test_many_rows_come_in_batches_and_a_reader_may_stop_early(self, stage):
        stage.put([(f"H{number}", number, at(1)) for number in range(2 * BATCH + 1)])
        stopped = source_of(stage.connection).read(CHA, day(1))
        assert 0 < len(next(stopped)) <= BATCH
        stopped.close()
        parts = list(source_of(stage.connection).read(CHA, day(1)))
        assert max(map(len, parts)) <= BATCH
        assert {row[0] for part in parts for row in part} == {f"H{number}" for number in range(2 * BATCH + 1)}

    def test_a_renamed_column_is_named_and_no_value_is_told(self, stage):
        stage.put([("036090123456", 7, at(1))])
        stage.rename("gia_tri", "gia_tri_moi")
        with pytest.raises(SourceChanged, match=r"thiếu cột gia_tri; cột lạ: .*gia_tri_moi") as error:
            read(stage.connection)
        assert "036090123456" not in str(error.value)

    def test_a_source_that_is_away_is_down_and_no_secret_is_told(self, stage):
        stage.put(ROWS)
        stage.stop()
        with pytest.raises(SourceDown) as error:
            read(stage.connection)
        assert SECRET not in str(error.value)
        behind = error.value.__suppress_context__ or error.value.__context__ is None
        assert behind, "the driver's own words must not follow into a log"

    def test_reading_writes_nothing(self, stage):
        stage.put(ROWS)
        before = stage.content()
        read(stage.connection)
        assert stage.content() == before
