"""Samples written in the text form of Prometheus, version 0.0.4, so that no name or value can break a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Family:
    """One measure: ``kind`` is gauge, counter or summary; of a summary only ``_sum`` and ``_count`` are given."""

    name: str
    kind: str
    help: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a family under its labels; ``suffix`` belongs to summaries."""

    family: str
    labels: Mapping[str, str]
    value: Number
    suffix: str = ""


def render(families: Iterable[Family], samples: Iterable[Sample]) -> str:
    """The whole answer: families in their order, the samples of each together, also where there is none."""
    found: dict[str, list[str]] = {}
    for sample in samples:
        line = f"{sample.family}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}"
        found.setdefault(sample.family, []).append(line)
    lines: list[str] = []
    for family in families:
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += found.pop(family.name, [])
    if found:
        raise ValueError(f"samples of no family: {', '.join(sorted(found))}")
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: Number) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
