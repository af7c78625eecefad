"""Slicers, buttons, lists of pages and words of the preview, as HTML: they are seen, not used."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from mergehouse.platform.powerbi.preview.canvas import Canvas
from mergehouse.platform.powerbi.preview.measures import usual
from mergehouse.platform.powerbi.preview.reading import Drawn, DrawnFilter, said
from mergehouse.platform.powerbi.report.fields import Field


def slicer(visual: Drawn, canvas: Canvas) -> str:
    label = said(visual.formats, "header", "text") or visual.name
    field = visual.roles["Values"][0].field
    mode = said(visual.formats, "data", "mode")
    if mode == "Single":
        number = usual(f"{field.name} chosen", canvas.model) or "as it is"
        return f'<p class="label">{escape(label)}</p><p class="slide"><b>{escape(number)}</b><i></i></p>'
    general = visual.formats.get("general", [{}])[0].get("properties", {}).get("filter")
    chosen = _first(general) if general else _held(field, canvas.where) or "All"
    return f'<p class="label">{escape(label)}</p><p class="drop">{escape(chosen)}</p>'


def _held(field: Field, where: Sequence[DrawnFilter]) -> str:
    """What the page is of anyway."""
    held = [one for one in where if one.column.query_ref == field.query_ref]
    return ", ".join(value for one in held for value in one.values)


def _first(general: Any) -> str:
    [where] = general["filter"]["Where"]
    value = where["Condition"]["In"]["Values"][0][0]["Literal"]["Value"]
    return str(value).strip("'").replace("''", "'")


def words(visual: Drawn, canvas: Canvas) -> str:
    paragraphs = visual.formats["general"][0]["properties"]["paragraphs"]
    runs = [run for paragraph in paragraphs for run in paragraph["textRuns"]]
    return "".join(
        f'<p class="words" style="font-size:{run["textStyle"]["fontSize"]};color:{run["textStyle"]["color"]};'
        f'font-weight:{600 if "Semibold" in run["textStyle"]["fontFamily"] else 400}">'
        f"{escape(run['value'])}</p>"
        for run in runs
    )


def button(visual: Drawn, canvas: Canvas) -> str:
    text = said(visual.formats, "text", "text") or ""
    return f'<p class="button">{escape(text)}</p>'


def navigator(visual: Drawn, canvas: Canvas) -> str:
    listed = [page for page in canvas.pages if not page.kind]
    return _tabs([(page.title, page.name == canvas.page.name) for page in listed])


def views(visual: Drawn, canvas: Canvas) -> str:
    group = str(said(visual.formats, "bookmarks", "bookmarkGroup"))
    return _tabs([(title, n == 0) for n, title in enumerate(canvas.views[group])])


def _tabs(tabs: Sequence[tuple[str, bool]]) -> str:
    made = (f'<b class="{"on" if is_on else "off"}">{escape(title)}</b>' for title, is_on in tabs)
    return f'<p class="tabs">{"".join(made)}</p>'
