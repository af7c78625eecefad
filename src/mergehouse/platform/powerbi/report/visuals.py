"""Visuals as pages describe them, and as PBIR writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mergehouse.platform.powerbi.report import literals
from mergehouse.platform.powerbi.report.filters import Filter, Find
from mergehouse.platform.powerbi.report.layout import Place
from mergehouse.platform.powerbi.report.literals import Json
from mergehouse.platform.powerbi.report.theme import BOLD, FONT, PALETTE

SCHEMA = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/visualContainer/2.9.0/schema.json"
ABSENT = {  # by how names of measures end
    "year on year": "not comparable",
    "where observable": "not observable yet",
    "in window": "not observable yet",
    "per day": "not observable yet",
}
DEFAULT = {"id": "default"}  # the state of new visuals that nothing is done with


@dataclass(frozen=True)
class Visual:
    """A visual and where it stands.

    `roles` are the fields (`Table[Name]`) of each role, `labels` what they are called and `formats` how they
    are written, where not as in the model; `alt` says what is seen to who does not see it; `below` are
    measures with their words under the value of a card; `coloured` is the column whose values have the
    brands' colours, `fills` those that measures have of the palette; `chosen` are roles whose one field is
    taken from a field parameter; `tooltip` is the page that is shown over its marks; `sync` keeps what is
    chosen on all pages; `beside` are the fields of what it is the heading or the buttons of; `phone` is its
    height on a phone, 0 where it is not there.
    """

    name: str
    kind: str
    place: Place
    alt: str
    title: str = ""
    subtitle: str = ""
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, list[Json]] = field(default_factory=dict)
    container: Mapping[str, list[Json]] = field(default_factory=dict)
    below: Sequence[tuple[str, str]] = ()
    coloured: str = ""
    fills: Mapping[str, str] = field(default_factory=dict)
    filters: Sequence[Filter] = ()
    sort: tuple[str, str] | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)
    tooltip: str = ""
    sync: str = ""
    beside: Sequence[str] = ()
    hidden: bool = False
    phone: int = 0
    phone_half: bool = False

    @property
    def references(self) -> tuple[str, ...]:
        """Every field without whose table it is not there."""
        shown = [reference for references in self.roles.values() for reference in references]
        filtered = [reference for one in self.filters for reference in one.references]
        below = [reference for _, reference in self.below]
        return (*shown, *filtered, *below, *self.chosen.values(), *self.beside)


def written(visual: Visual, order: int, find: Find, colours: Mapping[str, str], page: str) -> Json:
    """visual.json; `order` is its place among the page's visuals when tabbing through."""
    place = visual.place
    body: dict[str, Any] = {"visualType": visual.kind}
    if visual.roles:
        state = {role: _role(visual, role, find) for role in visual.roles}
        body["query"] = {"queryState": state}
        if visual.sort:
            by, direction = visual.sort
            sort = [{"field": find(by).expression(), "direction": direction}]
            body["query"]["sortDefinition"] = {"sort": sort, "isDefaultSort": False}
    objects = dict(visual.objects) | _below(visual, find)
    if points := [*_brand_colours(visual, find, colours), *_fills(visual, find)]:
        objects["dataPoint"] = points
    if objects:
        body["objects"] = objects
    body["visualContainerObjects"] = _container(visual)
    body["drillFilterOtherVisuals"] = True
    if visual.sync:
        body["syncGroup"] = {"groupName": visual.sync, "fieldChanges": True, "filterChanges": True}
    made: Json = {
        "$schema": SCHEMA,
        "name": visual.name,
        "position": {
            "x": place.x,
            "y": place.y,
            "z": order * 1000,
            "height": place.height,
            "width": place.width,
            "tabOrder": order * 1000,
        },
        "visual": body,
    }
    if visual.filters:
        made["filterConfig"] = {
            "filters": [
                one.written(f"{page}_{visual.name}_{n}", find) for n, one in enumerate(visual.filters)
            ]
        }
    return made | ({"isHidden": True} if visual.hidden else {})


def _role(visual: Visual, role: str, find: Find) -> Json:
    made: Json = {"projections": [_projection(visual, each, find) for each in visual.roles[role]]}
    if role in visual.chosen:
        parameter = find(visual.chosen[role]).expression()
        made["fieldParameters"] = [{"parameterExpr": parameter, "index": 0, "length": 1}]
    return made


