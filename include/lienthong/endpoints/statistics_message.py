"""The statistics message of the OpenCPS type: one message for each unit and month, sent to an LGSP.

The receiver knows a message by unit, month and version, which stand in the query: the body has the fields of the
message and no other. A repetition changes nothing, so what is in doubt is sent again as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome
from lienthong.errors import ReceiverRefused
from lienthong.gateway import Gateway
from lienthong.gateway.client import BUSY
from lienthong.mapi import NoAnswer, NotTaken, TooLarge
from lienthong.mapi.options import Given

SERVICE = "thong-ke"


class StatisticsMessage:
    """Sends monthly sums and turns answers into verdicts.

    Beside those of the gateway the connection may say: ``statistic_path``; ``percent`` ``cut`` or ``round``;
    ``unit_name``, ``month_name`` and ``version_name``, the parameters that say what the message is about."""

    name = "statistics_message"

    def __init__(self, connection: Connection, agency: str, contracts: Mapping[str, Contract]) -> None:
        del agency  # the account says which province we are
        given = Given(connection)
        self.client = Gateway(connection)
        self.in_flight = self.client.options.in_flight
        self._path = given.path("statistic_path", "/Statistic/UpdateStatistic")
        told = {"percent": given.choice("percent", ("cut", "round"))}
        self._names = (
            given.code("unit_name", "MaDonVi"),
            given.code("month_name", "Thang"),
            given.code("version_name", "PhienBan"),
        )
        bound = [contract for contract in contracts.values() if self.name in contract.endpoints]
        self.feeds: tuple[Feed, ...] = tuple(Feed(contract.dataset, per_request=1, told=told) for contract in bound)

    def close(self) -> None:
        """Close the connections to the receiver."""
        self.client.close()

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """One message a delivery."""
        del feed
        return [[item] for item in items]

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send each message; what follows a failure of the receiver is not sent."""
        delivery = Delivery()
        for item in items:
            if delivery.trouble:
                delivery.settle([item], Outcome.NOT_TAKEN)
            else:
                self._send(item, delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Send again: the receiver knows the version."""
        return self.deliver(items)

    def _send(self, item: Item, delivery: Delivery) -> None:
        unit, month = item.record_key.split("|")
        query = dict(zip(self._names, (unit, month[:7], str(item.version)), strict=True))
        try:
            answer = self.client.send(SERVICE, self._path, item.body, delivery.calls, query=query)
        except TooLarge as error:
            delivery.settle([item], Outcome.REFUSED, code="413", message=str(error))
        except (NotTaken, ReceiverRefused) as error:
            delivery.trouble = error
            delivery.settle([item], Outcome.NOT_TAKEN)
        except NoAnswer as error:
            delivery.trouble = error
            delivery.settle([item], Outcome.IN_DOUBT, message=str(error))
        else:
            if answer.accepted:
                outcome = Outcome.ACCEPTED
            elif answer.says(*BUSY):
                delivery.trouble = NotTaken(f"{self.name}: the receiver says that it is busy (code {answer.code}).")
                outcome = Outcome.NOT_TAKEN
            else:
                outcome = Outcome.REFUSED
            delivery.settle([item], outcome, answer.code, answer.message, answer.request_id)
