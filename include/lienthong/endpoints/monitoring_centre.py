"""The monitoring centre: every dataset that is bound to it, as NGSI-LD entities in few large requests.

An entity is replaced by its newest version, so a repetition changes nothing: what is in doubt is sent again with the
same body. No person ever leaves for the centre: a contract with a personal column cannot be bound to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome
from lienthong.errors import ContractError, LienThongError, ReceiverRefused
from lienthong.indicators.declared import Indicator, declared
from lienthong.mapi import NoAnswer, NotTaken, TooLarge, mask
from lienthong.mapi.answers import Mask
from lienthong.ngsi import Broker, Failure, OtherTenant, Told
from lienthong.ngsi.broker import GONE

INDICATORS = "chi_so"
"""Dataset whose records are values of declared indicators."""
PARTED = 4
"""Into how many parts a batch is cut for each time that it got no answer."""
MOST_ALONE = 20
"""Entities that may be refused one by one, with none accepted, before the fault is taken for ours."""


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
        self._words = _declarations(bound)

    def close(self) -> None:
        """Close the connections to the centre."""
        self.broker.close()

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """Requests filled in the order of the items, up to the number of entities and of bytes."""
        groups: list[list[Item]] = []
        size = 0
        for item in items:
            weight = self.broker.weight(self._written(item))
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
        self._send(list(items), delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Send again, which changes nothing where it arrived.

        Together what merely lost its sender; the more often there was no answer the fewer together, because one entity
        may be what the centre chokes on."""
        delivery = Delivery()
        for attempts, same in groupby(sorted(items, key=_attempts), key=_attempts):
            size = max(1, self.broker.options.records_per_request // PARTED**attempts)
            alike = list(same)
            for start in range(0, len(alike), size):
                self._send(alike[start : start + size], delivery)
        return delivery

    def _send(self, items: list[Item], delivery: Delivery) -> None:
        """One request for ``items``, or more until each has its verdict; deletions go by themselves."""
        if not items:
            return
        ended = [item for item in items if _gone(item)]
        if 0 < len(ended) < len(items):
            self._send([item for item in items if not _gone(item)], delivery)
            self._send(ended, delivery)
            return
        if delivery.trouble:
            delivery.settle(items, Outcome.NOT_TAKEN)
            return
        told = self._push(items, "delete" if ended else "upsert", delivery)
        if told is not None:
            self._settle(items, told, delivery)

    def _push(self, items: list[Item], operation: str, delivery: Delivery) -> Told | None:
        """What the centre said, or None when it said nothing and the items have their verdict."""
        texts = [json.dumps(_identifier(item)) if operation == "delete" else self._written(item) for item in items]
        try:
            return self.broker.batch(operation, texts, delivery.calls, mask=_keeping(items), named=items[0].dataset)
        except TooLarge as error:
            if len(items) > 1:
                self._halve(items, delivery)
            else:
                delivery.settle(items, Outcome.REFUSED, code="413", message=str(error))
        except (NoAnswer, OtherTenant) as error:
            self._give_up(items, error, Outcome.IN_DOUBT, delivery)
        except (NotTaken, ReceiverRefused) as error:
            self._give_up(items, error, Outcome.NOT_TAKEN, delivery)
        return None

    def _written(self, item: Item) -> str:
        """The entity; a value of an indicator with what the indicator's declaration says of it in words."""
        if not self._words:
            return item.body
        indicator = json.loads(item.body).get("indicator", {})
        return self._words.get(indicator.get("value"), "{") + item.body[1:]

    def _settle(self, items: list[Item], told: Told, delivery: Delivery) -> None:
        """Give a verdict to every item that the answer speaks about, and ask again about the others."""
        if told.whole is not None:
            self._split(items, told.whole, told, delivery)
            return
        unsaid: list[Item] = []
        for item in items:
            identifier = _identifier(item)
            failure = told.failed.get(identifier)
            if failure is not None:
                self._judge(item, failure, told, delivery)
            elif told.nameless is not None and identifier not in told.success:
                unsaid.append(item)
            else:
                answer = told.answer
                delivery.settle([item], Outcome.ACCEPTED, answer.code, answer.message, answer.request_id)
        if unsaid and told.nameless is not None:
            self._split(unsaid, told.nameless, told, delivery)

    def _split(self, items: list[Item], failure: Failure, told: Told, delivery: Delivery) -> None:
        """Part what was refused as a whole until the culprit stands alone."""
        if len(items) > 1:
            self._halve(items, delivery)
            return
        self._judge(items[0], failure, told, delivery)
        outcomes = [verdict.outcome for verdict in delivery.verdicts]
        if Outcome.ACCEPTED not in outcomes and outcomes.count(Outcome.REFUSED) >= MOST_ALONE:
            delivery.trouble = ReceiverRefused(
                f"{self.name}: {MOST_ALONE} entities were refused one by one and none was accepted, so the fault is "
                "probably not theirs. The receipts have the centre's words; whoever maintains the connection or the "
                "statements of this endpoint can mend it, then redrive the dead letters."
            )

    def _judge(self, item: Item, failure: Failure, told: Told, delivery: Delivery) -> None:
        if _gone(item) and failure.kind == GONE:
            outcome = Outcome.ACCEPTED
        else:
            outcome = Outcome.TRY_AGAIN if failure.passing else Outcome.REFUSED
        delivery.settle([item], outcome, failure.kind, failure.message, told.answer.request_id)

    def _halve(self, items: list[Item], delivery: Delivery) -> None:
        middle = (len(items) + 1) // 2
        self._send(items[:middle], delivery)
        self._send(items[middle:], delivery)

    def _give_up(self, items: list[Item], error: LienThongError, outcome: Outcome, delivery: Delivery) -> None:
        delivery.trouble = error
        delivery.settle(items, outcome, message=str(error) if outcome is Outcome.IN_DOUBT else "")


def _declarations(bound: Sequence[Contract]) -> dict[str, str]:
    """By indicator: the beginning of an entity that says what its value is, for whoever sees it without a manual."""
    homes = [contract.path.parents[2] for contract in bound if contract.dataset == INDICATORS]
    return {one.id: _beginning(one) for home in homes for one in declared(home).values()}


def _beginning(one: Indicator) -> str:
    said = {"definition": one.formula, "denominatorName": one.denominator_name, "name": one.name}
    parts = {name: {"type": "Property", "value": text} for name, text in said.items() if text}
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))[:-1] + ","


def _check_nobody(contract: Contract) -> None:
    personal = [column.name for column in contract.columns if column.personal]
    if personal:
        raise ContractError(
            f"Dataset {contract.dataset!r} is bound to monitoring_centre, which takes aggregates only; found "
            f"{len(personal)} columns about persons, {personal[0]!r} first. Its owner binds a dataset of sums instead."
        )


def _gone(item: Item) -> bool:
    """Whether the version is the end of its record: without a type it can be nothing else, whatever the outbox says."""
    return item.deleted or "type" not in json.loads(item.body)


def _attempts(item: Item) -> int:
    return item.attempts


def _identifier(item: Item) -> str:
    return str(json.loads(item.body)["id"])


def _keeping(items: Sequence[Item]) -> Mask:
    """The mask for what is said about ``items``; their codes stay readable."""
    keys = {name for item in items for name in (item.record_key, _identifier(item))}
    return lambda words: mask(words, (), keys)
