"""The run ledger: what was planned, read and promoted for each dataset and window. At most one run is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from psycopg import sql

from lienthong.batches import Window
from lienthong.errors import NeedsPerson, TryAgain
from lienthong.warehouse.store import Session, one

# What held rows of the quarantine are called when they are landed again; no unit has such a code.
WAITING = "(quarantine)"

# Nothing was read for so long: the retries of a window's own DAG, a few minutes at most, are over.
GIVEN_UP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Plan:
    """An open run and the sources that it still has to read."""

    run_id: int
    todo: tuple[str, ...]


def open_run(
    session: Session,
    dataset: str,
    window: Window,
    sources: Iterable[str],
    *,
    only: Iterable[str] = (),
    again: bool = False,
    backfill: int | None = None,
) -> Plan:
    """Resume the open run of the window, or open one.

    After a run that missed sources the new one reads only those; after a whole run it reads everything again,
    which changes nothing unless the sources changed. ``only`` names sources to be read, whatever was read before;
    ``again`` says that they are read to see what is left there: such a run is no delivery. A caller that gives these
    keeps the judge of the window away meanwhile, so that no run ends between. An open run of some sources becomes one
    of all when all are asked for. ``backfill`` is whose run it is: a run that a held backfill has begun stays its own,
    and one that a backfill resumes becomes its own, so that nothing held leaves."""
    session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"run:{dataset}:{window.start}"])
    wanted, asked = set(sources), set(only)
    row = session.execute(
        "SELECT run_id, state, judged_at, partial, backfill_id FROM ops.runs"
        " WHERE dataset = %s AND kind = 'read' AND window_start = %s ORDER BY run_id DESC LIMIT 1",
        [dataset, window.start],
    ).fetchone()
    if row and row["state"] == "open":
        if row["judged_at"] is None and (asked or row["partial"]):
            _plan(session, row["run_id"], asked & wanted if asked else wanted)
            if not asked:
                session.execute("UPDATE ops.runs SET partial = false, again = false WHERE run_id = %s", [row["run_id"]])
        _belongs(session, row["run_id"], backfill)
        return Plan(row["run_id"], _todo(session, row["run_id"]))
    if row and again:
        backfill = row["backfill_id"]
    unread = _unread(session, dataset, window, wanted) if row else set()
    planned = asked & wanted if asked else unread or wanted
    if not planned:
        raise NeedsPerson(f"Dataset {dataset}: there is no source to read. Is the dataset that lists them loaded?")
    run = one(
        session,
        "INSERT INTO ops.runs (dataset, window_start, window_end, partial, again) VALUES (%s, %s, %s, %s, %s)"
        " RETURNING run_id",
        [dataset, window.start, window.end, planned != wanted, again],
    )
    _plan(session, run["run_id"], planned)
    _belongs(session, run["run_id"], backfill)
    return Plan(run["run_id"], tuple(sorted(planned)))


def _belongs(session: Session, run_id: int, backfill: int | None) -> None:
    """Note whose run it is; a number that no backfill has is nobody's."""
    session.execute(
        "UPDATE ops.runs r SET backfill_id = b.backfill_id FROM ops.backfills b"
        " WHERE r.run_id = %s AND b.backfill_id = %s AND NOT EXISTS ("
        "SELECT FROM ops.backfills o WHERE o.backfill_id = r.backfill_id AND o.held)",
        [run_id, backfill],
    )


def _plan(session: Session, run_id: int, sources: Iterable[str]) -> None:
    session.cursor().executemany(
        "INSERT INTO ops.batches (run_id, source, state) VALUES (%s, %s, 'planned') ON CONFLICT DO NOTHING",
        [(run_id, source) for source in sorted(sources)],
    )


def _todo(session: Session, run_id: int) -> tuple[str, ...]:
    rows = session.execute(
        "SELECT source FROM ops.batches WHERE run_id = %s AND state IN ('planned', 'missing') ORDER BY source",
        [run_id],
    )
    return tuple(row["source"] for row in rows)


# What became of each source of a window: its newest batch since the newest run that read them all.
_STANDING = sql.SQL("""
    SELECT DISTINCT ON (r.window_start, b.source) r.window_start, r.window_end, b.source, b.state
    FROM ops.runs r
    JOIN ops.batches b USING (run_id)
    WHERE r.dataset = %(dataset)s AND r.kind = 'read' AND b.state <> 'planned'
      AND r.run_id >= coalesce((
          SELECT max(w.run_id) FROM ops.runs w
          WHERE w.dataset = r.dataset AND w.kind = 'read' AND w.window_start = r.window_start AND NOT w.partial
      ), 0)
    ORDER BY r.window_start, b.source, r.run_id DESC""")


