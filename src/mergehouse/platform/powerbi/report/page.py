"""A page of the report: what it shows, and how one comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.platform.powerbi.report.filters import drilled
from mergehouse.platform.powerbi.report.layout import HEIGHT, TOOLTIP_HEIGHT, TOOLTIP_WIDTH, WIDTH
from mergehouse.platform.powerbi.report.literals import Json
from mergehouse.platform.powerbi.report.visuals import Visual

SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/page/2.1.0/schema.json"


@dataclass(frozen=True)
class Page:
    """`kind`: empty for a page of the list; `drill`: the column whose value one comes with to a drill-through
    page.

    Visuals stand in the order in which they are read and tabbed through.
    """

    name: str
    title: str
    header: Sequence[Visual]
    content: Sequence[Visual]
    kind: Literal["", "Drillthrough", "Tooltip"] = ""
    drill: str = ""

    @property
    def visuals(self) -> tuple[Visual, ...]:
        """All of them."""
        return (*self.header, *self.content)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (TOOLTIP_WIDTH, TOOLTIP_HEIGHT) if self.kind == "Tooltip" else (WIDTH, HEIGHT)


def written(page: Page, drill: Field | None) -> Json:
    """page.json."""
    width, height = page.size
    made: Json = {
        "$schema": SCHEMA,
        "name": page.name,
        "displayName": page.title,
        "displayOption": "ActualSize" if page.kind == "Tooltip" else "FitToPage",
        "height": height,
        "width": width,
    }
    if page.kind:
        made |= {"type": page.kind, "visibility": "HiddenInViewMode"}
        made["pageBinding"] = {"name": f"{page.name}_binding", "type": page.kind}
    if drill:
        bound = f"{page.name}_drill"
        made["filterConfig"] = {"filters": [drilled(bound, drill)]}
        made["pageBinding"]["parameters"] = [
            {"name": f"{bound}_value", "boundFilter": bound, "fieldExpr": drill.expression()}
        ]
    return made
