"""Programs that vendors wrote to read what is generated, each in its own environment: asked over JSON."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

PLACE = "MERGEHOUSE_VENDORS"  # the environment variable that `make parity` sets
DRIVERS = Path(__file__).with_name("drivers")


def vendor(name: str) -> Path:
    """The folder of a vendor's environment; the test is skipped where it is not installed."""
    place = os.environ.get(PLACE)
    if not place or not (found := Path(place) / name).exists():
        pytest.skip(f"no {name} of the vendors' checkers: {PLACE} names their folder, `make parity` makes it")
    return found


def asked(name: str, driver: str, question: Any, seconds: int = 300) -> Any:
    """What the vendor's Python answers when it runs a driver with a question."""
    python = vendor(name) / "bin" / "python"
    done = subprocess.run(
        [str(python), str(DRIVERS / driver)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.rpartition("\x1e")[2])
