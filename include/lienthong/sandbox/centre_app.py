"""The centre on the wire: paths, tenants, contexts, faults and answers. One request, one line in the log.

POST /ngsi-ld/v1/entityOperations/{create,upsert,update,merge,delete,query}
GET  /ngsi-ld/v1/entities[/{id}], types, attributes        GET, POST /ngsi-ld/v1/temporal/entities
GET, POST /ngsi-ld/v1/subscriptions, GET, DELETE /ngsi-ld/v1/subscriptions/{id}
GET  /  a page for people        GET /ngsi-context.jsonld  the published context        /_control/  faults
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from lienthong.sandbox import centre_queries as queries
from lienthong.sandbox.centre_entities import Wrong, check_context, check_style, checked
from lienthong.sandbox.centre_options import CONTEXT_PATH
from lienthong.sandbox.centre_page import POLICY, page
from lienthong.sandbox.centre_services import BATCHES, Centre, answered, encode
from lienthong.sandbox.centre_subscriptions import Subscriptions
from lienthong.sandbox.misbehaviour import Rule
from lienthong.sandbox.platform_options import same
from lienthong.sandbox.request_log import Delivery
from lienthong.sandbox.web import HTML, JSON, Exchange, TooLarge
from lienthong.sandbox.web_app import NOT_JSON, Reply, WebApp, carry_out, new_request_id, planned, read_json
from lienthong.sandbox.web_control import PREFIX, Control

API = "/ngsi-ld/v1/"
LD_JSON = b"application/ld+json; charset=utf-8"
LISTS = ("entities", "types", "attributes", "temporal/entities", "subscriptions")


@dataclass(frozen=True, slots=True)
class Speaking(Exchange):
    """An exchange whose answers also carry what the standard wants in every one of them."""

    more: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def answer(
        self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = (), content_type: bytes = JSON,
        trickle: float = 0.0,
    ) -> None:  # fmt: skip
        """Send one answer."""
        await Exchange.answer(self, status, body, [*headers, *self.more], content_type, trickle)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has been read: the service, what it is about, and what it brings."""

    service: str
    named: str
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    message: object
    tenant: str

    @property
    def given(self) -> list[Any]:
        """What a batch brings."""
        return self.message if isinstance(self.message, list) else []

    @property
    def keys(self) -> list[str]:
        """Identifiers that the request is about."""
        found = [one.get("id") if isinstance(one, dict) else one for one in self.given]
        return [one for one in (*found, self.named) if isinstance(one, str) and one]


