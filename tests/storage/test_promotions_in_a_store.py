"""Promotion and comparison between folders and an object store, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Shop
from tests.storage.servers import Azurite
from tests.storage.test_releases import keys, sold  # noqa: F401
from tests.storage.test_stores import in_store, lines, location  # noqa: F401

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.release.compare.compare import compare
from mergehouse.release.export.export import release
from mergehouse.release.promote.audit_trail import promotions
from mergehouse.release.promote.promotion import promote, rollback
from mergehouse.release.store import Shelf

pytestmark = pytest.mark.slow("releases go through an object store")

LONG = pytest.mark.long("an object store answers for each file")

BY = {"approved_by": "Ada", "note": "T-1"}


def environments(shop: Shop, **places: str) -> Path:
    text = "".join(f"  {name}: {{lakehouse: '{place}'}}\n" for name, place in places.items())
    (shop.folder / "mergehouse.yml").open("a").write(f"environments:\n{text}")
    return shop.folder


def content(shelf: Shelf) -> dict[str, bytes]:
    return {
        key: shelf.store.get(key).bytes().to_bytes()
        for key in keys(shelf)
        if not key.endswith("current.json")
    }


@LONG
def test_from_a_folder_through_the_store_to_a_folder_and_back(
    sold: Shop,
    location: str,
    tmp_path: Path,
) -> None:
    folder = environments(sold, dev="lakehouse", test=f"{location}/test", prod=str(tmp_path / "prod"))
    made = release(sold.project)
    assert promote(folder, "dev", "test", **BY).manifest_sha256 == made.manifest_sha256
    assert promote(folder, "test", "prod", **BY).manifest_sha256 == made.manifest_sha256
    dev, test, prod = (
        content(Shelf(f"{place}/release"))
        for place in (sold.lakehouse.location, f"{location}/test", tmp_path / "prod")
    )
    assert dev == test == prod and len(dev) > 5
    assert compare(f"{location}/test", str(tmp_path / "prod")).aligned
    assert [row["outcome"] for row in promotions(Lakehouse(f"{location}/test"))] == ["started", "accepted"]
    release(sold.project, version="1.1.0")
    assert promote(folder, "dev", "test", **BY).accepted and rollback(folder, "test", **BY).accepted
    assert str(Shelf(f"{location}/test/release").current()) == "1.0.0"
    assert any(
        file["path"].endswith("alignment-v1.1.0.html")
        for files in Lakehouse(f"{location}/test").store.list()
        for file in files
    )


@LONG
def test_a_lakehouse_built_in_the_store_is_compared_and_promoted_within_it(
    shop: Shop, azurite: Azurite
) -> None:
    place = f"az://{azurite.new_container()}/lakehouse"
    shop.deliver_lines(*lines(0, 12))
    in_store(shop, place)
    shop.run()
    folder = environments(shop, dev=place, test=f"{place}-test")
    release(shop.project)
    assert promote(folder, "dev", "test", **BY).accepted
    assert compare(place, f"{place}-test").aligned


@LONG
def test_a_store_that_denies_access_in_the_middle_is_refused_and_written_down(
    sold: Shop,
    azurite: Azurite,
) -> None:
    container = azurite.new_container()
    folder = environments(sold, dev="lakehouse", test=f"az://{container}/test")
    release(sold.project)
    azurite.fail(f"PUT /devstoreaccount1/{container}/test/release", 403)
    attempt = promote(folder, "dev", "test", **BY)
    assert (
        attempt.refused_by is not None
        and attempt.refused_by.name == "copy"
        and "access is denied" in attempt.refused_by.found
    )
    azurite.recover()
    rows = promotions(Lakehouse(f"az://{container}/test"))
    assert [(row["outcome"], row["refused_by"]) for row in rows] == [("started", None), ("refused", "copy")]
    assert promote(folder, "dev", "test", **BY).accepted
