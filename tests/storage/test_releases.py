"""Releases at and from an object store, against a real server: whole or not there, whatever fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import Shop, prepared_shop
from tests.storage.servers import Azurite
from tests.storage.test_stores import in_store, lines, location  # noqa: F401

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.release.export.export import release
from mergehouse.release.load import ingest
from mergehouse.release.manifest.seal import CURRENT, MANIFEST, RELEASES, SUCCESS
from mergehouse.release.manifest.version import Version
from mergehouse.release.store import Shelf, copy_release
from mergehouse.release.verify import verify

pytestmark = pytest.mark.slow("releases go through an object store")


@pytest.fixture
def sold(tmp_path: Path) -> Shop:
    return prepared_shop("thirty lines", thirty_lines, tmp_path / "project")


def thirty_lines(shop: Shop) -> None:
    shop.deliver_lines(*lines(0, 30))
    assert not shop.run().failed


def keys(shelf: Shelf, prefix: str = "gold/") -> list[str]:
    return sorted(file["path"] for files in shelf.store.list(prefix) for file in files)


@pytest.mark.slow("six copies of a release through an object store")
def test_release_verify_roll_back_copy_and_ingest(sold: Shop, location: str, tmp_path: Path) -> None:
    shelf = Shelf(f"{location}/release")
    made = release(sold.project, to=shelf.root)
    assert {f.path for t in made.manifest.tables for f in t.files} < set(keys(shelf))
    assert verify(shelf.root).passed and [r.current for r in shelf.list()] == [True]
    assert release(sold.project, to=shelf.root).is_new is False
    release(sold.project, version="1.0.1", to=shelf.root)
    shelf.point_at(Version(1, 0, 0))
    assert verify(shelf.root).version == "1.0.0" and verify(shelf.root, "1.0.1").passed
    assert copy_release(shelf, Version(1, 0, 0), Shelf(str(tmp_path / "carried"))) == made.manifest_sha256
    assert (
        copy_release(Shelf(str(tmp_path / "carried")), Version(1, 0, 0), Shelf(f"{location}/other"))
        == made.manifest_sha256
    )
    assert verify(f"{location}/other").passed
    result = ingest(shelf.root, f"{location}/fabric")
    assert not result.failed and result.current == "1.0.0"
    rows = Lakehouse(f"{location}/fabric/Tables/gold").table("sales_daily").polars()
    assert rows["orders"].sum() == 30 and ingest(shelf.root, f"{location}/fabric").report == ""


@pytest.mark.long("an object store answers for each file")
def test_a_lakehouse_in_the_store_keeps_its_releases_there(sold: Shop, location: str) -> None:
    in_store(sold, location)
    sold.run()
    made = release(sold.project)
    assert made.root == f"{location}/release" and verify(made.root).passed


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda s, k: s.put(k, s.get(k).bytes().to_bytes()[:-40]), "truncated"),
        (lambda s, k: s.delete(k), "missing"),
        (lambda s, k: s.put(k.replace("part-00000", "part-00009"), b"x"), "extra"),
        (lambda s, k: s.put(k, bytes(reversed(s.get(k).bytes().to_bytes()))), "altered"),
        (lambda s, k: s.delete(f"{RELEASES}/v1.0.0/{SUCCESS}"), "missing"),
        (
            lambda s, k: s.put(
                f"{RELEASES}/{CURRENT}", json.dumps({"version": "3.0.0", "manifest_sha256": ""}).encode()
            ),
            "pointer",
        ),
        (
            lambda s, k: s.put(
                f"{RELEASES}/v1.0.0/{MANIFEST}",
                s.get(f"{RELEASES}/v1.0.0/{MANIFEST}").bytes().to_bytes()[:-3],
            ),
            "altered",
        ),
    ],
    ids=[
        "truncated upload",
        "missing file",
        "file too many",
        "other bytes",
        "no seal",
        "stale pointer",
        "manifest cut",
    ],
)
def test_faults_in_the_store_are_named(sold: Shop, azurite: Azurite, spoil, what: str) -> None:  # noqa: ANN001
    shelf = Shelf(f"az://{azurite.new_container()}/release")
    file = release(sold.project, to=shelf.root).manifest.tables[-1].files[0].path
    spoil(shelf.store, file)
    found = verify(shelf.root)
    assert what in {fault.what for fault in found.faults}
    result = ingest(shelf.root, f"{shelf.root}/fabric")
    assert result.failed and not result.tables and not keys(shelf, "fabric/")


@pytest.mark.long("an object store answers for each file")
@pytest.mark.parametrize("stops_at", ["first file", "a later file", "manifest", "seal", "pointer"])
def test_a_store_that_fails_in_the_middle_shows_the_last_release(
    sold: Shop, azurite: Azurite, stops_at: str
) -> None:
    container = azurite.new_container()
    shelf = Shelf(f"az://{container}/release")
    files = len(release(sold.project, to=shelf.root).manifest.tables)
    sold.deliver_lines(*lines(30, 5), name="lines2.csv")
    sold.run()
    after = {
        "first file": 0,
        "a later file": files - 2,
        "manifest": files,
        "seal": files + 1,
        "pointer": files + 2,
    }[stops_at]
    azurite.fail(f"PUT /devstoreaccount1/{container}/", 403, after)
    with pytest.raises(LakehouseError, match="access is denied"):
        release(sold.project, to=shelf.root)
    azurite.recover()
    assert (
        str(shelf.current()) == "1.0.0"
        and verify(shelf.root).passed
        and verify(shelf.root).version == "1.0.0"
    )
    made = release(sold.project, to=shelf.root)
    assert made.manifest.version == "1.0.1" and verify(shelf.root, "1.0.1").passed
    assert (made.is_new, made.is_current) == ((False, False) if stops_at == "pointer" else (True, True))
    assert {f.path for t in made.manifest.tables for f in t.files} == {
        k for k in keys(shelf) if "/v1.0.1/part-" in k
    }
