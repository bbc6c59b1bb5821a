"""One figure as people read it: its value, what it is a share of, and how it stands against the declared limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import quantiles

from lienthong.console import words
from lienthong.console.charts import Scale, scale
from lienthong.console.indicators.asked import Period
from lienthong.console.words import Sign
from lienthong.indicators.declared import Indicator
from lienthong.indicators.reading import Value

NONE = ("chưa có số liệu", "no figure yet")
FEW = 10
"""Below so many in the denominator one dossier decides the rate, and may be told from it."""
SIGNS: Mapping[str, Sign] = {
    "green": Sign("✓", "good", "đạt", "good"),
    "yellow": Sign("!", "warn", "cần chú ý", "watch"),
    "red": Sign("✕", "bad", "chưa đạt", "not met"),
    "short": Sign("△", "warn", "chưa đạt mục tiêu", "below target"),
    "none": Sign("○", "off", *NONE),
    "plain": Sign("", "", "", ""),
}
"""How a figure stands; ``short`` has a target and no limits, ``plain`` has neither."""


COUNTED = frozenset({
    "received", "resolved", "pending", "working_counted", "limited", "fee_dossiers", "results_due", "outside_known",
    "feedback_rated",
})  # fmt: skip
"""Denominators that count dossiers or reports; others count minutes, fees, communes or equipment."""
MIDDLE = 8
"""Values from which on there is a usual range to be beyond of."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator of a unit for a period; ``value`` is None where nothing was counted."""

    indicator: Indicator
    unit: str
    period: Period
    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None

    @property
    def standing(self) -> str:
        """Which of ``SIGNS``."""
        if self.value is None:
            return "none"
        return standing(self.indicator, self.value)

    @property
    def few(self) -> bool:
        """Whether a rate is one of fewer than ``FEW`` dossiers or reports; those have no place in a ranking."""
        counted = {*self.indicator.denominator} <= COUNTED and self.value is not None
        return bool(counted and self.denominator is not None and self.denominator < FEW)

    def text(self, language: str, digits: int = 2) -> str:
        """The value with its unit; what is not known is said and is never 0."""
        if self.value is None:
            return NONE[words.LANGUAGES.index(language)]
        return shown(self.indicator, self.value, language, digits)

    def parts(self, language: str) -> str:
        """Numerator and denominator, where it is made of both."""
        if self.denominator is None or self.numerator is None or self.indicator.form not in ("ratio", "mean"):
            return ""
        above, below = self.counted(self.numerator, True), self.counted(self.denominator, False)
        unit = " ngày làm việc" if language == "vi" else " working days"
        first, second = self._timed(True) and not self._timed(False), self._timed(False)
        return f"{amount(language, above)}{unit * first} / {amount(language, below)}{unit * second}{',' * second}"

    def _timed(self, above: bool) -> bool:
        names = self.indicator.numerator if above else self.indicator.denominator
        return any(name.endswith("_minutes") for name in names)

    def counted(self, part: Decimal, above: bool) -> Decimal:
        """Numerator or denominator as people count it: working minutes as whole days of 480."""
        return (part / 480).quantize(Decimal(1)) if self._timed(above) else part

    def brief(self, language: str) -> str:
        """The value where there is little room; the unit stands elsewhere."""
        if self.value is None:
            return self.text(language)
        return brief(self.indicator, self.value, language, 1)

    def plain(self, language: str) -> str:
        """The value without its unit, which the head of its column has."""
        return self.text(language) if self.value is None else brief(self.indicator, self.value, language)


def standing(indicator: Indicator, value: Decimal) -> str:
    """A value against the limits of the declaration; where it has none, against the target."""
    up = indicator.better != "down"

    def keeps(limit: Decimal) -> bool:
        return value >= limit if up else value <= limit

    if indicator.limits is not None:
        green, yellow = indicator.limits
        return "green" if keeps(green) else "yellow" if keeps(yellow) else "red"
    if indicator.target is None:
        return "plain"
    return "green" if keeps(indicator.target) else "short"


def percent(indicator: Indicator) -> bool:
    """Whether the value is a share."""
    return indicator.unit == "%"


def shown(indicator: Indicator, value: Decimal | float, language: str, digits: int = 2) -> str:
    """A value of an indicator with its unit."""
    if percent(indicator):
        return share(language, value, digits)
    return f"{amount(language, value)} {indicator.unit}"


