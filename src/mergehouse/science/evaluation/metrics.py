"""How good predictions are, with intervals: of probabilities against what happened, of values against what
was spent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BINS = 10  # of calibration: deciles of the prediction
TOP = 0.1  # the share of customers that lift and captured value are about
DRAWS = 200  # of the bootstrap
Metrics = dict[str, float]


def churn_metrics(churned: np.ndarray, probability: np.ndarray) -> Metrics:
    """Metrics of churn probabilities, both of shape (n,); empty where all or none churned, so that nothing
    can be ranked.

    `lift`: churn rate of the tenth with the highest probability over that of all. `ece`: expected calibration
    error over deciles of the prediction (Naeini, Cooper & Hauskrecht 2015, with bins of equal size). The
    others as in scikit-learn.

    >>> found = churn_metrics(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]))
    >>> found["auc"], round(found["brier"], 6), found["accuracy"], found["lift"]
    (0.75, 0.185, 0.5, 2.0)
    >>> churn_metrics(np.array([1, 1]), np.array([0.9, 0.4]))
    {}
    """
    return _churn(churned, probability)(np.ones(len(churned), dtype=int))


def value_metrics(value: np.ndarray, predicted: np.ndarray) -> Metrics:
    """Metrics of predicted values in EUR, both of shape (n,); empty where all spent the same, or nothing.

    `gini`: of the Lorenz curve by predicted value, over that by true value, 1 for a perfect ranking.
    `top_share`: share of all value that the tenth with the highest prediction brought. `bias`: predicted over
    true total.

    >>> found = value_metrics(np.array([100.0, 50, 0, 50]), np.array([80.0, 60, 10, 30]))
    >>> found["mae"], found["bias"], found["top_share"], found["gini"]
    (15.0, 0.9, 0.5, 1.0)
    """
    return _value(value, predicted)(np.ones(len(value), dtype=int))


def intervals(
    metrics: Callable[[np.ndarray, np.ndarray], Metrics],
    truth: np.ndarray,
    predicted: np.ndarray,
    seed: int = 1,
) -> dict[str, tuple[float, float]]:
    """95 % intervals of all metrics: the bootstrap over customers (Efron 1979, percentile method), seeded.

    A draw is how often each customer is drawn: customers are sorted once, and every draw counts along.

    >>> churned, probability = np.arange(40) >= 20, np.linspace(0, 1, 40)
    >>> intervals(churn_metrics, churned, probability)["auc"]  # a ranking without a fault, whoever is drawn
    (1.0, 1.0)
    """
    rng, customers = np.random.default_rng(seed), len(truth)
    of_counts = {churn_metrics: _churn, value_metrics: _value}[metrics](truth, predicted)
    drawn = [
        of_counts(np.bincount(rng.integers(0, customers, customers), minlength=customers))
        for _ in range(DRAWS)
    ]
    return {
        name: tuple(np.percentile([d[name] for d in drawn if name in d], [2.5, 97.5]).tolist())
        for name in metrics(truth, predicted)
    }  # fmt: skip


def calibration(truth: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean prediction, mean truth (churn rate, value) and number of customers by decile of the prediction,
    lowest first.

    >>> calibration(truth=np.array([1, 0]), predicted=np.array([0.6, 0.2]))
    [(0.2, 0.0, 1), (0.6, 1.0, 1)]
    """
    return _deciles(*(values[np.argsort(predicted, kind="stable")] for values in (truth, predicted)))


def calibration_error(churned: np.ndarray, probability: np.ndarray) -> float:
    """Mean distance of prediction and rate over the deciles.

    >>> round(calibration_error(np.array([1, 0]), np.array([0.6, 0.2])), 6)
    0.3
    """
    return _distance(calibration(churned, probability))


def top(predicted: np.ndarray) -> np.ndarray:
    """Places of the tenth with the highest predictions, at least one.

    >>> top(np.array([0.1, 0.9, 0.5]))
    array([1])
    """
    return np.argsort(-predicted, kind="stable")[: _tenth(len(predicted))]