def _projection(visual: Visual, reference: str, find: Find) -> Json:
    found = find(reference)
    made = replace(found, label=visual.labels.get(reference, found.name)).projection()
    return made | ({"format": visual.formats[reference]} if reference in visual.formats else {})


def _container(visual: Visual) -> dict[str, list[Json]]:
    """Title, sub-line, alt text and tooltip page, which all kinds of visuals have."""
    made = dict(visual.container)
    made["title"] = literals.properties(
        show=literals.switch(bool(visual.title)),
        **(
            {"text": literals.text(visual.title), "heading": literals.text("Heading3")}
            if visual.title
            else {}
        ),
    )
    if visual.subtitle:
        made["subTitle"] = literals.properties(
            show=literals.switch(True), text=literals.text(visual.subtitle)
        )
    made["general"] = literals.properties(altText=literals.text(visual.alt))
    if visual.tooltip:
        made["visualTooltip"] = literals.properties(
            show=literals.switch(True),
            type=literals.text("Canvas"),
            section=literals.text(visual.tooltip),
        )
    return made


def _below(visual: Visual, find: Find) -> dict[str, list[Json]]:
    """Reference labels of a card: other measures, each with its words, below the value."""
    if not visual.below:
        return {}
    of = find(visual.roles["Data"][0]).query_ref
    labels, titles, values = [], [], []
    for order, (words, reference) in enumerate(visual.below):
        name = f"below-{order}"
        here = {"metadata": of, "id": name}
        wildcard = [{"dataViewWildcard": {"matchingOption": 0}}]
        labels.append(
            {
                "properties": {"value": {"expr": find(reference).expression()}},
                "selector": {"data": wildcard, **here, "order": order},
            }
        )
        titles.append(
            {
                "properties": {
                    "show": literals.switch(True),
                    "titleContentType": literals.text("custom"),
                    "titleText": literals.text(words),
                },
                "selector": here,
            }
        )
        blank = literals.text(absent(reference))
        values.append(
            {"properties": {"textWrap": literals.switch(True), "showBlankAs": blank}, "selector": here}
        )
    return {"referenceLabel": labels, "referenceLabelTitle": titles, "referenceLabelValue": values}


def _fills(visual: Visual, find: Find) -> list[Json]:
    return [
        {
            "properties": {"fill": literals.colour(PALETTE[name])},
            "selector": {"metadata": find(reference).query_ref},
        }
        for reference, name in visual.fills.items()
    ]


def _brand_colours(visual: Visual, find: Find, colours: Mapping[str, str]) -> list[Json]:
    """A brand keeps its colour on all pages, whatever else a plot has."""
    if not visual.coloured:
        return []
    column = find(visual.coloured).expression()
    return [
        {
            "properties": {"fill": literals.colour(colour)},
            "selector": {
                "data": [
                    {
                        "scopeId": {
                            "Comparison": {
                                "ComparisonKind": 0,
                                "Left": column,
                                "Right": {"Literal": {"Value": literals.quoted(label)}},
                            }
                        }
                    }
                ]
            },
        }
        for label, colour in colours.items()
    ]


def absent(measure: str) -> str:
    """What stands where a measure has no value, in the words of the web suite.

    >>> absent("Sales[GMV year on year]"), absent("Sales[GMV]")
    ('not comparable', 'no data')
    """
    name = measure.removesuffix("]")
    return next((words for ending, words in ABSENT.items() if name.endswith(ending)), "no data")


def default(**values: Json) -> list[Json]:
    """A formatting object of new visuals, which have one for each of their states."""
    return [{"properties": values, "selector": DEFAULT}]


def words(name: str, place: Place, text: str, size: int, bold: bool = False, colour: str = "ink") -> Visual:
    """A line of text on the page."""
    style = {"fontFamily": BOLD if bold else FONT, "fontSize": f"{size}pt", "color": PALETTE[colour]}
    return Visual(
        name,
        "textbox",
        place,
        text,
        objects={
            "general": literals.properties(paragraphs=[{"textRuns": [{"value": text, "textStyle": style}]}])
        },
        container={
            "padding": literals.properties(
                top=literals.number(0),
                bottom=literals.number(0),
                left=literals.number(0),
                right=literals.number(0),
            )
        },
    )
