"""The table of countries and regions, which no table of Gold has: mappings/countries.csv, by DAX."""

from __future__ import annotations

from mergehouse.platform.powerbi.dax import text
from mergehouse.platform.powerbi.objects import Column, Hierarchy, Table
from mergehouse.platform.powerbi.star import COUNTRIES
from mergehouse.project import mapping_files
from mergehouse.project.config import Project

COLUMNS = (
    Column("Country code", "[Country code]", "string", "ISO 3166-1 alpha-2", is_key=True, is_hidden=True),
    Column("Country", "[Country]", "string", "Country name", category="Country"),
    Column("Region", "[Region]", "string", "Reporting region"),
)


def countries(project: Project) -> Table:
    """Every country that the project knows, with its region.

    >>> table = countries(mh.project("shop"))
    >>> table.hierarchies[0].levels, '{ "DE", "Germany", "North Europe" }' in table.dax
    (('Region', 'Country'), True)
    """
    names = ("country_code", "country", "region")
    rows = mapping_files.countries(project)
    listed = ",\n        ".join(f"{{ {', '.join(text(row[name]) for name in names)} }}" for row in rows)
    types = ", ".join(f'"{column.name}", STRING' for column in COLUMNS)
    return Table(
        COUNTRIES,
        "Countries and reporting regions, as the project's mapping has them. One row is one country.",
        COLUMNS,
        dax=f"DATATABLE (\n    {types},\n    {{\n        {listed}\n    }}\n)",
        hierarchies=(Hierarchy("Regions", ("Region", "Country"), "By Region, Country"),),
    )
