"""Commands about customers whom brands share: `identity`, `identity train`, `identity review`."""

from __future__ import annotations

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, identity


@identity.callback()
def show_overlap(
    context: typer.Context, project: Folder = HERE, env: Env = None, as_json: Json = False
) -> None:
    """Say how many customers brands share, and how that is known."""
    if context.invoked_subcommand:
        return
    from mergehouse.cli import render, render_identity
    from mergehouse.identity.overlap import overlap
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    found = overlap(loaded, Lakehouse(loaded.lakehouse_location))
    if as_json:
        render.print_json(vars(found) | {"model": str(found.model) if found.model else None})
    else:
        render_identity.print_overlap(found, loaded.labels)


@identity.command("train")
def train_model(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Learn how much agreement in each attribute says, from the customers alone."""
    from mergehouse.cli import render
    from mergehouse.errors import MergehouseError
    from mergehouse.identity.extra import lacking_packages
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    if lacks := lacking_packages():
        raise MergehouseError(f"{lacks}.")
    from mergehouse.identity.unification import train_anew

    with render.steps("identity", hidden=as_json) as step:
        file, model = train_anew(loaded, step)
    if as_json:
        told = {"model": str(file), "attributes": model.attributes, "customers": model.customers}
        render.print_json(told)
        return
    customers = ", ".join(f"{count:,} of {loaded.labels[name]}" for name, count in model.customers.items())
    typer.echo(f"{file}: learned from {customers} by {', '.join(model.attributes)}.")
    typer.echo("`mergehouse run` links customers by it.")


@identity.command("review")
def review_pairs(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Look at pairs that may be one person, and say same, different or later."""
    import datetime as dt
    import getpass

    from mergehouse.cli import render, render_identity
    from mergehouse.identity.review import decide, waiting
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    pairs = waiting(loaded, Lakehouse(loaded.lakehouse_location))
    if as_json:  # what brands tell of people stays where it is
        shown = ("pair", "score", "reason", "evidence")
        render.print_json([{name: getattr(pair, name) for name in shown} for pair in pairs])
        return
    decided = 0
    for number, pair in enumerate(pairs, start=1):
        render_identity.print_pair(pair, f"{number:,} of {len(pairs):,}", loaded.labels)
        answer = render_identity.asked()
        if answer == "quit":
            break
        if answer != "later":
            why = typer.prompt("Why", default="", show_default=False)
            decide(loaded, pair.pair, answer, getpass.getuser(), dt.datetime.now(dt.UTC), why)
            decided += 1
    typer.echo(f"{decided:,} decided, {len(pairs) - decided:,} wait.")
    if decided:
        typer.echo("`mergehouse run` follows the decisions.")
