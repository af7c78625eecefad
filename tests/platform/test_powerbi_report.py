"""The report as it is written: what it shows is in the model, and what is wrong is found before."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.platform.defects import PAGE, Defect, Texts, as_table
from tests.platform.powerbi_projects import project_together
from tests.platform.powerbi_report_defects import AGAINST_SCHEMAS, OPENING, OWN, THEIRS, report_defects
from tests.platform.powerbi_reports import against_schemas, said_by_microsoft, written_to

from mergehouse.errors import ConfigError
from mergehouse.platform.powerbi.objects import MODES, Mode, SemanticModel
from mergehouse.platform.powerbi.project import project_files, report_item_files
from mergehouse.platform.powerbi.report.checks import wrong_in, wrong_in_project
from mergehouse.platform.powerbi.report.fields import tables_of
from mergehouse.platform.powerbi.report.files import left_out, report_files
from mergehouse.platform.powerbi.report.pages import pages_of
from mergehouse.platform.powerbi.report.theme import PALETTE, theme
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.project.config import Project

STYLE = Path(__file__).parents[2] / "frontend" / "style.css"
ODD = ("Müller's", 'Größe "XL"', "a]b[c", "🧦 Socks")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_together(tmp_path_factory.mktemp("near") / "suite")


@pytest.fixture(scope="module")
def model(project: Project) -> SemanticModel:
    return semantic_model(project)


@pytest.fixture(scope="module")
def files(model: SemanticModel) -> dict[str, str]:
    return report_files(model)


def test_pages_stand_in_the_order_of_the_web_suite(files: dict[str, str]) -> None:
    order = json.loads(files["definition/pages/pages.json"])["pageOrder"]
    titles = [json.loads(files[f"definition/pages/{name}/page.json"])["displayName"] for name in order]
    listed = ["Executive", "Customer Segmentation", "What if", "First Look", "Raw vs Silver"]
    assert titles == [*listed, "Segment", "Customer", "Brand", "Segment in short"]


@pytest.mark.parametrize("mode", MODES)
def test_all_pages_are_there_in_every_mode(project: Project, mode: Mode) -> None:
    made = semantic_model(project, mode)
    assert left_out(made) == ()
    assert wrong_in(report_files(made), made) == []


def test_first_look_is_of_bronze_where_the_model_has_it(project: Project, files: dict[str, str]) -> None:
    bronze = report_files(semantic_model(project, "directquery"))
    there = {path.split("/")[4] for path in bronze if path.startswith("definition/pages/first_look/visuals")}
    assert {"files", "months"} <= there
    assert "definition/pages/first_look/visuals/files/visual.json" not in files


def test_no_visual_takes_the_place_of_another(model: SemanticModel) -> None:
    for page in pages_of(model):
        names = [visual.name for visual in page.visuals]
        assert len(names) == len(set(names)), page.name


def test_a_second_writing_is_the_same(model: SemanticModel, files: dict[str, str]) -> None:
    assert report_files(model) == files


def test_colours_are_those_of_the_web_suite() -> None:
    css = dict(re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6})", STYLE.read_text(encoding="utf-8")))
    assert {name: css[name] for name in PALETTE} == PALETTE
    assert theme()["dataColors"] == [css[f"brand-{n}"] for n in (1, 2)] + [
        css[f"series-{n}"] for n in (3, 4, 5)
    ]


@pytest.mark.parametrize("label", ODD)
def test_odd_names_of_brands_are_written_whole(model: SemanticModel, label: str) -> None:
    made = report_files(replace(model, brands=(label,)))
    trend = json.loads(made["definition/pages/executive/visuals/trend/visual.json"])
    [point] = trend["visual"]["objects"]["dataPoint"]
    written = point["selector"]["data"][0]["scopeId"]["Comparison"]["Right"]["Literal"]["Value"]
    assert written[1:-1].replace("''", "'") == label


def test_a_measure_that_is_gone_is_one_message(model: SemanticModel) -> None:
    sales = model.table("Sales")
    kept = tuple(each for each in sales.measures if each.name != "GMV per day")
    tables = tuple(replace(t, measures=kept) if t.name == "Sales" else t for t in model.tables)
    with pytest.raises(ConfigError) as raised:
        report_files(replace(model, tables=tables))
    assert str(raised.value).count("Sales[GMV per day]") == 1
    assert "gmv (Executive)" in str(raised.value)


def test_tables_that_are_not_there_are_said(model: SemanticModel) -> None:
    tables = tuple(table for table in model.tables if table.name != "Raw vs Silver")
    without = replace(model, tables=tables)
    assert left_out(without) == (
        "page First Look: the model has no table `Raw vs Silver`",
        *(
            f"Raw vs Silver: {title}: the model has no table `Raw vs Silver`"
            for title in (
                "From the raw sum to GMV",
                "From the delivered lines to those of goods sold",
                "Step by step",
                "Line by line",
            )
        ),
    )
    order = json.loads(report_files(without)["definition/pages/pages.json"])["pageOrder"]
    assert "first_look" not in order


def test_without_any_one_table_there_is_a_report(model: SemanticModel) -> None:
    """What is left is sound: no button without its bookmarks, no tooltip without its page."""
    for gone in model.tables:
        without = replace(model, tables=tuple(t for t in model.tables if t is not gone))
        shown = any(tables_of(v.references) & {gone.name} for page in pages_of(model) for v in page.visuals)
        assert bool(left_out(without)) == shown, gone.name
        assert not shown or report_files(without), gone.name


def test_a_model_without_any_table_has_no_report(model: SemanticModel) -> None:
    with pytest.raises(ConfigError, match="would have no page"):
        report_files(replace(model, tables=()))


@pytest.mark.parametrize("defect", OWN, ids=lambda defect: defect.name)
def test_a_defect_is_found(files: dict[str, str], model: SemanticModel, defect: Defect) -> None:
    broken = dict(files)
    defect.seed(broken)
    assert any(defect.says in each for each in wrong_in(broken, model)), wrong_in(broken, model)


@pytest.mark.parametrize("defect", OPENING, ids=lambda defect: defect.name)
def test_a_defect_of_what_opens_the_project_is_found(model: SemanticModel, defect: Defect) -> None:
    broken = project_files(model)
    assert wrong_in_project(broken) == []
    defect.seed(broken)
    assert any(defect.says in each for each in wrong_in_project(broken))


def test_the_manual_has_every_defect() -> None:
    assert as_table(report_defects()) in PAGE.read_text(encoding="utf-8"), (
        "python -m tests.platform.powerbi_report_defects writes it anew"
    )


@pytest.mark.long("asks the vendors' own parsers")
def test_published_schemas_take_every_file(project: Project) -> None:
    for mode in MODES:
        assert against_schemas(report_item_files(semantic_model(project, mode))) == []


@pytest.mark.long("asks the vendors' own parsers")
@pytest.mark.parametrize("defect", AGAINST_SCHEMAS, ids=lambda defect: defect.name)
def test_published_schemas_find_a_defect(files: dict[str, str], defect: Defect) -> None:
    broken = dict(files)
    defect.seed(broken)
    changed = {path: text for path, text in broken.items() if files.get(path) != text}
    assert any(defect.says in each for each in against_schemas(changed)), against_schemas(changed)


@pytest.mark.long("asks the vendors' own parsers")
def test_microsofts_validator_takes_the_report_and_finds_every_defect(
    project: Project, tmp_path: Path
) -> None:
    """Warnings count as errors. A folder takes it two seconds, so what is in different files is broken at
    once: each defect has a code of its own, and whole reports have none.
    """
    whole = {mode: report_item_files(semantic_model(project, mode)) for mode in MODES}
    assert whole["direct-lake"] == whole["import"]
    groups = _together(THEIRS, whole["import"])
    made = [whole["import"], whole["directquery"], *(files for files, _ in groups)]
    folders = {str(n): written_to(tmp_path / f"{n}.Report", files) for n, files in enumerate(made)}
    good, bronze, *said = said_by_microsoft(folders).values()
    assert (good, bronze) == ({}, {})
    told = zip(said, groups, strict=True)
    assert [defect.name for codes, (_, seeded) in told for defect in seeded if defect.says not in codes] == []


def _together(defects: list[Defect], whole: Texts) -> list[tuple[Texts, list[Defect]]]:
    """Reports with one defect in a file at most, and the defects that each of them has."""
    groups: list[tuple[Texts, list[Defect]]] = []
    for defect in defects:
        broken = dict(whole)
        defect.seed(broken)
        changed = {path for path in whole if broken.get(path) != whole[path]}
        for files, seeded in groups:
            if all(files.get(path) == whole[path] for path in changed):
                defect.seed(files)
                seeded.append(defect)
                break
        else:
            groups.append((broken, [defect]))
    return groups
