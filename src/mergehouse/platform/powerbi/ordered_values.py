"""Tables, made by DAX, of values that have an order of their own and other names than in Gold: bands of risk,
tiers of value, steps of cleaning. Power BI sorts by a column alone, and Gold has none for these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mergehouse.platform.powerbi.dax import text
from mergehouse.platform.powerbi.objects import Column, Relationship, Table
from mergehouse.quality.words import words


@dataclass(frozen=True)
class Ordered:
    """`values` in their order: as Gold has them, as people call them, and what they mean; `of`: the tables of
    the model, and their columns of Gold, that have them.
    """

    name: str
    column: str
    meaning: str
    values: tuple[tuple[str, str, str], ...]
    of: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        return f"{self.column} key"

    @property
    def order(self) -> str:
        return f"{self.column} order"


CUSTOMERS = ("Customer by brand", "Customer of the group", "Customer scores")
RISKS = (
    ("high", "High risk", "No purchase within the churn limit is likely"),
    ("medium", "Medium risk", "It may go either way"),
    ("low", "Low risk", "A purchase is likely"),
)
TIERS = (
    ("top", "Top", "The highest tenth by the value expected within 12 months"),
    ("high", "High", "The next two tenths"),
    ("medium", "Medium", "The next three tenths"),
    ("low", "Low", "The rest"),
)


def ordered() -> tuple[Ordered, ...]:
    """All of them.

    >>> [(each.name, each.values[0][:2]) for each in ordered()][:2]
    [('Risk', ('high', 'High risk')), ('Value tier', ('top', 'Top'))]
    """
    steps = tuple(
        (code, name, words()["steps"].get(code, "")) for code, name in words()["step_names"].items()
    )
    raw = "Raw vs Silver"
    risks, tiers = (tuple((table, column) for table in CUSTOMERS) for column in ("risk_band", "clv_tier"))
    return (
        Ordered("Risk", "Risk", "Bands of risk", RISKS, risks),
        Ordered("Value tier", "Value tier", "Tiers of value", TIERS, tiers),
        Ordered("Cleaning step", "Cleaning step", "Steps of cleaning", steps, ((raw, "step"),)),
    )


def ordered_tables() -> list[Table]:
    """The tables of the model."""
    return [_table(each) for each in ordered()]


def ordered_joins(tables: Iterable[Table]) -> list[Relationship]:
    """From the tables over Gold to them."""
    there = {table.name: table for table in tables}
    return [
        Relationship(name, there[name].named(source), each.name, each.key)
        for each in ordered()
        for name, source in each.of
        if name in there and each.name in there
    ]


def _table(each: Ordered) -> Table:
    rows = ",\n    ".join(f"( {', '.join(map(text, value))}, {n} )" for n, value in enumerate(each.values))
    return Table(
        each.name,
        f"{each.meaning} in their order. One row is one of them.",
        (
            Column(each.key, "[Value1]", "string", "As Gold has it", is_key=True, is_hidden=True),
            Column(each.column, "[Value2]", "string", each.meaning, sort_by=each.order),
            Column("What it means", "[Value3]", "string", "In words"),
            Column(each.order, "[Value4]", "int64", "Its place", "0", is_hidden=True),
        ),
        dax=f"{{\n    {rows}\n}}",
    )
