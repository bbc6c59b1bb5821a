"""The report as a person reads it in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lienthong.batches import LOCAL

NAMED_AT_MOST = 12


def render(report: dict[str, Any], *, directions: bool = False) -> RenderableType:
    """Datasets, what was set aside and why, sources that gave nothing, and what each receiver said; with
    ``directions`` also how far each dataset is in step, inwards and outwards."""
    datasets = report["datasets"]
    parts: list[RenderableType] = [_datasets(datasets)]
    parts += [_directions(datasets)] if directions else []
    rejected = _rules(datasets, "quarantined_by_rule", "Set aside, by rule")
    parts += [rejected] if rejected else []
    parts += _absent(datasets)
    parts.append(_endpoints(report["endpoints"]))
    parts += _letters(report["alerts"])
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


def _directions(datasets: dict[str, Any]) -> Table:
    """Each dataset under its shared database: the last good window read, the last one that every receiver has
    answered for, and what the other holder of the records holds otherwise."""
    table = Table(title="In step, both directions", title_justify="left")
    for name, justify in (("no.", "right"), ("dataset", "left"), ("master", "left"), ("read until", "left"),
                          ("sent to", "left"), ("sent until", "left"), ("open", "right"), ("refused", "right"),
                          ("compared with", "left"), ("apart", "right")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich names the words in a Literal
    order = sorted(datasets.items(), key=lambda item: (item[1]["shared_database"] or 99, item[0]))
    for name, found in order:
        sent, compared = found["sent"], found["compared"] or {}
        table.add_row(
            str(found["shared_database"] or ""),
            name,
            found["master"],
            found["last_good_window"] or "never",
            "\n".join(sent),
            "\n".join(one["last_good_window"] or "never" for one in sent.values()),
            "\n".join(f"{one['open']:,}" for one in sent.values()),
            "\n".join(f"{one['dead']:,}" for one in sent.values()),
            compared.get("holder", ""),
            f"{compared['differing']:,}" if compared.get("compared_at") else "never" if compared else "",
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


def _letters(alerts: dict[str, Any]) -> list[RenderableType]:
    """Who was written to and about what, and what is still open."""
    parts: list[RenderableType] = []
    written = alerts["written"]
    if written:
        table = Table(title=f"Letters: {len(written)} written", title_justify="left")
        for name in ("to", "kind", "subject", "state"):
            table.add_column(name, overflow="fold")
        # The province's summaries first: they name everybody else.
        for letter in sorted(written, key=lambda one: (one["unit"] != "", one["letter_id"]))[:NAMED_AT_MOST]:
            table.add_row(letter["address"], letter["kind"], escape(letter["subject"]), letter["state"])
        if len(written) > NAMED_AT_MOST:
            table.caption = f"and {len(written) - NAMED_AT_MOST} more; report.json names them all"
        parts.append(table)
    problems = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in alerts["problems"].items())
    waiting = alerts["letters"].get("pending", 0) + alerts["letters"].get("sending", 0)
    dead = alerts["letters"].get("dead", 0)
    if problems:
        parts.append(Text(f"Open problems, by kind: {problems}."))
    if alerts["clock"]:
        stands = f"{alerts['clock'].astimezone(LOCAL):%Y-%m-%d %H:%M}"
        parts.append(Text(f"The clock of people stands at {stands}: the sandbox's days lie in the past."))
    if waiting or dead:
        parts.append(Text(f"Letters that wait: {waiting:,}; refused for good: {dead:,}.", style="yellow"))
    return parts


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