def _unread(session: Session, dataset: str, window: Window, wanted: set[str]) -> set[str]:
    """Sources that the window still misses, and those that were not there to be read when it was."""
    rows = session.execute(
        sql.SQL("SELECT s.source, s.state FROM ({}) s WHERE s.window_start = %(start)s").format(_STANDING),
        {"dataset": dataset, "start": window.start},
    )
    states = {row["source"]: row["state"] for row in rows}
    missed = {source for source, state in states.items() if state == "missing"}
    return wanted & missed | wanted - set(states)


def current_run(session: Session, dataset: str, window: Window) -> int:
    """The newest run of the window; without one, the extract step has not run yet."""
    row = session.execute(
        "SELECT run_id FROM ops.runs WHERE dataset = %s AND kind = 'read' AND window_start = %s"
        " ORDER BY run_id DESC LIMIT 1",
        [dataset, window.start],
    ).fetchone()
    if row is None:
        raise TryAgain(f"{dataset} {window}: no run is open; extract comes first.")
    run_id: int = row["run_id"]
    return run_id


def promoted(session: Session, run_id: int) -> bool:
    """Whether the run is over: nothing about it may change any more."""
    return bool(one(session, "SELECT state FROM ops.runs WHERE run_id = %s", [run_id])["state"] == "promoted")


def keep_open(session: Session, run_id: int) -> bool:
    """Keep the run from being promoted while the transaction lasts; False when it is over already."""
    found = one(session, "SELECT state FROM ops.runs WHERE run_id = %s FOR KEY SHARE", [run_id])
    return bool(found["state"] == "open")


def unread(session: Session, run_id: int) -> tuple[str, ...]:
    """Sources of the run that nobody has tried to read yet, or whose landing was lost."""
    rows = session.execute("SELECT source FROM ops.batches WHERE run_id = %s AND state = 'planned'", [run_id])
    return tuple(row["source"] for row in rows)


def mark_missing(session: Session, run_id: int, source: str, code: str, reason: str, seconds: float) -> None:
    """Note that a source gave nothing, and why, unless another try has landed it meanwhile."""
    session.execute(
        "UPDATE ops.batches SET state = 'missing', reason_code = %s, reason = %s, read_at = clock_timestamp(),"
        " seconds = %s WHERE run_id = %s AND source = %s AND state IN ('planned', 'missing')",
        [code, reason, seconds, run_id, source],
    )


def mark_landed(session: Session, run_id: int, source: str, rows: int, seconds: float) -> bool:
    """Note that a source is landed, in the transaction that landed it; False when another try was first."""
    done = session.execute(
        "UPDATE ops.batches SET state = 'landed', rows = %s, reason_code = NULL, reason = NULL,"
        " read_at = clock_timestamp(), seconds = %s"
        " WHERE run_id = %s AND source = %s AND state IN ('planned', 'missing')",
        [rows, seconds, run_id, source],
    )
    return done.rowcount == 1


def forget_landing(session: Session, run_id: int) -> None:
    """Plan every landed source again: its rows were lost with an unclean stop of the database server, or what it gave
    cannot be promoted."""
    session.execute(
        "UPDATE ops.batches SET state = 'planned', rows = 0 WHERE run_id = %s AND state IN ('landed', 'blocked')",
        [run_id],
    )
    session.execute("DELETE FROM ops.batches WHERE run_id = %s AND source = %s", [run_id, WAITING])
    session.execute("DELETE FROM ops.verdict_sources WHERE run_id = %s", [run_id])
    session.execute("DELETE FROM ops.verdicts WHERE run_id = %s", [run_id])
    session.execute("UPDATE ops.runs SET judged_at = NULL, extracted = NULL WHERE run_id = %s", [run_id])


def landed_rows(session: Session, run_id: int) -> int:
    """Rows that the ledger says are in the landing of the run."""
    query = (
        "SELECT coalesce(sum(rows), 0)::bigint AS n FROM ops.batches"
        " WHERE run_id = %s AND state IN ('landed', 'blocked')"
    )
    total: int = one(session, query, [run_id])["n"]
    return total


def settled(session: Session, dataset: str, window: Window, *, exactly: bool) -> bool:
    """Whether the dataset has been promoted for this window and is not being read again just now, or, unless
    ``exactly``, has been promoted for a later one."""
    # An open run that found none of its sources waits for them; nothing of it is on its way. What a later window
    # brought is there, whatever became of this one.
    query = (
        "SELECT coalesce(bool_or(state = 'promoted' AND window_start = %(start)s), false)"
        " AND NOT coalesce(bool_or(state = 'open' AND window_start = %(start)s"
        " AND (EXISTS (SELECT FROM ops.batches b WHERE b.run_id = r.run_id AND b.state <> 'missing')"
        " OR NOT EXISTS (SELECT FROM ops.batches b WHERE b.run_id = r.run_id))), false)"
        " OR coalesce(bool_or(state = 'promoted' AND window_start > %(start)s), false) AS settled"
        " FROM ops.runs r WHERE dataset = %(dataset)s AND kind = 'read'"
        " AND (window_start = %(start)s OR (NOT %(exactly)s AND window_start > %(start)s))"
    )
    found = one(session, query, {"dataset": dataset, "start": window.start, "exactly": exactly})
    return bool(found["settled"])


