"""The shape of a source is what it promises to give: its columns, their order, and their types where it declares any.

Every reader tells its shape through ``text.require_columns``, before its first row. Whoever reads may listen
(``Gate``): a shape that differs from those that were accepted stops the reading before a row is taken.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from lienthong.contracts import Contract
from lienthong.errors import SourceChanged
from lienthong.sources.columntypes import NARROWED, RETYPED, WIDENED, compared

DECLARED, HEADER, SEEN = "declared", "header", "seen"
DROPPED, ADDED, RENAMED = "dropped", "added", "renamed"
KINDS = (DROPPED, RENAMED, ADDED, RETYPED, NARROWED, WIDENED)
"""Kinds of differences, in the order in which they are told."""
LONGEST_NAME = 60
LONGEST_TYPE = 60
LONGEST_KEPT = 200  # letters of a name or type; the values of a list type may be many
MOST_COMPARED = 50
"""Columns of each side among which renamed ones are looked for."""
MOST_LINES = 20
ALIKE = 0.6
"""Likeness of two names, from 0 to 1, from which on one may be the other, renamed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns in the order of the source, each with its declared type or an empty text.

    ``kind`` says what the absence of a column means: ``declared`` (a table: names, types and nullability), ``header``
    (the first line of a file: names only) or ``seen`` (names in the rows of a first page: a name that the contract
    does not need may be left out wherever it has no value)."""

    columns: tuple[tuple[str, str], ...]
    kind: str = SEEN

    @classmethod
    def declared(cls, columns: Iterable[tuple[str, str]]) -> Shape:
        """The shape of a table: name and type, the type with length, precision and ``not null``."""
        return cls(_once(columns), DECLARED)

    @classmethod
    def header(cls, names: Iterable[str]) -> Shape:
        """The shape of a file with a first line of names; a column without a name is none."""
        return cls(_once((name, "") for name in names if name), HEADER)

    @classmethod
    def seen(cls, names: Iterable[str]) -> Shape:
        """The shape of rows that name their own values."""
        return cls(_once((name, "") for name in names), SEEN)

    @classmethod
    def from_json(cls, columns: Iterable[Sequence[str]], kind: str) -> Shape:
        """The shape as ``columns`` and ``kind`` were kept."""
        return cls(tuple((name, type_) for name, type_ in columns), kind)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the source."""
        return tuple(name for name, _ in self.columns)

    @property
    def digest(self) -> str:
        """Equal for shapes that differ in the order of their columns only."""
        return hashlib.sha256(json.dumps([self.kind, *sorted(self.columns)]).encode()).hexdigest()


