"""What a column is, out of its declared type, its name and what stands in the first rows: a proposal, never a fact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lienthong.contracts import MOST_RULES, Contract
from lienthong.errors import NeedsPerson
from lienthong.onboarding import words
from lienthong.onboarding.inspect import Seen
from lienthong.sources.columntypes import NOT_NULL, logical

ENOUGH = 20  # rows from which on a column that is always filled is proposed as required
CODED_FROM = 30  # rows from which on a few values that repeat are proposed as codes
MOST_CODES = 12
EACH_CODE = 3  # times; what is seldom may be somebody's own
CODE = re.compile(r"[A-Za-z0-9_.+/-]{1,20}")
"""What a code looks like: no words, so no name of anybody."""
WIDTHS = (50, 100, 200, 500, 1000, 2000, 4000)
MOST_IN_KEY = 3
SPARE = 8  # rules beside those of presence, type and codes

_FORMS = {
    "integer": r"[+-]?[0-9]{1,18}",
    "number": r"[+-]?[0-9]{1,18}([.][0-9]{1,9})?",
    "boolean": r"(?i:0|1|true|false)",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+ ?(Z|[+-][0-9:]+)?)?|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9:]+",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """One column as it is proposed. ``lengths`` are the least and the most letters, ``reference`` dataset and column
    in which its values stand; ``filled`` is the share of rows that have a value."""

    name: str
    declared: str
    type: str
    required: bool
    secrecy: str
    certain: bool
    codes: tuple[str, ...]
    lengths: tuple[int, int] | None
    reference: tuple[str, str] | None
    filled: float
    whole_key: bool
    """Whether every row has a value and no two rows have the same one."""

    @property
    def personal(self) -> bool:
        """Whether no value of it may leave the restricted tables."""
        return self.secrecy in ("personal", "sensitive")


def columns(seen: Seen, contracts: Mapping[str, Contract]) -> list[Guess]:
    """Every usable column of the source, in its order."""
    return [_column(seen, name, contracts) for name in seen.names]


def bearable(found: Sequence[Guess], named: Sequence[str | None]) -> list[Guess]:
    """The columns with no more rules than a contract can have: of a wide table only what the source itself declares
    as always filled, and what is ``named``, stays required."""
    rejecting = sum(one.required + (one.type != "string") + bool(one.codes or one.reference) for one in found)
    if rejecting <= MOST_RULES - SPARE:
        return list(found)
    return [replace(one, required=one.declared.endswith(NOT_NULL) or one.name in named) for one in found]


def _column(seen: Seen, name: str, contracts: Mapping[str, Contract]) -> Guess:
    declared, values, rows = seen.types.get(name, ""), seen.values(name), len(seen.rows)
    kind = _type(name, declared, values)
    filled = len(values) == rows and rows > 0
    reference = _reference(name, values, contracts) if kind == "string" or words.is_name(name) else None
    kind = "string" if reference else kind
    apart = filled and len(set(values)) == rows
    secrecy, certain = words.secrecy(name, kind, values)
    codes = () if reference or apart or secrecy != "internal" else _codes(name, kind, values)
    kind = "string" if codes else kind
    lengths = None if kind != "string" or codes or reference or words.form(name) else _lengths(name, declared, values)
    required = declared.endswith(NOT_NULL) or (filled and rows >= ENOUGH)
    share = len(values) / rows if rows else 0.0
    return Guess(name, declared, kind, required, secrecy, certain, codes, lengths, reference, share, apart)


def _type(name: str, declared: str, values: Sequence[str]) -> str:
    """The declared type where the values keep to it; of what is kept as text only times are told from their form."""

    def fits(kind: str) -> bool:
        return all(re.fullmatch(_FORMS[kind], value) for value in values)

    told = logical(declared)
    if declared.startswith("tinyint(1)") and fits("boolean"):
        return "boolean"
    if told == "number" and re.search(r"\(\d+(,0)?\)", declared) and fits("integer"):
        return "integer"
    if told == "date" and not fits("date"):  # Oracle keeps the hour in its dates
        told = "timestamp"
    if told and told != "string":
        return told if fits(told) else "string"
    if not values:
        return "date" if name.startswith("ngay_") and not told else "string"
    for kind in ("date", "timestamp"):
        if fits(kind):
            return kind
    if told or words.is_name(name) or any(re.match(r"[+-]?0[0-9]", value) for value in values):
        return "string"
    return next((kind for kind in ("integer", "number") if fits(kind)), "string")


def _codes(name: str, kind: str, values: Sequence[str]) -> tuple[str, ...]:
    """The few values that a column repeats: short, one word, without a long number, each of them often; only where
    the name says that they are nobody's."""
    if kind not in ("string", "integer") or len(values) < CODED_FROM or (kind == "integer" and not _coded(name)):
        return ()
    if not words.is_plain(name):
        return ()
    seen = Counter(values)
    if not 1 < len(seen) <= MOST_CODES or min(seen.values()) < EACH_CODE:
        return ()
    odd = any(not CODE.fullmatch(one) or re.search(r"\d{5}", one) for one in seen)
    return () if odd else tuple(sorted(seen))


