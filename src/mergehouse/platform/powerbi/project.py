"""The Power BI project (PBIP) as files: a semantic model, a report over it, and the file that opens both.

Source: Microsoft's pages on Power BI Desktop projects and the published schemas of pbip, pbism, pbir and
.platform.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergehouse.json_text import json_text
from mergehouse.platform.powerbi.ids import stable_id
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.files import report_files
from mergehouse.platform.powerbi.tmdl import file_name, tmdl_files

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
MODEL_FORMAT, REPORT_FORMAT = "4.2", "4.0"
# what Desktop puts beside the files: settings of a machine, and the rows that it has read
NOT_FOR_GIT = "**/.pbi/localSettings.json\n**/.pbi/cache.abf\n"


def project_files(model: SemanticModel) -> dict[str, str]:
    """Every file of the project, by its path in the project's folder."""
    name = file_name(model.name)
    files = {
        f"{name}.pbip": _json("pbip/pbipProperties/1.0.0", _opened(name)),
        ".gitignore": NOT_FOR_GIT,
    }
    files |= {f"{name}.SemanticModel/{path}": text for path, text in semantic_model_files(model).items()}
    return files | {f"{name}.Report/{path}": text for path, text in report_item_files(model).items()}


def semantic_model_files(model: SemanticModel) -> dict[str, str]:
    """The files of the item SemanticModel, by their paths in its folder.

    >>> from mergehouse.platform.powerbi.semantic_model import semantic_model
    >>> list(semantic_model_files(semantic_model(mh.project("shop"))))[:3]
    ['.platform', 'definition.pbism', 'definition/database.tmdl']
    """
    settings = {"version": MODEL_FORMAT, "settings": {}}
    return {
        ".platform": platform_file("SemanticModel", model.name),
        "definition.pbism": _json("item/semanticModel/definitionProperties/1.0.0", settings),
    } | {f"definition/{path}": text for path, text in tmdl_files(model).items()}


def report_item_files(model: SemanticModel) -> dict[str, str]:
    """The files of the item Report, by their paths in its folder."""
    reference = {"byPath": {"path": f"../{file_name(model.name)}.SemanticModel"}}
    return {
        ".platform": platform_file("Report", model.name),
        "definition.pbir": _json(
            "item/report/definitionProperties/2.0.0",
            {"version": REPORT_FORMAT, "datasetReference": reference},
        ),
    } | report_files(model)


def platform_file(kind: str, name: str) -> str:
    """`.platform` of an item; one of this kind and name has the same logical id whenever it is written."""
    content = {
        "metadata": {"type": kind, "displayName": name},
        "config": {"version": "2.0", "logicalId": stable_id(kind, name)},
    }
    return _json("gitIntegration/platformProperties/2.0.0", content)


def _opened(name: str) -> dict[str, object]:
    """The report alone: Desktop does not open a file that names the model, too."""
    return {
        "version": "1.0",
        "artifacts": [{"report": {"path": f"{name}.Report"}}],
        "settings": {"enableAutoRecovery": True},
    }


def _json(schema: str, content: Mapping[str, object]) -> str:
    return json_text({"$schema": f"{SCHEMAS}/{schema}/schema.json", **content}) + "\n"
