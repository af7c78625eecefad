"""Scores of the group, reasons in words, and what stands in for a brand without a model."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mergehouse.science.churn.reasons import TRAITS, by_trait, reasons
from mergehouse.science.features.dataset import INPUTS
from mergehouse.science.scoring import CONTRACT, all_scores, tier

A, B, NOW = dt.date(2024, 1, 1), dt.date(2025, 1, 1), dt.datetime(2025, 1, 2, tzinfo=dt.UTC)


def scored(
    brand: str,
    customers: list[str],
    chance: list[float],
    value: list[float],
    recency: list[int],
    method: str = "model",
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": customers,
            "source_system": brand,
            "recency_days": pl.Series(recency, dtype=pl.Int32),
            "churn_probability_30d": [min(1.0, c + 0.1) for c in chance],
            "churn_probability_60d": chance,
            "churn_probability_90d": chance,
            "p_alive": [1 - c for c in chance],
            "expected_orders_90d": [v / 100 for v in value],
            "expected_orders_365d": [v / 25 for v in value],
            "clv_3m_eur": [v / 4 for v in value],
            "clv_6m_eur": [v / 2 for v in value],
            "clv_12m_eur": value,
            "clv_12m_low_eur": [v / 2 for v in value],
            "clv_12m_high_eur": [v * 2 for v in value],
            "reason_1": f"of {brand}",
            "reason_2": None,
            "reason_3": None,
            "method": method,
            "model_name": brand,
            "model_version": 1,
            "feature_version": "1",
            "as_of_date": A,
        }
    )


@pytest.fixture(scope="module")
def scores() -> pl.DataFrame:
    known = pl.DataFrame(
        [("both", "a", A), ("both", "b", B), ("new", "a", A), ("only", "b", B), ("shy", "a", A),
            ("shy", "b", B)],
        schema=["customer_id", "source_system", "as_of_date"], orient="row",
    )  # fmt: skip
    of_a = scored("a", ["both", "shy"], [0.5, 0.3], [100.0, 10.0], [40, 5])
    of_b = scored("b", ["both", "only"], [0.4, 0.9], [60.0, 5.0], [10, 80], "fallback")
    return all_scores(known, [of_a, of_b], NOW)


def row(scores: pl.DataFrame, customer: str, of: str) -> dict:
    return scores.row(
        by_predicate=(pl.col("customer_id") == customer) & (pl.col("source_system") == of), named=True
    )


def test_every_known_customer_has_a_row_at_each_brand_and_one_in_the_group(scores: pl.DataFrame) -> None:
    assert scores.columns == list(CONTRACT.columns)
    counts = dict(scores.group_by("source_system").len().iter_rows())
    assert counts == {"a": 3, "b": 3, "group": 4} and scores.select(CONTRACT.key).is_duplicated().sum() == 0


def test_the_group_is_made_of_its_brands(scores: pl.DataFrame) -> None:
    both = row(scores, "both", "group")
    assert both["churn_probability_90d"] == pytest.approx(0.5 * 0.4) and both["p_alive"] == pytest.approx(
        1 - 0.5 * 0.4
    )
    assert (both["clv_12m_eur"], both["clv_12m_low_eur"], both["expected_orders_90d"]) == pytest.approx(
        (160.0, 80.0, 1.6)
    )
    # bought at b last, and b has no model
    assert (both["as_of_date"], both["reason_1"], both["method"]) == (B, "of b", "fallback")
    only = row(scores, "only", "group")
    assert {**only, "source_system": "b", "clv_tier": ""} == {**row(scores, "only", "b"), "clv_tier": ""}


def test_who_has_not_bought_has_no_scores(scores: pl.DataFrame) -> None:
    for new in (row(scores, "new", "a"), row(scores, "new", "group"), row(scores, "shy", "b")):
        assert new["method"] == "too_new" and new["reason_1"] == "No purchase yet"
        assert not [
            name
            for name in new
            if name.startswith(("churn_", "clv_", "p_", "expected_")) and new[name] is not None
        ]
    shy = row(scores, "shy", "group")  # bought at one of two brands
    assert (shy["method"], shy["churn_probability_90d"], shy["clv_12m_eur"], shy["as_of_date"]) == (
        "model",
        0.3,
        10.0,
        A,
    )


def test_bands_and_tiers(scores: pl.DataFrame) -> None:
    assert [row(scores, c, b)["risk_band"] for c, b in (("both", "a"), ("shy", "a"), ("only", "b"), ("both",
        "b"))] == [
        "medium", "low", "high", "medium",
    ]  # fmt: skip
    many = scored("a", [f"c{n}" for n in range(10)], [0.5] * 10, [float(n) for n in range(10)], [1] * 10)
    found = (
        all_scores(many.select("customer_id", "source_system", "as_of_date"), [many], NOW)
        .filter(source_system="a")
        .sort("clv_12m_eur")
    )
    assert found["clv_tier"].to_list() == ["low"] * 4 + ["medium"] * 3 + ["high"] * 2 + ["top"]
    cents = pl.DataFrame({"source_system": "a", "clv_12m_eur": [16.54 + n * 1e-9 for n in range(10)]})
    assert set(cents.select(tier()).to_series()) == {"low"}  # all are worth 16.54


def test_nobody_has_bought_anything_yet() -> None:
    known = pl.DataFrame({"customer_id": ["x"], "source_system": ["a"], "as_of_date": [A]})
    assert all_scores(known, [], NOW)["method"].to_list() == ["too_new", "too_new"]


def test_every_input_belongs_to_one_trait() -> None:
    inputs = [name for trait in TRAITS for name in trait.inputs]
    assert sorted(inputs) == sorted(INPUTS)


def test_reasons_name_what_moves_the_chance_most() -> None:
    rows = pl.DataFrame(
        {
            "recency_days": [80, 1], "gap_mean_days": [20.4, None], "purchases": [5, 1],
            "purchases_365d": [5, 1], "purchases_90d": [1, 1],
            "tenure_days": [300, 1], "purchases_season": [0, 0], "gmv_eur": [500.0, 20.0],
            "gmv_365d_eur": [400.0, 20.0],
            "returns_eur": [50.0, 0.0], "discount_eur": [0.0, 5.0], "categories": [1, 2],
            "is_cross_brand": [False, True],
        }
    )  # fmt: skip
    contributions = np.zeros((2, len(INPUTS)))
    names = list(INPUTS)
    contributions[0, names.index("recency")], contributions[0, names.index("overdue")] = 0.5, 0.4
    contributions[0, names.index("returns_share")], contributions[0, names.index("purchases")] = 0.2, -0.6
    contributions[1, names.index("cross_brand")], contributions[1, names.index("discount_share")] = -0.3, 0.1
    contributions[1, names.index("tenure")] = 0.2
    found = list(zip(*(series.to_list() for series in reasons(rows, contributions)), strict=True))
    assert found[0] == (
        "Buys every 20 days on average, last 80 days ago: raises the risk",
        "5 purchases in the last year, 1 of them in the last 90 days: lowers the risk",
        "Returned 10 % of what was bought: raises the risk",
    )
    assert found[1] == (
        "Buys at another brand, too: lowers the risk",
        "First purchase 1 day ago: raises the risk",
        "Bought at a discount of 20 %: raises the risk",
    )
    assert np.allclose(by_trait(contributions).sum(axis=1), contributions.sum(axis=1))
