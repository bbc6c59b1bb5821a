"""Two declared types of one column are the same, wider, narrower or another: whatever database writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

RETYPED, WIDENED, NARROWED = "retyped", "widened", "narrowed"
NOT_NULL = " not null"

# Kinds whose widths can be compared: (family, width); a width of None comes from the length or precision.
_ENDLESS = 1 << 62
_WHOLE = {"tinyint": 8, "smallint": 16, "int2": 16, "mediumint": 24, "int": 32, "integer": 32, "int4": 32,
          "bigint": 64, "int8": 64}  # fmt: skip
_REAL = {"real": 24, "float4": 24, "float": 24, "double": 53, "double precision": 53, "float8": 53,
         "binary_float": 24, "binary_double": 53}  # fmt: skip
_LONG = {"tinytext": 255, "mediumtext": (1 << 24) - 1, "longtext": _ENDLESS, "text": _ENDLESS, "ntext": _ENDLESS,
         "clob": _ENDLESS, "nclob": _ENDLESS}  # fmt: skip
_TEXT = {"character varying", "varchar", "varchar2", "nvarchar", "nvarchar2"}
_FIXED = {"character", "char", "nchar", "bpchar"}
_EXACT = {"numeric", "decimal", "number", "dec"}
# PostgreSQL, which writes the zone out, means microseconds where nothing is said; the others mean seconds.
_TIMES = {"datetime": "timestamp", "datetime2": "timestamp", "timestamp": "timestamp",
          "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
          "datetimeoffset": "timestamptz", "timestamptz": "timestamptz", "time": "time",
          "time without time zone": "time"}  # fmt: skip
_SHAPE = re.compile(r"([a-z_][a-z_0-9 ]*)(?:\(([^)]*)\)([a-z ]*))?")


@dataclass(frozen=True, slots=True)
class _Type:
    """A family in which widths compare; of exact numbers the digits before the point and behind it."""

    family: str
    width: tuple[int, ...] = ()


def compared(old: str, new: str) -> str:
    """``widened``, ``narrowed``, ``retyped``, or nothing when both are the same or one is not declared."""
    if not old or not new:
        return ""
    was, now = _parsed(old), _parsed(new)
    if was.family != now.family or len(was.width) != len(now.width):
        return RETYPED
    ways = {_way(a, b) for a, b in zip(was.width, now.width, strict=True)}
    ways.add(_way(not old.endswith(NOT_NULL), not new.endswith(NOT_NULL)))
    return NARROWED if NARROWED in ways else WIDENED if WIDENED in ways else ""


def _way(old: int, new: int) -> str:
    return "" if old == new else WIDENED if new > old else NARROWED


def _parsed(text: str) -> _Type:
    plain = " ".join(text.lower().split()).removesuffix(NOT_NULL)
    match = _SHAPE.fullmatch(plain)
    if match is None:
        return _Type(plain)
    size = match.group(2)
    name = " ".join(f"{match.group(1)} {match.group(3) or ''}".split())
    sign = " unsigned" if "unsigned" in name else ""
    name = name.replace(" unsigned", "").replace(" zerofill", "")
    sizes = [int(part) for part in (size or "").split(",") if part.strip().isdigit()]
    if name in _WHOLE:
        return _Type("integer" + sign, (_WHOLE[name],))
    if name in _REAL:
        return _Type("real", (_REAL[name],))
    if name in _LONG:
        return _Type("text", (_LONG[name],))
    if name in _TEXT or (name in _FIXED and size):
        return _Type("text" if name in _TEXT else "char", (sizes[0] if sizes else _ENDLESS,))
    if name in _EXACT:
        precision = sizes[0] if sizes else _ENDLESS
        scale = sizes[1] if len(sizes) > 1 else 0 if sizes else _ENDLESS
        return _Type("number" + sign, (precision - scale if sizes else _ENDLESS, scale))
    if name in _TIMES:
        return _Type(_TIMES[name], (sizes[0] if sizes else 6 if "time zone" in name else 0,))
    return _Type(f"{name}({size})" if size else name)


def logical(text: str) -> str:
    """The contract's word for a declared type, empty where none is meant."""
    family = _parsed(text).family.removesuffix(" unsigned") if text else ""
    known = {"integer": "integer", "real": "number", "number": "number", "text": "string", "char": "string",
             "timestamp": "timestamp", "timestamptz": "timestamp", "date": "date", "boolean": "boolean",
             "bool": "boolean", "bit": "boolean", "uuid": "string"}  # fmt: skip
    return known.get(family, "")
