"""The bundle for Databricks: what is in it, what would be wrong with it, what cannot be written at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import Shop
from tests.platform.databricks_defects import DEFECTS
from tests.platform.databricks_suite import files, template  # noqa: F401 - fixtures
from tests.platform.defects import Defect, as_table

from mergehouse.contracts.registry import contract_of, released
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import catalogue
from mergehouse.platform.databricks import bundle as bundles
from mergehouse.platform.databricks.bundle import bundle, targets_of, write_bundle
from mergehouse.platform.databricks.checks import faults_of
from mergehouse.platform.databricks.checks.sql import catalog_faults
from mergehouse.platform.databricks.statements import statements_of
from mergehouse.project.config import Project, load_project

Files = dict[str, str]


@pytest.fixture(scope="module", autouse=True)
def catalogs_looked_at_once() -> Iterator[None]:
    """A defect is in one file, and most of the time goes into the catalogs of the other targets."""
    looked_at: dict[tuple, Any] = {}

    def remembered(scripts: Files) -> Any:
        key = tuple(scripts.items())
        if key not in looked_at:
            looked_at[key] = catalog_faults(scripts)
        return looked_at[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mergehouse.platform.databricks.checks.catalog_faults", remembered)
        yield


def test_nothing_is_wrong_with_the_template(files: Files) -> None:
    pytest.importorskip("databricks.bundles", reason="the extra `databricks` is not installed")
    assert faults_of(files) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_every_seeded_defect_is_caught(defect: Defect, files: Files) -> None:
    broken = dict(files)
    defect.seed(broken)
    assert any(defect.says in fault for fault in faults_of(broken)), faults_of(broken)


def test_defects_are_many_and_differ() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) > 50


def test_what_a_release_is_made_of_is_built_in_the_first_environment_alone(files: Files) -> None:
    """By docs/promotion.md: releases are made in `dev` and promoted, unchanged, to the others."""
    settings: Any = yaml.safe_load(files["databricks.yml"])
    assert list(settings["targets"]) == ["dev", "test", "prod"]  # not `ci`, which has the lakehouse of `dev`
    assert list(settings["resources"]["jobs"]) == ["catalog", "publish"]
    pipeline = settings["targets"]["dev"]["resources"]["jobs"]["pipeline"]
    assert [task["task_key"] for task in pipeline["tasks"]] == ["run", "check", "score", "release", "publish"]
    assert "resources" not in settings["targets"]["test"] | settings["targets"]["prod"]
    assert settings["targets"]["dev"]["default"] and pipeline["schedule"]["timezone_id"] == "${var.timezone}"
    assert {task.get("environment_key") for task in pipeline["tasks"]} == {"mergehouse", None}
    assert settings["resources"]["dashboards"]["executive"]["embed_credentials"] is False


def test_every_released_column_is_in_the_catalog_with_its_meaning(files: Files) -> None:
    made, words = statements_of(files["sql/dev/2_tables.sql"]), files["sql/dev/7_descriptions.sql"]
    for contract, statement in zip(released(), made, strict=True):
        name = f"`merged_retail_dev`.`{contract.table.replace('.', '`.`')}`"
        assert statement.startswith(f"CREATE TABLE IF NOT EXISTS {name} (")
        columns = re.findall(r"^  `(\w+)` (\S+)", statement, re.MULTILINE)
        assert columns == [(name, kind.upper()) for name, kind in contract.types.items()]
    tagged = re.findall(r"`(\w+)` SET TAGS \('pii' = '(\w+)'\)", words)
    assert ("gender", "personal") in tagged and ("customer_id", "pseudonym") in tagged
    assert len(tagged) == sum(c.pii != "none" for table in released() for c in table.columns.values())


def test_a_second_writing_changes_nothing_and_heals(template: Project, tmp_path: Path) -> None:
    first, said = write_bundle(tmp_path / "out", template)
    assert len(first.written) == 27 and said == ["no target ci: it has the lakehouse of dev"]
    (tmp_path / "out" / "databricks.yml").unlink()
    again, _ = write_bundle(tmp_path / "out", template)
    assert again.written == ["databricks.yml"] and len(again.unchanged) == 26
    edited = tmp_path / "out" / "src" / "command.py"
    edited.write_text("mine")
    with pytest.raises(
        ConfigError, match="edited since it was written, and not written over: src/command.py"
    ):
        write_bundle(tmp_path / "out", template)
    assert edited.read_text() == "mine"
    assert write_bundle(tmp_path / "out", template, overwrite=True)[0].written == ["src/command.py"]


def test_nothing_is_written_where_something_is_wrong(
    template: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A column that was renamed in its contract and is still asked for by a KPI."""
    contract = contract_of("gold.sales_daily")
    columns = {("gmv" if name == "gmv_eur" else name): column for name, column in contract.columns.items()}
    renamed = contract.model_copy(update={"columns": columns})
    others = [found for found in released() if found.table != contract.table]
    monkeypatch.setattr(bundles, "released", lambda: [*others, renamed])
    with pytest.raises(ConfigError, match="was not written") as refused:
        write_bundle(tmp_path / "out", template)
    assert "gmv: merged_retail_dev.gold.sales_daily has no column `gmv_eur`." in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('Größe & Söhne\'s "Läden" 😀', "groe_sohne_s_laden_dev"),
        ("merged-retail", "merged_retail_dev"),
        ("2 brands", None),
        ("😀", None),
    ],
)
def test_names_of_catalogs(shop: Shop, name: str, expected: str | None) -> None:
    (shop.folder / "mergehouse.yml").write_text(
        f"name: {json.dumps(name, ensure_ascii=False)}\nenvironments: {{dev: {{}}}}\n"
    )
    if expected is None:
        with pytest.raises(ConfigError, match="begin with a letter from a to z. Call the project otherwise"):
            targets_of(shop.project)
        return
    targets, _ = targets_of(shop.project)
    assert [target.catalog for target in targets] == [expected]
    made = bundle(shop.project, targets)
    assert faults_of(made) == []
    assert json.loads(made["executive.lvdash.json"])["pages"][0]["layout"][0]["widget"][
        "textbox_spec"
    ].startswith(f"## {name}\n")


