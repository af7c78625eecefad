"""The quality report: one self-contained HTML page that a business reader can follow from raw export to clean
figure.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergehouse.charts.pages import environment, put_pages
from mergehouse.errors import LakehouseError
from mergehouse.kpi.catalogue import brand_definitions, catalogue, compute, formatted
from mergehouse.kpi.formula import GROUP, Values
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.settings import Config
from mergehouse.quality.assumed import DELIMITERS, Assumption, assumptions, shown
from mergehouse.quality.words import words

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent
SAMPLES = 3
UNMAPPED_SHOWN = 15
REPORT = "report.html"
SHOWN = (
    "bronze.batches", "bronze.rejected", "silver.sales_clean", "silver.quarantine", "silver.duplicates",
    "silver.products_clean", "gold.dim_brand", "gold.category_perf", "gold.dim_product",
    "gold.kpi_raw_vs_silver", "monitor.runs", "monitor.quality_results", "monitor.schema_history",
)  # fmt: skip
Row = dict[str, Any]


def write_report(project: Project, kpis: Values | None = None) -> str:
    """Writes `report.html` into the lakehouse and returns its path or URL. `kpis`: the values where they are
    known already.

    Raises LakehouseError where nothing ran yet.
    """
    with Lakehouse(project.lakehouse_location).pinned() as lakehouse:
        if not lakehouse.exists("monitor.runs"):
            raise LakehouseError(f"{lakehouse.location}: nothing ran here yet; `mergehouse run` comes first.")
        contents = _contents(project, lakehouse, compute(lakehouse) if kpis is None else kpis)
    return put_pages(lakehouse, {REPORT: template().render(contents)})[0]


def template() -> Template:
    """The report before it is filled. Parsing it takes as long as all else of a report."""
    return environment(HERE).get_template("report.html.j2")


def _contents(project: Project, lakehouse: Lakehouse, values: Values) -> Row:
    read = _Reader(lakehouse)
    checks = read.rows(
        "monitor.quality_results",
        "SELECT * FROM monitor.quality_results QUALIFY row_number() OVER (PARTITION BY table_name, check_name"
        " ORDER BY started DESC) = 1",
    )
    for check in checks:
        check["sample"] = json.loads(check["sample"])
    run = read.rows("monitor.runs", "SELECT * FROM monitor.runs ORDER BY started DESC LIMIT 1")[0]
    values = {scope: values[scope] for scope in sorted(values, key=lambda scope: scope != GROUP)}
    labels = project.labels
    return {
        "project": project.config.name,
        "run": run,
        "words": words(),
        "scopes": [labels.get(scope, scope) for scope in values],
        "kpis": [
            {
                "label": k.label,
                "unit": "" if k.format == "percent" else k.unit,
                "meaning": k.meaning,
                "values": [formatted(k, named[k.name]) for named in values.values()],
            }
            for k in catalogue()
        ],
        "brands": [
            _brand(read, brand, labels[name], project.config) for name, brand in project.brands.items()
        ],
        "checks_passed": sum(c["passed"] for c in checks if c["run_id"] == run["run_id"]),
        "held_back": [c["why"] for c in checks if c["check_name"] == "brand_is_current" and not c["passed"]],
        "findings": [c | {"about": _about(c["table_name"], labels)} for c in checks if not c["passed"]],
        "drift": read.rows(
            "monitor.schema_history", "SELECT * FROM monitor.schema_history ORDER BY started, source_file"
        ),
    }


def _about(table: str, labels: dict[str, str]) -> str:
    """A table's name, and in the place of a brand's its label."""
    first, dot, rest = table.partition(".")
    return labels.get(first, first) + dot + rest


def _brand(read: _Reader, brand: Brand, label: str, config: Config) -> Row:
    name = {"brand": brand.name}
    deliveries = read.rows(
        "bronze.batches",
        "SELECT * FROM bronze.batches WHERE source_system = $brand ORDER BY ingest_ts, source_file",
        name,
    )
    for delivery in deliveries:
        delivery["notes"] = json.loads(delivery["drift"])
        delivery["format"] = _format_words(delivery)
    labels = {k.name: k.label for k in catalogue()}
    line_types = read.rows(
        "silver.sales_clean",
        "SELECT line_type, line_class, count(*) AS order_lines, sum(amount_eur) AS amount_eur,"
        " sum(amount_eur) FILTER (margin_method = 'estimated') AS estimated_eur,"
        " count(*) FILTER (country_code = 'ZZ') AS without_country FROM silver.sales_clean"
        " WHERE source_system = $brand GROUP BY ALL ORDER BY line_type, order_lines DESC",
        name,
    )
    assumed = [*_assumed_in_tables(read, brand), *_assumed_of_lines(line_types)]
    return {
        "label": label,
        "assumed": [*assumptions(brand, config, deliveries), *assumed],
        "name": brand.name,
        "currency": brand.currency,
        "definitions": {labels[n]: text for n, text in brand_definitions(brand).items()},
        "deliveries": deliveries,
        "money": _waterfall(read, brand.name, "gmv_eur"),
        "lines": _waterfall(read, brand.name, "order_lines"),
        "line_types": line_types,
        "rejected": _reasons(
            read, "bronze.rejected", "reason_code", "source_file, source_line, raw_text", brand.name, False
        ),
        "quarantine": _reasons(
            read, "silver.quarantine", "reason_code", "source_row, order_id, raw_row", brand.name
        ),
        "duplicates": _reasons(
            read,
            "silver.duplicates",
            "kind",
            "order_id, order_date, amount_original, source_row, kept_source_row",
            brand.name,
        ),
        "unmapped": read.rows(
            "gold.category_perf",
            "SELECT c.product_id, any_value(p.product_name) AS product_name, sum(c.gmv_eur) AS gmv_eur FROM"
            " gold.category_perf AS c JOIN gold.dim_product AS p USING (product_id) WHERE c.source_system ="
            " $brand AND c.category = 'Unmapped' GROUP BY c.product_id ORDER BY gmv_eur DESC, c.product_id"
            f" LIMIT {UNMAPPED_SHOWN}",
            name,
        ),
        "coverage": read.rows(
            "gold.category_perf",
            "SELECT sum(CASE WHEN category <> 'Unmapped' THEN gmv_eur ELSE 0 END) / nullif(sum(gmv_eur), 0)"
            " AS share,"
            " count(DISTINCT product_id) FILTER (category = 'Unmapped') AS products FROM gold.category_perf"
            " WHERE source_system = $brand",
            name,
        ),
    }


def _assumed_in_tables(read: _Reader, brand: Brand) -> list[Assumption]:
    """The as-of date, and the cost of products that have neither a cost nor a category."""
    name, found = {"brand": brand.name}, []
    days = read.rows("gold.dim_brand", "SELECT * FROM gold.dim_brand WHERE source_system = $brand", name)
    if brand.as_of is None and days and days[0]["as_of_date"]:
        found.append(
            Assumption("as_of", str(days[0]["as_of_date"]), "The day after the last order with a sale.")
        )
    rates = read.rows(
        "silver.products_clean",
        "SELECT cost_rate, count(*) AS products FROM silver.products_clean WHERE source_system = $brand AND"
        " is_merchandise AND unit_cost IS NULL AND category = 'Unmapped' GROUP BY cost_rate",
        name,
    )
    return found + [
        Assumption(
            "cost of goods",
            f"{shown(rate['cost_rate'])} of the price ({rate['products']:,} products)",
            "Products without a cost and without a category: the rate of Unmapped in mappings/hierarchy.csv.",
        )
        for rate in rates
    ]


def _assumed_of_lines(line_types: list[Row]) -> Iterator[Assumption]:
    """What order lines lack, and what was taken in its place."""
    goods = [row for row in line_types if row["line_type"] in ("sale", "return")]
    revenue = sum(row["amount_eur"] for row in goods)
    if estimated := sum(row["estimated_eur"] or 0 for row in goods):
        yield Assumption(
            "margin",
            f"estimated for {estimated:,.2f} of {revenue:,.2f} EUR of net revenue",
            "Goods whose cost is not delivered: the cost_rate of their category in mappings/hierarchy.csv.",
        )
    if lacking := sum(row["without_country"] for row in line_types):
        yield Assumption(
            "country",
            f"ZZ on {lacking:,} of {sum(row['order_lines'] for row in line_types):,} order lines",
            "Order lines without a country that is known: their region is Rest of world.",
        )


class _Reader:
    """Rows of queries over the tables shown; none where the table they are about is not published yet."""

    def __init__(self, lakehouse: Lakehouse):
        self.tables = {name for name in SHOWN if lakehouse.exists(name)}
        self.connection = lakehouse.reading(*self.tables)

    def rows(self, table: str, sql: str, parameters: Row | None = None) -> list[Row]:
        return rows(self.connection, sql, parameters) if table in self.tables else []


def _waterfall(read: _Reader, brand: str, kpi: str) -> list[Row]:
    """Steps with the place of their bar in percent: `left` and `width`."""
    steps = read.rows(
        "gold.kpi_raw_vs_silver",
        "SELECT step, value FROM gold.kpi_raw_vs_silver WHERE source_system = $brand AND kpi = $kpi ORDER BY"
        " step_no",
        {"brand": brand, "kpi": kpi},
    )
    at, spans = Decimal(0), []
    for step in steps:
        low, high = (
            (Decimal(0), step["value"]) if step["step"] in ("raw", "clean") else (at, at + step["value"])
        )
        spans.append((min(low, high), max(low, high)))
        at = high
    if not spans:
        return []
    left, right = min(low for low, _ in spans), max(high for _, high in spans)
    scale = 100 / (right - left) if right > left else Decimal(0)
    return [
        step
        | {
            "left": round((low - left) * scale, 2),
            "width": round(max((high - low) * scale, Decimal("0.3")), 2),
        }
        for step, (low, high) in zip(steps, spans, strict=True)
    ]


def _reasons(read: _Reader, table: str, code: str, shown: str, brand: str, amounts: bool = True) -> list[Row]:
    """Reasons by number of rows, each with its amount in each currency, and its first sample rows."""
    name = {"brand": brand}
    counts = read.rows(
        table,
        f"SELECT {code} AS code, count(*) AS found FROM {table} WHERE source_system = $brand GROUP BY 1 ORDER"
        " BY 2 DESC, 1",
        name,
    )
    by_code = defaultdict[str, list[Row]](list)
    if amounts:
        for row in read.rows(
            table,
            f"SELECT {code} AS code, currency, sum(amount_original) AS amount FROM {table} WHERE"
            " source_system = $brand GROUP BY ALL HAVING amount IS NOT NULL ORDER BY abs(amount) DESC",
            name,
        ):
            by_code[row.pop("code")].append(row)
    for reason in counts:
        reason["sample"] = read.rows(
            table,
            f"SELECT {shown} FROM {table} WHERE source_system = $brand AND {code} = $code ORDER BY ALL LIMIT"
            f" {SAMPLES}",
            name | {"code": reason["code"]},
        )
        reason["amounts"] = amounts and by_code[reason["code"]]
    return counts


def _format_words(delivery: Row) -> str:
    """How the file was read, in words."""
    found = json.loads(delivery["formats"])
    delimiter = DELIMITERS.get(delivery["delimiter"], delivery["delimiter"])
    dates = [f"{column}: {', '.join(patterns)}" for column, patterns in found.get("dates", {}).items()]
    decimal = "decimal comma" if found.get("decimal_mark") == "," else ""
    return "; ".join(filter(None, [delivery["encoding"], delimiter, decimal, *dates]))