def newest_promoted(session: Session, dataset: str) -> Window | None:
    """The newest window of the dataset that is promoted, or None."""
    row = session.execute(
        "SELECT window_start, window_end FROM ops.runs WHERE dataset = %s AND kind = 'read' AND state = 'promoted'"
        " ORDER BY window_start DESC LIMIT 1",
        [dataset],
    ).fetchone()
    return Window(row["window_start"], row["window_end"]) if row else None


def unfinished_redrive(session: Session, dataset: str) -> tuple[int, Window] | None:
    """A redrive that was begun and killed, with the window it belongs to."""
    row = session.execute(
        "SELECT run_id, window_start, window_end FROM ops.runs"
        " WHERE dataset = %s AND kind = 'redrive' AND state = 'open' ORDER BY run_id LIMIT 1",
        [dataset],
    ).fetchone()
    return (row["run_id"], Window(row["window_start"], row["window_end"])) if row else None


def open_redrive(session: Session, dataset: str, window: Window, selection: str | None = None) -> int:
    """A new run that reads no source but takes up held rows of its window: ``selection`` as JSON, or those that
    waited; the caller is alone with the redrives of the dataset. It is of the backfill that read the window last."""
    query = (
        "INSERT INTO ops.runs (dataset, kind, window_start, window_end, selection, backfill_id)"
        " VALUES (%(dataset)s, 'redrive', %(start)s, %(end)s, %(selection)s,"
        " (SELECT backfill_id FROM ops.runs WHERE dataset = %(dataset)s AND kind = 'read'"
        " AND window_start = %(start)s ORDER BY run_id DESC LIMIT 1)) RETURNING run_id"
    )
    values = {"dataset": dataset, "start": window.start, "end": window.end, "selection": selection}
    run_id: int = one(session, query, values)["run_id"]
    return run_id


def members(session: Session, dataset: str, window: Window) -> tuple[str, ...]:
    """Keys of a reference dataset that were valid on the day of the window: the units to read."""
    query = sql.SQL(
        "SELECT _record_key AS member FROM {} WHERE _deleted_at IS NULL"
        " AND (hieu_luc_tu IS NULL OR hieu_luc_tu <= %(day)s) AND (hieu_luc_den IS NULL OR %(day)s < hieu_luc_den)"
        " ORDER BY 1"
    ).format(sql.Identifier("core", dataset))
    return tuple(row["member"] for row in session.execute(query, {"day": window.day}))


def missing(session: Session, dataset: str, window: Window) -> tuple[str, ...]:
    """Sources that the window still misses."""
    query = sql.SQL("SELECT s.source FROM ({}) s WHERE s.state = 'missing' AND s.window_start = %(start)s").format(
        _STANDING
    )
    rows = session.execute(query, {"dataset": dataset, "start": window.start})
    return tuple(sorted({row["source"] for row in rows}))


def windows_with_missing(session: Session, dataset: str, days: int, *, whole: bool) -> tuple[Window, ...]:
    """Windows of the last ``days`` days that still miss a source, oldest first.

    A window of which nothing is promoted is left to its own DAG until that has given up. Of a dataset that is read
    whole it is left for good: a later window brings all of it."""
    rows = session.execute(
        sql.SQL(
            "SELECT DISTINCT s.window_start, s.window_end FROM ({}) s WHERE s.state = 'missing'"
            " AND s.window_start >= (SELECT max(window_start) FROM ops.runs) - make_interval(days => %(days)s)"
            " AND (EXISTS (SELECT FROM ops.runs p WHERE p.dataset = %(dataset)s AND p.kind = 'read'"
            " AND p.window_start = s.window_start AND p.state = 'promoted')"
            " OR NOT %(whole)s AND NOT EXISTS (SELECT FROM ops.runs o JOIN ops.batches b USING (run_id)"
            " WHERE o.dataset = %(dataset)s AND o.kind = 'read' AND o.window_start = s.window_start"
            " AND b.read_at > clock_timestamp() - %(given_up)s::interval))"
            " ORDER BY s.window_start"
        ).format(_STANDING),
        {"dataset": dataset, "days": days, "whole": whole, "given_up": GIVEN_UP},
    )
    return tuple(Window(row["window_start"], row["window_end"]) for row in rows)
