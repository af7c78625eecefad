"""The report as an item: its files are those of the Power BI project, and it finds its model by path.

Source: Microsoft's page on the definition of reports (PBIR).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from mergehouse.platform.fabric.item import Item
from mergehouse.platform.fabric.semantic_model import KIND as SEMANTIC_MODEL

KIND = "Report"
REFERENCE, VERSION = "definition.pbir", "definition/version.json"


def check_report(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What would be refused: no version, a model that is not among the items."""
    if not item.json(VERSION).get("$schema"):
        yield f"{VERSION} has no $schema"
    item.json("definition/report.json")
    path = ((item.json(REFERENCE).get("datasetReference") or {}).get("byPath") or {}).get("path", "")
    models = {found.folder for found in items if found.kind == SEMANTIC_MODEL}
    if posixpath.normpath(f"{item.folder}/{path}") not in models:
        yield f"{REFERENCE}: its model is at `{path}`, which is not among the items"
