"""``lienthong reconcile``: what receivers hold beside what the warehouse holds, and sending again what they lost."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lienthong.commands.desk import By, Json, act, actor, print_json, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline


class LookByDefault(TyperGroup):
    """``lienthong reconcile national_portal`` looks; the other commands are asked for by name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` in front of what names no command."""
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["run", *args])


app = typer.Typer(cls=LookByDefault, help="What receivers hold, beside what the warehouse holds; alone it looks now.")

MOST = 1000
COLUMNS = ("endpoint", "dataset", "kind", "record_key", "fields", "unit", "day", "first_seen", "sent_again", "sendable")
STANDING = (
    "endpoint", "dataset", "knows", "records", "accepted", "on_the_way", "held_back", "waiting_parent", "refused",
    "not_told", "unaccounted", "orphans", "open_missing", "open_different", "open_extra", "refused_parts",
)  # fmt: skip

Endpoint = Annotated[str, typer.Argument(help="A receiver, e.g. national_portal; all when left out.")]
Dataset = Annotated[str, typer.Option("--dataset", help="Only records of this dataset.")]
Kind = Annotated[str, typer.Option("--kind", help="missing, different, extra, unaccounted or orphan.")]


@app.command()
def run(
    endpoint: Endpoint = "",
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    as_json: Json = False,
) -> None:
    """Look now: the days that are due, or all of some days. This is what `lienthong reconcile` alone does."""

    def look(console: Console) -> int:
        from lienthong.commands.alerts import services_here
        from lienthong.errors import LienThongError, NeedsPerson
        from lienthong.settings import Settings
        from lienthong.steps import Pipeline

        if (first is None) != (last is None) or (first is not None and last is not None and last < first):
            raise NeedsPerson("Give both --from and --to, the first day not after the last, or neither.")
        asked = (first.date(), last.date()) if first and last else None
        pipeline = Pipeline.of(Settings.from_env(), services_here())
        names = [endpoint] if endpoint else _bound(pipeline)
        found, troubles = [], []
        for name in names:
            try:
                found.append(asdict(pipeline.reconcile(name, asked)))
            except LienThongError as error:
                troubles.append(f"{name}: {error}")
        if as_json:
            print_json(found)
        else:
            print_rows(console, found, tuple(found[0]) if found else (), "Nothing was looked at.")
        if troubles:
            raise NeedsPerson(" ".join(troubles))
        return 0

    from lienthong.services import commands

    raise typer.Exit(commands.explained(look))


@app.command()
def show(
    endpoint: Endpoint = "",
    dataset: Dataset = "",
    kind: Kind = "",
    closed: Annotated[bool, typer.Option("--closed", help="Also what was mended.")] = False,
    standing: Annotated[bool, typer.Option("--standing", help="Counts by receiver and dataset instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show what differs, by key."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.reconcile import differences

        home = pipeline.warehouse.home
        with pipeline.warehouse.session() as session:
            if standing:
                rows = differences.standing(session, home)
                rows = [row for row in rows if endpoint in ("", row["endpoint"]) and dataset in ("", row["dataset"])]
            else:
                rows = differences.listed(session, home, endpoint, dataset, kind, closed=closed, most=MOST)
        nothing = "Nothing differs in what was looked at."
        print_rows(console, rows, STANDING if standing else COLUMNS, nothing, as_json=as_json)

    act(tell)


@app.command("send-again")
def send_again(
    endpoint: Annotated[str, typer.Argument(help="A receiver, e.g. national_portal.")],
    dataset: Dataset = "",
    kind: Annotated[str, typer.Option("--kind", help="missing or different.")] = "",
    key: Annotated[list[str] | None, typer.Option("--key", help="Only this record; may be repeated.")] = None,
    by: By = "",
) -> None:
    """Send what a receiver lost or holds otherwise once more; the next publish takes it."""

    def send(pipeline: Pipeline, console: Console) -> None:
        from lienthong.console import acts
        from lienthong.endpoints import require_known
        from lienthong.errors import NeedsPerson
        from lienthong.reconcile import differences

        require_known(endpoint)
        if kind not in ("", "missing", "different"):
            raise NeedsPerson(f"Only what is missing or different can be sent again, {kind!r} is for a person.")
        if dataset:
            pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            count = differences.send_again(
                session, pipeline.warehouse.home, endpoint, dataset=dataset, kind=kind, keys=key or ()
            )
            if count:
                acts.note(
                    session, "resend", actor(by), dataset=dataset, place=endpoint, subject=", ".join(key or ()),
                    count=count, reason=f"reconcile {kind}".strip(),
                )  # fmt: skip
        console.print(f"{count:,} records are due again; the next publish takes them.", highlight=False)

    act(send)


def _bound(pipeline: Pipeline) -> list[str]:
    """Every endpoint that some contract is bound to."""
    return sorted({name for contract in pipeline.contracts.values() for name in contract.endpoints})