def test_names_of_roles_with_quotes_and_emoji(shop: Shop) -> None:
    role = 'l\'équipe `du` "Sud" \\ 😀'
    access = f"roles: {{{json.dumps(role, ensure_ascii=False)}: {{label: Sud, rows: all, persons: true}}}}"
    (shop.folder / "access.yml").write_text(access)
    made = bundle(shop.project, targets_of(shop.project)[0])
    assert faults_of(made) == []
    assert 'TO `l\'équipe ``du`` "Sud" \\ 😀`' in made["sql/dev/6_grants.sql"]


def test_a_role_without_a_rule_is_refused(shop: Shop, tmp_path: Path) -> None:
    (shop.folder / "access.yml").write_text("roles: {somebody: {label: Somebody}}")
    with pytest.raises(ConfigError, match="access.yml: .*roles.somebody.rows"):
        write_bundle(tmp_path / "out", shop.project)
    assert not (tmp_path / "out").exists()


def test_a_role_that_bears_the_name_of_the_pipelines_group_is_refused(shop: Shop) -> None:
    (shop.folder / "access.yml").write_text("roles: {mergehouse_pipeline: {label: All, rows: all}}")
    with pytest.raises(ConfigError, match="the group that fills the tables .* call the role otherwise"):
        bundle(shop.project, targets_of(shop.project)[0])


def test_the_lakehouses_own_catalog_is_another_one(shop: Shop) -> None:
    (shop.folder / "mergehouse.yml").write_text(
        "name: retail\nenvironments: {dev: {engine: {name: spark, catalog: retail_dev}}}\n"
    )
    with pytest.raises(ConfigError, match="`retail_dev` is the catalog that readers have on Databricks"):
        targets_of(load_project(shop.folder))


def test_a_project_without_environments_or_scores(shop: Shop) -> None:
    (shop.folder / "mergehouse.yml").write_text("name: retail\nscience: false\n")
    targets, said = targets_of(shop.project)
    made = bundle(shop.project, targets)
    pipeline = yaml.safe_load(made["databricks.yml"])["targets"]["dev"]["resources"]["jobs"]["pipeline"]
    assert faults_of(made) == [] and not said
    assert [task["task_key"] for task in pipeline["tasks"]] == ["run", "check", "release", "publish"]
    assert pipeline["tasks"][0]["spark_python_task"]["parameters"] == ["run", "${var.project}"]
    assert "`customer_scores_gold` (" not in made["sql/dev/2_tables.sql"]


def test_what_runs_there_is_what_the_project_needs(template: Project) -> None:
    untold = {name: brand.model_copy(update={"identity": []}) for name, brand in template.brands.items()}
    assert bundles.package(template).startswith("mergehouse[science,identity]==")
    nobody = template.model_copy(update={"brands": untold})
    assert bundles.package(nobody).startswith("mergehouse[science]==")


def test_without_databricks_types_the_bundle_is_written_and_that_is_said(
    template: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mergehouse.platform.databricks.checks.typed.find_spec", lambda name: None)
    written, said = write_bundle(tmp_path / "out", template)
    assert written.written and 'pip install "mergehouse[databricks]"' in said[-1]


def test_no_kpi_is_left_out_of_the_metric_views(files: Files) -> None:
    shown = re.findall(
        r"^- name: (\w+)\n  expr: [^\n]*\n  display_name", files["sql/dev/5_metric_views.sql"], re.MULTILINE
    )
    assert sorted(shown) == sorted(kpi.name for kpi in catalogue())


def test_the_manual_has_every_defect_and_variable(files: Files) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "databricks.md").read_text(encoding="utf-8")
    assert as_table(DEFECTS) in manual
    for variable in yaml.safe_load(files["databricks.yml"])["variables"]:
        assert f"`{variable}`" in manual, variable
