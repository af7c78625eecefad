"""Commands about the web suite: `serve`, and `users` of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, app, users
from mergehouse.errors import MergehouseError

if TYPE_CHECKING:
    from mergehouse.access.people import People

TOKEN_DAYS = 90
UserName = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]
Roles = Annotated[
    list[str], typer.Option("--role", metavar="ROLE", help="A role of access.yml; may be repeated.")
]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of input.")
]


@app.command(rich_help_panel="Dashboards")
def serve(
    project: Folder = HERE,
    env: Env = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", help="On which port.")] = 8800,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes that answer.")] = 1,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="A name by which browsers reach it; may be repeated."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", metavar="ADDRESS", help="A proxy whose X-Forwarded headers are believed."),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option("--prefix", metavar="PATH", help="The path under which a proxy offers it, such as /bi."),
    ] = "",
    release: Annotated[
        str | None,
        typer.Option(
            "--release", metavar="PATH|URL", help="Show the current release there, instead of the lakehouse."
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    allow_root: Annotated[bool, typer.Option("--allow-root", help="Serve even as root.")] = False,
) -> None:
    """Serve the dashboards to browsers."""
    _expect_extra()
    from mergehouse.app.serve import Service, expect_servable
    from mergehouse.app.serve import serve as serve_suite
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    names = tuple(each.lower() for each in name or ())
    service = Service(
        loaded.folder, env, host, port, workers, names, tuple(proxy or ()), prefix.rstrip("/"), release
    )
    expect_servable(service, loaded, allow_root)
    serve_suite(service, open_browser, lambda at: typer.echo(f"The dashboards are at {at} (Ctrl-C ends it)."))


@app.command(rich_help_panel="Dashboards")
def mcp(
    project: Folder = HERE,
    env: Env = None,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Who asks; without, whose MERGEHOUSE_TOKEN it is."),
    ] = None,
) -> None:
    """Answer an assistant's questions about the figures, by the Model Context Protocol."""
    import os

    _expect_extra("mcp")
    from mergehouse.access.people import People
    from mergehouse.app.api.assistant import serve_assistant
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    people, given = People(loaded.folder), os.environ.get("MERGEHOUSE_TOKEN")
    if user is None and given is None:
        raise MergehouseError("mcp: say who asks: `--user NAME`, or a token of theirs in MERGEHOUSE_TOKEN.")
    serve_assistant(loaded, lambda: people.named(user) if user else people.of_token(given or ""))


@users.command()
def add(
    name: UserName,
    role: Roles,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="The name that pages show.")] = "",
    password_stdin: Stdin = False,
    project: Folder = HERE,
) -> None:
    """Add a user, and ask for the password."""
    people, roles = _people(project), _known_roles(project, role)
    people.add(name, label, roles, _password(password_stdin))
    typer.echo(f"{name} may sign in.")


@users.command("list")
def list_users(project: Folder = HERE, as_json: Json = False) -> None:
    """List users and their roles."""
    _expect_extra()
    from mergehouse.access.people import People
    from mergehouse.app.nobody import nobody_may_sign_in
    from mergehouse.cli import render
    from mergehouse.cli.render_users import print_users
    from mergehouse.project.config import load_project

    loaded = load_project(project)
    found = People(loaded.folder).users()
    if as_json:
        render.print_json(found)
    elif found:
        print_users(found)
    if said := nobody_may_sign_in(loaded):
        typer.echo(said, err=as_json)


@users.command()
def disable(name: UserName, project: Folder = HERE) -> None:
    """Keep a user out, at once."""
    _people(project).disable(name)
    typer.echo(f"{name} is disabled; sessions have ended, tokens do not work.")


@users.command()
def enable(name: UserName, project: Folder = HERE) -> None:
    """Let a disabled user in again."""
    _people(project).enable(name)
    typer.echo(f"{name} may sign in.")


@users.command("roles")
def set_roles(name: UserName, role: Roles, project: Folder = HERE) -> None:
    """Give a user these roles and no others."""
    roles = _known_roles(project, role)
    _people(project).set_roles(name, roles)
    typer.echo(f"{name}: {', '.join(roles)}; sessions have ended.")


@users.command("password")
def set_password(name: UserName, password_stdin: Stdin = False, project: Folder = HERE) -> None:
    """Give a user a new password."""
    _people(project).set_password(name, _password(password_stdin))
    typer.echo(f"{name} has a new password; sessions have ended.")


@users.command()
def remove(name: UserName, project: Folder = HERE) -> None:
    """Remove a user with sessions and tokens."""
    _people(project).remove(name)
    typer.echo(f"{name} is removed.")


@users.command()
def token(
    name: UserName,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", help="How many days it is valid. Default: 90.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="End all tokens of this user instead.")] = False,
    project: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make a token for programs; it is shown this once."""
    from mergehouse.cli import render

    people = _people(project)
    if revoke and days is not None:
        raise MergehouseError("--revoke ends tokens and --days makes one: give one of them.")
    if revoke:
        ended = people.end_tokens(name)
        if as_json:
            render.print_json({"name": name, "ended": ended})
        else:
            typer.echo(f"{name}: {ended} token{'' if ended == 1 else 's'} ended.")
        return
    days = TOKEN_DAYS if days is None else days
    made = people.make_token(name, days)
    if as_json:
        render.print_json({"name": name, "token": made, "days": days})
    else:
        typer.echo(made)


@users.command()
def demo(
    project: Folder = HERE,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Give those that there are a new password.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a user for each role, for trying it on this machine. The password is shown this once."""
    from mergehouse.access.policy import load_policy
    from mergehouse.cli import render
    from mergehouse.project.config import load_project

    people, policy = _people(project), load_policy(load_project(project))
    labels = {name: role.label for name, role in policy.roles.items()}
    are_there = {user.name for user in people.users() if user.is_demo} == set(labels)
    password = None if are_there and not new_password else people.set_demo_users(labels)
    if as_json:
        render.print_json({"users": list(labels), "password": password})
    elif password:
        typer.echo(f"Sign in as {', '.join(labels)} with the password {password}")
    else:
        typer.echo(
            f"Sign in as {', '.join(labels)} with the password that was shown when they were made;"
            f" `mergehouse users demo --new-password -C {project}` makes another."
        )


def _people(project: Folder) -> People:
    _expect_extra()
    from mergehouse.access.people import People
    from mergehouse.project.config import load_project

    return People(load_project(project).folder)


def _known_roles(project: Folder, given: list[str]) -> list[str]:
    from mergehouse.access.policy import load_policy
    from mergehouse.project.config import load_project

    known = load_policy(load_project(project)).roles
    for name in given:
        if name not in known:
            raise MergehouseError(
                f"--role {name}: expected one of {', '.join(known)}, the roles of access.yml."
            )
    return given


def _password(from_stdin: bool) -> str:
    """Never an argument, which others on the machine could read."""
    import unicodedata

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return unicodedata.normalize("NFC", given)


def lacking_packages(*more: str) -> str:
    """What this Python lacks of what the web suite needs, in words; empty where nothing does."""
    from importlib.util import find_spec

    needed = (
        "authlib", "babel", "fastapi", "limits", "prometheus_client", "python_multipart", "pwdlib", "uvicorn",
    )  # fmt: skip
    lacking = [name for name in (*needed, *more) if find_spec(name) is None]
    return (
        f"the dashboards need the extra `app` ({', '.join(lacking)} not installed):"
        " pip install 'mergehouse[app]'"
        if lacking
        else ""
    )


def _expect_extra(*more: str) -> None:
    if lacking := lacking_packages(*more):
        raise MergehouseError(f"{lacking}.")
