"""Commands about models: `train`, `score`, `models`."""

from __future__ import annotations

from typing import Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, OneBrand, app, models
from mergehouse.cli.science_extra import with_science
from mergehouse.cli.serving import refresh_dashboards


@app.command(rich_help_panel="Science")
def train(
    project: Folder = HERE,
    env: Env = None,
    brand: OneBrand = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Judge the sequence model, too (extra `deep`, some minutes).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Judge models against simple rules at past cut-off dates; keep the best."""
    from mergehouse.cli import render, render_science

    loaded = with_science(project, env, brand)
    from mergehouse.science.training import train as train_models
    from mergehouse.science.training_result import as_json as as_json_training

    with render.steps("train", hidden=as_json) as step:
        result = train_models(loaded, brand, step, deep)
    if as_json:
        render.print_json(as_json_training(result))
    else:
        render_science.print_training(result)
    is_shown = refresh_dashboards(loaded, quiet=True)
    for leak in result.leaks:
        render.complain(
            f"{leak.brand}, {leak.method} at {leak.cutoff}: AUC {leak.metrics['auc']:.3f} is too good to be"
            " true; no model was kept. A feature knows the future: look at what changed in"
            " models/gold/customer_features.sql."
        )
    raise typer.Exit(1 if result.leaks or not is_shown else 0)


@app.command(rich_help_panel="Science")
def score(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Score every customer anew where features or models have changed."""
    from mergehouse.cli import render, render_science
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.pipeline.results import summary
    from mergehouse.pipeline.run import run
    from mergehouse.science.customer_scores import SCORES
    from mergehouse.science.features.dataset import expect_features

    loaded = with_science(project, env)
    expect_features(Lakehouse(loaded.lakehouse_location))
    with render.steps(hidden=as_json) as step:
        result = run(loaded, select=f"{SCORES}+", progress=step, load=False)
    is_shown = refresh_dashboards(loaded, quiet=True)
    if as_json:
        render.print_json(summary(result))
    else:
        render_science.print_scores(loaded, result)
    raise typer.Exit(1 if result.failed or not is_shown else 0)


@models.callback()
def list_models(
    context: typer.Context,
    project: Folder = HERE,
    env: Env = None,
    brand: OneBrand = None,
    as_json: Json = False,
) -> None:
    """List the models there are, and which one is in use."""
    if context.invoked_subcommand:
        return
    from mergehouse.cli import render, render_science

    loaded = with_science(project, env, brand)
    from mergehouse.science.registry.versions import as_json as as_json_version
    from mergehouse.science.registry.versions import versions

    found = versions(loaded, brand)
    if as_json:
        render.print_json([as_json_version(v) for v in found])
    else:
        render_science.print_models(found)


@models.command("promote")
def promote_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model, as `mergehouse models` lists it.")],
    version: Annotated[
        int, typer.Argument(metavar="VERSION", min=1, help="The version that scores shall come from.")
    ],
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason; it is kept with the decision.")
    ],
    project: Folder = HERE,
    env: Env = None,
) -> None:
    """Make a version the champion, whatever the backtest says."""
    loaded = with_science(project, env)
    from mergehouse.cli import render
    from mergehouse.science.registry.champion import promote_by_hand

    with render.steps("promote") as step:
        promote_by_hand(loaded, name, version, why, step)
    typer.echo(f"{name} version {version} is champion; the next scores come from it")
    raise typer.Exit(0 if refresh_dashboards(loaded, quiet=True) else 1)
