"""The Executive page as an AI/BI dashboard (Lakeview): how much, when, where, of what, whether to trust it.

Its queries sum what the KPI catalogue says over Gold; viewers see what row filters let them see, for the
dashboard is not published with anybody's credentials. Source of the format: databrickslabs/lsql, lakeview.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mergehouse.kpi.catalogue import Kpi
from mergehouse.platform.databricks.metric_views import ROUNDED

Json = dict[str, Any]
COLUMNS = 6  # of a page's grid
SALES = "gold.sales_daily"
CARDS = ("gmv", "net_revenue", "orders", "aov", "return_rate", "margin_rate")
SPEC_VERSIONS = {"counter": 2, "line": 3, "bar": 3, "table": 2}
NUMBERS = {"money": "0,0.00", "integer": "0,0", "percent": "0.0%"}
HEADS = {
    "source_system": "Brand", "label": "Name", "as_of_date": "As of", "margin_method": "Margins",
    "last_52_weeks": "Last 52 weeks", "earlier_52_weeks": "The 52 before", "change": "Change",
}  # fmt: skip
WEEKS_52 = 364  # days
NOTE = (
    "## {title}\n\nFigures in euro, each brand up to the day after its last order. Margins are actual where"
    " the brand delivers cost, else estimated. Everybody sees what `access.yml` gives to their roles."
)


def dashboard(title: str, kpis: Iterable[Kpi]) -> str:
    """The file `executive.lvdash.json`.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> page = json.loads(dashboard("Retail", catalogue()))["pages"][0]
    >>> page["displayName"], len(page["layout"])
    ('Executive', 13)
    """
    known = {kpi.name: kpi for kpi in kpis}
    revenue, trust = known["net_revenue"], ["source_system", "label", "as_of_date", "margin_method", "margin"]
    year = ["source_system", "last_52_weeks", "earlier_52_weeks", "change"]
    layout = [
        _placed(_text("about", NOTE.format(title=title)), 0, 0, COLUMNS, 3),
        *(_placed(_counter(known[name]), place, 3, 1, 3) for place, name in enumerate(CARDS)),
        _placed(_chart("line", "months", "Net revenue by month", "month", revenue), 0, 6, 6, 6),
        _placed(_chart("bar", "regions", "Net revenue by region", "region", revenue), 0, 12, 3, 6),
        _placed(
            _chart("bar", "departments", "Net revenue by department", "department", revenue), 3, 12, 3, 6
        ),
        _placed(_table("brands", "Brands", ["source_system", *CARDS], known), 0, 18, 6, 5),
        _placed(
            _table("year", "Net revenue of 52 weeks by each brand's own clock", year, known), 0, 23, 6, 5
        ),
        _placed(_table("trust", "Up to when, and how margins are known", trust, known), 0, 28, 6, 5),
    ]
    datasets = [
        {"displayName": about, "name": name, "query": sql} for name, (about, sql) in queries(known).items()
    ]
    page = {"name": "executive", "displayName": "Executive", "layout": layout}
    return json.dumps({"datasets": datasets, "pages": [page]}, indent=2, ensure_ascii=False) + "\n"


def queries(kpis: dict[str, Kpi]) -> dict[str, tuple[str, str]]:
    """Each dataset: what it is about, and its SQL, whose tables are of the dashboard's own catalog.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> print(queries({kpi.name: kpi for kpi in catalogue()})["total"][1][:64])
    SELECT SUM(gmv_eur) AS gmv, SUM(net_revenue_eur) AS net_revenue,
    """
    cards = ", ".join(f"{_sql(kpis[name], kpis)} AS {name}" for name in CARDS)
    revenue = f"{_sql(kpis['net_revenue'], kpis)} AS net_revenue"
    month = "CAST(DATE_TRUNC('MONTH', order_date) AS DATE)"
    return {
        "total": ("All that you may see", f"SELECT {cards} FROM {SALES}"),
        "months": (
            "Months",
            f"SELECT {month} AS month, source_system, {revenue} FROM {SALES} GROUP BY ALL ORDER BY month",
        ),
        "regions": ("Regions", f"SELECT region, source_system, {revenue} FROM {SALES} GROUP BY ALL"),
        "departments": (
            "Departments",
            "SELECT department, source_system, SUM(net_revenue_eur) AS net_revenue FROM gold.category_perf"
            " GROUP BY ALL",
        ),
        "brands": (
            "Brands",
            f"SELECT source_system, {cards} FROM {SALES} GROUP BY source_system ORDER BY source_system",
        ),
        "year": ("Two years of 52 weeks", _year(kpis["net_revenue"])),
        "trust": (
            "Clocks and margins",
            f"SELECT s.source_system, b.label, b.as_of_date, s.margin_method, SUM(s.margin_eur) AS margin"
            f" FROM {SALES} AS s JOIN gold.dim_brand AS b ON b.source_system = s.source_system GROUP BY ALL"
            " ORDER BY s.source_system, s.margin_method",
        ),
    }


def _year(kpi: Kpi) -> str:
    """A sum over the 52 weeks before each brand's as-of date, and over those before."""
    days = "DATEDIFF(b.as_of_date, s.order_date)"
    last, before = (
        f"SUM(CASE WHEN {days} BETWEEN {first} AND {first + WEEKS_52 - 1} THEN s.{kpi.sum} ELSE 0 END)"
        for first in (1, 1 + WEEKS_52)
    )
    return (
        f"SELECT s.source_system, {last} AS last_52_weeks, {before} AS earlier_52_weeks,"
        f" ROUND({last} / NULLIF({before}, 0) - 1, 6) AS change FROM {SALES} AS s"
        " JOIN gold.dim_brand AS b ON b.source_system = s.source_system"
        " GROUP BY s.source_system ORDER BY s.source_system"
    )


