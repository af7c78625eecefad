"""Defects seeded in semantic models and DAX: in the files of a model that imports, or is in Direct Lake."""

from __future__ import annotations

import re
import uuid

from tests.platform.defects import Defect, Texts, removed, replaced, write_table

OURS, TOM, M = "checks before writing", "Microsoft's Tabular Object Model", "Microsoft's parser of M"
VALUES, ROWS = "evaluation over Gold", "rows compared with the web suite's"
SALES, BRANDS, CLOCK, DATES = (
    "tables/Sales.tmdl",
    "tables/Brand.tmdl",
    "tables/Brand clock.tmdl",
    "tables/Date.tmdl",
)
JOINS, MANAGER = "relationships.tmdl", "roles/brand_manager_shop.tmdl"
GMV = "SUM ( 'Sales'[GMV (EUR)] )"


def model_defects() -> list[Defect]:
    """Those of a model from a release, each found before anything is written."""
    return [Defect(name, broken, OURS, seed, says) for name, broken, seed, says in _OURS]


def _without_tag(texts: Texts) -> None:
    texts[SALES] = re.sub(r"\t\tlineageTag: .*\n", "", texts[SALES], count=1)


def _one_tag_twice(texts: Texts) -> None:
    first, second = re.findall(r"lineageTag: (.*)\n", texts[SALES])[:2]
    texts[SALES] = texts[SALES].replace(second, first)


def _two_sources(texts: Texts) -> None:
    release = 'expression Release = Json.Document(Folder.Files(#"Release folder"){0}[Content])\n'
    texts["expressions.tmdl"] = texts["expressions.tmdl"].replace(
        'Json.Document(Opened("gold/_releases/current.json"))', "Release"
    )
    texts["expressions.tmdl"] += f"{release}\tlineageTag: {uuid.uuid5(uuid.NAMESPACE_URL, 'Release')}\n"


def _joined_twice(texts: Texts) -> None:
    texts[JOINS] += texts[JOINS].split("\n\n")[0].replace("relationship ", "relationship a") + "\n"


def _two_ways(texts: Texts) -> None:
    texts[JOINS] += (
        "\nrelationship 00000000-0000-4000-8000-000000000001\n\tfromColumn: Product.'Brand of product'\n"
        "\ttoColumn: Brand.'Brand key'\n"
    )


