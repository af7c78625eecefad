"""The table of annotations, which no table of Gold has: mappings/annotations.csv, by DAX."""

from __future__ import annotations

from mergehouse.platform.powerbi.dax import text
from mergehouse.platform.powerbi.objects import Column, Measure, Relationship, Table
from mergehouse.platform.powerbi.star import BRANDS
from mergehouse.project.annotations import GROUP, annotation_rows
from mergehouse.project.config import Project

ANNOTATIONS, OWNER, DAY = "Annotations", "Brand key", "Day"
COLUMNS = (
    Column(OWNER, f"[{OWNER}]", "string", "Whose note it is; `group`: on all together", is_hidden=True),
    Column("Note on", "[Note on]", "string", "Brand, or all together"),
    Column(DAY, f"[{DAY}]", "dateTime", "The day that it is about", "yyyy-mm-dd"),
    Column("Written by", "[Written by]", "string", "Who says so"),
    Column("Note", "[Note]", "string", "What happened"),
)
NOTES = Measure(
    "Notes",
    """CONCATENATEX (
    'Annotations',
    FORMAT ( 'Annotations'[Day], "yyyy-mm-dd" ) & " " & 'Annotations'[Note on] & ": " & 'Annotations'[Note],
    UNICHAR ( 10 ),
    'Annotations'[Day], ASC
)""",
    "What people note on the days and brands that are chosen, a line each: for a tooltip of a trend.",
    folder="Annotations",
)


def noted(project: Project) -> Table | None:
    """Every note of the project; None where it has none.

    >>> noted(mh.project("shop")) is None
    True
    """
    _, rows = annotation_rows(project)
    if not rows:
        return None
    listed = ",\n        ".join(
        f"{{ {', '.join(map(text, _cells(project, *(cell or '' for cell in row))))} }}" for row in rows
    )
    types = ", ".join(f'"{each.name}", {"DATETIME" if each.name == DAY else "STRING"}' for each in COLUMNS)
    return Table(
        ANNOTATIONS,
        "What figures do not tell, as the project's file of annotations had it when this model was written."
        " One row is one note.",
        COLUMNS,
        dax=f"DATATABLE (\n    {types},\n    {{\n        {listed}\n    }}\n)",
        measures=(NOTES,),
    )


def joined_to_brands_and_days(tables: tuple[Table, ...]) -> tuple[Relationship, ...]:
    """Who chooses a brand or days has their notes alone."""
    if not any(table.name == ANNOTATIONS for table in tables):
        return ()
    return (
        Relationship(ANNOTATIONS, OWNER, BRANDS, "Brand key"),
        Relationship(ANNOTATIONS, DAY, "Date", "Date"),
    )


def _cells(project: Project, day: str, brand: str, who: str, note: str) -> tuple[str, ...]:
    label = "All brands" if brand == GROUP else project.brands[brand].label
    return brand, label, day, who, note
