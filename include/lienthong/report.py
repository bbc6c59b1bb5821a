"""What happened, read from the ledger: the same facts for the screen, for ``report.json`` and for ``status``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, LiteralString

from lienthong.alerts.letter import Letter
from lienthong.alerts.words import subject
from lienthong.batches import LOCAL, Window
from lienthong.contracts import Contract
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.store import Session, one

COUNTS = ("extracted", "inserted", "updated", "unchanged", "superseded", "quarantined", "deleted", "enqueued")


def collect(
    session: Session,
    contracts: dict[str, Contract],
    days: Sequence[date] = (),
    since: datetime | None = None,
    letters_after: int | None = None,
) -> dict[str, Any]:
    """The state of every dataset and endpoint, and who was written to, ready for JSON.

    ``days``: windows to report in detail; without, the newest window of each dataset. ``since``: what was sent
    from that moment on stands under ``sent`` of an endpoint; without, all that was ever sent. ``letters_after``: the
    letters with higher numbers are listed; without, letters are only counted."""
    return {
        "datasets": {name: _dataset(session, contract, days) for name, contract in contracts.items()},
        "endpoints": {name: _endpoint(session, name, since) for name in _endpoints(contracts)},
        "alerts": {
            "problems": _counted(session, "SELECT kind, count(*) AS n FROM ops.problems WHERE closed_at IS NULL"),
            "letters": _counted(session, "SELECT state AS kind, count(*) AS n FROM ops.letters"),
            "clock": one(session, "SELECT max(stands_at) AS at FROM ops.clock")["at"],
            "written": [] if letters_after is None else _letters(session, letters_after),
        },
    }


def newest_letter(session: Session) -> int:
    """Number of the newest letter, 0 when none was ever written."""
    number: int = one(session, "SELECT coalesce(max(letter_id), 0) AS n FROM ops.letters")["n"]
    return number


def _counted(session: Session, query: LiteralString) -> dict[str, int]:
    return {row["kind"]: row["n"] for row in session.execute(f"{query} GROUP BY 1 ORDER BY 1")}


def _letters(session: Session, after: int) -> list[dict[str, Any]]:
    """The letters after a number: to whom, about what, and what became of them."""
    rows = session.execute(
        "SELECT letter_id, kind, unit, recipient, channel, address, content, state, reason FROM ops.letters"
        " WHERE letter_id > %s ORDER BY letter_id",
        [after],
    )
    return [
        {
            **{name: row[name] for name in ("letter_id", "kind", "unit", "recipient", "channel", "address", "state")},
            "subject": subject(Letter.from_json(row["content"])),
            "reason": row["reason"],
        }
        for row in rows
    ]


def _endpoints(contracts: dict[str, Contract]) -> list[str]:
    return sorted({name for contract in contracts.values() for name in contract.endpoints})


def _dataset(session: Session, contract: Contract, days: Sequence[date]) -> dict[str, Any]:
    windows = [Window.of_day(day).start for day in days] or _newest_window(session, contract.dataset)
    runs = [run for start in windows for run in _runs(session, contract.dataset, start)]
    reads = [run for run in runs if run["kind"] == "read"]
    counted = [run for run in runs if run["state"] == "promoted"]
    last_good = one(session, "SELECT max(window_start) AS w FROM ops.runs WHERE dataset = %s AND state = 'promoted'",
                    [contract.dataset])["w"]  # fmt: skip
    ids = [run["run_id"] for run in runs]
    return {
        "title": contract.title,
        "owner": contract.owner,
        "state": _state(reads),
        "windows": sorted({str(Window(run["window_start"], run["window_end"])) for run in runs}),
        "last_good_window": last_good.astimezone(LOCAL).date().isoformat() if last_good else None,
        "runs": len(counted),
        **{name: sum(run[name] for run in counted) for name in COUNTS},
        "quarantined_by_rule": _by_rule(session, ids, ("block", "quarantine")),
        "warnings_by_rule": _by_rule(session, ids, ("warn",)),
        "open_in_quarantine": one(
            session,
            "SELECT count(*) AS n FROM quarantine.rows WHERE dataset = %s AND state = 'open'",
            [contract.dataset],
        )["n"],
        "sources": _sources(session, [run["run_id"] for run in reads]),
        "shared_database": contract.shared_database,
        "master": contract.master,
        "sent": {endpoint: _sent(session, contract.dataset, endpoint) for endpoint in contract.endpoints},
        "compared": _compared(session, contract),
        "seconds": {
            "extract": _span(reads, "opened_at", "landed_at"),
            "judge": _span(reads, "landed_at", "judged_at"),
            "promote": _span(reads, "judged_at", "closed_at"),
        },
    }


def _sent(session: Session, dataset: str, endpoint: str) -> dict[str, Any]:
    """The other direction: the newest window up to which a receiver has answered for every record; what is open."""
    found = one(
        session,
        "SELECT count(*) FILTER (WHERE o.state IN ('pending', 'claimed', 'in_doubt')) AS open,"
        " count(*) FILTER (WHERE o.state = 'dead') AS dead,"
        " min(r.window_start) FILTER (WHERE o.state IN ('pending', 'claimed', 'in_doubt')) AS first_open"
        " FROM publish.outbox o JOIN ops.runs r USING (run_id) WHERE o.dataset = %s AND o.endpoint = %s"
        " AND o.state IN ('pending', 'claimed', 'in_doubt', 'dead')",
        [dataset, endpoint],
    )
    last = one(
        session,
        "SELECT max(window_start) AS w FROM ops.runs WHERE dataset = %s AND state = 'promoted'"
        " AND (%s::timestamptz IS NULL OR window_start < %s)",
        [dataset, found["first_open"], found["first_open"]],
    )["w"]
    return {
        "last_good_window": last.astimezone(LOCAL).date().isoformat() if last else None,
        "open": found["open"],
        "dead": found["dead"],
    }


def _compared(session: Session, contract: Contract) -> dict[str, Any] | None:
    """The newest comparison with the other holder of the records, None where there is no other holder."""
    if contract.counterpart is None:
        return None
    row = session.execute(
        "SELECT holder, theirs, equal, differing, on_the_way, sent_again, compared_at FROM ops.comparisons"
        " WHERE dataset = %s ORDER BY comparison_id DESC LIMIT 1",
        [contract.dataset],
    ).fetchone()
    return dict(row) if row else {"holder": contract.counterpart.connection, "compared_at": None}


def _newest_window(session: Session, dataset: str) -> list[datetime]:
    newest = one(session, "SELECT max(window_start) AS w FROM ops.runs WHERE dataset = %s", [dataset])["w"]
    return [newest] if newest else []


def _runs(session: Session, dataset: str, start: datetime) -> list[dict[str, Any]]:
    """The newest run of a window that read all its sources, and what came after it."""
    rows = session.execute(
        "SELECT r.*, (SELECT max(read_at) FROM ops.batches b WHERE b.run_id = r.run_id AND b.source <> %(waiting)s)"
        " AS landed_at FROM ops.runs r WHERE dataset = %(dataset)s AND window_start = %(start)s AND run_id >="
        " coalesce((SELECT max(run_id) FROM ops.runs WHERE dataset = %(dataset)s AND window_start = %(start)s"
        " AND kind = 'read' AND NOT partial), 0) ORDER BY run_id",
        {"dataset": dataset, "start": start, "waiting": WAITING},
    )
    return list(rows)


def _state(reads: list[dict[str, Any]]) -> str:
    if not reads:
        return "never run"
    return "promoted" if all(run["state"] == "promoted" for run in reads) else "running or stopped"


def _span(runs: list[dict[str, Any]], start: str, end: str) -> float:
    spans: list[float] = [(run[end] - run[start]).total_seconds() for run in runs if run[start] and run[end]]
    return round(sum(max(0.0, span) for span in spans), 2)


def _by_rule(session: Session, run_ids: list[int], severities: tuple[str, ...]) -> dict[str, int]:
    rows = session.execute(
        "SELECT rule, sum(failing)::bigint AS n FROM ops.verdicts"
        " WHERE run_id = ANY (%s) AND severity = ANY (%s) AND failing > 0 GROUP BY 1 ORDER BY 2 DESC, 1",
        [run_ids, list(severities)],
    )
    return {row["rule"]: row["n"] for row in rows}


def _sources(session: Session, run_ids: list[int]) -> dict[str, Any]:
    """State of each source: its newest batch in the window, whichever run read it."""
    rows = list(
        session.execute(
            "SELECT DISTINCT ON (b.source) b.source, b.state, b.rows, b.reason_code, b.reason FROM ops.batches b"
            " JOIN ops.runs r USING (run_id) JOIN ops.runs mine ON mine.dataset = r.dataset"
            " AND mine.window_start = r.window_start AND r.kind = 'read'"
            " WHERE mine.run_id = ANY (%s) AND b.source <> %s ORDER BY b.source, b.run_id DESC",
            [run_ids, WAITING],
        )
    )
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(row["state"], []).append(row)
    return {
        "total": len(rows),
        "read": len(kinds.get("landed", [])),
        "missing": [_why(row) for row in kinds.get("missing", [])],
        "blocked": [_why(row) for row in kinds.get("blocked", [])],
        "states": {row["source"]: {"state": row["state"], "rows": row["rows"]} for row in rows},
    }


def _why(row: dict[str, Any]) -> dict[str, str]:
    return {"source": row["source"], "code": row["reason_code"], "reason": row["reason"]}


def _endpoint(session: Session, endpoint: str, since: datetime | None) -> dict[str, Any]:
    states = {
        row["state"]: row["n"]
        for row in session.execute(
            "SELECT state, count(*) AS n FROM publish.outbox WHERE endpoint = %s GROUP BY 1", [endpoint]
        )
    }
    values = {"endpoint": endpoint, "since": since}
    outcomes = {
        row["outcome"]: row["n"]
        for row in session.execute(
            "SELECT outcome, count(*) AS n FROM publish.receipts WHERE endpoint = %(endpoint)s"
            " AND (%(since)s::timestamptz IS NULL OR answered_at >= %(since)s) GROUP BY 1",
            values,
        )
    }
    calls = one(
        session,
        "SELECT count(*) AS requests, min(started_at) AS first,"
        " max(started_at + make_interval(secs => seconds)) AS last FROM publish.calls WHERE endpoint = %(endpoint)s"
        " AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)",
        values,
    )
    seconds = (calls["last"] - calls["first"]).total_seconds() if calls["first"] else 0.0
    return {
        "sent": sum(outcomes.values()),
        "accepted": outcomes.get("accepted", 0),
        "refused": outcomes.get("refused", 0),
        "requests": calls["requests"],
        "seconds": round(seconds, 2),
        "in_doubt": states.get("in_doubt", 0) + states.get("claimed", 0),
        "dead": states.get("dead", 0),
        "pending": states.get("pending", 0),
        "outbox": states,
    }
