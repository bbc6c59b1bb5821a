"""``lienthong index``: the index of Decision 766 from a file of counters, from our records, forecast and compared."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import Json, act, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.indicators.index766 import Forecast, OfUnit, Scored
    from lienthong.steps import Pipeline

app = typer.Typer(help="The index of Decision 766: score, our own, forecast, compared.", no_args_is_help=True)

CONTRADICTED = 3
"""Exit code of ``score`` when a figure that the counters determine was published otherwise."""
Version = Annotated[str, typer.Option("--rules", help="Version of the rules; the newest when left out.")]
Wording = Annotated[
    str,
    typer.Option("--wording", help="data: what the portal was seen to do; paper: the working paper where it differs."),
]
PeriodText = Annotated[str, typer.Option("--period", help="2025-09, 2025-Q3 or 2025.")]
Units = Annotated[
    list[str] | None, typer.Option("--unit", help="Code of a unit or sum, e.g. H15.131; may be repeated.")
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="What was known then; a day means its end."),
]
Synchronised = Annotated[
    bool, typer.Option("--synchronised", help="Only dossiers that the portal has accepted: what it can count.")
]


@app.command()
def score(
    counters: Annotated[Path, typer.Option("--counters", help="CSV with the portal's counters and published scores.")],
    output: Annotated[Path | None, typer.Option("--output", help="CSV to write every figure to.")] = None,
    rules: Version = "",
    wording: Wording = "",
) -> None:
    """Compute every part from published counters, beside the published score; exits 3 when one contradicts."""
    from lienthong.commands import index_tables
    from lienthong.indicators.index766 import checking, ruleset
    from lienthong.services import commands
    from lienthong.settings import Settings

    def work(console: Console) -> int:
        chosen = ruleset(Settings.from_env().home, version=rules, wording=wording)
        lines = checking.check(checking.read(counters), chosen)
        if output is not None:
            index_tables.write(output, lines)
        index_tables.show(console, lines, chosen)
        return CONTRADICTED if any(line.contradicts for line in lines) else 0

    raise typer.Exit(commands.explained(work))


@app.command()
def warehouse(
    period: PeriodText,
    unit: Units = None,
    as_of: AsOf = None,
    synchronised: Synchronised = False,
    rules: Version = "",
    wording: Wording = "",
    as_json: Json = False,
) -> None:
    """Compute the index from our own records, and say what they cannot know."""
    from lienthong.commands import index_tables
    from lienthong.indicators import index766

    def tell(pipeline: Pipeline, console: Console) -> None:
        with pipeline.warehouse.session() as session:
            found = index766.of_warehouse(
                session, index766.Period.parse(period), _moment(as_of), settings=pipeline.settings,
                rules=index766.ruleset(pipeline.settings.home, version=rules, wording=wording), units=unit or (),
                synchronised=synchronised,
            )  # fmt: skip
        if as_json:
            print_json([_of_unit(one) for one in found])
            return
        console.print(index_tables.units_table(found))
        index_tables.say(console, found[0].note)
        index_tables.print_parts(console, found[0])

    act(tell)


@app.command()
def forecast(
    period: PeriodText,
    unit: Units = None,
    as_of: AsOf = None,
    synchronised: Synchronised = False,
    as_json: Json = False,
) -> None:
    """Forecast the index at the end of the period, with the intervals of five and of nine cases in ten."""
    from lienthong.commands import index_tables
    from lienthong.indicators import index766

    def tell(pipeline: Pipeline, console: Console) -> None:
        with pipeline.warehouse.session() as session:
            found = [
                index766.forecast(
                    session, index766.Period.parse(period), settings=pipeline.settings, unit=one,
                    as_of=_moment(as_of), synchronised=synchronised,
                )
                for one in unit or [pipeline.settings.agency]
            ]  # fmt: skip
        if as_json:
            print_json([_of_forecast(one) for one in found])
            return
        for one in found:
            console.print(index_tables.forecast_table(one))
            index_tables.say(console, one.doubt, one.note)

    act(tell)


@app.command()
def compare(
    period: PeriodText,
    unit: Units = None,
    everything: Annotated[bool, typer.Option("--all", help="Figures that agree too.")] = False,
    as_json: Json = False,
) -> None:
    """Put ours beside the portal's published figures, and name the dossiers that make the difference."""
    from lienthong.commands import index_tables
    from lienthong.indicators import index766

    def tell(pipeline: Pipeline, console: Console) -> None:
        with pipeline.warehouse.session() as session:
            found = index766.compare(
                session, index766.Period.parse(period), settings=pipeline.settings,
                units=unit or ([] if as_json else [pipeline.settings.agency]),
            )  # fmt: skip
        if as_json:
            print_json([asdict(one) for one in found])
            return
        if not found:
            console.print(f"The portal has published nothing of {period} that was pulled.", highlight=False)
            return
        console.print(
            index_tables.differences_table(
                found if everything else [one for one in found if not index_tables.agree(one)]
            )
        )
        index_tables.say(console, found[0].note)
        agreeing = sum(index_tables.agree(one) for one in found)
        unexplained = sum(not one.explained for one in found if one.numerator is not None)
        console.print(
            f"{len(found)} figures: {agreeing} agree, {len(found) - agreeing} differ;"
            f" of {unexplained} a rest is not explained.",
            highlight=False,
        )

    act(tell)


def _of_unit(one: OfUnit) -> dict[str, Any]:
    known = {name: getattr(one, name) for name in ("unit", "name", "level", "stands", "counters", "completed", "note")}
    return {**known, "period": str(one.period), **_of_scored(one.scored)}


def _of_forecast(one: Forecast) -> dict[str, Any]:
    known = {name: getattr(one, name) for name in ("unit", "name", "stands", "days", "doubt", "note")}
    intervals = {code: asdict(found) for code, found in {**one.parts, **one.groups, "total": one.total}.items()}
    completed = one.completed and asdict(one.completed)
    return {**known, "period": str(one.period), "forecast": intervals, "completed": completed}


def _of_scored(one: Scored) -> dict[str, Any]:
    groups = {each.group.code: {"score": each.score, "reachable": each.reachable} for each in one.groups}
    parts = [
        {"number": part.part.number, "code": part.part.code, "max": part.part.max,
         **{name: getattr(part, name) for name in ("numerator", "denominator", "ratio", "score", "determined", "why")}}
        for part in one.parts
    ]  # fmt: skip
    rules = {"version": one.ruleset.version, "wording": one.ruleset.wording}
    return {"rules": rules, "score": one.score, "reachable": one.reachable, "groups": groups, "parts": parts}


def _moment(as_of: datetime | None) -> datetime | None:
    from lienthong.batches import LOCAL

    if as_of is None:
        return None
    whole = as_of + timedelta(days=1) if as_of.time() == datetime.min.time() else as_of
    return whole.replace(tzinfo=LOCAL)
