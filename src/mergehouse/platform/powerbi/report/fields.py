"""Fields as pages name them, `Sales[GMV]` or `Sum(Category[Units])`, and as PBIR does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mergehouse.platform.powerbi.report.literals import Json

REFERENCE = re.compile(r"(?P<sum>Sum\()?(?P<table>[^\[\]()]+)\[(?P<name>[^\[\]]+)\](?(sum)\))")
Kind = Literal["Column", "Measure"]
SUM = 0  # in Power BI's list of aggregates


@dataclass(frozen=True)
class Field:
    """A column or measure of the model, or with `is_sum` the sum of a column. `label`: what a visual calls
    it.
    """

    table: str
    name: str
    kind: Kind
    label: str
    is_sum: bool = False

    @property
    def query_ref(self) -> str:
        """What the visual's own query calls it.

        >>> Field("Category", "Units", "Column", "Units", is_sum=True).query_ref
        'Sum(Category.Units)'
        """
        return f"Sum({self.table}.{self.name})" if self.is_sum else f"{self.table}.{self.name}"

    def expression(self, source: str = "") -> Json:
        """The field by its table, or within a filter by the name that its table has there.

        >>> Field("Sales", "GMV", "Measure", "GMV").expression()
        {'Measure': {'Expression': {'SourceRef': {'Entity': 'Sales'}}, 'Property': 'GMV'}}
        """
        reference = {"Source": source} if source else {"Entity": self.table}
        whole: Json = {self.kind: {"Expression": {"SourceRef": reference}, "Property": self.name}}
        return {"Aggregation": {"Expression": whole, "Function": SUM}} if self.is_sum else whole

    def projection(self) -> Json:
        """The field in a role of a visual."""
        shown = {} if self.label == self.name else {"displayName": self.label}
        written = {
            "field": self.expression(),
            "queryRef": self.query_ref,
            "nativeQueryRef": self.label,
            **shown,
        }
        return written | ({"active": True} if self.kind == "Column" and not self.is_sum else {})


def parts(reference: str) -> tuple[str, str, bool]:
    """Table and name of a reference, and whether it is a sum.

    >>> parts("Customer scores[Risk band]"), parts("Sum(Category[GMV (EUR)])")
    (('Customer scores', 'Risk band', False), ('Category', 'GMV (EUR)', True))
    """
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ValueError(f"{reference!r} is no field: expected Table[Name] or Sum(Table[Name])")
    return found["table"], found["name"], bool(found["sum"])


def tables_of(references: Iterable[str]) -> set[str]:
    """
    >>> sorted(tables_of(["Sales[GMV]", "Date[Month]", "Sales[Orders]"]))
    ['Date', 'Sales']
    """
    return {parts(reference)[0] for reference in references}
