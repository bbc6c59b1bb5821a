"""What a page about one dataset and one day says: counts, names and rules as they were judged. Never a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.quality.dimensions import DIMENSIONS
from lienthong.settings import TIMEZONE
from lienthong.warehouse import ledger
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse

SEVERITIES = {"block": "Chặn", "quarantine": "Giữ lại", "warn": "Cảnh báo"}
DIMENSION_WORDS = {
    "completeness": "Đầy đủ",
    "validity": "Hợp lệ",
    "uniqueness": "Duy nhất",
    "timeliness": "Kịp thời",
    "consistency": "Nhất quán",
}
STATES = {"landed": "Đã nhận", "missing": "Không có dữ liệu", "blocked": "Bị chặn", "planned": "Đang chờ đọc"}
# The ledger's own reason is for the data team; here stands only what kind of reason it is.
REASONS = {
    "nguon_khong_tra_loi": "Nguồn không trả lời.",
    "nguon_thay_doi": "Cấu trúc của nguồn đã thay đổi hoặc không đọc được.",
    "nguon_bi_chan": "Quá nhiều bản ghi lỗi hoặc vi phạm quy tắc chặn.",
}
LONGEST = 4000  # characters of an argument; a rule about a window names every source
# Arguments that say where an expectation was evaluated, and not what it expects.
WHERE = ("batch_id",)


@dataclass(frozen=True, slots=True)
class Failing:
    """How many rows of one source break a rule; of a rule about a window the source is the finding, and counts one."""

    source: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule in one run. ``checked`` and ``failing`` count rows, or sources when ``about_window``."""

    id: str
    sentence: str
    severity: str
    severity_word: str
    dimension: str
    about_window: bool
    checked: int
    failing: int
    expectation: str
    arguments: tuple[tuple[str, str], ...]
    sources: tuple[Failing, ...]

    @property
    def share(self) -> float:
        """Failing share, from 0 to 1."""
        return self.failing / self.checked if self.checked else 0.0


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What one source gave to one run."""

    source: str
    name: str
    state: str
    state_word: str
    reason: str
    rows: int
    rejected: int


@dataclass(frozen=True, slots=True)
class RunLine:
    """One judged run of the window: a reading of sources, or a second look at rows that waited."""

    run_id: int
    kind: str
    state: str
    judged_at: datetime
    rows: int
    rejected: int
    rules: tuple[RuleLine, ...]
    sources: tuple[SourceLine, ...]

    @property
    def broken(self) -> tuple[RuleLine, ...]:
        """Rules that something breaks."""
        return tuple(rule for rule in self.rules if rule.failing)

    @property
    def idle(self) -> tuple[RuleLine, ...]:
        """Rules about a window that had no earlier window to compare with."""
        return tuple(rule for rule in self.rules if rule.about_window and not rule.checked)

    @property
    def kept(self) -> tuple[RuleLine, ...]:
        """Rules that nothing breaks."""
        return tuple(rule for rule in self.rules if not rule.failing and rule not in self.idle)

    def count(self, state: str) -> int:
        """Sources in a state."""
        return sum(1 for source in self.sources if source.state == state)


@dataclass(frozen=True, slots=True)
class Page:
    """One dataset on one day, with every judged run of that window, oldest first."""

    dataset: str
    title: str
    owner: str
    version: str
    day: date
    runs: tuple[RunLine, ...]


def pages(warehouse: Warehouse, contracts: Mapping[str, Contract], day: date) -> list[Page]:
    """One page for each dataset that was judged for the day, in the order of the contracts."""
    with warehouse.session() as session:
        found = []
        for contract in contracts.values():
            runs = _runs(warehouse, session, contract, day)
            if runs:
                found.append(Page(contract.dataset, contract.title, contract.owner, contract.version, day, tuple(runs)))
        return found


def days(warehouse: Warehouse, newest: int | None) -> dict[date, str]:
    """The newest days that were judged, newest first (None: all of them), each with a mark of the runs it has."""
    with warehouse.session() as session:
        rows = session.execute(statement(warehouse.home, "docs/days"), {"timezone": TIMEZONE, "newest": newest})
        return {row["day"]: row["seen"] for row in rows}


def _runs(warehouse: Warehouse, session: Session, contract: Contract, day: date) -> list[RunLine]:
    values = {"dataset": contract.dataset, "day": day, "timezone": TIMEZONE}
    runs = list(session.execute(statement(warehouse.home, "docs/runs"), values))
    if not runs:
        return []
    names = _names(session, contract)
    values = {"runs": [run["run_id"] for run in runs]}
    rules = _by_run(session.execute(statement(warehouse.home, "docs/rules"), values))
    sources = _by_run(session.execute(statement(warehouse.home, "docs/sources"), values))
    return [
        RunLine(
            run["run_id"], run["kind"], run["state"], run["judged_at"], run["extracted"], run["rejected"],
            tuple(_rule_lines(contract, rules.get(run["run_id"], []), run["result"], names)),
            tuple(_source_line(row, names) for row in sources.get(run["run_id"], [])),
        )
        for run in runs
    ]  # fmt: skip


def _by_run(rows: Any) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["run_id"], []).append(row)
    return found


def _rule_lines(
    contract: Contract, rows: list[dict[str, Any]], result: Any, names: Mapping[str, str]
) -> list[RuleLine]:
    """The rules as they were judged: the sentence of that day comes from the result, else from the contract."""
    known = {rule.id: rule for rule in contract.rules}
    told = _told(result)
    lines = []
    for row in rows:
        rule, config = known.get(row["rule"]), told.get(row["rule"], {})
        lines.append(
            RuleLine(
                id=row["rule"],
                sentence=config.get("meta", {}).get("sentence") or (rule.sentence if rule else row["rule"]),
                severity=row["severity"],
                severity_word=SEVERITIES[row["severity"]],
                dimension=DIMENSION_WORDS[DIMENSIONS[rule.dimension]] if rule else "",
                about_window=bool(rule and rule.about_window),
                checked=row["checked"],
                failing=row["failing"],
                expectation=config.get("type") or row["expectation"],
                arguments=_arguments(config.get("kwargs", {})),
                sources=tuple(Failing(name, names.get(name, ""), count) for name, count in row["sources"]),
            )
        )
    weight = list(SEVERITIES)
    return sorted(lines, key=lambda line: (not line.failing, weight.index(line.severity), -line.failing, line.id))


def _arguments(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Arguments as a person reads them: a query as text and not as JSON."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in sorted(given.items())
        if name not in WHERE
    }
    return tuple(
        (name, text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} ký tự)")
        for name, text in texts.items()
    )


def _told(result: Any) -> dict[str, dict[str, Any]]:
    """The configuration of each expectation of a kept result, by rule; nothing else of the result is looked at."""
    found = {}
    for item in (result or {}).get("results", []):
        config = item.get("expectation_config") or {}
        rule = (config.get("meta") or {}).get("rule")
        if rule:
            found[rule] = config
    return found


def _source_line(row: dict[str, Any], names: Mapping[str, str]) -> SourceLine:
    return SourceLine(
        row["source"], names.get(row["source"], ""), row["state"], STATES[row["state"]],
        REASONS.get(row["reason_code"], ""), row["rows"], row["rows"] if row["state"] == "blocked" else row["rejected"],
    )  # fmt: skip


def _names(session: Session, contract: Contract) -> dict[str, str]:
    """What the members of the dataset that lists the sources are called, where it says so."""
    names = {ledger.WAITING: "Bản ghi đang giữ, được xét lại"}
    members = contract.source.for_each
    if members is None:
        return names
    query = sql.SQL("SELECT _record_key AS source, {} AS name FROM {}").format(
        sql.Identifier(NAMED_BY), sql.Identifier("core", members)
    )
    listed = session.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'core' AND table_name = %s AND column_name = %s",
        [members, NAMED_BY],
    ).fetchone()
    if listed:
        names |= {row["source"]: row["name"] or "" for row in session.execute(query)}
    return names


# The column of a dataset of units that holds their names.
NAMED_BY = "ten_don_vi"
