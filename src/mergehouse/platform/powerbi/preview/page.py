"""The preview as one HTML page, all pages of the report below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mergehouse.charts.pages import environment
from mergehouse.platform.powerbi.preview import drawing, reading
from mergehouse.platform.powerbi.preview.canvas import Canvas
from mergehouse.platform.powerbi.preview.figures import Gold
from mergehouse.platform.powerbi.preview.reading import Drawn, DrawnFilter, DrawnPage
from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.platform.powerbi.report.theme import PALETTE

ALWAYS_ONE = "strictSingleSelect"  # of a slicer that has a choice at any time


def preview_page(files: Mapping[str, str], gold: Gold, location: str) -> str:
    """HTML of a report's files, by their paths in its folder, with figures from Gold."""
    pages = reading.pages(files)
    theme, views = reading.theme_colours(files), reading.views(files)
    shown = [_page(Canvas(gold, page, pages, theme, views, _where(page, gold))) for page in pages]
    notes = [f"Only Power BI can tell: {', '.join(sorted(gold.unknown))}."] if gold.unknown else []
    return (
        environment(Path(__file__).parent)
        .get_template("preview.html.j2")
        .render(
            name=gold.model.name,
            location=location,
            pages=shown,
            notes=notes,
            palette=PALETTE,
            title=drawing.TITLE,
            subtitle=drawing.SUBTITLE,
        )
    )


def _page(canvas: Canvas) -> dict[str, Any]:
    page = canvas.page
    of = ", ".join(value for one in canvas.where if page.drill for value in one.values)
    return {
        "name": page.name,
        "title": page.title,
        "kind": page.kind,
        "of": of,
        "width": page.width,
        "height": page.height,
        "visuals": [_visual(visual, canvas) for visual in page.visuals if not visual.hidden],
    }


def _visual(visual: Drawn, canvas: Canvas) -> dict[str, Any]:
    content = drawing.drawn(visual, canvas)
    return {
        "kind": visual.kind,
        "place": visual.place,
        "alt": visual.alt,
        "title": visual.title,
        "subtitle": visual.subtitle,
        "is_told": 'class="sentence"' in content,
        "content": Markup(content),
    }


def _where(page: DrawnPage, gold: Gold) -> Sequence[DrawnFilter]:
    """What a page is of before anybody chooses: of a drill-through page the value with the most net revenue;
    the first of a list that always has a choice.
    """
    if page.drill:
        return _most(page.drill, gold)
    strict = [
        visual.roles["Values"][0].field
        for visual in page.visuals
        if visual.kind == "slicer"
        and reading.said(visual.formats, "selection", ALWAYS_ONE)
        and "general" not in visual.formats
    ]
    firsts = [(field, gold.rows([field], [])) for field in strict]
    return [DrawnFilter(field, (str(rows[0].keys[0]),)) for field, rows in firsts if rows]


def _most(column: Field, gold: Gold) -> list[DrawnFilter]:
    """Of whom there is most to tell; nobody where nobody has bought."""
    revenue = Field(column.table, "Net revenue of customers", "Measure", "")
    rows = gold.rows([column], [revenue])
    most = max(rows, key=lambda row: row.values[0] or 0, default=None)
    return [DrawnFilter(column, (str(most.keys[0]),))] if most else []
