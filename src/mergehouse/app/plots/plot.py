"""A plot of a page: its options, what it says to who does not see it, and its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mergehouse.app.plots.annotations import Notes

UNITS = {"money": "EUR", "percent": "share", "integer": "count"}  # of axes, by the format of a KPI


@dataclass(frozen=True)
class Plot:
    """`options` go to charts.js, `says` is read to who does not see it; columns and rows are the table's."""

    id: str
    title: str
    sub: str
    options: dict[str, Any]
    says: str
    columns: list[dict[str, str]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: Notes = Notes()  # annotations that stand at the axis
