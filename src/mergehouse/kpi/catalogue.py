"""Loads the catalogue and computes KPIs over the lakehouse."""

from __future__ import annotations

import functools
from collections.abc import Container
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import BaseModel, ConfigDict, model_validator

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.kpi import formula
from mergehouse.kpi.duckdb_measures import measures
from mergehouse.kpi.formula import Value, Values
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.brand import Brand
from mergehouse.project.validation import nearest
from mergehouse.project.yaml_file import parse_yaml

CATALOGUE = Path(__file__).with_name("catalogue.yml")


class Kpi(BaseModel):
    """One KPI: a sum or a distinct count over a Gold table, or a ratio of two other KPIs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str
    meaning: str
    unit: str
    format: Literal["money", "integer", "percent"]
    table: str | None = None
    sum: str | None = None
    count_distinct: str | None = None
    where: dict[str, str] = {}
    ratio: tuple[str, str] | None = None
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _one_formula(self) -> Kpi:
        if [self.sum, self.count_distinct, self.ratio].count(None) != 2 or (self.table is None) != (
            self.ratio is not None
        ):
            raise ValueError("needs exactly one of sum, count_distinct (with a table) and ratio")
        return self

    @property
    def grain(self) -> str:
        """Where the KPI can be cut: the grain of the table its measures come from.

        >>> catalogue()[0].name, catalogue()[0].grain
        ('gmv', '...')
        """
        return contract_of(self.table).grain if self.table else "that of its two measures"

    @property
    def formula(self) -> str:
        """The formula in words that are also SQL.

        >>> [kpi.formula for kpi in catalogue() if kpi.name in ("gmv", "aov")]
        ['SUM(gmv_eur) over gold.sales_daily', 'gmv / orders']
        """
        if self.ratio:
            return f"{self.ratio[0]} / {self.ratio[1]}"
        return f"{self.measure_sql()} over {self.table}"

    def measure_sql(self) -> str:
        """The aggregate as a Spark SQL expression. Not for ratios, which divide two measures.

        >>> [kpi.measure_sql() for kpi in catalogue() if kpi.name == "repeat_customers"]
        ['COUNT(DISTINCT CASE WHEN frequency >= 2 THEN customer_id END)']
        """
        return formula.measure_sql(self.model_dump())


@functools.cache
def catalogue() -> tuple[Kpi, ...]:
    """All KPIs in the order they are shown.

    >>> [kpi.name for kpi in catalogue()][:6]
    ['gmv', 'returns', 'net_revenue', 'orders', 'units', 'aov']
    """
    return tuple(Kpi(**entry) for entry in parse_yaml(CATALOGUE.read_text(encoding="utf-8")))


def with_ratios(sql: str, contract: Contract) -> str:
    """A model's SQL with the columns that its contract takes from the catalogue: ratios of its own columns.

    >>> with_ratios("SELECT 1 AS day", contract_of("gold.dim_date"))
    'SELECT 1 AS day'
    """
    kpis = {kpi.name: kpi for kpi in catalogue()}
    ratios = []
    for name, column in contract.columns.items():
        if column.kpi:
            numerator, denominator = (str(kpis[measure].sum) for measure in kpis[column.kpi].ratio or ())
            ratios.append(f"{formula.money_ratio_sql(numerator, denominator)} AS {name}")
    return f"SELECT *, {', '.join(ratios)} FROM ({sql}) AS measured" if ratios else sql


def brand_definitions(brand: Brand) -> dict[str, str]:
    """How the brand itself counted each KPI before, by KPI name. Raises ConfigError on a KPI that does not
    exist.

    >>> brand = mh.project("shop").brands["shop"]
    >>> brand_definitions(brand.model_copy(update={"kpi_definitions": {"gmv": "before vouchers"}}))
    {'gmv': 'before vouchers'}
    >>> brand_definitions(brand.model_copy(update={"kpi_definitions": {"gvm": "before vouchers"}}))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: ...: kpi_definitions: no KPI is named `gvm`; did you mean `gmv`?
    """
    known = {k.name for k in catalogue()}
    for name in brand.kpi_definitions:
        if name not in known:
            best = nearest(name, known)
            hint = f"did you mean `{best}`?" if best else f"expected one of {', '.join(sorted(known))}."
            raise ConfigError(
                f"{brand.folder / 'brand.yml'}: kpi_definitions: no KPI is named `{name}`; {hint}"
            )
    return brand.kpi_definitions


def compute(lakehouse: Lakehouse) -> Values:
    """Every KPI per scope (brand names, then `group`). None where a ratio has no denominator.

    >>> values = compute(mh.open("shop"))
    >>> values["shop"]["gmv"], values["shop"]["orders"], values["shop"]["aov"]
    (Decimal('60.00'), Decimal('3'), Decimal('20.00'))
    """
    named = dict.fromkeys(k.table for k in catalogue() if k.table)
    tables = [table for table in named if lakehouse.exists(table)]
    return compute_over(lakehouse.reading(*tables), tables)


def compute_over(
    connection: duckdb.DuckDBPyConnection, tables: Container[str], kpis: list[dict[str, Any]] | None = None
) -> Values:
    """As `compute`, over those `tables` alone, which are open on a connection; `kpis` in the place of the
    catalogue's.

    >>> connection = mh.open("shop").reading("gold.sales_daily")
    >>> compute_over(connection, ["gold.sales_daily"])["group"]["orders"]
    Decimal('3')
    """
    kpis = [k.model_dump() for k in catalogue()] if kpis is None else kpis
    used = [table for table in dict.fromkeys(k["table"] for k in kpis if k["table"]) if table in tables]
    return formula.totals(kpis, used, functools.partial(measures, connection))


def as_json_values(values: Values) -> dict[str, dict[str, str | int | None]]:
    """Counts as numbers, money and shares as exact decimal text.

    >>> from decimal import Decimal
    >>> as_json_values({"shop": {"orders": Decimal(3), "gmv": Decimal("60.00"), "aov": None}})
    {'shop': {'orders': 3, 'gmv': '60.00', 'aov': None}}
    """
    kinds = {k.name: k.format for k in catalogue()}
    return {
        scope: {n: v if v is None else int(v) if kinds[n] == "integer" else str(v) for n, v in named.items()}
        for scope, named in values.items()
    }


def formatted(kpi: Kpi, value: Value) -> str:
    """A value as people read it: `1,234.50`, `1,234`, `12.3 %`; a dash where there is none.

    >>> from decimal import Decimal
    >>> named = {kpi.name: kpi for kpi in catalogue()}
    >>> formatted(named["gmv"], Decimal("1234.5")), formatted(named["return_rate"], Decimal("0.123"))
    ('1,234.50', '12.3 %')
    >>> formatted(named["aov"], None)
    '-'
    """
    if value is None:
        return "-"
    if kpi.format == "percent":
        return f"{value * 100:,.1f} %"
    return f"{value:,.2f}" if kpi.format == "money" else f"{value:,.0f}"
