"""Landing of one run: text as received, then typed, then marked. Unlogged, so always checked against the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Column, Contract
from lienthong.rules import predicate
from lienthong.warehouse import ledger
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, Warehouse, one

Row = Sequence[str | None]


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
                " _source text NOT NULL, _line bigint NOT NULL, {})"
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

    def mark(self, session: Session) -> None:
        """Build typed values and marks from the landing, with the rows that waited for another dataset."""
        self._drop(session, self.typed, self.marks)
        self._unwait(session)
        waiting = self._land_waiting(session)
        session.execute(self._typed_statement())
        session.execute(self._marks_statement())
        if waiting:
            waiting -= session.execute(
                statement(self.warehouse.home, "warehouse/waiting_again", marks=self.marks, typed=self.typed,
                          landing=self.landing),
                {"rejecting": self.rejecting},
            ).rowcount  # fmt: skip
        if waiting:
            session.execute(
                "INSERT INTO ops.batches (run_id, source, state, rows, read_at)"
                " VALUES (%s, %s, 'landed', %s, clock_timestamp())",
                [self.run_id, ledger.WAITING, waiting],
            )
        for table in (self.typed, self.marks):
            session.execute(sql.SQL("ANALYZE {}").format(table))

    def _unwait(self, session: Session) -> None:
        session.execute(sql.SQL("DELETE FROM {} WHERE _line = 0").format(self.landing))
        session.execute("DELETE FROM ops.batches WHERE run_id = %s AND source = %s", [self.run_id, ledger.WAITING])

    def _land_waiting(self, session: Session) -> int:
        rules = waiting_rules(self.contract)
        if not rules:
            return 0
        values = sql.SQL(", ").join(sql.SQL("q.raw ->> {}").format(sql.Literal(n)) for n in self.contract.names)
        query = statement(
            self.warehouse.home,
            "warehouse/waiting",
            landing=self.landing,
            columns=names(self.contract.names),
            values=values,
            satisfied=_satisfied(self.contract),
        )
        return session.execute(query, {"dataset": self.contract.dataset, "rules": rules}).rowcount

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
        bits = [
            sql.SQL("CASE WHEN {} THEN 0::bigint ELSE {}::bigint END").format(
                sql.SQL(f"coalesce({predicate(rule, self.window)}, true)"),
                sql.Literal(1 << place),
            )
            for place, rule in enumerate(self.contract.rules)
        ]
        cursor = self.contract.cursor
        return statement(
            self.warehouse.home, "warehouse/marks",
            marks=self.marks, typed=self.typed, record_key=record_key(self.contract),
            source_time=sql.Identifier("t", cursor) if cursor else sql.SQL("NULL::timestamp"),
            default_time=sql.Literal(self.window.local_end),
            mask=sql.SQL("\n        + ").join(bits),
        )  # fmt: skip

    @property
    def rejecting(self) -> int:
        """Bits of the rules that keep a row out of ``core``."""
        return sum(1 << place for place, rule in enumerate(self.contract.rules) if rule.rejects)

    def counts(self, session: Session) -> list[dict[str, Any]]:
        """Failing rows per rule and source, as (rule, source, failing), from the marks; zero counts are absent."""
        found = []
        for place, rule in enumerate(self.contract.rules):
            rows = session.execute(
                sql.SQL("SELECT _source, count(*) AS n FROM {} WHERE mask & %s <> 0 GROUP BY 1").format(self.marks),
                [1 << place],
            )
            found += [{"rule": rule.id, "source": row["_source"], "failing": row["n"]} for row in rows]
        return found

    def rejected(self, session: Session, blocked: Sequence[str]) -> int:
        """Rows that stay out of ``core``: they break a rejecting rule, or their source is blocked."""
        query = sql.SQL("SELECT count(*) AS n FROM {} WHERE mask & %s <> 0 OR _source = ANY (%s)").format(self.marks)
        count: int = one(session, query, [self.rejecting, list(blocked)])["n"]
        return count

    def mostly_rejected(self, session: Session) -> list[str]:
        """Sources of some size of which a larger share is bad than the contract's ``blockShare``.

        A row that only waits for a record of another dataset says nothing bad about its source."""
        waiting = set(waiting_rules(self.contract))
        bad = sum(1 << place for place, r in enumerate(self.contract.rules) if r.rejects and r.id not in waiting)
        query = sql.SQL(
            "SELECT _source FROM {} WHERE _line > 0 GROUP BY 1"
            " HAVING count(*) >= 20 AND count(*) FILTER (WHERE mask & %s <> 0) > %s * count(*)"
        ).format(self.marks)
        return [row["_source"] for row in session.execute(query, [bad, self.contract.block_share])]

    def drop(self, session: Session) -> None:
        """Remove the landing once its rows are settled."""
        self._drop(session, self.landing, self.typed, self.marks)

    def _drop(self, session: Session, *tables: sql.Identifier) -> None:
        for table in tables:
            session.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


def waiting_rules(contract: Contract) -> list[str]:
    """Rules whose rejected rows only wait: the record they refer to may still arrive."""
    return [
        rule.id for rule in contract.rules if rule.kind == "exists_in" and rule.rejects and "at" not in rule.arguments
    ]


def any_waiting(session: Session, contract: Contract) -> bool:
    """Whether some rejected row waited for a record that is there now."""
    rules = waiting_rules(contract)
    if not rules:
        return False
    query = sql.SQL(
        "SELECT EXISTS (SELECT FROM quarantine.rows q WHERE q.dataset = %s AND q.state = 'open'"
        " AND q.rules <@ %s AND cardinality(q.rules) > 0 AND {}) AS found"
    ).format(_satisfied(contract))
    return bool(one(session, query, [contract.dataset, rules])["found"])


def _satisfied(contract: Contract) -> sql.Composed:
    waiting = waiting_rules(contract)
    conditions = [
        sql.SQL(
            "({} <> ALL (q.rules) OR EXISTS (SELECT FROM {} r WHERE r.{} = q.raw ->> {} AND r._deleted_at IS NULL))"
        ).format(
            sql.Literal(rule.id),
            sql.Identifier("core", rule.arguments["dataset"]),
            sql.Identifier(rule.arguments.get("column", rule.columns[0])),
            sql.Literal(rule.columns[0]),
        )
        for rule in contract.rules
        if rule.id in waiting
    ]
    return sql.SQL(" AND ").join(conditions)


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
