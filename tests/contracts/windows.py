"""The histories of a contract, ``<dataset>.windows.yaml``: what a source gave before, a window that breaks a rule about
windows beside it, and one that passes. Landed and judged by both compilations, like the rows of the samples.

A part is a number of rows, copies of the first good sample row but for the columns that are named.
"""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta

import yaml

from lienthong import quality
from lienthong.batches import Window
from lienthong.rules.calendar import works
from lienthong.warehouse import measures
from lienthong.warehouse.landing import Landing

from ..sql.builders import land
from . import samples

WAYS = ("breaks", "passes")


@dataclass(frozen=True)
class Outcome:
    """``found`` has for each rule the windows that break it and those that it compared and passes; ``quiet`` says
    whether the first window of all broke nothing; ``verdict`` the counts of Great Expectations."""

    found: dict[str, tuple[set[str], set[str]]]
    quiet: bool
    verdict: dict[str, int]


def path(contract):
    """The file of a contract's histories."""
    return contract.path.with_name(f"{contract.dataset}.windows.yaml")


def read(contract):
    """The histories by rule; none when the contract has no rule about windows."""
    if not path(contract).exists():
        return {}
    given = yaml.safe_load(path(contract).read_text(encoding="utf-8"))
    for rule, history in given.items():
        assert set(history) == {"note", "days", "before", *WAYS}, f"{contract.dataset}.{rule}: the parts differ"
        for part in (history["before"], *(history[way] for way in WAYS)):
            strange = {name for rows in part for name in rows} - {"rows", *contract.names}
            assert not strange, f"{contract.dataset}.{rule}: no such column: {strange}"
    return given


def judge_all(warehouse, contracts):
    """Judge the histories of every dataset that has some."""
    return {dataset: _judge(warehouse, contract) for dataset, contract in contracts.items() if read(contract)}


def _judge(warehouse, contract):
    good = next(sample.values for sample in samples.read(contract) if not sample.breaks and not sample.held)
    contract = dataclasses.replace(contract, rules=contract.window_rules)
    histories = read(contract)
    known = {rule.id: rule for rule in contract.rules}
    days = _days(max(history["days"] for history in histories.values()))
    quiet = []
    for ago, day in enumerate(days):
        gave = {
            _source(rule, way): _rows(contract, good, history["before"])
            for rule, history in histories.items()
            if len(days) - ago <= history["days"]
            for way in WAYS
        }
        _, broken, _ = _measured(warehouse, contract, day, gave)
        quiet.append(not broken)
    gave = {
        _source(rule, way): _rows(contract, good, history[way]) for rule, history in histories.items() for way in WAYS
    }
    subjects, broken, verdict = _measured(warehouse, contract, samples.WINDOW, gave, expect=True)
    found = {}
    for rule in set(histories) & set(known):
        own = {way: _source(rule, way) for way in WAYS}
        failing = {item["source"] for item in broken if item["rule"] == rule}
        compared = {one.source for one in subjects[rule] if one.limits is not None} - failing
        found[rule] = tuple({way for way in WAYS if own[way] in sources} for sources in (failing, compared))
        verdict[rule] -= len(failing - set(own.values()))  # sources of other rules' histories may break it too
    return Outcome(found, quiet[0], verdict)


def _measured(warehouse, contract, window, gave, expect=False):
    plan = land(warehouse, contract, window, gave)
    landing = Landing(warehouse, contract, window, plan.run_id)
    with warehouse.session() as session:
        landing.mark(session)
        subjects = measures.take(session, landing)
        measures.keep(session, landing, subjects)
    broken = measures.broken(contract, subjects)
    url = warehouse.sqlalchemy_url()
    verdict = quality.expect(url, landing.typed_name, contract, window, subjects).failing if expect else {}
    with warehouse.session() as session:
        landing.drop(session)
    return subjects, broken, verdict


def _days(number):
    """So many working days before the day of the samples, oldest first."""
    found, day = [], samples.WINDOW.day
    while len(found) < number:
        day -= timedelta(days=1)
        if works(day):
            found.append(Window.of_day(day))
    return found[::-1]


def _source(rule, way):
    return f"{rule}.{way}"


def _rows(contract, good, parts):
    made = []
    for part in parts:
        changed = {name: None if value is None else str(value) for name, value in part.items() if name != "rows"}
        made += [tuple(changed.get(n, v) for n, v in zip(contract.names, good, strict=True))] * part["rows"]
    return made
