"""The files of a report, from its pages and the semantic model that they show."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from mergehouse.errors import CheckFailed, ConfigError
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report import bookmarks, mobile, page, visuals
from mergehouse.platform.powerbi.report.bookmarks import Group
from mergehouse.platform.powerbi.report.checks import wrong_in
from mergehouse.platform.powerbi.report.fields import Field, parts, tables_of
from mergehouse.platform.powerbi.report.literals import Json
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages import GROUPS, pages_of
from mergehouse.platform.powerbi.report.theme import NAME, PALETTE, SERIES, theme
from mergehouse.platform.powerbi.report.visuals import Visual
from mergehouse.project.validation import nearest_known

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/"
VERSIONS = {"visual": "2.9.0", "report": "3.3.0", "page": "2.1.0"}
PAGES = "definition/pages"


def report_files(model: SemanticModel) -> dict[str, str]:
    """Texts by their paths in the folder of the report, all but `.platform` and `definition.pbir`.

    A visual whose table the model does not have is left out, as `left_out` says: another mode has other
    tables, and a project without scores no table of them. A table without the field is something else: what
    was renamed or taken away would be missing from a page that looks whole. Raises ConfigError then, which
    names every such field and what shows it.

    >>> from mergehouse.platform.powerbi.semantic_model import semantic_model
    >>> sorted(report_files(semantic_model(mh.project("shop"))))[-1]
    'definition/version.json'
    """
    pages, _ = _shown(pages_of(model), model)
    _expect_fields(pages, model)
    groups = _offered(GROUPS, pages)
    made = {
        "definition/version.json": {
            "$schema": f"{SCHEMAS}versionMetadata/1.0.0/schema.json",
            "version": "2.0.0",
        },
        "definition/report.json": _report_json(),
        f"StaticResources/RegisteredResources/{NAME}": theme(),
        f"{PAGES}/pages.json": {
            "$schema": f"{SCHEMAS}pagesMetadata/1.1.0/schema.json",
            "pageOrder": [each.name for each in pages],
            "activePageName": pages[0].name,
        },
        "definition/bookmarks/bookmarks.json": bookmarks.listed(groups),
    }
    colours = {label: PALETTE[SERIES[n % len(SERIES)]] for n, label in enumerate(model.brands)}
    for each in pages:
        made |= _page_files(each, model, colours)
    kinds = {each.name: {visual.name: visual.kind for visual in each.visuals} for each in pages}
    for group in groups:
        for bookmark in group.bookmarks:
            path = f"definition/bookmarks/{bookmark.name}.bookmark.json"
            made[path] = bookmarks.written(bookmark, kinds[bookmark.page])
    files = {path: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for path, one in made.items()}
    if wrong := wrong_in(files, model):
        raise CheckFailed("the Power BI report would not be sound: " + "; ".join(wrong))
    return files


def left_out(model: SemanticModel) -> tuple[str, ...]:
    """Pages and visuals that are not in the report, and the tables that they would need, in words.

    >>> from mergehouse.platform.powerbi.semantic_model import semantic_model
    >>> left_out(semantic_model(mh.project("shop")))
    ()
    """
    return _shown(pages_of(model), model)[1]


def field_of(model: SemanticModel, reference: str) -> Field | None:
    """The column or measure of the model that a page names; None where the table does not have it."""
    table_name, name = parts(reference)
    table = model.table(table_name)
    if any(column.name == name for column in table.columns):
        return Field(table_name, name, "Column", name)
    if any(measure.name == name for measure in table.measures):
        return Field(table_name, name, "Measure", name)
    return None


def _shown(pages: Iterable[Page], model: SemanticModel) -> tuple[list[Page], tuple[str, ...]]:
    """Pages without visuals whose tables are not there, and without pages that have nothing left to show."""
    kept, left_out = [], []
    for each in pages:
        absent = {visual.name: _absent(visual.references, model) for visual in each.visuals}
        page = replace(
            each,
            header=[visual for visual in each.header if not absent[visual.name]],
            content=[visual for visual in each.content if not absent[visual.name]],
        )
        drill = _absent([each.drill], model) if each.drill else []
        if drill or not any(visual.roles for visual in page.content):
            tables = sorted({name for names in (drill, *absent.values()) for name in names})
            left_out.append(f"page {each.title}: the model has no table {_listed(tables)}")
            continue
        left_out += [
            f"{each.title}: {visual.title or visual.name}: the model has no table"
            f" {_listed(absent[visual.name])}"
            for visual in each.visuals
            if absent[visual.name]
        ]
        kept.append(page)
    if not kept:
        raise ConfigError("the Power BI report would have no page: " + "; ".join(left_out))
    names = {each.name for each in kept}
    return [replace(each, content=_with_tooltips(each.content, names)) for each in kept], tuple(left_out)


def _absent(references: Iterable[str], model: SemanticModel) -> list[str]:
    return sorted(name for name in tables_of(references) if not model.has_table(name))


def _with_tooltips(visuals: Iterable[Visual], pages: Container[str]) -> list[Visual]:
    """Without those of pages that are not there."""
    return [visual if visual.tooltip in pages else replace(visual, tooltip="") for visual in visuals]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _expect_fields(pages: Sequence[Page], model: SemanticModel) -> None:
    missing: dict[str, list[str]] = {}
    for each in pages:
        for visual in each.visuals:
            for reference in visual.references:
                if not field_of(model, reference):
                    missing.setdefault(reference, []).append(f"{visual.title or visual.name} ({each.title})")
        if each.drill and not field_of(model, each.drill):
            missing.setdefault(each.drill, []).append(f"the page {each.title}")
    if missing:
        told = [
            f"{reference}, shown by {', '.join(dict.fromkeys(shown))}{_nearest(model, reference)}"
            for reference, shown in missing.items()
        ]
        raise ConfigError(
            "the Power BI report shows fields that the semantic model does not have: "
            + "; ".join(told)
            + " Where a KPI or column was renamed, rename it in platform/powerbi/report/pages, too."
        )


def _nearest(model: SemanticModel, reference: str) -> str:
    table_name, name = parts(reference)
    table = model.table(table_name)
    return nearest_known(name, [c.name for c in table.columns] + [m.name for m in table.measures])


def _offered(groups: Sequence[Group], pages: Sequence[Page]) -> list[Group]:
    """Bookmarks whose page and visuals are there; a group of one is none."""
    there = {(each.name, visual.name) for each in pages for visual in each.visuals}
    kept = []
    for group in groups:
        offered = [b for b in group.bookmarks if {(b.page, b.shown), (b.page, b.hidden)} <= there]
        if len(offered) > 1:
            kept.append(replace(group, bookmarks=offered))
    return kept


def _report_json() -> Json:
    return {
        "$schema": f"{SCHEMAS}report/3.3.0/schema.json",
        "themeCollection": {
            "baseTheme": {"name": "CY26SU02", "reportVersionAtImport": VERSIONS, "type": "SharedResources"},
            "customTheme": {"name": NAME, "reportVersionAtImport": VERSIONS, "type": "RegisteredResources"},
        },
        "resourcePackages": [
            {
                "name": "RegisteredResources",
                "type": "RegisteredResources",
                "items": [{"name": NAME, "path": NAME, "type": "CustomTheme"}],
            }
        ],
        "settings": {
            "useStylableVisualContainerHeader": True,
            "useEnhancedTooltips": True,
            "defaultDrillFilterOtherVisuals": True,
            "exportDataMode": "AllowSummarized",
            "allowChangeFilterTypes": True,
        },
    }


def _page_files(each: Page, model: SemanticModel, colours: Mapping[str, str]) -> dict[str, Json]:
    def find(reference: str) -> Field:
        found = field_of(model, reference)
        assert found, reference
        return found

    folder = f"{PAGES}/{each.name}"
    files = {f"{folder}/page.json": page.written(each, find(each.drill) if each.drill else None)}
    phone = {} if each.kind == "Tooltip" else mobile.places(each.visuals)
    for order, visual in enumerate(each.visuals):
        where = f"{folder}/visuals/{visual.name}"
        files[f"{where}/visual.json"] = visuals.written(visual, order, find, colours, each.name)
        if visual.name in phone:
            files[f"{where}/mobile.json"] = mobile.written(phone[visual.name], order)
    return files
