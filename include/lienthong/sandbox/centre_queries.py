"""What can be asked of the centre: entities by identifier, type and value, and how a value went over time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lienthong.sandbox.centre_entities import Entity, Wrong, instant
from lienthong.sandbox.centre_store import CentreStore

PAGE = 20
LAST = 100
"""Values of one attribute that are shown unless ``lastN`` says otherwise."""
_TERM = re.compile(r"([a-zA-Z][\w:.-]*?)(?:(==|!=|>=|<=|>|<|~=)(.+))?")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda one, other: one > other, ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other, "<=": lambda one, other: one <= other,
}  # fmt: skip


def entities(store: CentreStore, tenant: str, query: Mapping[str, str], most: int) -> tuple[list[Entity], int]:
    """One page of the entities that a query asks for, and how many there are on all pages."""
    kinds, ids = _list(query, "type"), _list(query, "id")
    if not (kinds or ids or query.get("q") or query.get("attrs") or query.get("local") == "true"):
        raise Wrong("BadRequestData", "A query needs id, type, attrs or q")
    limit, offset = _whole(query, "limit", PAGE, most), _whole(query, "offset", 0, 10**9)
    matches, pattern = condition(query.get("q", "")), _pattern(query)
    attributes = set(_list(query, "attrs"))
    found = [
        one
        for one in store.entities(tenant, kinds, ids)
        if (pattern is None or pattern.search(one["id"])) and matches(one) and (not attributes or attributes & set(one))
    ]
    page = found[offset : offset + limit]
    return [_shown(one, query, attributes) for one in page], len(found)


def one(store: CentreStore, tenant: str, identifier: str, query: Mapping[str, str]) -> Entity:
    """One entity, or ``ResourceNotFound``."""
    found = store.find(tenant, identifier)
    if found is None:
        raise Wrong("ResourceNotFound", f"There is no entity {identifier}")
    return _shown(found, query, set(_list(query, "attrs")))


def evolution(store: CentreStore, tenant: str, query: Mapping[str, str], most: int) -> list[Entity]:
    """How the attributes of entities went over time; within ``timerel``, ``timeAt`` and ``endTimeAt`` where given."""
    kinds, ids = set(_list(query, "type")), set(_list(query, "id"))
    if not (kinds or ids):
        raise Wrong("BadRequestData", "A temporal query needs id or type")
    limit, offset = _whole(query, "limit", PAGE, most), _whole(query, "offset", 0, 10**9)
    wanted = [
        (identifier, kind)
        for identifier, kind in store.observed(tenant)
        if (not ids or identifier in ids) and (not kinds or kind in kinds)
    ]
    return [_evolved(store, tenant, *place, query) for place in wanted[offset : offset + limit]]


def _evolved(store: CentreStore, tenant: str, identifier: str, kind: str, query: Mapping[str, str]) -> Entity:
    within, last = _within(query), _whole(query, "lastN", LAST, 10**6)
    attributes = set(_list(query, "attrs"))
    found: Entity = {"id": identifier, "type": kind}
    for name, at, instance in store.evolution(tenant, identifier):
        if (not attributes or name in attributes) and within(at) and len(found.get(name, ())) < last:
            found.setdefault(name, []).append(instance)
    return found


def _within(query: Mapping[str, str]) -> Callable[[str], bool]:
    relation = query.get("timerel", "")
    if not relation:
        return lambda _: True
    start, end = instant(query.get("timeAt")), instant(query.get("endTimeAt"))
    if start is None or (relation == "between" and end is None) or relation not in ("before", "after", "between"):
        raise Wrong("BadRequestData", "timerel is before, after or between, with timeAt and endTimeAt in UTC")

    def lies(text: str) -> bool:
        moment = instant(text)
        assert moment is not None  # noqa: S101 - kept only with a time of the standard
        if relation == "before":
            return moment < start
        if relation == "after":
            return moment > start
        return start <= moment and end is not None and moment < end

    return lies


def condition(text: str) -> Callable[[Entity], bool]:
    """The query language of the standard as far as it is used: terms, ``;`` for and, ``|`` for or."""
    if not text:
        return lambda _: True
    choices = [[_term(part) for part in choice.split(";")] for choice in text.split("|")]
    return lambda entity: any(all(term(entity) for term in terms) for terms in choices)


def _term(text: str) -> Callable[[Entity], bool]:
    found = _TERM.fullmatch(text.strip())
    if found is None:
        raise Wrong("BadRequestData", "q: expected attribute, operator and value")
    name, operator, given = found.groups()
    wanted = _literal(given) if operator else None

    def holds(entity: Entity) -> bool:
        attribute = entity.get(name)
        if not isinstance(attribute, dict):
            return False
        value = attribute.get("value", attribute.get("object"))
        match operator:
            case None:
                return True
            case "==" | "!=":
                return (value == wanted) is (operator == "==")
            case "~=":
                return isinstance(value, str) and re.search(str(wanted), value) is not None
        try:
            return _COMPARE[operator](value, wanted)
        except TypeError:
            return False

    return holds


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _shown(entity: Entity, query: Mapping[str, str], attributes: set[str]) -> Entity:
    chosen = {
        name: value for name, value in entity.items() if name in ("id", "type") or not attributes or name in attributes
    }
    if "keyValues" not in query.get("options", "").split(",") and query.get("format") != "simplified":
        return chosen
    return {
        name: value.get("value", value.get("object")) if isinstance(value, dict) else value
        for name, value in chosen.items()
    }


def _list(query: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part for part in query.get(name, "").split(",") if part)


def _pattern(query: Mapping[str, str]) -> re.Pattern[str] | None:
    try:
        return re.compile(query["idPattern"]) if query.get("idPattern") else None
    except re.error:
        raise Wrong("BadRequestData", "idPattern is not a regular expression") from None


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if not 0 <= value <= most:
        raise Wrong("BadRequestData", f"{name} must be a whole number up to {most}")
    return value


def as_parameters(message: object) -> dict[str, str]:
    """The body of ``entityOperations/query`` as the parameters that say the same."""
    given = message if isinstance(message, dict) else {}
    if given.get("type") != "Query":
        raise Wrong("BadRequestData", "Expected an object of type Query")
    chosen = [one for one in given.get("entities") or [] if isinstance(one, dict)]
    found = {
        "type": ",".join(dict.fromkeys(str(one["type"]) for one in chosen if one.get("type"))),
        "id": ",".join(str(one["id"]) for one in chosen if one.get("id")),
        "attrs": ",".join(map(str, given.get("attrs") or [])),
        "q": str(given.get("q") or ""),
    }
    return {name: text for name, text in found.items() if text}
