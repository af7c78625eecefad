"""The suite with little to wait for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.suite import bundle_folder

from mergehouse.access import passwords
from mergehouse.app import bundle


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_folder(tmp_path_factory.mktemp("bundle") / "static")


@pytest.fixture(autouse=True)
def quick(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take a millisecond, and a bundle that is there."""
    for name, value in (("PASSES", 1), ("KIBIBYTES", 64), ("LANES", 1)):
        monkeypatch.setattr(passwords, name, value)
    cheap = passwords.Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", passwords.PasswordHash((cheap,)))
    monkeypatch.setattr(bundle, "FOLDER", bundled)
