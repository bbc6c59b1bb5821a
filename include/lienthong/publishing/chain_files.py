"""An export of receipts can be verified with nothing but itself, and better with the anchors.

The first line says what the file is and where each chain in it begins and ends. Every other line is one receipt: its
hash is the SHA-256 of ``previous`` followed by the text between ``{"receipt":`` and ``,"previous"``, as it stands
there. No byte of a line is outside of what is verified.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

from lienthong.errors import NeedsPerson
from lienthong.publishing import chain_anchors
from lienthong.publishing.chain_check import START, Anchor, Chain, Check, Finding, Head
from lienthong.publishing.receipts import Link, moment_text

FORMAT = "lienthong-receipts"
VERSION = 1
LONGEST = 1 << 22  # bytes of a line
MEND = "Whoever exported it can export it again; `lienthong verify` there says whether the warehouse still holds it."
_RULE = "hash = SHA-256(previous + receipt as it stands in its line), in hexadecimal"
_LINE = re.compile(rb'\{"receipt":(\{.*\}),"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\n')
_NAME = re.compile("[a-z][a-z0-9_]{0,62}")
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One chain in a file: what its first receipt there follows, and the head at the time of the export."""

    endpoint: str
    after: Head
    head: Head


def write(path: Path, copied_at: datetime, parts: Sequence[Part], links: Iterable[Link]) -> int:
    """Write an export beside ``path`` and put it there when it is whole and on the disk; gives how many receipts."""
    beside = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(_first_line(copied_at, parts))
            for count, link in enumerate(links, start=1):  # noqa: B007 - the number of the last
                file.write(f'{{"receipt":{link.text},"previous":"{link.previous}","hash":"{link.hash}"}}\n')
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _unusable(path, error) from None
    finally:
        with suppress(OSError):
            beside.unlink()
    return count


def _first_line(copied_at: datetime, parts: Sequence[Part]) -> str:
    chains = [
        {
            "endpoint": part.endpoint, "from_place": part.after.place + 1, "previous": part.after.hash,
            "head_place": part.head.place, "head_hash": part.head.hash,
        }
        for part in parts
    ]  # fmt: skip
    said: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "exported_at": moment_text(copied_at), "rule": _RULE, "chains": chains
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def verify(paths: Sequence[Path], lines: Sequence[Anchor] = ()) -> Iterator[tuple[Path, list[Chain]]]:
    """Every chain of each export against itself, the head that its file names, the heads of the other exports, and
    anchors; needs no database."""
    try:
        ends = [_ends(path) for path in paths]
        for number, path in enumerate(paths):
            known = list(lines)
            for anchor in chain.from_iterable(ends[:number] + ends[number + 1 :]):
                later = (place for place, line in enumerate(known) if line.at > anchor.at)
                known.insert(next(later, len(known)), anchor)
            with path.open("rb") as file:
                yield path, _verify(path.name, file, known)
    except OSError as error:
        raise _unusable(error.filename or "An export", error) from None


def _ends(path: Path) -> list[Anchor]:
    """What the first line of an export says of its ends, as anchors for the others."""
    with path.open("rb") as file:
        said = _said(file.readline(LONGEST))
    if said is None:
        return []
    copied_at, parts = said
    return [Anchor(copied_at, part.endpoint, part.head.place, part.head.hash) for part in parts if part.head.place]


def _verify(name: str, file: IO[bytes], lines: Sequence[Anchor]) -> list[Chain]:
    said = _said(file.readline(LONGEST))
    if said is None:
        nothing = Chain(name)
        nothing.add(
            Finding(name, 0, "form", f"a first line of the format {FORMAT}, version {VERSION}", "something else", MEND)
        )
        return [nothing]
    copied_at, parts = said
    checks: dict[str, Check] = {}
    for part in parts:
        anchors, epochs = chain_anchors.standing(lines, part.endpoint, copied_at)
        check = Check(part.endpoint, part.head, anchors, f"{name}: {MEND}", after=part.after, as_of=copied_at)
        check.chain.epochs = epochs
        checks[part.endpoint] = check
    _walk(file, checks)
    return [check.end() for check in checks.values()]


def _walk(file: IO[bytes], checks: dict[str, Check]) -> None:
    order = {endpoint: number for number, endpoint in enumerate(checks)}
    names = list(checks)
    present = 0
    for number, line in enumerate(_lines(file), start=2):
        link = _link(line)
        if link is None or link.endpoint not in order:
            what = "something else" if link is None else "one of a chain that the first line does not name"
            check = checks[names[present]]
            check.note("form", check.next, f"a receipt in line {number}", what)
            continue
        check = checks[link.endpoint]
        if order[link.endpoint] < present:
            check.note(
                "order", link.place, "the receipts of one chain together", f"this one in line {number}, after another's"
            )
        present = max(present, order[link.endpoint])
        check.take(link)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines no longer than ``LONGEST``: a longer one comes in pieces, none of which is a receipt."""
    while line := file.readline(LONGEST):
        yield line


def _link(line: bytes) -> Link | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    try:
        text = found[1].decode("utf-8")
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    endpoint, place = content.get("endpoint"), content.get("place")
    if not isinstance(endpoint, str) or type(place) is not int:
        return None
    return Link(endpoint, place, found[2].decode(), found[3].decode(), text)


def _said(line: bytes) -> tuple[datetime, list[Part]] | None:
    try:
        said = json.loads(line)
        copied_at = datetime.fromisoformat(said["exported_at"])
        parts = [
            Part(
                one["endpoint"],
                Head(one["from_place"] - 1, one["previous"]),
                Head(one["head_place"], one["head_hash"]),
            )
            for one in said["chains"]
        ]
        right = (
            copied_at.tzinfo is not None
            and len(parts) > 0
            and len({part.endpoint for part in parts}) == len(parts)
            and all(_right(part) for part in parts)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (copied_at, parts) if right and line == _first_line(copied_at, parts).encode("utf-8") else None


def _right(part: Part) -> bool:
    return bool(
        _NAME.fullmatch(part.endpoint)
        and all(type(head.place) is int and head.place >= 0 for head in (part.after, part.head))
        and all(_HASH.fullmatch(head.hash) for head in (part.after, part.head))
        and (part.after.place > 0 or part.after == START)
    )


def _unusable(path: Path | str, error: OSError) -> NeedsPerson:
    return NeedsPerson(
        f"{path} cannot be read or written ({os.strerror(error.errno or 0)}). Whoever runs this machine can mend it."
    )
