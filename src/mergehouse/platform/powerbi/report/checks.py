"""What Microsoft's validator and schemas do not see in a report: names that lead nowhere, untyped literals,
visuals that cover each other, and what nobody could use without eyes or a mouse.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.layout import PHONE, Place

LITERAL = re.compile(r"'(?:[^']|'')*'|-?\d+(?:\.\d+)?[DLM]|true|false|null|datetime'[^']+'")
NAME = re.compile(r"[\w-]{1,50}")
PAGE = re.compile(r"definition/pages/([^/]+)/page\.json")
VISUAL = re.compile(r"definition/pages/([^/]+)/visuals/([^/]+)/(visual|mobile)\.json")
BOOKMARK = re.compile(r"definition/bookmarks/([^/]+)\.bookmark\.json")


def wrong_in(files: Mapping[str, str], model: SemanticModel) -> list[str]:
    """What is wrong, one sentence each, with the file it is in; nothing of a good report."""
    read = {path: json.loads(text) for path, text in files.items()}
    return [
        *(f"{path}: {told}" for path, made in read.items() for told in _fields(made, model)),
        *(f"{path}: {told}" for path, made in read.items() for told in _literals(made)),
        *_report(read),
        *_pages(read),
        *_bookmarks(read),
    ]


def wrong_in_project(files: Mapping[str, str]) -> list[str]:
    """What is wrong in the files that open a project: Desktop closes on an artefact that is no report, and
    says nothing useful of a model that is not where the report looks for it.

    >>> pbir = '{"datasetReference": {"byPath": {"path": "../x.SemanticModel"}}}'
    >>> pbip = '{"artifacts": [{"report": {"path": "x.Report"}}]}'
    >>> good = {"x.pbip": pbip, "x.Report/definition.pbir": pbir}
    >>> wrong_in_project(good | {"x.SemanticModel/definition.pbism": "{}"})
    []
    >>> wrong_in_project(good)
    ['x.Report/definition.pbir: there is no model at `../x.SemanticModel`']
    """
    found = []
    for path, text in files.items():
        if path.endswith(".pbip"):
            artefacts = json.loads(text).get("artifacts")
            expected = [{"report": {"path": f"{path.removesuffix('.pbip')}.Report"}}]
            if artefacts != expected:
                found.append(f"{path}: its artefacts are {artefacts}; expected {expected}")
        elif path.endswith(".Report/definition.pbir"):
            model = json.loads(text).get("datasetReference", {}).get("byPath", {}).get("path", "")
            if f"{model.removeprefix('../')}/definition.pbism" not in files:
                found.append(f"{path}: there is no model at `{model}`")
    return found


def _fields(made: Any, model: SemanticModel, sources: Mapping[str, str] = {}) -> Iterator[str]:  # noqa: B006
    """Columns and measures that the model does not have, wherever an expression names them."""
    if isinstance(made, list):
        for each in made:
            yield from _fields(each, model, sources)
        return
    if not isinstance(made, dict):
        return
    if isinstance(made.get("From"), list):
        sources = {**sources, **{each["Name"]: each.get("Entity", "") for each in made["From"]}}
    for kind in ("Column", "Measure"):
        one = made.get(kind)
        if isinstance(one, dict) and "Property" in one:
            yield from _field(kind, one, model, sources)
    if "queryRef" in made and isinstance(made.get("field"), dict):
        yield from _query_ref(made)
    for each in made.values():
        yield from _fields(each, model, sources)


def _field(kind: str, one: Any, model: SemanticModel, sources: Mapping[str, str]) -> Iterator[str]:
    reference = one.get("Expression", {}).get("SourceRef", {})
    table = reference.get("Entity") or sources.get(reference.get("Source", ""), "")
    if not model.has_table(table):
        yield f"`{table}` is no table of the model"
        return
    found = model.table(table)
    there = found.columns if kind == "Column" else found.measures
    if not any(each.name == one["Property"] for each in there):
        yield f"`{table}` has no {kind.lower()} `{one['Property']}`"


def _query_ref(projection: Any) -> Iterator[str]:
    [one] = projection["field"].values()
    if projection["queryRef"] != f"{one['Expression']['SourceRef'].get('Entity')}.{one['Property']}":
        yield f"queryRef `{projection['queryRef']}` is not that of its field"


def _literals(made: Any) -> Iterator[str]:
    """A number without its type is taken for no literal at all: `12` for `12D`."""
    if isinstance(made, list):
        for each in made:
            yield from _literals(each)
    elif isinstance(made, dict):
        for name, each in made.items():
            if name == "Literal" and not LITERAL.fullmatch(str(each.get("Value"))):
                yield f"`{each.get('Value')}` is no literal; expected such as 'text', 12D, 3L or true"
            yield from _literals(each)


def _report(read: Mapping[str, Any]) -> Iterator[str]:
    if "$schema" not in read.get("definition/version.json", {}):
        yield "definition/version.json: no $schema, without which Fabric refuses the report"
    themes = read.get("definition/report.json", {}).get("themeCollection", {})
    theme = themes.get("customTheme", {}).get("name")
    if f"StaticResources/RegisteredResources/{theme}" not in read:
        yield f"definition/report.json: the theme `{theme}` is not among the files"


def _pages(read: Mapping[str, Any]) -> Iterator[str]:
    pages = {found[1]: made for path, made in read.items() if (found := PAGE.fullmatch(path))}
    listed = read.get("definition/pages/pages.json", {})
    if sorted(listed.get("pageOrder", [])) != sorted(pages):
        yield "definition/pages/pages.json: pageOrder is not the pages that there are"
    if pages.get(listed.get("activePageName"), {"visibility": "none"}).get("visibility"):
        yield "definition/pages/pages.json: the page that opens first is none of the list"
    for name, page in pages.items():
        visuals, phones = _visuals(read, name)
        where = f"definition/pages/{name}"
        yield from (f"{where}: {told}" for told in _page(name, page, visuals, pages))
        yield from (f"{where}: {told}" for told in _layout(page, visuals))
        yield from (f"{where}: {told}" for told in _phone(phones, visuals))


def _visuals(read: Mapping[str, Any], page: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """visual.json and mobile.json of a page, by visual."""
    kinds: dict[str, dict[str, Any]] = {"visual": {}, "mobile": {}}
    for path, made in read.items():
        if (found := VISUAL.fullmatch(path)) and found[1] == page:
            kinds[found[3]][found[2]] = made
    return kinds["visual"], kinds["mobile"]


def _page(name: str, page: Any, visuals: Mapping[str, Any], pages: Mapping[str, Any]) -> Iterator[str]:
    for each in (name, *visuals):
        if not NAME.fullmatch(each):
            yield f"`{each}`: names have up to 50 letters, digits, _ and -"
    kinds = {pages[other].get("type"): other for other in pages}
    if page.get("type") == "Drillthrough":
        yield from _drill(page, visuals)
    orders = Counter(made["position"].get("tabOrder") for made in visuals.values())
    for order in (order for order, count in orders.items() if count > 1 or order is None):
        yield f"tab order {order} is that of more than one visual, or missing"
    for visual, made in visuals.items():
        yield from (f"{visual}: {told}" for told in _selectors(made["visual"]))
        container = made["visual"].get("visualContainerObjects", {})
        if not _said(container, "general", "altText"):
            yield f"{visual}: no alt text for who does not see it"
        section = _said(container, "visualTooltip", "section")
        if section and pages.get(section, {}).get("type") != "Tooltip":
            yield f"{visual}: its tooltip `{section}` is no tooltip page; there is {kinds.get('Tooltip')}"


def _selectors(visual: Any) -> Iterator[str]:
    """Formats of a field that the visual does not show: they do nothing, and Power BI says nothing of it."""
    state = visual.get("query", {}).get("queryState", {})
    shown = {one["queryRef"] for role in state.values() for one in role["projections"]}
    for name, entries in visual.get("objects", {}).items():
        for entry in entries:
            of = entry.get("selector", {}).get("metadata")
            if of and of not in shown:
                yield f"`{name}` is for `{of}`, which it does not show"


def _drill(page: Any, visuals: Mapping[str, Any]) -> Iterator[str]:
    filters = {each["name"] for each in page.get("filterConfig", {}).get("filters", [])}
    bound = {each.get("boundFilter") for each in page.get("pageBinding", {}).get("parameters", [])}
    if not bound or not bound <= filters:
        yield "a drill-through page whose parameter is bound to no filter of its own"
    actions = [
        _said(made["visual"].get("visualContainerObjects", {}), "visualLink", "type")
        for made in visuals.values()
    ]
    if "Back" not in actions:
        yield "a drill-through page without a button that leads back"


def _said(container: Mapping[str, Any], part: str, name: str) -> str:
    """A text among the formats of a visual; empty where there is none."""
    given = (container.get(part) or [{}])[0].get("properties", {}).get(name, {})
    return str(given.get("expr", {}).get("Literal", {}).get("Value", "")).strip("'").replace("''", "'")


def _place(made: Any) -> Place:
    position = made["position"]
    return Place(*(position[side] for side in ("x", "y", "width", "height")))


def _layout(page: Any, visuals: Mapping[str, Any]) -> Iterator[str]:
    places = {name: _place(made) for name, made in visuals.items()}
    for name, place in places.items():
        if place.x < 0 or place.y < 0 or place.right > page["width"] or place.bottom > page["height"]:
            yield f"{name}: reaches beyond the page"
    seen = [name for name, made in visuals.items() if not made.get("isHidden")]
    for one, other in combinations(seen, 2):
        if places[one].overlaps(places[other]):
            yield f"{one} and {other} cover each other"


def _phone(phones: Mapping[str, Any], visuals: Mapping[str, Any]) -> Iterator[str]:
    places = {name: _place(made) for name, made in phones.items()}
    for name, place in places.items():
        if name not in visuals:
            yield f"{name}: on the phone, but not on the page"
        if place.x < 0 or place.right > PHONE:
            yield f"{name}: reaches beyond the phone"
    for one, other in combinations(places, 2):
        if places[one].overlaps(places[other]):
            yield f"{one} and {other} cover each other on the phone"


def _bookmarks(read: Mapping[str, Any]) -> Iterator[str]:
    groups = {
        each["name"]: each for each in read.get("definition/bookmarks/bookmarks.json", {}).get("items", [])
    }
    listed = [child for group in groups.values() for child in group.get("children", [])]
    there = {found[1]: made for path, made in read.items() if (found := BOOKMARK.fullmatch(path))}
    if sorted(listed) != sorted(there):
        yield "definition/bookmarks/bookmarks.json: its bookmarks are not those that there are"
    for name, made in there.items():
        for page, section in made["explorationState"]["sections"].items():
            visuals, _ = _visuals(read, page)
            for visual in section["visualContainers"]:
                if visual not in visuals:
                    yield f"bookmark {name}: page {page} has no visual `{visual}`"
    for path, made in read.items():
        if VISUAL.fullmatch(path) and made.get("visual", {}).get("visualType") == "bookmarkNavigator":
            group = _said(made["visual"]["objects"], "bookmarks", "bookmarkGroup")
            if group not in groups:
                yield f"{path}: there is no group `{group}` of bookmarks"