def _sql(kpi: Kpi, kpis: dict[str, Kpi]) -> str:
    if not kpi.ratio:
        return kpi.measure_sql()
    numerator, denominator = (kpis[name].measure_sql() for name in kpi.ratio)
    return f"ROUND({numerator} / NULLIF({denominator}, 0), {ROUNDED[kpi.format]})"


def _placed(widget: Json, x: int, y: int, width: int, height: int) -> Json:
    return {"widget": widget, "position": {"x": x, "y": y, "width": width, "height": height}}


def _text(name: str, text: str) -> Json:
    return {"name": name, "textbox_spec": text}


def _counter(kpi: Kpi) -> Json:
    encodings = {"value": {"fieldName": kpi.name, "displayName": kpi.label}}
    return _widget(f"card_{kpi.name}", "total", "counter", kpi.label, [kpi.name], encodings, _format(kpi))


def _chart(kind: str, dataset: str, title: str, by: str, kpi: Kpi) -> Json:
    """A KPI by one thing, a colour for each brand."""
    colour = "source_system"
    along = {"type": "temporal" if kind == "line" else "categorical"}
    encodings = {
        "x": {"fieldName": by, "displayName": by.title(), "scale": along},
        "y": {"fieldName": kpi.name, "displayName": kpi.label, "scale": {"type": "quantitative"}},
        "color": {"fieldName": colour, "displayName": "Brand", "scale": {"type": "categorical"}},
    }
    return _widget(f"{kind}_{dataset}", dataset, kind, title, [by, colour, kpi.name], encodings, _format(kpi))


def _table(dataset: str, title: str, columns: Sequence[str], kpis: dict[str, Kpi]) -> Json:
    shown = [
        {"fieldName": column, "displayName": kpis[column].label if column in kpis else HEADS[column]}
        for column in columns
    ]
    return _widget(f"table_{dataset}", dataset, "table", title, columns, {"columns": shown}, {})


def _widget(
    name: str, dataset: str, kind: str, title: str, fields: Sequence[str], encodings: Json, shown: Json
) -> Json:
    asked = [{"name": field, "expression": f"`{field}`"} for field in fields]
    query = {"datasetName": dataset, "fields": asked, "disaggregated": True}
    spec = {
        "version": SPEC_VERSIONS[kind],
        "widgetType": kind,
        "encodings": encodings,
        "frame": {"showTitle": True, "title": title},
    }
    return {"name": name, "queries": [{"name": "main_query", "query": query}], "spec": spec | shown}


def _format(kpi: Kpi) -> Json:
    kind = "percentFormat" if kpi.format == "percent" else "numberFormat"
    return {"format": {kind: {"formatType": "numeral", "format": NUMBERS[kpi.format]}}}
