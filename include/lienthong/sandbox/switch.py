"""How the department's REST service is told to misbehave: a small file beside its data, read at every request."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Switch:
    """``down`` answers 503 to every reading; ``delay`` is the wait in seconds before an answer."""

    down: bool = False
    delay: float = 0.0


def switch_file(data: Path) -> Path:
    """The switch of the service that reads ``data``."""
    return data.with_name(data.name + ".switch.json")


def read_switch(data: Path) -> Switch:
    """The switch as it stands; without a file nothing is switched."""
    try:
        return Switch(**json.loads(switch_file(data).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Switch()


def set_switch(data: Path, switch: Switch) -> None:
    """Put the switch into another position; the next request sees it."""
    path = switch_file(data)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(asdict(switch)), encoding="utf-8")
    beside.replace(path)
