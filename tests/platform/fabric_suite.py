"""A semantic model and a report as small as Fabric takes them, and the items of a project around them."""

from __future__ import annotations

import json

from mergehouse.platform.fabric.item import SCHEMAS, made
from mergehouse.platform.fabric.items import fabric_items

PROJECT, MODEL, REPORT = "merged-retail", "Retail.SemanticModel", "Retail.Report"
UNSET = "00000000-0000-0000-0000-000000000000"
ENVIRONMENTS = ["dev", "test", "prod"]

DATABASE = "database\n\tcompatibilityLevel: 1604\n"
MODEL_FILE = """model Model
\tculture: en-US
\tdefaultPowerBIDataSourceVersion: powerBI_V3

ref table Sales

ref role 'Brand manager'
"""
EXPRESSION = f"""expression Lakehouse =
\t\tlet
\t\t\tSource = AzureStorage.DataLake("https://onelake.dfs.fabric.microsoft.com/{UNSET}/{UNSET}", [HierarchicalNavigation=true])
\t\tin
\t\t\tSource
\tlineageTag: 3f0c5d0e-7f0b-4f0e-9a3e-0d6f5d1d2a01
"""  # noqa: E501
SALES = """table Sales
\tlineageTag: 3f0c5d0e-7f0b-4f0e-9a3e-0d6f5d1d2a02

\tmeasure GMV = SUM ( Sales[gmv_eur] )
\t\tformatString: #,0.00
\t\tlineageTag: 3f0c5d0e-7f0b-4f0e-9a3e-0d6f5d1d2a03

\tcolumn source_system
\t\tdataType: string
\t\tlineageTag: 3f0c5d0e-7f0b-4f0e-9a3e-0d6f5d1d2a04
\t\tsummarizeBy: none
\t\tsourceColumn: source_system

\tcolumn gmv_eur
\t\tdataType: decimal
\t\tlineageTag: 3f0c5d0e-7f0b-4f0e-9a3e-0d6f5d1d2a05
\t\tsummarizeBy: sum
\t\tsourceColumn: gmv_eur

\tpartition Sales = entity
\t\tmode: directLake
\t\tsource
\t\t\tentityName: sales_daily
\t\t\tschemaName: gold
\t\t\texpressionSource: Lakehouse
"""
ROLE = """role 'Brand manager'
\tmodelPermission: read

\ttablePermission Sales = Sales[source_system] = "eurostyle"

\tannotation PBI_Id = 9a7d1f0c
"""


def suite() -> dict[str, str]:
    """The files of the Power BI project."""
    definition = f"{SCHEMAS}/item/report/definition"
    model = {
        "definition.pbism": _json(
            {
                "$schema": f"{SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
                "version": "4.2",
            }
        ),
        "definition/database.tmdl": DATABASE,
        "definition/model.tmdl": MODEL_FILE,
        "definition/expressions.tmdl": EXPRESSION,
        "definition/tables/Sales.tmdl": SALES,
        "definition/roles/Brand manager.tmdl": ROLE,
    }
    report = {
        "definition.pbir": _json(
            {
                "$schema": f"{SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
                "version": "4.0",
                "datasetReference": {"byPath": {"path": f"../{MODEL}"}},
            }
        ),
        "definition/version.json": _json(
            {"$schema": f"{definition}/versionMetadata/1.0.0/schema.json", "version": "2.0.0"}
        ),
        "definition/report.json": _json(
            {"$schema": f"{definition}/report/3.3.0/schema.json", "themeCollection": {}}
        ),
        "definition/pages/pages.json": _json(
            {
                "$schema": f"{definition}/pagesMetadata/1.0.0/schema.json",
                "pageOrder": ["one"],
                "activePageName": "one",
            }
        ),
        "definition/pages/one/page.json": _json(
            {
                "$schema": f"{definition}/page/2.1.0/schema.json",
                "name": "one",
                "displayName": "One",
                "displayOption": "FitToPage",
                "height": 720,
                "width": 1280,
            }
        ),
    }
    parts = {"Retail.pbip": "{}"}
    for kind, files in (("SemanticModel", model), ("Report", report)):
        parts |= made(kind, "Retail", files, "the suite").texts()
    return parts


def items() -> dict[str, str]:
    return fabric_items(PROJECT, ENVIRONMENTS, suite())


def _json(content: dict) -> str:
    return json.dumps(content, indent=2)
