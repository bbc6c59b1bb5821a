"""``lienthong docs``: pages of the documentation that are made from what runs."""

from __future__ import annotations

import typer

app = typer.Typer(help="Pages of the documentation that are made from what runs.", no_args_is_help=True)


@app.command()
def pipelines() -> None:
    """Write docs/pipelines.md from contracts, endpoints and DAGs."""
    from lienthong.commands import pipelines as page
    from lienthong.settings import Settings

    home = Settings.from_env().home
    (home / page.PATH).write_text(page.render(home), encoding="utf-8")
    typer.echo(page.PATH)
