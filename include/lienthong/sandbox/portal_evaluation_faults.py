"""Answers of the evaluation API that are spoilt on request: what a crawl of the real one must notice."""

from __future__ import annotations

from typing import Any

from lienthong.sandbox.misbehaviour import Rule

Body = dict[str, Any]
LISTS = {"evaluation", "children"}
FIGURES = frozenset({"numerator", "denominator", "ratio", "score", "totalScore"})


def spoilt(data: Body, rule: Rule) -> Body:
    """A copy of ``data`` as the rule wants it; every other fault leaves it as it is."""
    if rule.fault == "shorten":
        return {k: v[: rule.keep] if k in LISTS else v for k, v in data.items()}
    if rule.fault not in ("omit", "blank"):
        return data
    left: Body = _without(data, rule.part, keep=rule.fault == "blank")
    for name in LISTS & left.keys() & data.keys():
        gone = len(data[name]) - len(left[name])
        if gone and "pagination" in left:
            # The portal does not know that it lost somebody: its total is that of what it shows.
            left["pagination"]["total"] -= gone
    return left


def _without(value: Any, part: str, *, keep: bool) -> Any:
    """The value without what is called ``part`` at any depth, or with nothing in its place."""
    if isinstance(value, dict):
        found = {k: _without(v, part, keep=keep) for k, v in value.items() if k != part}
        return {k: None if k == part else found[k] for k in value} if keep else found
    if isinstance(value, list):
        shown = [_blanked(one) if _is(one, part) else one for one in value if keep or not _is(one, part)]
        return [_without(one, part, keep=keep) for one in shown]
    return value


def _is(value: Any, part: str) -> bool:
    return isinstance(value, dict) and part in (value.get("code"), value.get("departmentCode"))


def _blanked(value: Body) -> Body:
    return {k: None if k in FIGURES else v for k, v in value.items()}
