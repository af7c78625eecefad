"""Fields as pages name them, `Sales[GMV]`, and as PBIR does. All of them are the model's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mergehouse.platform.powerbi.report.literals import Json

REFERENCE = re.compile(r"(?P<table>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
Kind = Literal["Column", "Measure"]


@dataclass(frozen=True)
class Field:
    """A column or measure of the model. `label`: what a visual calls it."""

    table: str
    name: str
    kind: Kind
    label: str

    @property
    def query_ref(self) -> str:
        """What the visual's own query calls it."""
        return f"{self.table}.{self.name}"

    def expression(self, source: str = "") -> Json:
        """The field by its table, or within a filter by the name that its table has there.

        >>> Field("Sales", "GMV", "Measure", "GMV").expression()
        {'Measure': {'Expression': {'SourceRef': {'Entity': 'Sales'}}, 'Property': 'GMV'}}
        """
        reference = {"Source": source} if source else {"Entity": self.table}
        return {self.kind: {"Expression": {"SourceRef": reference}, "Property": self.name}}

    def projection(self) -> Json:
        """The field in a role of a visual."""
        written: Json = {
            "field": self.expression(),
            "queryRef": self.query_ref,
            "nativeQueryRef": self.label,
        }
        if self.label != self.name:
            written["displayName"] = self.label
        return written | ({"active": True} if self.kind == "Column" else {})


def parts(reference: str) -> tuple[str, str]:
    """Table and name of a reference.

    >>> parts("Customer by brand[Segment]")
    ('Customer by brand', 'Segment')
    """
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise ValueError(f"{reference!r} is no field: expected Table[Name]")
    return found["table"], found["name"]


def tables_of(references: Iterable[str]) -> set[str]:
    """
    >>> sorted(tables_of(["Sales[GMV]", "Date[Month]", "Sales[Orders]"]))
    ['Date', 'Sales']
    """
    return {parts(reference)[0] for reference in references}
