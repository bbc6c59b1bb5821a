"""Kinds that know the country: citizen numbers, tax codes, telephones, spelling, working time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lienthong.batches import Window
from lienthong.rules import checks
from lienthong.rules.calendar import days_off
from lienthong.rules.model import Kind, Rule, column, literal

# Mobile numbers have ten digits and begin with 03, 05, 07, 08 or 09; those of the fixed network have eleven and begin
# with 02. Instead of the 0 the country's +84 may stand. One number, nothing else.
PHONE = r"^(0|\+84)(2[0-9]|[35789])[0-9]{8}$"

# What the normal spelling of a name never holds, by the part of the spelling. A tone on the second vowel of a final oa,
# oe or uy (hoà) is the newer of two habits; lists of the province are kept in the older one (hòa). After q the u is no
# vowel (quý), and Hoàng does not end there.
_TONES = "".join(
    rf"|{before}[{vowels}](?![A-Za-z\u00c0-\u1ef9])"
    for before, vowels in (
        ("[oO]", "àáảãạÀÁẢÃẠ"),
        ("[oO]", "èéẻẽẹÈÉẺẼẸ"),
        ("(?<![qQ])[uU]", "ỳýỷỹỵỲÝỶỸỴ"),
    )
)[1:]
SPELLING = {
    "spaces": r"[\t-\r\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]|  ",
    "apostrophes": r"[\u2018\u2019\u02bc\u00b4`]",
    "tones": _TONES,
}

# What every text has that a part does not want to find; most names have nothing of it. A look around a letter triples
# the time of a pattern.
_SUSPECT = {
    "spaces": SPELLING["spaces"],
    "apostrophes": SPELLING["apostrophes"],
    "tones": "[oO][àáảãạÀÁẢÃẠèéẻẽẹÈÉẺẼẸ]|[uU][ỳýỷỹỵỲÝỶỸỴ]",
}

DAYS = ("any", "monday_to_saturday", "working")


def misspelt(rule: Rule) -> str:
    """The pattern of what a rule of kind ``spelling`` does not want to find."""
    return "|".join(f"({SPELLING[part]})" for part in rule.arguments.get("parts", SPELLING))


def _phone(rule: Rule, _: Window) -> str:
    # Said in its own words and not as PHONE: a pattern that counts is dear, PostgreSQL makes a state for each digit.
    number = column(rule.columns[0])
    fixed, mobile = (f"octet_length({number}) = {length}" for length in (11, 10))
    return (
        f"CASE WHEN {number} LIKE '0%' THEN {number} !~ '[^0-9]|^0[0146]'"
        f" AND CASE WHEN {number} LIKE '02%' THEN {fixed} ELSE {mobile} END"
        f" ELSE {number} ~ '^\\+84[235789][0-9]*$'"
        f" AND octet_length({number}) = CASE WHEN {number} LIKE '+842%' THEN 13 ELSE 12 END END"
    )


def _spelling(rule: Rule, _: Window) -> str:
    name = column(rule.columns[0])
    suspect = "|".join(_SUSPECT[part] for part in rule.arguments.get("parts", SPELLING))
    return f"({name} !~ {literal(suspect)} OR {name} !~ {literal(misspelt(rule))})"


def _tax_code(rule: Rule, _: Window) -> str:
    return f"ops.is_tax_code({column(rule.columns[0])})"


def _citizen_number(rule: Rule, window: Window) -> str:
    """Twelve digits from a known province; born by the end of the window, and as the columns named say, when they
    say something. The fourth digit is the century and the sex: even for men, two more for each century from 1900."""
    number = column(rule.columns[0])
    century = f"substr({number}, 4, 1)::int"
    born = f"((19 + {century} / 2) * 100 + substr({number}, 5, 2)::int)"
    fits = [f"{born} <= {window.local_end.year}"]
    if "birth_date" in rule.arguments:
        fits.append(f"coalesce({born} = extract(year FROM {column(rule.arguments['birth_date'])})::int, true)")
    if "birth_year" in rule.arguments:
        fits.append(f"coalesce({born} = {column(rule.arguments['birth_year'])}, true)")
    if "sex" in rule.arguments:
        fits.append(f"coalesce(({century} % 2 = 0) = {_is_male(rule)}, true)")
    return (
        f"CASE WHEN {number} IS NULL THEN NULL WHEN NOT ops.is_citizen_number({number}) THEN false"
        f" ELSE {' AND '.join(fits)} END"
    )


def _is_male(rule: Rule) -> str:
    """SQL for whether the sex column says male; NULL for a value in neither list."""
    sex = column(rule.arguments["sex"])
    lists = [", ".join(literal(code) for code in rule.arguments[name]) for name in ("male", "female")]
    return f"CASE WHEN {sex} IN ({lists[0]}) THEN true WHEN {sex} IN ({lists[1]}) THEN false END"


def _sex_is_whole(arguments: Mapping[str, Any]) -> str:
    given = [name for name in ("sex", "male", "female") if name in arguments]
    return "" if len(given) in (0, 3) else "'sex', 'male' and 'female' go together"


def _working_time(rule: Rule, window: Window) -> str:
    moment = column(rule.columns[0])
    parts = []
    if "from" in rule.arguments:
        limits = [f"time {literal(rule.arguments[name])}" for name in ("from", "to")]
        parts.append(f"{moment}::time BETWEEN {limits[0]} AND {limits[1]}")
    days = rule.arguments.get("days", "any")
    if days == "monday_to_saturday":
        parts.append(f"extract(isodow FROM {moment}) < 7")
    if days == "working":
        parts.append(_works(moment, window))
    inside = " AND ".join(parts)
    if "after" in rule.arguments:
        return f"({moment} < {column(rule.arguments['after'])} OR ({inside}))"
    return f"({inside})"


def _works(moment: str, window: Window) -> str:
    """SQL for a working day. Days off are known for the window's year and the years beside it; of other years only
    the days of the week are."""
    years = range(window.day.year - 1, window.day.year + 2)
    off = sorted(day for year in years for day in days_off(year)[0] if day.weekday() < 5)
    swapped = sorted(day for year in years for day in days_off(year)[1])
    lists = ["ARRAY[" + ", ".join(literal(day) for day in days) + "]::date[]" for days in (off, swapped)]
    weekday = f"(extract(isodow FROM {moment}) < 6 AND {moment}::date <> ALL ({lists[0]}))"
    return f"({weekday} OR {moment}::date = ANY ({lists[1]}))"


def _limits(arguments: Mapping[str, Any]) -> str:
    if ("from" in arguments) != ("to" in arguments):
        return "'from' and 'to' go together"
    if "from" in arguments and not arguments["from"] < arguments["to"]:
        return "'from' must be earlier than 'to'"
    if "from" not in arguments and arguments.get("days", "any") == "any":
        return "it needs 'from' and 'to', or 'days'"
    return ""


def _parts(value: Any) -> bool:
    return checks.texts(value) and set(value) <= set(SPELLING)


_TIME = ("timestamp",)
_TEXT = ("string",)

KINDS: dict[str, Kind] = {
    "phone": Kind(_phone, types=_TEXT),
    "tax_code": Kind(_tax_code, types=_TEXT),
    "citizen_number": Kind(
        _citizen_number,
        optional=("birth_date", "birth_year", "sex", "male", "female"),
        check=checks.every(_sex_is_whole, checks.needs(checks.texts, "a list of texts", "male", "female")),
        types=_TEXT,
        named={"birth_date": ("date", "timestamp"), "birth_year": ("integer",), "sex": _TEXT},
    ),
    "spelling": Kind(
        _spelling,
        optional=("parts",),
        check=checks.needs(_parts, f"a list out of {', '.join(SPELLING)}", "parts"),
        types=_TEXT,
    ),
    "working_time": Kind(
        _working_time,
        optional=("from", "to", "days", "after"),
        check=checks.every(
            checks.needs(checks.clock, 'a time of day in quotes, "17:00"', "from", "to"),
            checks.needs(*checks.one_of(*DAYS), "days"),
            _limits,
        ),
        types=_TIME,
        named={"after": _TIME},
    ),
}
