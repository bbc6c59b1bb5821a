"""Anchors: the heads of all chains, noted line by line in a file outside of the database that is only added to.

Who may write into the warehouse can make a chain anew that holds in itself. What was noted here does not follow. It
is worth as much as its distance from the warehouse: another disk, a copy in other hands.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from lienthong.errors import NeedsPerson
from lienthong.publishing.chain_check import Anchor, Epoch
from lienthong.publishing.receipts import moment_text
from lienthong.settings import Settings

_HASH = re.compile("[0-9a-f]{64}")
_ANCHOR = {"at", "endpoint", "place", "hash"}
_EPOCH = _ANCHOR | {"lost_from", "lost_to", "reason", "by"}


def file_of(settings: Settings) -> Path:
    """Where this installation notes them."""
    return (settings.anchors or settings.var / "anchors") / "receipts.jsonl"


def read(path: Path) -> list[Anchor]:
    """Every line in its order, none when there is no file yet; a line that is none of ours is named.

    The end of the last line may be missing: the machine stopped while it was written, and nobody was told of it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(path, error) from None
    return list(_parsed(path, content))


def _parsed(path: Path, content: bytes) -> Iterator[Anchor]:
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        found = _line(line)
        if found is None:
            raise NeedsPerson(
                f"{path}, line {number}: expected an anchor with {', '.join(sorted(_ANCHOR))}, found something else. "
                "Lines of this file are only added: whoever changed it, or has a copy of it, can mend it."
            )
        yield found
    last = _line(rest)
    if last is not None:
        yield last


def _line(text: bytes) -> Anchor | None:
    try:
        found = json.loads(text)
        named = {**found, "at": datetime.fromisoformat(found["at"])}
        places = [named[name] for name in ("place", "lost_from", "lost_to") if name in named]
        right = (
            named.keys() in (_ANCHOR, _EPOCH)
            and named["at"].tzinfo is not None
            and all(type(place) is int and place >= 0 for place in places)
            and _HASH.fullmatch(named["hash"]) is not None
            and all(isinstance(named[name], str) for name in ("endpoint", "reason", "by") if name in named)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not right:
        return None
    return Epoch(**named) if "reason" in named else Anchor(**named)


def append(path: Path, anchors: Sequence[Anchor]) -> None:
    """Add lines; when this returns they are on the disk. The last line was cut by a stop: it is ended or taken away."""
    if not anchors:
        return
    text = "".join(_text(anchor) for anchor in anchors).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            file.seek(0)
            rest = file.read().rpartition(b"\n")[2]
            if rest and _line(rest) is not None:
                text = b"\n" + text
            elif rest:
                file.truncate(file.tell() - len(rest))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unusable(path, error) from None


def _text(anchor: Anchor) -> str:
    line: dict[str, Any] = {**asdict(anchor), "at": moment_text(anchor.at)}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _unusable(path: Path, error: OSError) -> NeedsPerson:
    return NeedsPerson(
        f"{path}: the anchors of receipts cannot be read or written ({os.strerror(error.errno or 0)}). Whoever runs "
        "this machine can mend it, or set LIENTHONG_ANCHORS to a folder that can."
    )


def standing(lines: Iterable[Anchor], endpoint: str, as_of: datetime | None = None) -> tuple[list[Anchor], list[Epoch]]:
    """The anchors of an endpoint that its chain must meet, and the epochs that were begun.

    With ``as_of`` for a copy of that time: what a later epoch gave up still binds it, what came after does not."""
    anchors: list[Anchor] = []
    epochs: list[Epoch] = []
    for line in lines:
        if line.endpoint != endpoint:
            continue
        if isinstance(line, Epoch):
            if as_of is not None and line.at > as_of:
                break
            anchors = [one for one in anchors if one.place < line.lost_from]
            epochs.append(line)
        if line.place > 0:
            anchors.append(line)
    return anchors, epochs