def _coded(name: str) -> bool:
    return bool(re.match(r"(ma|loai|hang|cap|nhom|trang_thai|tinh_trang|hinh_thuc|phan_loai|gioi_tinh)(_|$)", name))


def _lengths(name: str, declared: str, values: Sequence[str]) -> tuple[int, int] | None:
    """What a source declares, or what its rows show: names of records are often equally long."""
    sizes = {len(value) for value in values}
    if words.is_name(name) and len(sizes) == 1 and len(values) >= ENOUGH:
        return (min(sizes), min(sizes))
    told = re.search(r"char\w*(?: varying)?\((\d+)\)", declared)
    if told:
        return (0, int(told.group(1)))
    wanted = max(50, 2 * max(sizes, default=0))
    return next(((0, width) for width in WIDTHS if width >= wanted), None)


def _reference(name: str, values: Sequence[str], contracts: Mapping[str, Contract]) -> tuple[str, str] | None:
    """Another dataset whose key the column names: by the same word, or by ours for a commune."""
    if re.match(r"ma_(xa|phuong|dvhc)(_|$)", name) and "don_vi_hanh_chinh" in contracts:
        alike = sum(1 for value in values if re.fullmatch(r"[0-9]{5}", value))
        return ("don_vi_hanh_chinh", "ma_dvhc") if alike * 10 >= len(values) * 9 else None
    for dataset, contract in contracts.items():
        if len(contract.key) != 1 or contract.content != "danh_muc":
            continue
        key = contract.key[0]
        if name == key or name.startswith(f"{key}_"):
            return dataset, key
    return None


def key(dataset: str, found: Sequence[Guess], seen: Seen, wanted: Sequence[str]) -> tuple[str, ...]:
    """The columns by which a record is named: those asked for, else the best that are filled and unique in the rows
    that were seen; never a person's."""
    known = {one.name: one for one in found}
    for name in wanted:
        if name not in known:
            raise NeedsPerson(f"--key: {name!r} is no column of the source; it has {', '.join(known)}.")
        if known[name].personal:
            held = "holds personal data" if known[name].certain else "may hold personal data, as far as can be seen"
            raise NeedsPerson(
                f"--key: {name!r} {held}; keys stand in letters and logs. Name another column with --key, or ask "
                "whoever keeps the source for a code of the record (ma_..., so_...) that is no person's number, in a "
                "view if need be, and begin again."
            )
    if wanted:
        return tuple(wanted)
    able = [one for one in found if one.filled == 1 and not one.personal and one.type not in ("number", "boolean")]
    able.sort(key=lambda one: (_rank(dataset, one.name), seen.names.index(one.name)))
    single = [one for one in able if one.whole_key and one.type in ("string", "integer")]
    if single:
        return (single[0].name,)
    for size in range(2, MOST_IN_KEY + 1):
        for group in combinations(able[:10], size):
            places = [seen.names.index(one.name) for one in group]
            if len({tuple(row[place] for place in places) for row in seen.rows}) == len(seen.rows) > 1:
                return tuple(one.name for one in group)
    raise NeedsPerson(
        f"{dataset}: no column, and no two or three together, name each of the {len(seen.rows)} rows that were seen "
        "without a person's data. Whoever knows the source names the key with --key."
    )


def _rank(dataset: str, name: str) -> int:
    if name in (f"ma_{dataset}", "ma_" + dataset.split("_")[0]):
        return 0
    if words.tells_change(name):
        return 9
    order = ("ma_", "so_", "id", "thoi_diem", "ngay")
    return next((place for place, start in enumerate(order, 1) if name.startswith(start)), 8)
