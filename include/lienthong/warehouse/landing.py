"""Landing of one run: text as received, then typed, then marked. Unlogged, so always checked against the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Column, Contract
from lienthong.errors import NeedsPerson
from lienthong.rules import Rule, predicate
from lienthong.warehouse import ledger, quarantine, waivers
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, Warehouse, one

Row = Sequence[str | None]


# Words without which a predicate sees no other row of its table nor asks anew for each row, which no parallel worker
# may do, and no query of its own. A text that only names such a word is taken for one that looks further, which costs
# time and changes no result.
_OTHER_ROWS = re.compile(r"\bover\b|\bexists\s*\(\s*select\b", re.IGNORECASE)
_QUERY = re.compile(r"\bselect\b", re.IGNORECASE)


class Landing:
    """Names and statements of the landing tables of one run."""

    def __init__(self, warehouse: Warehouse, contract: Contract, window: Window, run_id: int) -> None:
        self.warehouse = warehouse
        self.contract = contract
        self.window = window
        self.run_id = run_id
        base = f"{contract.dataset}__{run_id}"
        self.typed_name = f"{base}__typed"
        self.landing = sql.Identifier("landing", base)
        self.typed = sql.Identifier("landing", self.typed_name)
        self.marks = sql.Identifier("landing", f"{base}__marks")

    def create(self, session: Session) -> None:
        """Make the empty landing table, once."""
        columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(n)) for n in self.contract.names)
        session.execute(
            sql.SQL(
                "CREATE UNLOGGED TABLE IF NOT EXISTS {} (_row bigint GENERATED ALWAYS AS IDENTITY,"
                " _source text NOT NULL, _line bigint NOT NULL, _held_key text, _held_place integer, _held_run bigint,"
                " _held_time timestamp, {})"
            ).format(self.landing, columns)
        )

    def land(self, session: Session, source: str, batches: Iterable[Sequence[Row]]) -> int:
        """Copy every row of a source as text; the caller's transaction makes it all or nothing."""
        query = sql.SQL("COPY {} (_source, _line, {}) FROM STDIN").format(self.landing, names(self.contract.names))
        line = 0
        with session.cursor().copy(query) as copy:
            for batch in batches:
                for row in batch:
                    line += 1
                    copy.write_row((source, line, *row))
        return line

    def intact(self, session: Session) -> bool:
        """Whether the landing holds what the ledger says; an unclean stop of the server empties it."""
        if one(session, "SELECT to_regclass(%s) AS t", [self.landing.as_string(session)])["t"] is None:
            return False
        counted = one(session, sql.SQL("SELECT count(*) AS n FROM {}").format(self.landing))
        return bool(counted["n"] == ledger.landed_rows(session, self.run_id))

    def judged(self, session: Session, rows: int) -> bool:
        """Whether the marks are those of the verdict, by this contract, and nothing was landed since they were made."""
        told = one(session, "SELECT obj_description(to_regclass(%s)) AS t", [self.marks.as_string(session)])["t"]
        if told != self._bits_mean():
            return False
        marked = one(session, sql.SQL("SELECT count(*) AS n FROM {}").format(self.marks))["n"]
        return bool(marked == rows == ledger.landed_rows(session, self.run_id))

    def _bits_mean(self) -> str:
        """What the columns and bits of the marks stand for, to be compared when they are read."""
        rules = [[rule.id for rule in rules] for rules in (self.contract.rejecting, self.contract.warning)]
        return json.dumps([self.contract.names, *rules])

    def mark(self, session: Session) -> None:
        """Build typed values and marks from the landing; a redrive lands its held rows first."""
        self.hold_still(session)
        session.execute("UPDATE ops.runs SET marked_at = clock_timestamp() WHERE run_id = %s", [self.run_id])
        self._drop(session, self.typed, self.marks)
        selection = quarantine.selection_of(session, self.run_id)
        if selection:
            self._land_held(session, selection)
        session.execute(self._typed_statement())
        # The planner holds a predicate for cheaper than it is, and a row from a worker for dearer; a day of the
        # province is to be sorted in memory.
        session.execute("SET LOCAL parallel_tuple_cost = 0.01")
        session.execute("SET LOCAL work_mem = '64MB'")
        session.execute(self._marks_statement())
        session.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(self.marks, sql.Literal(self._bits_mean())))
        waivers.apply(session, self.warehouse, self.contract, self.marks)
        for table in (self.typed, self.marks):
            session.execute(sql.SQL("ANALYZE {}").format(table))

    def hold_still(self, session: Session) -> None:
        """While the session lasts no dataset that the rules look into is promoted, this one too if they do, so that the
        moment noted in ``mark`` parts what a row was judged by from what came later.

        To be called before the session touches a table of the run: a promote of the same run waits for those."""
        looks = set(self.contract.references)
        for rule in self.contract.rules:
            looks.update(str(name) for name in (rule.reference, rule.arguments.get("within")) if name)
        for dataset in sorted(looks):
            session.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 1))", [f"core.{dataset}"])

    def _land_held(self, session: Session, selection: quarantine.Selection) -> None:
        session.execute(sql.SQL("DELETE FROM {} WHERE _line = 0").format(self.landing))
        rows = quarantine.land_held(session, self.warehouse, self.contract, self.window, self.landing, selection)
        session.execute(
            "INSERT INTO ops.batches AS b (run_id, source, state, rows, read_at)"
            " VALUES (%s, %s, 'landed', %s, clock_timestamp())"
            " ON CONFLICT (run_id, source) DO UPDATE SET rows = excluded.rows, read_at = excluded.read_at",
            [self.run_id, ledger.WAITING, rows],
        )

    def _typed_statement(self) -> sql.Composed:
        columns = self.contract.columns
        trimmed = sql.SQL(", ").join(
            sql.SQL("nullif(btrim({0}, E' \\t\\r\\n\\u00a0'), '') AS {0}").format(sql.Identifier(c.name))
            for c in columns
        )
        values = sql.SQL(", ").join(
            sql.SQL("{} AS {}, l.{} AS {}").format(
                _cast(c), sql.Identifier(c.name), sql.Identifier(c.name), sql.Identifier(f"{c.name}__raw")
            )
            for c in columns
        )
        return statement(
            self.warehouse.home, "warehouse/typed",
            typed=self.typed, landing=self.landing, trimmed=trimmed, values=values,
        )  # fmt: skip

    def _marks_statement(self) -> sql.Composed:
        cursor = self.contract.cursor
        return statement(
            self.warehouse.home, "warehouse/marks",
            marks=self.marks, typed=self.typed, record_key=record_key(self.contract),
            source_time=sql.Identifier("t", cursor) if cursor else sql.SQL("NULL::timestamp"),
            default_time=sql.Literal(self.window.local_end),
            beside=self.beside(),
            broken=self._bits(self.contract.rejecting, alone=False),
            warned=self._bits(self.contract.warning, alone=False),
            broken_alone=self._bits(self.contract.rejecting, alone=True),
            warned_alone=self._bits(self.contract.warning, alone=True),
        )  # fmt: skip

    def beside(self) -> sql.Composable:
        """The records that predicates know beside their row. One is found by its name, so it never makes two rows."""
        wanted: dict[str, str] = {}
        for dataset, by in filter(None, (rule.beside for rule in self.contract.rules)):
            if wanted.setdefault(dataset, by) != by:
                raise NeedsPerson(
                    f"{self.contract.dataset}: rules look at records of {dataset} by {wanted[dataset]} and by {by}. "
                    "The data team says one of them with EXISTS."
                )
        return sql.SQL(" ").join(
            sql.SQL("LEFT JOIN core.{0} ON {0}._record_key = t.{1}::text AND {0}._deleted_at IS NULL").format(
                sql.Identifier(dataset), sql.Identifier(by)
            )
            for dataset, by in wanted.items()
        )

    def _bits(self, rules: Sequence[Rule], *, alone: bool) -> sql.Composable:
        """The bits of the rules that parallel workers can tell, or of the others.

        Nearly every row is good: it is asked once, by what the row itself shows, and only a bad row is asked rule by
        rule. Queries are not asked twice, each would hash its table anew."""
        together: list[tuple[str, sql.Composable]] = []
        each: list[sql.Composable] = []
        for place, rule in enumerate(rules):
            test = predicate(rule, self.window)
            if bool(_OTHER_ROWS.search(test)) == alone:
                continue
            bit = sql.SQL("CASE WHEN {} THEN 0::bigint ELSE {}::bigint END").format(
                sql.SQL(f"coalesce({test}, true)"), sql.Literal(1 << place)
            )
            if alone and not _QUERY.search(test):
                together.append((test, bit))
            else:
                each.append(bit)
        if together:
            good = sql.SQL("\n        AND ".join(f"({test})" for test, _ in together))
            bits = sql.SQL("\n        + ").join(bit for _, bit in together)
            each.append(sql.SQL("CASE WHEN ({}) IS NOT FALSE THEN 0::bigint ELSE {} END").format(good, bits))
        return sql.SQL("\n        + ").join(each or [sql.SQL("0::bigint")])

    def counts(self, session: Session) -> list[dict[str, Any]]:
        """Failing rows per rule and source, as (rule, source, failing), from the marks; zero counts are absent."""
        found = []
        for rules, bits in ((self.contract.rejecting, "broken | waived"), (self.contract.warning, "warned")):
            for place, rule in enumerate(rules):
                rows = session.execute(
                    sql.SQL("SELECT _source, count(*) AS n FROM {} WHERE ({}) & %s <> 0 GROUP BY 1").format(
                        self.marks, sql.SQL(bits)
                    ),
                    [1 << place],
                )
                found += [{"rule": rule.id, "source": row["_source"], "failing": row["n"]} for row in rows]
        return found

    def rejected(self, session: Session, blocked: Sequence[str]) -> int:
        """Rows that stay out of ``core``: they break a rejecting rule, or came from a source that is blocked."""
        query = sql.SQL("SELECT count(*) AS n FROM {} WHERE broken <> 0 OR (_line > 0 AND _source = ANY (%s))").format(
            self.marks
        )
        count: int = one(session, query, [list(blocked)])["n"]
        return count

    def mostly_rejected(self, session: Session) -> list[str]:
        """Sources of some size of which a larger share is bad than the contract's ``blockShare``.

        A row that only waits for a record of another dataset says nothing bad about its source."""
        waiting = quarantine.waiting_rules(self.contract)
        bad = sum(1 << place for place, rule in enumerate(self.contract.rejecting) if rule not in waiting)
        query = sql.SQL(
            "SELECT _source FROM {} WHERE _line > 0 GROUP BY 1"
            " HAVING count(*) >= 20 AND count(*) FILTER (WHERE broken & %s <> 0) > %s * count(*)"
        ).format(self.marks)
        return [row["_source"] for row in session.execute(query, [bad, self.contract.block_share])]

    def drop(self, session: Session) -> None:
        """Remove the landing once its rows are settled."""
        self._drop(session, self.landing, self.typed, self.marks)

    def _drop(self, session: Session, *tables: sql.Identifier) -> None:
        for table in tables:
            session.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


