"""The receivers that are published to. To add one: a module, its statements in ``sql/publish``, one line here."""

from collections.abc import Callable, Mapping

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.holding import Held, Holder, Holding, Incomplete, Part
from lienthong.endpoints.monitoring_centre import MonitoringCentre
from lienthong.endpoints.national_portal import NationalPortal
from lienthong.endpoints.protocol import Delivery, Endpoint, Feed, Item, Outcome, Verdict
from lienthong.endpoints.public_app import PublicApp
from lienthong.endpoints.shared_platform import SharedPlatform
from lienthong.endpoints.statistics_message import StatisticsMessage
from lienthong.errors import NeedsPerson

ENDPOINTS: dict[str, Callable[[Connection, str, Mapping[str, Contract]], Endpoint]] = {
    NationalPortal.name: NationalPortal,
    SharedPlatform.name: SharedPlatform,
    MonitoringCentre.name: MonitoringCentre,
    StatisticsMessage.name: StatisticsMessage,
    PublicApp.name: PublicApp,
}
"""By name: what makes the endpoint out of its connection, the province's agency code and all contracts."""


def require_known(endpoint: str) -> None:
    """Raise ``NeedsPerson`` with the names that there are for one that is none of them."""
    if endpoint not in ENDPOINTS:
        raise NeedsPerson(f"There is no endpoint {endpoint!r}; there are {', '.join(ENDPOINTS)}.")


__all__ = [
    "ENDPOINTS",
    "Delivery",
    "Endpoint",
    "Feed",
    "Held",
    "Holder",
    "Holding",
    "Incomplete",
    "Item",
    "MonitoringCentre",
    "NationalPortal",
    "Outcome",
    "Part",
    "PublicApp",
    "SharedPlatform",
    "StatisticsMessage",
    "Verdict",
    "require_known",
]
