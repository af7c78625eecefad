"""Commands about products: `products suggest`, `products accept`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, products

FILE = "product_suggestions.csv"
ReviewFile = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help=f"The file of suggestions. Default: {FILE} in the project."),
]


@products.command()
def suggest(file: ReviewFile = None, project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Suggest categories for unmapped products, and products of two brands that are one item."""
    from dataclasses import asdict

    import mergehouse
    from mergehouse.cli import render
    from mergehouse.errors import MergehouseError
    from mergehouse.science.extra import lacking_packages

    if lacking := lacking_packages():
        raise MergehouseError(f"{lacking}.")
    from mergehouse.identity.product_suggestions import suggestions, write_suggestions

    file = file or project / FILE
    found = suggestions(mergehouse.open(project, env))
    write_suggestions(found, file)
    if as_json:
        skill = asdict(found.skill) if found.skill else None
        told = {
            "file": str(file),
            "unmapped": found.unmapped,
            "nameless": found.nameless,
            "fault": found.fault,
        }
        render.print_json(told | {"skill": skill, "suggestions": found.rows.to_dicts()})
        return
    from mergehouse.cli.render_products import print_suggestions

    print_suggestions(found, file)


@products.command()
def accept(file: ReviewFile = None, project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Add the suggestions marked `yes` to the brands' mapping files."""
    from mergehouse.cli import render
    from mergehouse.identity.product_suggestions import accept_suggestions
    from mergehouse.project.config import load_project

    file = file or project / FILE
    done = accept_suggestions(load_project(project, env), file)
    if as_json:
        written = {str(target): rows for target, rows in done.written.items()}
        render.print_json({"written": written, "known": done.known, "left": done.left})
        return
    for target, rows in done.written.items():
        typer.echo(f"{target}: {rows:,} added")
    typer.echo(f"{done.known:,} were there already, {done.left:,} not marked.")
    if done.written:
        typer.echo("`mergehouse run` takes them in.")
