"""The receivers that are published to. To add one: a module, its statements in ``sql/publish``, one line here."""

from collections.abc import Callable

from lienthong.connections import Connection
from lienthong.endpoints.national_portal import NationalPortal
from lienthong.endpoints.protocol import Delivery, Endpoint, Feed, Item, Outcome, Verdict

ENDPOINTS: dict[str, Callable[[Connection, str], Endpoint]] = {
    NationalPortal.name: NationalPortal,
}
"""By name: what makes the endpoint out of its connection and the province's agency code."""

__all__ = ["ENDPOINTS", "Delivery", "Endpoint", "Feed", "Item", "NationalPortal", "Outcome", "Verdict"]
