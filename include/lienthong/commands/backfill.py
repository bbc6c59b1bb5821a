"""``lienthong backfill``: a preview of days to be run, the queue that runs them, and what a person may do with it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lienthong.commands.desk import By, Json, act, actor, print_json, shown

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.airflow_api import AirflowApi
    from lienthong.backfill.plan import Preview
    from lienthong.backfill.queue import Backfill
    from lienthong.steps import Pipeline


class _DaysFirst(TyperGroup):
    """``lienthong backfill ho_so --from ...`` asks for days: what names no command is what ``add`` is given."""

    default = "add"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [self.default, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_DaysFirst,
    help="Days that people ask to be run: lienthong backfill DATASET... --from DAY --to DAY.",
    no_args_is_help=True,
)

DAG = "backfills"
LOOKS = f"its DAG {DAG} looks every quarter of an hour"
Number = Annotated[int, typer.Argument(help="The number of a backfill, as `list` shows it.")]


@app.command()
def add(
    datasets: Annotated[list[str], typer.Argument(help="Datasets, e.g. ho_so tien_trinh.")],
    first: Annotated[datetime, typer.Option("--from", help="First local day.", formats=["%Y-%m-%d"])],
    last: Annotated[datetime, typer.Option("--to", help="Last local day, included.", formats=["%Y-%m-%d"])],
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Only these units; may be repeated.")] = None,
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Read days again that are whole already.")] = False,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="From the last day back.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Publish nothing of it before `release`.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run.")] = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Ask for days to be run; shows exactly which, and puts them into the queue unless it is a dry run."""

    def ask(pipeline: Pipeline, console: Console) -> None:
        from lienthong.backfill import queue
        from lienthong.backfill.plan import Request, preview

        request = Request(tuple(datasets), first.date(), last.date(), tuple(unit or ()), reprocess, newest_first, hold)
        home = pipeline.warehouse.home
        with pipeline.warehouse.session() as session:
            found = preview(session, home, pipeline.contracts, request)
            number = None if dry_run else queue.ask(session, home, found, actor(by))
        if as_json:
            print_json({"backfill": number, **_plain(found)})
            return
        _show(console, found)
        if number is None:
            console.print("A dry run: nothing was put into the queue.", highlight=False)
            return
        datasets_asked = {part.dataset for part in found.parts}
        console.print(f"Backfill {number} is in the queue. {wake(datasets_asked)}", highlight=False)
        if hold:
            console.print(f"What it promotes waits for: lienthong backfill release {number}", highlight=False)

    act(ask)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show the backfills: how far each is, and when it is expected to end."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.backfill import queue

        with pipeline.warehouse.session() as session:
            found = queue.listed(session, pipeline.warehouse.home, open_only=not everything)
        _tell(console, found, as_json=as_json)

    act(tell)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show one backfill with its parts and the days that failed."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.backfill import queue

        with pipeline.warehouse.session() as session:
            found = queue.listed(session, pipeline.warehouse.home, backfill_id=number)
        _tell(console, found, as_json=as_json)
        if as_json:
            return
        for part in found[0].parts:
            days = f"{part.part.first} to {part.part.last}"
            console.print(
                f"  {part.part.dataset} {days}: {part.state}, {part.promoted} of {part.part.days} days", highlight=False
            )
        for dataset, day in found[0].failed:
            console.print(f"  not promoted: {dataset} of {day}; its run in Airflow says why", highlight=False)

    act(tell)


@app.command()
def pause(number: Number, by: By = "") -> None:
    """Start nothing new of it; the day that runs ends whole."""
    _turn(number, "pause", by)


@app.command()
def resume(number: Number, by: By = "") -> None:
    """Let a paused one go on."""
    _turn(number, "resume", by)


@app.command()
def cancel(number: Number, by: By = "") -> None:
    """End it; the day that runs ends whole, and what had not begun never will."""
    _turn(number, "cancel", by)


@app.command()
def release(number: Number, by: By = "") -> None:
    """Let what a held one promoted leave for the receivers."""

    def let_go(pipeline: Pipeline, console: Console) -> None:
        from lienthong.backfill import queue

        with pipeline.warehouse.session() as session:
            records = queue.release(session, pipeline.warehouse.home, number, actor(by))
        console.print(
            f"{records:,} records of backfill {number} may leave; the next publish takes them.", highlight=False
        )

    act(let_go)


def _turn(number: int, what: str, by: str) -> None:
    def turn(pipeline: Pipeline, console: Console) -> None:
        from lienthong.backfill import queue

        with pipeline.warehouse.session() as session:
            {"pause": queue.pause, "resume": queue.resume, "cancel": queue.cancel}[what](session, number, actor(by))
        done = {"pause": "is paused", "resume": "goes on", "cancel": "is cancelled"}[what]
        console.print(f"Backfill {number} {done}. {wake()}", highlight=False)

    act(turn)


