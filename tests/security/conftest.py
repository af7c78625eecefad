"""The suite with little to wait for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import prepared_shop
from tests.security.merged import Merged, fill
from tests.suite import at_once, bundled, quick  # noqa: F401 - two are fixtures

from mergehouse.release.export.export import release


@pytest.fixture(
    scope="session",
    params=["lakehouse", pytest.param("release", marks=pytest.mark.long("the attacks again, on a release"))],
)
def merged(
    request: pytest.FixtureRequest,
    bundled: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Merged:
    with at_once(bundled):
        shop = prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project")
        if request.param == "lakehouse":
            return Merged(shop)
        place = str(shop.folder / "releases")
        release(shop.project, to=place)
        return Merged(shop, place)