def record_key(contract: Contract) -> sql.Composed:
    """The name of a record: its key columns joined by ``|``; NULL when one of them is missing."""
    parts = []
    for column in contract.columns:
        if column.name in contract.key:
            value = sql.Identifier("t", column.name)
            if column.sql_type.startswith("timestamp"):
                parts.append(sql.SQL("to_char({}, 'YYYY-MM-DD HH24:MI:SS')").format(value))
            else:
                parts.append(sql.SQL("{}::text").format(value))
    order = [name for name in contract.names if name in contract.key]
    by_key = sorted(range(len(parts)), key=lambda i: contract.key.index(order[i]))
    return sql.SQL(" || '|' || ").join(parts[i] for i in by_key)


def _cast(column: Column) -> sql.Composed:
    """The typed value of trimmed text, or NULL. Times with an offset become local wall time."""
    text = sql.Identifier("l", column.name)
    if column.type == "string":
        return sql.SQL("normalize({}, NFC)").format(text)
    if column.type == "integer":
        return sql.SQL("CASE WHEN {0} ~ '^[+-]?[0-9]{{1,18}}$' THEN {0}::bigint END").format(text)
    if column.type == "number":
        return sql.SQL("CASE WHEN {0} ~ '^[+-]?[0-9]{{1,18}}([.][0-9]{{1,9}})?$' THEN {0}::numeric END").format(text)
    if column.type == "boolean":
        return sql.SQL("CASE WHEN lower({0}) IN ('0', '1', 'true', 'false') THEN {0}::boolean END").format(text)
    # A digit first: PostgreSQL would also read 'today', 'now' and 'infinity' as times.
    plain = sql.SQL("{0} ~ '^[0-9]' AND ops.fits({0}, {1})").format(text, sql.Literal(column.sql_type))
    if column.type == "date":
        return sql.SQL("CASE WHEN {} THEN {}::date END").format(plain, text)
    return sql.SQL(
        "CASE WHEN {0} THEN CASE WHEN {1} ~ ':[0-9.]+ ?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$'"
        " THEN {1}::timestamptz AT TIME ZONE current_setting('TimeZone') ELSE {1}::timestamp END::timestamp(0) END"
    ).format(plain, text)
