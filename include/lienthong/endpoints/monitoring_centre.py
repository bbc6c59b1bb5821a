"""The monitoring centre: every dataset that is bound to it, as NGSI-LD entities in few large requests.

An entity is replaced by its newest version, so a repetition changes nothing: what is in doubt is sent again with the
same body. No person ever leaves for the centre: a contract with a personal column cannot be bound to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.holding import Held, Holding, Part
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome
from lienthong.errors import ContractError, LienThongError, ReceiverRefused, TryAgain
from lienthong.mapi import Call, NoAnswer, TooLarge, mask
from lienthong.mapi.answers import Mask
from lienthong.ngsi import Broker, Failure, OtherTenant, Told
from lienthong.ngsi.broker import GONE
from lienthong.ngsi.model import TYPES

PARTED = 4
"""Into how many parts a batch is cut for each time that it got no answer."""
NOT_OURS = ("@context", "createdAt", "modifiedAt", "instanceId", "scope")
"""Members of an entity that a broker adds."""
MOST_ALONE = 20
"""Entities that may be refused one by one, with none accepted, before the fault is taken for ours."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An item as the centre knows it."""

    item: Item
    id: str
    gone: bool
    """Whether the version is the end of its record."""

    @property
    def text(self) -> str:
        """What a batch brings of it."""
        return json.dumps(self.id) if self.gone else self.item.body


