"""The receivers that are published to. To add one: a module, its statements in ``sql/publish``, one line here."""

from collections.abc import Callable, Mapping

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.national_portal import NationalPortal
from lienthong.endpoints.protocol import Delivery, Endpoint, Feed, Item, Outcome, Verdict
from lienthong.endpoints.shared_platform import SharedPlatform

ENDPOINTS: dict[str, Callable[[Connection, str, Mapping[str, Contract]], Endpoint]] = {
    NationalPortal.name: NationalPortal,
    SharedPlatform.name: SharedPlatform,
}
"""By name: what makes the endpoint out of its connection, the province's agency code and all contracts."""

__all__ = [
    "ENDPOINTS",
    "Delivery",
    "Endpoint",
    "Feed",
    "Item",
    "NationalPortal",
    "Outcome",
    "SharedPlatform",
    "Verdict",
]
