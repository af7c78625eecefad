"""What measures must come to: the catalogue's SQL over Gold, in windows as the web suite works them out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from mergehouse.app.figures.windows import Window, are_the_same, compared_with, window
from mergehouse.app.view import Brand, Choices, View
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import catalogue
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows
from mergehouse.project.config import Project

KPIS = [kpi.model_dump() for kpi in catalogue()]
Values = dict[str, Decimal | None]
DAY = dt.timedelta(days=1)


class Figures:
    """A project's figures; `where` is a condition on the rows of Gold, such as of one region."""

    def __init__(self, project: Project, where: str = "TRUE"):
        self.project, self.where = project, where
        self.tables = list(dict.fromkeys(kpi["table"] for kpi in KPIS if kpi["table"]))
        self.connection = Lakehouse(project.lakehouse_location).reading("gold.dim_brand", *self.tables)
        clocks = rows(self.connection, "SELECT * FROM gold.dim_brand ORDER BY source_system")
        brands = (
            Brand(
                row["source_system"], row["label"], row["currency"], row["first_order_date"],
                row["as_of_date"], project.churn_after_days(row["source_system"]), row["last_order_date"],
            )
            for row in clocks
        )  # fmt: skip
        self.offered = Choices(tuple(brands), ())

    def whole(self, scope: str, since: dt.date | None = None, until: dt.date | None = None) -> Values:
        """Every KPI of a brand or of the group; sales within these days."""
        days = f" AND order_date BETWEEN '{since}' AND '{until}'" if since else ""
        found: Values = {}
        for table in self.tables:
            of_table = [kpi for kpi in KPIS if kpi["table"] == table]
            kept = f"(SELECT * FROM {table} WHERE {self.where}{days if table == 'gold.sales_daily' else ''})"
            for row in rows(self.connection, formula.kpi_sql(kept, of_table)):
                if row["scope"] == scope:
                    values = {kpi["name"]: row[kpi["name"]] for kpi in of_table}
                    found |= {name: None if v is None else Decimal(v) for name, v in values.items()}
        return found | formula.ratios(KPIS, found)

    def variant(self, name: str, view: View, brands: list[str]) -> Values | None:
        """Sales KPIs of a variant: of brands each in its own days, added up; None where a brand has none."""
        windows = self._windows(name, view, brands)
        if windows is None:
            return None
        total: Values = {}
        for brand, days in windows.items():
            of_brand = self.whole(brand, days.since, days.until)
            for kpi in KPIS:
                if kpi["table"] == "gold.sales_daily":
                    total[kpi["name"]] = (total.get(kpi["name"]) or Decimal(0)) + (
                        of_brand.get(kpi["name"]) or 0
                    )
        return total | formula.ratios(KPIS, total)

    def _windows(self, name: str, view: View, brands: list[str]) -> dict[str, Window] | None:
        chosen = [brand for brand in self.offered.with_sales if brand.name in brands]
        found: dict[str, Any] = {brand.name: window(brand, view, self.offered) for brand in chosen}
        if any(not isinstance(each, Window) for each in found.values()):
            return None
        if name == "in window":
            return found
        if not are_the_same(found.values()):
            return None
        earlier = {brand.name: compared_with(brand, found[brand.name], view) for brand in chosen}
        return None if any(not isinstance(each, Window) for each in earlier.values()) else earlier
