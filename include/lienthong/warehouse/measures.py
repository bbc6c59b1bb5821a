"""What the rules about a window count in a run, what they allow, and what is kept for later windows.

One scan of the typed landing counts for every rule and every source at once. A run that read only some sources is
about those; the sources together are looked at only in a run that has all of them. A redrive reads no source, and so
says nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.rules import Past, Rule, Subject, window_test
from lienthong.rules.windows import LOOK_BACK
from lienthong.warehouse import ledger
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.store import Session, one

WHOLE = "(dataset)"  # all sources together; no unit has such a code

# By rule: every source that it looked at.
Subjects = Mapping[str, Sequence[Subject]]


def take(session: Session, landing: Landing) -> Subjects:
    """Count the run for each rule about a window, and find what the earlier windows allow; nothing is written."""
    rules = landing.contract.window_rules
    run = one(session, "SELECT kind, again FROM ops.runs WHERE run_id = %s", [landing.run_id])
    if not rules or run["kind"] != "read" or run["again"]:
        return {}
    sources, whole = _sources(session, landing)
    counted = _counted(session, landing, sources)
    subjects: dict[str, Sequence[Subject]] = {}
    for place, rule in enumerate(rules):
        past = _past(session, landing.contract, rule, landing.window)
        names = ([WHOLE] if whole else []) if rule.whole else sources
        subjects[rule.id] = [_subject(rule, landing.window, name, counted[name][place], past[name]) for name in names]
    return subjects


def _subject(rule: Rule, window: Window, source: str, parts: Mapping[str, Any], past: Sequence[Past]) -> Subject:
    return Subject(source, parts, window_test(rule).limits(rule, window, past))


def broken(contract: Contract, subjects: Subjects) -> list[dict[str, Any]]:
    """The sources that break a rule about a window, as (rule, source, failing), each once."""
    found = []
    for rule in contract.window_rules:
        holds = window_test(rule).holds
        for subject in subjects.get(rule.id, ()):
            if subject.limits is not None and not holds(rule, subject.parts, subject.limits):
                found.append({"rule": rule.id, "source": subject.source, "failing": 1})
    return found


def keep(session: Session, landing: Landing, subjects: Subjects) -> None:
    """Write down what was counted, in place of what this run or the same sources gave to this window before."""
    rules = [rule for rule in landing.contract.window_rules if window_test(rule).history]
    values = {"dataset": landing.contract.dataset, "start": landing.window.start, "run_id": landing.run_id}
    for rule in rules:
        given = subjects.get(rule.id, ())
        session.execute(
            "DELETE FROM ops.measures WHERE dataset = %(dataset)s AND rule = %(rule)s"
            " AND window_start = %(start)s AND (source = ANY (%(sources)s) OR run_id = %(run_id)s)",
            {**values, "rule": rule.id, "sources": [subject.source for subject in given]},
        )
        session.cursor().executemany(
            "INSERT INTO ops.measures (dataset, rule, window_start, source, part, value, run_id)"
            " VALUES (%(dataset)s, %(rule)s, %(start)s, %(source)s, %(part)s, %(value)s, %(run_id)s)",
            [
                {**values, "rule": rule.id, "source": subject.source, "part": part, "value": value}
                for subject in given
                for part, value in subject.parts.items()
            ],
        )


def _sources(session: Session, landing: Landing) -> tuple[list[str], bool]:
    """The sources that gave something to the run, an empty batch included, and whether they are all of the window."""
    found = session.execute(
        "SELECT source, state FROM ops.batches WHERE run_id = %s AND source <> %s ORDER BY source",
        [landing.run_id, ledger.WAITING],
    )
    states = {row["source"]: row["state"] for row in found}
    ever = session.execute(
        "SELECT count(DISTINCT b.source) AS n FROM ops.batches b JOIN ops.runs r USING (run_id)"
        " WHERE r.dataset = %s AND r.window_start = %s AND r.kind = 'read' AND b.source <> %s",
        [landing.contract.dataset, landing.window.start, ledger.WAITING],
    ).fetchone()
    given = [source for source, state in states.items() if state in ("landed", "blocked")]
    return given, ever is not None and len(given) == ever["n"]


def _counted(session: Session, landing: Landing, sources: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The parts of every rule, by source and in the order of the rules; rows that only waited are not counted."""
    parts = [(rule, name, text) for rule in landing.contract.window_rules for name, text in _parts(rule).items()]
    counts = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(sql.SQL(text), sql.Identifier(f"p{place}"))
        for place, (_, _, text) in enumerate(parts)
    )
    # No value is bound: with values, a % in the list of codes of a rule would be taken for one.
    query = sql.SQL(
        "SELECT coalesce(s.source, {whole}) AS source, {counts} FROM unnest({sources}::text[]) AS s(source)"
        " LEFT JOIN {typed} t ON t._source = s.source AND t._line > 0 GROUP BY GROUPING SETS ((s.source), ())"
    ).format(whole=sql.Literal(WHOLE), counts=counts, sources=sql.Literal(list(sources)), typed=landing.typed)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.execute(query):
        by_rule: dict[str, dict[str, Any]] = {rule.id: {} for rule in landing.contract.window_rules}
        for place, (rule, name, _) in enumerate(parts):
            by_rule[rule.id][name] = row[f"p{place}"]
        found[row["source"]] = list(by_rule.values())
    return found


def _parts(rule: Rule) -> Mapping[str, str]:
    return window_test(rule).parts(rule)


def _past(session: Session, contract: Contract, rule: Rule, window: Window) -> dict[str, list[Past]]:
    """What the rule counted in earlier windows, by source and newest first."""
    found: dict[str, list[Past]] = defaultdict(list)
    if not window_test(rule).history:
        return found
    rows = session.execute(
        "SELECT source, window_start, jsonb_object_agg(part, value) AS parts FROM ops.measures"
        " WHERE dataset = %s AND rule = %s AND window_start < %s AND window_start >= %s"
        " GROUP BY source, window_start ORDER BY window_start DESC",
        [contract.dataset, rule.id, window.start, window.start - LOOK_BACK],
    )
    for row in rows:
        found[row["source"]].append(Past(Window(row["window_start"], row["window_start"]).day, row["parts"]))
    return found
