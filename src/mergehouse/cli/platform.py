"""Commands that write definitions for platforms: `releases fabric`, `platform`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, platform, releases

if TYPE_CHECKING:
    from mergehouse.platform.powerbi.folder import Written


@releases.command(rich_help_panel="Commands")
def fabric(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the items.")] = Path("fabric"),
) -> None:
    """Write the notebook and pipeline that ingest on Fabric."""
    from mergehouse.platform.fabric.items import write_items

    for file in write_items(folder):
        typer.echo(file)


@platform.command(rich_help_panel="Commands")
def shortcuts(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the request bodies.")] = Path(
        "shortcuts"
    ),
    connection: Annotated[
        str | None, typer.Option(metavar="ID", help="A cloud connection in Fabric; not within OneLake.")
    ] = None,
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write OneLake shortcuts to the Gold tables, one a table."""
    import mergehouse
    from mergehouse.platform.fabric.shortcuts import write_shortcuts
    from mergehouse.release.export.export import released_contracts

    lakehouse = mergehouse.open(project, env)
    for file in write_shortcuts(folder, lakehouse.location, released_contracts(lakehouse), connection):
        typer.echo(file)


@platform.command(rich_help_panel="Commands")
def sharing(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the file.")] = Path("sharing"),
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write the configuration of a Delta Sharing server."""
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.platform.delta_sharing import FILE, sharing_config
    from mergehouse.project.config import load_project
    from mergehouse.release.export.export import released_contracts
    from mergehouse.storage import write_folder

    loaded = load_project(project, env)
    location = loaded.lakehouse_location
    text, left_out = sharing_config(loaded.config.name, location, released_contracts(Lakehouse(location)))
    for file in write_folder(folder, {FILE: text}):
        typer.echo(file)
    for table in left_out:
        typer.echo(f"not shared: {table}, it has a personal column")


OVERWRITE = Annotated[
    bool, typer.Option("--overwrite", help="Take the place of files that were edited since.")
]


@platform.command(rich_help_panel="Commands")
def databricks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the bundle.")] = Path(
        "databricks"
    ),
    overwrite: OVERWRITE = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write a Databricks bundle: jobs, Unity Catalog, metric views, dashboard, notebooks."""
    from mergehouse.platform.databricks.bundle import write_bundle
    from mergehouse.project.config import load_project

    written, said = write_bundle(folder, load_project(project), overwrite)
    _print_written(written, said, as_json)


def _print_written(written: Written, said: list[str], as_json: bool) -> None:
    if as_json:
        from mergehouse.cli import render

        render.print_json({**vars(written), "said": said})
        return
    typer.echo(
        f"{written.folder}: {len(written.written)} files written, {len(written.unchanged)} unchanged,"
        f" {len(written.removed)} removed"
    )
    for line in said:
        typer.echo(line)
