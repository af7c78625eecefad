"""What is written of the published exports for Power BI, Fabric and Databricks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.platform.vendors import asked

from mergehouse.cli.scaffold import write_project as write_configuration
from mergehouse.kpi.catalogue import catalogue
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult
from mergehouse.platform.databricks.bundle import write_bundle
from mergehouse.platform.fabric.items import project_items
from mergehouse.platform.powerbi.objects import MODES
from mergehouse.platform.powerbi.project import project_files
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.write import write_project
from mergehouse.project.config import Project, load_project

pytestmark = pytest.mark.long("the published exports")


@pytest.fixture
def project(real: tuple[Lakehouse, RunResult]) -> Project:
    return load_project(Path(real[0].location).parent)


def test_the_power_bi_project_has_every_kpi_and_microsoft_reads_it(project: Project, tmp_path: Path) -> None:
    made = write_project(project, tmp_path)
    folder = next(tmp_path.glob("*.SemanticModel")) / "definition"
    texts = {str(f.relative_to(folder)): f.read_text(encoding="utf-8") for f in folder.rglob("*.tmdl")}
    assert made.tables == sum(name.startswith("tables/") for name in texts)
    measures = set(re.findall(r"^\tmeasure (?:'([^']+)'|(\w+)) =", "\n".join(texts.values()), re.MULTILINE))
    assert {kpi.label for kpi in catalogue()} <= {quoted or plain for quoted, plain in measures}
    assert (tmp_path / Path(made.project).name).is_file()
    [answer] = asked("tom", "read_tmdl.py", [texts])
    assert answer["errors"] == []


def test_fabrics_items_and_the_bundle_are_written(project: Project, tmp_path: Path) -> None:
    texts = project_items(project).texts
    assert {"Lakehouse", "Notebook", "DataPipeline", "SemanticModel", "Report", "Environment"} <= {
        name.split("/")[0].rpartition(".")[2] for name in texts if "/" in name
    }
    written, _ = write_bundle(tmp_path, project)
    sql = "\n".join(f.read_text(encoding="utf-8") for f in tmp_path.rglob("*.sql"))
    assert "databricks.yml" in written.written and "eurostyle" in sql and "contoso" in sql


def test_what_is_written_is_the_same_without_the_exports(project: Project, tmp_path: Path) -> None:
    """So that it can be published: nothing of the exports is in it."""
    write_configuration(tmp_path / "configuration")
    empty = load_project(tmp_path / "configuration")
    for mode in MODES:
        ran, unread = (project_files(semantic_model(of, mode, releases="r")) for of in (project, empty))
        assert ran == unread
    write_bundle(tmp_path / "ran", project)
    write_bundle(tmp_path / "unread", empty)
    ran, unread = (
        {f.relative_to(tmp_path / of): f.read_text() for f in (tmp_path / of).rglob("*") if f.is_file()}
        for of in ("ran", "unread")
    )
    assert ran == unread
