"""The suite with little to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import suite
from tests.conftest import prepared_shop
from tests.security.merged import Merged, fill


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return suite.bundle_folder(tmp_path_factory.mktemp("bundle") / "static")


@pytest.fixture(scope="module", autouse=True)
def quick(bundled: Path) -> Iterator[None]:
    with suite.quick(bundled):
        yield


@pytest.fixture(scope="session")
def merged(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Merged:
    with suite.quick(bundled):
        return Merged(prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project"))
