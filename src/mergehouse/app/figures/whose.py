"""Whose customers a page of customers is about."""

from __future__ import annotations

from mergehouse.access.gateway import Reader
from mergehouse.app.view import View
from mergehouse.kpi.formula import GROUP


def whose(reader: Reader, brand: str | None) -> str | None:
    """The brand that is asked for; `group`, all together, a customer of two brands once; None, where a scope
    may not see that and has several: the customers of each, added up.
    """
    if brand:
        return brand
    if reader.scope.group:
        return GROUP
    brands = [row["source_system"] for row in reader.rows("brands")]
    return brands[0] if len(brands) == 1 else None


def source(reader: Reader, view: View) -> dict[str, str | None]:
    """Whose and where, as questions about customers take it."""
    return {"brand": whose(reader, view.brand), **view.places}
