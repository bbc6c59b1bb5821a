"""Who asked to be told is told over real HTTP: when a watched attribute changes, or every so many seconds.

Only addresses of this machine are told anything. A notification is sent once; whether it arrived is counted.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from lienthong.sandbox.centre_entities import Entity, Wrong
from lienthong.sandbox.centre_queries import condition
from lienthong.sandbox.centre_services import Centre

PATIENCE = 5.0
"""Seconds that a listener has to take a notification."""

Subscription = dict[str, Any]


class Subscriptions:
    """The subscriptions of one centre. Everything but the sending itself happens in the server's own thread."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._tasks: set[asyncio.Task[None]] = set()
        self._clocks: dict[tuple[str, str], asyncio.Task[None]] = {}
        centre.watchers.append(self._changed)

    def add(self, tenant: str, given: object) -> str:
        """Take a subscription and give its identifier."""
        body = _checked(given)
        identifier = body.get("id") or f"urn:ngsi-ld:Subscription:{os.urandom(8).hex()}"
        with self._centre.store.transaction():
            if any(held[:2] == (tenant, identifier) for held in self._centre.store.subscriptions()):
                raise Wrong("AlreadyExists", "The subscription exists already")
            self._centre.store.subscribe(tenant, identifier, {**body, "id": identifier})
        self.wind()
        return str(identifier)

    def shown(self, tenant: str) -> list[Subscription]:
        """The subscriptions of a tenant with what became of their notifications."""
        return [
            {**body, "status": "active", "notification": {**body["notification"], **_told(told)}}
            for owner, _, body, told in self._centre.store.subscriptions()
            if owner == tenant
        ]

    def remove(self, tenant: str, identifier: str) -> None:
        """Forget a subscription."""
        with self._centre.store.transaction():
            if not self._centre.store.unsubscribe(tenant, identifier):
                raise Wrong("ResourceNotFound", "There is no such subscription")
        clock = self._clocks.pop((tenant, identifier), None)
        if clock is not None:
            clock.cancel()

    def wind(self) -> None:
        """Start the clocks of the subscriptions that want to be told regularly, after a restart too."""
        for tenant, identifier, body, _ in self._centre.store.subscriptions():
            place = tenant, identifier
            if "timeInterval" in body and place not in self._clocks:
                self._clocks[place] = asyncio.get_running_loop().create_task(self._tick(tenant, body))

    def _changed(self, tenant: str, changed: list[tuple[Entity, frozenset[str]]]) -> None:
        if not changed:
            return
        for owner, _, body, _ in self._centre.store.subscriptions():
            if owner != tenant or "timeInterval" in body:
                continue
            watched = set(body.get("watchedAttributes") or ())
            found = {
                entity["id"]: entity
                for entity, sent in changed
                if _concerns(body, entity) and (not watched or watched & sent)
            }
            if found:
                self._later(tenant, body, list(found.values()))

    async def _tick(self, tenant: str, body: Subscription) -> None:
        while True:
            await asyncio.sleep(body["timeInterval"])
            kinds = tuple(str(one["type"]) for one in body["entities"])
            found = [one for one in self._centre.store.entities(tenant, kinds) if _concerns(body, one)]
            if found:
                self._later(tenant, body, found)

    def _later(self, tenant: str, body: Subscription, entities: list[Entity]) -> None:
        task = asyncio.get_running_loop().create_task(self._tell(tenant, body, entities))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, tenant: str, body: Subscription, entities: list[Entity]) -> None:
        good = await asyncio.to_thread(_send, tenant, body, entities)
        with self._centre.store.transaction():
            self._centre.store.notified(tenant, body["id"], good=good)


def _checked(given: object) -> Subscription:
    body = given if isinstance(given, dict) else {}
    wanted = body.get("entities")
    if body.get("type") != "Subscription":
        raise Wrong("BadRequestData", "Expected an object of type Subscription")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) and one.get("type") for one in wanted):
        raise Wrong("BadRequestData", "A subscription needs entities, each with a type")
    if "timeInterval" in body and "watchedAttributes" in body:
        raise Wrong("BadRequestData", "A subscription has watchedAttributes or timeInterval, not both")
    if "timeInterval" in body and not (isinstance(body["timeInterval"], int | float) and body["timeInterval"] > 0):
        raise Wrong("BadRequestData", "timeInterval is a number of seconds above 0")
    condition(str(body.get("q") or ""))
    notification = body.get("notification")
    endpoint = notification.get("endpoint") if isinstance(notification, dict) else None
    address = endpoint.get("uri") if isinstance(endpoint, dict) else None
    if not isinstance(address, str) or not _on_this_machine(address):
        raise Wrong("BadRequestData", "notification.endpoint.uri must be an http address of this machine")
    return {name: value for name, value in body.items() if name != "@context"}


def _on_this_machine(address: str) -> bool:
    parts = urlsplit(address)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.scheme == "http" and parts.hostname == "localhost"


def _concerns(body: Subscription, entity: Entity) -> bool:
    named = any(one["type"] == entity["type"] and one.get("id") in (None, entity["id"]) for one in body["entities"])
    return named and condition(str(body.get("q") or ""))(entity)


def _told(told: Mapping[str, Any]) -> dict[str, Any]:
    last = told["last"]
    moment = {} if last is None else {"lastNotification": _utc(datetime.fromtimestamp(last, UTC))}
    return {"timesSent": told["timesSent"], "timesFailed": told["timesFailed"], **moment}


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _send(tenant: str, body: Subscription, entities: list[Entity]) -> bool:
    notification, parts = body["notification"], urlsplit(body["notification"]["endpoint"]["uri"])
    attributes = set(notification.get("attributes") or ())
    data = [
        {name: value for name, value in one.items() if name in ("id", "type") or not attributes or name in attributes}
        for one in entities
    ]
    message = {
        "id": f"urn:ngsi-ld:Notification:{os.urandom(8).hex()}",
        "type": "Notification",
        "subscriptionId": body["id"],
        "notifiedAt": _utc(datetime.now(UTC)),
        "data": data,
    }
    headers = {"Content-Type": notification["endpoint"].get("accept", "application/json")}
    if tenant:
        headers["NGSILD-Tenant"] = tenant
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
    try:
        connection.request("POST", parts.path or "/", json.dumps(message, ensure_ascii=False).encode(), headers)
        return connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
