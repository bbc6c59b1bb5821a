"""One look at everything: what is stale is noted, what is due is written, what is written is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lienthong.alerts.compose import compose
from lienthong.alerts.deliver import deliver
from lienthong.alerts.watch import watch
from lienthong.connections import Lookup
from lienthong.contracts import Contract
from lienthong.settings import Settings
from lienthong.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look did, in counts: sources looked at and stale ones (``platform``: nothing at all is fresh), letters
    written and sent, letters that wait or were given up, and open problems that nobody could be told of. ``troubles``
    says why a channel took nothing."""

    looked: int
    stale: int
    platform: bool
    written: int
    sent: int
    waiting: int
    dead: int
    nobody: int
    troubles: tuple[str, ...]


def tick(warehouse: Warehouse, contracts: Mapping[str, Contract], settings: Settings, lookup: Lookup) -> Tick:
    """Note, write and send; killed anywhere and called again, it tells everybody the same, once."""
    watched = watch(warehouse, contracts)
    composed = compose(warehouse, contracts, settings)
    delivered = deliver(warehouse, lookup, settings)
    return Tick(
        looked=watched.looked,
        stale=len(watched.stale),
        platform=watched.platform,
        written=composed.total,
        sent=delivered.sent,
        waiting=delivered.waiting,
        dead=len(delivered.dead),
        nobody=composed.nobody,
        troubles=delivered.troubles,
    )
