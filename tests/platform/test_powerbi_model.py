"""The semantic model as it is written, and what is refused before anything is written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.command import call
from tests.platform.defects import as_table
from tests.platform.powerbi_defects import DIRECT_LAKE, every_defect, model_defects
from tests.platform.powerbi_projects import odd_names, project_together

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.platform.powerbi.checks import wrong_in_model
from mergehouse.platform.powerbi.objects import MODES, SemanticModel
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.star import star
from mergehouse.platform.powerbi.tmdl import tmdl_files
from mergehouse.platform.powerbi.write import write_project
from mergehouse.project.config import Project
from mergehouse.project.settings import ScienceConfig


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_together(tmp_path_factory.mktemp("near") / "suite")


@pytest.fixture(scope="module")
def model(project: Project) -> SemanticModel:
    return semantic_model(project)


@pytest.mark.parametrize("mode", MODES)
def test_a_model_of_every_mode_is_sound(project: Project, mode: str) -> None:
    assert wrong_in_model(tmdl_files(semantic_model(project, mode))) == []


@pytest.mark.parametrize("defect", model_defects(), ids=lambda defect: defect.name)
def test_a_defect_is_found_before_anything_is_written(model: SemanticModel, defect) -> None:
    files = tmdl_files(model)
    defect.seed(files)
    wrong = wrong_in_model(files)
    assert any(defect.says in each for each in wrong), wrong


@pytest.mark.parametrize("defect", DIRECT_LAKE, ids=lambda defect: defect.name)
def test_a_defect_of_direct_lake_is_found(project: Project, defect) -> None:
    files = tmdl_files(semantic_model(project, "direct-lake"))
    defect.seed(files)
    assert any(defect.says in each for each in wrong_in_model(files))


def test_a_second_writing_changes_nothing_but_what_changed(project: Project, tmp_path: Path) -> None:
    first = json.loads(call("powerbi", tmp_path, "-C", project.folder, "--json").stdout)
    assert first["files"]["written"] and first["roles"] == len(semantic_model(project).roles)
    again = json.loads(call("powerbi", tmp_path, "-C", project.folder, "--json").stdout)
    assert again["files"]["written"] == again["files"]["removed"] == []
    other = project.model_copy(update={"config": project.config.model_copy(update={"churn_after_days": 60})})
    changed = write_project(other, tmp_path).files
    assert [path.rpartition("/")[2] for path in changed.written] == [
        "Brand clock.tmdl",
        "Customer by brand.tmdl",
    ]
    to_direct_lake = write_project(other, tmp_path, "direct-lake").files
    tags = [_tags(tmdl_files(semantic_model(other, mode))) for mode in ("import", "direct-lake")]
    assert tags[0] <= tags[1] | _tags({"": tmdl_files(semantic_model(other))["expressions.tmdl"]})
    assert not any(path.endswith("relationships.tmdl") for path in to_direct_lake.written)


def test_what_a_person_edited_is_not_written_over(project: Project, tmp_path: Path) -> None:
    write_project(project, tmp_path)
    [sales] = tmp_path.glob("*/definition/tables/Sales.tmdl")
    sales.write_text(sales.read_text() + "\t/// mine\n")
    (tmp_path / "notes.txt").write_text("mine")
    message = call("powerbi", tmp_path, "-C", project.folder, code=2).stderr
    assert "edited since it was written" in message and "Sales.tmdl" in message and "--overwrite" in message
    assert sales.read_text().endswith("mine\n")
    call("powerbi", tmp_path, "-C", project.folder, "--overwrite")
    assert "mine" not in sales.read_text() and (tmp_path / "notes.txt").read_text() == "mine"


def test_a_writing_that_fails_leaves_what_was_there_and_a_rerun_heals(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(project, tmp_path)
    before = _files(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", _no_room)
        with pytest.raises(ConfigError, match="the disk is full"):
            write_project(project, tmp_path, "directquery")
    assert _files(tmp_path) == before
    write_project(project, tmp_path, "directquery")
    assert len(list(tmp_path.glob("*/definition/tables/Deliveries.tmdl"))) == 1
    write_project(project, tmp_path)
    assert _files(tmp_path) == before
    (tmp_path / "file").write_text("")
    message = call("powerbi", tmp_path / "file", "-C", project.folder, code=2).stderr
    assert "cannot be written" in message


def test_what_a_kpi_asks_for_and_is_not_there_is_said(project: Project) -> None:
    [gmv] = [kpi for kpi in catalogue() if kpi.name == "gmv"]
    [active] = [kpi for kpi in catalogue() if kpi.name == "active_customers"]
    cases = {
        "where: `segment LIKE 'C%'` cannot be said in DAX": active.model_copy(
            update={"where": {"segment": "LIKE 'C%'"}}
        ),
        "where: `segment IN (SELECT 1)` cannot be said": active.model_copy(
            update={"where": {"segment": "IN (SELECT 1)"}}
        ),
        "gold.sales_daily has no column `gmv_euro`; did you mean `gmv_eur`": gmv.model_copy(
            update={"sum": "gmv_euro"}
        ),
        "gold.customer_features is no table of the semantic model": gmv.model_copy(
            update={"table": "gold.customer_features"}
        ),
        "no KPI `gvm`; did you mean `gmv`": Kpi(
            name="x", label="X", meaning="X", unit="share", format="percent", ratio=("gmv", "gvm")
        ),
        "x: ratio: it divides itself": Kpi(
            name="x", label="X", meaning="X", unit="share", format="percent", ratio=("x", "gmv")
        ),
    }
    for message, kpi in cases.items():
        kpis = (gmv, kpi) if kpi.name != "gmv" else (kpi,)
        with pytest.raises(ConfigError, match=re.escape(message)):
            semantic_model(project, kpis=kpis)


def test_a_ratio_of_sales_and_customers_is_of_no_days(project: Project) -> None:
    spent = Kpi(
        name="x", label="GMV a customer", meaning="X", unit="EUR", format="money", ratio=("gmv", "customers")
    )
    model = semantic_model(project, kpis=(*catalogue(), spent))
    assert model.measure("GMV a customer")[0].name == "Sales" and not model.has_measure(
        "GMV a customer in window"
    )
    assert wrong_in_model(tmdl_files(model)) == []


def test_a_kpi_that_is_called_as_a_column_is_refused(project: Project) -> None:
    [gmv] = [kpi for kpi in catalogue() if kpi.name == "gmv"]
    named = gmv.model_copy(update={"label": "Margin method"})
    wrong = wrong_in_model(tmdl_files(semantic_model(project, kpis=(named,))))
    assert "Sales: `margin method` is the name of two of its parts" in wrong


def test_a_column_that_a_contract_no_longer_has_is_said(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    contract = contract_of("gold.dim_date")
    renamed = {
        ("year_of_books" if name == "fiscal_year" else name): c for name, c in contract.columns.items()
    }
    monkeypatch.setattr(
        "mergehouse.platform.powerbi.star.contract_of",
        lambda table: (
            contract.model_copy(update={"columns": renamed})
            if table == contract.table
            else contract_of(table)
        ),
    )
    star.cache_clear()
    request.addfinalizer(star.cache_clear)
    with pytest.raises(
        ConfigError, match="Date: hierarchies: gold.dim_date has no column `fiscal_year`; did you mean"
    ):
        star()


def test_a_role_without_a_rule_is_refused(project: Project, tmp_path: Path) -> None:
    folder = Path(
        shutil.copytree(project.folder, tmp_path / "project", ignore=shutil.ignore_patterns("lakehouse"))
    )
    (folder / "access.yml").write_text("roles:\n  north: {label: North, rows: []}\n")
    message = call("powerbi", tmp_path / "out", "-C", folder, code=2).stderr
    assert "access.yml" in message and "roles.north.rows" in message
    assert not (tmp_path / "out").exists()


def test_a_mode_that_there_is_not_is_refused(project: Project, tmp_path: Path) -> None:
    message = call("powerbi", tmp_path / "out", "--mode", "directlake", "-C", project.folder, code=2).stderr
    assert "did you mean `direct-lake`?" in message and not (tmp_path / "out").exists()


def test_tables_of_models_that_are_not_there_are_left_out_and_named(project: Project, tmp_path: Path) -> None:
    config = project.config.model_copy(update={"science": ScienceConfig(tables=True)})
    made = write_project(project.model_copy(update={"config": config}), tmp_path, releases="D:\\releases")
    assert (
        "left out, since not published: gold.segment_outlook, gold.model_metrics, gold.model_cards"
        in made.notes[0]
    )
    assert not list(tmp_path.glob("*/definition/tables/Segment outlook.tmdl"))
    [parameters] = tmp_path.glob("*/definition/expressions.tmdl")
    assert "expression 'Release folder' = \"D:\\releases\" meta" in parameters.read_text()
    assert made.notes[-1].startswith("reads releases at D:\\releases;")


def test_names_of_any_letters(project: Project, tmp_path: Path) -> None:
    odd = odd_names(project)
    files = tmdl_files(semantic_model(odd))
    assert wrong_in_model(files) == []
    made = write_project(odd, tmp_path)
    assert Path(made.project).exists() and write_project(odd, tmp_path).files.written == []


def _no_room(self: Path, target: Path) -> Path:
    raise OSError(28, "No space left on device")


def _tags(files: dict[str, str]) -> set[str]:
    return {tag for text in files.values() for tag in re.findall(r"lineageTag: (\S+-\S+)", text)}


def _files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_manual_has_every_defect() -> None:
    page = (Path(__file__).parents[2] / "docs" / "powerbi.md").read_text(encoding="utf-8")
    assert len(every_defect()) > 60
    assert as_table(every_defect()) in page, "python -m tests.platform.powerbi_defects writes it anew"
