"""What a measure of the model is in SQL over Gold: sums and counts, and what is made of them.

The KPIs' own SQL is that of the catalogue; the rest says what the DAX of the model says, for a preview alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.lakehouse.reader import quoted
from mergehouse.platform.powerbi.measures import EXACT
from mergehouse.platform.powerbi.objects import Measure, SemanticModel, Table
from mergehouse.platform.powerbi.report.fields import Field

CUSTOMERS = "Customer by brand"
SUM = re.compile(r"SUM \( '(?P<table>[^']+)'\[(?P<column>[^\]]+)\] \)")
OBSERVABLE = " where observable"
USUAL = re.compile(r"SELECTEDVALUE \(.*, ([\d.]+) \)", re.DOTALL)
Days = Literal["", "window", "year before", "week"]
Value = Decimal | None


@dataclass(frozen=True)
class Aggregate:
    """`sql` over a table of the model, of some `days`; `a_day`: of each brand by the days of its window."""

    table: str
    sql: str
    days: Days = ""
    a_day: bool = False


@dataclass(frozen=True)
class Formula:
    """A measure: what it is made of, and how. `of_all`: a part of what all brands have together; `compared`:
    blank where brands are looked at on different days; `observable`: blank where churn cannot be told yet.
    """

    parts: tuple[Aggregate, ...]
    made: Callable[..., Value]
    of_all: bool = False
    compared: bool = False
    observable: bool = False


def formula_of(field: Field, model: SemanticModel) -> Formula | None:
    """None where only Power BI can tell."""
    table, measure = model.measure(field.name)
    kpis = {kpi.name: kpi for kpi in catalogue()}
    if field.name.endswith(OBSERVABLE):
        kpi = next(kpi for kpi in kpis.values() if kpi.label == field.name.removesuffix(OBSERVABLE))
        whole = formula_of(replace(field, name=kpi.label), model)
        return replace(whole, observable=True) if whole else None
    if measure.kpi:
        return _variant(kpis[measure.kpi], kpis, model, measure)
    if summed := SUM.fullmatch(measure.dax):
        column = model.column(summed["table"], summed["column"])
        return _plain(Aggregate(table.name, f"SUM({quoted(column.source)})"))
    return _what_if(measure.name, table, model)


def _plain(part: Aggregate) -> Formula:
    return Formula((part,), lambda value: value)


def usual(measure: str, model: SemanticModel) -> str:
    """What a measure of a choice is where nothing is chosen, as its DAX says it; empty where it is blank."""
    found = USUAL.search(model.measure(measure)[1].dax)
    return found[1] if found else ""


def _variant(kpi: Kpi, kpis: Mapping[str, Kpi], model: SemanticModel, measure: Measure) -> Formula | None:
    def base(days: Days, a_day: bool = False) -> Formula:
        if not kpi.ratio:
            return _plain(_aggregate(kpi, model, days, a_day))
        above, below = (_aggregate(kpis[name], model, days, a_day) for name in kpi.ratio)
        places = Decimal(1).scaleb(-EXACT[kpi.format])
        return Formula((above, below), lambda a, b: (a / b).quantize(places) if a is not None and b else None)

    variant = measure.name.removeprefix(kpi.label).strip()
    if variant == "year on year":
        now, then = base("window"), base("year before")
        return Formula((*now.parts, *then.parts), _change(kpi, now, then), compared=True)
    if variant == "share":
        whole = base("window", a_day=True) if _has_days(kpi, model) else base("")
        return replace(whole, of_all=True)
    if variant == "per day":
        return base("window", a_day=True)
    days: dict[str, Days] = {"": "", "in window": "window", "in week": "week"}
    return base(days[variant]) if variant in days else None


def _has_days(kpi: Kpi, model: SemanticModel) -> bool:
    table = next(table.name for table in model.tables if table.entity == kpi.table)
    return any(join.from_table == table and join.to_table == "Date" for join in model.relationships)


def _aggregate(kpi: Kpi, model: SemanticModel, days: Days, a_day: bool) -> Aggregate:
    """Of several tables over the same one of Gold the first, as the model's measures."""
    table = next(table for table in model.tables if table.entity == kpi.table)
    return Aggregate(table.name, kpi.measure_sql(), days, a_day)


def _change(kpi: Kpi, now: Formula, then: Formula) -> Callable[..., Value]:
    def made(*values: Value) -> Value:
        half = len(values) // 2
        new, old = now.made(*values[:half]), then.made(*values[half:])
        if new is None or old is None:
            return None
        if kpi.format == "percent":
            return 100 * (new - old)
        return new / old - 1 if old > 0 else None

    return made


def _what_if(name: str, table: Table, model: SemanticModel) -> Formula | None:
    """With the limits as they are before anybody moves them."""
    if table.name != CUSTOMERS:
        return None
    silent, risky = (
        f"{column} {usual(f'{limit} chosen', model)}"
        for column, limit in (
            ("recency_days >", "Inactivity days"),
            ("churn_probability_90d >=", "Churn cut-off"),
        )
    )
    valuable, scored = "clv_tier IN ('top', 'high')", "clv_tier IS NOT NULL"
    counted = {
        "Silent customers": silent,
        "Customers at risk": risky,
        "Valuable customers": valuable,
        "Valuable customers at risk": f"{risky} AND {valuable}",
        "Customers with these bounds": scored,
    }
    if name in counted:
        kept = f"frequency > 0 AND {counted[name]}"
        return _plain(Aggregate(table.name, f"COUNT(DISTINCT CASE WHEN {kept} THEN customer_id END)"))
    buyers = {
        "CLV at risk": f"frequency > 0 AND {risky}",
        "Expected CLV": "frequency > 0",
        "Expected CLV with these bounds": f"frequency > 0 AND {scored}",
    }
    if name not in buyers:
        return None
    return _plain(Aggregate(table.name, f"SUM(CASE WHEN {buyers[name]} THEN clv_12m_eur END)"))
