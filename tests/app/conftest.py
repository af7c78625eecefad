"""Suites that several files try: made once, and signed in to without waiting for hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import suite
from tests.app.shared_customers import app, gateway, house  # noqa: F401 - they are fixtures
from tests.app.trusted import House, opened
from tests.app.two_times import Open, apart, together
from tests.prepared import prepared


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return suite.bundle_folder(tmp_path_factory.mktemp("bundle") / "static")


@pytest.fixture(scope="module", autouse=True)
def quick(bundled: Path) -> Iterator[None]:
    with suite.quick(bundled):
        yield


@pytest.fixture(scope="session")
def far(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    with suite.quick(bundled):
        return Open(prepared("suite apart", apart, tmp_path_factory.mktemp("far") / "suite"))


@pytest.fixture(scope="session")
def near(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    with suite.quick(bundled):
        return Open(prepared("suite together", together, tmp_path_factory.mktemp("near") / "suite"))


@pytest.fixture(scope="session")
def trusted(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    with suite.quick(bundled):
        return opened(tmp_path_factory.mktemp("trusted"))
