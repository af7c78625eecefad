"""A release of the demonstration, and a lakehouse that it came into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.conftest import Demo
from tests.pipeline.faults import VERSION
from tests.prepared import prepared

from mergehouse.release.export.export import release
from mergehouse.release.load import ingest


@pytest.fixture(scope="session")
def released(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the demonstration. Read only."""

    def make(folder: Path) -> None:
        assert release(demo[0], to=str(folder)).manifest.version == VERSION

    return prepared("released", make, tmp_path_factory.mktemp("released"))


@pytest.fixture
def carried(released: Path, tmp_path: Path) -> Path:
    """A copy of it, to break."""
    return Path(shutil.copytree(released, tmp_path / "carried"))


@pytest.fixture(scope="session")
def ingested(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lakehouse that the release came into. Read only."""

    def make(folder: Path) -> None:
        assert not ingest(str(released), str(folder)).failed

    return prepared("ingested", make, tmp_path_factory.mktemp("fabric"))


@pytest.fixture
def fabric(ingested: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(ingested, tmp_path / "fabric"))
