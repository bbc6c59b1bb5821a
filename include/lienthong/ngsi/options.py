"""What a connection to the monitoring centre may say. Its interface is not published, so everything is an option."""

from __future__ import annotations

from dataclasses import dataclass

from lienthong.connections import Connection
from lienthong.mapi.options import Given

CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"


@dataclass(frozen=True, slots=True)
class Options:
    """Extras of the connection, each with its default.

    ``context`` is ``inline`` (``application/ld+json``, the context in each entity) or ``link`` (``application/json``
    and a header). ``context_url`` is the address at which the broker finds ``ngsi-context.jsonld``, which lies beside
    this module; without one only the core context is named, and the broker keeps our names in its default vocabulary.
    ``auth`` is ``none``, ``bearer`` or ``key``: the password of the connection goes into ``Authorization`` or into the
    header ``key_header``. ``tenant_echo`` ``required`` takes an answer that does not name our tenant for one of
    another; ``optional`` only one that names another."""

    path: str = "/ngsi-ld/v1"
    context: str = "inline"
    context_url: str = ""
    core_context: str = CORE_CONTEXT
    tenant: str = ""
    tenant_echo: str = "required"
    auth: str = "none"
    key_header: str = "X-Auth-Token"
    records_per_request: int = 1000
    bytes_per_request: int = 1_000_000
    records_per_page: int = 1000
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
            path=given.path("path", "/ngsi-ld/v1").rstrip("/"),
            context=given.choice("context", ("inline", "link")),
            context_url=given.code("context_url", ""),
            core_context=given.code("core_context", CORE_CONTEXT),
            tenant=given.code("tenant", ""),
            tenant_echo=given.choice("tenant_echo", ("required", "optional")),
            auth=given.choice("auth", ("none", "bearer", "key")),
            key_header=given.code("key_header", "X-Auth-Token"),
            records_per_request=given.count("records_per_request", 1000),
            bytes_per_request=given.count("bytes_per_request", 1_000_000),
            records_per_page=given.count("records_per_page", 1000),
            in_flight=given.count("in_flight", 1),
            timeout=given.positive("timeout", 60.0),
            rate_per_second=given.positive("rate_per_second", 0.0) or None,
            ca_file=given.text("ca_file", ""),
            cert_file=given.text("cert_file", ""),
        )
