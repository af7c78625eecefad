"""Metrics worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mergehouse.science.evaluation.metrics import (
    calibration,
    calibration_error,
    churn_metrics,
    intervals,
    value_metrics,
)

CHURNED = np.array([True, True, False, True, False, False, False, False, False, False])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])


def test_churn_metrics_by_hand() -> None:
    found = churn_metrics(CHURNED, PROBABILITY)
    assert found["auc"] == pytest.approx(20 / 21)  # of 3 x 7 pairs one is the wrong way round: 0.7 before 0.6
    assert found["lift"] == pytest.approx(1 / 0.3)
    assert found["accuracy"] == pytest.approx(0.9)  # 0.7 is wrong, 0.5 is no yes
    assert found["brier"] == pytest.approx(np.mean((PROBABILITY - CHURNED) ** 2))
    # ten customers, ten bins of one
    assert found["ece"] == pytest.approx(np.mean(np.abs(PROBABILITY - CHURNED)))
    assert found["pr_auc"] == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_nothing_is_claimed_where_all_or_none_left() -> None:
    assert (
        churn_metrics(np.ones(5, bool), np.full(5, 0.5))
        == {}
        == churn_metrics(np.zeros(5, bool), np.full(5, 0.5))
    )
    assert value_metrics(np.zeros(5), np.ones(5)) == {}


def test_calibration_finds_a_shift() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.1, 0.9, 20_000)
    churned = rng.uniform(size=20_000) < truth
    assert churn_metrics(churned, truth)["ece"] < 0.02
    assert churn_metrics(churned, truth - 0.1)["ece"] == pytest.approx(0.1, abs=0.015)
    assert [n for *_, n in calibration(churned, truth)] == [2_000] * 10


def test_value_metrics_by_hand() -> None:
    value, predicted = (
        np.array([100.0, 0, 50, 0, 0, 0, 0, 0, 0, 50]),
        np.array([90.0, 10, 60, 0, 0, 0, 0, 0, 0, 20]),
    )
    found = value_metrics(value, predicted)
    assert found["mae"] == pytest.approx((10 + 10 + 10 + 30) / 10) and found["bias"] == pytest.approx(
        180 / 200
    )
    assert found["top_share"] == pytest.approx(0.5) and found["rmse"] == pytest.approx(
        np.sqrt((100 + 100 + 100 + 900) / 10)
    )
    assert found["gini"] == pytest.approx(1)  # 90, 60 and 20 stand before all who spent nothing
    assert value_metrics(value, -predicted)["gini"] < -0.5 and value_metrics(value, value)["r2"] == 1


@pytest.mark.parametrize("digits", [3, 1])  # of predictions: hardly one like another, and many alike
def test_intervals_are_of_customers_drawn_one_by_one(digits: int) -> None:
    """Each draw written out, customer by customer, and judged by scikit-learn and SciPy."""
    from scipy.stats import spearmanr
    from sklearn.metrics import average_precision_score, brier_score_loss, r2_score, roc_auc_score

    rng = np.random.default_rng(7)
    said, value = (
        rng.uniform(size=37).round(digits),
        rng.gamma(1, 9, 37).round() * (rng.uniform(size=37) < 0.6),
    )
    drawn = np.random.default_rng(1).integers(0, 37, (200, 37))

    def ends(metric: Callable[[np.ndarray, np.ndarray], float], truth: np.ndarray) -> object:
        return pytest.approx(np.percentile([metric(truth[d], said[d]) for d in drawn], [2.5, 97.5]))

    def mean_of_first(truth: np.ndarray, ranked_by: np.ndarray) -> float:
        return float(truth[np.argsort(-ranked_by, kind="stable")][:4].mean() / truth.mean())

    churned = value == 0
    [worth, _] = intervals(value_metrics, value, [said, -said])  # another beside it changes nothing
    [found] = intervals(churn_metrics, churned, [said])
    assert found["auc"] == ends(roc_auc_score, churned)
    assert found["pr_auc"] == ends(average_precision_score, churned)
    assert found["brier"] == ends(brier_score_loss, churned)
    assert worth["spearman"] == ends(lambda t, p: spearmanr(t, p).statistic, value)
    assert worth["r2"] == ends(r2_score, value)
    assert worth["bias"] == ends(lambda t, p: p.sum() / t.sum(), value)
    if digits == 3:  # of equal predictions it is the order of customers that decides
        assert found["lift"] == ends(mean_of_first, churned)
        assert found["ece"] == ends(calibration_error, churned)


def test_intervals_hold_the_truth_and_shrink_with_customers() -> None:
    rng = np.random.default_rng(2)

    def width(customers: int) -> float:
        truth = rng.uniform(0.2, 0.8, customers)
        churned = rng.uniform(size=customers) < truth
        low, high = intervals(churn_metrics, churned, [truth])[0]["auc"]
        assert low < churn_metrics(churned, truth)["auc"] < high
        return high - low

    assert width(8_000) < 0.5 * width(800)
    # seeded
    again = [intervals(churn_metrics, CHURNED, [PROBABILITY]) for _ in range(2)]
    assert again[0] == again[1]
