"""Two projects in one lakehouse would put their tables in each other's place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.conftest import Shop

from mergehouse.errors import ConfigError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.owner import OWNER, claim, expect_own
from mergehouse.pipeline.run import check
from mergehouse.release.export.export import release


def named(shop: Shop, name: str) -> Shop:
    config = shop.folder / "mergehouse.yml"
    lines = config.read_text().splitlines()
    config.write_text("\n".join(f"name: {name}" if x.startswith("name:") else x for x in lines) + "\n")
    return shop


def in_lakehouse_of(shop: Shop, other: Shop) -> Shop:
    config = shop.folder / "mergehouse.yml"
    config.write_text(
        config.read_text().replace("lakehouse: lakehouse", f"lakehouse: {other.folder}/lakehouse")
        + f"allow_outside: [{other.folder}]\n"
    )
    return shop


def test_another_project_is_refused_by_name_and_told_how_to_take_over(sold: Shop, tmp_path: Path) -> None:
    claim(sold.lakehouse, sold.project)
    other = in_lakehouse_of(named(sold.copy(tmp_path / "other"), "other-retail"), sold)
    for refused in (lambda: other.run(), lambda: check(other.project), lambda: release(other.project)):
        with pytest.raises(ConfigError, match=f"another project, `merged-retail` in {sold.folder}") as error:
            refused()
        assert error.value.exit_code == 2 and f"{sold.folder}/lakehouse/{OWNER}" in str(error.value)
    (sold.folder / "lakehouse" / OWNER).unlink()
    claim(other.lakehouse, other.project)
    with pytest.raises(ConfigError, match="`other-retail`"):
        expect_own(sold.lakehouse, sold.project)


def test_two_projects_of_the_same_name_are_told_apart_by_their_brands(sold: Shop, tmp_path: Path) -> None:
    claim(sold.lakehouse, sold.project)
    other = in_lakehouse_of(sold.copy(tmp_path / "other"), sold)
    (other.folder / "brands" / "shop").rename(other.folder / "brands" / "kiosk")
    with pytest.raises(ConfigError, match=r"\(brands shop\)"):
        claim(other.lakehouse, other.project)


def test_a_project_that_was_moved_or_got_other_brands_goes_on(sold: Shop, tmp_path: Path) -> None:
    claim(sold.lakehouse, sold.project)
    moved = Shop(Path(shutil.move(sold.folder, tmp_path / "moved")))
    claim(moved.lakehouse, moved.project)
    moved.another("kiosk")
    shutil.rmtree(moved.brand)
    claim(moved.lakehouse, moved.project)
    assert expect_own(moved.lakehouse, moved.project) == {
        "project": "merged-retail", "folder": str(tmp_path / "moved"), "brands": ["kiosk"],
    }  # fmt: skip


def test_what_cannot_be_read_is_written_anew(tmp_path: Path, sold: Shop) -> None:
    lakehouse = Lakehouse(tmp_path / "house")
    lakehouse.root.mkdir()
    for text in ("", "[", "[]", '{"project": 7}'):
        (lakehouse.root / OWNER).write_text(text)
        assert expect_own(lakehouse, sold.project) == {}
    claim(lakehouse, sold.project)
    assert expect_own(lakehouse, sold.project)["brands"] == ["shop"]
