"""The semantic model as an item: its files are those of the Power BI project, and its source is the
lakehouse that is deployed beside it.

Source: Microsoft's page on the definition of semantic models (TMDL).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mergehouse.platform.fabric.item import THIS_WORKSPACE, Item

KIND = "SemanticModel"
SETTINGS, EXPRESSIONS = "definition.pbism", "definition/expressions.tmdl"
NEEDED = (SETTINGS, "definition/database.tmdl", "definition/model.tmdl")
ONELAKE = re.compile(r"onelake\.dfs\.fabric\.microsoft\.com/([^/\"]+)/([^/\"]+)")


def check_semantic_model(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What would be refused, or would read another stage's data: missing parts, a Direct Lake source that is
    not the lakehouse among the items.
    """
    for path in NEEDED:
        if path not in item.files:
            yield f"{path} is missing"
    if SETTINGS in item.files and not str(item.json(SETTINGS).get("version", "")):
        yield f"{SETTINGS} has no version"
    if "model.bim" in item.files:
        yield "model.bim is there beside TMDL; a model has one format"
    lakehouses = {found.logical_id for found in items if found.kind == "Lakehouse"}
    for workspace, lakehouse in ONELAKE.findall(item.files.get(EXPRESSIONS, "")):
        if workspace != THIS_WORKSPACE:
            yield f"{EXPRESSIONS}: it reads the workspace {workspace} wherever it is deployed"
        if lakehouse not in lakehouses:
            yield f"{EXPRESSIONS}: it reads the lakehouse {lakehouse}, which is not among the items"
