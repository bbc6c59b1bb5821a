"""The shared platform: every dataset whose contract names it, in batches with a verdict for each record.

The platform knows a record by dataset, key and version: a repetition has no effect, so a record in doubt is asked
about by its version and otherwise sent again. A deletion is a version like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome, filled, parted
from lienthong.errors import LienThongError, ReceiverRefused, TryAgain
from lienthong.gateway import Gateway, Said
from lienthong.gateway.client import BUSY
from lienthong.mapi import Answer, NoAnswer, NotTaken, TooLarge, mask, says_only_success
from lienthong.mapi.answers import Mask

FOUND_BY_LOOKUP = "tra_cuu"
"""Code of a receipt that rests on a look-up instead of the lost answer."""


class SharedPlatform:
    """Turns records of any contract into pushes of the shared platform and its answers into verdicts."""

    name = "shared_platform"

    def __init__(self, connection: Connection, agency: str, contracts: Mapping[str, Contract]) -> None:
        del agency  # the account says which province we are
        self.client = Gateway(connection)
        options = self.client.options
        self.in_flight = options.in_flight
        bound = [contract for contract in contracts.values() if self.name in contract.endpoints]
        self.feeds: tuple[Feed, ...] = tuple(
            Feed(
                one.dataset, options.records_per_request, deletions=True, columns=one.sent_columns, texts=options.texts
            )
            for one in bound
        )
        self._personal = {one.dataset: {column.name for column in one.columns if column.personal} for one in bound}

    def close(self) -> None:
        """Close the connections to the platform."""
        self.client.close()

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """Requests of one dataset, filled in the order of the items."""
        return filled(feed, items)

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send the items in one request, or in more where the platform says nothing about each."""
        delivery = Delivery()
        self._send(list(items), delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Ask which version the platform holds, where it tells; what it does not prove to hold is sent again."""
        delivery = Delivery()
        absent: list[Item] = []
        for place, item in enumerate(items):
            if _gone(item) or not self.client.options.record_path:
                absent.append(item)
                continue
            try:
                found, answer = self.client.look_up(
                    item.dataset, item.record_key, delivery.calls, mask=self._hiding([item])
                )
            except (TryAgain, ReceiverRefused) as error:
                delivery.trouble = error
                # A record whose very look-up gets no answer has had its try, or it would come first for ever.
                failed = Outcome.IN_DOUBT if isinstance(error, NoAnswer) else Outcome.NOT_TAKEN
                delivery.settle([item], failed, message=str(error))
                delivery.settle([*items[place + 1 :], *absent], Outcome.NOT_TAKEN)
                return delivery
            if found is not None and self._proves(found, item):
                delivery.settle([item], Outcome.ACCEPTED, code=FOUND_BY_LOOKUP, request_id=answer.request_id)
            else:
                absent.append(item)
        for some in parted(absent):
            self._send(some, delivery)
        return delivery

    def _proves(self, found: Mapping[str, Any], item: Item) -> bool:
        """Whether the platform holds this very version with this very content."""
        names = self.client.options.names
        same = str(found.get(names.version)) == str(item.version)
        return same and found.get(names.record) in (None, json.loads(item.body))

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
        heard = self._push(items, delivery)
        if heard is None:
            return
        answer, said = heard
        open_items = self._settle_named(items, answer, said, delivery)
        if not open_items:
            return
        if answer.accepted:
            self._settle_unnamed(open_items, answer, delivery)
        elif answer.says(*BUSY):
            delivery.trouble = NotTaken(f"{self.name}: the platform says that it is busy (code {answer.code}).")
            delivery.settle(open_items, Outcome.NOT_TAKEN)
        elif len(items) > 1:
            for half in _halves(open_items):
                self._send(half, delivery)
        else:
            delivery.settle(open_items, Outcome.REFUSED, answer.code, answer.message, answer.request_id)

    def _push(self, items: list[Item], delivery: Delivery) -> tuple[Answer, list[Said]] | None:
        """What the platform said, or None when it said nothing and the items have their verdict."""
        dataset, hide = items[0].dataset, self._hiding(items)
        try:
            return self.client.push(dataset, [self._written(item) for item in items], mask=hide, calls=delivery.calls)
        except TooLarge as error:
            if len(items) > 1:
                for half in _halves(items):
                    self._send(half, delivery)
            else:
                delivery.settle(items, Outcome.REFUSED, code="413", message=str(error))
        except (NotTaken, ReceiverRefused) as error:
            self._give_up(items, error, Outcome.NOT_TAKEN, delivery)
        except NoAnswer as error:
            self._give_up(items, error, Outcome.IN_DOUBT, delivery)
        return None

    def _give_up(self, items: list[Item], error: LienThongError, outcome: Outcome, delivery: Delivery) -> None:
        delivery.trouble = error
        delivery.settle(items, outcome, message=str(error) if outcome is Outcome.IN_DOUBT else "")

    def _settle_named(self, items: list[Item], answer: Answer, said: list[Said], delivery: Delivery) -> list[Item]:
        """Settle the items that the answer speaks about; gives the others. One that is named twice with different
        verdicts counts as not named."""
        verdicts: dict[tuple[str, str], set[bool]] = {}
        for one in said:
            verdicts.setdefault((one.key, one.version), set()).add(one.accepted)
        told = {(one.key, one.version): one for one in said}
        others: list[Item] = []
        for item in items:
            place = item.record_key, str(item.version)
            heard = told.get(place)
            if heard is None or len(verdicts[place]) > 1:
                others.append(item)
                continue
            delivery.settle([item], _outcome(heard), heard.code, heard.message, answer.request_id)
        return others

    def _settle_unnamed(self, items: list[Item], answer: Answer, delivery: Delivery) -> None:
        """A good answer that says nothing about these items."""
        if self.client.options.verdicts == "whole":
            delivery.settle(items, Outcome.ACCEPTED, answer.code, answer.message, answer.request_id)
            return
        self._give_up(
            items,
            NoAnswer(f"{self.name}: the answer tells of {len(items)} records less than were sent."),
            Outcome.IN_DOUBT,
            delivery,
        )

    def _written(self, item: Item) -> str:
        """The record with its key, its version and what is to be done with it; its body stays as it is."""
        options = self.client.options
        names = options.names
        parts = {
            names.key: item.record_key,
            names.version: str(item.version) if options.texts else item.version,
            names.operation: names.delete if _gone(item) else names.update,
        }
        head = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))[:-1]
        return f"{head},{json.dumps(names.record)}:{item.body}}}"

    def _hiding(self, items: Sequence[Item]) -> Mask:
        """The mask for what is said about ``items``. The body of a deletion does not tell whom the words could name,
        so of those nothing is kept but the code."""
        keys = {item.record_key for item in items}
        personal = cache(lambda: list(self._personal_values(items)))

        def hide(words: str) -> str:
            return mask(words, () if says_only_success(words) else personal(), keys)

        return (lambda _: "") if any(map(_gone, items)) else hide

    def _personal_values(self, items: Sequence[Item]) -> Iterator[str]:
        for item in items:
            record = json.loads(item.body)
            for name in self._personal[item.dataset] & set(record):
                yield str(record[name])


def _gone(item: Item) -> bool:
    """Whether the version is the end of its record. A body without a column can be nothing else, whatever the outbox
    says: it must never leave as an update."""
    return item.deleted or item.body == "{}"


def _outcome(said: Said) -> Outcome:
    if said.accepted:
        return Outcome.ACCEPTED
    busy = any(phrase in said.words.casefold() for phrase in BUSY)
    return Outcome.TRY_AGAIN if busy else Outcome.REFUSED


def _halves(items: list[Item]) -> list[list[Item]]:
    middle = (len(items) + 1) // 2
    return [items[:middle], items[middle:]]
