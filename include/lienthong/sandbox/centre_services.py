"""The centre behind its door: the batch operations of the standard, each request in one transaction.

A batch is never all or nothing: what is good is held, the rest is named. An identifier that stands twice in an array
is taken in order, so the last one wins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lienthong.sandbox.centre_entities import ERRORS, NULL, Entity, Wrong, checked, identifier_of
from lienthong.sandbox.centre_options import CentreOptions
from lienthong.sandbox.centre_store import CentreStore
from lienthong.sandbox.misbehaviour import Misbehaviour
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web_app import Reply

BATCHES = ("create", "upsert", "update", "merge", "delete")
WORDS = "Thực thể {khoa} bị từ chối: dữ liệu chưa hợp lệ"


@dataclass(slots=True)
class Batch:
    """One batch operation on its way: what was created, what was only changed, what failed, and what changed."""

    tenant: str
    operation: str
    options: frozenset[str]
    delivery: Delivery
    created: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[Entity, frozenset[str]]] = field(default_factory=list)
    """Entities as they are held now, with the names of the attributes that were sent."""

    def failed(self, identifier: str, problem: dict[str, Any]) -> None:
        """Name an entity that was not taken."""
        self.errors.append({"entityId": identifier, "error": problem})


class Centre:
    """Answers messages that have already been read from the wire."""

    def __init__(self, options: CentreOptions) -> None:
        self.options = options
        self.misbehaviour = Misbehaviour(refusal=("BadRequestData", WORDS))
        self.store = CentreStore(options.data)
        self.watchers: list[Callable[[str, list[tuple[Entity, frozenset[str]]]], None]] = []
        """Called with the tenant and what changed, when it is durable."""

    def close(self) -> None:
        """Close the data folder."""
        self.store.close()

    def note(self, delivery: Delivery, code: str = "") -> None:
        """Log a request that had no effect."""
        with self.store.transaction():
            self.store.log_request(delivery, code)

    def batch(
        self, tenant: str, operation: str, options: frozenset[str], given: Sequence[object],
        wrong: dict[int, Wrong], delivery: Delivery, *, orion: bool = False,
    ) -> Reply:  # fmt: skip
        """Carry out a batch; effects and the line in the log are durable when this returns."""
        batch = Batch(tenant, operation, options, delivery)
        with self.store.transaction():
            for place, one in enumerate(given):
                self._take(batch, one, wrong.get(place))
            status, body = _told(batch, orion=orion)
            self.store.log_request(answered(delivery, status), "" if not batch.errors else str(len(batch.errors)))
        for watch in self.watchers:
            watch(tenant, batch.changed)
        return status, body

    def _take(self, batch: Batch, given: object, wrong: Wrong | None) -> None:
        named = given.get("id") if isinstance(given, dict) else given
        shown = named if isinstance(named, str) else ""
        try:
            if wrong is not None:
                raise wrong
            if batch.operation == "delete":
                self._delete(batch, identifier_of(given))
            else:
                self._write(batch, checked(given, whole=batch.operation in ("create", "upsert")))
        except Wrong as error:
            batch.failed(shown, error.problem)

    def _write(self, batch: Batch, sent: Entity) -> None:
        identifier, kind = sent["id"], sent.get("type", "")
        refused = self.misbehaviour.refusal(batch.operation, identifier, kind)
        if refused is not None:
            problem = {"type": ERRORS + refused[0], "title": refused[1], "detail": identifier}
            batch.failed(identifier, problem)
            return
        held = self.store.find(batch.tenant, identifier)
        entity = _merged(batch, held, sent)
        keep = not self.misbehaviour.forgets(batch.operation, identifier, kind)
        self.store.put(batch.delivery, batch.tenant, batch.operation, sent, entity, keep=keep)
        (batch.done if held else batch.created).append(identifier)
        if keep and entity != held:
            batch.changed.append((entity, frozenset(sent) - {"id", "type"}))

    def _delete(self, batch: Batch, identifier: str) -> None:
        refused = self.misbehaviour.refusal("delete", identifier)
        if refused is not None:
            batch.failed(identifier, {"type": ERRORS + refused[0], "title": refused[1]})
        elif self.store.find(batch.tenant, identifier) is None:
            raise Wrong("ResourceNotFound", "There is no such entity")
        else:
            self.store.drop(batch.delivery, batch.tenant, identifier)
            batch.done.append(identifier)


def _merged(batch: Batch, held: Entity | None, sent: Entity) -> Entity:
    """What is held after an operation; ``Wrong`` where it may not take place."""
    if batch.operation == "create":
        if held is not None:
            raise Wrong("AlreadyExists", "The entity exists already")
        return sent
    if batch.operation == "upsert" and (held is None or "update" not in batch.options):
        return sent
    if held is None:
        raise Wrong("ResourceNotFound", "There is no such entity")
    if "type" in sent and sent["type"] != held["type"]:
        raise Wrong("BadRequestData", "The type of an entity cannot be changed")
    if batch.operation == "merge":
        return _deep(held, sent)
    added = {name: value for name, value in sent.items() if name not in held or "noOverwrite" not in batch.options}
    return {**held, **added}


def _deep(held: Entity, sent: Entity) -> Entity:
    found = dict(held)
    for name, value in sent.items():
        former = found.get(name)
        if isinstance(value, dict) and NULL in (value.get("value"), value.get("object")):
            found.pop(name, None)
        else:
            found[name] = {**former, **value} if isinstance(former, dict) and isinstance(value, dict) else value
    return found


def _told(batch: Batch, *, orion: bool) -> Reply:
    """201 with what was created, 204, or 207 with what failed; ``orion`` tells everything in 207."""
    if batch.errors or orion:
        return 207, encode({"success": list(dict.fromkeys([*batch.created, *batch.done])), "errors": batch.errors})
    if batch.created:
        return 201, encode(list(dict.fromkeys(batch.created)))
    return 204, b""


def answered(delivery: Delivery, status: int) -> Delivery:
    """The delivery with the status of its answer, unless a fault has decided on another."""
    return replace(delivery, http_status=status) if delivery.http_status == 200 else delivery


def encode(value: object) -> bytes:
    """JSON as it leaves; a letter that cannot be written is spoilt, not the answer."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
