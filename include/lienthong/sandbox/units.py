"""The 116 units of the province: what each is called, how busy it is and how it keeps its data.

``reference/don_vi.csv`` names the units. ``units.csv`` beside this module says, for the sandbox only, in which kind
of store a unit keeps its rows (``kho``), whether its tables have a key (``khoa_chinh``), for which ministries' fields
a department answers (``nganh``) and its size (``quy_mo``: dossiers received in a published extract of the Decision
766 index where ``can_cu`` is ``chi_so_766``, an estimate of the same scale where it is ``uoc_luong``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lienthong.errors import NeedsPerson

REFERENCE = Path(__file__).parents[1] / "reference" / "don_vi.csv"
HABITS = Path(__file__).with_name("units.csv")
STORES = ("postgres", "sqlite", "csv", "excel", "rest")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; ``commune`` is its five-digit code, empty for a provincial body."""

    code: str
    name: str
    commune: str
    store: str
    keyed: bool
    ministries: tuple[str, ...]
    size: int

    @property
    def slug(self) -> str:
        """The code as files and connections spell it: ``h15_131``."""
        return self.code.lower().replace(".", "_")

    @property
    def connection_id(self) -> str:
        """The name of the unit's connection: ``unit_h15_131``."""
        return f"unit_{self.slug}"

    @property
    def namespace(self) -> str:
        """The unit's schema in the province's PostgreSQL: ``c_24211`` for a commune, ``s_16`` for a body."""
        return f"c_{self.commune}" if self.commune else f"s_{self.code.rpartition('.')[2]}"


@cache
def units() -> tuple[Unit, ...]:
    """Every unit in the order of the reference file; a unit without a store or an unknown store is refused."""
    habits = {row["ma_don_vi"]: row for row in _read(HABITS)}
    found = []
    for row in _read(REFERENCE):
        habit = habits.get(row["ma_don_vi"])
        if habit is None or habit["kho"] not in STORES:
            raise NeedsPerson(
                f"Sandbox unit {row['ma_don_vi']}: expected a line in {HABITS.name} with kho one of "
                f"{', '.join(STORES)}; found {habit['kho'] if habit else 'no line'!r}. Add it there."
            )
        found.append(
            Unit(
                code=row["ma_don_vi"],
                name=row["ten_don_vi"],
                commune=row["ma_xa"],
                store=habit["kho"],
                keyed=habit["khoa_chinh"] == "1",
                ministries=tuple(habit["nganh"].split()),
                size=int(habit["quy_mo"]),
            )
        )
    return tuple(found)


def unit(code: str) -> Unit:
    """The unit with this code, ``H15.131`` or ``h15_131``; an unknown one is refused."""
    for one in units():
        if code in (one.code, one.slug, one.connection_id):
            return one
    raise NeedsPerson(f"Unit {code!r} is not among the {len(units())} of {REFERENCE.name}. Check its spelling.")


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
