"""Commands that take a release from environment to environment: `promote`, `promotions`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from mergehouse.cli.options import HERE, ApprovedBy, Env, Folder, Json, Note, OtherVersion, app, promotions


@app.command(rich_help_panel="Release")
def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="An environment, such as dev.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The one after it, such as test.")],
    approved_by: ApprovedBy = "",
    note: Note = "",
    version: OtherVersion = None,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take a release into the next environment, through gates."""
    from mergehouse.cli import render
    from mergehouse.errors import ConfigError
    from mergehouse.platform.fabric.deployment_pipeline import from_environment
    from mergehouse.release.promote.promotion import promote as promote_release

    if source == target:
        raise ConfigError(
            f"promote: FROM and TO are both `{source}`; expected an environment and the one after it."
        )
    with render.steps("promote", hidden=as_json) as step:
        done = promote_release(project, source, target, approved_by, note, version, step, from_environment)
    _print_promotion(done, as_json)


@promotions.callback()
def list_promotions(
    context: typer.Context, project: Folder = HERE, env: Env = None, as_json: Json = False
) -> None:
    """List every attempt to promote into an environment: who, when, what, refused by which gate."""
    import mergehouse
    from mergehouse.cli import render, render_release
    from mergehouse.release.promote.audit_trail import promotions as audit_trail

    if context.invoked_subcommand:
        return
    trail = audit_trail(mergehouse.open(project, env))
    if as_json:
        render.print_json([row | {"gates": json.loads(row["gates"])} for row in trail])
    else:
        render_release.print_promotions(trail)


@promotions.command("rollback")
def roll_back_promotion(
    target: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Such as prod.")],
    approved_by: ApprovedBy = "",
    note: Note = "",
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take an environment back to the release before."""
    from mergehouse.cli import render
    from mergehouse.release.promote.promotion import rollback as roll_back

    with render.steps("rollback", hidden=as_json) as step:
        done = roll_back(project, target, approved_by, note, step)
    _print_promotion(done, as_json)


def _print_promotion(done: Any, as_json: bool) -> None:
    from mergehouse.cli import render, render_release

    if as_json:
        render.print_json(done.as_json())
    else:
        render_release.print_promotion(done)
    raise typer.Exit(0 if done.accepted else 1)
