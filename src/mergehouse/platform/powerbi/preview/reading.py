"""Pages and visuals as the generated files of a report have them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.platform.powerbi.report.layout import Place

LITERAL = re.compile(r"'(?P<text>(?:[^']|'')*)'|(?P<number>-?[\d.]+)[DLM]|(?P<word>true|false|null)")


@dataclass(frozen=True)
class Shown:
    """A field of a visual; `format` where the visual has one of its own."""

    field: Field
    format: str


@dataclass(frozen=True)
class DrawnFilter:
    """A filter of a visual: rows whose column has one of the values, or none of them; or the `count` values
    with the most of `by`.
    """

    column: Field
    values: tuple[str, ...] = ()
    excluded: bool = False
    by: Field | None = None
    count: int = 0


@dataclass(frozen=True)
class Below:
    """A measure under the value of a card, its words, and what stands where it has no value."""

    words: str
    field: Field
    absent: str


@dataclass(frozen=True)
class Drawn:
    """A visual of a file. `formats` is its `objects`; `colours` those of values by their texts."""

    name: str
    kind: str
    place: Place
    title: str
    subtitle: str
    alt: str
    roles: Mapping[str, Sequence[Shown]]
    below: Sequence[Below]
    conditions: Sequence[DrawnFilter]
    sort: tuple[Field, str] | None
    colours: Mapping[str, str]
    formats: Mapping[str, Any]
    hidden: bool


@dataclass(frozen=True)
class DrawnPage:
    """`drill`: the column of which a drill-through page shows one value."""

    name: str
    title: str
    kind: str
    width: int
    height: int
    drill: Field | None
    visuals: Sequence[Drawn]


def pages(files: Mapping[str, str]) -> list[DrawnPage]:
    """The pages of a report in their order, from its files by their paths in its folder."""
    order = json.loads(files["definition/pages/pages.json"])["pageOrder"]
    return [_page(files, name) for name in order]


def theme_colours(files: Mapping[str, str]) -> list[str]:
    """The colours of series, as the report's theme has them."""
    report = json.loads(files["definition/report.json"])
    name = report["themeCollection"]["customTheme"]["name"]
    found: list[str] = json.loads(files[f"StaticResources/RegisteredResources/{name}"])["dataColors"]
    return found


def views(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Titles of bookmarks, by their groups."""
    groups = json.loads(files["definition/bookmarks/bookmarks.json"])["items"]
    return {
        group["name"]: [
            json.loads(files[f"definition/bookmarks/{name}.bookmark.json"])["displayName"]
            for name in group["children"]
        ]
        for group in groups
    }


def value_of(made: Any) -> Any:
    """What a literal says; None where there is none.

    >>> value_of({"expr": {"Literal": {"Value": "'it''s'"}}}), value_of({"Literal": {"Value": "12D"}})
    ("it's", 12.0)
    """
    written = str((made or {}).get("expr", made or {}).get("Literal", {}).get("Value", "null"))
    found = LITERAL.fullmatch(written)
    if not found or found["word"] == "null":
        return None
    if found["text"] is not None:
        return found["text"].replace("''", "'")
    return float(found["number"]) if found["number"] else found["word"] == "true"


def said(formats: Mapping[str, Any], part: str, name: str) -> Any:
    """A property of the first entry of a formatting object."""
    entries = formats.get(part) or [{}]
    return value_of(entries[0].get("properties", {}).get(name))


def _page(files: Mapping[str, str], name: str) -> DrawnPage:
    folder = f"definition/pages/{name}"
    page = json.loads(files[f"{folder}/page.json"])
    visual = re.compile(re.escape(folder) + r"/visuals/[^/]+/visual\.json")
    made = [json.loads(text) for path, text in files.items() if visual.fullmatch(path)]
    filters = page.get("filterConfig", {}).get("filters", [])
    drill = _field(filters[0]["field"]) if filters else None
    ordered = sorted(made, key=lambda one: one["position"]["tabOrder"])
    return DrawnPage(
        name,
        page["displayName"],
        page.get("type", ""),
        page["width"],
        page["height"],
        drill,
        [_drawn(one) for one in ordered],
    )


def _drawn(made: Any) -> Drawn:
    visual, position = made["visual"], made["position"]
    objects, container = visual.get("objects", {}), visual.get("visualContainerObjects", {})
    query = visual.get("query", {})
    sorts = query.get("sortDefinition", {}).get("sort", [])
    return Drawn(
        made["name"],
        visual["visualType"],
        Place(*(position[side] for side in ("x", "y", "width", "height"))),
        said(container, "title", "text") or "",
        said(container, "subTitle", "text") or "",
        said(container, "general", "altText") or "",
        {role: _shown(state) for role, state in query.get("queryState", {}).items()},
        _below(objects),
        [_condition(one) for one in made.get("filterConfig", {}).get("filters", [])],
        (_field(sorts[0]["field"]), sorts[0]["direction"]) if sorts else None,
        _colours(objects),
        objects,
        made.get("isHidden", False),
    )


def _shown(state: Any) -> list[Shown]:
    return [
        Shown(
            _field(one["field"], one.get("displayName") or one.get("nativeQueryRef")), one.get("format", "")
        )
        for one in state["projections"]
    ]


def _field(expression: Any, label: str | None = None) -> Field:
    [(kind, one)] = expression.items()
    table = one["Expression"]["SourceRef"].get("Entity", "")
    return Field(table, one["Property"], kind, label or one["Property"])


def _below(objects: Any) -> list[Below]:
    titles, values = (
        {one["selector"]["id"]: one["properties"] for one in objects.get(name, [])}
        for name in ("referenceLabelTitle", "referenceLabelValue")
    )
    return [
        Below(
            value_of(titles[one["selector"]["id"]]["titleText"]),
            _field(one["properties"]["value"]["expr"]),
            value_of(values[one["selector"]["id"]]["showBlankAs"]),
        )
        for one in objects.get("referenceLabel", [])
    ]


def _condition(made: Any) -> DrawnFilter:
    column = _field(made["field"])
    [where] = made["filter"]["Where"]
    excluded = "Not" in where["Condition"]
    chosen = where["Condition"]["Not"]["Expression"] if excluded else where["Condition"]
    if made["type"] != "TopN":
        values = tuple(str(value_of(value)) for [value] in chosen["In"]["Values"])
        return DrawnFilter(column, values, excluded)
    query = made["filter"]["From"][0]["Expression"]["Subquery"]["Query"]
    sources = {one["Name"]: one["Entity"] for one in query["From"]}
    [(kind, one)] = query["OrderBy"][0]["Expression"].items()
    table = sources[one["Expression"]["SourceRef"]["Source"]]
    ranked = Field(table, one["Property"], kind, one["Property"])
    return DrawnFilter(column, by=ranked, count=query["Top"])


def _colours(objects: Any) -> dict[str, str]:
    found = {}
    for one in objects.get("dataPoint", []):
        selector = one.get("selector", {})
        if "metadata" in selector:
            found[selector["metadata"]] = str(value_of(one["properties"]["fill"]["solid"]["color"]))
        data = selector.get("data", [{}])[0]
        if "scopeId" in data:
            value = value_of(data["scopeId"]["Comparison"]["Right"])
            found[str(value)] = str(value_of(one["properties"]["fill"]["solid"]["color"]))
    return found
