"""What was planted: one line of JSON per fault and day, kept apart from the data and free of personal values.

``expected`` holds one of three keys: ``rule`` (the row is kept out by this rule), ``waits_for`` (a step whose dossier
is kept out; it can go in once that dossier does) or ``exception`` (nothing is kept out, with the reason; ``warns``
then names the rule that speaks without rejecting).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault on one day. ``record_key`` is the key as the row shows it, its parts joined with ``|``."""

    day: str
    fault: str
    dataset: str
    source: str
    record_key: str
    columns: tuple[str, ...]
    expected: dict[str, str]


class TruthLog:
    """One file a day under a folder; writing a day replaces its file whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, day: date) -> Path:
        """The file of one day."""
        return self._folder / f"{day}.jsonl"

    def days(self) -> list[date]:
        """The days that were made, oldest first."""
        return sorted(date.fromisoformat(path.stem) for path in self._folder.glob("????-??-??.jsonl"))

    def write(self, day: date, planted: Iterable[Planted]) -> None:
        """Replace the day's file; readers see the old or the new one."""
        lines = sorted(json.dumps(asdict(one), ensure_ascii=False, sort_keys=True) for one in planted)
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self.path(day).with_suffix(f".{os.getpid()}.tmp")
        beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        beside.replace(self.path(day))

    def read(self, day: date) -> list[Planted]:
        """Everything planted on one day; a day that was never made has nothing."""
        if not self.path(day).exists():
            return []
        found = map(json.loads, self.path(day).read_text(encoding="utf-8").splitlines())
        return [Planted(**{**one, "columns": tuple(one["columns"])}) for one in found]
