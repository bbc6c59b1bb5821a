"""A letter is data: what one recipient is told, without a personal value and without a character that acts.

It is composed in the warehouse's transaction, kept as JSON in ``ops.letters`` and rendered when it is delivered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lienthong.contracts import Column

SHOWN = 80  # characters of a key, a name or a value in a letter
MASK = "•"


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule in one problem: its sentence for the department, how many rows, and at most ten record keys."""

    rule: str
    sentence: str
    dimension: str
    severity: str
    count: int
    keys: tuple[str, ...]

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Broken:
        """The rule as ``Letter.to_json`` wrote it."""
        return cls(**{**given, "keys": tuple(given["keys"])})


@dataclass(frozen=True, slots=True)
class Told:
    """One problem in a letter; ``state`` is ``new``, ``still``, ``mended`` or ``escalated``.

    Windows are ISO dates, ``since`` is an ISO timestamp with the offset of Asia/Ho_Chi_Minh, ``count`` the rows that
    are held or warned of (0 when the source itself is the problem)."""

    problem: int
    kind: str
    state: str
    dataset: str
    title: str
    source: str
    source_name: str
    first_window: str
    last_window: str
    since: str
    count: int
    reason: str
    how_to_mend: str
    rules: tuple[Broken, ...]
    lines: tuple[str, ...] = ()
    """How the source differs from what was accepted, a sentence each."""
    proposal: tuple[str, ...] = ()
    """The change of the contract that would follow, a line each; for the province's data team only."""

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Told:
        """The problem as ``Letter.to_json`` wrote it."""
        return cls(
            **{
                **given,
                "rules": tuple(Broken.from_json(rule) for rule in given["rules"]),
                "lines": tuple(given.get("lines", ())),
                "proposal": tuple(given.get("proposal", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Held:
    """One line of the attachment: one held row, one rule that it breaks, one column; ``value`` is masked already."""

    dataset: str
    title: str
    record_key: str
    reference: str
    window: str
    line: str
    rule: str
    sentence: str
    column: str
    column_title: str
    value: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What one recipient is told at one moment.

    ``kind`` is ``immediate``, ``digest``, ``all_clear``, ``escalation`` or ``summary``; ``recipient`` a display name;
    ``unit`` a unit's code or empty; ``held_left_out`` counts the rows beyond the limit of the attachment; ``links``
    has ``console`` and ``docs`` where they are configured."""

    kind: str
    recipient: str
    unit: str
    written_at: str
    told: tuple[Told, ...]
    held: tuple[Held, ...] = ()
    held_left_out: int = 0
    notes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The letter as plain values; ``from_json`` gives an equal letter back."""
        return {**asdict(self), "links": dict(self.links)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Letter:
        """The letter that ``to_json`` wrote; a missing or unknown field is a ``TypeError`` or ``KeyError``."""
        return cls(
            **{
                **given,
                "told": tuple(Told.from_json(item) for item in given["told"]),
                "held": tuple(Held(**item) for item in given.get("held", ())),
                "notes": tuple(given.get("notes", ())),
                "links": dict(given.get("links", {})),
            }
        )


# Letters and marks that no font shows, beside the categories of control and format characters.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)

_SPACES = re.compile(r"\s+")
_TOWERS = re.compile(r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})[\u0300-\u036f]+")
# Dossier codes, times and keys of rows without a code have many digits and name nobody; anything else with nine
# digits or more, also in groups as people write telephone and citizen numbers, may name a person.
_DIGITS = re.compile(
    r"(?P<keep>(?<![\w.])(?:[0-9A-Z]{1,3}\.){0,3}H[0-9]{2}(?:\.[0-9]{1,3}){0,3}-(?:20)?[0-9]{6}-[0-9]{4,7}(?!\w)"
    r"|(?<!\w)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?(?!\w)"
    r"|(?<!\w)[0-9]{2}/[0-9]{2}/[0-9]{4}(?: [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?(?!\w)"
    r"|(?<!\w)row:[0-9a-f]{32}(?!\w))"
    r"|\d{9,}|(?<!\d)\d{1,4}(?:[ .\-_/]\d{2,4}){2,4}(?!\d)"
)


def showable(text: str, limit: int = SHOWN) -> str:
    """The text on one line, inert and without a number that may name a person, in at most ``limit`` characters.

    NFC; control, bidi, zero-width and invisible characters are gone, white space is one space each, digits of what
    may be a citizen or telephone number are ``•``, and what is cut ends in ``…``."""
    cut = len(text) > 8 * limit + 200  # of a cell of megabytes only the beginning is looked at
    start = text[: 8 * limit + 200] if cut else text
    seen = "".join(_visible(character) for character in unicodedata.normalize("NFC", start))
    plain = _TOWERS.sub(r"\1", _UNSEEN.sub("", unicodedata.normalize("NFC", seen)))
    line = _SPACES.sub(" ", plain).strip()
    if cut:
        line = re.sub(r"\d+$", "", line)  # half a number would pass unmasked
    line = _DIGITS.sub(_mask_digits, line)
    return line if len(line) <= limit and not cut else f"{line[: limit - 1].rstrip()}…"


def showable_code(line: str, limit: int = SHOWN) -> str:
    """A line of a file as ``showable`` gives it, with the blanks and signs at its beginning."""
    start = re.match(r"[-+ ]{0,40}", line)
    margin = start[0] if start else ""
    return margin + showable(line[len(margin) :], limit)


def _visible(character: str) -> str:
    if character.isspace() or unicodedata.category(character) in ("Zl", "Zp"):
        return " "
    return "" if unicodedata.category(character).startswith("C") else character


def _mask_digits(found: re.Match[str]) -> str:
    text = found[0]
    if found["keep"] or sum(character.isdigit() for character in text) < 9:
        return text
    return re.sub(r"\d", MASK, text)


def masked(value: str | None, column: Column) -> str:
    """What a letter may show of a value: of a personal column the length only, else the text made ``showable``."""
    if value is None or not value.strip():
        return ""
    if column.personal:
        return f"{MASK * 4} ({len(value)} ký tự, đã che)"
    return showable(value)
