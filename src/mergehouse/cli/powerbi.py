"""`powerbi`: the semantic model and the report as a project that Power BI Desktop opens, and a preview."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import HERE, At, Env, Folder, Json, Overwrite, powerbi

MODES = "import|direct-lake|directquery"


@powerbi.command()
def write(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the project.")] = Path(
        "powerbi"
    ),
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            metavar=MODES,
            help="Over a release's files, a lakehouse in Fabric, or Databricks SQL, with Bronze.",
        ),
    ] = "import",
    at: At = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write a Power BI project: semantic model and report. `mergehouse powerbi OUT` is the same."""
    from mergehouse.cli import render, render_platform
    from mergehouse.platform.powerbi.write import write_project
    from mergehouse.project.config import load_project

    made = write_project(load_project(project, env), folder, mode, overwrite, at)
    if as_json:
        render.print_json(made)
        return
    typer.echo(
        f"{made.project}: {made.tables} tables, {made.measures} measures, {made.roles} roles; {made.mode}"
    )
    typer.echo(render_platform.counted(made.files))
    for note in made.notes:
        typer.echo(note)


@powerbi.command()
def preview(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write page and pictures.")] = Path(
        "powerbi-preview"
    ),
    as_json: Json = False,
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Draw the report's pages with figures from Gold, for who has no Power BI."""
    from mergehouse.cli import render
    from mergehouse.platform.powerbi.preview.write import write_preview
    from mergehouse.project.config import load_project

    made = write_preview(load_project(project, env), folder)
    if as_json:
        render.print_json(made)
        return
    for file in (made.page, *made.pictures):
        typer.echo(file)
    for note in made.notes:
        typer.echo(note)