def _once(columns: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each column once, as text that can be kept, whatever stands in a first line."""
    found: dict[str, str] = {}
    for name, type_ in columns:
        found.setdefault(_kept(name), _kept(type_))
    return tuple(found.items())


def _kept(text: str) -> str:
    return text[:LONGEST_KEPT].replace("\x00", "\u2400").encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the column as it was accepted and as it is now; of a dropped or an added one a side is empty.

    ``place`` is the column's number in the source, from 1, for a name that must not be shown."""

    kind: str
    old: str = ""
    new: str = ""
    old_type: str = ""
    new_type: str = ""
    place: int = 0

    @property
    def line(self) -> str:
        """The difference in one Vietnamese sentence, without anything that could be a value."""
        old, new = shown(self.old, self.place), shown(self.new, self.place)
        types = f"{shown_type(self.old_type)} → {shown_type(self.new_type)}"
        return {
            DROPPED: f"Cột {old} không còn.",
            ADDED: f"Cột {new} mới xuất hiện{f', kiểu {shown_type(self.new_type)}' if self.new_type else ''}.",
            RENAMED: f"Cột {old} không còn; có thể đã đổi tên thành {new}.",
            RETYPED: f"Cột {old} đổi kiểu dữ liệu: {types}.",
            NARROWED: f"Cột {old} bị thu hẹp: {types}.",
            WIDENED: f"Cột {old} được nới rộng: {types}.",
        }[self.kind]


def shown(name: str, place: int) -> str:
    """A column's name as it may be told: what looks like a person's name or number is told by its place only.

    Where a first line is missing, a row of data stands in its place; a column's name has small letters behind its
    first word and no long number."""
    plain = "".join(letter for letter in name if letter.isprintable()).strip()
    later = plain.split()[1:]
    odd = re.search(r"\d{5}|\d[\d .-]{7}|@", plain) or any(word[:1].isupper() for word in later)
    if not plain or odd or len(plain) > LONGEST_NAME:
        return f"thứ {place} (tên đã che)"
    return f"«{plain}»"


def shown_type(text: str) -> str:
    """A type without the values that some databases list in it."""
    plain = re.sub(r"'(?:[^']|'')*'", "…", text)
    return plain if len(plain) <= LONGEST_TYPE else f"{plain[: LONGEST_TYPE - 1]}…"


def differences(old: Shape, new: Shape, needed: Sequence[str]) -> tuple[Change, ...]:
    """How a shape differs from an accepted one, empty when it does not; another order is no difference.

    ``needed`` are the columns of the contract: of rows that name their own values only these can be missed."""
    before, after = dict(old.columns), dict(new.columns)
    loose = SEEN in (old.kind, new.kind)
    gone = [name for name in before if name not in after and (not loose or name in needed)]
    come = [name for name in after if name not in before]
    places = {name: place for shape in (old, new) for place, name in enumerate(shape.names, 1)}
    found: list[Change] = []
    for was, now in _renamed(gone, come, before, after, old.names, new.names):
        gone.remove(was)
        come.remove(now)
        found.append(Change(RENAMED, was, now, before[was], after[now], places[now]))
    found += [Change(DROPPED, old=name, old_type=before[name], place=places[name]) for name in gone]
    found += [Change(ADDED, new=name, new_type=after[name], place=places[name]) for name in come]
    for name in before:
        kind = compared(before[name], after[name]) if name in after else ""
        if kind:
            found.append(Change(kind, name, name, before[name], after[name], places[name]))
    return tuple(sorted(found, key=lambda change: (KINDS.index(change.kind), change.place)))


def _renamed(
    gone: Sequence[str], come: Sequence[str], before: Mapping[str, str], after: Mapping[str, str],
    old: Sequence[str], new: Sequence[str],
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Pairs of one that went and one that came which may be the same column, the likest first, each at most once."""
    scores: list[tuple[float, str, str]] = []
    for was in gone[:MOST_COMPARED]:
        for now in come[:MOST_COMPARED]:
            same_place = len(old) == len(new) and old.index(was) == new.index(now)
            alike = SequenceMatcher(None, _letters(was), _letters(now)).ratio()
            typed = before[was] and after[now]
            if typed and compared(before[was], after[now]) == RETYPED:
                continue
            if same_place or alike >= ALIKE:
                scores.append((alike + same_place, was, now))
    taken: set[str] = set()
    for _, was, now in sorted(scores, reverse=True):
        if was not in taken and now not in taken:
            taken |= {was, now}
            yield was, now


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


class Drifted(SourceChanged):
    """A source has another shape than those that were accepted; says how, line by line, and carries both."""

    def __init__(self, where: str, shape: Shape, changes: tuple[Change, ...]) -> None:
        self.shape = shape
        self.changes = changes
        more = f"\n  - và {len(changes) - MOST_LINES} khác biệt nữa" if len(changes) > MOST_LINES else ""
        told = "".join(f"\n  - {line}" for line in self.lines)
        super().__init__(
            f"{where}: cấu trúc nguồn khác với cấu trúc đã được chấp nhận:{told}{more}\n"
            "Đơn vị quản lý nguồn khôi phục cấu trúc, hoặc nhóm dữ liệu của tỉnh chấp nhận thay đổi."
        )

    @property
    def lines(self) -> list[str]:
        """The first of the differences, a sentence each."""
        return [change.line for change in self.changes[:MOST_LINES]]


@dataclass(slots=True)
class Gate:
    """Hears what shape one source has while it is read; one that differs from every accepted one is not let pass.

    ``accepted`` has the newest first; without any, every shape passes."""

    contract: Contract
    source: str
    accepted: tuple[Shape, ...]
    heard: Shape | None = field(default=None)

    def hear(self, shape: Shape) -> None:
        """Keep the first shape of a reading, or raise ``Drifted``. Where no column of the contract stands at all, what
        stands there may be a row of data and is no shape."""
        if self.heard is not None or not set(shape.names) & set(self.contract.names):
            return
        self.heard = shape
        alike = [known for known in self.accepted if known.kind == shape.kind] or list(self.accepted)
        if shape.kind == SEEN and alike:  # each reading shows a part of what may stand in a row
            alike = [replace(alike[0], columns=_once(c for known in alike for c in known.columns))]
        found = [differences(known, shape, self.contract.names) for known in alike]
        if found and all(found):
            raise Drifted(f"{self.contract.dataset}, {self.source}", shape, found[0])

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While the block lasts, what this thread reads tells its shape here."""
        token = _LISTENER.set(self)
        try:
            yield
        finally:
            _LISTENER.reset(token)


_LISTENER: ContextVar[Gate | None] = ContextVar("shapes", default=None)


def tell(shape: Shape) -> None:
    """Say the shape of what is about to be read to whoever listens."""
    gate = _LISTENER.get()
    if gate is not None:
        gate.hear(shape)


def as_json(shape: Shape) -> list[Any]:
    """The columns as plain values, for ``Shape.from_json``."""
    return [list(column) for column in shape.columns]
