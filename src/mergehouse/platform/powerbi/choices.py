"""Tables of what a page chooses by, made by DAX: clock and window, limits of What if."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import Column, DataType, Table

LONGEST, WEEKS = 52, (4, 13, 52)
CLOCKS = (
    ("Own", "Whole weeks before each brand's as-of date"),
    ("Season", "The days of the year that the brand with the least data has last"),
    ("Calendar", "The same days of all brands, where they have eight weeks in common"),
)


def choices() -> list[Table]:
    """The tables, none of which is joined to any."""
    return [_clock(), _window(), *map(_series, SERIES)]


def _clock() -> Table:
    rows = ", ".join(f'( "{name}", "{meaning}", {n} )' for n, (name, meaning) in enumerate(CLOCKS))
    return Table(
        "Clock",
        "Which days brands are looked at on. Without a choice: Calendar where it can be, else Own.",
        (
            Column("Clock", "[Value1]", "string", "The days looked at", sort_by="Clock order"),
            Column("What it means", "[Value2]", "string", "In words"),
            Column("Clock order", "[Value3]", "int64", "Its place", "0", is_hidden=True),
        ),
        dax=f"{{ {rows} }}",
        use="what-if",
    )


def _window() -> Table:
    return Table(
        "Window",
        "How many whole weeks figures are of. Without a choice: the most that all brands have, 52 at most.",
        (Column("Weeks", "[Value]", "int64", "Whole weeks of a window", "0"),),
        dax=f"{{ {', '.join(map(str, WEEKS))} }}",
        use="what-if",
    )


SERIES: tuple[tuple[str, str, str, DataType, str], ...] = (
    (
        "Week",
        "Weeks of each brand's clock, -1 being the last: an axis for brands of different years.",
        f"-{LONGEST}, -1, 1",
        "int64",
        "0",
    ),
    (
        "Inactivity days",
        "Days without a purchase, above which a customer counts as silent.",
        "60, 180, 5",
        "int64",
        "0",
    ),
    (
        "Churn cut-off",
        "The chance of no purchase within 90 days from which a customer is at risk.",
        "0.05, 0.95, 0.05",
        "double",
        "0 %",
    ),
    *(
        (
            f"{tier} from",
            f"Net margin expected within 12 months, in euros, from which the tier {tier} begins.",
            "25, 5000, 25",
            "int64",
            "#,0",
        )
        for tier in ("Top", "High", "Medium")
    ),
)  # each by name, meaning, first, last and step, type and format


def _series(given: tuple[str, str, str, DataType, str]) -> Table:
    name, meaning, series, kind, format = given
    column = Column(name, "[Value]", kind, meaning, format)
    return Table(name, meaning, (column,), dax=f"GENERATESERIES ( {series} )", use="what-if")
