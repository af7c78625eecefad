"""Commands that build tables and look after them: `run`, `check`, `rates`, `maintain`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, app, rates

if TYPE_CHECKING:
    from mergehouse.operations.maintenance import Maintained
    from mergehouse.pipeline.results import RunResult
    from mergehouse.project.config import Project
    from mergehouse.project.ecb_rates import Edition


@app.command(rich_help_panel="Build")
def run(
    project: Folder = HERE,
    env: Env = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="TABLES", help="Only these: silver.sales_clean+, +gold.sales_daily, gold."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="LAYER", help="Stop after bronze, silver or gold.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Rebuild every table from Bronze, stale or not.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run that is at work.")] = False,
    from_raw: Annotated[
        bool,
        typer.Option(
            "--from-raw", help="With --full: load again what Bronze has lost, and go on without what is gone."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Load what was delivered and rebuild what is stale, up to Gold."""
    from mergehouse.cli import render
    from mergehouse.cli.serving import refresh_dashboards
    from mergehouse.errors import ConfigError
    from mergehouse.pipeline.results import summary
    from mergehouse.pipeline.run import run as run_pipeline
    from mergehouse.project.config import load_project
    from mergehouse.quality.report import REPORT, write_report
    from mergehouse.science.customer_scores import SCORES, can_be_made, trains_first
    from mergehouse.science.extra import lacking_packages

    if from_raw and not full:
        raise ConfigError("--from-raw: expected `mergehouse run --full --from-raw`, of all tables.")
    loaded = load_project(project, env)
    # whoever watches sees the figures before models are trained, which takes longer than all the rest
    later = {SCORES} if not (as_json or select or until) and trains_first(loaded) else set()
    with render.steps(hidden=as_json) as step:
        result = run_pipeline(loaded, select, until, full, step, wait=wait, from_raw=from_raw, later=later)
    began = time.perf_counter()
    report = write_report(loaded, result.kpis) if result.changed else f"{loaded.lakehouse_location}/{REPORT}"
    if as_json:
        is_shown = refresh_dashboards(loaded, quiet=True)
        places = {"lakehouse": loaded.lakehouse_location, "report": report, "dashboards_current": is_shown}
        render.print_json(summary(result) | places)
        raise typer.Exit(1 if result.failed or not is_shown else 0)
    render.print_run(loaded, result, report, time.perf_counter() - began)
    if loaded.config.science.tables and (lacking := lacking_packages()):
        typer.echo(f"Scores   not made: {lacking} (or set `science: false`)")
    is_scored = not (later and can_be_made(loaded)) or _train_and_score(loaded, result)
    is_shown = refresh_dashboards(loaded, quiet=False)
    raise typer.Exit(1 if result.failed or not is_scored or not is_shown else 0)


def _train_and_score(project: Project, so_far: RunResult) -> bool:
    """Makes the scores that a run left for later, and says so; False where they failed."""
    from mergehouse.cli import render, render_science
    from mergehouse.pipeline.run import run as run_pipeline
    from mergehouse.quality.report import write_report
    from mergehouse.science.customer_scores import SCORES

    typer.echo(
        "\nNext are models of brands that have none, and scores of all customers. The figures above stand:"
        "\nCtrl-C leaves the rest to the next run, `science: {train: false}` leaves models to `mergehouse"
        " train`.\n"
    )
    with render.steps() as step:
        result = run_pipeline(project, f"{SCORES}+", progress=step, load=False, wait=True)
    if result.changed:
        write_report(project, result.kpis)
    render_science.print_scores(project, result, [check for check in so_far.checks if not check.passed])
    typer.echo(render.times(result.stages))
    return not result.failed


@app.command(rich_help_panel="Build")
def check(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Check every published table against its contract, building nothing."""
    from mergehouse.cli import render
    from mergehouse.pipeline.run import check as check_pipeline
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    with render.steps("check", hidden=as_json) as step:
        results = check_pipeline(loaded, progress=step)
    failed = [c for c in results if not c.passed]
    if as_json:
        render.print_json([vars(c) | {"passed": c.passed} for c in results])
    else:
        typer.echo(f"{len(results):,} checks, {len(results) - len(failed):,} passed")
        render.print_findings(failed, loaded.labels)
    raise typer.Exit(1 if any(c.stops_publication for c in results) else 0)


@rates.callback()
def rates_there_are(
    context: typer.Context, project: Folder = HERE, env: Env = None, as_json: Json = False
) -> None:
    """Say how new the euro rates are, or update them."""
    if context.invoked_subcommand:
        return
    from mergehouse.project.config import load_project
    from mergehouse.project.ecb_rates import edition

    _print_edition(edition(load_project(project, env)), as_json)


@rates.command("update")
def update_rates(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ADDRESS|PATH",
            help="The ECB's file of all rates, if not that of mergehouse.yml.",
        ),
    ] = None,
    project: Folder = HERE,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Fetch the European Central Bank's rates into the project."""
    from mergehouse.project.config import load_project
    from mergehouse.project.ecb_rates import update
    from mergehouse.storage import is_url

    place = source if source is None or is_url(source) else str(Path(source).resolve())
    _print_edition(update(load_project(project, env), place), as_json)


def _print_edition(edition: Edition, as_json: bool) -> None:
    from mergehouse.cli import render

    if as_json:
        render.print_json({"file": str(edition.file), "last_day": str(edition.last_day)})
    else:
        typer.echo(f"Euro rates up to {edition.last_day}, in {edition.file}")


@app.command(rich_help_panel="Build")
def maintain(
    project: Folder = HERE,
    env: Env = None,
    keep_hours: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=876_000,  # a hundred years, as of `retention.hours`
            help="Keep what the last N hours of versions name. Default: `retention.hours`.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Allow less than a week: nothing may be reading.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compact the tables, remove files out of use, shorten the logs."""
    import mergehouse
    from mergehouse.cli import render
    from mergehouse.cli.serving import refresh_dashboards
    from mergehouse.lakehouse.lock import exclusive
    from mergehouse.operations.maintenance import maintain as maintain_tables

    loaded = mergehouse.project(project, env)
    lakehouse = mergehouse.open(loaded)
    if keep_hours is None:
        keep_hours, force = loaded.config.retention.hours, True
    with (
        render.steps("table", hidden=as_json) as step,
        exclusive(lakehouse, "maintain", wait=True, progress=step),
    ):
        done = maintain_tables(lakehouse, keep_hours, force, step)
    is_shown = refresh_dashboards(loaded, quiet=True)
    if as_json:
        render.print_json(done)
    else:
        _print_maintained(done, keep_hours)
    raise typer.Exit(0 if is_shown else 1)


def _print_maintained(done: list[Maintained], keep_hours: int) -> None:
    for m in (m for m in done if m.removed or m.files_before != m.files_after):
        typer.echo(
            f"{m.table:<28} {m.files_before:>6,} files -> {m.files_after:,}; {m.removed:,} old files removed"
        )
    freed = sum(m.removed_bytes for m in done)
    typer.echo(
        f"{len(done)} tables looked after, {freed / 2**20:,.1f} MB freed; time travel reaches back"
        f" {keep_hours} hours"
    )
