"""The items for Fabric: what is written, that it is as Microsoft published it, and that what is wrong with it
is found before it is written or deployed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.platform.defects import Defect, as_table
from tests.platform.fabric_defects import FABRIC_DEFECTS
from tests.platform.fabric_published import needed, schema_faults
from tests.platform.fabric_suite import ENVIRONMENTS, items, suite
from typer.testing import CliRunner

from mergehouse.cli.commands import app
from mergehouse.platform.fabric.checks import ItemsFaulty, check_items
from mergehouse.platform.fabric.item import Item, items_in
from mergehouse.platform.fabric.items import fabric_items
from mergehouse.platform.fabric.parameter import environments_of, with_values

CONTENT = "Ingest latest release.DataPipeline/pipeline-content.json"


def test_every_item_is_there_and_nothing_is_wrong_with_them() -> None:
    texts = items()
    assert {path.split("/")[0] for path in texts} == {
        "Stage.VariableLibrary", "merged_retail.Lakehouse", "Ingestion.Environment",
        "Ingest release.Notebook", "Ingest latest release.DataPipeline", "Retail.SemanticModel",
        "Retail.Report", "parameter.yml",
    }  # fmt: skip
    assert check_items(texts) == [] and items() == texts


@needed
def test_json_is_as_its_published_schema_has_it() -> None:
    texts = items()
    assert schema_faults(texts) == []
    held = [path for path, text in texts.items() if '"$schema"' in text]
    assert {path.rsplit("/", 1)[-1] for path in held} >= {
        ".platform", ".schedules", "variables.json", "settings.json", "prod.json", "definition.pbism",
        "definition.pbir", "version.json", "report.json", "page.json",
    }  # fmt: skip
    texts["Stage.VariableLibrary/settings.json"] = texts["Stage.VariableLibrary/settings.json"].replace(
        "[", "[7, "
    )
    assert len(schema_faults(texts)) == 1, "the schemas are looked at"


@pytest.mark.parametrize("defect", FABRIC_DEFECTS, ids=lambda d: d.name)
def test_no_defect_passes(defect: Defect) -> None:
    texts = items()
    defect.seed(texts)
    problems = check_items(texts)
    assert [problem for problem in problems if defect.says in problem], problems


def test_the_notebook_is_one_file_of_plain_python_that_imports_nothing_of_ours() -> None:
    code = items()["Ingest release.Notebook/notebook-content.py"]
    assert "import mergehouse" not in code and "from mergehouse" not in code
    # five modules, schemas, the run
    assert code.count("# PARAMETERS CELL ***") == 1 and code.count("\n# CELL ***") == 7
    lakehouse = json.loads(items()["merged_retail.Lakehouse/.platform"])["config"]["logicalId"]
    assert f'# META       "default_lakehouse": "{lakehouse}"' in code


def test_the_pipeline_gives_the_notebook_what_a_run_or_the_stage_says() -> None:
    activity = json.loads(items()[CONTENT])["properties"]["activities"][0]
    given = {name: p["value"]["value"] for name, p in activity["typeProperties"]["parameters"].items()}
    assert given["version"] == (
        "@if(empty(pipeline().parameters.version), pipeline().libraryVariables.Stage_version,"
        " pipeline().parameters.version)"
    )
    assert given["environment"] == "@pipeline().libraryVariables.Stage_environment"


def test_ids_are_the_same_in_every_copy_and_of_no_two_items() -> None:
    def ids(texts: dict[str, str]) -> dict[str, str]:
        return {p: json.loads(t)["config"]["logicalId"] for p, t in texts.items() if p.endswith(".platform")}

    first, of_another_project = ids(items()), ids(fabric_items("Größe", ["eins"], {}))
    assert len(set(first.values())) == len(first) == 7
    same = first.keys() & of_another_project.keys()
    assert len(same) == 4 and all(first[path] == of_another_project[path] for path in same)


@pytest.mark.parametrize("name", ["Größe & Co.", "'quoted' [name]", "🛒", "3 shops", 'a "b" \\ c'])
def test_a_project_may_be_called_anything(name: str) -> None:
    assert check_items(fabric_items(name, ENVIRONMENTS, suite())) == []


def test_a_value_for_every_environment_is_one_for_each() -> None:
    texts = items()
    replacement = (
        "find_replace:\n- {find_value: '05:00', replace_value: {_ALL_: '04:00'}, item_type: DataPipeline}\n"
    )
    texts["parameter.yml"] = texts["parameter.yml"].replace("find_replace:\n", replacement)
    assert check_items(texts) == [] and environments_of(texts["parameter.yml"]) == ENVIRONMENTS
    [pipeline] = [i for i in items_in(texts) if isinstance(i, Item) and i.kind == "DataPipeline"]
    for environment, runs in (("test", "false"), ("prod", "true")):
        schedule = with_values(texts["parameter.yml"], environment, pipeline)[".schedules"]
        assert f'"enabled": {runs}' in schedule and '"times": ["04:00"]' in schedule


def test_what_fabric_would_refuse_is_not_written(tmp_path: Path) -> None:
    broken = {path: text for path, text in suite().items() if not path.endswith("model.tmdl")}
    with pytest.raises(ItemsFaulty, match=r"Retail.SemanticModel: definition/model.tmdl is missing"):
        fabric_items("merged-retail", ENVIRONMENTS, broken)


def test_the_command_writes_for_the_stages_of_the_project(tmp_path: Path) -> None:
    project, out = tmp_path / "project", tmp_path / "fabric"
    assert CliRunner().invoke(app, ["init", str(project)]).exit_code == 0
    with (project / "mergehouse.yml").open("a") as settings:
        settings.write(
            "fabric:\n  deployment_pipeline: 2e6f0272-e809-410a-be63-50e1d97ba75a\n"
            "  stages: {dev: Development, prod: Live}\n"
        )
    done = CliRunner().invoke(app, ["platform", "fabric", str(out), "-C", str(project), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["environments"] == ["dev", "prod"] and said["unchanged"] == []
    texts = {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}
    assert check_items(texts) == [] and set(said["written"]) == texts.keys() - {".mergehouse.json"}
    assert (out / "Stage.VariableLibrary/valueSets/prod.json").exists()
    assert "    dev: false\n    prod: true\n" in (out / "parameter.yml").read_text()


def test_the_manual_has_every_defect() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "fabric.md").read_text(encoding="utf-8")
    assert as_table(FABRIC_DEFECTS) in manual
