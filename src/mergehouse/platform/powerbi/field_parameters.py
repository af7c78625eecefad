"""Field parameters: which dimension and which measure a visual shows is chosen on the page."""

from __future__ import annotations

from collections.abc import Iterable

from mergehouse.platform.powerbi.dax import column_name, text
from mergehouse.platform.powerbi.objects import Column, Table

DIMENSIONS = (  # tables and columns
    ("Brand", "Brand"), ("Country", "Region"), ("Country", "Country"),
    ("Date", "Year"), ("Date", "Month"), ("Date", "Weekday"),
)  # fmt: skip


def field_parameters(kpis: Iterable[tuple[str, str]]) -> list[Table]:
    """`Dimension` and `Measure`, of KPIs by their tables and labels."""
    dimensions = [(column, column_name(table, column)) for table, column in DIMENSIONS]
    measures = [(label, column_name(table, label)) for table, label in kpis]
    return [
        _parameter("Dimension", "What a visual is cut by.", dimensions),
        _parameter("Measure", "Which figure a visual shows.", measures),
    ]


def _parameter(name: str, meaning: str, fields: list[tuple[str, str]]) -> Table:
    """The shape that Power BI Desktop makes: name, field and order, of which the name alone is seen."""
    rows = ",\n    ".join(
        f"( {text(label)}, NAMEOF ( {field} ), {n} )" for n, (label, field) in enumerate(fields)
    )
    columns = (
        Column(name, "[Value1]", "string", meaning, sort_by=f"{name} order", fields=f"{name} fields"),
        Column(
            f"{name} fields",
            "[Value2]",
            "string",
            "The field itself",
            is_hidden=True,
            sort_by=f"{name} order",
        ),
        Column(f"{name} order", "[Value3]", "int64", "Its place", "0", is_hidden=True),
    )
    return Table(name, meaning, columns, dax=f"{{\n    {rows}\n}}", use="field parameter")
