"""What a rule is, what a kind of rule must say, and how names and values are written into its SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lienthong.batches import Window

SEVERITIES = ("block", "quarantine", "warn")

# Text types of the warehouse by the contract's logical type.
SQL_TYPES = {
    "string": "text", "integer": "bigint", "number": "numeric",
    "date": "date", "timestamp": "timestamp(0)", "boolean": "boolean",
}  # fmt: skip

# Columns of a dataset whose records are valid for a time: first day, and first day no more.
VALIDITY = ("hieu_luc_tu", "hieu_luc_den")


@dataclass(frozen=True, slots=True)
class Rule:
    """One testable promise about the rows of a dataset.

    ``sentence`` tells the department, in Vietnamese, what is wrong and how to mend it. ``arguments`` belong to
    the kind. ``derived`` marks a rule that follows from the schema part of the contract."""

    id: str
    kind: str
    columns: tuple[str, ...]
    severity: str
    dimension: str
    sentence: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    derived: bool = False

    @property
    def rejects(self) -> bool:
        """Whether a row that breaks the rule stays out of ``core``."""
        return self.severity != "warn"

    @property
    def about_window(self) -> bool:
        """Whether the rule is about all that a source gave to a window, and not about single rows."""
        return KINDS[self.kind].about_window

    @property
    def whole(self) -> bool:
        """Whether a rule about a window looks at the sources together instead of at each of them."""
        return self.about_window and self.arguments.get("per") == "dataset"

    @property
    def reference(self) -> str | None:
        """Dataset that the rule looks into; a run waits for it, and a rejected row waits with it."""
        return self.arguments.get("dataset") if KINDS[self.kind].refers else None

    @property
    def beside(self) -> tuple[str, str] | None:
        """Dataset and column of the record that the predicate knows beside ``t``, under the name of the dataset: the
        live one that the column names. Where there is none its values are NULL."""
        return KINDS[self.kind].beside(self)


# What was counted in one window of one source, by the name of the part.
Parts = Mapping[str, float | None]
# What a rule about a window allows to one source.
Limits = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Past:
    """What was counted of one source in one earlier window."""

    day: date
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Subject:
    """One source, or all together, under a rule about a window: what was counted, and what is allowed.

    Without ``limits`` the rule has no opinion, mostly because there are too few windows to compare with."""

    source: str
    parts: Parts
    limits: Limits | None


@dataclass(frozen=True, slots=True)
class WindowTest:
    """How a rule about a window is decided, once in Python and once in SQL.

    ``parts`` are aggregates over the rows ``t`` of a source, by name. ``limits`` are made from the earlier windows,
    newest first; None is no opinion. ``holds`` is the split's decision, ``condition`` the same as SQL, given the
    expressions of parts and limits. What has ``history`` is kept for later windows."""

    parts: Callable[[Rule], Mapping[str, str]]
    limits: Callable[[Rule, Window, Sequence[Past]], Limits | None]
    holds: Callable[[Rule, Parts, Limits], bool]
    condition: Callable[[Rule, Mapping[str, str], Mapping[str, str]], str]
    history: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """What a rule of this kind must say, what it may say, and its SQL predicate.

    ``columns`` is the number of columns that it takes, None for one or more; ``types`` the types that they may have,
    () for any. ``named`` are arguments that name a further column, with the types that it may have. ``refers`` says
    that its argument ``dataset`` is another dataset, ``beside`` which record of it the predicate knows. ``check`` gives
    what is wrong with its arguments, or an empty text. ``coded`` says that its column has a list of codes, which the
    contract adds as ``values``. ``window`` makes it a rule about a window."""

    predicate: Callable[[Rule, Window], str]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    columns: int | None = 1
    refers: bool = False
    check: Callable[[Mapping[str, Any]], str] = lambda _: ""
    types: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coded: bool = False
    window: WindowTest | None = None
    beside: Callable[[Rule], tuple[str, str] | None] = lambda _: None

    @property
    def about_window(self) -> bool:
        """Whether its rules are about all that a source gave to a window."""
        return self.window is not None


# Every kind by its name; the modules beside this one bring theirs, and ``rules`` puts them in.
KINDS: dict[str, Kind] = {}


def predicate(rule: Rule, window: Window) -> str:
    """SQL that is FALSE exactly for the rows that break the rule; values are literals, names are quoted.

    No single row breaks a rule about a window."""
    return KINDS[rule.kind].predicate(rule, window)


def window_test(rule: Rule) -> WindowTest:
    """How a rule about a window is decided; asked of no other rule."""
    test = KINDS[rule.kind].window
    if test is None:
        raise TypeError(f"{rule.id}: kind {rule.kind} is about rows")
    return test


def column(name: str) -> str:
    """The typed value of a column, quoted."""
    return f"t.{quoted(name)}"


def raw(name: str) -> str:
    """The trimmed text of a column as received, quoted."""
    return column(f"{name}__raw")


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as an SQL literal; ``standard_conforming_strings`` is on, so only quotes need doubling."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
