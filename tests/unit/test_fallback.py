"""Who has no model's score: chances as closed windows have them, and words for who has none at all."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from tests.unit.test_scores import NOW, A, row, scored

from mergehouse.science.churn.fallback import fallback_chances
from mergehouse.science.clv.fallback import fit_clv_fallback
from mergehouse.science.features.dataset import Dataset, active
from mergehouse.science.scoring import all_scores, risk_within

AS_OF = dt.date(2025, 9, 1)


def silent(rows: pl.DataFrame, _: int) -> np.ndarray:
    """A model of purchases that is too sure: 10 % and 90 %."""
    return rows["said"].to_numpy()


def shop(cutoffs: list[dt.date], stay_away: tuple[int, int], of_each: int = 100) -> Dataset:
    """At every cut-off as many customers are given 10 % as 90 %, of whom so many stay away."""
    few, many = (np.arange(of_each) >= n for n in stay_away)
    one = pl.DataFrame(
        {
            "said": np.repeat([0.1, 0.9], of_each),
            "next_purchases_90d": np.concatenate([few, many]).astype(int),
            "recency_days": 5,
            "tenure_days": 200,
            "purchases_90d": 1,
        }
    )
    at = [one.with_columns(cutoff_date=pl.lit(day)) for day in (*cutoffs, AS_OF)]
    return Dataset("shop", AS_OF, pl.concat(at))


def test_the_highest_band_of_a_fallback_is_calibrated() -> None:
    """Of those who were given 90 %, 65 % stayed away, of the others 35 %."""
    dataset = shop([dt.date(2025, 4, 1), dt.date(2025, 5, 1)], (35, 65))
    [chances] = fallback_chances(dataset, active, silent, (90,))
    low, high = np.unique(chances.round(6))
    assert (low, high) == pytest.approx((0.35, 0.65), abs=0.01)


def test_without_closed_windows_a_fallback_is_as_it_is() -> None:
    for dataset in (shop([], (35, 65)), shop([dt.date(2025, 8, 1)], (35, 65))):
        [chances] = fallback_chances(dataset, active, silent, (90,))
        assert set(chances) == {0.1, 0.9}


def test_the_risk_is_that_of_the_brands_own_days() -> None:
    """Purchases alone say hazards of 1 % and 0.1 % a day; the chances are others."""
    hazard, chances = np.array([0.01, 0.001]), np.array([[0.9, 0.99], [0.8, 0.98], [0.5, 0.9]])

    def within(days: int) -> np.ndarray:
        return np.exp(-hazard * days)

    assert risk_within(60, chances, within).tolist() == [0.8, 0.98]
    assert risk_within(360, chances, within) == pytest.approx([0.5**4, 0.9**4])
    assert risk_within(15, chances, within) == pytest.approx([0.9**0.5, 0.99**0.5])
    assert risk_within(45, chances, within) == pytest.approx([0.9**1.5, 0.99**1.5])
    assert risk_within(360, np.ones((3, 2)), lambda _: np.ones(2)).tolist() == [1, 1]  # gone for sure


def test_one_wholesaler_raises_nobody_elses_value() -> None:
    """120 customers of 2 to 5 purchases of 20 EUR in a year, one of 40 of 5,000 EUR: 457 EUR each."""
    purchases = np.append(np.arange(120) % 4 + 2, 40)
    rows = pl.DataFrame(
        {
            "cutoff_date": AS_OF,
            "purchases": purchases,
            "margin_eur": purchases * np.append(np.full(120, 20.0), 5000.0),
            "tenure_days": 300 + np.arange(121) % 60,
            "recency_days": np.append(np.arange(120) * 7 % 200, 3),
        }
    )
    fallback = fit_clv_fallback(Dataset("shop", AS_OF, rows), AS_OF)
    each = fallback.each(rows)
    assert fallback.gamma_gamma is None and each[:120] == pytest.approx(20)
    assert each[120] == pytest.approx((20 + 40 * 5000) / 41)
    small = fallback.predict(rows).value[365][:120].mean()
    assert small < 20 * purchases[:120].mean() < 85  # they bought for 70 EUR a year, and some leave


def test_too_new_is_who_never_bought() -> None:
    known = pl.DataFrame(
        [("kept", "a", A), ("returned", "a", A), ("new", "a", A), ("lost", "b", A), ("kept", "b", A)],
        schema=["customer_id", "source_system", "as_of_date"], orient="row",
    )  # fmt: skip
    bought = known.filter(pl.col("customer_id") != "new").drop("as_of_date")
    found = all_scores(known, [scored("a", ["kept"], [0.5], [10.0], [3])], NOW, bought)
    said = {(c, of): (m, r) for c, of, m, r in found.select(
        "customer_id", "source_system", "method", "reason_1").iter_rows()}  # fmt: skip
    assert said["new", "a"] == said["new", "group"] == ("too_new", "No purchase yet")
    assert said["returned", "a"] == ("unscored", "All that was bought was returned")
    assert (
        said["lost", "b"]
        == said["lost", "group"]
        == ("unscored", "Too little is known of the brand's buyers")
    )
    assert said["kept", "group"] == ("model", "of a")
    assert row(found, "returned", "a")["risk_band"] is None
