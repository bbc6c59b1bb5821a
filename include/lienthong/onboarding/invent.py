"""Samples for the rules of a contract, every value invented: good rows, and for each rule a row that breaks it.

Which rules a row breaks is worked out here for the kinds that a proposal has; of any other kind it is said that a
person must add the rows. Nothing of the source stands in a sample but codes that the contract itself lists.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lienthong.contracts import Column, Contract
from lienthong.contracts import samples as files
from lienthong.rules import Rule
from lienthong.rules.vietnam import PHONE

MARK = "\u2400"
DAY = datetime(2025, 9, 30)  # noqa: DTZ001 - local wall time, as sources keep it
"""Samples tell of the work of this day."""
LATER = "2025-10-20"
WRONG = "chưa rõ"
CITIZEN = "066090900001"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TOLD = ("required", "type", "in_set", "length", "exists_in", "phone", "citizen_number", "not_future",
        "legal_characters", "unique")  # fmt: skip
"""Kinds whose rules are worked out here."""

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Invented:
    """The content of a sample file, and what a person has still to add to it."""

    text: str
    todo: tuple[str, ...]


def invented(contract: Contract, contracts: Mapping[str, Contract]) -> Invented:
    """Two good rows and, for each rule of a known kind, the rows that break it."""
    maker = _Maker(contract, contracts)
    rows = list(maker.rows())
    named = [(note, row, maker.broken(row)) for note, row in rows]
    repeated = Counter(_key(contract, row) for _, row in rows)
    unique = next(rule.id for rule in contract.rules if rule.kind == "unique")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*files.HEAD, *contract.names])
    shown: set[str] = set()
    for note, row, broken in named:
        if repeated[_key(contract, row)] > 1 and None not in _key(contract, row):
            broken = [*broken, unique]
        shown |= set(broken)
        writer.writerow([" ".join(broken), note, *(row[name] or "" for name in contract.names)])
    todo = [*maker.todo]
    if named[0][2] or repeated[_key(contract, rows[0][1])] > 1:
        todo.append("a good row: the one that was invented breaks a rule")
    for rule in contract.rules:
        if rule.kind not in TOLD:
            todo.append(f"rule {rule.id}: kind {rule.kind} is not known here; a row that breaks it, a row that passes")
        elif rule.id not in shown:
            todo.append(f"rule {rule.id}: a row that breaks it")
    return Invented(out.getvalue(), tuple(dict.fromkeys(todo)))


def _key(contract: Contract, row: Row) -> tuple[str | None, ...]:
    return tuple(row[name] for name in contract.key)


@dataclass
class _Maker:
    """Makes rows, each under a key of its own."""

    contract: Contract
    contracts: Mapping[str, Contract]
    number: int = 0
    todo: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_column: dict[str, dict[str, Rule]] = {}
        for rule in self.contract.rules:
            for name in rule.columns if len(rule.columns) == 1 else ():
                self.by_column.setdefault(name, {})[rule.kind] = rule
        self.listed = {
            rule.id: self._listed(rule) for rule in self.contract.rules if rule.kind == "exists_in"
        }  # fmt: skip

    def _listed(self, rule: Rule) -> list[str]:
        """What the good samples of the other dataset hold: the codes that a good row here may have."""
        other = self.contracts.get(rule.reference or "")
        if other is None:
            return []
        place = other.names.index(rule.arguments.get("column", rule.columns[0]))
        good = [sample.values[place] for sample in files.read(other) if not sample.breaks]
        found = sorted({value for value in good if value}, key=lambda value: (-len(value), value))
        if not found:
            self.todo.append(f"rule {rule.id}: {other.samples.name} has no good row to refer to; add one there")
        return found

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every row with what it is about."""
        yield "Đủ thông tin", self.good()
        bare = self.good()
        needed = {rule.columns[0] for rule in self.contract.rules if rule.kind == "required"}
        yield "Chỉ có thông tin bắt buộc", {name: bare[name] if name in needed else None for name in bare}
        for rule in self.contract.rules:
            yield from self._breaking(rule)

    def good(self) -> Row:
        """A row that breaks nothing, under a new key."""
        self.number += 1
        return {column.name: self._value(column) for column in self.contract.columns}

    def _value(self, column: Column) -> str | None:
        rules, n = self.by_column.get(column.name, {}), self.number
        if column.codes:
            codes = list(column.codes)
            return codes[n % len(codes)]
        if "exists_in" in rules:
            found = self.listed[rules["exists_in"].id]
            return found[n % len(found)] if found else None
        if "phone" in rules:
            return "0912345678"
        if "citizen_number" in rules:
            return CITIZEN
        if column.type == "boolean":
            return "1"
        if column.type == "date":
            return f"{DAY - timedelta(days=n):%Y-%m-%d}"
        if column.type == "timestamp":
            return f"{DAY + timedelta(minutes=n):%Y-%m-%d %H:%M:%S}"
        if column.type in ("integer", "number"):
            return f"{n}.5" if column.type == "number" else str(n)
        low, high = self._lengths(column.name)
        if column.name in self.contract.key or low:
            return _code(n, max(low, min(high, 8)))
        return f"Mẫu {n}" if high >= len(f"Mẫu {n}") else _code(n, high)

    def _lengths(self, name: str) -> tuple[int, int]:
        rule = self.by_column.get(name, {}).get("length")
        return (rule.arguments.get("min", 0), rule.arguments["max"]) if rule else (0, 20)

    def _breaking(self, rule: Rule) -> Iterator[tuple[str, Row]]:
        """The rows that break one rule; none of a kind that is not known, or where nothing can be chosen."""
        if rule.kind not in TOLD:
            return
        row, name = self.good(), rule.columns[0]
        column = next(one for one in self.contract.columns if one.name == name)
        title = column.title[:1].lower() + column.title[1:]
        if rule.kind == "unique":
            yield "Trùng khóa, dòng thứ nhất", row
            yield "Trùng khóa, dòng thứ hai", dict(row)
        elif rule.kind == "legal_characters":
            chosen = min(rule.columns, key=self._free)
            yield "Ký tự NUL, được ghi lại là U+2400", row | {chosen: (row[chosen] or "M")[:-1] + MARK}
        elif rule.kind != "exists_in" or self.listed[rule.id]:
            note, value = self._bad(rule, column)
            yield f"{note}: {title}", row | {name: value}

    def _bad(self, rule: Rule, column: Column) -> tuple[str, str | None]:
        """What is wrong with a value, and the value."""
        if rule.kind == "exists_in":
            return "Mã bịa đặt", "0" * len(self.listed[rule.id][0])
        if rule.kind == "length":
            return "Quá dài", _code(self.number, rule.arguments["max"] + 1)
        if rule.kind == "not_future":
            return "Ở tương lai", LATER + (" 08:00:00" if column.type == "timestamp" else "")
        strange = next(code for code in ("khác", "lạ", "9?") if code not in column.codes)
        return {
            "required": ("Thiếu", None), "type": ("Sai kiểu", WRONG), "in_set": ("Mã lạ", strange)
        }.get(rule.kind, ("Thiếu chữ số", "0660"))  # fmt: skip

    def _free(self, name: str) -> tuple[bool, int]:
        """Columns with fewer rules first, so that a row breaks only what it is about."""
        return name in self.contract.key, len(set(self.by_column.get(name, {})) - {"required"})

    def broken(self, row: Row) -> list[str]:
        """Ids of the rules that a row breaks, those about repeated keys apart."""
        return [rule.id for rule in self.contract.rules if rule.kind in TOLD and not self._holds(rule, row)]

    def _holds(self, rule: Rule, row: Row) -> bool:
        name = rule.columns[0]
        given = row[name]
        if rule.kind == "required":
            return given is not None
        if rule.kind == "legal_characters":
            return not any(MARK in (row[one] or "") for one in rule.columns)
        if rule.kind == "type":
            return given != WRONG
        column = next(one for one in self.contract.columns if one.name == name)
        if given is None or rule.kind == "unique" or (given == WRONG and column.type != "string"):
            return True
        if rule.kind == "in_set":
            return given in column.codes
        if rule.kind == "length":
            return bool(rule.arguments.get("min", 0) <= len(given) <= rule.arguments["max"])
        if rule.kind == "exists_in":
            return given in self.listed[rule.id]
        if rule.kind == "phone":
            return re.match(PHONE, given) is not None
        if rule.kind == "citizen_number":
            return given == CITIZEN
        return not given.startswith(LATER)


def _code(n: int, width: int) -> str:
    """A name of a record that is nobody's, of a given length, another one for each number."""
    digits = ""
    while n:
        n, rest = divmod(n, len(DIGITS))
        digits = DIGITS[rest] + digits
    return digits.rjust(width, "0") if width < 4 else "M" + digits.rjust(width - 1, "0")
