"""The index of Decision 766/QĐ-TTg: scored from counters, from our own records, compared and forecast."""

from lienthong.indicators.index766.comparing import Difference, Reason, compare
from lienthong.indicators.index766.forecasting import Forecast, Interval, forecast
from lienthong.indicators.index766.periods import Period
from lienthong.indicators.index766.ruleset import Group, Part, RuleSet, ruleset
from lienthong.indicators.index766.scoring import GroupScore, PartScore, Scored, score
from lienthong.indicators.index766.warehouse import OfUnit, Published, of_warehouse

__all__ = [
    "Difference", "Forecast", "Group", "GroupScore", "Interval", "OfUnit", "Part", "PartScore", "Period", "Published",
    "Reason", "RuleSet", "Scored", "compare", "forecast", "of_warehouse", "ruleset", "score",
]  # fmt: skip