def _churn(churned: np.ndarray, probability: np.ndarray) -> Callable[[np.ndarray], Metrics]:
    """The metrics as a function of how often each customer counts, shape (n,), whole numbers."""
    order = np.argsort(-probability, kind="stable")
    p, y = probability[order].clip(1e-6, 1 - 1e-6), churned[order].astype(float)
    # customers with one probability are one step of the ROC and the precision-recall curve
    begin = _begins(p)
    squared, log_loss, right = (p - y) ** 2, -np.log(np.where(y > 0, p, 1 - p)), (p > 0.5) == (y > 0)

    def of_counts(counts: np.ndarray) -> Metrics:
        w = counts[order]
        customers, left = w.sum(), w @ y
        if left in (0, customers):
            return {}
        gone, all_of = np.add.reduceat(w * y, begin), np.add.reduceat(w, begin)
        found, listed = np.cumsum(gone), np.cumsum(all_of)
        stayed = all_of - gone
        above = np.cumsum(stayed) - stayed / 2  # who stayed and yet stands higher
        drawn = np.repeat(np.arange(len(w)), w)
        return {
            "auc": float(1 - gone @ above / (left * (customers - left))),
            "pr_auc": float(gone @ (found / np.maximum(listed, 1)) / left),
            "brier": float(w @ squared / customers),
            "log_loss": float(w @ log_loss / customers),
            "accuracy": float(w @ right / customers),
            "ece": _distance(_deciles(y[drawn[::-1]], p[drawn[::-1]])),
            "lift": float(y[drawn[: _tenth(customers)]].mean() * customers / left),
        }

    return of_counts


def _value(value: np.ndarray, predicted: np.ndarray) -> Callable[[np.ndarray], Metrics]:
    """The metrics as a function of how often each customer counts, shape (n,), whole numbers."""
    order, best = np.argsort(-predicted, kind="stable"), np.argsort(-value, kind="stable")
    ranked, perfect = value[order], value[best]
    by_predicted, by_value = (_ranking(v) for v in (predicted, value))
    error = predicted - value

    def of_counts(counts: np.ndarray) -> Metrics:
        customers, total = counts.sum(), counts @ value
        spread = counts @ (value - total / customers) ** 2
        if np.ptp(value[counts > 0]) == 0 or total <= 0:
            return {}
        w, squared = counts[order], counts @ error**2
        drawn = np.repeat(ranked, w)
        return {
            "spearman": _correlation(by_predicted(counts), by_value(counts), counts),
            "gini": _concentration(ranked, w) / _concentration(perfect, counts[best]),
            "top_share": float(drawn[: _tenth(customers)].sum() / total),
            "mae": float(counts @ np.abs(error) / customers),
            "rmse": float(np.sqrt(squared / customers)),
            "r2": float(1 - squared / spread),
            "bias": float(counts @ predicted / total),
        }

    return of_counts


def _begins(ordered: np.ndarray) -> np.ndarray:
    """Where runs of equal values begin, in values that are ordered."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _ranking(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ranks as a function of how often each counts; equal values share their mean rank."""
    known, place = np.unique(values, return_inverse=True)

    def of_counts(counts: np.ndarray) -> np.ndarray:
        of_each = np.bincount(place, counts, len(known))
        return (np.cumsum(of_each) - of_each / 2)[place]

    return of_counts


def _correlation(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> float:
    """Pearson's; 0 where one of the two is constant."""
    a, b = a - counts @ a / counts.sum(), b - counts @ b / counts.sum()
    norm = np.sqrt((counts @ a**2) * (counts @ b**2))
    return float(counts @ (a * b) / norm) if norm else 0.0


def _concentration(ordered: np.ndarray, counts: np.ndarray) -> float:
    """Twice the area between the Lorenz curve of values in this order and the diagonal."""
    customers, brought = counts.sum(), np.cumsum(counts * ordered)
    area = (
        counts * (brought - counts * ordered) + ordered * counts * (counts + 1) / 2
    ).sum()  # a customer drawn twice stands there twice
    return 2 * float(area / brought[-1] / customers) - 1 - 1 / float(customers)


def _deciles(truth: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float, int]]:
    """Of both in the order of the prediction."""
    parts = zip(np.array_split(predicted, BINS), np.array_split(truth, BINS), strict=True)
    return [(float(p.mean()), float(t.mean()), len(p)) for p, t in parts if len(p)]


def _distance(deciles: list[tuple[float, float, int]]) -> float:
    return sum(n * abs(predicted - rate) for predicted, rate, n in deciles) / sum(n for *_, n in deciles)


def _tenth(customers: int) -> int:
    return max(1, round(int(customers) * TOP))
