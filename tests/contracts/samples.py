"""The sample rows of a contract, judged once in the warehouse by both compilations of every rule."""

import warnings
from dataclasses import dataclass
from datetime import date

from lienthong import quality
from lienthong.batches import Window
from lienthong.contracts import samples as files
from lienthong.contracts.samples import Sample
from lienthong.rules import predicate
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.promote import promote

from ..sql.builders import land

# All samples tell of the work of one day.
WINDOW = Window.of_day(date(2025, 9, 30))
# What core holds already when they are judged.
BEFORE = Window.of_day(date(2025, 9, 29))
SOURCE = "mau"


@dataclass(frozen=True)
class Outcome:
    """What both compilations found. ``broken`` holds the rules that each sample breaks, by place; ``proven`` the
    rules that some good row passes with TRUE, not because there was nothing to judge; ``verdict`` the counts of
    Great Expectations."""

    samples: tuple[Sample, ...]
    broken: tuple[frozenset[str], ...]
    proven: frozenset[str]
    verdict: dict[str, int]


def read(contract):
    """The samples of a contract, in the order of their file; a file with a mistake is refused."""
    assert files.mistakes(contract) == []
    return tuple(files.read(contract))


def judge_all(warehouse, contracts):
    """Judge the samples of every dataset, in the order of reference, on the good rows of those before it."""
    outcomes = {}
    for dataset, contract in contracts.items():
        samples = tuple(sample for sample in read(contract) if not sample.held)
        _keep(warehouse, contract, [sample.values for sample in read(contract) if sample.held], BEFORE)
        outcomes[dataset] = _judge(warehouse, contract, samples)
        _keep(warehouse, contract, [sample.values for sample in samples if not sample.breaks])
    return outcomes


def _judge(warehouse, contract, samples):
    plan = land(warehouse, contract, WINDOW, {SOURCE: [sample.values for sample in samples]})
    landing = Landing(warehouse, contract, WINDOW, plan.run_id)
    with warehouse.session() as session:
        landing.mark(session)
        marks = [(row["broken"], row["warned"]) for row in session.execute(_masks(landing))]
        good = [number for number, sample in enumerate(samples, 1) if not sample.breaks]
        proven = session.execute(_proofs(landing, good)).fetchone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = quality.expect(warehouse.sqlalchemy_url(), landing.typed_name, contract, WINDOW).failing
    ids = [rule.id for rule in contract.rules if not rule.about_window]
    with warehouse.session() as session:
        landing.drop(session)
        session.execute("DELETE FROM ops.batches WHERE run_id = %s", [plan.run_id])
        session.execute("DELETE FROM ops.runs WHERE run_id = %s", [plan.run_id])
    return Outcome(
        samples,
        tuple(_ids(contract.rejecting, broken) | _ids(contract.warning, warned) for broken, warned in marks),
        frozenset(id for id in ids if proven[id]),
        verdict,
    )


def _ids(rules, bits):
    return frozenset(rule.id for place, rule in enumerate(rules) if bits & 1 << place)


def _masks(landing):
    return f"SELECT m.broken, m.warned FROM {landing.marks.as_string()} m ORDER BY m._row"


def _proofs(landing, good):
    rules = [rule for rule in landing.contract.rules if not rule.about_window]
    tests = ", ".join(f'({predicate(rule, landing.window)}) IS TRUE AS "{rule.id}"' for rule in rules)
    rows = f"{landing.typed.as_string()} t {landing.beside().as_string()}"
    ids = ", ".join(f'bool_or(q."{rule.id}") AS "{rule.id}"' for rule in rules)
    lines = ", ".join(map(str, good))
    return f"SELECT {ids} FROM (SELECT t._line, {tests} FROM {rows}) q WHERE q._line IN ({lines})"


def _keep(warehouse, contract, rows, window=WINDOW):
    if not rows:
        return
    plan = land(warehouse, contract, window, {SOURCE: rows})
    with warehouse.session() as session:
        Landing(warehouse, contract, window, plan.run_id).mark(session)
        session.execute(
            "UPDATE ops.runs SET judged_at = clock_timestamp(), extracted = %s WHERE run_id = %s",
            [len(rows), plan.run_id],
        )
    kept = promote(warehouse, contract, window, plan.run_id)
    assert kept.inserted + kept.unchanged == len(rows), f"{contract.dataset}: a good sample row did not reach core"
