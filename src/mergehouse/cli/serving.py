"""Brings dashboards up to what a command has published; every command that publishes ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mergehouse.project.config import Project


def refresh_dashboards(project: Project, quiet: bool) -> bool:
    """Writes what everybody may see, for `mergehouse serve`; False where that failed. A project without
    access.yml has no dashboards, one without Gold none yet; where nobody may sign in, it is left to `serve`.
    """
    from mergehouse.access.people import FILE as PEOPLE
    from mergehouse.access.policy import FILE

    if not (project.folder / FILE).exists():
        return True
    if not (project.folder / PEOPLE).exists():
        if not quiet:
            typer.echo("Pages    nobody may sign in yet: `mergehouse users add`, then `mergehouse serve`")
        return True
    # here: most runs have nothing to write, and need none of it
    from mergehouse.access.audience import refresh_extracts
    from mergehouse.access.extract import NothingPublished
    from mergehouse.cli import render
    from mergehouse.errors import MergehouseError

    try:
        with render.steps(hidden=quiet) as step:
            policy = refresh_extracts(project, step)
    except NothingPublished:
        if not quiet:
            typer.echo("Pages    none yet: they are made of Gold")
        return True
    except MergehouseError as error:
        render.complain(f"Dashboards show what they showed before: {error}")
        return False
    if not quiet:
        typer.echo(
            f"Pages    for {len(policy.roles)} roles: `mergehouse serve -C {project.folder}` opens them"
        )
    return True
