"""Commands about releases: `release`, `releases`, `verify`, `ingest`, `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import HERE, At, Carried, Digest, Env, Folder, Json, OtherVersion, app, releases


@app.command(rich_help_panel="Release")
def release(
    project: Folder = HERE,
    env: Env = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="X.Y.Z", help="Instead of the version that the changes ask for."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PATH|URL", help="Where to, instead of into the lakehouse.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Export the Gold tables with a manifest, to be carried."""
    from mergehouse.cli import render, render_release
    from mergehouse.project.config import load_project
    from mergehouse.release.export.export import release as make_release

    loaded = load_project(project, env)
    with render.steps("release", hidden=as_json) as step:
        made = make_release(loaded, version, to, step)
    if as_json:
        place = {"root": made.root, "is_new": made.is_new, "manifest_sha256": made.manifest_sha256}
        render.print_json(place | {"manifest": made.manifest})
    else:
        render_release.print_release(made)


@releases.callback()
def list_releases(
    context: typer.Context, project: Folder = HERE, env: Env = None, at: At = None, as_json: Json = False
) -> None:
    """List the releases there are, which is current, and more."""
    from mergehouse.cli import render, render_release
    from mergehouse.release.export.export import releases_root
    from mergehouse.release.store import Shelf

    if context.invoked_subcommand:
        return
    found = Shelf(releases_root(project, env, at)).list()
    if as_json:
        render.print_json(found)
    else:
        render_release.print_releases(found)


@releases.command()
def rollback(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    project: Folder = HERE,
    env: Env = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Make a release the current one again."""
    from mergehouse.cli import render
    from mergehouse.release.export.export import releases_root
    from mergehouse.release.manifest.version import Version
    from mergehouse.release.store import Shelf

    shelf, chosen = Shelf(releases_root(project, env, at)), Version.parse(version)
    before = shelf.current()
    shelf.point_at(chosen)
    if as_json:
        previous = str(before) if before else None
        render.print_json({"root": shelf.root, "current": str(chosen), "previous": previous})
        return
    typer.echo(f"{shelf.root}: current is {chosen}" + (f", it was {before}" if before else ""))


@releases.command()
def copy(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A release that is there.")],
    to: Annotated[
        str, typer.Option("--to", metavar="PATH|URL", help="Where to put it; it is current there.")
    ],
    project: Folder = HERE,
    env: Env = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Copy one release to another place, byte for byte."""
    from mergehouse.cli import render
    from mergehouse.release.export.export import releases_root
    from mergehouse.release.manifest.version import Version
    from mergehouse.release.store import Shelf, copy_release

    source, target = (Shelf(releases_root(project, env, place)) for place in (at, to))
    chosen = Version.parse(version)
    seal = copy_release(source, chosen, target)
    if as_json:
        render.print_json({"root": target.root, "version": str(chosen), "manifest_sha256": seal})
    else:
        typer.echo(f"{to}: release {chosen}, manifest {seal}")


@app.command(rich_help_panel="Release")
def verify(
    root: Carried,
    version: OtherVersion = None,
    digest: Digest = None,
    as_json: Json = False,
) -> None:
    """Verify a release that was carried: every file and figure."""
    from mergehouse.cli import render, render_release
    from mergehouse.release.verify import verify as verify_release

    with render.steps("verify", hidden=as_json) as step:
        found = verify_release(root, version, digest, step)
    if as_json:
        render.print_json(found.as_json())
    else:
        render_release.print_verification(found)
    raise typer.Exit(0 if found.passed else 1)


@app.command(rich_help_panel="Release")
def ingest(
    root: Carried,
    lakehouse: Annotated[
        str, typer.Option("--lakehouse", metavar="DIR|URL", help="Tables go to Tables/gold/ below it.")
    ],
    version: OtherVersion = None,
    digest: Digest = None,
    as_json: Json = False,
) -> None:
    """Bring a verified release into the Delta tables of a lakehouse."""
    from mergehouse.cli import render, render_release
    from mergehouse.release.load import ingest as ingest_release

    with render.steps("ingest", hidden=as_json) as step:
        result = ingest_release(root, lakehouse, version, digest, step)
    if as_json:
        render.print_json(result.as_json())
    else:
        render_release.print_ingestion(result)
    raise typer.Exit(1 if result.failed else 0)


@app.command(rich_help_panel="Release")
def compare(
    left: Annotated[str, typer.Argument(metavar="LAKEHOUSE_A", help="A path or URL.")],
    right: Annotated[
        str, typer.Argument(metavar="LAKEHOUSE_B", help="Another; a release may have come into it.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Write the report here: a page and JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether two lakehouses hold the same: rows, KPIs, scores."""
    from mergehouse.cli import render, render_release
    from mergehouse.release.compare.compare import compare as compare_lakehouses
    from mergehouse.release.compare.page import write_comparison

    with render.steps("compare", hidden=as_json) as step:
        result = compare_lakehouses(left, right, step)
    pages = write_comparison(result, to) if to else []
    if as_json:
        render.print_json(result.as_json())
    else:
        render_release.print_comparison(result, pages)
    raise typer.Exit(0 if result.aligned else 1)
