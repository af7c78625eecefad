"""Values of all KPIs, as people read them and as a frame to calculate with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergehouse import display
from mergehouse.errors import LakehouseError
from mergehouse.kpi.catalogue import catalogue, compute, formatted
from mergehouse.kpi.formula import Values
from mergehouse.lakehouse.delta import Lakehouse

if TYPE_CHECKING:
    import polars

EXACT = (38, 6)  # precision and scale: shares have six places, money two, counts none


def kpi_table(lakehouse: Lakehouse) -> KpiTable:
    """Every KPI of every brand and of the group. Raises LakehouseError where nothing is published yet.

    >>> kpi_table(mh.open("shop")).values["group"]["return_rate"]  # 5 of 60
    Decimal('0.083333')
    """
    values = compute(lakehouse)
    if not values:
        raise LakehouseError(
            f"nothing is published yet in {lakehouse.location}; `mergehouse run` builds the tables."
        )
    return KpiTable(values)


@dataclass(frozen=True, repr=False)
class KpiTable(display.Displayed):
    """Exact values by scope (brands, then `group`) and KPI; None where a ratio has no denominator.

    >>> mh.kpis("shop")
    KPIs
      KPI                  unit          shop    group
      GMV                  EUR          60.00    60.00
      Returns              EUR           5.00     5.00
      ...
    """

    values: Values

    def polars(self) -> polars.DataFrame:
        """One row for each scope and KPI: `scope`, `kpi`, `value` as a decimal, `unit`.

        >>> mh.kpis("shop").polars().filter(scope="group", kpi="repeat_rate").rows()
        [('group', 'repeat_rate', Decimal('0.500000'), 'share')]
        """
        import polars

        rows = [
            (scope, kpi.name, self.values[scope][kpi.name], kpi.unit)
            for scope in self.values
            for kpi in catalogue()
        ]
        schema = {
            "scope": polars.String(),
            "kpi": polars.String(),
            "value": polars.Decimal(*EXACT),
            "unit": polars.String(),
        }
        return polars.DataFrame(rows, schema, orient="row")

    def _shown(self) -> display.Shown:
        rows = [
            [
                kpi.label,
                "" if kpi.format == "percent" else kpi.unit,
                *(formatted(kpi, named[kpi.name]) for named in self.values.values()),
            ]
            for kpi in catalogue()
        ]
        return "KPIs", {}, ["KPI", "unit", *self.values], rows, len(self.values)
