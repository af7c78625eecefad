"""The door: every error becomes one message and an exit code. Commands are imported when it is guarded."""

from __future__ import annotations

import sys
from contextlib import suppress

from mergehouse.cli import process
from mergehouse.errors import MergehouseError
from mergehouse.machine import refused


def main() -> None:
    """Runs the command line. Errors become one message and an exit code."""
    if getattr(sys.modules["__main__"], "main", None) is main:  # else who called it goes on
        process.leave_at_once()
    with process.stopping():
        process.end(_run())


def _run() -> int:
    try:
        process.prepare()
        from mergehouse.cli.commands import app

        code = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 0
    except SystemExit as left:
        code = left.code
    except BaseException as error:  # a panic of Rust is no Exception
        code = 1
        with suppress(OSError):  # nobody can be told
            code = _failed(error)
    if process.was_told():  # whatever has become of that: DuckDB raises an error of its own
        process.say_stopped()
        return process.STOPPED_CODE
    return code if isinstance(code, int) else 0


def _failed(error: BaseException) -> int:
    if process.was_told():
        return process.STOPPED_CODE
    if hasattr(error, "show"):  # a usage error, which click knows to show
        error.show()
        return 2
    from mergehouse.cli import render

    known = error if isinstance(error, MergehouseError) else refused(error)
    if known is None:
        render.complain_unforeseen(error)
        return 1
    render.complain(str(known))
    return known.exit_code
