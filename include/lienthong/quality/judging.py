"""The judge: Great Expectations gives the recorded verdict in the database, and its counts must equal the split's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lienthong.batches import Verdict, Window
from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.quality import dimensions
from lienthong.quality.compilation import compilation
from lienthong.quality.great import Found, expect
from lienthong.rules import Rule, Subject
from lienthong.warehouse import Warehouse, ledger, measures, problems
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.store import Session, one


def judge(warehouse: Warehouse, contract: Contract, window: Window, run_id: int) -> Verdict:
    """Judge one landed run and record the verdict; judging it again gives the same.

    Raises ``TryAgain`` when the landing was lost, ``NeedsPerson`` when the two compilations of a rule disagree or
    an expectation could not be evaluated: both are failures of the pipeline, not of the data."""
    landing = Landing(warehouse, contract, window, run_id)
    with warehouse.session() as session:
        landing.hold_still(session)
        if not landing.intact(session):
            raise TryAgain(f"{contract.dataset} {window}: the landing is not whole; it is read again.")
        landing.mark(session)
        subjects = measures.take(session, landing)
        split = landing.counts(session) + measures.broken(contract, subjects)
        rows = ledger.landed_rows(session, run_id)
        failing = Counter({rule.id: 0 for rule in contract.rules})
        for item in split:
            failing[item["rule"]] += item["failing"]
        found = Found(dict(failing), None)
        # Great Expectations looks from a session of its own. This one stays: while it holds what ``mark`` has locked,
        # no dataset that rules look into moves, and both compilations see the same.
        session.commit()
        if rows or _compared(subjects):
            found = expect(warehouse.sqlalchemy_url(), landing.typed_name, contract, window, subjects)
    _must_agree(contract, failing, found.failing)
    crashpoint("judge.before_record", contract.dataset)
    return _record(landing, _Judged(rows, failing, split, found, subjects))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is recorded of a run: its rows, the counts of both compilations, and what the windows measured."""

    rows: int
    failing: Counter[str]
    split: list[dict[str, Any]]
    found: Found
    subjects: measures.Subjects

    def told(self, rule: Rule) -> tuple[str, int, int]:
        """The expectation of a rule, what it looked at (rows, or sources that could be compared), what failed."""
        subjects = self.subjects.get(rule.id, ())
        checked = len(_judged(subjects)) if rule.about_window else self.rows
        return compilation(rule, subjects)[0], checked, self.failing[rule.id]


def _judged(subjects: Sequence[Subject]) -> list[Subject]:
    return [subject for subject in subjects if subject.limits is not None]


def _compared(subjects: measures.Subjects) -> bool:
    """Whether some rule about a window has an opinion: a day without rows can be the finding."""
    return any(_judged(looked_at) for looked_at in subjects.values())


def recorded(session: Session, contract: Contract, window: Window, run_id: int) -> Verdict:
    """The verdict that was recorded for a run."""
    run = one(session, "SELECT extracted, quarantined FROM ops.runs WHERE run_id = %s", [run_id])
    failing = session.execute("SELECT rule, failing FROM ops.verdicts WHERE run_id = %s AND failing > 0", [run_id])
    blocked = session.execute("SELECT source FROM ops.batches WHERE run_id = %s AND state = 'blocked'", [run_id])
    return Verdict(
        contract.dataset,
        str(window),
        run_id,
        run["extracted"],
        run["quarantined"],
        {row["rule"]: row["failing"] for row in failing},
        tuple(sorted(row["source"] for row in blocked)),
    )


def _must_agree(contract: Contract, split: Counter[str], verdicts: dict[str, int]) -> None:
    for rule in contract.rules:
        if split[rule.id] != verdicts[rule.id]:
            what = "sources" if rule.about_window else "rows"
            raise NeedsPerson(
                f"{contract.dataset}.{rule.id}: Great Expectations counts {verdicts[rule.id]} failing {what} and the "
                f"split {split[rule.id]}. The two compilations of the rule differ; nothing is promoted. The data team "
                "mends the rule."
            )


def _record(landing: Landing, judged: _Judged) -> Verdict:
    contract, run_id = landing.contract, landing.run_id
    with landing.warehouse.session() as session:
        session.execute("DELETE FROM ops.verdict_sources WHERE run_id = %s", [run_id])
        session.execute("DELETE FROM ops.verdicts WHERE run_id = %s", [run_id])
        cursor = session.cursor()
        cursor.executemany(
            "INSERT INTO ops.verdicts (run_id, rule, severity, expectation, checked, failing)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [(run_id, rule.id, rule.severity, *judged.told(rule)) for rule in contract.rules],
        )
        cursor.executemany(
            "INSERT INTO ops.verdict_sources (run_id, rule, source, failing)"
            " VALUES (%(run_id)s, %(rule)s, %(source)s, %(failing)s)",
            [{**item, "run_id": run_id} for item in judged.split],
        )
        measures.keep(session, landing, judged.subjects)
        _keep_result(session, run_id, judged.found)
        dimensions.record(session, landing, run_id)
        blocked = _blocked(session, landing, judged.split)
        session.execute(
            "UPDATE ops.batches SET state = 'blocked', reason_code = 'nguon_bi_chan',"
            " reason = 'Quá nhiều bản ghi lỗi hoặc vi phạm quy tắc chặn; chưa ghi nhận bản ghi nào của nguồn này.'"
            " WHERE run_id = %s AND source = ANY (%s)",
            [run_id, list(blocked)],
        )
        session.execute(
            "UPDATE ops.runs SET judged_at = clock_timestamp(), extracted = %s WHERE run_id = %s",
            [judged.rows, run_id],
        )
        rejected = landing.rejected(session, blocked)
        problems.note_verdict(session, contract, landing.window, run_id)
    counts = {rule: count for rule, count in judged.failing.items() if count}
    return Verdict(contract.dataset, str(landing.window), run_id, judged.rows, rejected, counts, blocked)


def _keep_result(session: Session, run_id: int, found: Found) -> None:
    session.execute("DELETE FROM ops.validations WHERE run_id = %s", [run_id])
    if found.result is not None:
        session.execute(
            "INSERT INTO ops.validations (run_id, result) VALUES (%s, %s)", [run_id, json.dumps(found.result)]
        )


def _blocked(session: Session, landing: Landing, split: list[dict[str, Any]]) -> tuple[str, ...]:
    """Sources of which nothing may be promoted: a ``block`` rule is broken, or too large a share is rejected. A
    rule about the sources together blocks them all."""
    blocking = {rule.id for rule in landing.contract.rules if rule.severity == "block"}
    found = {item["source"] for item in split if item["rule"] in blocking}
    if measures.WHOLE in found:
        given = session.execute(
            "SELECT source FROM ops.batches WHERE run_id = %s AND state IN ('landed', 'blocked') AND source <> %s",
            [landing.run_id, ledger.WAITING],
        )
        found = found - {measures.WHOLE} | {row["source"] for row in given}
    return tuple(sorted(found | set(landing.mostly_rejected(session))))
