"""What programs may ask, notebooks by the API and assistants by MCP: figures by dimensions and filters.

Both ask here, so that both are told the same, and nothing that the scope's files do not hold.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from mergehouse.access.cut import CUSTOMERS
from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.cards import OF_CHURN, not_observable
from mergehouse.app.figures.models import metrics_told
from mergehouse.app.figures.raw_vs_silver import raw_vs_silver
from mergehouse.app.figures.targets import all_targets
from mergehouse.app.figures.whose import whose
from mergehouse.app.view import choices
from mergehouse.app.written.targets import target_row
from mergehouse.errors import AccessError
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.kpi.formula import GROUP

By = Literal["all", "brand", "region", "country", "day", "week", "month", "weekday"]
SegmentBy = Literal["segment", "region"]
SALES = "gold.sales_daily"
DIMENSIONS: dict[str, tuple[By, ...]] = {
    SALES: get_args(By),
    CUSTOMERS: ("all", "brand", "region", "country"),  # as of each brand's own date: of no period
}
DEFINITIONS = {
    "all": "one figure",
    "brand": "each brand",
    "region": "reporting regions",
    "country": "ISO 3166-1 alpha-2",
    "day": "local dates of orders",
    "week": "Mondays on which weeks begin",
    "month": "first days of months",
    "weekday": "1 Monday to 7 Sunday",
}


class NotAsked(AccessError):
    """A question that there is no answer to; its message says what can be asked instead."""


@dataclass(frozen=True)
class Filters:
    """What figures are of. `since` and `until` are first and last day, of sales alone."""

    brand: str | None = None
    region: str | None = None
    country: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None

    def checked(self, reader: Reader) -> Filters:
        """Itself, if the scope has what it names. Raises NotAsked otherwise: a filter that matches nothing
        must not look like a figure of nothing.
        """
        brands = {row["source_system"] for row in reader.rows("brands")}
        places = reader.rows("regions")
        offered = {
            "brand": brands,
            "region": {row["region"] for row in places},
            "country": {row["country_code"] for row in places},
        }
        for name, values in offered.items():
            if getattr(self, name) is not None and getattr(self, name) not in values:
                raise NotAsked(f"{name}: expected one of {', '.join(sorted(values)[:40])}.")
        if self.since and self.until and self.since > self.until:
            raise NotAsked("since: expected a day that is not after `until`.")
        return self


def table_of(kpi: Kpi) -> str:
    """The table of a KPI's measure; of a ratio, that of its two."""
    if kpi.table:
        return kpi.table
    named = {one.name: one for one in catalogue()}
    return table_of(named[kpi.ratio[0]]) if kpi.ratio else ""


def kpi_list() -> list[Row]:
    """Every KPI of the catalogue: what it is, its formula, and what it may be cut by.

    >>> kpi_list()[0]["name"], "month" in kpi_list()[0]["dimensions"]
    ('gmv', True)
    """
    return [
        {
            "name": kpi.name,
            "label": kpi.label,
            "meaning": kpi.meaning,
            "unit": kpi.unit,
            "formula": kpi.formula,
            "dimensions": list(DIMENSIONS[table_of(kpi)]),
        }
        for kpi in catalogue()
    ]


def dimensions(reader: Reader) -> list[Row]:
    """What figures may be cut and filtered by, with the values that the scope has."""
    places = reader.rows("regions")
    values: dict[str, list[str]] = {
        "brand": [row["source_system"] for row in reader.rows("brands")],
        "region": sorted({row["region"] for row in places}),
        "country": sorted({row["country_code"] for row in places}),
    }
    return [
        {"name": name, "meaning": meaning, "is_filter": name in values, "values": values.get(name)}
        for name, meaning in DEFINITIONS.items()
    ]


def brands(reader: Reader) -> list[Row]:
    """The brands of the scope, each with its own as-of date."""
    return reader.rows("brands")


def kpis(reader: Reader, by: By, filters: Filters, names: tuple[str, ...] = ()) -> list[Row]:
    """KPIs cut by one thing: `part` and a value for each of `names`, all that can be cut like that without
    any.

    Customer KPIs without a brand are of all brands together where the scope may see that; none tells who is
    active where data are too short for anybody to have churned. Raises NotAsked.
    """
    filters = filters.checked(reader)
    offered = [kpi for kpi in catalogue() if by in DIMENSIONS[table_of(kpi)]]
    known = {kpi.name for kpi in catalogue()}
    for name in names:
        if name not in known:
            raise NotAsked(f"kpi: expected one of {', '.join(kpi.name for kpi in catalogue())}.")
        if name not in {kpi.name for kpi in offered}:
            raise NotAsked(f"{name} cannot be cut by {by}: it is as of each brand's own date.")
    wanted = [kpi for kpi in offered if not names or kpi.name in names]
    dated = filters.since is not None or filters.until is not None
    if dated and names and any(table_of(kpi) == CUSTOMERS for kpi in wanted):
        raise NotAsked("since, until: customer KPIs are as of each brand's own date, of no period.")
    found: dict[Any, Row] = {}
    for table in dict.fromkeys(table_of(kpi) for kpi in wanted):
        if table == CUSTOMERS and dated:
            continue
        for row in (_sales if table == SALES else _customers)(reader, by, filters):
            found.setdefault(row["part"], {}).update(row)
    brands = choices(reader).brands
    for part, row in found.items():
        of = part if by == "brand" else filters.brand
        if not_observable(brand for brand in brands if of in (None, brand.name)):
            row.update(dict.fromkeys(OF_CHURN))
    columns = [kpi.name for kpi in wanted if not (dated and table_of(kpi) == CUSTOMERS)]
    return [{"part": part} | {name: row.get(name) for name in columns} for part, row in found.items()]


