"""The suite with little to wait for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import prepared_shop
from tests.security.merged import Merged, fill
from tests.suite import at_once, bundled, quick  # noqa: F401 - two are fixtures


@pytest.fixture(scope="session")
def merged(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Merged:  # noqa: F811
    with at_once(bundled):
        return Merged(prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project"))
