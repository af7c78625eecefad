"""All items of a project for Microsoft Fabric, in the format of Fabric's Git integration: what Fabric takes
from a Git repository and what `mergehouse platform deploy` publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mergehouse.platform.fabric.checks import ItemsFaulty, expect_sound, refusal
from mergehouse.platform.fabric.data_pipeline import data_pipeline_item
from mergehouse.platform.fabric.environment import environment_item
from mergehouse.platform.fabric.item import WRITTEN_BY, Item, items_in
from mergehouse.platform.fabric.lakehouse import lakehouse_item
from mergehouse.platform.fabric.notebook import notebook_item
from mergehouse.platform.fabric.parameter import FILE, parameter_text
from mergehouse.platform.fabric.variable_library import variable_library_item
from mergehouse.platform.powerbi.checks import wrong_in
from mergehouse.platform.powerbi.project import project_files
from mergehouse.platform.powerbi.report.files import left_out
from mergehouse.platform.powerbi.semantic_model import notes_on, semantic_model, unpublished
from mergehouse.project.config import Project
from mergehouse.project.settings import FabricDeployment

ENVIRONMENTS = ("dev", "test", "prod")  # of a project that names no stages


def environments(settings: FabricDeployment | None) -> list[str]:
    """The environments that items are deployed to, in the order of promotion: those that have a stage in
    mergehouse.yml.

    >>> environments(None)
    ['dev', 'test', 'prod']
    """
    return list(settings.stages) if settings and settings.stages else list(ENVIRONMENTS)


@dataclass(frozen=True)
class ProjectItems:
    """`texts` by path below the folder of all items; `notes` say what model and report leave out."""

    texts: dict[str, str]
    environments: list[str]
    notes: list[str]


def project_items(project: Project) -> ProjectItems:
    """The items of a project, with its suite in Direct Lake. Raises ItemsFaulty, and ConfigError where its
    settings, KPIs or roles ask for what there is not.
    """
    without = unpublished(project)
    model = semantic_model(project, "direct-lake", without=without)
    suite = project_files(model)
    if wrong := wrong_in(suite):
        raise ItemsFaulty(refusal("the suite", wrong))
    stages = environments(project.config.fabric)
    notes = [*notes_on(without), *left_out(model)]
    return ProjectItems(fabric_items(project.config.name, stages, suite), stages, notes)


def fabric_items(project: str, environments: Sequence[str], suite: Mapping[str, str]) -> dict[str, str]:
    """Every file, by path below the folder of all items.

    `suite` are the files of the Power BI project: its semantic model and its report become items. Raises
    ItemsFaulty where Fabric would refuse one.
    """
    lakehouse, environment, library = (
        lakehouse_item(project), environment_item(), variable_library_item(environments)
    )  # fmt: skip
    notebook = notebook_item(lakehouse, environment)
    items = [library, lakehouse, environment, notebook, data_pipeline_item(notebook, library)]
    for item in items_in(suite):
        if isinstance(item, Item):
            items.append(replace(item, description=f"{WRITTEN_BY}: KPIs, customers and scores."))
    texts = {path: text for item in items for path, text in item.texts().items()}
    texts[FILE] = parameter_text(items, environments)
    expect_sound(texts, "the items")
    return texts
