"""The rules of the index are one file for each version: parts, points, thresholds and the wording they follow.

``sql/marts/index766.yaml`` says what the portal was seen to do (wording ``data``) and, beside it, what the working
paper says otherwise (wording ``paper``). Nothing in the program knows a weight or a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from lienthong.errors import NeedsPerson
from lienthong.odcs import Document

WORDINGS = ("data", "paper")
FOLDER = Path("sql", "marts")


@dataclass(frozen=True, slots=True)
class Part:
    """One sub-indicator: which counters make its ratio, and how many points the ratio is worth."""

    number: str
    code: str
    group: str
    name: str
    max: Decimal
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    full_at: Decimal = Decimal(1)
    empty: Decimal = Decimal(0)
    ratio_first: bool = False
    always: bool = False
    times: str = ""
    column: str = ""
    published: tuple[str, ...] = ()
    why: str = ""
    substitute: tuple[tuple[str, ...], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that the portal adds to one figure."""

    code: str
    name: str
    column: str
    published: str
    parts: tuple[Part, ...]

    @property
    def max(self) -> Decimal:
        """Points of all its parts."""
        return sum((part.max for part in self.parts), Decimal(0))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of the rules in one of the two wordings."""

    version: str
    wording: str
    source: str
    total: str
    """The code under which the portal's total is kept."""
    groups: tuple[Group, ...]
    classes: tuple[tuple[Decimal, str], ...]
    valid_from: date
    """The first day whose periods the portal was seen to score by these rules."""

    def note(self, first: date) -> str:
        """What must be said beside the points of a period that begins on this day; empty when nothing."""
        if first >= self.valid_from:
            return ""
        return (
            f"Quy tắc {self.version} áp dụng cho kỳ từ {self.valid_from:%d/%m/%Y}; điểm của kỳ trước đó chỉ là cách"
            " chấm nay áp vào số liệu cũ, không so sánh được với điểm đã công bố khi ấy và không nối với các kỳ sau."
        )

    @property
    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the groups."""
        return (part for group in self.groups for part in group.parts)

    def part(self, code: str) -> Part:
        """The part of this code; every code in use comes from the rule set itself."""
        return next(part for part in self.parts if part.code == code)

    def class_of(self, total: Decimal) -> str:
        """The portal's word for a total."""
        return next(name for limit, name in self.classes if total >= limit)


def ruleset(home: Path, *, version: str = "", wording: str = "") -> RuleSet:
    """The newest rules, or those of ``version``; in the wording of the file, or in the one asked for."""
    found = {rules.content["version"]: rules for rules in map(Document, sorted((home / FOLDER).glob("index766*.yaml")))}
    if not found:
        raise NeedsPerson(f"There are no rules of the index: {FOLDER}/index766*.yaml is missing. Restore it.")
    name = version or max(found)
    if name not in found:
        raise NeedsPerson(f"There are no rules {name!r} of the index; there are {', '.join(sorted(found))}.")
    return _read(found[name], wording)


def _read(document: Document, wording: str) -> RuleSet:
    content = document.content
    chosen = wording or str(content["wording"])
    if chosen not in WORDINGS:
        raise NeedsPerson(f"There is no wording {chosen!r} of the index's rules; there are {', '.join(WORDINGS)}.")
    try:
        groups = tuple(_group(one, chosen) for one in content["groups"])
        classes = tuple((Decimal(one["from"]), str(one["name"])) for one in content["classes"])
        source, total = str(content["sources"][chosen]), str(content["total"]["published"])
        valid_from = date.fromisoformat(str(content["valid_from"]))
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise NeedsPerson(
            f"{document.path.name}: {error} is missing or not of its form. Whoever changed the rules can mend it."
        ) from None
    ordered = tuple(sorted(classes, reverse=True))
    rules = RuleSet(str(content["version"]), chosen, source, total, groups, ordered, valid_from)
    _refuse_contradictions(document, rules)
    return rules


def _group(given: Mapping[str, Any], wording: str) -> Group:
    parts = tuple(_part(one, given["code"], wording) for one in given["parts"])
    return Group(given["code"], given["name"], given["column"], given["published"], parts)


def _part(given: Mapping[str, Any], group: str, wording: str) -> Part:
    said = {**given, **(given.get("paper", {}) if wording == "paper" else {})}
    part = Part(
        number=str(said["number"]), code=said["code"], group=group, name=said["name"], max=Decimal(said["max"]),
        numerator=tuple(said["numerator"]), denominator=tuple(said["denominator"]),
        published=tuple(said.get("published", [said["code"]])),
    )  # fmt: skip
    substitute = said.get("substitute")
    return replace(
        part,
        full_at=Decimal(said.get("full_at", 1)),
        empty=Decimal(said.get("empty", 0)),
        ratio_first=bool(said.get("ratio_first")),
        always=bool(said.get("always")),
        times=said.get("times", ""),
        column=said.get("column", ""),
        why=said.get("why", ""),
        substitute=(tuple(substitute["numerator"]), tuple(substitute["denominator"])) if substitute else None,
    )


def _refuse_contradictions(document: Document, rules: RuleSet) -> None:
    codes = [part.code for part in rules.parts]
    mistakes = [f"{code} stands twice" for code in sorted({code for code in codes if codes.count(code) > 1})]
    mistakes += [f"{part.code}: full_at must lie in (0, 1]" for part in rules.parts if not 0 < part.full_at <= 1]
    mistakes += [f"{part.code}: empty exceeds max" for part in rules.parts if not 0 <= part.empty <= part.max]
    mistakes += [
        f"{part.code}: times must name a part before it"
        for place, part in enumerate(rules.parts)
        if part.times and part.times not in codes[:place]
    ]
    points = sum((group.max for group in rules.groups), Decimal(0))
    mistakes += [f"the parts add up to {points} points, not 100"] if points != 100 else []
    mistakes += ["the lowest class does not begin at 0"] if not rules.classes or rules.classes[-1][0] != 0 else []
    if mistakes:
        raise NeedsPerson(f"{document.path.name}: {'; '.join(mistakes)}. Whoever changed the rules can mend it.")
