"""Targets in the Power BI project: they come to what the web suite says, for who may see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.app.two_times import Open, say
from tests.conftest import Shop
from tests.platform.powerbi_evaluation import evaluate
from tests.platform.powerbi_projects import project_apart, project_together
from tests.suite import bundled, quick  # noqa: F401 - they are fixtures

from mergehouse.app.figures.targets import Target, all_targets
from mergehouse.platform.powerbi.checks import wrong_in
from mergehouse.platform.powerbi.objects import MODES, SemanticModel
from mergehouse.platform.powerbi.project import project_files
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.project.config import Project, load_project

MEASURES = ["Target", "Value for target", "To target", "Target reached"]
TOGETHER = """\
kpi,brand,period,value
net_revenue,group,2025,1000
aov,group,2025-11,12.5
orders,shop,2025-q3,100
gmv,zebra,2024,1
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = project_apart(tmp_path_factory.mktemp("aimed") / "suite").folder
    say(folder)
    return load_project(folder)


@pytest.fixture(scope="module")
def model(project: Project) -> SemanticModel:
    return semantic_model(project)


def test_each_role_sees_those_of_its_brands(project: Project, model: SemanticModel) -> None:
    rules = {role.name: role.rows.get("Targets", "") for role in model.roles}
    owner = "'Targets'[Brand key]"
    assert rules["executive"] == rules["marketing"] == ""
    assert rules["brand_manager_shop"] == f'( {owner} IN {{ "shop" }} )'
    assert rules["north"] == "( FALSE() )"  # of a region there are none


def test_every_mode_has_them_and_is_sound(project: Project) -> None:
    for mode in MODES:
        files = project_files(semantic_model(project, mode))
        assert wrong_in(files) == []
        [written] = [text for path, text in files.items() if path.endswith("tables/Targets.tmdl")]
        assert all(name in written for name in MEASURES) and '"2011-01-01", "2011-12-31"' in written


def test_a_project_without_targets_has_no_such_table(shop: Shop) -> None:
    assert not semantic_model(shop.project).has_table("Targets")


@pytest.mark.long("asks the vendors' own parsers")
def test_they_come_to_what_the_web_suite_says(
    project: Project, model: SemanticModel, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Of brands that lie years apart, and of two of the same time, together, too."""
    request.getfixturevalue("quick")
    request.getfixturevalue("bundled")
    near = project_together(tmp_path / "suite")
    (near.mappings_folder / "targets.csv").write_text(TOGETHER)
    for each, of in ((project, model), (near, semantic_model(near))):
        reader, _, offered = Open(each.folder).view()
        told = all_targets(reader, None, offered)
        found = evaluate(of, each, [*((_chosen(target), MEASURES) for target in told), ({}, MEASURES)])
        assert any(t.actual is not None for t in told) and any(t.absence for t in told)
        for target, values in zip(told, found, strict=False):
            assert values == pytest.approx(_expected(target)), _chosen(target)
        assert set(found[-1].values()) == {None}  # of several at once there is none


def _chosen(target: Target) -> dict[str, list[str]]:
    chosen = {"Brand key": target.name, "KPI key": target.kpi.name, "Period": target.period}
    return {f"Targets.{column}": [value] for column, value in chosen.items()}


def _expected(target: Target) -> dict[str, float | None]:
    off = None if target.actual is None else target.actual - target.value
    values = (target.value, target.actual, off, target.reached)
    return {
        name: None if value is None else float(value) for name, value in zip(MEASURES, values, strict=True)
    }