_OURS = [
    (
        "bracket",
        "DAX without its closing bracket",
        replaced(SALES, GMV, GMV[:-2]),
        "[GMV]: `(` is not closed",
    ),
    (
        "column",
        "DAX names a column that is not there",
        replaced(SALES, GMV, "SUM ( 'Sales'[GMW] )"),
        "[GMV]: 'Sales' has no column [GMW]",
    ),
    (
        "table",
        "DAX names a table that is not there",
        replaced(SALES, GMV, "SUM ( 'Sails'[GMV (EUR)] )"),
        "[GMV]: there is no table 'Sails'",
    ),
    (
        "measure",
        "DAX names a measure that is not there",
        replaced(SALES, "DIVIDE ( [GMV], [Orders] )", "DIVIDE ( [GMV], [Order] )"),
        "[Average order value]: there is no measure [Order]",
    ),
    (
        "function",
        "DAX calls a function that there is not",
        replaced(SALES, GMV, GMV.replace("SUM", "SUMM")),
        "[GMV]: there is no function SUMM",
    ),
    (
        "variable",
        "DAX names a variable that was not made",
        replaced(SALES, "VAR since = [Window start]", "VAR sincd = [Window start]"),
        "[GMV in window]: there is no variable `since`",
    ),
    (
        "VAR",
        "DAX with VAR and without RETURN",
        replaced(CLOCK, "RETURN IF ( NOT ISBLANK ( opening )", "IF ( NOT ISBLANK ( opening )"),
        "[Days of data]: VAR and RETURN belong together",
    ),
    (
        "named as a table",
        "a variable that is called as a table is",
        replaced(CLOCK, "VAR fewest", "VAR week"),
        "[Weeks of window]: the variable `week` is called",
    ),
    (
        "text",
        "a text in DAX that is not closed",
        replaced(CLOCK, '"Calendar", "Own"', '"Calendar", "Own'),
        "[Clock in use]: cannot be read from",
    ),
    (
        "argument",
        "an argument that is empty",
        replaced(SALES, "DIVIDE ( [GMV], [Orders] )", "DIVIDE ( [GMV], )"),
        "[Average order value]: nothing stands between",
    ),
    (
        "no expression",
        "a measure without an expression",
        replaced(SALES, f"measure GMV = {GMV}", "measure GMV"),
        "[GMV]: there is no expression",
    ),
    (
        "ref",
        "`ref table` to a table that is not there",
        replaced("model.tmdl", "ref table Sales", "ref table Sails"),
        "model.tmdl: ref table `Sails`: there is none",
    ),
    (
        "lost file",
        "the file of a table is lost",
        removed("tables/Product.tmdl"),
        "model.tmdl: ref table `Product`: there is none",
    ),
    (
        "no relationships",
        "the file of relationships is lost",
        removed("relationships.tmdl"),
        "relationships.tmdl: is not there",
    ),
    (
        "not named",
        "a table that model.tmdl does not name",
        replaced("model.tmdl", "ref table Product\n", ""),
        "model.tmdl: the table `Product` is not named there",
    ),
    (
        "file name",
        "a file that is called otherwise than its table",
        replaced(BRANDS, "table Brand\n", "table Brands\n"),
        "tables/Brand.tmdl: holds Brands",
    ),
    (
        "measure twice",
        "two measures of one name, in another case",
        replaced(SALES, "measure Returns =", "measure gmv ="),
        "measure `gmv` is there twice",
    ),
    (
        "measure and column",
        "a measure that is called as a column of its table",
        replaced(SALES, "measure Returns =", "measure 'Margin method' ="),
        "Sales: `margin method` is the name of two",
    ),
    (
        "end",
        "a relationship to a column that is not there",
        replaced(JOINS, "Sales.'Date key'", "Sales.'Day key'"),
        "there is no Sales[Day key]",
    ),
    (
        "types",
        "a relationship between a text and a date",
        replaced(JOINS, "Sales.'Date key'", "Sales.'Brand key'"),
        "joins string to dateTime",
    ),
    (
        "no key",
        "a relationship to a column that is no key",
        replaced(JOINS, "toColumn: Brand.'Brand key'", "toColumn: Brand.Brand"),
        "Brand[Brand] is no key",
    ),
    (
        "both ways",
        "a relationship that filters both ways",
        replaced(
            JOINS, "\ttoColumn: Date.Date", "\ttoColumn: Date.Date\n\tcrossFilteringBehavior: bothDirections"
        ),
        "filters both ways",
    ),
    (
        "joined twice",
        "two relationships between the same tables",
        _joined_twice,
        "Sales is joined to Date twice",
    ),
    (
        "two ways",
        "tables that reach each other in two ways",
        _two_ways,
        "relationships.tmdl: Category reaches Brand in 2 ways",
    ),
    (
        "sort",
        "a column sorted by one that is not there",
        replaced(DATES, "sortByColumn: 'Weekday number'", "sortByColumn: 'Weekday no'"),
        "Date[Weekday]: sortByColumn: there is no column",
    ),
    (
        "level",
        "a level of a hierarchy without its column",
        replaced(DATES, "\t\t\tcolumn: Year", "\t\t\tcolumn: Yeer"),
        "Date: hierarchy `Calendar`: there is no column `Yeer`",
    ),
    (
        "field parameter",
        "a field parameter without the column of its fields",
        replaced("tables/Measure.tmdl", "groupByColumn: 'Measure fields'", "groupByColumn: 'Measure field'"),
        "Measure[Measure]: there is no column `Measure field`",
    ),
    (
        "field",
        "a field parameter of a measure that is not there",
        replaced("tables/Measure.tmdl", "NAMEOF ( 'Sales'[Returns] )", "NAMEOF ( 'Sales'[Return] )"),
        "Measure: 'Sales' has no column [Return]",
    ),
    (
        "no tag",
        "a measure without its lineage tag",
        _without_tag,
        "tables/Sales.tmdl: measure `GMV`: lineageTag: expected a UUID",
    ),
    ("tag twice", "two parts with one lineage tag", _one_tag_twice, "the id "),
    (
        "calendar",
        "a calendar that is not marked as one",
        replaced(DATES, "\tdataCategory: Time\n", ""),
        "expected one table marked as the calendar",
    ),
    (
        "calendar's key",
        "a calendar whose key is no date",
        replaced(DATES, "\t\tdataType: dateTime\n\t\tisKey", "\t\tdataType: dateTime"),
        "expected one table marked as the calendar",
    ),
    (
        "mixed storage",
        "a table that is stored in another way than the others",
        replaced(SALES, "\t\tmode: import", "\t\tmode: directQuery"),
        "tables are stored in different ways",
    ),
    (
        "partition",
        "a table without a partition",
        replaced(BRANDS, "\tpartition Brand = m", "\tannotation Brand = m"),
        "Brand: expected one partition",
    ),
    (
        "source",
        "a source that is no table of the lakehouse",
        replaced(SALES, 'Released("gold.sales_daily")', 'Released("gold.sale_daily")'),
        "Sales: its source is `gold.sale_daily`",
    ),
    (
        "source column",
        "a column that the contract does not have",
        replaced(SALES, "sourceColumn: cost_eur", "sourceColumn: costs_eur"),
        "Sales[Cost (EUR)]: gold.sales_daily has no column `costs_eur`",
    ),
    (
        "data type",
        "money as a number that is not exact",
        replaced(SALES, "\t\tdataType: decimal", "\t\tdataType: double"),
        "Sales[GMV (EUR)]: dataType: double",
    ),
    (
        "not chosen",
        "a column that its source does not bring",
        replaced(SALES, '"cost_eur", ', ""),
        "Sales[Cost (EUR)]: its source does not bring `cost_eur`",
    ),
    (
        "parameter",
        "a source that names an expression that is not there",
        replaced("expressions.tmdl", "expression Released =", "expression Release2 ="),
        "Date: its source names `Released`",
    ),
    (
        "made by DAX",
        "a column that its table's DAX does not make",
        replaced("tables/Clock.tmdl", "sourceColumn: [Value2]", "sourceColumn: [Value4]"),
        "Clock[What it means]: its DAX makes no column `[Value4]`",
    ),
    (
        "privacy firewall",
        "a source that opens a file and names another that does",
        _two_sources,
        "expression `Released`: opens a source and names `Release`, which opens one, too",
    ),
    (
        "dynamic source",
        "a file that is opened by a path that is worked out",
        replaced(
            "expressions.tmdl",
            'Opened("gold/_releases/current.json")',
            'File.Contents(#"Release folder" & "current.json")',
        ),
        "expression `Released`: opens a file by a path that is worked out",
    ),
    (
        "sums by itself",
        "a column that sums itself up beside the KPIs",
        replaced(SALES, "summarizeBy: none", "summarizeBy: sum"),
        "Sales[Date key]: summarizeBy: expected none",
    ),
    (
        "implicit measures",
        "a model in which columns can be summed up",
        replaced("model.tmdl", "\tdiscourageImplicitMeasures\n", ""),
        "model.tmdl: expected `model` with",
    ),
    (
        "format",
        "a format whose quote is not closed",
        replaced(SALES, '#,0.00 "EUR"', '#,0.00 "EUR'),
        "[GMV]: formatString:",
    ),
    (
        "description",
        "a measure that nobody explains",
        replaced(
            SALES,
            "\t/// Gross merchandise value - what customers were billed for goods, before returns.\n",
            "",
        ),
        "Sales: measure `GMV` has no description",
    ),
    (
        "database",
        "`database SemanticModel`, which Power BI Desktop does not open",
        replaced("database.tmdl", "database\n", "database SemanticModel\n"),
        "database.tmdl: expected one `database` without a name",
    ),
    (
        "level of compatibility",
        "a level of compatibility without Direct Lake",
        replaced("database.tmdl", "1604", "1500"),
        "database.tmdl: compatibilityLevel",
    ),
    (
        "indentation",
        "a line that stands too deep",
        replaced(SALES, "\t\tdataType: string", "\t\t\t\t\tdataType: string"),
        "tables/Sales.tmdl: line",
    ),
    (
        "no TMDL",
        "a line that is no TMDL",
        replaced(SALES, "\t\tisHidden", "\t\tis hidden = yes no: x"),
        "tables/Sales.tmdl: line",
    ),
    (
        "role's table",
        "a role that names a table that is not there",
        replaced(MANAGER, "tablePermission Sales", "tablePermission Sails"),
        "role `brand_manager_shop`: Sails: there is no such table",
    ),
    (
        "role's column",
        "a role whose rule names a column that is not there",
        replaced(MANAGER, "'Sales'[Brand key]", "'Sales'[Brand]"),
        "role `brand_manager_shop`: Sales: 'Sales' has no column",
    ),
    (
        "role's bracket",
        "a role whose rule is not closed",
        replaced(MANAGER, "tablePermission Sales = ( (", "tablePermission Sales = ( ( ("),
        "role `brand_manager_shop`: Sales: `(` is not closed",
    ),
    (
        "hidden column",
        "a role that hides a column that is not there",
        replaced(MANAGER, "columnPermission Gender", "columnPermission Sex"),
        "role `brand_manager_shop`: Customer: there is no column `Sex`",
    ),
    (
        "column shown",
        "a role that shows a column that it must not",
        replaced(MANAGER, "columnPermission 'Age range' = none", "columnPermission 'Age range' = read"),
        "role `brand_manager_shop`: Customer: `Age range` is not hidden",
    ),
    (
        "administrator",
        "a role that may change the model",
        replaced(MANAGER, "modelPermission: read", "modelPermission: administrator"),
        "role `brand_manager_shop`: modelPermission",
    ),
]
DIRECT_LAKE = [
    Defect(
        "lakehouse",
        "Direct Lake over an expression that is not there",
        OURS,
        replaced("expressions.tmdl", "expression Lakehouse", "expression Lake"),
        "Date: its source names `Lakehouse`",
    ),
    Defect(
        "entity",
        "Direct Lake over a table that is not there",
        OURS,
        replaced(SALES, "entityName: sales_daily", "entityName: sales_dail"),
        "Sales: its source is `gold.sales_dail`",
    ),
    Defect(
        "one table imported",
        "one table imported among those in Direct Lake",
        OURS,
        replaced(SALES, "mode: directLake", "mode: import"),
        "tables are stored in different ways",
    ),
]
OF_TOM = [
    Defect("property", "a property that is misspelt", TOM, replaced(SALES, "\t\tisHidden", "\t\tisHiden")),
    Defect(
        "value",
        "a property with a value that it does not take",
        TOM,
        replaced(SALES, "summarizeBy: none", "summarizeBy: nothing"),
    ),
    Defect("type", "a type that there is not", TOM, replaced(SALES, "dataType: string", "dataType: text")),
]
OF_M = [
    Defect("M", "a source in M without `in`", M, replaced(SALES, "\tin\n", "\t\n")),
    Defect(
        "M's bracket",
        "a bracket in M that is not closed",
        M,
        replaced(
            "expressions.tmdl",
            'Opened("gold/_releases/current.json"))',
            'Opened("gold/_releases/current.json")',
        ),
    ),
]
OF_VALUES = [
    Defect(
        "other column",
        "a KPI that sums another column",
        VALUES,
        replaced(SALES, GMV, "SUM ( 'Sales'[Net revenue (EUR)] )"),
    ),
    Defect(
        "365 days",
        "a year before that is 365 days, so that weekdays differ",
        VALUES,
        replaced(CLOCK, "since - 364", "since - 365"),
    ),
    Defect(
        "one day more",
        "a window that is a day too long",
        VALUES,
        replaced(CLOCK, "since + 7 * [Weeks of window] - 1", "since + 7 * [Weeks of window]"),
    ),
]
OF_ROWS = [
    Defect(
        "no rule",
        "a role whose rule for a table is gone",
        ROWS,
        replaced(MANAGER, " = ( ( 'Sales'[Brand key] IN { \"shop\" } ) )", ""),
    ),
    Defect(
        "another brand",
        "a role that sees another brand",
        ROWS,
        replaced(MANAGER, "'Sales'[Brand key] IN { \"shop\" }", "'Sales'[Brand key] IN { \"zebra\" }"),
    ),
    Defect(
        "across brands",
        "a role that sees unified customers without leave",
        ROWS,
        replaced(MANAGER, "tablePermission Customer = FALSE()", "tablePermission Customer"),
    ),
]


def every_defect() -> list[Defect]:
    """Those of model, DAX and roles, in the order of the manual."""
    return [*model_defects(), *DIRECT_LAKE, *OF_TOM, *OF_M, *OF_VALUES, *OF_ROWS]


if __name__ == "__main__":
    write_table("defects of the model", every_defect())
