"""Fields as pages name them, `Sales[GMV]` or `Sum(Category[Units])`, and as PBIR does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mergehouse.platform.powerbi.report.literals import Json

REFERENCE = re.compile(
    r"(?:(?P<aggregate>Sum|Min)\()?(?P<table>[^\[\]()]+)\[(?P<name>[^\[\]]+)\](?(aggregate)\))"
)
Kind = Literal["Column", "Measure"]
Aggregate = Literal["", "Sum", "Min"]
AGGREGATES: dict[Aggregate, int] = {"Sum": 0, "Min": 3}  # as Power BI numbers them


@dataclass(frozen=True)
class Field:
    """A column or measure of the model, or an aggregate of a column. `label`: what a visual calls it."""

    table: str
    name: str
    kind: Kind
    label: str
    aggregate: Aggregate = ""

    @property
    def query_ref(self) -> str:
        """What the visual's own query calls it.

        >>> Field("Category", "Units", "Column", "Units", aggregate="Sum").query_ref
        'Sum(Category.Units)'
        """
        name = f"{self.table}.{self.name}"
        return f"{self.aggregate}({name})" if self.aggregate else name

    def expression(self, source: str = "") -> Json:
        """The field by its table, or within a filter by the name that its table has there.

        >>> Field("Sales", "GMV", "Measure", "GMV").expression()
        {'Measure': {'Expression': {'SourceRef': {'Entity': 'Sales'}}, 'Property': 'GMV'}}
        """
        reference = {"Source": source} if source else {"Entity": self.table}
        whole: Json = {self.kind: {"Expression": {"SourceRef": reference}, "Property": self.name}}
        if not self.aggregate:
            return whole
        return {"Aggregation": {"Expression": whole, "Function": AGGREGATES[self.aggregate]}}

    def projection(self) -> Json:
        """The field in a role of a visual."""
        shown = {} if self.label == self.name else {"displayName": self.label}
        written = {
            "field": self.expression(),
            "queryRef": self.query_ref,
            "nativeQueryRef": self.label,
            **shown,
        }
        return written | ({"active": True} if self.kind == "Column" and not self.aggregate else {})


def parts(reference: str) -> tuple[str, str, Aggregate]:
    """Table and name of a reference, and the aggregate, if it is one.

    >>> parts("Customer scores[Risk band]"), parts("Sum(Category[GMV (EUR)])")
    (('Customer scores', 'Risk band', ''), ('Category', 'GMV (EUR)', 'Sum'))
    """
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ValueError(f"{reference!r} is no field: expected Table[Name] or Sum(Table[Name])")
    aggregate: Aggregate = found["aggregate"] or ""  # type: ignore[assignment]
    return found["table"], found["name"], aggregate


def tables_of(references: Iterable[str]) -> set[str]:
    """
    >>> sorted(tables_of(["Sales[GMV]", "Date[Month]", "Sales[Orders]"]))
    ['Date', 'Sales']
    """
    return {parts(reference)[0] for reference in references}
