"""The kinds of visuals that pages are made of, each with the look of the web suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mergehouse.platform.powerbi.report.fields import Field, parts
from mergehouse.platform.powerbi.report.layout import Place, row
from mergehouse.platform.powerbi.report.literals import (
    Json,
    colour,
    number,
    properties,
    quoted,
    switch,
    text,
)
from mergehouse.platform.powerbi.report.theme import BOLD, PALETTE
from mergehouse.platform.powerbi.report.visuals import Visual, absent, default

Split = tuple[str, str, str | tuple[str, ...]]  # categories, what splits them, what is measured
Words = tuple[str, str, str]  # title, sub-line, alt text
EUROS = "#,0"  # whole ones, where the sub-line says that they are euros
HIDDEN = properties(show=switch(False))


def card(
    name: str,
    place: Place,
    measure: str,
    label: str,
    alt: str,
    below: Sequence[tuple[str, str]] = (),
    size: int = 20,
) -> Visual:
    """One figure with its name above it, and others, with their words, below it."""
    return Visual(
        name,
        "cardVisual",
        place,
        alt,
        roles={"Data": (measure,)},
        labels={measure: label},
        below=below,
        objects={
            "value": default(
                fontSize=number(size),
                fontFamily=text(BOLD),
                horizontalAlignment=text("left"),
                showBlankAs=text(absent(measure)),
            ),
            "label": default(
                position=text("aboveValue"),
                fontSize=number(10),
                fontColor=colour(PALETTE["muted"]),
                horizontalAlignment=text("left"),
            ),
            "outline": default(show=switch(False)),
        },
        phone=104,
        phone_half=True,
    )


def cards(of: Sequence[tuple[str, str, str, str]], top: int) -> list[Visual]:
    """Cards beside each other: the name, measure, label and alt text of each."""
    return [
        card(name, place, measure, label, alt)
        for (name, measure, label, alt), place in zip(of, row(len(of), top, 84), strict=True)
    ]


def sentence(name: str, place: Place, measure: str, alt: str, size: int = 10) -> Visual:
    """A measure that is a text, such as how the figures were made."""
    return Visual(
        name,
        "cardVisual",
        place,
        alt,
        roles={"Data": (measure,)},
        objects={
            "value": default(
                fontSize=number(size),
                fontColor=colour(PALETTE["muted"]),
                horizontalAlignment=text("left"),
                textWrap=switch(True),
            ),
            "label": default(show=switch(False)),
            "outline": default(show=switch(False)),
        },
        container={
            "background": HIDDEN,
            "border": HIDDEN,
            "padding": properties(top=number(0), bottom=number(0), left=number(0), right=number(0)),
        },
        phone=64,
    )


def line(name: str, place: Place, of: tuple[str, str, str], words: Words, **more: Any) -> Visual:
    """`of`: the axis, what makes lines, what is measured."""
    axis, series, measure = of
    return _plot(
        Visual(
            name,
            "lineChart",
            place,
            words[2],
            roles={"Category": (axis,), "Y": (measure,)} | ({"Series": (series,)} if series else {}),
            sort=(axis, "Ascending"),
            objects={"lineStyles": properties(strokeWidth=number(2), showMarker=switch(False))},
            phone=240,
        ),
        words,
        more,
    )


def bars(
    name: str,
    place: Place,
    of: Split,
    words: Words,
    **more: Any,
) -> Visual:
    """Horizontal bars, the longest first, with their values. `of`: categories, what makes bars of each
    ("" for one), what is measured, which may be several.
    """
    return _bars("clusteredBarChart", name, place, of, words, more)


def stacked(
    name: str,
    place: Place,
    of: Split,
    words: Words,
    **more: Any,
) -> Visual:
    """Horizontal bars, each cut into its series."""
    return _bars("barChart", name, place, of, words, more)


def columns(
    name: str,
    place: Place,
    of: Split,
    words: Words,
    **more: Any,
) -> Visual:
    """Columns in the order of their axis."""
    return _bars("clusteredColumnChart", name, place, of, words, more | {"sort": (of[0], "Ascending")})


def _bars(
    kind: str,
    name: str,
    place: Place,
    of: Split,
    words: Words,
    more: Any,
) -> Visual:
    category, series, measure = of
    measures = (measure,) if isinstance(measure, str) else measure
    return _plot(
        Visual(
            name,
            kind,
            place,
            words[2],
            roles={"Category": (category,), "Y": measures} | ({"Series": (series,)} if series else {}),
            sort=(measures[0], "Descending"),
            objects={
                "labels": properties(show=switch(True), fontSize=number(9), color=colour(PALETTE["ink"])),
                **({"legend": HIDDEN} if not series and len(measures) == 1 else {}),
            },
            phone=260,
        ),
        words,
        more,
    )


def _plot(visual: Visual, words: Words, more: Mapping[str, Any]) -> Visual:
    return replace(visual, title=words[0], subtitle=words[1], **more)


def table(
    name: str, place: Place, shown: Mapping[str, str], words: Words, totals: bool = True, **more: Any
) -> Visual:
    """Rows with, or without, a total. `shown`: each field and what its column is called."""
    made = Visual(
        name,
        "tableEx",
        place,
        words[2],
        roles={"Values": tuple(shown)},
        labels=shown,
        objects={"total": properties(totals=switch(totals))},
        phone=320,
    )
    return _plot(made, words, more)


def matrix(
    name: str,
    place: Place,
    of: tuple[str, str, Mapping[str, str]],
    words: Words,
    on_rows: bool = False,
    shaded: bool = False,
    totals: bool = True,
    **more: Any,
) -> Visual:
    """`of`: what rows are ("" with `on_rows`, where measures are), what columns are, the measures.
    `shaded`: cells are the darker the more the first measure is; `totals`: with the sums of rows and columns.
    """
    rows, across, shown = of
    measures = tuple(shown)
    objects: dict[str, list[Json]] = {
        "subTotals": properties(
            rowSubtotals=switch(totals and not on_rows),
            rowSubtotalsLabel=text("All"),
            columnSubtotals=switch(totals),
            columnSubtotalsLabel=text("All"),
        )
    }
    if on_rows:
        objects["values"] = properties(valuesOnRow=switch(True))
    if shaded:
        objects["values"] = [
            {
                "properties": {"backColor": _shade(measures[0])},
                "selector": {
                    "data": [{"dataViewWildcard": {"matchingOption": 1}}],
                    "metadata": _measure(measures[0]).query_ref,
                },
            }
        ]
    made = Visual(
        name,
        "pivotTable",
        place,
        words[2],
        roles=({"Rows": (rows,)} if rows else {}) | {"Columns": (across,), "Values": measures},
        labels=shown,
        objects=objects,
        phone=280,
    )
    return _plot(made, words, more)


def _measure(reference: str) -> Field:
    table, name = parts(reference)
    return Field(table, name, "Measure", name)


def _shade(measure: str) -> Json:
    """From the palest to the middle of one hue, by a measure: ink is read on all of them."""
    value = _measure(measure).expression()
    ends = {
        end: {"color": {"Literal": {"Value": quoted(PALETTE[shade])}}}
        for end, shade in (("min", "ramp-1"), ("max", "ramp-3"))
    }
    rule = {
        "linearGradient2": ends | {"nullColoringStrategy": {"strategy": {"Literal": {"Value": "'noColor'"}}}}
    }
    return {"solid": {"color": {"expr": {"FillRule": {"Input": value, "FillRule": rule}}}}}


def treemap(name: str, place: Place, of: tuple[str, str, str], words: Words, **more: Any) -> Visual:
    """`of`: what areas are, what their size is, what their shade is."""
    group, size, shade = of
    made = Visual(
        name,
        "treemap",
        place,
        words[2],
        roles={"Group": (group,), "Values": (size,), "Tooltips": (shade,)},
        objects={
            "dataPoint": [
                {
                    "properties": {"fill": _shade(shade)},
                    "selector": {"data": [{"dataViewWildcard": {"matchingOption": 1}}]},
                }
            ],
            "legend": HIDDEN,
            "labels": properties(show=switch(True), fontSize=number(9), color=colour(PALETTE["ink"])),
            "categoryLabels": properties(show=switch(True), fontSize=number(9), color=colour(PALETTE["ink"])),
        },
        phone=280,
    )
    return _plot(made, words, more)


def waterfall(name: str, place: Place, of: tuple[str, str], words: Words, **more: Any) -> Visual:
    """Steps that add up. `of`: the steps, what each changes."""
    category, measure = of
    made = Visual(
        name,
        "waterfallChart",
        place,
        words[2],
        roles={"Category": (category,), "Y": (measure,)},
        sort=(category, "Ascending"),
        objects={
            "labels": properties(show=switch(True), fontSize=number(9)),
            "legend": HIDDEN,
            "sentimentColors": properties(
                increaseFill=colour(PALETTE["better"]),
                decreaseFill=colour(PALETTE["worse"]),
                totalFill=colour(PALETTE["ink"]),
            ),
        },
        phone=280,
    )
    return _plot(made, words, more)
