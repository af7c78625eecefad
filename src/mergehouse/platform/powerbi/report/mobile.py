"""The phone's layout: visuals below each other in the order of the page, small ones two in a row."""

from __future__ import annotations

from collections.abc import Sequence

from mergehouse.platform.powerbi.report.layout import PHONE, PHONE_GAP, Place
from mergehouse.platform.powerbi.report.literals import Json
from mergehouse.platform.powerbi.report.visuals import Visual

SCHEMA = (
    "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"
    "/visualContainerMobileState/2.4.0/schema.json"
)
HALF = (PHONE - PHONE_GAP) // 2


def places(visuals: Sequence[Visual]) -> dict[str, Place]:
    """Where each visual stands that a phone shows, by name."""
    found: dict[str, Place] = {}
    y, beside = 0, None
    for visual in visuals:
        if not visual.phone or visual.hidden:
            continue
        if beside and visual.phone_half and visual.phone == beside.height:
            found[visual.name] = Place(HALF + PHONE_GAP, beside.y, HALF, visual.phone)
            beside = None
            continue
        width = HALF if visual.phone_half else PHONE
        found[visual.name] = Place(0, y, width, visual.phone)
        beside = found[visual.name] if visual.phone_half else None
        y += visual.phone + PHONE_GAP
    return found


def written(place: Place, order: int) -> Json:
    """mobile.json."""
    return {
        "$schema": SCHEMA,
        "position": {
            "x": place.x,
            "y": place.y,
            "z": order * 1000,
            "height": place.height,
            "width": place.width,
            "tabOrder": order * 1000,
        },
    }
