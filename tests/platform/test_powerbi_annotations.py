"""Annotations in the Power BI project, for who may see them."""

from __future__ import annotations

import pytest
from tests.app.two_times import say
from tests.conftest import Shop
from tests.platform.powerbi_evaluation import evaluate
from tests.platform.powerbi_projects import project_apart

from mergehouse.platform.powerbi.checks import wrong_in
from mergehouse.platform.powerbi.objects import MODES
from mergehouse.platform.powerbi.project import project_files
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.project.config import Project, load_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = project_apart(tmp_path_factory.mktemp("noted") / "suite").folder
    say(folder)
    return load_project(folder)


def test_each_role_sees_those_of_its_brands(project: Project) -> None:
    rules = {role.name: role.rows.get("Annotations", "") for role in semantic_model(project).roles}
    owner = "'Annotations'[Brand key]"
    assert rules["executive"] == ""
    assert rules["brand_manager_shop"] == f'( {owner} IN {{ "shop" }} )'
    assert (
        rules["north"] == f'( {owner} <> "group" )'
    )  # it has the names of brands, and nothing of all together


def test_every_mode_has_them_and_is_sound(project: Project) -> None:
    for mode in MODES:
        files = project_files(semantic_model(project, mode))
        assert wrong_in(files) == []
        [written] = [text for path, text in files.items() if path.endswith("tables/Annotations.tmdl")]
        assert '{ "group", "All brands", "2025-06-03", "Board", "Merger announced" }' in written
        assert "measure Notes" in written


def test_a_project_without_annotations_has_no_such_table(shop: Shop) -> None:
    assert not semantic_model(shop.project).has_table("Annotations")


@pytest.mark.long("asks the vendors' own parsers")
def test_notes_are_those_of_the_brand_and_days_that_are_chosen(project: Project) -> None:
    asked = [
        ({"Annotations.Brand key": ["zebra", "group"]}, ["Notes"]),
        ({"Brand.Brand key": ["zebra"]}, ["Notes"]),
        ({"Annotations.Brand key": ["nobody"]}, ["Notes"]),
    ]
    both, of_zebra, of_nobody = (
        found["Notes"] for found in evaluate(semantic_model(project), project, asked)
    )
    portal, merger = "2025-06-02 Zebra: Portal opened", "2025-06-03 All brands: Merger announced"
    assert (both, of_zebra, of_nobody or None) == (f"{portal}\n{merger}", portal, None)
