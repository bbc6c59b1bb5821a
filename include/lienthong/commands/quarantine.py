"""``lienthong quarantine`` and ``lienthong redrive``: what is held and why, and its way back; no value is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lienthong.commands.desk import By, Json, act, actor, print_json, print_rows, shown

if TYPE_CHECKING:
    from rich.console import Console

    from lienthong.steps import Pipeline

app = typer.Typer(help="Rows that are held: list them, follow one, let one pass.", no_args_is_help=True)

SHOWN_AT_MOST = 1000

Dataset = Annotated[str, typer.Argument(help="A dataset, e.g. ho_so.")]
Unit = Annotated[str, typer.Option("--unit", help="Code of the unit whose rows are meant, e.g. H15.131.")]


@app.command("list")
def list_(
    dataset: Annotated[str, typer.Option("--dataset", help="Only rows of this dataset.")] = "",
    unit: Unit = "",
    rule: Annotated[str, typer.Option("--rule", help="Only rows that break this rule.")] = "",
    state: Annotated[
        str, typer.Option("--state", help="open, corrected, withdrawn, waived, released or all.")
    ] = "open",
    as_json: Json = False,
) -> None:
    """List held rows: key, rules, since when."""

    def show(pipeline: Pipeline, console: Console) -> None:
        from lienthong.errors import NeedsPerson
        from lienthong.warehouse import held

        if state not in (*held.STATES, "all"):
            raise NeedsPerson(f"There is no state {state!r}; there are {', '.join((*held.STATES, 'all'))}.")
        chosen = [pipeline.contract(dataset)] if dataset else list(pipeline.contracts.values())
        with pipeline.warehouse.session() as session:
            held.require_known(session, chosen, [rule] if rule else [], [unit] if unit else [])
            rows = held.listed(
                session, dataset=dataset, source=unit, rule=rule, state=None if state == "all" else state,
                limit=SHOWN_AT_MOST,
            )  # fmt: skip
        if as_json:
            print_json(rows)
        else:
            _rows(console, rows)

    act(show)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="Key of the record, as `list` shows it.")],
    dataset: Annotated[str, typer.Option("--dataset", help="Only rows of this dataset.")] = "",
    as_json: Json = False,
) -> None:
    """Show every step of a held row: when it was rejected, corrected, waived, by whom and why."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from lienthong.errors import NeedsPerson
        from lienthong.warehouse import held

        if dataset:
            pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            rows = held.listed(session, dataset=dataset, state=None, key=key)
            found = [row | {"transitions": held.transitions(session, row)} for row in rows]
        if not found:
            raise NeedsPerson(
                f"No row {key!r} was ever held. `lienthong quarantine list --state all` shows which were."
            )
        if as_json:
            print_json(found)
            return
        for row in found:
            _rows(console, [row])
            print_rows(
                console,
                row["transitions"],
                ("at", "from_state", "to_state", "rules", "actor", "reason", "run_id"),
                "Nothing.",
            )

    act(tell)


@app.command()
def waive(
    dataset: Dataset,
    key: Annotated[str, typer.Argument(help="Key of the record, as `list` shows it.")],
    rule: Annotated[list[str], typer.Option("--rule", help="A rule that the record may break; may be repeated.")],
    reason: Annotated[str, typer.Option("--reason", help="The decision or letter that allows it.")],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day of the waiver.")],
    unit: Unit = "",
    by: By = "",
) -> None:
    """Let a held record pass until a day although it breaks named rules, and promote it."""

    def let_pass(pipeline: Pipeline, console: Console) -> None:
        from lienthong.batches import LOCAL
        from lienthong.warehouse import held

        contract = pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            held.require_known(session, [contract], rule, [unit] if unit else [])
            source = unit or held.source_of(session, dataset, key)
        waiver, ledgers = pipeline.waive(
            dataset, source=source, record_key=key, rules=rule, reason=reason, by=actor(by),
            until=until.replace(tzinfo=LOCAL) + timedelta(days=1),
        )  # fmt: skip
        console.print(f"Waiver {waiver.waiver_id} until {until:%Y-%m-%d}.", highlight=False)
        _moved(console, ledgers)

    act(let_pass)


@app.command()
def revoke(waiver: Annotated[int, typer.Argument(help="Number of the waiver.")], by: By = "") -> None:
    """Take a waiver back: later versions of the record are held again, what was promoted stays."""

    def take_back(pipeline: Pipeline, console: Console) -> None:
        from lienthong.warehouse import waivers as kept

        with pipeline.warehouse.session() as session:
            found = kept.revoke(session, waiver, actor(by))
        console.print(f"Waiver {waiver} is taken back since {shown(found.revoked_at)}, by {found.revoked_by}.")

    act(take_back)


@app.command()
def waivers(
    dataset: Annotated[str, typer.Option("--dataset", help="Only waivers of this dataset.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that are over or taken back too.")] = False,
    as_json: Json = False,
) -> None:
    """List waivers: for which record and rules, why, by whom, until when."""

    def tell(pipeline: Pipeline, console: Console) -> None:
        from dataclasses import asdict

        from lienthong.warehouse import waivers as kept

        if dataset:
            pipeline.contract(dataset)
        with pipeline.warehouse.session() as session:
            found = [asdict(one) for one in kept.waivers(session, dataset or None, in_force=not everything)]
        if as_json:
            print_json(found)
            return
        columns = ("waiver_id", "dataset", "source", "record_key", "rules", "reason", "granted_by", "valid_until")
        print_rows(console, found, (*columns, "revoked_by") if everything else columns, "Nothing.")

    act(tell)


def redrive(
    dataset: Dataset,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only rows that break it; may be repeated.")] = None,
    unit: Annotated[list[str] | None, typer.Option("--unit", help="Only rows of it; may be repeated.")] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Only this record; may be repeated.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the ledger of transitions.")] = "",
    by: By = "",
) -> None:
    """Judge held rows again by the present rules, and promote those that pass."""

    def judge_again(pipeline: Pipeline, console: Console) -> None:
        _moved(
            console,
            pipeline.redrive_rows(
                dataset, rules=rule or (), sources=unit or (), keys=key or (), by=actor(by), reason=reason
            ),
        )

    act(judge_again)


def _moved(console: Console, ledgers: Sequence[Any]) -> None:
    rows = sum(ledger.extracted for ledger in ledgers)
    held = sum(ledger.quarantined for ledger in ledgers)
    if not rows:
        console.print("No held row matches; nothing was judged again.", highlight=False)
        return
    windows = ", ".join(sorted({ledger.window for ledger in ledgers}))
    console.print(
        f"{rows:,} rows judged again ({windows}): {rows - held:,} promoted, {held:,} still held,"
        f" {sum(ledger.enqueued for ledger in ledgers):,} to be published.",
        highlight=False,
    )


def _rows(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        console.print("Nothing is held.", highlight=False)
        return
    print_rows(
        console,
        rows,
        ("dataset", "source", "record_key", "state", "rules", "window_start", "line", "first_seen"),
        "Nothing.",
    )
    if len(rows) == SHOWN_AT_MOST:
        console.print(f"The {SHOWN_AT_MOST:,} that are held longest; ask for one unit or rule to see others.")
