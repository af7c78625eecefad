"""The semantic model as it is written, and what is refused before anything is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.command import call
from tests.platform.powerbi_defects import DIRECT_LAKE, model_defects
from tests.platform.powerbi_projects import project_together

from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.platform.powerbi.checks import wrong_in_model
from mergehouse.platform.powerbi.objects import MODES, SemanticModel
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.tmdl import tmdl_files
from mergehouse.project.config import Project, load_project


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