def _sales(reader: Reader, by: By, filters: Filters) -> list[Row]:
    return reader.rows(
        "sales", by=by, brand=filters.brand, region=filters.region, country=filters.country,
        since=filters.since, until=filters.until,
    )  # fmt: skip


def _customers(reader: Reader, by: By, filters: Filters) -> list[Row]:
    """Of a brand, of each, or of all together, which are counted anew: customers of two brands are one."""
    scope = filters.brand
    if scope is None and by != "brand" and (scope := whose(reader, None)) is None:
        return []
    if by in ("all", "brand") and filters.country is None:
        rows = reader.rows("customer_kpis", brand=scope, region=filters.region, country=None)
        rows = [row for row in rows if by == "all" or row["source_system"] != GROUP]
        return [row | {"part": "all" if by == "all" else row["source_system"]} for row in rows]
    if by == "brand":
        named = [scope] if scope else [row["source_system"] for row in reader.rows("brands")]
        of_each = [(name, _customers(reader, "all", replace(filters, brand=name))) for name in named]
        return [row | {"part": name} for name, rows in of_each for row in rows]
    cells = "country" if filters.country else by
    part = {"region": "region", "country": "country_code"}.get(by)
    return [
        row | {"part": row[part] if part else "all"}
        for row in reader.rows("customer_kpis_by", by=cells, brand=scope)
        if filters.region in (None, row["region"]) and filters.country in (None, row["country_code"])
    ]


def explain(reader: Reader, name: str, filters: Filters) -> Row:
    """What a KPI is, how it is computed, and its value by brand. Raises NotAsked on a name that is none."""
    kpi = next((kpi for kpi in catalogue() if kpi.name == name), None)
    if kpi is None:
        raise NotAsked(f"kpi: expected one of {', '.join(kpi.name for kpi in catalogue())}.")
    measures = [one for one in catalogue() if one.name in (kpi.ratio or (name,))]
    return {
        "name": name,
        "label": kpi.label,
        "meaning": kpi.meaning,
        "unit": kpi.unit,
        "formula": kpi.formula,
        "grain": kpi.grain,
        "sql": [f"SELECT {one.measure_sql()} AS {one.name} FROM {one.table}" for one in measures],
        "values": kpis(reader, "brand", filters, (name,)),
        "scope": reader.scope.label,
        "version": reader.version,
        "published": reader.published,
    }


def segments(reader: Reader, by: SegmentBy, filters: Filters) -> list[Row]:
    """Customers, money and expected value by one thing; without a brand of all brands together. A part
    without a name holds groups of fewer than five customers, for whoever may not see persons.

    Raises NotAsked where that is not the scope's to see.
    """
    filters = filters.checked(reader)
    of = {"region": filters.region, "country": filters.country, "segment": None}
    return reader.rows("segments", by=by, brand=_whose(reader, filters.brand), **of)


def risk_and_value(reader: Reader, filters: Filters) -> list[Row]:
    """Customers and money by band of risk and tier of value, in the same way."""
    filters = filters.checked(reader)
    of = {"region": filters.region, "country": filters.country}
    return reader.rows("risk", by="risk_and_tier", brand=_whose(reader, filters.brand), **of)


def _whose(reader: Reader, brand: str | None) -> str:
    """The brand; or all together, or the only one that there is."""
    found = whose(reader, brand)
    if found is None:
        known = ", ".join(row["source_system"] for row in reader.rows("brands"))
        raise NotAsked(f"brand: expected one of {known}.")
    return found


def categories(reader: Reader, by: Literal["department", "category"], filters: Filters) -> list[Row]:
    """What departments or categories sold."""
    return reader.rows("categories", by=by, **vars(filters.checked(reader)))


def cleaning(reader: Reader, brand: str | None) -> list[Row]:
    """From the raw exports' figures to the clean ones, a row a step."""
    Filters(brand).checked(reader)
    return [
        {"brand": one.name, "step": s.name, "change": s.change, "after": s.after, "lines": s.lines}
        for one in raw_vs_silver(reader, brand)
        for s in one.steps
    ]


def left_out(reader: Reader, brand: str | None) -> list[Row]:
    """Delivered lines that are not in GMV, by step and reason."""
    Filters(brand).checked(reader)
    return reader.rows("left_out", brand=brand, step=None)


def freshness(reader: Reader, brand: str | None) -> list[Row]:
    """How old each brand's data was at the last run."""
    Filters(brand).checked(reader)
    return reader.rows("freshness", brand=brand)


def targets(reader: Reader, brand: str | None) -> list[Row]:
    """Every target, what there is of it, and whether that meets it. `since` and `until` are the days that
    there are data of, `period_days` those of the period; without a value, `why`.
    """
    Filters(brand).checked(reader)
    return [target_row(each) for each in all_targets(reader, brand, choices(reader))]


def annotations_of(reader: Reader, filters: Filters) -> list[Row]:
    """What people note on days, the newest first."""
    filters = filters.checked(reader)
    return reader.rows("annotations", brand=filters.brand, since=filters.since, until=filters.until)


def model_metrics(reader: Reader, brand: str) -> list[Row]:
    """How good every method was at past cut-offs; nothing of fewer than five customers without persons."""
    Filters(brand).checked(reader)
    return metrics_told(reader, brand, None)
