"""Commands that write what other platforms take, and deploy it: `platform`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, Note, Overwrite, platform


@platform.command()
def fabric(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the items.")] = Path("fabric"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Lose what was edited in DIR.")] = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write the items of a workspace in Microsoft Fabric."""
    from mergehouse.cli import render, render_platform
    from mergehouse.platform.fabric.items import project_items
    from mergehouse.platform.generated_folder import write_generated
    from mergehouse.project.config import load_project

    items = project_items(load_project(project))
    done = write_generated(folder, items.texts, overwrite)
    if as_json:
        render.print_json({"environments": items.environments, "notes": items.notes, **vars(done)})
    else:
        render_platform.print_items(items, done)


@platform.command()
def deploy(
    workspace: Annotated[
        str, typer.Option("--workspace", metavar="NAME|ID", help="The workspace in Fabric.")
    ],
    env: Annotated[
        str,
        typer.Option(
            "--env", envvar="MERGEHOUSE_ENV", metavar="NAME", help="Whose values of parameter.yml are put in."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `platform fabric` wrote.")] = Path(
        "fabric"
    ),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    remove_orphans: Annotated[
        bool,
        typer.Option("--remove-orphans", help="Remove what mergehouse once published and is not in DIR."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Undo what somebody edited in the workspace.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Deploy these items into a workspace, with fabric-cicd."""
    from mergehouse.cli import render, render_platform
    from mergehouse.platform.fabric.deploy import deploy as deploy_items

    with render.steps("deploy", hidden=as_json) as step:
        done = deploy_items(
            folder, workspace, env, dry_run=dry_run, remove_orphans=remove_orphans,
            overwrite=overwrite, progress=step,
        )  # fmt: skip
    if as_json:
        render.print_json(done)
    else:
        render_platform.print_deployment(done)
    raise typer.Exit(1 if done.failed else 0)


@platform.command("deploy-stage")
def deploy_stage(
    source: Annotated[str, typer.Argument(metavar="FROM", help="An environment that has a stage.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The one of the next stage.")],
    note: Note = "",
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Deploy a stage of Fabric's deployment pipeline to the next."""
    from mergehouse.cli import render, render_platform
    from mergehouse.platform.fabric.deployment_pipeline import StageNotDeployed
    from mergehouse.platform.fabric.deployment_pipeline import deploy_stage as deploy_items
    from mergehouse.project.config import load_project

    config, failure = load_project(project).config, None
    with render.steps("deploy", hidden=as_json) as step:
        try:
            done = deploy_items(config.fabric, source, target, note, step)
        except StageNotDeployed as error:
            done, failure = error.deployment, error
    if as_json:
        render.print_json(
            {"operation": done.operation, "items": done.steps, "failure": failure and str(failure)}
        )
    else:
        render_platform.print_stage(done)
    if failure:
        raise failure


@platform.command()
def shortcuts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the request bodies.")] = Path(
        "shortcuts"
    ),
    connection: Annotated[
        str | None, typer.Option(metavar="ID", help="A cloud connection in Fabric; not within OneLake.")
    ] = None,
    project: Folder = HERE,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Write OneLake shortcuts to the Gold tables, one a table."""
    import mergehouse
    from mergehouse.cli import render
    from mergehouse.platform.fabric.shortcuts import write_shortcuts
    from mergehouse.release.export.export import released_contracts

    lakehouse = mergehouse.open(project, env)
    files = write_shortcuts(folder, lakehouse.location, released_contracts(lakehouse), connection)
    if as_json:
        render.print_json({"folder": folder, "files": files})
        return
    for file in files:
        typer.echo(file)


@platform.command()
def sharing(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the file.")] = Path("sharing"),
    project: Folder = HERE,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Write the configuration of a Delta Sharing server."""
    from mergehouse.cli import render
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.platform.delta_sharing import FILE, sharing_config
    from mergehouse.project.config import load_project
    from mergehouse.release.export.export import released_contracts
    from mergehouse.storage import write_folder

    loaded = load_project(project, env)
    location = loaded.lakehouse_location
    text, left_out = sharing_config(loaded.config.name, location, released_contracts(Lakehouse(location)))
    files = write_folder(folder, {FILE: text})
    if as_json:
        render.print_json({"folder": folder, "files": files, "left_out": left_out})
        return
    for file in files:
        typer.echo(file)
    for table in left_out:
        typer.echo(f"not shared: {table}, it has a personal column")


@platform.command()
def databricks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the bundle.")] = Path(
        "databricks"
    ),
    overwrite: Overwrite = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write a Databricks bundle: jobs, catalog, dashboard, notebooks."""
    from mergehouse.cli import render_platform
    from mergehouse.platform.databricks.bundle import write_bundle
    from mergehouse.project.config import load_project

    render_platform.print_written(*write_bundle(folder, load_project(project), overwrite), as_json)


@platform.command()
def contracts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.")] = Path(
        "contracts"
    ),
    overwrite: Overwrite = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write contracts and KPIs in open formats."""
    from mergehouse.cli import render_platform
    from mergehouse.platform.generated_folder import write_generated
    from mergehouse.platform.open_formats import open_formats
    from mergehouse.project.config import load_project

    files, said = open_formats(load_project(project))
    render_platform.print_written(write_generated(folder, files, overwrite), said, as_json)


@platform.command()
def pipelines(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The top of the repository.")] = HERE,
    overwrite: Overwrite = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write pipelines of GitHub and Azure DevOps that deploy both."""
    from mergehouse.cli import render_platform
    from mergehouse.platform.databricks.bundle import targets_of
    from mergehouse.platform.generated_folder import write_generated
    from mergehouse.platform.pipelines import deployment_pipelines
    from mergehouse.project.config import load_project

    targets, said = targets_of(load_project(project))
    files = deployment_pipelines([target.name for target in targets])
    render_platform.print_written(write_generated(folder, files, overwrite), said, as_json)
