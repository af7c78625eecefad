"""What stands at the top of every page: the list of pages, what the page is about, how its figures were made,
and what they are of.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergehouse.platform.powerbi.report.controls import Choice, button, navigator, slicer
from mergehouse.platform.powerbi.report.kinds import sentence
from mergehouse.platform.powerbi.report.layout import HEADER, STRIP, cell, row
from mergehouse.platform.powerbi.report.visuals import Visual, words

# Each with its column, and how many values of it can be chosen. Without a choice the model takes the usual.
SLICERS: dict[str, tuple[str, Choice]] = {
    "Brand": ("Brand[Brand]", "many"),
    "Region": ("Country[Region]", "many"),
    "Country": ("Country[Country]", "many"),
    "Weeks": ("Window[Weeks]", "one"),
    "Clock": ("Clock[Clock]", "one"),
}
HIGH = 76  # of a slicer with its name
METHODS = "Brand clock[Methods]"


def header(suite: str, title: str, slicers: Sequence[str], told: str = METHODS) -> list[Visual]:
    """`suite` is the name of the whole; `told` the measure that says how figures were made."""
    return [
        words("suite", cell(0, 3, HEADER, 36), suite, 12, bold=True, colour="brand-1"),
        navigator("pages", cell(3, 8, HEADER, 36)),
        button("reset", cell(11, 1, HEADER, 36), "Reset", "ClearAllSlicers", "Take back what is chosen"),
        *_about(title, told),
        *_slicers(slicers),
    ]


def drilled_header(suite: str, title: str, told: str, slicers: Sequence[str]) -> list[Visual]:
    """Of a page that one comes to from another: the way back in the place of the list, and the measure
    `told` that says of whom it is.
    """
    return [
        words("suite", cell(0, 4, HEADER, 36), suite, 12, bold=True, colour="brand-1"),
        button("back", cell(10, 2, HEADER, 36), "Back", "Back", "Back to the page before"),
        words("title", cell(0, 6, STRIP, 36), title, 20, bold=True),
        sentence("chosen", cell(0, 6, STRIP + 38, HIGH - 38), told, f"{title}: which one", 14),
        *_slicers(slicers),
    ]


def _about(title: str, told: str) -> list[Visual]:
    return [
        words("title", cell(0, 6, STRIP, 36), title, 20, bold=True),
        sentence(
            "methods", cell(0, 6, STRIP + 38, HIGH - 38), told, "How the figures on this page were made"
        ),
    ]


def _slicers(names: Sequence[str]) -> list[Visual]:
    first = 12 - max(2 * len(names), 0) if len(names) < 3 else 6
    places = row(len(names), STRIP, HIGH, first, 12 - first) if names else []
    return [
        slicer(f"choose_{name.lower()}", place, SLICERS[name][0], name, choice=SLICERS[name][1])
        for name, place in zip(names, places, strict=True)
    ]
