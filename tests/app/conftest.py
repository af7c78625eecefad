"""Suites that several files try: made once, and signed in to without waiting for hashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.app.shared_customers import app, gateway, house  # noqa: F401 - they are fixtures
from tests.app.trusted import House, opened
from tests.app.two_times import Open, apart, together
from tests.prepared import prepared
from tests.suite import at_once, bundled, quick  # noqa: F401 - two are fixtures


@pytest.fixture(scope="session")
def far(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    with at_once(bundled):
        return Open(prepared("suite apart", apart, tmp_path_factory.mktemp("far") / "suite"))


@pytest.fixture(scope="session")
def near(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    with at_once(bundled):
        return Open(prepared("suite together", together, tmp_path_factory.mktemp("near") / "suite"))


@pytest.fixture(scope="session")
def trusted(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    with at_once(bundled):
        return opened(tmp_path_factory.mktemp("trusted"))