def wake(datasets: Iterable[str] = ()) -> str:
    """Have a running Airflow look at the queue now; gives a sentence on when it will be looked at, and on DAGs of
    ``datasets`` that somebody has paused."""
    from lienthong.errors import LienThongError

    api = _airflow()
    if isinstance(api, str):
        return api
    try:
        paused = {dag.dag_id for dag in api.dags() if dag.paused}
        if DAG in paused:
            return f"Its DAG {DAG} is paused in Airflow: it begins when somebody lets that go on."
        if not any(not run.ended for run in api.runs(DAG)):
            api.run_now(DAG, f"asked__{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S.%f}")
    except LienThongError as error:
        return f"Airflow could not be woken ({error}); {LOOKS}."
    waiting = ", ".join(sorted({f"ingest.{dataset}" for dataset in datasets} & paused))
    still = f" Paused in Airflow, so that their days wait: {waiting}." if waiting else ""
    return f"Airflow looks at it now; `lienthong backfill list` shows how far it is.{still}"


def _airflow() -> AirflowApi | str:
    """The Airflow that feeds the queue, or why it cannot be asked from here."""
    from lienthong.airflow_api import AirflowApi
    from lienthong.connections import from_environment
    from lienthong.errors import NeedsPerson
    from lienthong.services import control
    from lienthong.services.folders import Folders
    from lienthong.services.keys import FEEDER, load

    folders = Folders.from_env()
    present = control.running(folders)
    if present is not None:
        return AirflowApi(present["address"], FEEDER, load(folders.secrets).feeder, patience=10)
    try:
        known = from_environment("airflow")
    except NeedsPerson:
        if os.environ.get("AIRFLOW_CONN_WAREHOUSE"):
            return f"Airflow cannot be woken from here (connection airflow is not set); {LOOKS}."
        return "The services do not run: it begins with `make up`."
    return AirflowApi(known.base_url, known.login, known.password, patience=10, connection=known.name)


def _plain(found: Preview) -> dict[str, Any]:
    return {
        "windows": found.windows,
        "parts": [{"dataset": p.dataset, "from": p.first, "to": p.last, "days": p.days} for p in found.parts],
        "costs": [
            {"dataset": c.dataset, "to_run": c.to_run, "whole": c.whole, "rows": c.rows, "seconds": c.seconds}
            for c in found.costs
        ],
    }


def _show(console: Console, found: Preview) -> None:
    from rich.table import Table

    table = Table("dataset", "days to run", "left alone (whole)", "from", "to", "rows, about", "minutes, about")
    for cost in found.costs:
        parts = sorted(part.first for part in found.parts if part.dataset == cost.dataset)
        ends = sorted(part.last for part in found.parts if part.dataset == cost.dataset)
        table.add_row(
            cost.dataset, str(cost.to_run), str(cost.whole), str(parts[0]) if parts else "",
            str(ends[-1]) if ends else "",
            "unknown" if cost.rows is None else f"{cost.rows:,}",
            "unknown" if cost.seconds is None else f"{cost.seconds / 60:,.0f}",
        )  # fmt: skip
    console.print(table)
    for part in found.parts:
        if len([other for other in found.parts if other.dataset == part.dataset]) > 1:
            console.print(f"  {part.dataset}: {part.first} to {part.last} ({part.days} days)", highlight=False)
    units = found.request.units
    if units:
        console.print(f"Only {', '.join(units)}; every other source is left alone.", highlight=False)


def _tell(console: Console, found: list[Backfill], *, as_json: bool) -> None:
    from rich.table import Table

    if as_json:
        print_json([_figures(one) for one in found])
        return
    if not found:
        console.print("No backfill is open; --all shows those that have ended.", highlight=False)
        return
    table = Table(
        "backfill", "datasets", "days", "units", "state", "promoted", "failed", "left", "held back", "by", "asked"
    )
    for one in found:
        left = one.seconds_left
        table.add_row(
            str(one.backfill_id), ", ".join(one.datasets), f"{one.first} to {one.last}", ", ".join(one.units),
            one.state, f"{one.promoted} of {one.windows}", str(len(one.failed) or ""),
            "" if left is None else f"{left / 60:,.0f} min", f"{one.waiting_to_leave:,}" if one.held else "",
            one.asked_by, shown(one.asked_at),
        )  # fmt: skip
    console.print(table)


def _figures(one: Backfill) -> dict[str, Any]:
    return {
        "backfill": one.backfill_id, "datasets": one.datasets, "units": one.units, "from": one.first, "to": one.last,
        "reprocess": one.reprocess, "newest_first": one.newest_first, "held": one.held, "state": one.state,
        "asked_by": one.asked_by, "asked_at": one.asked_at, "ended_at": one.ended_at, "windows": one.windows,
        "promoted": one.promoted, "failed": [{"dataset": d, "day": day} for d, day in one.failed],
        "seconds": one.seconds, "seconds_left": one.seconds_left, "waiting_to_leave": one.waiting_to_leave,
    }  # fmt: skip
