"""How good predictions are, with intervals: of probabilities against what happened, of values against what was spent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

BINS = 10  # of calibration: deciles of the prediction
TOP = 0.1  # the share of customers that lift and captured value are about
DRAWS = 200  # of the bootstrap


def churn_metrics(churned: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Metrics of churn probabilities, both of shape (n,); empty where all or none churned, so that nothing can be ranked.

    `lift`: churn rate of the tenth with the highest probability over that of all. `ece`: expected calibration error over
    deciles of the prediction (Naeini, Cooper & Hauskrecht 2015, with bins of equal size). The others as in scikit-learn.
    """
    if churned.all() or not churned.any():
        return {}
    probability = probability.clip(1e-6, 1 - 1e-6)
    return {
        "auc": roc_auc_score(churned, probability),
        "pr_auc": average_precision_score(churned, probability),
        "brier": brier_score_loss(churned, probability),
        "log_loss": log_loss(churned, probability),
        "accuracy": float(((probability > 0.5) == churned).mean()),
        "ece": calibration_error(churned, probability),
        "lift": churned[top(probability)].mean() / churned.mean(),
    }


def value_metrics(value: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Metrics of predicted values in EUR, both of shape (n,); empty where nobody spent anything.

    `gini`: of the Lorenz curve by predicted value, over that by true value, 1 for a perfect ranking. `top_share`: share of all
    value that the tenth with the highest prediction brought. `bias`: predicted over true total.
    """
    if not value.any():
        return {}
    return {
        "spearman": float(spearmanr(predicted, value).statistic),
        "gini": _concentration(value, predicted) / _concentration(value, value),
        "top_share": value[top(predicted)].sum() / value.sum(),
        "mae": float(np.abs(predicted - value).mean()),
        "rmse": float(np.sqrt(((predicted - value) ** 2).mean())),
        "r2": 1 - float(((predicted - value) ** 2).sum() / ((value - value.mean()) ** 2).sum()),
        "bias": predicted.sum() / value.sum(),
    }


def intervals(
    metrics: Callable[[np.ndarray, np.ndarray], dict[str, float]], truth: np.ndarray, predicted: np.ndarray, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """95 % intervals of all metrics: the bootstrap over customers (Efron 1979, percentile method), seeded."""
    rng = np.random.default_rng(seed)
    drawn = [metrics(truth[rows], predicted[rows]) for rows in (rng.integers(0, len(truth), len(truth)) for _ in range(DRAWS))]
    return {
        name: tuple(np.percentile([d[name] for d in drawn if name in d], [2.5, 97.5]).tolist())
        for name in metrics(truth, predicted)
    }  # fmt: skip


def calibration(churned: np.ndarray, probability: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean prediction, churn rate and number of customers by decile of the prediction, lowest first."""
    parts = np.array_split(np.argsort(probability, kind="stable"), BINS)
    return [(float(probability[p].mean()), float(churned[p].mean()), len(p)) for p in parts if len(p)]


def calibration_error(churned: np.ndarray, probability: np.ndarray) -> float:
    """Mean distance of prediction and rate over the deciles."""
    return sum(n * abs(predicted - rate) for predicted, rate, n in calibration(churned, probability)) / len(churned)


def top(predicted: np.ndarray) -> np.ndarray:
    """Places of the tenth with the highest predictions, at least one."""
    return np.argsort(-predicted, kind="stable")[: max(1, round(len(predicted) * TOP))]


def _concentration(value: np.ndarray, by: np.ndarray) -> float:
    share = np.cumsum(value[np.argsort(-by, kind="stable")]) / value.sum()
    return 2 * float(share.mean()) - 1 - 1 / len(value)
