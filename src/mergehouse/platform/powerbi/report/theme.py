"""The theme of the report: the colours, letters and frames of the web suite, light."""

from __future__ import annotations

from typing import Any

NAME = "mergehouse.json"  # of the theme and of its file, which must be the same
SCHEMA = (
    "https://raw.githubusercontent.com/microsoft/powerbi-desktop-samples/main/Report%20Theme%20JSON%20Schema"
    "/reportThemeSchema-2.152.json"
)
# Names and colours as in the web suite's style.css, which a test holds them to.
PALETTE = {
    "page": "#f6f7f9",
    "card": "#ffffff",
    "ink": "#1a1f27",
    "muted": "#5b6472",
    "line": "#d9dde3",
    "field": "#868e9b",
    "brand-1": "#1f5fa8",
    "brand-2": "#b8540b",
    "series-3": "#3f3355",
    "series-4": "#bb769d",
    "series-5": "#8a956c",
    "better": "#00736b",
    "worse": "#b3261e",
    "ramp-1": "#dce9f7",
    "ramp-2": "#a9c9ea",
    "ramp-3": "#6ba0d6",
    "ramp-4": "#2f73b8",
    "ramp-5": "#134a86",
}
SERIES = ("brand-1", "brand-2", "series-3", "series-4", "series-5")
PLOTS = ("lineChart", "barChart", "clusteredBarChart", "clusteredColumnChart")
FONT, BOLD = "Segoe UI", "Segoe UI Semibold"


def theme() -> dict[str, Any]:
    """The theme file, by Microsoft's report theme schema.

    >>> theme()["dataColors"][:2]
    ['#1f5fa8', '#b8540b']
    """
    return {
        "$schema": SCHEMA,
        "name": NAME,
        "dataColors": [PALETTE[name] for name in SERIES],
        "background": PALETTE["card"],
        "foreground": PALETTE["ink"],
        "foregroundNeutralSecondary": PALETTE["muted"],
        "foregroundNeutralTertiary": PALETTE["field"],
        "backgroundLight": PALETTE["page"],
        "backgroundNeutral": PALETTE["line"],
        "tableAccent": PALETTE["brand-1"],
        "hyperlink": PALETTE["brand-1"],
        "good": PALETTE["better"],
        "neutral": PALETTE["muted"],
        "bad": PALETTE["worse"],
        "minimum": PALETTE["ramp-1"],
        "center": PALETTE["ramp-3"],
        "maximum": PALETTE["ramp-5"],
        "textClasses": {
            "callout": {"fontFace": BOLD, "fontSize": 20, "color": PALETTE["ink"]},
            "title": {"fontFace": BOLD, "fontSize": 12, "color": PALETTE["ink"]},
            "header": {"fontFace": BOLD, "fontSize": 10, "color": PALETTE["ink"]},
            "label": {"fontFace": FONT, "fontSize": 10, "color": PALETTE["ink"]},
        },
        "visualStyles": {
            "*": {"*": _every_visual()},
            "page": {"*": _page()},
            "tableEx": {"*": _table()},
            "pivotTable": {"*": _table()},
            **{kind: {"*": _axes()} for kind in PLOTS},
            **{kind: {"*": _bare()} for kind in ("textbox", "actionButton", "pageNavigator")},
        },
    }


def _solid(name: str) -> dict[str, Any]:
    return {"solid": {"color": PALETTE[name]}}


def _every_visual() -> dict[str, Any]:
    """A card: white, a thin line around it, its corners a little round, no shadow."""
    return {
        "background": [{"show": True, "color": _solid("card"), "transparency": 0}],
        "border": [{"show": True, "color": _solid("line"), "radius": 6, "width": 1}],
        "dropShadow": [{"show": False}],
        "title": [{"fontFamily": BOLD, "fontSize": 12, "fontColor": _solid("ink"), "titleWrap": True}],
        "subTitle": [{"fontFamily": FONT, "fontSize": 9, "fontColor": _solid("muted"), "titleWrap": True}],
        "padding": [{"top": 10, "bottom": 10, "left": 12, "right": 12}],
        "visualHeader": [{"show": True}],
    }


def _page() -> dict[str, Any]:
    around = {"color": _solid("page"), "transparency": 0}
    return {"background": [around], "outspace": [around]}


def _table() -> dict[str, Any]:
    """Lines under rows, no stripes."""
    return {
        "grid": [
            {
                "gridVertical": False,
                "gridHorizontal": True,
                "gridHorizontalColor": _solid("line"),
                "rowPadding": 4,
                "outlineColor": _solid("line"),
            }
        ],
        "columnHeaders": [{"fontColor": _solid("muted"), "backColor": _solid("card"), "fontSize": 9}],
        "values": [
            {
                "fontColorPrimary": _solid("ink"),
                "fontColorSecondary": _solid("ink"),
                "fontSize": 10,
                "backColorPrimary": _solid("card"),
                "backColorSecondary": _solid("card"),
            }
        ],
    }


def _axes() -> dict[str, Any]:
    return {
        "categoryAxis": [{"showAxisTitle": False, "labelColor": _solid("muted"), "fontSize": 9}],
        "valueAxis": [
            {
                "showAxisTitle": False,
                "labelColor": _solid("muted"),
                "fontSize": 9,
                "gridlineShow": True,
                "gridlineColor": _solid("line"),
            }
        ],
        "legend": [{"show": True, "position": "Top", "labelColor": _solid("muted"), "fontSize": 9}],
    }


def _bare() -> dict[str, Any]:
    """Words and buttons stand on the page, not on cards."""
    return {"background": [{"show": False}], "border": [{"show": False}]}
