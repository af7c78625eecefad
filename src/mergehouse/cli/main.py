"""The door: every command is registered here, and every error becomes one message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

# In the order in which `mergehouse --help` lists them.
from mergehouse.cli import start, build, read, science, release, promote, platform, help  # noqa: F401, I001 isort: skip
from mergehouse.cli.options import app
from mergehouse.errors import MergehouseError


def main() -> None:
    """Runs the command line. Errors become one message and an exit code."""
    try:
        sys.exit(app(standalone_mode=False))
    except MergehouseError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        _complain("stopped; the published tables are unharmed, run again to go on.")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if hasattr(error, "show"):  # a usage error, which click knows to show
            error.show()
            sys.exit(2)
        from mergehouse.cli import render

        render.complain_unforeseen(error)
        sys.exit(1)


def _complain(message: str) -> None:
    from mergehouse.cli import render

    render.complain(message)


def _print_version(wanted: bool) -> None:
    if wanted:
        from mergehouse import __version__

        typer.echo(f"mergehouse {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
