"""What a reader works a page with: slicers, sliders, buttons, the list of pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from mergehouse.platform.powerbi.report.fields import Field, parts
from mergehouse.platform.powerbi.report.filters import Values
from mergehouse.platform.powerbi.report.layout import Place
from mergehouse.platform.powerbi.report.literals import Json, colour, number, properties, switch, text, whole
from mergehouse.platform.powerbi.report.theme import PALETTE
from mergehouse.platform.powerbi.report.visuals import Visual, default

Choice = Literal["many", "one", "always one"]


def slicer(
    name: str,
    place: Place,
    column: str,
    label: str,
    choice: Choice = "many",
    first: str = "",
    sync: bool = True,
) -> Visual:
    """What figures are of: a list that opens. `choice`: how many values at once, `always one` with no way to
    choose none; `first`: what is chosen until somebody chooses otherwise; `sync`: on all pages at once.
    """
    return _slicer(name, place, column, label, "Dropdown", choice, first, sync)


def slider(name: str, place: Place, column: str, label: str) -> Visual:
    """A number that is chosen."""
    made = _slicer(name, place, column, label, "Single", "many", "", False)
    return replace(made, phone_half=False, phone=96)


def _slicer(
    name: str, place: Place, column: str, label: str, mode: str, choice: Choice, first: str, sync: bool
) -> Visual:
    table, named = parts(column)
    chosen = Values(column, (first,)).written(name, lambda _: Field(table, named, "Column", named))
    return Visual(
        name,
        "slicer",
        place,
        f"Choose: {label}",
        roles={"Values": (column,)},
        sync=column if sync else "",
        objects=({"general": properties(filter={"filter": chosen["filter"]})} if first else {})
        | {
            "data": properties(mode=text(mode)),
            "header": properties(
                show=switch(True), text=text(label), fontColor=colour(PALETTE["muted"]), textSize=number(9)
            ),
            "selection": properties(
                singleSelect=switch(choice != "many"), strictSingleSelect=switch(choice == "always one")
            ),
        },
        phone=84,
        phone_half=True,
    )


def button(name: str, place: Place, words: str, action: str, alt: str) -> Visual:
    """`action`: Back, or ClearAllSlicers."""
    return Visual(
        name,
        "actionButton",
        place,
        alt,
        objects={
            "icon": default(
                shapeType=text("back" if action == "Back" else "clearAllSlicers"),
                lineColor=colour(PALETTE["brand-1"]),
            ),
            "text": default(
                show=switch(True), text=text(words), fontColor=colour(PALETTE["brand-1"]), fontSize=number(10)
            ),
            "outline": default(show=switch(True), lineColor=colour(PALETTE["line"]), weight=number(1)),
            "fill": default(show=switch(True), fillColor=colour(PALETTE["card"])),
        },
        container={"visualLink": properties(show=switch(True), type=text(action))},
        phone=44,
        phone_half=True,
    )


def navigator(name: str, place: Place) -> Visual:
    """The list of pages; pages that one only comes to from others are not on it."""
    return Visual(
        name,
        "pageNavigator",
        place,
        "Pages of this report",
        objects=_tabs()
        | {
            "pages": properties(showHiddenPages=switch(False), showTooltipPages=switch(False)),
            "layout": properties(orientation=whole(0), cellPadding=whole(4)),
        },
    )


def views(name: str, place: Place, group: str) -> Visual:
    """Buttons for the bookmarks of a group."""
    return Visual(
        name,
        "bookmarkNavigator",
        place,
        "Plot or table",
        objects=_tabs()
        | {
            "bookmarks": properties(bookmarkGroup=text(group)),
            "layout": properties(orientation=whole(0), cellPadding=whole(4)),
        },
    )


def _tabs() -> dict[str, list[Json]]:
    chosen = {"id": "selected"}
    return {
        "fill": [
            *default(show=switch(True), fillColor=colour(PALETTE["card"])),
            {"properties": {"fillColor": colour(PALETTE["ramp-1"])}, "selector": chosen},
        ],
        "text": [
            *default(fontColor=colour(PALETTE["muted"]), fontSize=number(10)),
            {"properties": {"fontColor": colour(PALETTE["ink"]), "bold": switch(True)}, "selector": chosen},
        ],
        "outline": default(show=switch(False)),
    }
