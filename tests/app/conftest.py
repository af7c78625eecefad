"""Suites that several files try: made once, and signed in to without waiting for hashes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests import suite
from tests.app.shared_customers import app, gateway, house  # noqa: F401 - they are fixtures
from tests.app.trusted import House, opened
from tests.app.two_times import Open, apart, together
from tests.prepared import prepared


@pytest.fixture(scope="session", autouse=True)
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with suite.quick(suite.bundle_folder(tmp_path_factory.mktemp("bundle") / "static")):
        yield


@pytest.fixture(scope="session")
def far(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Open:
    return Open(prepared("suite apart", apart, tmp_path_factory.mktemp("far") / "suite"))


@pytest.fixture(scope="session")
def near(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Open:
    return Open(prepared("suite together", together, tmp_path_factory.mktemp("near") / "suite"))


@pytest.fixture(scope="session")
def trusted(quick: None, tmp_path_factory: pytest.TempPathFactory) -> House:
    return opened(tmp_path_factory.mktemp("trusted"))
