"""`mergehouse` on the command line: in this process, or, where the process itself is what is tested, in one
of its own.
"""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

import pytest

from mergehouse.cli.main import main

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from mergehouse.cli.main import main; main()"]


def call(*arguments: object, code: int = 0, folder: Path = ROOT) -> CompletedProcess[str]:
    """Runs a command within `folder`, which must end with `code`."""
    words, out, err = list(map(str, arguments)), io.StringIO(), io.StringIO()
    argv = patch("sys.argv", ["mergehouse", *words])
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(folder),
        argv,
        pytest.raises(SystemExit) as stopped,
    ):
        main()
    done = CompletedProcess(words, stopped.value.code or 0, out.getvalue(), err.getvalue())
    return expect(done, code)


def expect(done: CompletedProcess[str], code: int) -> CompletedProcess[str]:
    """The ended command, if it ended with `code` and its user saw no traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done
