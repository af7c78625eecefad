"""A folder with the shop of the examples, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.shop import open_shop


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    open_shop(folder)
    return folder