class CentreApp(WebApp):
    """The ASGI application of one centre."""

    name = "sandbox monitoring centre"

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._subscriptions = Subscriptions(centre)
        token = centre.options.control_token
        self._control = Control(token, "SANDBOX_CENTRE_CONTROL_TOKEN", centre.misbehaviour, {})

    async def route(self, exchange: Exchange) -> None:
        """Answer one HTTP request."""
        self._subscriptions.wind()
        path = exchange.scope["path"]
        if path.startswith(API):
            await self._serve(Speaking(exchange.scope, exchange.receive, exchange.send), path.removeprefix(API))
        elif path.startswith(PREFIX):
            await self._control(exchange)
        elif path == "/health":
            await exchange.answer(200, b'{"status":"ok"}')
        elif path == CONTEXT_PATH and self._centre.options.context_file.exists():
            await exchange.answer(200, self._centre.options.context_file.read_bytes(), content_type=LD_JSON)
        elif path == "/":
            body = page(self._centre.store, self._centre.options.tenants)
            await exchange.answer(200, body, [POLICY], HTML)
        else:
            await exchange.answer(404, encode(Wrong("ResourceNotFound", "There is nothing here").problem))

    async def _serve(self, exchange: Speaking, path: str) -> None:
        method = exchange.scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in exchange.scope["headers"]}
        request_id = headers.get("x-request-id", "")[:200] or new_request_id()
        try:
            service, named = _place(method, path)
            tenant = self._enter(headers, exchange)
            if method == "POST" and "content-length" not in headers:
                raise Wrong("LengthRequired", "A request with a body needs its Content-Length")
            body = await exchange.body(self._centre.options.max_body_bytes)
        except (Wrong, TooLarge) as error:
            wrong = error if isinstance(error, Wrong) else Wrong("RequestTooLarge", "The body is too large")
            self._centre.note(Delivery(request_id, "(refused)", wrong.status, 0, ""), wrong.kind)
            await exchange.answer(wrong.status, encode(wrong.problem))
            return
        query = dict(parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        message = read_json(body) if method == "POST" else None
        call = Call(service, named, method, headers, query, message, tenant)
        plan = self._centre.misbehaviour.plan(service, call.keys)
        delivery = planned(service, len(call.given), plan, request_id)

        def handle(end: Rule | None) -> Reply:
            return self._handled(call, delivery, exchange, orion=end is not None and end.fault == "orion")

        def failure(rule: Rule) -> bytes:
            kind, words = self._centre.misbehaviour.words(rule)
            return encode({**Wrong(kind, words).problem, "status": rule.http_status})

        await carry_out(exchange, plan, delivery, self._centre, handle, failure)

    def _enter(self, headers: Mapping[str, str], exchange: Speaking) -> str:
        """The tenant of a caller who may come in; it is told in every answer."""
        options = self._centre.options
        given = headers.get("x-auth-token") or headers.get("authorization", "").removeprefix("Bearer ")
        if options.key and not same(given, options.key):
            raise Wrong("Unauthorized", "The key is missing or wrong")
        tenant = headers.get("ngsild-tenant", "")
        if tenant and tenant not in options.tenants:
            raise Wrong("NonexistentTenant", "There is no such tenant")
        if tenant and options.echo:
            exchange.more.append((b"ngsild-tenant", tenant.encode("latin-1")))
        return tenant

    def _handled(self, call: Call, delivery: Delivery, exchange: Speaking, *, orion: bool) -> Reply:
        """The answer, durable in its effects."""
        try:
            if call.message is NOT_JSON:
                raise Wrong("InvalidRequest", "The body is not JSON")
            if call.service in BATCHES:
                return self._batch(call, delivery, orion=orion)
            status, value = self._other(call, exchange)
        except Wrong as wrong:
            self._centre.note(answered(delivery, wrong.status), wrong.kind)
            return wrong.status, encode(wrong.problem)
        self._centre.note(answered(delivery, status))
        return status, b"" if value is None else encode(value)

    def _batch(self, call: Call, delivery: Delivery, *, orion: bool) -> Reply:
        if not isinstance(call.message, list) or not call.message:
            raise Wrong("BadRequestData", "Expected a JSON array that is not empty")
        # a deletion brings identifiers, which have no names to resolve
        entities = [] if call.service == "delete" else call.given
        wrong = check_style(call.headers, entities, self._centre.options.contexts)
        options = frozenset(call.query.get("options", "").split(","))
        return self._centre.batch(call.tenant, call.service, options, call.given, wrong, delivery, orion=orion)

    def _other(self, call: Call, exchange: Speaking) -> tuple[int, object]:
        store, most = self._centre.store, self._centre.options.most_listed
        match call.service, call.method:
            case "query", _:
                found, _ = queries.entities(
                    store, call.tenant, {**call.query, **queries.as_parameters(call.message)}, most
                )
                return 200, found
            case "entities", "GET" if call.named:
                return 200, queries.one(store, call.tenant, call.named, call.query)
            case "entities", "GET":
                found, count = queries.entities(store, call.tenant, call.query, most)
                exchange.more.append((b"ngsild-results-count", str(count).encode()))
                return 200, found
            case "temporal/entities", "POST":
                return self._observe(call)
            case "temporal/entities", _:
                query = {**call.query, "id": call.named} if call.named else call.query
                evolved = queries.evolution(store, call.tenant, query, most)
                if call.named and not evolved:
                    raise Wrong("ResourceNotFound", "There is no such entity")
                return 200, evolved[0] if call.named else evolved
            case "subscriptions", _:
                return self._subscription(call, exchange)
            case "types", _:
                kinds = list(store.counts(call.tenant))
                return 200, {"id": "urn:ngsi-ld:EntityTypeList:1", "type": "EntityTypeList", "typeList": kinds}
        names = sorted({name for one in store.entities(call.tenant) for name in one} - {"id", "type"})
        return 200, {"id": "urn:ngsi-ld:AttributeList:1", "type": "AttributeList", "attributeList": names}

    def _observe(self, call: Call) -> tuple[int, object]:
        wrong = check_style(call.headers, [call.message], self._centre.options.contexts)
        if wrong:
            raise wrong[0]
        entity = checked(call.message)
        with self._centre.store.transaction():
            known = any(identifier == entity["id"] for identifier, _ in self._centre.store.observed(call.tenant))
            self._centre.store.observe(call.tenant, entity["id"], entity["type"], entity)
        return (204 if known else 201), None

    def _subscription(self, call: Call, exchange: Speaking) -> tuple[int, object]:
        if call.method == "POST":
            if isinstance(call.message, dict) and "@context" in call.message:
                check_context(call.message["@context"], self._centre.options.contexts)
            identifier = self._subscriptions.add(call.tenant, call.message)
            exchange.more.append((b"location", f"/{API.strip('/')}/subscriptions/{quote(identifier)}".encode()))
            return 201, None
        if call.method == "DELETE":
            self._subscriptions.remove(call.tenant, call.named)
            return 204, None
        found = self._subscriptions.shown(call.tenant)
        if not call.named:
            return 200, found
        for one in found:
            if one["id"] == call.named:
                return 200, one
        raise Wrong("ResourceNotFound", "There is no such subscription")


def _place(method: str, path: str) -> tuple[str, str]:
    """Service and identifier that an address means."""
    batch = path.removeprefix("entityOperations/")
    if batch != path and batch in (*BATCHES, "query") and method == "POST":
        return batch, ""
    for service in LISTS:
        rest = path.removeprefix(service)
        if rest == path or (rest and not rest.startswith("/")):
            continue
        named = unquote(rest.removeprefix("/"))
        if method == "GET" or (method == "POST" and not named and service in ("temporal/entities", "subscriptions")):
            return service, named
        if method == "DELETE" and named and service == "subscriptions":
            return service, named
    raise Wrong("ResourceNotFound", "There is no such operation")
