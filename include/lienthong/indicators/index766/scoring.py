"""Points follow from counters alone, to the cent as the portal publishes them.

A part is rounded half up to two decimals, a group adds its rounded parts, the total adds the groups. Where a counter
is not known there are no points and no zero: the part says why, and so does every sum above it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from lienthong.errors import NeedsPerson
from lienthong.indicators.index766.ruleset import Group, Part, RuleSet

Counters = Mapping[str, int | Decimal | None]

CENT = Decimal("0.01")
# Products are made before the one division, so that an exact half is seen as one, whatever the counters' length.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class PartScore:
    """What one part says. ``ratio`` is a fraction. Without ``determined`` there is no score, or one of a substitute
    that no sum counts; ``why`` says what is missing, or in what the counters are not quite the portal's."""

    part: Part
    numerator: Decimal | None
    denominator: Decimal | None
    ratio: Decimal | None
    score: Decimal | None
    determined: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The sum of the determined parts of a group, of the points that they can have; whole when all are determined."""

    group: Group
    score: Decimal
    reachable: Decimal
    whole: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """The index of one unit: ``score`` points of the ``reachable`` ones whose counters are known."""

    ruleset: RuleSet
    parts: tuple[PartScore, ...]
    groups: tuple[GroupScore, ...]
    score: Decimal
    reachable: Decimal

    def part(self, code: str) -> PartScore:
        """The part of this code."""
        return next(one for one in self.parts if one.part.code == code)

    def completed(self, published: Mapping[str, Decimal]) -> Decimal | None:
        """The total with the published points, by part or group, of what is not determined here; None when some
        of them are not known either."""
        total = Decimal(0)
        for group in self.groups:
            own = [one for one in self.parts if one.part.group == group.group.code and one.part.max]
            missing = [one for one in own if not one.determined]
            known = [published.get(one.part.code) for one in missing]
            whole = published.get(group.group.code)
            if None not in known:
                total += group.score + sum((value for value in known if value is not None), Decimal(0))
            elif whole is not None:
                total += whole
            else:
                return None
        return total


def score(counters: Counters, ruleset: RuleSet, notes: Mapping[str, str] | None = None) -> Scored:
    """The points of one unit. ``notes`` say by part in what the counters given are not quite the portal's."""
    ratios: dict[str, Decimal | None] = {}
    parts = []
    for part in ruleset.parts:
        found = _part(
            part, counters, ratios[part.times] if part.times else Decimal(1), (notes or {}).get(part.code, "")
        )
        ratios[part.code] = found.ratio if found.determined else None
        parts.append(found)
    groups = tuple(_group(group, parts) for group in ruleset.groups)
    return Scored(
        ruleset, tuple(parts), groups,
        sum((one.score for one in groups), Decimal("0.00")), sum((one.reachable for one in groups), Decimal(0)),
    )  # fmt: skip


def _part(part: Part, counters: Counters, times: Decimal | None, note: str) -> PartScore:
    if part.always:
        numerator, denominator = _added(part.numerator, counters), _added(part.denominator, counters)
        return PartScore(part, numerator, denominator, Decimal(1), part.max.quantize(CENT), True)
    numerator, denominator = _added(part.numerator, counters), _added(part.denominator, counters)
    known = numerator is not None and (denominator is not None or not part.denominator)
    determined = known and times is not None
    if not known and part.substitute:
        numerator, denominator = (_added(names, counters) for names in part.substitute)
    if numerator is None or denominator is None or times is None:
        shown = part.why if not determined else note
        return PartScore(part, numerator, denominator, None, Decimal("0.00") if determined else None, determined, shown)
    points = points_of(part, numerator * times, denominator)
    ratio = fraction(numerator, denominator)
    return PartScore(part, numerator, denominator, ratio, points, determined, note if determined else part.why)


def _group(group: Group, parts: Iterable[PartScore]) -> GroupScore:
    own = [one for one in parts if one.part.group == group.code]
    known = [one for one in own if one.determined]
    # What is only shown (no points) does not make a group incomplete.
    return GroupScore(
        group,
        sum((one.score for one in known if one.score is not None), Decimal("0.00")),
        sum((one.part.max for one in known), Decimal(0)),
        all(one.determined for one in own if one.part.max),
    )


def points_of(part: Part, numerator: Decimal, denominator: Decimal) -> Decimal:
    """The rounded points of one part, never below 0 or above its maximum."""
    if denominator == 0:
        return part.empty.quantize(CENT)
    if part.ratio_first:
        percent = rounded(EXACT.divide(numerator * 100, denominator))
        numerator, denominator = percent, Decimal(100)
    if numerator >= denominator * part.full_at:
        return part.max.quantize(CENT)
    return rounded(EXACT.divide(part.max * numerator, denominator * part.full_at))


def fraction(numerator: Decimal, denominator: Decimal) -> Decimal | None:
    """The ratio to six decimals; None where nothing was counted."""
    return EXACT.divide(numerator, denominator).quantize(Decimal("0.000001"), ROUND_HALF_UP) if denominator else None


def rounded(value: Decimal) -> Decimal:
    """Two decimals, an exact half upwards."""
    return value.quantize(CENT, ROUND_HALF_UP)


def _added(names: tuple[str, ...], counters: Counters) -> Decimal | None:
    """The sum of the counters, None when one of them is not known or there is none."""
    values = [counters.get(name) for name in names]
    if not values or any(value is None for value in values):
        return None
    for name, value in zip(names, values, strict=True):
        if value is not None and value < 0:
            raise NeedsPerson(f"Counter {name} is {value}; a counter is never below 0. Mend it where it was counted.")
    return sum((Decimal(value) for value in values if value is not None), Decimal(0))
