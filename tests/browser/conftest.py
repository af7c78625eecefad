"""Pages with their own scripts and styles, whatever other tests of the same process have put there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mergehouse.app import bundle
from mergehouse.app.bundle import FOLDER  # as it is before any test


@pytest.fixture(scope="module", autouse=True)
def own_bundle() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "FOLDER", FOLDER)
        yield
