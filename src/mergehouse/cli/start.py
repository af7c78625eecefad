"""Commands that begin a project: `init`, `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import Json, app


@app.command(rich_help_panel="Start")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the project.")],
    raw: Annotated[
        str | None, typer.Option(metavar="PATH|URL", help="Use the exports found here instead of raw/.")
    ] = None,
) -> None:
    """Write a project with two worked brands."""
    from mergehouse.cli.scaffold import write_project

    for line in write_project(folder, raw):
        typer.echo(line)
    typer.echo(f"Next: put exports under {folder}/raw, then `mergehouse run -C {folder}`")


@app.command(rich_help_panel="Start")
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A project folder.")],
    lines: Annotated[str, typer.Option(metavar="N", help="Order lines to generate: 200k, 10M.")] = "200k",
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="Same seed, same bytes.")
    ] = 2026,
    as_json: Json = False,
) -> None:
    """Generate exports with known truth to try it on."""
    from mergehouse.cli import render
    from mergehouse.cli.scaffold import line_count
    from mergehouse.demo import generate

    total = line_count(lines)
    with render.progress("Generating", total) as advance:
        truth = generate(folder, total, seed, advance)
    if as_json:
        render.print_json(truth)
        return
    typer.echo(
        f"{total:,} order lines written under {folder / 'raw'}; what is true about them is in"
        f" {folder / 'truth.json'}"
    )
