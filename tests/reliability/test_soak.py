"""A short soak: deliveries, corrections, repeats, late lines, kills and foreign commits."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from tests.reliability.soak import soak


@pytest.mark.long("some ten runs and a rebuild")
def test_a_day_of_deliveries_equals_a_rebuild(tmp_path: Path) -> None:
    """Another history on every day."""
    assert soak(tmp_path, deliveries=20, seed=dt.datetime.now(dt.UTC).date().toordinal()) == []
