"""What is aimed at, `mappings/targets.csv`: a KPI of a brand, or of all together, in a period of the
calendar.
"""

from __future__ import annotations

import re
from decimal import Decimal

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.kpi.formula import GROUP
from mergehouse.kpi.periods import calendar_period
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows, optional_table
from mergehouse.project.validation import nearest_known

FILE = "targets.csv"
COLUMNS = ["kpi", "brand", "period", "value"]
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


def target_rows(project: Project) -> Rows:
    """The targets, all of them sound. Raises ConfigError naming the row and what is wrong with it.

    >>> target_rows(mh.project("shop"))
    (['kpi', 'brand', 'period', 'value'], [])
    """
    file, rows = optional_table(project, FILE, COLUMNS)
    brands = (*project.brands, GROUP)
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in rows:
        kpi, brand, period, value = (cell or "" for cell in cells)
        place = f"{file}, row {number}"
        if kpi in {each.name for each in catalogue()} - KPIS.keys():
            raise ConfigError(
                f"{place}: `{kpi}` is as of each brand's own date and of no period; expected one"
                f" of: {', '.join(KPIS)}."
            )
        for what, name, known in (("kpi", kpi, KPIS), ("brand", brand, brands)):
            if name not in known:
                raise ConfigError(f"{place}: found {what} `{name}`{nearest_known(name, known)}")
        if not calendar_period(period):
            raise ConfigError(
                f"{place}: found period `{period}`; expected a year, a quarter or a month, such as"
                " `2026`, `2026-q4` or `2026-12`."
            )
        _expect_value(value, KPIS[kpi], place)
        if (before := seen.setdefault((kpi, brand, period), number)) != number:
            raise ConfigError(
                f"{place}: {kpi} of {brand} in {period} has a target in row {before} already; expected one."
            )
    return COLUMNS, [cells for _, cells in rows]


def _expect_value(value: str, kpi: Kpi, place: str) -> None:
    least, most = (
        Decimal("-inf") if kpi.min is None else kpi.min,
        Decimal("inf") if kpi.max is None else kpi.max,
    )
    if not _NUMBER.fullmatch(value) or not least <= Decimal(value) <= most:
        bounds = (("from", kpi.min), ("to", kpi.max))
        within = "".join(f" {word} {bound:g}" for word, bound in bounds if bound is not None)
        example = "0.25" if kpi.format == "percent" else "125000.50"
        raise ConfigError(
            f"{place}: found value `{value}`; expected {kpi.unit}{within} in digits and a point,"
            f" such as `{example}`."
        )


def _of_periods() -> dict[str, Kpi]:
    """KPIs of what is sold on a day, and their ratios; those of customers are of no period."""
    dated = {kpi.name for kpi in catalogue() if kpi.table and "order_date" in contract_of(kpi.table).columns}
    return {kpi.name: kpi for kpi in catalogue() if {kpi.name, *(kpi.ratio or ())} & dated}


KPIS = _of_periods()  # that may have one
