"""One answer of a receiver laid beside the receipts: nothing is noted of an answer that cannot be whole, nor of one
with which a look would find more lost than the brake allows.

The tables that it works on are those of one session: ``accepted`` for a dataset, ``held`` and ``doubtful`` for a part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from lienthong.crashpoints import crashpoint
from lienthong.endpoints import Feed, Held, Holder, Holding, Incomplete
from lienthong.mapi import Call
from lienthong.publishing.bodies import bodies_statement
from lienthong.reconcile.options import Options
from lienthong.reconcile.planning import Planned
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS accepted (record_key text PRIMARY KEY, version bigint NOT NULL,"
    " deleted boolean NOT NULL, gone boolean NOT NULL, marks text[], unit text, day date, name text NOT NULL)",
    "CREATE INDEX IF NOT EXISTS accepted_of_part ON accepted (unit, day)",
    # a receiver may know two of our records by one name: then both are laid beside what it shows
    "CREATE TEMP TABLE IF NOT EXISTS known (name text, record_key text, PRIMARY KEY (name, record_key))",
    "CREATE TEMP TABLE IF NOT EXISTS listed (name text NOT NULL, marks text[] NOT NULL, day date)",
    "CREATE TEMP TABLE IF NOT EXISTS held (record_key text PRIMARY KEY, name text NOT NULL, marks text[] NOT NULL,"
    " day date)",
    "CREATE TEMP TABLE IF NOT EXISTS doubtful (record_key text PRIMARY KEY, name text NOT NULL, kind text NOT NULL,"
    " fields text[] NOT NULL, version bigint, day date, on_the_way boolean NOT NULL DEFAULT false)",
)
"""Gone with the session."""
PORTION = 5000
KINDS = (
    ("missing", "are not in its list", "it does not know by name"),
    ("different", "are shown otherwise", "it shows otherwise"),
)
CONTROLS = 3
"""Records by which it is tried whether a look-up finds anything at all."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How one part came out, in records."""

    held: int
    expected: int
    equal: int
    differing: int
    on_the_way: int


