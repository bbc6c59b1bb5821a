"""Promote is one transaction: core, history, quarantine, outbox, watermarks and the ledger move together or not."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from lienthong.batches import Ledger, Window
from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.errors import NeedsPerson, SourceShrunk, TryAgain
from lienthong.warehouse import ledger, problems, quarantine, versions
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.statements import names, statement
from lienthong.warehouse.store import Session, Warehouse, one


def promote(warehouse: Warehouse, contract: Contract, window: Window, run_id: int) -> Ledger:
    """Promote one judged run, exactly once; a second call gives the stored counts and changes nothing.

    A source that has lost more records than the contract's brake allows is a problem of its own, told to its owner;
    what it gave is forgotten, so that the next try sees whether it was mended."""
    try:
        return _promote(warehouse, contract, window, run_id)
    except SourceShrunk as error:
        with warehouse.alone(f"judge {contract.dataset} {window}"), warehouse.session() as session:
            run = one(session, "SELECT state FROM ops.runs WHERE run_id = %s FOR UPDATE", [run_id])
            if run["state"] == "open":  # no other try has promoted what the mended source gave
                problems.note_shrunk(session, contract, window, run_id, error.gone, error.held)
                Landing(warehouse, contract, window, run_id).drop(session)
                ledger.forget_landing(session, run_id)
        raise


def _promote(warehouse: Warehouse, contract: Contract, window: Window, run_id: int) -> Ledger:
    with warehouse.session() as session:
        session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"core.{contract.dataset}"])
        run = one(session, "SELECT * FROM ops.runs WHERE run_id = %s FOR UPDATE", [run_id])
        if run["state"] == "promoted":
            return _ledger(contract, window, run)
        landing = Landing(warehouse, contract, window, run_id)
        if run["judged_at"] is None or not landing.intact(session) or not landing.judged(session, run["extracted"]):
            raise TryAgain(f"{contract.dataset} {window}: the landing was lost before promote; it is read again.")
        if run["kind"] == "redrive" and quarantine.moved(session, contract.dataset, landing.landing):
            raise TryAgain(f"{contract.dataset} {window}: a held row changed while it was judged; it is judged again.")
        promotion = _Promotion(session, landing, run)
        counts = promotion.run()
        done = one(
            session,
            "UPDATE ops.runs SET state = 'promoted', closed_at = clock_timestamp(), inserted = %(inserted)s,"
            " updated = %(updated)s, unchanged = %(unchanged)s, superseded = %(superseded)s,"
            " quarantined = %(quarantined)s, deleted = %(deleted)s, enqueued = %(enqueued)s"
            " WHERE run_id = %(run_id)s RETURNING *",
            {**counts, "run_id": run_id},
        )
        problems.note_promote(session, contract, window, run_id)
        if promotion.values["shows_gone"]:
            problems.note_shrunk(session, contract, window, run_id, 0, 0)
        landing.drop(session)
        crashpoint("promote.before_commit", contract.dataset)
        result = _ledger(contract, window, done)
        if not result.balanced:
            raise NeedsPerson(
                f"{contract.dataset} {window}: the counts do not add up ({result}); nothing was committed."
            )
        return result


def _ledger(contract: Contract, window: Window, run: dict[str, Any]) -> Ledger:
    fields = ("extracted", "inserted", "updated", "unchanged", "superseded", "quarantined", "deleted", "enqueued")
    return Ledger(contract.dataset, str(window), run["run_id"], **{name: run[name] for name in fields})


class _Promotion:
    """The statements of one promote, in their order, and what each of them counted."""

    def __init__(self, session: Session, landing: Landing, run: dict[str, Any]) -> None:
        self.session = session
        self.landing = landing
        self.contract = landing.contract
        self.core = sql.Identifier("core", self.contract.dataset)
        self.history = sql.Identifier("history", self.contract.dataset)
        self.redrive = run["kind"] == "redrive"
        self.partial = run["partial"]
        self.touched = 0
        self.overtaken = self._overtaken()
        batches = list(session.execute("SELECT source, state FROM ops.batches WHERE run_id = %s", [landing.run_id]))
        self.states = {row["source"]: row["state"] for row in batches}
        self.values: dict[str, Any] = {
            "dataset": self.contract.dataset,
            "run_id": landing.run_id,
            "blocked": self._in_state("blocked"),
            "landed": self._in_state("landed"),
            "default_time": landing.window.local_end,
            "window_start": landing.window.start,
            "window_end": landing.window.end,
            "marked_at": run["marked_at"] or run["judged_at"],
            "whole": self.contract.mode == "snapshot",
            "shows_gone": self._shows_gone(),
            "overtaken": self.overtaken,
            "pseudo": quarantine.BLOCKED,
            "endpoints": list(self.contract.endpoints),
            "change": versions.next_of(session, self.contract.dataset),
        }

    def _in_state(self, wanted: str) -> list[str]:
        return [source for source, state in self.states.items() if state == wanted]

    def _overtaken(self) -> list[str]:
        """The sources read whole of which a newer list is promoted, whether this run reads them or not."""
        if self.contract.mode != "snapshot":
            return []
        newer = self.session.execute(
            "SELECT source FROM ops.watermarks WHERE dataset = %s AND window_end > %s",
            [self.contract.dataset, self.landing.window.end],
        )
        return [row["source"] for row in newer]

    def execute(self, name: str, **parts: sql.Composable) -> int:
        query = statement(self.landing.warehouse.home, f"warehouse/{name}", **parts)
        return self.session.execute(query, self.values).rowcount

    def run(self) -> dict[str, int]:
        quarantine.speak(self.session, self.landing.run_id, quarantine.selection_of(self.session, self.landing.run_id))
        self._delta()
        self._nothing_added_meanwhile()
        gone = self._gone()
        self._history()
        inserted = self.execute("promote_insert", core=self.core, columns=names(self.contract.names))
        updated = self._update()
        deleted = self.execute("promote_delete", core=self.core) if gone else 0
        self._quarantine()
        if inserted or updated or deleted or self.touched:
            versions.note(self.session, self.contract.dataset, self.values["change"])
        enqueued = self.execute("promote_outbox") if self.contract.endpoints else 0
        tally = {
            row["_action"]: row["n"]
            for row in self.session.execute("SELECT _action, count(*) AS n FROM delta GROUP BY 1")
        }
        return {
            "inserted": inserted,
            "updated": updated,
            "unchanged": tally.get("unchanged", 0),
            "superseded": tally.get("superseded", 0),
            "quarantined": self.landing.rejected(self.session, self.values["blocked"]),
            "deleted": deleted,
            "enqueued": enqueued,
        }

    def _delta(self) -> None:
        contract = self.contract
        self.execute(
            "promote_good",
            columns=names(contract.names, "t"), hashed=names(self._hashed(), "t"), core=self.core,
            order_key=sql.Identifier(contract.order_key), typed=self.landing.typed, marks=self.landing.marks,
        )  # fmt: skip
        self.session.execute("ANALYZE delta")

    def _nothing_added_meanwhile(self) -> None:
        """What is only added to was judged beside ``core`` as it was: a record that another run added since then is
        judged again, and then set aside or let through by its waiver."""
        if self.contract.mode != "append":
            return
        changed = self.session.execute(
            sql.SQL(
                "SELECT FROM delta g JOIN {} c USING (_record_key) WHERE g._action IN ('updated', 'superseded')"
                " AND c._loaded_at > %(marked_at)s LIMIT 1"
            ).format(self.core),
            self.values,
        )
        if changed.fetchone() is not None:
            raise TryAgain(
                f"{self.contract.dataset} {self.landing.window}: another run added a record of this one while it was "
                "judged; it is judged again."
            )

    def _shows_gone(self) -> bool:
        """Only a run that read every source whole, and none before a newer list, can show that a record is gone."""
        whole = self.contract.mode == "snapshot" and not self.redrive and not self.partial and not self.overtaken
        return whole and not set(self.states.values()) - {"landed"}

    def _gone(self) -> int:
        """Find what is gone before anything changes; more of it than the brake allows is a mistake of the source."""
        order_key = sql.Identifier(self.contract.order_key)
        gone = self.execute("promote_gone", core=self.core, marks=self.landing.marks, order_key=order_key)
        self.session.execute("ANALYZE gone")
        if not gone:
            return 0
        held = one(self.session, sql.SQL("SELECT count(*) AS n FROM {} WHERE _deleted_at IS NULL").format(self.core))
        if gone > self.contract.delete_brake * held["n"]:
            raise SourceShrunk(
                f"{self.contract.dataset}: the source no longer holds {gone} of {held['n']} records, more than the "
                f"{self.contract.delete_brake:.0%} that deleteBrake allows. Nothing was changed. The data team "
                "checks the source, then raises deleteBrake in the contract or lets the source be mended.",
                gone, held["n"],
            )  # fmt: skip
        return gone

    def _hashed(self) -> tuple[str, ...]:
        return tuple(name for name in self.contract.names if name != self.contract.cursor)

    def _history(self) -> None:
        columns = self.contract.names
        self.execute(
            "promote_history",
            history=self.history, core=self.core, columns=names(columns),
            core_columns=names(columns, "c"), delta_columns=names(columns, "g"),
        )  # fmt: skip

    def _update(self) -> int:
        cursor = self.contract.cursor
        shown = sql.SQL(", {0} = g.{0}, _change = %(change)s").format(sql.Identifier(cursor)) if cursor else None
        moved = self.execute("promote_touch", core=self.core, touched=shown or sql.SQL(""))
        self.touched = moved if shown else 0
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = g.{0}").format(sql.Identifier(name)) for name in self.contract.names
        )
        return self.execute("promote_update", core=self.core, assignments=assignments)

    def _quarantine(self) -> None:
        """Hold what is rejected, close what has come back, and move the watermarks between the two: a source that is
        read whole withdraws what it held before its newest window."""
        if self.redrive:
            self.execute("promote_rejudge", **self._held(), broken=self._broken())
            self.execute("promote_release", **self._held())
        else:
            raw = self._raw()
            self.execute(
                "promote_held", **self._held(), typed=self.landing.typed, core=self.core,
                hashed=names(self._hashed(), "t"), broken=self._broken(), raw=raw,
            )  # fmt: skip
            self.execute("promote_reject", core=self.core)
        self.execute("promote_correct")
        self.execute("promote_mend", core=self.core)
        if not self.redrive:
            self._watermarks()
            self.execute("promote_withdraw")

    def _held(self) -> dict[str, sql.Composable]:
        return {"marks": self.landing.marks, "landing": self.landing.landing}

    def _broken(self) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL("CASE WHEN m.broken & {} <> 0 THEN {} END").format(sql.Literal(1 << place), sql.Literal(rule.id))
            for place, rule in enumerate(self.contract.rejecting)
        )

    def _raw(self) -> sql.Composed:
        """The row as received; PostgreSQL takes a hundred arguments at once, which is fifty columns."""
        columns = self.contract.names
        pairs = [sql.SQL("{}::text, l.{}").format(sql.Literal(name), sql.Identifier(name)) for name in columns]
        parts = [
            sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs[start : start + 50]))
            for start in range(0, len(pairs), 50)
        ]
        return sql.SQL(" || ").join(parts)

    def _watermarks(self) -> None:
        self.session.execute(
            "INSERT INTO ops.watermarks AS w (dataset, source, window_end)"
            " SELECT r.dataset, b.source, r.window_end FROM ops.batches b JOIN ops.runs r USING (run_id)"
            " WHERE r.run_id = %(run_id)s AND b.state = 'landed'"
            " ON CONFLICT (dataset, source) DO UPDATE SET window_end = excluded.window_end,"
            " updated_at = clock_timestamp() WHERE w.window_end < excluded.window_end",
            self.values,
        )
