"""Defects that are seeded in the files of a report and its project, each of which must be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.platform.defects import Defect, Seed, changed, removed, write_table

PAGES = "definition/pages"
TREND = f"{PAGES}/executive/visuals/trend/visual.json"
CARD = f"{PAGES}/executive/visuals/net_revenue/visual.json"
EXPLORED, CATEGORIES, BRANDS = (
    f"{PAGES}/executive/visuals/{name}/visual.json" for name in ("explored", "categories", "brands")
)
REGIONS, LOST = (
    f"{PAGES}/customers/visuals/regions/visual.json",
    f"{PAGES}/what_if/visuals/segments/visual.json",
)
SLICER, LOW = (f"{PAGES}/executive/visuals/{name}/visual.json" for name in ("choose_brand", "choose_region"))
EXECUTIVE, SEGMENT = f"{PAGES}/executive/page.json", f"{PAGES}/segment/page.json"
OURS, MICROSOFT, SCHEMAS = "checks before writing", "Microsoft's validator", "Microsoft's published schema"


def _projection(role: str) -> Callable[[Any], Any]:
    return lambda made: made["visual"]["query"]["queryState"][role]["projections"][0]


def _field(role: str, **named: str) -> Seed:
    def change(made: Any) -> None:
        [one] = _projection(role)(made)["field"].values()
        if "table" in named:
            one["Expression"]["SourceRef"]["Entity"] = named["table"]
        if "name" in named:
            one["Property"] = named["name"]

    return changed(TREND, change)


def _filter_column(made: Any) -> None:
    where = made["filterConfig"]["filters"][0]["filter"]["Where"][0]["Condition"]
    where["Not"]["Expression"]["In"]["Expressions"][0]["Column"]["Property"] = "Segmnt"


def _cover(made: Any) -> None:
    made["position"] |= {"x": 40, "y": 300}


OWN = [
    Defect(
        "measure",
        "a visual shows a measure that the model does not have",
        OURS,
        _field("Y", name="Net revenu"),
        "`Sales` has no measure `Net revenu`",
    ),
    Defect(
        "column",
        "a visual shows a column that the model does not have",
        OURS,
        _field("Series", name="Brands"),
        "`Brand` has no column `Brands`",
    ),
    Defect(
        "table",
        "a visual shows a table that the model does not have",
        OURS,
        _field("Category", table="Weeks"),
        "`Weeks` is no table of the model",
    ),
    Defect(
        "filter_column",
        "a filter is about a column that the model does not have",
        OURS,
        changed(f"{PAGES}/customers/visuals/segments/visual.json", _filter_column),
        "`Customer by brand` has no column `Segmnt`",
    ),
    Defect(
        "below",
        "a reference label of a card shows a measure that is not there",
        OURS,
        changed(
            CARD,
            lambda m: m["visual"]["objects"]["referenceLabel"][0]["properties"]["value"]["expr"][
                "Measure"
            ].update(Property="Growth"),
        ),
        "`Sales` has no measure `Growth`",
    ),
    Defect(
        "query_ref",
        "a projection is called by the name of another field",
        OURS,
        changed(TREND, lambda m: _projection("Y")(m).update(queryRef="Sales.GMV")),
        "is not that of its field",
    ),
    Defect(
        "literal",
        "a number is written without its type, `12` for `12D`",
        OURS,
        changed(
            CARD,
            lambda m: m["visual"]["objects"]["value"][0]["properties"]["fontSize"]["expr"]["Literal"].update(
                Value="12"
            ),
        ),
        "`12` is no literal",
    ),
    Defect(
        "quote",
        "a text with a quote in it is not closed",
        OURS,
        changed(
            TREND,
            lambda m: m["visual"]["visualContainerObjects"]["general"][0]["properties"]["altText"]["expr"][
                "Literal"
            ].update(Value="'the brand's weeks'"),
        ),
        "is no literal",
    ),
    Defect(
        "alt_text",
        "a visual has no alt text",
        OURS,
        changed(TREND, lambda m: m["visual"]["visualContainerObjects"].pop("general")),
        "trend: no alt text",
    ),
    Defect(
        "tab_order",
        "two visuals have the same place in the tab order",
        OURS,
        changed(TREND, lambda m: m["position"].update(tabOrder=0)),
        "tab order 0",
    ),
    Defect(
        "cover",
        "two visuals cover each other",
        OURS,
        changed(CARD, _cover),
        "net_revenue and trend cover each other",
    ),
    Defect(
        "tooltip",
        "a visual's tooltip is a page that is no tooltip",
        OURS,
        changed(
            TREND,
            lambda m: m["visual"]["visualContainerObjects"]["visualTooltip"][0]["properties"]["section"][
                "expr"
            ]["Literal"].update(Value="'customers'"),
        ),
        "is no tooltip page",
    ),
    Defect(
        "way_back",
        "a drill-through page has no way back",
        OURS,
        removed(f"{PAGES}/segment/visuals/back/visual.json"),
        "without a button that leads back",
    ),
    Defect(
        "drill",
        "what one drills through by is bound to no filter",
        OURS,
        changed(SEGMENT, lambda m: m["pageBinding"]["parameters"][0].update(boundFilter="other")),
        "bound to no filter",
    ),
    Defect(
        "first_page",
        "the page that opens first is hidden",
        OURS,
        changed("pages.json", lambda m: m.update(activePageName="segment")),
        "opens first is none of the list",
    ),
    Defect(
        "bookmark_visual",
        "a bookmark hides a visual that is not there",
        OURS,
        changed(
            "executive_plot.bookmark.json",
            lambda m: m["explorationState"]["sections"]["executive"]["visualContainers"].update(gone={}),
        ),
        "has no visual `gone`",
    ),
    Defect(
        "bookmark_list",
        "a bookmark is on no list",
        OURS,
        changed("bookmarks.json", lambda m: m["items"][0]["children"].pop()),
        "not those that there are",
    ),
    Defect(
        "bookmark_group",
        "buttons are those of a group of bookmarks that is not there",
        OURS,
        changed(
            "executive/visuals/views/visual.json",
            lambda m: m["visual"]["objects"]["bookmarks"][0]["properties"]["bookmarkGroup"]["expr"][
                "Literal"
            ].update(Value="'none'"),
        ),
        "no group `none`",
    ),
    Defect(
        "phone_width",
        "a visual is wider than a phone",
        OURS,
        changed("executive/visuals/trend/mobile.json", lambda m: m["position"].update(width=600)),
        "reaches beyond the phone",
    ),
    Defect(
        "phone_cover",
        "two visuals cover each other on a phone",
        OURS,
        changed("executive/visuals/trend/mobile.json", lambda m: m["position"].update(y=0)),
        "cover each other on the phone",
    ),
    Defect(
        "version_schema",
        "version.json does not name its schema",
        OURS,
        changed("version.json", lambda m: m.pop("$schema")),
        "no $schema",
    ),
    Defect(
        "selector",
        "a format is for a field that its visual does not show",
        OURS,
        changed(CARD, lambda m: m["visual"]["objects"]["referenceLabel"][0]["selector"].update(metadata="x")),
        "`referenceLabel` is for `x`",
    ),
    Defect(
        "name",
        "a visual's folder has a name that Power BI does not take",
        OURS,
        lambda texts: texts.update({f"{PAGES}/executive/visuals/a b/visual.json": texts.pop(TREND)}),
        "names have up to 50",
    ),
]
# in the files that open the project, by their paths in its folder
OPENING = [
    Defect(
        "dataset",
        "the .pbip names the model, on which Desktop closes",
        OURS,
        changed(".pbip", lambda m: m["artifacts"].append({"dataset": {"path": "x"}})),
        "its artefacts are",
    ),
    Defect(
        "model_place",
        "the report looks for its model in another folder",
        OURS,
        changed(
            "definition.pbir", lambda m: m["datasetReference"]["byPath"].update(path="../other.SemanticModel")
        ),
        "there is no model at",
    ),
]
THEIRS = [
    Defect(
        "visual_type",
        "a kind of visual is misspelt",
        MICROSOFT,
        changed(TREND, lambda m: m["visual"].update(visualType="lineChrt")),
        "PBIR_VISUAL_TYPE_UNKNOWN",
    ),
    Defect(
        "role",
        "a role of a visual is misspelt",
        MICROSOFT,
        changed(
            EXPLORED,
            lambda m: m["visual"]["query"]["queryState"].update(
                Yy=m["visual"]["query"]["queryState"].pop("Y")
            ),
        ),
        "PBIR_ROLE_UNKNOWN",
    ),
    Defect(
        "object",
        "a formatting object is misspelt",
        MICROSOFT,
        changed(CATEGORIES, lambda m: m["visual"]["objects"].update(lineStyle=[{"properties": {}}])),
        "PBIR_FORMATTING_OBJECT_UNKNOWN",
    ),
    Defect(
        "property",
        "a formatting property is misspelt",
        MICROSOFT,
        changed(
            REGIONS,
            lambda m: m["visual"]["objects"]["labels"][0]["properties"].update(
                fontSze={"expr": {"Literal": {"Value": "9D"}}}
            ),
        ),
        "PBIR_FORMATTING_PROP_UNKNOWN",
    ),
    Defect(
        "enumeration",
        "a property has a value that is none of its own",
        MICROSOFT,
        changed(
            SLICER,
            lambda m: m["visual"]["objects"]["data"][0]["properties"]["mode"]["expr"]["Literal"].update(
                Value="'Dropped'"
            ),
        ),
        "PBIR_FORMATTING_ENUM_INVALID",
    ),
    Defect(
        "container",
        "an object of the frame is misspelt",
        MICROSOFT,
        changed(BRANDS, lambda m: m["visual"]["visualContainerObjects"].update(titel=[{"properties": {}}])),
        "PBIR_VCO_UNKNOWN",
    ),
    Defect(
        "beyond",
        "a visual reaches beyond its page",
        MICROSOFT,
        changed(CARD, lambda m: m["position"].update(x=1400)),
        "PBIR_LAYOUT_OUT_OF_BOUNDS_WIDTH",
    ),
    Defect(
        "slicer_height",
        "a list to choose from is too low to open",
        MICROSOFT,
        changed(LOW, lambda m: m["position"].update(height=40)),
        "PBIR_SLICER_HEIGHT_BELOW_FLOOR",
    ),
    Defect(
        "filter_name",
        "a filter has no name",
        MICROSOFT,
        changed(SEGMENT, lambda m: m["filterConfig"]["filters"][0].pop("name")),
        "PBIR_FILTER_NAME_MISSING",
    ),
    Defect(
        "page_order",
        "the order of pages has one that is not there",
        MICROSOFT,
        changed("pages.json", lambda m: m["pageOrder"].append("gone")),
        "PBIR_PAGE_JSON_MISSING",
    ),
    Defect(
        "page_name",
        "a page is called otherwise than its folder",
        MICROSOFT,
        changed(EXECUTIVE, lambda m: m.update(name="exec")),
        "PBIR_PAGE_NAME_MISMATCH",
    ),
    Defect(
        "theme_file",
        "the theme's file is not there",
        MICROSOFT,
        removed("RegisteredResources/mergehouse.json"),
        "PBIR_THEME_FILE_MISSING",
    ),
    Defect(
        "theme_colour",
        "a colour of the theme is none",
        MICROSOFT,
        changed("RegisteredResources/mergehouse.json", lambda m: m["dataColors"].append("1f5fa8")),
        "PBIR_THEME_DATACOLORS_INVALID",
    ),
    Defect(
        "schema_version",
        "a file names a schema that was never published",
        MICROSOFT,
        changed(LOST, lambda m: m.update({"$schema": m["$schema"].replace("2.9.0", "9.9.9")})),
        "PBIR_SCHEMA_UNREACHABLE",
    ),
    Defect(
        "no_pages",
        "the list of pages is not there",
        MICROSOFT,
        removed("pages.json"),
        "PBIR_PAGES_JSON_MISSING",
    ),
]
AGAINST_SCHEMAS = [
    Defect(
        "height",
        "a visual has no height",
        SCHEMAS,
        changed(TREND, lambda m: m["position"].pop("height")),
        "'height' is a required property",
    ),
    Defect(
        "display",
        "a page is scaled in a way that there is not",
        SCHEMAS,
        changed(EXECUTIVE, lambda m: m.update(displayOption="FitToPge")),
        "displayOption",
    ),
    Defect(
        "key",
        "a page has a key that there is not",
        SCHEMAS,
        changed(EXECUTIVE, lambda m: m.update(hieght=1)),
        "'hieght' was unexpected",
    ),
    Defect(
        "bookmark_version",
        "a bookmark does not say of which version it is",
        SCHEMAS,
        changed("executive_plot.bookmark.json", lambda m: m["explorationState"].pop("version")),
        "'version' is a required property",
    ),
]


def report_defects() -> list[Defect]:
    """All of them, in the order of the manual's table."""
    return [*OWN, *OPENING, *THEIRS, *AGAINST_SCHEMAS]


if __name__ == "__main__":
    write_table("defects of the report", report_defects())
