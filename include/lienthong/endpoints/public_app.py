"""The province's public app: documents in batches, each known by its key and version; nothing but public columns.

The app keeps the newest version of a document and answers for each one that it was sent, so a repetition has no
effect: what is in doubt is sent again as it was. A contract with a column of another class cannot be bound to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome, filled, parted
from lienthong.errors import ContractError, LienThongError, ReceiverRefused
from lienthong.mapi import Answer, Call, NoAnswer, NotTaken, TooLarge, mask
from lienthong.mapi.answers import Mask, hiding, noted
from lienthong.mapi.options import Given
from lienthong.mapi.pace import Pace
from lienthong.mapi.transport import Transport

SCHEMA = "dak-lak-so/1"
"""The version of the feed's form, told in every request; it rises when what a field means changes."""
COLLECTIONS = {"thong_tin_xa": "communes"}
"""How the app calls a dataset; another one has its own name there."""
TAKEN = ("created", "updated", "unchanged", "deleted", "stale")
"""What the app says of a document that needs nothing more; stale: it holds a newer version."""
REFUSED = ("refused", "invalid")
"""What it says of a document that it judged. Any other word, as that it is busy, is no judgement: tried again."""


@dataclass(frozen=True, slots=True)
class Options:
    """Extras of the connection, each with its default. ``path`` leads to the documents of one collection, ``header``
    carries the key, which is the connection's password."""

    path: str = "/api/v1/{collection}"
    header: str = "X-API-Key"
    documents_per_request: int = 20
    in_flight: int = 1
    timeout: float = 60.0
    rate_per_second: float | None = None
    ca_file: str = ""
    cert_file: str = ""

    @classmethod
    def of(cls, connection: Connection) -> Options:
        """Read the extras of ``connection``; a value that cannot be meant is refused by its name."""
        given = Given(connection)
        return cls(
            path=given.path("path", "/api/v1/{collection}"),
            header=given.code("header", "X-API-Key"),
            documents_per_request=given.count("documents_per_request", 20),
            in_flight=given.count("in_flight", 1),
            timeout=given.positive("timeout", 60.0),
            rate_per_second=given.positive("rate_per_second", 0.0) or None,
            ca_file=given.text("ca_file", ""),
            cert_file=given.text("cert_file", ""),
        )


class PublicApp:
    """Turns documents into batches for the app and its answers into verdicts."""

    name = "public_app"

    def __init__(self, connection: Connection, agency: str, contracts: Mapping[str, Contract]) -> None:
        del agency  # the key says which province we are
        bound = [contract for contract in contracts.values() if self.name in contract.endpoints]
        for contract in bound:
            _check_public(contract)
        self.options = Options.of(connection)
        self.in_flight = self.options.in_flight
        self.feeds: tuple[Feed, ...] = tuple(
            Feed(one.dataset, self.options.documents_per_request, deletions=True, columns=one.columns) for one in bound
        )
        self._secret = connection.password
        self._pace = Pace(self.options.rate_per_second)
        headers = {self.options.header: connection.password} if connection.password else {}
        self._transport = Transport(self.name, connection.base_url, self.options, headers)

    def close(self) -> None:
        """Close the connections to the app."""
        self._transport.close()

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """Requests of one dataset, filled in the order of the items."""
        return filled(feed, items)

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send the items in one request, or in more where it was too large."""
        delivery = Delivery()
        self._send(list(items), delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Send again, which changes nothing where it arrived."""
        delivery = Delivery()
        for some in parted(items):
            self._send(some, delivery)
        return delivery

    def _send(self, items: list[Item], delivery: Delivery) -> None:
        if not items:
            return
        if delivery.trouble:
            delivery.settle(items, Outcome.NOT_TAKEN)
            return
        try:
            answer = self._ask(items, delivery.calls)
        except TooLarge as error:
            if len(items) > 1:
                middle = (len(items) + 1) // 2
                self._send(items[:middle], delivery)
                self._send(items[middle:], delivery)
            else:
                delivery.settle(items, Outcome.REFUSED, code="413", message=str(error))
        except (NotTaken, ReceiverRefused) as error:
            self._give_up(items, error, Outcome.NOT_TAKEN, delivery)
        except NoAnswer as error:
            self._give_up(items, error, Outcome.IN_DOUBT, delivery)
        else:
            self._settle(items, answer, delivery)

    def _give_up(self, items: list[Item], error: LienThongError, outcome: Outcome, delivery: Delivery) -> None:
        delivery.trouble = error
        delivery.settle(items, outcome, message=str(error) if outcome is Outcome.IN_DOUBT else "")

    def _settle(self, items: list[Item], answer: Answer, delivery: Delivery) -> None:
        """A verdict for every item; of one that the answer does not tell of nobody knows whether it was taken."""
        hide = _hiding(items, self._secret)
        told = {(str(one.get("key")), str(one.get("version"))): one for one in answer.result if isinstance(one, dict)}
        unsaid: list[Item] = []
        for item in items:
            heard = told.get((item.record_key, str(item.version)))
            if heard is None:
                unsaid.append(item)
                continue
            status, words = str(heard.get("status"))[:20], heard.get("message")
            if status in TAKEN:
                outcome = Outcome.ACCEPTED
            else:
                outcome = Outcome.REFUSED if status in REFUSED else Outcome.TRY_AGAIN
            message = hide(words) if isinstance(words, str) else ""
            delivery.settle([item], outcome, status, message, answer.request_id)
        if unsaid:
            error = NoAnswer(f"{self.name}: the answer tells of {len(unsaid)} documents less than were sent.")
            self._give_up(unsaid, error, Outcome.IN_DOUBT, delivery)

    def _ask(self, items: Sequence[Item], calls: list[Call]) -> Answer:
        """What the app said about each document of one request."""
        collection = COLLECTIONS.get(items[0].dataset, items[0].dataset)
        path = self.options.path.replace("{collection}", collection)
        self._pace.wait()
        with noted(calls, collection, len(items)) as note:
            value = self._transport.exchange("POST", path, note.request_id, _written(items))
            results = value.get("results")
            if not isinstance(results, list):
                raise NoAnswer(f"{self.name}: expected a list 'results' in the answer, found none.")
            return note.heard(Answer(note.request_id, "200", "", datetime.now(UTC), results, good=("200",)))


def _check_public(contract: Contract) -> None:
    """Whatever the app shows anybody can read: no column of another class may ever be on its way there."""
    closed = [column.name for column in contract.columns if column.classification != "public"]
    if closed:
        raise ContractError(
            f"{contract.path.name}: column {closed[0]!r} is not classified public, so the dataset cannot be bound to "
            f"{PublicApp.name!r}. Whoever maintains the contract takes the column or the endpoint out."
        )


def _written(items: Sequence[Item]) -> bytes:
    """One request; the bodies stand in it exactly as they were kept."""
    generated = datetime.now(UTC).isoformat(timespec="seconds")
    parts = ",".join(map(_entry, items))
    return f'{{"schema":{json.dumps(SCHEMA)},"generated":{json.dumps(generated)},"items":[{parts}]}}'.encode()


def _entry(item: Item) -> str:
    head: dict[str, Any] = {"key": item.record_key, "version": item.version}
    # A body without a field can be nothing else than the end of the document, whatever the outbox says.
    if item.deleted or item.body == "{}":
        return json.dumps({**head, "deleted": True}, ensure_ascii=False)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]},"document":{item.body}}}'


def _hiding(items: Sequence[Item], secret: str) -> Mask:
    """No document names a person, so neither can words about it; numbers and addresses are hidden all the same."""
    return hiding(partial(mask, keep=[item.record_key for item in items]), [secret])
