"""``lienthong indicators``: what is measured, what it says or said, which dossiers stand behind it, and the refresh."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import Json, act, print_json, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline

app = typer.Typer(help="Indicators of units and of the province, and the dossiers behind them.", no_args_is_help=True)

Indicator = Annotated[str, typer.Argument(help="An indicator, e.g. dung_han_quoc_gia.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="As it was known then (a day: at its end)."
    ),
]
_DAYS = ["%Y-%m-%d"]
FIRST, LAST = datetime(2000, 1, 1), datetime(2999, 12, 31)  # noqa: DTZ001 - calendar days, not moments


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the declared indicators."""
    from rich.console import Console

    from lienthong.indicators.declared import declared
    from lienthong.settings import Settings

    rows = [
        {"id": one.id, "name": one.name, "unit": one.unit, "group": one.group, "denominator": one.denominator_name}
        for one in declared(Settings.from_env().home).values()
    ]
    print_rows(Console(), rows, ("id", "name", "unit", "group", "denominator"), "No indicator.", as_json=as_json)


@app.command()
def show(
    indicator: Indicator,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="A unit or a sum, as H15; repeatable.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="day, month, quarter or year.")] = "month",
    first: Annotated[datetime, typer.Option("--from", formats=_DAYS, help="First start of a period.")] = FIRST,
    last: Annotated[datetime, typer.Option("--to", formats=_DAYS, help="Last start of a period.")] = LAST,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show an indicator with its numerator and denominator; without --unit: the province and its two levels."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.indicators import reading
        from lienthong.indicators.declared import get
        from lienthong.indicators.page import shown

        one = get(pipeline.settings.home, indicator)
        agency = pipeline.settings.agency
        with pipeline.warehouse.session() as session:
            found = reading.values(
                session,
                indicators=[indicator],
                units=unit or [agency, f"{agency}-SO", f"{agency}-XA"],
                kind=kind,
                first=first.date(),
                last=last.date(),
                as_of=_moment(as_of),
            )
        rows: list[dict[str, Any]] = [
            {
                "unit": value.unit, "start": str(value.start), "value": shown(one, value.value),
                "numerator": _plain(value.numerator), "denominator": _plain(value.denominator),
                "known_from": f"{value.known_from:%Y-%m-%d %H:%M}",
            }
            for value in found
        ]  # fmt: skip
        if not as_json:
            console.print(f"{one.name} ({one.unit}). Mẫu số: {one.denominator_name or 'không có'}.", highlight=False)
        columns = ("unit", "start", "value", "numerator", "denominator", "known_from")
        print_rows(console, rows, columns, "Nothing is said of these periods.", as_json=as_json)

    act(tell)


@app.command()
def explain(
    indicator: Indicator,
    unit: Annotated[str, typer.Argument(help="A unit or a sum, e.g. H15.102.")],
    kind: Annotated[str, typer.Argument(help="day, month, quarter or year.")],
    start: Annotated[datetime, typer.Argument(formats=_DAYS, help="First day of the period.")],
    part: Annotated[str, typer.Option("--part", help="numerator, denominator, or differ: where the two on-time "
        "definitions say different things.")] = "numerator",
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List the dossiers behind a figure: codes and times, never a person."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.indicators import reading

        day: date = start.date()
        moment = _moment(as_of)
        with pipeline.warehouse.session() as session:
            if part == "differ":
                found = reading.definitions_differ(session, unit, kind, day, limit, as_of=moment)
            else:
                found = reading.behind(
                    session, indicator, unit, kind, day, part, limit, as_of=moment, home=pipeline.settings.home
                )
        if as_json:
            print_json({"total": found.total, "rows": [_texts(row) for row in found.rows]})
            return
        console.print(f"{found.total} dossiers; {len(found.rows)} shown.", highlight=False)
        columns = ("ma_ho_so", "trang_thai", "received_at", "due_at", "ended_at", "national", "local_class", "ly_do")
        print_rows(console, [_texts(row) for row in found.rows], columns, "No dossier stands behind this figure.")

    act(tell)


@app.command()
def refresh(
    whole: Annotated[bool, typer.Option("--whole", help="Look at every dossier, as after a new holiday.")] = False,
) -> None:
    """Bring the marts of indicators up to what is promoted."""
    act(lambda pipeline, console: console.print(str(pipeline.indicators(whole=whole)), highlight=False))


@app.command()
def docs() -> None:
    """Write docs/indicators.md from the declarations."""
    from lienthong.indicators import page
    from lienthong.settings import Settings

    home = Settings.from_env().home
    (home / page.PATH).write_text(page.render(home), encoding="utf-8")
    typer.echo(page.PATH)


def _moment(as_of: datetime | None) -> datetime | None:
    """The moment meant by a day or a time without zone, in the zone of the province."""
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from lienthong.settings import TIMEZONE

    if as_of is None:
        return None
    whole = as_of.hour == as_of.minute == as_of.second == 0
    return (as_of + timedelta(days=1) if whole else as_of).replace(tzinfo=ZoneInfo(TIMEZONE))


def _plain(number: Any) -> str:
    return "" if number is None else f"{number:f}"


def _texts(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if value is None or isinstance(value, str) else str(value) for name, value in row.items()}
