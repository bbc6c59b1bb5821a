"""Who is right when two sides hold the same records: the contract's master; the version that loses is kept and told.

The other holder's records are laid beside ``core``. Where the province is master, what differs there is sent again as
a newer version; where the nation is, the department's copy is what has to be mended. Nothing that a holder holds is
ever taken into ``core`` from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.errors import NeedsPerson, SourceShrunk
from lienthong.warehouse import problems, versions
from lienthong.warehouse.landing import Landing, Row, record_key
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse, one


@dataclass(frozen=True, slots=True)
class Compared:
    """What one comparison found: records there (each key once, rows without one not at all), those equal to ours,
    those that differ, those whose newest version is still on its way there, and those that are sent again."""

    dataset: str
    holder: str
    theirs: int
    equal: int
    differing: int
    on_the_way: int
    sent_again: int


def compare(warehouse: Warehouse, contract: Contract, window: Window, batches: Iterable[Sequence[Row]]) -> Compared:
    """Compare what the counterpart gives with ``core`` in one transaction; a second comparison of the same opens
    nothing anew. The rows have the columns of ``contract.as_counterpart``, and are read to their end before anything is
    changed; what we changed or sent meanwhile is no difference, and a much shorter list than the last does nothing."""
    if contract.counterpart is None:
        raise NeedsPerson(f"{contract.dataset}: the contract names no counterpart, so there is nothing to compare.")
    with warehouse.session() as session:
        comparison = _Comparison(session, warehouse, contract.as_counterpart, window)
        comparison.land(session, contract.counterpart.connection, batches)
        # From here on nothing is promoted, so that the version that is sent again is the newest.
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"core.{contract.dataset}"])
        found = comparison.run(contract.counterpart.connection)
        problems.note_conflicts(session, contract, window, contract.counterpart.connection)
        crashpoint("compare.before_commit", contract.dataset)
        return found


class _Comparison(Landing):
    """The counterpart's rows, typed as those of a source are; its tables leave with the transaction."""

    def __init__(self, session: Session, warehouse: Warehouse, contract: Contract, window: Window) -> None:
        super().__init__(warehouse, contract, window, 0)
        base = f"{contract.dataset}__counterpart"
        self.landing, self.typed = sql.Identifier("landing", base), sql.Identifier("landing", f"{base}__typed")
        self.session = session
        # One comparison of a dataset at a time: the next finds the tables gone.
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [f"compare.{contract.dataset}"])
        self._drop(session, self.landing, self.typed)
        self.create(session)
        self.started: datetime = one(session, "SELECT clock_timestamp() AS t")["t"]

    def run(self, holder: str) -> Compared:
        contract, session = self.contract, self.session
        session.execute(self._typed_statement())
        theirs = self._brake(holder)
        core, history = (sql.Identifier(schema, contract.dataset) for schema in ("core", "history"))
        # What other receivers have been sent says nothing about this holder.
        its = [holder] if holder in contract.endpoints else list(contract.endpoints)
        values = {"dataset": contract.dataset, "holder": holder, "endpoints": its, "started": self.started}
        self._execute(
            "compare", values,
            core=core, history=history, typed=self.typed, record_key=record_key(contract),
            same_as_core=self._same("c"), same_as_history=self._same("h"), differing=self._differing(), raw=self._raw(),
        )  # fmt: skip
        counts = one(
            session,
            "SELECT count(*) FILTER (WHERE NOT on_the_way) AS differing,"
            " count(*) FILTER (WHERE on_the_way) AS on_the_way,"
            " count(*) FILTER (WHERE theirs IS NOT NULL) AS theirs_differing FROM difference",
        )
        # Before the differences are kept, so that a conflict that is open already is one of an earlier comparison.
        again = self._send_again(core, values) if contract.master == "province" and contract.endpoints else 0
        self._execute("compare_keep", values)
        found = Compared(
            contract.dataset, holder, theirs, theirs - counts["theirs_differing"], counts["differing"],
            counts["on_the_way"], again,
        )  # fmt: skip
        session.execute(
            "INSERT INTO ops.comparisons"
            " (dataset, holder, window_end, theirs, equal, differing, on_the_way, sent_again)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [contract.dataset, holder, self.window.end, found.theirs, found.equal, found.differing,
             found.on_the_way, again],
        )  # fmt: skip
        self._drop(session, self.landing, self.typed)
        return found

    def _send_again(self, core: sql.Identifier, values: dict[str, Any]) -> int:
        newest = self.session.execute(
            "SELECT max(run_id) AS run_id FROM ops.runs WHERE dataset = %s AND state = 'promoted'",
            [self.contract.dataset],
        ).fetchone()
        if newest is None or newest["run_id"] is None:
            return 0
        change = versions.next_of(self.session, self.contract.dataset)
        values = {**values, "run_id": newest["run_id"], "change": change, "every": list(self.contract.endpoints)}
        order_key = sql.Identifier(self.contract.order_key)
        again = self._execute("compare_assert", values, core=core, order_key=order_key)
        if again:
            versions.note(self.session, self.contract.dataset, change)
        return again

    def _brake(self, holder: str) -> int:
        """The records that the holder gives; far fewer than the last time are a list that broke off."""
        query = sql.SQL("SELECT count(DISTINCT {}) AS n FROM {} t").format(record_key(self.contract), self.typed)
        theirs: int = one(self.session, query)["n"]
        last = self.session.execute(
            "SELECT theirs FROM ops.comparisons WHERE dataset = %s AND holder = %s ORDER BY comparison_id DESC LIMIT 1",
            [self.contract.dataset, holder],
        ).fetchone()
        brake = self.contract.delete_brake
        if last is not None and last["theirs"] - theirs > brake * last["theirs"]:
            raise SourceShrunk(
                f"{self.contract.dataset}: {holder} gives {theirs} records; the last comparison found "
                f"{last['theirs']} there, and deleteBrake allows {brake:.0%} fewer. Nothing was compared, nothing is "
                "sent again. The data team asks the holder whether its list is whole; if so, it raises deleteBrake in "
                "the contract until a comparison was made.",
                last["theirs"] - theirs, last["theirs"],
            )  # fmt: skip
        return theirs

    def _execute(self, name: str, values: dict[str, Any], **parts: sql.Composable) -> int:
        return self.session.execute(statement(self.warehouse.home, f"warehouse/{name}", **parts), values).rowcount

    def _same(self, alias: str) -> sql.Composed:
        ours, theirs = (self._row(name) for name in (alias, "t"))
        return sql.SQL("{} IS NOT DISTINCT FROM {}").format(ours, theirs)

    def _row(self, alias: str) -> sql.Composed:
        names = [sql.Identifier(alias, name) for name in self.contract.names]
        return sql.SQL("ROW({})").format(sql.SQL(", ").join(names))

    def _differing(self) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL("CASE WHEN c.{0} IS DISTINCT FROM t.{0} THEN {1} END").format(sql.Identifier(n), sql.Literal(n))
            for n in self.contract.names
        )

    def _raw(self) -> sql.Composed:
        """The row as received, without what the holder leaves empty."""
        pairs = [
            sql.SQL("jsonb_build_object({}::text, t.{})").format(sql.Literal(n), sql.Identifier(f"{n}__raw"))
            for n in self.contract.names
        ]
        return sql.SQL("jsonb_strip_nulls({})").format(sql.SQL(" || ").join(pairs))
