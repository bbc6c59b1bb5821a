"""Spreadsheet and CSV drops, through pandas: cells as they stand, nothing guessed, formulas never evaluated."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson, SourceChanged, SourceDown
from lienthong.sources.text import BATCH, as_text, require_columns

if TYPE_CHECKING:
    from pandas import DataFrame

LARGEST_FILE = 512 * 1024 * 1024
LARGEST_CONTENT = 2 * 1024 * 1024 * 1024


class FileSource:
    """A folder into which a unit drops one file a dataset and day.

    ``extra``: ``path`` (the folder) and ``pattern`` (``{dataset}`` and ``{day}`` are filled in)."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        if not connection.extra.get("path"):
            raise NeedsPerson(f"Connection {connection.name!r} needs extra.path, the folder of its files.")
        self.folder = Path(connection.extra["path"])
        self.pattern = str(connection.extra.get("pattern", "{dataset}_{day}.csv"))

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Give every row of the window's file; what a unit drops for a day is that day's, whatever its rows say."""
        name = self.pattern.replace("{dataset}", contract.dataset).replace("{day}", str(window))
        path = self.folder / name
        if not path.is_file():
            raise SourceDown(f"{contract.dataset}, {self.connection.name}: đơn vị chưa nộp tệp {name}.")
        if path.stat().st_size > LARGEST_FILE:
            raise SourceChanged(f"{contract.dataset}, {self.connection.name}: tệp {name} lớn hơn 512 MB.")
        frame = self._frame(path)
        require_columns(contract, self.connection.name, (str(column).strip() for column in frame.columns))
        frame.columns = [str(column).strip() for column in frame.columns]
        rows = [tuple(map(as_text, row)) for row in frame[list(contract.names)].itertuples(index=False, name=None)]
        for start in range(0, len(rows), BATCH):
            yield rows[start : start + BATCH]

    def _frame(self, path: Path) -> DataFrame:
        import pandas as pd

        try:
            if path.suffix == ".xlsx":
                _refuse_bomb(path)
                # data_only=False keeps a formula as text, which a rule catches; its cached value is not trusted.
                return pd.read_excel(path, dtype=object, engine="openpyxl", engine_kwargs={"data_only": False})
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", on_bad_lines="error")
        except UnicodeDecodeError:
            raise SourceChanged(
                f"{self.connection.name}: tệp {path.name} không phải UTF-8. Lưu lại tệp ở dạng «CSV UTF-8» rồi nộp lại."
            ) from None
        except (ValueError, KeyError, zipfile.BadZipFile, OSError) as error:
            raise SourceChanged(
                f"{self.connection.name}: không đọc được tệp {path.name} ({type(error).__name__}). "
                "Tệp có thể bị hỏng hoặc đang ghi dở; nộp lại tệp hoàn chỉnh."
            ) from None


def _refuse_bomb(path: Path) -> None:
    """A workbook is a ZIP: refuse one that would grow beyond reason before anything is unpacked."""
    with zipfile.ZipFile(path) as archive:
        total = sum(item.file_size for item in archive.infolist())
        names = archive.namelist()
    if total > LARGEST_CONTENT or total > 200 * max(path.stat().st_size, 1_000_000):
        raise SourceChanged(f"Tệp {path.name} bung ra quá lớn; nộp lại dưới dạng CSV.")
    if any(name.endswith("vbaProject.bin") for name in names):
        raise SourceChanged(f"Tệp {path.name} chứa macro; lưu lại ở dạng .xlsx không macro rồi nộp lại.")
