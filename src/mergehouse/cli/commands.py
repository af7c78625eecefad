"""Every command, registered in the order in which `mergehouse --help` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from mergehouse.cli import start, build, read, dashboards, identity, products, science  # noqa: F401, I001 isort: skip
from mergehouse.cli import release, promote, platform, powerbi, help  # noqa: F401, I001 isort: skip
from mergehouse.cli.options import app


def _print_version(wanted: bool) -> None:
    if wanted:
        from mergehouse import __version__

        typer.echo(f"mergehouse {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