def brief(indicator: Indicator, value: Decimal | float, language: str, digits: int = 2) -> str:
    """A value whose unit stands elsewhere; a share keeps its sign."""
    return share(language, value, digits) if percent(indicator) else amount(language, value)


def limit(indicator: Indicator, value: Decimal, language: str) -> str:
    """A target or a limit: without the noughts that a measured value has."""
    whole = percent(indicator) and value * 100 == (value * 100).to_integral_value()
    return shown(indicator, value, language, 0 if whole else 2)


def share(language: str, value: Decimal | float, digits: int = 2) -> str:
    """A share in per cent; what is not all is never shown as 100, and what is not nothing never as 0."""
    exact, least = Decimal(str(value)) * 100, Decimal(1).scaleb(-digits)
    near = exact.quantize(least)
    if near == 100 and exact < 100:
        near = 100 - least
    if near == 0 and exact > 0:
        near = least
    text = f"{near:f}"
    return (text.replace(".", ",") if language == "vi" else text).replace("-", "−") + "%"


def of(language: str, part: int, whole: int) -> str:
    """A share of two counts; of nothing there is none."""
    return share(language, Decimal(part) / Decimal(whole)) if whole else "–"


def wall(language: str, value: datetime) -> str:
    """``08:15 30/09/2025``: a wall time of the warehouse, which has no zone."""
    return f"{value:%H:%M} {words.day(language, value.date())}"


def points(language: str, value: Decimal | float) -> str:
    """Points of the index: always two decimals."""
    text = f"{Decimal(str(value)):.2f}"
    return text.replace(".", ",") if language == "vi" else text


def signed(language: str, value: Decimal) -> str:
    """A difference with its sign."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{amount(language, abs(value))}"


def amount(language: str, value: Decimal | float) -> str:
    """A number with its thousands marked, and two decimals where it is not whole."""
    exact = Decimal(str(value))
    text = (f"{exact:,.0f}" if exact == exact.to_integral_value() else f"{exact:,.2f}").replace("-", "−")
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


def on_axis(indicator: Indicator, value: float, language: str) -> str:
    """A value on an axis: without needless decimals, and without the unit where it is long."""
    if percent(indicator):
        text = f"{value * 100:.4g}".replace("-", "−")
        return (text.replace(".", ",") if language == "vi" else text) + "%"
    if abs(value) >= 1e9:
        return f"{amount(language, value / 1e9)} {'tỷ' if language == 'vi' else 'bn'}"
    if abs(value) >= 1e6:
        return f"{amount(language, value / 1e6)} {'triệu' if language == 'vi' else 'm'}"
    return amount(language, round(value, 4))


def figures(
    indicators: Mapping[str, Indicator], values: Iterable[Value], places: Iterable[tuple[str, str, Period]]
) -> dict[tuple[str, str, Period], Figure]:
    """For each indicator, unit and period its figure, also where there is no value."""
    found = {(value.indicator, value.unit, Period(value.kind, value.start)): value for value in values}
    made = {}
    for place in places:
        value = found.get(place)
        parts = (value.value, value.numerator, value.denominator) if value else (None, None, None)
        made[place] = Figure(indicators[place[0]], place[1], place[2], *parts)
    return made


def axis_of(indicator: Indicator, figures: Sequence[Figure]) -> Scale:
    """The axis on which units are laid beside each other: shares that are all high begin where they differ, and a rate
    far off all others lies beyond the end instead of pressing them together. Rates of a few do not stretch it."""
    many = [float(figure.value) for figure in figures if figure.value is not None and not figure.few]
    known = many or [float(figure.value) for figure in figures if figure.value is not None]
    if indicator.form in ("ratio", "mean", "percentile"):
        known = usual(known)
    if indicator.target is not None:
        known.append(float(indicator.target))
    near = percent(indicator) and bool(known) and min(known) >= 0.5
    return scale(known, zero=not near, top=1.0 if percent(indicator) else None, steps=4)


def usual(values: Sequence[float]) -> list[float]:
    """Without those that lie further from the middle half than three times its width."""
    if len(values) < MIDDLE:
        return list(values)
    low, _, high = quantiles(values, n=4)
    room = 3 * max(high - low, 0.02 * max(abs(low), abs(high)))
    return [value for value in values if low - room <= value <= high + room]
