"""What the standard asks of an entity, a context and an error; a name is taken as it is sent, never expanded.

A real broker keeps the full IRI of a name and shows the short one to whoever gives the same context. Sender and
readers of the sandbox share one context, so here the short name is the name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lienthong.sandbox.centre_options import CONTEXT_PATH

Entity = dict[str, Any]

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
STATUS = {
    "InvalidRequest": 400, "BadRequestData": 400, "ResourceNotFound": 404, "NonexistentTenant": 404,
    "AlreadyExists": 409, "OperationNotSupported": 422, "LdContextNotAvailable": 503, "InternalError": 500,
    "Unauthorized": 401, "LengthRequired": 411, "RequestTooLarge": 413,
}  # fmt: skip
CORE = re.compile(r"https?://uri\.etsi\.org/ngsi-ld/v1/ngsi-ld-core-context(-v1\.\d+)?\.jsonld")
NULL = "urn:ngsi-ld:null"
"""The value with which a merge takes an attribute away."""
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_:.-]*")
_VALUE_OF = {"Property": "value", "GeoProperty": "value", "Relationship": "object", "LanguageProperty": "languageMap"}
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Wrong(Exception):
    """What was sent breaks the standard: an error type of the standard, and words."""

    def __init__(self, kind: str, title: str) -> None:
        super().__init__(title)
        self.kind = kind
        self.title = title

    @property
    def status(self) -> int:
        """The HTTP status of an answer that says only this."""
        return STATUS.get(self.kind, 400)

    @property
    def problem(self) -> dict[str, Any]:
        """The error as the standard writes it."""
        return {"type": ERRORS + self.kind, "title": self.title, "status": self.status}


def checked(given: object, *, whole: bool = True) -> Entity:
    """An entity of the standard without its ``@context``; ``whole`` ones need a type."""
    if not isinstance(given, dict):
        raise Wrong("BadRequestData", "An entity must be a JSON object")
    entity = {name: value for name, value in given.items() if name != "@context"}
    identifier_of(entity)
    kind = entity.get("type")
    if (whole or kind is not None) and not (isinstance(kind, str) and _NAME.fullmatch(kind)):
        raise Wrong("BadRequestData", "An entity needs a type")
    for name, attribute in entity.items():
        if name not in ("id", "type"):
            _check_attribute(name, attribute)
    return entity


def identifier_of(entity: object) -> str:
    """The identifier of an entity, which must be a URI."""
    found = entity.get("id") if isinstance(entity, dict) else entity
    if not isinstance(found, str) or not _URI.fullmatch(found):
        raise Wrong("BadRequestData", "The id of an entity must be a URI")
    return found


def _check_attribute(name: str, attribute: object) -> None:
    if not _NAME.fullmatch(name):
        raise Wrong("BadRequestData", "The name of an attribute has other characters than letters, digits and _:.-")
    for one in attribute if isinstance(attribute, list) and attribute else [attribute]:
        if not isinstance(one, dict) or one.get("type") not in _VALUE_OF:
            raise Wrong("BadRequestData", f"{name}: an attribute must be an object with a type of the standard")
        value = one.get(_VALUE_OF[one["type"]])
        if value is None:
            raise Wrong("BadRequestData", f"{name}: a {one['type']} needs {_VALUE_OF[one['type']]}, and not null")
        if one["type"] == "Relationship":
            identifier_of(value)
        if "observedAt" in one and instant(one["observedAt"]) is None:
            raise Wrong("BadRequestData", f"{name}: observedAt must be a time in UTC that ends in Z")


def instant(text: object) -> datetime | None:
    """A time of the standard, or None."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def check_style(headers: Mapping[str, str], entities: Collection[object], known: Collection[str]) -> dict[int, Wrong]:
    """Keep the two ways to give a context apart: raises for the whole request, gives the errors of single entities.

    In ``application/ld+json`` each entity brings its context; in ``application/json`` none does, a Link header may."""
    inline = headers.get("content-type", "").split(";")[0].strip().lower() == "application/ld+json"
    link = headers.get("link", "")
    with_context = [isinstance(one, dict) and "@context" in one for one in entities]
    if inline and link:
        raise Wrong("BadRequestData", "A body of application/ld+json must come without a Link header for its context")
    if not inline and any(with_context):
        raise Wrong("BadRequestData", "@context inside a body needs Content-Type application/ld+json")
    if link:
        check_context(_linked(link), known)
    found: dict[int, Wrong] = {}
    for place, entity in enumerate(entities if inline else ()):
        try:
            if not with_context[place]:
                raise Wrong("BadRequestData", "An entity of application/ld+json needs its @context")
            if isinstance(entity, dict):
                check_context(entity["@context"], known)
        except Wrong as wrong:
            found[place] = wrong
    return found


def check_context(context: object, known: Collection[str]) -> None:
    """Whether the centre can get every part of a context."""
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, dict):
            continue
        if not isinstance(part, str):
            raise Wrong("BadRequestData", "A context is an address, an object or a list of them")
        if not (CORE.fullmatch(part) or part in known or _own(part)):
            raise Wrong("LdContextNotAvailable", "The context cannot be got")


def _own(address: str) -> bool:
    parts = urlsplit(address)
    return parts.path == CONTEXT_PATH and parts.hostname in _LOCAL


def _linked(header: str) -> str:
    found = re.fullmatch(r"\s*<([^>]*)>\s*(;.*)", header)
    if found is None or 'rel="http://www.w3.org/ns/json-ld#context"' not in found[2]:
        raise Wrong("BadRequestData", "The Link header must name a context by its relation")
    return found[1]