class MonitoringCentre:
    """Turns entities into batches of the standard and its answers into verdicts."""

    name = "monitoring_centre"

    def __init__(self, connection: Connection, agency: str, contracts: Mapping[str, Contract]) -> None:
        del agency  # the statements write what an entity says
        bound = [contract for contract in contracts.values() if self.name in contract.endpoints]
        for contract in bound:
            _check_nobody(contract)
        self.broker = Broker(connection)
        options = self.broker.options
        self.in_flight = options.in_flight
        self.feeds: tuple[Feed, ...] = tuple(
            Feed(contract.dataset, options.records_per_request, deletions=True) for contract in bound
        )

        self._kinds = {kind.dataset: kind.name for kind in TYPES}
        self.holdings = tuple(
            Holding(feed.dataset, ("attributes",), told=lambda body: _shown(json.loads(body)))
            for feed in self.feeds
            if feed.dataset in self._kinds
        )

    def holds(self, part: Part, calls: list[Call]) -> Iterator[Held]:
        """Every entity of the dataset's type, in pages."""
        return map(_shown, self.broker.listed(self._kinds[part.dataset], calls))

    def look_up(self, dataset: str, name: str, calls: list[Call]) -> Held | None:
        """One entity by its identifier."""
        del dataset
        found = self.broker.entity(name, calls)
        return None if found is None else _shown(found)

    def close(self) -> None:
        """Close the connections to the centre."""
        self.broker.close()

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """Requests filled in the order of the items, up to the number of entities and of bytes."""
        groups: list[list[Item]] = []
        size = 0
        for item in items:
            weight = self.broker.weight(item.body)
            full = not groups or len(groups[-1]) == feed.per_request
            if full or size + weight > self.broker.options.bytes_per_request:
                groups.append([])
                size = 0
            groups[-1].append(item)
            size += weight
        return groups

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send the items in one request, or in more where the centre says nothing about each."""
        delivery = Delivery()
        self._send(_entities(items), delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Send again, which changes nothing where it arrived.

        Together what merely lost its sender; the more often there was no answer the fewer together, because one entity
        may be what the centre chokes on."""
        delivery = Delivery()
        for attempts, same in groupby(sorted(items, key=_attempts), key=_attempts):
            size = max(1, self.broker.options.records_per_request // PARTED**attempts)
            alike = _entities(same)
            for start in range(0, len(alike), size):
                self._send(alike[start : start + size], delivery)
        return delivery

    def _send(self, entities: list[Entity], delivery: Delivery) -> None:
        """One request for ``entities``, or more until each has its verdict; deletions go by themselves."""
        if not entities:
            return
        ended = [one for one in entities if one.gone]
        if 0 < len(ended) < len(entities):
            self._send([one for one in entities if not one.gone], delivery)
            self._send(ended, delivery)
            return
        if delivery.trouble:
            delivery.settle(_items(entities), Outcome.NOT_TAKEN)
            return
        told = self._push(entities, delivery)
        if told is not None:
            self._settle(entities, told, delivery)

    def _push(self, entities: list[Entity], delivery: Delivery) -> Told | None:
        """What the centre said, or None when it said nothing and the entities have their verdict."""
        operation = "delete" if entities[0].gone else "upsert"
        texts, ids = [one.text for one in entities], {one.id for one in entities}
        keeping, dataset = _keeping(entities), entities[0].item.dataset
        try:
            return self.broker.batch(operation, texts, ids, delivery.calls, mask=keeping, named=dataset)
        except TooLarge as error:
            if len(entities) > 1:
                self._halve(entities, delivery)
            else:
                delivery.settle(_items(entities), Outcome.REFUSED, code="413", message=str(error))
        except (TryAgain, ReceiverRefused) as error:
            self._give_up(entities, error, delivery)
        return None

    def _settle(self, entities: list[Entity], told: Told, delivery: Delivery) -> None:
        """Give a verdict to every entity that the answer speaks about, and ask again about the others."""
        if told.whole is not None:
            self._split(entities, told.whole, told, delivery)
            return
        unsaid: list[Entity] = []
        for one in entities:
            failure = told.failed.get(one.id)
            if failure is not None:
                self._judge(one, failure, told, delivery)
            elif told.nameless is not None and one.id not in told.success:
                unsaid.append(one)
            else:
                answer = told.answer
                delivery.settle([one.item], Outcome.ACCEPTED, answer.code, answer.message, answer.request_id)
        if unsaid and told.nameless is not None:
            self._split(unsaid, told.nameless, told, delivery)

    def _split(self, entities: list[Entity], failure: Failure, told: Told, delivery: Delivery) -> None:
        """Part what was refused as a whole until the culprit stands alone."""
        if len(entities) > 1:
            self._halve(entities, delivery)
            return
        if told.whole is not None and entities[0].gone and failure.kind == GONE:
            self._confirm(entities[0], delivery)
            return
        self._judge(entities[0], failure, told, delivery)
        outcomes = [verdict.outcome for verdict in delivery.verdicts]
        if Outcome.ACCEPTED not in outcomes and outcomes.count(Outcome.REFUSED) >= MOST_ALONE:
            delivery.trouble = ReceiverRefused(
                f"{self.name}: {MOST_ALONE} entities were refused one by one and none was accepted, so the fault is "
                "probably not theirs. The receipts have the centre's words; whoever maintains the connection or the "
                "statements of this endpoint can mend it, then redrive the dead letters."
            )

    def _confirm(self, entity: Entity, delivery: Delivery) -> None:
        """A deletion that got 404 has succeeded only where the centre says by name that it has no such entity."""
        try:
            answer = self.broker.gone(entity.id, delivery.calls, named=entity.item.dataset)
        except (TryAgain, ReceiverRefused) as error:
            self._give_up([entity], error, delivery)
        else:
            delivery.settle([entity.item], Outcome.ACCEPTED, answer.code, answer.message, answer.request_id)

    def _judge(self, entity: Entity, failure: Failure, told: Told, delivery: Delivery) -> None:
        if entity.gone and failure.kind == GONE:
            outcome = Outcome.ACCEPTED
        else:
            outcome = Outcome.TRY_AGAIN if failure.passing else Outcome.REFUSED
        delivery.settle([entity.item], outcome, failure.kind, failure.message, told.answer.request_id)

    def _halve(self, entities: list[Entity], delivery: Delivery) -> None:
        middle = (len(entities) + 1) // 2
        self._send(entities[:middle], delivery)
        self._send(entities[middle:], delivery)

    def _give_up(self, entities: list[Entity], error: LienThongError, delivery: Delivery) -> None:
        delivery.trouble = error
        if isinstance(error, NoAnswer | OtherTenant):
            delivery.settle(_items(entities), Outcome.IN_DOUBT, message=str(error))
        else:
            delivery.settle(_items(entities), Outcome.NOT_TAKEN)


def _shown(entity: Mapping[str, Any]) -> Held:
    """An entity by a digest of what was sent of it: the context and what the broker itself adds stay out."""
    own = {name: value for name, value in entity.items() if name not in NOT_OURS}
    text = json.dumps(_plain(own), sort_keys=True, ensure_ascii=False)
    return Held(str(entity["id"]), (hashlib.sha256(text.encode()).hexdigest(),))


def _plain(value: Any) -> Any:
    """The same value however it is written: 5 and 5.0 are one number, and a list of one is what is in it."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in NOT_OURS}
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _entities(items: Iterable[Item]) -> list[Entity]:
    return [_entity(item) for item in items]


def _entity(item: Item) -> Entity:
    """Read once; a body without a type can be nothing else than the end of its record, whatever the outbox says."""
    body = json.loads(item.body)
    return Entity(item, str(body["id"]), gone=item.deleted or "type" not in body)


def _items(entities: Sequence[Entity]) -> list[Item]:
    return [one.item for one in entities]


def _check_nobody(contract: Contract) -> None:
    personal = [column.name for column in contract.columns if column.personal]
    if personal:
        raise ContractError(
            f"Dataset {contract.dataset!r} is bound to monitoring_centre, which takes aggregates only; found "
            f"{len(personal)} columns about persons, {personal[0]!r} first. Its owner binds a dataset of sums instead."
        )


def _attempts(item: Item) -> int:
    return item.attempts


def _keeping(entities: Sequence[Entity]) -> Mask:
    """The mask for what is said about ``entities``; their codes stay readable."""
    keys = {name for one in entities for name in (one.item.record_key, one.id)}
    return lambda words: mask(words, (), keys)
