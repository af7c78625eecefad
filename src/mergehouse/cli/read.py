"""Commands that read the lakehouse: `query`, `kpi`, `report`, `profile`, `docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, app
from mergehouse.errors import MergehouseError


@app.command(rich_help_panel="Read")
def query(
    sql: Annotated[
        str,
        typer.Argument(
            metavar="SQL", help='In DuckDB\'s dialect: "FROM gold.sales_daily"; "SHOW TABLES" lists tables.'
        ),
    ],
    project: Folder = HERE,
    env: Env = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="table (the first 50 rows), csv, json or parquet. Default: what the ending of --to says,"
            " else table.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write to a file; needed for parquet.")
    ] = None,
) -> None:
    """Run one SELECT over all tables of the lakehouse."""
    import mergehouse
    from mergehouse.lakehouse.query import run_query

    text = run_query(mergehouse.open(project, env), sql, output, to)
    typer.echo(text, nl=not text.endswith("\n"))


@app.command(rich_help_panel="Read")
def kpi(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Print every KPI for the group and each brand."""
    import mergehouse
    from mergehouse.cli import render
    from mergehouse.kpi.catalogue import as_json_values, compute
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    values = compute(mergehouse.open(project, env))
    if not values:
        raise _nothing_yet(project)
    if as_json:
        render.print_json(as_json_values(values))
    else:
        render.print_kpis(values, loaded.labels)


@app.command(rich_help_panel="Read")
def report(project: Folder = HERE, env: Env = None) -> None:
    """Write the quality report, one self-contained HTML page."""
    from mergehouse.project.config import load_project
    from mergehouse.quality.report import write_report

    typer.echo(write_report(load_project(project, env)))


@app.command(rich_help_panel="Read")
def profile(
    project: Folder = HERE,
    env: Env = None,
    layer: Annotated[
        str | None, typer.Option(metavar="LAYER", help="Only this one: bronze, silver or gold.")
    ] = None,
    brand: Annotated[str | None, typer.Option(metavar="NAME", help="Only this brand.")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Write the pages here instead of into the lakehouse."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw what is in the tables, when brands sell, who comes back."""
    from mergehouse.cli import render
    from mergehouse.profile.pages import as_json as as_json_figures
    from mergehouse.profile.pages import write_pages
    from mergehouse.profile.profiling import profile as profile_tables
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    with render.steps("profile", hidden=as_json) as step:
        found = profile_tables(loaded, layer, brand, step)
    pages = write_pages(loaded, found, to)
    if as_json:
        render.print_json({"pages": pages} | as_json_figures(found))
        return
    for page in pages:
        typer.echo(page)


@app.command(rich_help_panel="Read")
def docs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the pages.")] = Path("docs"),
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Write the data dictionary, the KPI catalogue and the reference pages."""
    from mergehouse.cli.reference_docs import write_pages
    from mergehouse.project.config import load_project

    for page in write_pages(folder, load_project(project, env)):
        typer.echo(page)


def _nothing_yet(project: Path) -> MergehouseError:
    return MergehouseError(
        f"nothing is published yet in {project}; `mergehouse run -C {project}` builds the tables."
    )
