"""The rules about windows on the sandbox's days: silent on ordinary ones, and not deaf."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from lienthong.batches import Window
from lienthong.rules import Past, window_test
from lienthong.rules.calendar import works

from .sandbox_kit import days

UNITS = 116
SPAN = [date(2025, 9, 1) + timedelta(days=n) for n in range(30)]


def counted(rule, columns):
    """What a rule counts of the rows of one unit; the SQL of the same is proven elsewhere."""
    values = columns[rule.columns[0]] if rule.columns else []
    rows = len(columns["cap_nhat_luc"])
    if rule.kind == "null_share":
        return {"rows": rows, "empty": sum(value is None for value in values)}
    if rule.kind == "freshness":
        newest = max((datetime.fromisoformat(str(value)) for value in values), default=None)
        return {"rows": rows, "newest": newest and newest.replace(tzinfo=UTC).timestamp()}
    if rule.kind == "drift":
        codes = Counter("" if value is None else str(value) for value in values)
        known = set(rule.arguments["values"])
        return {code: codes[code] for code in known} | {"": rows - sum(codes[code] for code in known)}
    return {"rows": rows}


@pytest.fixture(scope="module")
def made(contracts):
    """For each rule about a window and each unit: the day and what was counted, oldest first."""
    found = {}
    for day in SPAN:
        whole = days().make(day)
        for dataset in ("ho_so", "tien_trinh"):
            for rule in contracts[dataset].window_rules:
                for unit in range(UNITS):
                    parts = counted(rule, whole.rows(dataset).of(unit))
                    found.setdefault((dataset, rule.id), {}).setdefault(unit, []).append(Past(day, parts))
    return found


def holds(rule, window, past, parts):
    limits = window_test(rule).limits(rule, window, past)
    return None if limits is None else window_test(rule).holds(rule, parts, limits)


def rules(contracts):
    return [(dataset, rule) for dataset in ("ho_so", "tien_trinh") for rule in contracts[dataset].window_rules]


def test_ordinary_days_give_no_finding(contracts, made):
    for dataset, rule in rules(contracts):
        decisions = Counter(
            (holds(rule, Window.of_day(one.day), given[:place][::-1], one.parts), place)
            for given in made[dataset, rule.id].values()
            for place, one in enumerate(given)
        )
        assert [place for found, place in decisions if found is False] == [], rule.id
        assert sum(n for (found, _), n in decisions.items() if found) > 1500, "nearly never an opinion"


def test_a_unit_that_loses_most_of_its_working_day_is_found(contracts, made):
    for dataset, rule in rules(contracts):
        if rule.kind != "row_count":
            continue
        found = []
        for given in made[dataset, rule.id].values():
            usual = np.median([one.parts["rows"] for one in given if works(one.day)])
            if usual >= 30:
                part = {"rows": int(given[-1].parts["rows"] * 0.1)}
                found.append(holds(rule, Window.of_day(SPAN[-1]), given[:-1][::-1], part))
        assert len(found) > 60
        assert set(found) == {False}
