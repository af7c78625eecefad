"""The semantic model as an item: its files are those of the Power BI project in Direct Lake, and its source
is the lakehouse that is deployed beside it.

Source: Microsoft's page on the definition of semantic models (TMDL).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mergehouse.platform.fabric import lakehouse, notebook
from mergehouse.platform.fabric.item import Item
from mergehouse.platform.powerbi.sources import UNSET

KIND = "SemanticModel"
SETTINGS, EXPRESSIONS = "definition.pbism", "definition/expressions.tmdl"
NEEDED = (SETTINGS, "definition/database.tmdl", "definition/model.tmdl")
SCHEMA = re.compile(r"^\t+schemaName: (\S+)$", re.MULTILINE)
ONELAKE = re.compile(r"onelake\.dfs\.fabric\.microsoft\.com/([^/\"]+)/([^/\"]+)")


def check_semantic_model(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What would be refused, or would read another stage's data: missing parts, a Direct Lake source with ids
    that no deployment replaces, tables where the notebook writes none.
    """
    for path in NEEDED:
        if path not in item.files:
            yield f"{path} is missing"
    if SETTINGS in item.files and not str(item.json(SETTINGS).get("version", "")):
        yield f"{SETTINGS} has no version"
    if "model.bim" in item.files:
        yield "model.bim is there beside TMDL; a model has one format"
    for workspace, source in ONELAKE.findall(item.files.get(EXPRESSIONS, "")):
        for what, identity in (("workspace", workspace), ("lakehouse", source)):
            if identity != UNSET:
                yield f"{EXPRESSIONS}: it reads the {what} {identity} wherever it is deployed"
    for schema in sorted({name for text in item.files.values() for name in SCHEMA.findall(text)}):
        for found in items:
            if found.kind == lakehouse.KIND and "defaultSchema" not in found.json(lakehouse.METADATA):
                yield f"it reads the schema {schema}, and the lakehouse `{found.name}` has no schemas"
            written_to = notebook.parameters_of(found).get("tables") if found.kind == notebook.KIND else None
            if written_to and written_to.strip("\"'") != f"Tables/{schema}":
                yield f"it reads Tables/{schema}, and the notebook `{found.name}` writes to {written_to}"
