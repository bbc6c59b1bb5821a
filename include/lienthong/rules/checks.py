"""What may be wrong with the arguments of a kind: each check gives a sentence, or an empty text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Mapping[str, Any]], str]


def needs(test: Callable[[Any], bool], expected: str, *names: str) -> Check:
    """A check that every given argument of these names passes the test."""

    def check(arguments: Mapping[str, Any]) -> str:
        wrong = [name for name in names if name in arguments and not test(arguments[name])]
        return f"{wrong[0]!r} must be {expected}" if wrong else ""

    return check


def every(*checks: Check) -> Check:
    """A check that gives the first complaint of several."""
    return lambda arguments: next((said for check in checks if (said := check(arguments))), "")


def one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    """Test and words for a closed list of texts."""
    return (lambda value: value in values), f"one of {', '.join(values)}"


def pattern(value: Any) -> bool:
    """Whether it is a regular expression."""
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def expression(value: Any) -> bool:
    """Whether it can be an SQL condition; a reader would take ``:word`` for a value to be bound."""
    return isinstance(value, str) and bool(value.strip()) and not re.search(r"(?<![:\w\\]):\w", value)


def transitions(value: Any) -> bool:
    """Whether it maps each code to codes that it maps."""
    if not isinstance(value, dict) or not value or len(value) > 99:
        return False
    return all(
        isinstance(code, str) and isinstance(after, list) and set(after) <= set(value) for code, after in value.items()
    )


def texts(value: Any) -> bool:
    """Whether it is a list of texts that is not empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def number(value: Any) -> bool:
    """Whether it is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def positive(value: Any) -> bool:
    """Whether it is a number above 0."""
    return number(value) and bool(value > 0)


def share(value: Any) -> bool:
    """Whether it is a share, 0 and 1 included."""
    return number(value) and 0 <= value <= 1


def whole(value: Any) -> bool:
    """Whether it is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def counting(value: Any) -> bool:
    """Whether it is a whole number from 1."""
    return whole(value) and value > 0


def clock(value: Any) -> bool:
    """Whether it is a time of day as a text; without quotes YAML reads 17:00 as the number 1020."""
    return isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value) is not None
