"""The platform's durable state: an acceptance is in the write-ahead log before its answer leaves."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lienthong.sandbox.platform_log import FILE, TABLES
from lienthong.sandbox.request_log import Delivery, LoggedStore

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One record of a push that may be accepted; ``body`` is None for a deletion."""

    khoa: str
    phien_ban: int
    sha256: str
    body: str | None

    @property
    def kind(self) -> str:
        """The operation in the protocol's words."""
        return "xoa" if self.body is None else "cap_nhat"


class PlatformStore(LoggedStore):
    """What was pushed, and what the other side changed; the server and the command of ``platform_control`` write."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, TABLES)

    def accept(self, delivery: Delivery, trace: str, dataset: str, sent: Sent, keep: bool) -> bool:
        """Log an acceptance, and hold it when it is newer than what is held; gives whether it is.

        ``keep`` false says yes and loses the record.
        """
        held = self.version(dataset, sent.khoa)
        newer = held is None or sent.phien_ban > held
        now = time.time()
        if newer and keep:
            self._db.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
                (dataset, sent.khoa, sent.phien_ban, sent.sha256, sent.body, trace, now),
            )
        self._db.execute(
            "INSERT INTO effects (time, request_id, ma_giao_dich, dataset, khoa, phien_ban, kind, sha256, effect)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (now, delivery.request_id, trace, dataset, sent.khoa, sent.phien_ban, sent.kind, sent.sha256, newer),
        )
        return newer

    def version(self, dataset: str, khoa: str) -> int | None:
        """The version of a pushed record, a deleted one too; None when it was never pushed."""
        statement = "SELECT phien_ban FROM records WHERE dataset = ? AND khoa = ?"
        row = self._db.execute(statement, (dataset, khoa)).fetchone()
        return None if row is None else int(row[0])

    def records(self, dataset: str) -> dict[str, Record]:
        """What was pushed of a dataset and not deleted."""
        statement = "SELECT khoa, ban_ghi FROM records WHERE dataset = ? AND ban_ghi IS NOT NULL"
        return {khoa: json.loads(body) for khoa, body in self._db.execute(statement, (dataset,))}

    def edits(self, dataset: str) -> dict[str, Record | None]:
        """The columns that the other side changed in each record; None for a record that it removed."""
        found = self._db.execute("SELECT khoa, ban_ghi FROM _edits WHERE dataset = ?", (dataset,))
        return {khoa: None if body is None else json.loads(body) for khoa, body in found}

    def edited(self) -> list[str]:
        """The datasets in which something was changed."""
        return [dataset for (dataset,) in self._db.execute("SELECT DISTINCT dataset FROM _edits ORDER BY 1")]

    def edit(self, dataset: str, khoa: str, columns: Record | None) -> None:
        """Put an edit in the place of the record's former one."""
        body = None if columns is None else json.dumps(columns, ensure_ascii=False)
        self._db.execute("INSERT OR REPLACE INTO _edits VALUES (?, ?, ?)", (dataset, khoa, body))

    def drop_edit(self, dataset: str, khoa: str) -> bool:
        """Take an edit back; False when there was none."""
        done = self._db.execute("DELETE FROM _edits WHERE dataset = ? AND khoa = ?", (dataset, khoa))
        return done.rowcount == 1

    def pushed(self) -> dict[str, tuple[int, int]]:
        """Records held and records deleted of each dataset that was pushed."""
        statement = "SELECT dataset, count(ban_ghi), count(*) - count(ban_ghi) FROM records GROUP BY dataset ORDER BY 1"
        return {dataset: (held, deleted) for dataset, held, deleted in self._db.execute(statement)}
