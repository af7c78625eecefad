"""Commands that help on: `doctor`."""

from __future__ import annotations

import typer

from mergehouse.cli.options import HERE, Env, Folder, Json, app


@app.command(rich_help_panel="Help")
def doctor(project: Folder = HERE, env: Env = None, as_json: Json = False) -> None:
    """Say what this machine and project have, and what is missing."""
    from mergehouse.cli import render
    from mergehouse.cli.doctor import diagnose
    from mergehouse.display import visible

    findings = diagnose(project, env)
    if as_json:
        render.print_json([{"what": w, "ok": ok, "found": found} for w, ok, found in findings])
    else:
        for what, ok, found in findings:
            typer.echo(f"{'ok     ' if ok else 'missing'}  {what:<22} {visible(found)}")
    raise typer.Exit(0 if all(ok for _, ok, _ in findings) else 2)
