"""The suite with little to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import prepared_shop
from tests.security.merged import Merged, fill
from tests.suite import bundle_folder

from mergehouse.access import passwords
from mergehouse.app import bundle


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_folder(tmp_path_factory.mktemp("bundle") / "static")


@pytest.fixture(scope="session", autouse=True)
def quick(bundled: Path) -> Iterator[None]:
    """Hashes that take a millisecond, and a bundle that is there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PASSES", 1), ("KIBIBYTES", 64), ("LANES", 1)):
            patch.setattr(passwords, name, value)
        cheap = passwords.Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(passwords, "_hasher", passwords.PasswordHash((cheap,)))
        patch.setattr(bundle, "FOLDER", bundled)
        yield


@pytest.fixture(scope="session")
def merged(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Merged:
    return Merged(prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project"))