class Looking:
    """Lays the answers about one dataset beside what was accepted of it."""

    def __init__(
        self, session: Session, home: Path, endpoint: str, feed: Feed, holding: Holding, options: Options,
        reconciliation: int,
    ) -> None:  # fmt: skip
        self._session = session
        self._home = home
        self._feed = feed
        self._holding = holding
        self._options = options
        self._about = {"endpoint": endpoint, "dataset": feed.dataset}
        self._reconciliation = reconciliation
        self._whole: dict[str, int] | None = None
        """Of this look: records expected, and how many were noted so far, by kind."""
        self._sure = ""
        """The name of a record that a look-up found."""

    def begin(self) -> None:
        """Know what the receiver accepted last of each record, and by which name it knows the record."""
        session, holding = self._session, self._holding
        session.execute("TRUNCATE accepted, known")
        unit = sql.Identifier("c", holding.unit_column) if holding.unit_column else sql.SQL("''::text")
        day = sql.SQL("{}::date").format(sql.Identifier("c", holding.day_column)) if holding.day_column else None
        with session.transaction():
            session.execute("SET LOCAL work_mem = '128MB'")
            self._run("accepted", core=self._core, unit=unit, day=day or sql.SQL("NULL::date"),
                      deletions=self._feed.deletions)  # fmt: skip
        if holding.told is not None:
            self._tell(holding.told)
        session.execute("ANALYZE accepted")

    def look(self, planned: Planned, holder: Holder, calls: list[Call]) -> Looked:
        """Ask for one part and keep what differs, in one transaction. Raises ``Incomplete`` for an answer that lacks
        more than the brake allows, by itself or together with the parts before, and for look-ups that do not find what
        they must; also what the receiver's client raises. Then nothing is noted."""
        part, session = planned.part, self._session
        began: datetime = one(session, "SELECT clock_timestamp() AS now")["now"]
        self._load(holder.holds(part, calls))
        values: dict[str, Any] = {"unit": part.unit, "first": part.first_day, "last": part.last_day, "began": began}
        session.execute("TRUNCATE doubtful")
        self._run("doubtful", **values, fields=list(self._holding.fields))
        self._run("on_the_way", **values)
        self._brake(self._counted(values), part.unit)
        self._look_up(holder, calls)
        with session.transaction():
            self._run("on_the_way", **values)
            done = self._counted(values)
            whole = self._brake_of_look()
            self._run("seen", **values, reconciliation=self._reconciliation)
            session.execute(
                "UPDATE ops.reconciliation_parts SET state = 'looked', held = %s, expected = %s, equal = %s,"
                " differing = %s, on_the_way = %s, looked_at = clock_timestamp()"
                " WHERE reconciliation_id = %s AND number = %s",
                [
                    done.held,
                    done.expected,
                    done.equal,
                    done.differing,
                    done.on_the_way,
                    self._reconciliation,
                    planned.number,
                ],
            )
            crashpoint("reconcile.before_commit", str(planned.number))
        self._whole = whole
        return done

    @property
    def _core(self) -> sql.Identifier:
        return sql.Identifier("core", self._feed.dataset)

    def _run(self, name: str, **values: Any) -> list[dict[str, Any]]:
        parts = {key: value for key, value in values.items() if isinstance(value, sql.Composable)}
        bound = {**self._about, **{key: value for key, value in values.items() if key not in parts}}
        made = self._session.execute(statement(self._home, f"reconcile/{name}", **parts), bound)
        return list(made) if made.description else []

    def _tell(self, told: Callable[[str], Held]) -> None:
        """Names and marks out of bodies: of the newest version of every record, because what waits may be held too. A
        mark only where the body is still that of the acceptance: a declaration may have changed since."""
        after = ""
        while rows := self._run("newest", core=self._core, after=after, most=PORTION):
            digests = {row["record_key"]: row["sha256"] for row in rows}
            given = {"keys": list(digests), "versions": [row["version"] for row in rows]}
            query = bodies_statement(self._home, self._about["endpoint"], self._feed)
            made = [
                (row["record_key"], row["body"]) for row in self._session.execute(query, {**self._feed.told, **given})
            ]
            shown = [(key, told(body), digests[key] == _digest(body)) for key, body in made]
            self._session.execute(
                "WITH given AS (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) g (record_key, name, mark)),"
                " noted AS (INSERT INTO known SELECT name, record_key FROM given)"
                " UPDATE accepted a SET name = g.name, marks = ARRAY[g.mark] FROM given g"
                " WHERE a.record_key = g.record_key",
                [
                    [key for key, _, _ in shown],
                    [held.name for _, held, _ in shown],
                    [held.marks[0] if same else None for _, held, same in shown],
                ],
            )
            after = rows[-1]["record_key"]

    def _load(self, answer: Iterable[Held]) -> None:
        """The answer whole, each record once."""
        session = self._session
        session.execute("TRUNCATE listed, held")
        with session.cursor().copy("COPY listed (name, marks, day) FROM STDIN") as copy:
            for one_held in answer:
                copy.write_row((one_held.name, list(one_held.marks), one_held.day))
        session.execute(
            "INSERT INTO held SELECT DISTINCT ON (key) coalesce(k.record_key, l.name) AS key, l.name, l.marks, l.day"
            " FROM listed l LEFT JOIN known k USING (name)"
        )
        session.execute("ANALYZE held")

    def _counted(self, values: dict[str, Any]) -> Looked:
        (row,) = self._run("counted", **values)
        return Looked(**row)

    def _brake(self, found: Looked, unit: str) -> None:
        """An answer that broke off, or speaks another language than it used to, is none to conclude from."""
        otherwise = self._otherwise()
        for kind, words, _ in KINDS:
            if otherwise[kind] > self._allowed(found.expected):
                raise self._refused(
                    f"of {found.expected} records of {self._about['dataset']!r}{f' of {unit}' if unit else ''} that "
                    f"were accepted, {otherwise[kind]} {words}"
                )

    def _brake_of_look(self) -> dict[str, int]:
        """What the look has noted together with this part: many small parts are no less than one large one."""
        if self._whole is None:
            (self._whole,) = self._run("whole", reconciliation=self._reconciliation)
        otherwise = self._otherwise()
        whole = {**self._whole, **{kind: self._whole[kind] + otherwise[kind] for kind, _, _ in KINDS}}
        for kind, _, words in KINDS:
            if otherwise[kind] and whole[kind] > self._allowed(whole["expected"]):
                raise self._refused(
                    f"of {whole['expected']} records of {self._about['dataset']!r} that this look asks for there would "
                    f"be {whole[kind]} that {words}"
                )
        return whole

    def _otherwise(self) -> dict[str, int]:
        return one(
            self._session,
            "SELECT count(*) FILTER (WHERE kind = 'missing') AS missing,"
            " count(*) FILTER (WHERE kind = 'different') AS different FROM doubtful WHERE NOT on_the_way",
        )

    def _allowed(self, expected: int) -> float:
        return max(self._options.few, self._options.brake * expected)

    def _refused(self, found: str) -> Incomplete:
        return Incomplete(
            f"{self._about['endpoint']}: {found}, and reconcile_brake allows {self._options.brake:.0%}. Nothing was "
            "concluded from this answer. The data team asks the receiver whether its list is whole; if so, it raises "
            "reconcile_brake in the connection until a look was made."
        )

    def _look_up(self, holder: Holder, calls: list[Call]) -> None:
        """A record is lost or different only where the receiver says so of it by name, and knows others by name."""
        rows = self._session.execute(
            "SELECT d.record_key, d.name, d.kind, d.fields, a.marks, a.deleted FROM doubtful d"
            " JOIN accepted a USING (record_key) WHERE NOT d.on_the_way AND d.kind <> 'extra' ORDER BY 1"
        ).fetchall()
        if any(row["kind"] == "missing" for row in rows):
            self._control(holder, calls)
        lost = 0
        for row in rows:
            found = holder.look_up(self._about["dataset"], row["name"], calls)
            kind, fields = self._judged(row, found)
            lost += kind == "missing"
            self._session.execute(
                "DELETE FROM doubtful WHERE record_key = %(key)s AND %(kind)s = ''",
                {"key": row["record_key"], "kind": kind},
            )
            self._session.execute(
                "UPDATE doubtful SET kind = %s, fields = %s WHERE record_key = %s", [kind, fields, row["record_key"]]
            )

        if lost:
            self._control(holder, calls)

    def _control(self, holder: Holder, calls: list[Call]) -> None:
        """That a record is unknown is believed only of a receiver that knows one which must be there: one that is
        building its index anew knows none. Who raises the brake to the whole has asked the receiver."""
        if self._options.brake >= 1:
            return
        rows = self._run("controls", most=CONTROLS)
        for name in dict.fromkeys([*([self._sure] if self._sure else []), *(row["name"] for row in rows)]):
            if holder.look_up(self._about["dataset"], name, calls) is not None:
                self._sure = name
                return
        raise Incomplete(
            f"{self._about['endpoint']}: by name it knows no record of {self._about['dataset']!r}, not even one that "
            "must be there, so its look-up proves nothing. Nothing was concluded from this answer. The data team "
            "asks the receiver what it holds; if it really lost everything, it sets reconcile_brake in the connection "
            "to 1 until a look was made."
        )

    def _judged(self, row: dict[str, Any], found: Held | None) -> tuple[str, list[str]]:
        """The kind that is left after the look-up, empty for none, and the fields."""
        if found is None:
            return ("" if row["deleted"] else "missing"), []
        if row["deleted"]:
            return "different", []
        pairs = zip(self._holding.fields, found.marks, row["marks"] or [None] * len(found.marks), strict=True)
        fields = [
            name
            for name, theirs, ours in pairs
            if (ours is not None and theirs is not None and theirs != ours)
            or (theirs is None and name in row["fields"])
        ]
        return ("different" if fields else ""), fields


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
