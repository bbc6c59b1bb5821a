"""Every indicator is declared once, in ``sql/marts/indicators.yaml``; a mistake there is named before anything runs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lienthong.errors import NeedsPerson
from lienthong.indicators.measures import KNOWN

PATH = "sql/marts/indicators.yaml"
TARGETS = "sql/marts/targets.csv"
RATIOS = ("ratio", "mean")
FORMS = ("count", "ratio", "mean", "percentile", "stock", "sum")
_NEEDED = {"name", "unit", "form", "numerator", "formula", "base", "owner", "sources", "open", "group"}
_ALLOWED = _NEEDED | {"denominator", "denominator_name", "better", "limits", "per"}


@dataclass(frozen=True, slots=True)
class Indicator:
    """One declared indicator. A measure of ``numerator`` that begins with a minus is taken away."""

    id: str
    name: str
    unit: str
    form: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    formula: str
    denominator_name: str
    base: str
    owner: str
    sources: tuple[str, ...]
    target: Decimal | None
    better: str | None
    limits: tuple[Decimal, Decimal] | None
    open: bool
    group: str
    per: int = 1
    """What the value is divided by to come out in ``unit``: 480 minutes are a working day."""

    @property
    def bare(self) -> bool:
        """Whether the numerator is the value, and the denominator only says of how many."""
        return self.form not in RATIOS


@dataclass(frozen=True, slots=True)
class Target:
    """What an indicator is to reach, and the baseline that it is measured from; ``unit`` '' means every unit."""

    indicator: str
    unit: str
    target: Decimal | None
    baseline: Decimal | None
    note: str


@cache
def declared(home: Path) -> dict[str, Indicator]:
    """The indicators by id, in the order of the file."""
    path = home / PATH
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    aims = {one.indicator: one.target for one in targets(home) if not one.unit}
    found = {name: _indicator(name, entry, aims.get(name)) for name, entry in given.items()}
    unknown = sorted({one.indicator for one in targets(home)} - set(found))
    if unknown:
        raise NeedsPerson(f"{TARGETS}: there is no indicator {', '.join(unknown)}. Mend the table of targets.")
    return found


@cache
def targets(home: Path) -> tuple[Target, ...]:
    """The table of targets."""
    with (home / TARGETS).open(encoding="utf-8", newline="") as file:
        return tuple(
            Target(
                row["indicator"], row["unit"], _number(row["target"], number), _number(row["baseline"], number),
                row["note"],
            )
            for number, row in enumerate(csv.DictReader(file), 2)
        )  # fmt: skip


def wording(home: Path) -> str:
    """The declarations and targets as text: when it differs from what was last used, every period is said anew."""
    return "".join((home / name).read_text(encoding="utf-8") for name in (PATH, TARGETS))


def get(home: Path, name: str) -> Indicator:
    """One indicator that is declared."""
    known = declared(home)
    if name not in known:
        raise NeedsPerson(f"There is no indicator {name!r}; `lienthong indicators list` shows them.")
    return known[name]


def _indicator(name: str, entry: dict[str, Any], target: Decimal | None) -> Indicator:
    def wrong(what: str) -> NeedsPerson:
        return NeedsPerson(f"{PATH}: {name}: {what}. Whoever declares the indicator mends it.")

    keys = set(entry)
    if _NEEDED - keys or keys - _ALLOWED:
        raise wrong(f"missing {sorted(_NEEDED - keys)}, unknown {sorted(keys - _ALLOWED)}")
    above, below = tuple(entry["numerator"]), tuple(entry.get("denominator", ()))
    strange = {measure.lstrip("-") for measure in above + below} - KNOWN
    if strange:
        raise wrong(f"there is no measure {', '.join(sorted(strange))}")
    if entry["form"] not in FORMS or (entry["form"] in RATIOS) > bool(below):
        raise wrong(f"form {entry['form']!r} is none of {', '.join(FORMS)}, or has no denominator")
    if bool(below) != bool(entry.get("denominator_name")):
        raise wrong("a denominator and its name go together")
    if entry.get("better") not in (None, "up", "down"):
        raise wrong("better is up, down or left out")
    limits = tuple(Decimal(str(value)) for value in entry.get("limits", ()))
    if limits and (len(limits) != 2 or "better" not in entry):
        raise wrong("limits are two numbers, green and yellow, and need `better`")
    return Indicator(
        id=name,
        name=entry["name"],
        unit=entry["unit"],
        form=entry["form"],
        numerator=above,
        denominator=below,
        formula=entry["formula"],
        denominator_name=entry.get("denominator_name", ""),
        base=entry["base"],
        owner=entry["owner"],
        sources=tuple(entry["sources"]),
        target=target,
        better=entry.get("better"),
        limits=(limits[0], limits[1]) if limits else None,
        open=entry["open"],
        group=entry["group"],
        per=int(entry.get("per", 1)),
    )


def _number(text: str, line: int) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise NeedsPerson(f"{TARGETS}, line {line}: {text!r} is no number. Mend the table of targets.") from None
