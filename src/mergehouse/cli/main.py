"""The door: every command is registered here, and every error becomes one message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

# In the order in which `mergehouse --help` lists them.
from mergehouse.cli import start, build, read, science, release, promote, platform, help  # noqa: F401, I001 isort: skip
from mergehouse.cli import process
from mergehouse.cli.options import app
from mergehouse.errors import MergehouseError
from mergehouse.machine import refused


def main() -> None:
    """Runs the command line. Errors become one message and an exit code."""
    with process.stopping():
        process.end(_run())


def _run() -> int:
    try:
        process.prepare()
        done = app(standalone_mode=False)
        sys.stdout.flush()
        return done if isinstance(done, int) else 0
    except MergehouseError as error:
        _complain(str(error))
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        process.say_stopped()
        return process.STOPPED_CODE
    except BrokenPipeError:
        return 0
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BaseException as error:  # a panic of Rust is no Exception
        return _failed(error)


def _failed(error: BaseException) -> int:
    if process.was_told():  # DuckDB raises an error of its own for a query that Ctrl-C ends
        process.say_stopped()
        return process.STOPPED_CODE
    if hasattr(error, "show"):  # a usage error, which click knows to show
        error.show()
        return 2
    if known := refused(error):
        _complain(str(known))
        return known.exit_code
    from mergehouse.cli import render

    render.complain_unforeseen(error)
    return 1


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
