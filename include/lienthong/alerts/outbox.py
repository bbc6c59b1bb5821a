"""Drafts become rows of the outbox: content without a personal value, a Message-ID of their own, their thread."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from lienthong.alerts.facts import Heard, Place, Reader, held_by_rule, held_rows
from lienthong.alerts.letter import Letter, Told, showable
from lienthong.alerts.manners import DAILY
from lienthong.alerts.readers import OWNER, Directory
from lienthong.alerts.rounds import Draft
from lienthong.alerts.telling import Teller, without_keys, without_proposal
from lienthong.batches import LOCAL
from lienthong.contracts import Contract
from lienthong.settings import Settings
from lienthong.warehouse.store import Session

MOST_ROWS = 5000  # held rows in one attachment; the rest is counted
MOST_ROOTS = 20  # threads that one letter joins
MOST_NAMED = 20  # units or letters named in a note
ORDER = ("new", "escalated", "still", "mended")


class Writer:
    """Writes letters in the caller's transaction."""

    def __init__(
        self,
        session: Session,
        home: Path,
        contracts: Mapping[str, Contract],
        settings: Settings,
        directory: Directory,
        now: datetime,
    ) -> None:
        self.session = session
        self.home = home
        self.contracts = contracts
        self.settings = settings
        self.directory = directory
        self.now = now
        self.notes: dict[Reader, list[str]] = {}

    def write(
        self,
        drafts: Iterable[Draft],
        heard: Mapping[int, Mapping[Reader, Heard]],
        units: Mapping[str, str],
    ) -> Counter[str]:
        """One letter for each draft; gives their number by kind."""
        wanted = sorted(drafts, key=lambda draft: draft.recipient.reader)
        places = {place for draft in wanted for place in _places(draft)}
        teller = Teller(self.contracts, units, held_by_rule(self.session, self.home, places))
        numbers = self.session.execute(
            "SELECT nextval(pg_get_serial_sequence('ops.letters', 'letter_id')) AS n FROM generate_series(1, %s)",
            [len(wanted)],
        )
        for number, draft in zip([row["n"] for row in numbers], wanted, strict=True):
            self._insert(number, draft, self._letter(draft, teller), heard)
        return Counter(draft.kind for draft in wanted)

    def note(self, reader: Reader, sentence: str) -> None:
        """Have the letter to this reader say one more thing."""
        self.notes.setdefault(reader, []).append(sentence)

    def _letter(self, draft: Draft, teller: Teller) -> Letter:
        reader = draft.recipient.reader
        told = [teller.told(problem, state) for problem, state in draft.told.values()]
        if reader.role != OWNER:
            told = [without_keys(item) for item in told]
        if not self.directory.keeps_contracts(reader):
            told = [without_proposal(item) for item in told]
        rows, left_out = held_rows(self.session, self.home, _places(draft), MOST_ROWS)
        links = {"console": _console(self.settings.console_url, draft), "docs": self.settings.docs_url}
        return Letter(
            kind=draft.kind,
            recipient=showable(draft.recipient.name, 200),
            unit=showable(reader.unit),
            written_at=self.now.astimezone(LOCAL).isoformat(timespec="seconds"),
            told=tuple(sorted(told, key=_order)),
            held=tuple(teller.held(rows)),
            held_left_out=left_out,
            notes=(*self._homeless(draft, teller), *self.notes.get(reader, ())),
            links={name: url for name, url in links.items() if url},
        )

    def _homeless(self, draft: Draft, teller: Teller) -> Iterable[str]:
        """Says which units ought to have got the letter, had anybody of them been known."""
        names = {
            f"{teller.source_name(problem)} ({showable(problem.source)})"
            for problem, _ in draft.told.values()
            if draft.recipient.reader.role == OWNER and self.directory.without_contact(problem)
        }
        if names:
            yield (
                f"Các đơn vị sau chưa có địa chỉ liên hệ nên thư được gửi đến quý cơ quan: {listed(sorted(names))}. "
                "Đề nghị bổ sung địa chỉ liên hệ của đơn vị."
            )

    def _insert(self, number: int, draft: Draft, letter: Letter, heard: Mapping[int, Mapping[Reader, Heard]]) -> None:
        reader = draft.recipient.reader
        known = [heard[problem].get(reader) for problem in draft.told]
        roots = list(dict.fromkeys(item.root for item in known if item))
        domain = self.settings.mail_from.partition("@")[2]
        self.session.execute(
            "INSERT INTO ops.letters (letter_id, kind, role, channel, address, recipient, unit, content, message_id,"
            ' "references", due_at, next_attempt_at, created_at) OVERRIDING SYSTEM VALUE'
            " VALUES (%(id)s, %(kind)s, %(role)s, %(channel)s, %(address)s, %(recipient)s, %(unit)s, %(content)s,"
            " %(message_id)s, %(roots)s, %(now)s, %(now)s, %(now)s)",
            {
                **reader._asdict(),
                "id": number,
                "kind": letter.kind,
                "recipient": letter.recipient,
                "content": json.dumps(letter.to_json(), ensure_ascii=False),
                # The moment keeps a warehouse that was restored from a backup from using an identity again.
                "message_id": f"<thu.{number}.{int(self.now.timestamp())}@{domain}>",
                "roots": roots[-MOST_ROOTS:],
                "now": self.now,
            },
        )
        self.session.cursor().executemany(
            "INSERT INTO ops.letter_problems (letter_id, problem_id, state) VALUES (%s, %s, %s)",
            [(number, problem, state) for problem, (_, state) in draft.told.items()],
        )


def listed(names: list[str]) -> str:
    """Names in a row; of many the first, and how many more."""
    more = f" và {len(names) - MOST_NAMED} đơn vị khác" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _console(address: str, draft: Draft) -> str:
    """Where the console shows what the letter tells of: its one problem, else the list of its unit's or of all."""
    if not address:
        return ""
    numbers = list(draft.told)
    if len(numbers) == 1:
        return f"{address}/problems/{numbers[0]}"
    unit = draft.recipient.reader.unit
    return f"{address}/problems?unit={quote(unit, safe='')}" if unit else f"{address}/problems"


def _places(draft: Draft) -> set[Place]:
    """Where the owner of the letter has held rows that it tells of."""
    if draft.recipient.reader.role != OWNER:
        return set()
    return {p.place for p, state in draft.told.values() if p.kind in ("rows", "blocked") and state != "mended"}


def _order(told: Told) -> tuple[int, bool, str, str, str, int]:
    return ORDER.index(told.state), told.kind in DAILY, told.dataset, told.source, told.kind, told.problem
