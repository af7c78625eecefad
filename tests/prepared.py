"""Folders that many tests begin with, each made once in a run of the tests, by the worker that asks first.

A run of a tiny shop takes a second or two, a copy of what it made some milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = "MERGEHOUSE_PREPARED"  # an environment variable: workers have that of the process that started them


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[ROOT] = tempfile.mkdtemp(prefix="mergehouse-prepared-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(ROOT))


def prepared(name: str, make: Callable[[Path], object], folder: Path) -> Path:
    """A copy, in `folder`, of what `make` puts into the folder it is given; other workers wait for it."""
    original, made, locked = (Path(os.environ[ROOT]) / f"{name}{kind}" for kind in ("", ".made", ".lock"))
    with locked.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(original, ignore_errors=True)  # of a test that failed to make it
            make(original)
            made.touch()
    return Path(shutil.copytree(original, folder, dirs_exist_ok=True))
