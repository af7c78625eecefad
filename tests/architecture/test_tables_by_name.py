"""Generic rooms name no table of the models, but for the few that are listed here with the reason."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from tests.architecture.house import FILES, room

from mergehouse.contracts.registry import MODELS

GENERIC = ("lakehouse", "kpi", "engine", "ingest", "transform", "quality", "pipeline", "release")
TABLE = re.compile(rf"\b(?:{'|'.join(folder.name for folder in MODELS.iterdir())})\.[a-z][a-z0-9_]*\b")
NAMED = {
    "ingest.bronze": ("bronze.rejected", "it writes the torn lines"),
    "ingest.ledger": ("bronze.batches", "it writes the ledger"),
    "lakehouse.summary": ("gold.dim_brand monitor.runs", "a lakehouse shows as-of dates and its last run"),
    "pipeline.run_log": (
        "monitor.freshness monitor.quality_results monitor.schema_history",
        "it writes the run log",
    ),
    "quality.margin_methods": ("gold.sales_daily", "it has how each margin is come by"),
    "quality.freshness": ("gold.dim_brand", "a brand's last order is there"),
    "quality.left_out": (
        "bronze.rejected silver.duplicates silver.quarantine",
        "what is in no figure is there",
    ),
    "quality.missing_rates": ("silver.fx_rates_eur silver.quarantine", "lines without a rate are there"),
    "quality.reconciliation": ("silver.field_differences", "the findings are counted there"),
    "quality.report": (
        "bronze.batches bronze.rejected gold.category_perf gold.dim_brand gold.dim_product"
        " gold.kpi_raw_vs_silver monitor.quality_results monitor.runs monitor.schema_history"
        " silver.duplicates silver.products_clean silver.quarantine silver.sales_clean",
        "the page is about these tables: it tells what became of each delivered line",
    ),
    "pipeline.isolation": ("monitor.quality_results", "which brands wait is in the run log"),
    "release.export.evidence": ("monitor.quality_results", "a manifest's verdict is that of the run log"),
    "release.promote.audit_trail": ("monitor.promotions", "it writes the audit trail"),
    "release.promote.gates": (
        "gold.customer_360 gold.customer_brand_360",
        "which of the two a brand manager may not see is a rule about persons, not about tables",
    ),
    "transform.brand_lists": (
        "staging.unusable_entries",
        "it makes this view of brands' lists; the tracing of deliveries goes by its name",
    ),
    "transform.field_reconciliation": (
        "staging.field_differences",
        "it makes this view from brand.yml; the tracing of deliveries goes by its name",
    ),
    "transform.model_graph": (
        "bronze.batches staging.earlier_costs staging.line_joins staging.line_sources staging.minor_units"
        " staging.other_spellings staging.raw_rows staging.repeated_rows staging.rows_summed_twice"
        " staging.undated_versions staging.unread_discounts staging.unread_marks staging.unread_parents"
        " staging.unread_taxes staging.untold_kinds",
        "models may read the ledger; the views are made here",
    ),
    "transform.repeated_rows": (
        "bronze.batches silver.duplicates",
        "which lines gave way is said there; the rows behind them are compared",
    ),
    "transform.staging_views": (
        "silver.order_lines",
        "whether a line can be used is said there; the raw rows of those that cannot are kept",
    ),
}


def tables_named(code: str) -> set[str]:
    """Tables in the texts of a module, docstrings left out."""
    tree = ast.parse(code)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    return {name for text in texts for name in TABLE.findall(text)}


def test_generic_rooms_name_only_the_tables_that_are_listed() -> None:
    found = defaultdict(set)
    for module, file in FILES.items():
        if room(module) in GENERIC and (names := tables_named(file.read_text(encoding="utf-8"))):
            found[module.removeprefix("mergehouse.")] = names
    assert found == {module: set(tables.split()) for module, (tables, _) in NAMED.items()}


def test_tables_are_found_in_texts_alone() -> None:
    code = '''
"""About gold.dim_brand."""
sql = f"SELECT * FROM silver.orders AS o WHERE o.{name} IN (SELECT id FROM gold.{table})"
def f():
    """gold.dim_date"""
    gold.sales_daily(("monitor.runs",))
'''
    assert tables_named(code) == {"silver.orders", "monitor.runs"}
