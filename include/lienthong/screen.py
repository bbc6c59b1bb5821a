"""The report as a person reads it in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

NAMED_AT_MOST = 12


def render(report: dict[str, Any]) -> RenderableType:
    """Datasets, what was set aside and why, sources that gave nothing, and what each receiver said."""
    datasets = report["datasets"]
    parts: list[RenderableType] = [_datasets(datasets)]
    rejected = _rules(datasets, "quarantined_by_rule", "Set aside, by rule")
    parts += [rejected] if rejected else []
    parts += _absent(datasets)
    parts.append(_endpoints(report["endpoints"]))
    return Group(*parts)


def _datasets(datasets: dict[str, Any]) -> Table:
    table = Table(title="Datasets", title_justify="left")
    table.add_column("dataset")
    for name in ("sources", "extracted", "inserted", "updated", "unchanged", "superseded", "set aside", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for name, found in datasets.items():
        sources = found["sources"]
        table.add_row(
            name,
            f"{sources['read']}/{sources['total']}",
            *(
                f"{found[key]:,}"
                for key in ("extracted", "inserted", "updated", "unchanged", "superseded", "quarantined")
            ),
            f"{sum(found['seconds'].values()):.1f}",
            found["state"],
        )
    return table


def _rules(datasets: dict[str, Any], key: str, title: str) -> Table | None:
    rows = [(f"{name}.{rule}", count) for name, found in datasets.items() for rule, count in found[key].items()]
    if not rows:
        return None
    table = Table(title=title, title_justify="left")
    table.add_column("rule")
    table.add_column("rows", justify="right")
    for rule, count in rows:
        table.add_row(rule, f"{count:,}")
    return table


def _absent(datasets: dict[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for name, found in datasets.items():
        for state in ("missing", "blocked"):
            for source in found["sources"][state][:NAMED_AT_MOST]:
                lines.append(Text(f"{state}: {name} of {source['source']}: {source['reason']}", style="yellow"))
            more = len(found["sources"][state]) - NAMED_AT_MOST
            if more > 0:
                lines.append(Text(f"{state}: {name} of {more} more sources", style="yellow"))
    return lines


def _endpoints(endpoints: dict[str, Any]) -> Table:
    table = Table(title="Receivers", title_justify="left")
    table.add_column("endpoint")
    names = ("sent", "accepted", "refused", "in doubt", "dead", "pending", "requests", "seconds")
    for name in names:
        table.add_column(name, justify="right")
    for name, found in endpoints.items():
        values = [found[key.replace(" ", "_")] for key in names]
        table.add_row(name, *(f"{value:,}" if isinstance(value, int) else f"{value:.1f}" for value in values))
    return table
