"""Scores of earlier days are judged by what customers bought since, under whatever id they have now."""

from __future__ import annotations

from pathlib import Path

import duckdb

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append
from mergehouse.science.evaluation.drift import LATER_IDS, MATURED


def test_a_purchase_under_a_later_id_counts(tmp_path: Path) -> None:
    lakehouse = Lakehouse(tmp_path / "lakehouse")
    for table, rows in {
        "gold.customer_scores_gold": """
            SELECT 'b' AS source_system, DATE '2026-01-01' AS as_of_date, 'm' AS model_name,
              1 AS model_version, customer_id, chance AS churn_probability_90d, 'model' AS method
            FROM (VALUES ('b:1', 0.1), ('b:2', 0.2), ('b:3', 0.2)) AS t(customer_id, chance)
        """,
        "gold.dim_brand": "SELECT 'b' AS source_system, DATE '2026-06-01' AS as_of_date",
        "silver.customer_days": """
            SELECT 'b' AS source_system, customer_id, true AS is_purchase, day AS order_date
            FROM (VALUES ('a:9', DATE '2025-12-01'), ('a:9', DATE '2026-02-01'), ('b:2', DATE '2025-12-01'),
              ('b:3', DATE '2025-12-01'), ('b:3', DATE '2026-02-01')) AS t(customer_id, day)
        """,
        "silver.identity_events": "SELECT 'b:1' AS previous_id, 'a:9' AS current_id",
    }.items():
        append(lakehouse, table, duckdb.sql(rows))
    found = lakehouse.query(MATURED.format(horizon=90, later_ids=LATER_IDS))
    assert sorted(found.project("probability, churned").fetchall()) == [
        (0.1, False),
        (0.2, False),
        (0.2, True),
    ], "two customers of one score are two"
