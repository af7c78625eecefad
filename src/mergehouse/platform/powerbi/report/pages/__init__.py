"""The pages of the report, a file each, in the order of the web suite."""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.report.bookmarks import Group
from mergehouse.platform.powerbi.report.page import Page
from mergehouse.platform.powerbi.report.pages import (
    customer,
    customers,
    executive,
    first_look,
    raw_vs_silver,
    segment,
    tooltips,
    what_if,
)

GROUPS: tuple[Group, ...] = (executive.VIEWS, customers.VIEWS)


def pages_of(model: SemanticModel) -> list[Page]:
    """Pages of the list first, then those that one comes to from their figures."""
    makers = (
        executive.page,
        customers.page,
        what_if.page,
        first_look.page,
        raw_vs_silver.page,
        segment.page,
        customer.page,
        tooltips.brand,
        tooltips.segment,
    )
    return [make(model) for make in makers]
