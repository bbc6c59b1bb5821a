"""The centre's durable state: an acceptance is in the write-ahead log before its answer leaves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lienthong.sandbox.centre_entities import Entity
from lienthong.sandbox.centre_log import FILE, TABLES
from lienthong.sandbox.portal_log import canonical, digest
from lienthong.sandbox.request_log import Delivery, LoggedStore


class CentreStore(LoggedStore):
    """Entities by tenant, how their values went over time, subscriptions, and the log of every acceptance."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, TABLES)

    def find(self, tenant: str, identifier: str) -> Entity | None:
        """The entity that is held."""
        statement = "SELECT entity FROM entities WHERE tenant = ? AND id = ?"
        row = self._db.execute(statement, (tenant, identifier)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, delivery: Delivery, tenant: str, operation: str, sent: Entity, entity: Entity, *, keep: bool) -> None:
        """Log that ``sent`` was accepted and hold ``entity``; ``keep`` false says yes and loses it."""
        held = self._hash(tenant, entity["id"])
        sha256 = digest(entity)
        now = time.time()
        if keep and held != sha256:
            self._db.execute(
                "INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?, ?)",
                (tenant, entity["id"], entity["type"], canonical(entity), sha256, now),
            )
            self.observe(tenant, entity["id"], entity["type"], sent)
        kind = "create" if held is None else "update"
        self._log(delivery, tenant, operation, sent, kind, digest(sent), held != sha256)

    def drop(self, delivery: Delivery, tenant: str, identifier: str) -> None:
        """Log a deletion and hold the entity no more; what was observed stays."""
        self._db.execute("DELETE FROM entities WHERE tenant = ? AND id = ?", (tenant, identifier))
        sent = {"id": identifier}
        self._log(delivery, tenant, "delete", sent, "delete", digest(sent), effect=True)

    def observe(self, tenant: str, identifier: str, kind: str, sent: Entity) -> None:
        """Add every value with a time to the evolution of its attribute; a time is there once."""
        rows = [
            (tenant, identifier, name, instance["observedAt"], canonical(instance), kind)
            for name, attribute in sent.items()
            if name not in ("id", "type")
            for instance in (attribute if isinstance(attribute, list) else [attribute])
            if "observedAt" in instance
        ]
        self._db.executemany("INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?)", rows)

    def entities(self, tenant: str, kinds: tuple[str, ...] = (), ids: tuple[str, ...] = ()) -> Iterator[Entity]:
        """What is held of the given types and identifiers, in the order of the identifiers; empty does not restrict."""
        statement = (
            "SELECT entity FROM entities WHERE tenant = ?1"
            " AND (?2 = '[]' OR type IN (SELECT value FROM json_each(?2)))"
            " AND (?3 = '[]' OR id IN (SELECT value FROM json_each(?3))) ORDER BY id"
        )
        for (text,) in self._db.execute(statement, (tenant, json.dumps(kinds), json.dumps(ids))):
            yield json.loads(text)

    def evolution(self, tenant: str, identifier: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Attribute, time and value, the newest first."""
        statement = (
            "SELECT attribute, observed_at, instance FROM instances WHERE tenant = ? AND id = ?"
            " ORDER BY attribute, observed_at DESC"
        )
        for attribute, at, instance in self._db.execute(statement, (tenant, identifier)):
            yield attribute, at, json.loads(instance)

    def observed(self, tenant: str) -> list[tuple[str, str]]:
        """Identifier and type of everything that was ever observed, deleted entities included."""
        statement = "SELECT DISTINCT id, type FROM instances WHERE tenant = ? ORDER BY id"
        return [(identifier, kind) for identifier, kind in self._db.execute(statement, (tenant,))]

    def counts(self, tenant: str) -> dict[str, int]:
        """How many entities of each type are held."""
        statement = "SELECT type, count(*) FROM entities WHERE tenant = ? GROUP BY type ORDER BY type"
        return {kind: count for kind, count in self._db.execute(statement, (tenant,))}

    def newest(self, tenant: str, kind: str, most: int) -> list[tuple[Entity, float]]:
        """The entities of a type that changed last, with the time of the change."""
        statement = (
            "SELECT entity, changed_at FROM entities WHERE tenant = ? AND type = ? ORDER BY changed_at DESC, id LIMIT ?"
        )
        return [(json.loads(text), at) for text, at in self._db.execute(statement, (tenant, kind, most))]

    # -- subscriptions

    def subscribe(self, tenant: str, identifier: str, body: dict[str, Any]) -> None:
        """Hold a subscription."""
        self._db.execute(
            "INSERT INTO subscriptions (tenant, id, body) VALUES (?, ?, ?)", (tenant, identifier, json.dumps(body))
        )

    def subscriptions(self) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """Tenant, identifier, body and what became of the notifications, of every subscription."""
        found = self._db.execute("SELECT tenant, id, body, sent, failed, last_at FROM subscriptions ORDER BY id")
        return [
            (tenant, identifier, json.loads(body), {"timesSent": sent, "timesFailed": failed, "last": last})
            for tenant, identifier, body, sent, failed, last in found
        ]

    def unsubscribe(self, tenant: str, identifier: str) -> bool:
        """Forget a subscription; False when there was none."""
        done = self._db.execute("DELETE FROM subscriptions WHERE tenant = ? AND id = ?", (tenant, identifier))
        return done.rowcount == 1

    def notified(self, tenant: str, identifier: str, *, good: bool) -> None:
        """Count a notification."""
        self._db.execute(
            "UPDATE subscriptions SET sent = sent + 1, failed = failed + ?, last_at = ? WHERE tenant = ? AND id = ?",
            (not good, time.time(), tenant, identifier),
        )

    def _hash(self, tenant: str, identifier: str) -> str | None:
        statement = "SELECT sha256 FROM entities WHERE tenant = ? AND id = ?"
        row = self._db.execute(statement, (tenant, identifier)).fetchone()
        return None if row is None else str(row[0])

    def _log(
        self, delivery: Delivery, tenant: str, operation: str, sent: Entity, kind: str, sha256: str, effect: bool
    ) -> None:
        version = sent.get("version")
        value = version.get("value") if isinstance(version, dict) else None
        self._db.execute(
            "INSERT INTO effects (time, request_id, tenant, operation, id, kind, version, sha256, effect)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(), delivery.request_id, tenant, operation, sent["id"], kind,
                value if isinstance(value, int) else None, sha256, effect,
            ),
        )  # fmt: skip
