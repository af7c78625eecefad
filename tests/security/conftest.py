"""The suite with little to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.conftest import Shop, prepared_shop
from tests.security.merged import Merged, fill
from tests.security.served_house import share_and_release
from tests.suite import PASSWORD, at_once, bundled, quick  # noqa: F401 - two are fixtures

from mergehouse.access.audience import refresh_extracts
from mergehouse.access.people import People
from mergehouse.app.server import create_app
from mergehouse.release.export.export import release


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two brands that share a customer, and a release."""
    return prepared_shop("served house", share_and_release, tmp_path_factory.mktemp("served") / "shop")


@pytest.fixture
def people(house: Shop, quick: None) -> Iterator[People]:
    """Ann, who is an admin, and bob, who manages the shop."""
    found = People(house.project.folder)
    found.add("ann", "Ann Admin", ["admin"], PASSWORD)
    found.add("bob", "Bob Manager", ["brand_manager_shop"], PASSWORD)
    yield found
    found.file.unlink()


@pytest.fixture
def app(house: Shop, people: People) -> FastAPI:
    refresh_extracts(house.project)
    return create_app(house.project)


@pytest.fixture(
    scope="session",
    params=["lakehouse", pytest.param("release", marks=pytest.mark.long("the attacks again, on a release"))],
)
def merged(
    request: pytest.FixtureRequest,
    bundled: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Merged:
    with at_once(bundled):
        shop = prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project")
        if request.param == "lakehouse":
            return Merged(shop)
        place = str(shop.folder / "releases")
        release(shop.project, to=place)
        return Merged(shop, place)
