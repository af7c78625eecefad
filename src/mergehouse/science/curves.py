"""What model cards draw, from arrays: calibration, gains and lift, and what the inputs weigh, all with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mergehouse.science.evaluation import BINS, calibration

NORMAL_95 = 1.959964
POINTS = 40  # of a curve
REPEATS = 10  # of a permutation


@dataclass(frozen=True)
class Calibrated:
    """Customers with similar predictions: their mean prediction, and what came, with a 95 % interval."""

    predicted: float
    observed: float
    low: float
    high: float
    customers: int


@dataclass(frozen=True)
class Weight:
    """What an input weighs in a model, with a 95 % interval."""

    name: str
    value: float
    low: float
    high: float


def calibrated_chances(happened: np.ndarray, probability: np.ndarray) -> tuple[Calibrated, ...]:
    """Deciles of the prediction, both of shape (n,); the interval of a share is Wilson's (1927)."""
    found = []
    for predicted, rate, n in calibration(happened, probability):
        z = NORMAL_95**2 / n
        middle, half = (rate + z / 2) / (1 + z), np.sqrt(rate * (1 - rate) * z + z**2 / 4) / (1 + z)
        found.append(Calibrated(predicted, rate, float(middle - half), float(middle + half), n))
    return tuple(found)


def calibrated_values(value: np.ndarray, predicted: np.ndarray) -> tuple[Calibrated, ...]:
    """Deciles of the predicted value, both of shape (n,), in EUR; the interval of a mean is the normal one."""
    found = []
    for rows in np.array_split(np.argsort(predicted, kind="stable"), BINS):
        if len(rows):
            half = NORMAL_95 * float(value[rows].std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else 0.0
            mean = float(value[rows].mean())
            found.append(Calibrated(float(predicted[rows].mean()), mean, mean - half, mean + half, len(rows)))
    return tuple(found)


def gains(truth: np.ndarray, predicted: np.ndarray) -> tuple[tuple[float, float], ...]:
    """(share of customers, share of what came that they hold), the highest predictions first; from (0, 0) to (1, 1).

    `truth`, shape (n,), is who left (0 or 1), or the value brought; values below zero count as none. Empty where nothing came.
    Equal predictions share what they hold, whatever the order of rows.
    """
    truth = np.maximum(truth.astype(float), 0)
    if not truth.sum():
        return ()
    levels, level = np.unique(-predicted, return_inverse=True)
    customers = np.append(0, np.cumsum(np.bincount(level, minlength=len(levels)))) / len(truth)
    held = np.append(0, np.cumsum(np.bincount(level, truth, len(levels)))) / truth.sum()
    shares = np.linspace(0, 1, POINTS + 1)
    return tuple(zip(shares.tolist(), np.interp(shares, customers, held).tolist(), strict=True))


def lift(curve: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """(share of customers, how many times as much they hold as the same number drawn at random), from a gains curve."""
    return tuple((share, held / share) for share, held in curve if share > 0)


def permutation_importance(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    truth: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray], float],
    names: Sequence[str],
    seed: int = 1,
) -> tuple[Weight, ...]:
    """How much worse the score gets where an input (a column of `inputs`, shape (n, k)) is shuffled, the heaviest first.

    Breiman (2001), "Random Forests"; Fisher, Rudin & Dominici (2019). The interval holds 95 % of the shuffles. Of inputs
    that say the same each looks light, as the others stand in for it.
    """
    rng = np.random.default_rng(seed)
    whole = score(truth, predict(inputs))
    found = []
    for column, name in enumerate(names):
        kept, losses = inputs[:, column].copy(), []
        shuffled = inputs.copy()
        for _ in range(REPEATS):
            shuffled[:, column] = rng.permutation(kept)
            losses.append(whole - score(truth, predict(shuffled)))
        low, high = np.percentile(losses, [2.5, 97.5])
        found.append(Weight(name, float(np.mean(losses)), float(low), float(high)))
    return tuple(sorted(found, key=lambda w: -w.value))


def coefficient_intervals(
    inputs: np.ndarray, happened: np.ndarray, probability: np.ndarray, coefficients: np.ndarray, penalty: float,
    customers: np.ndarray, names: Sequence[str],
) -> tuple[Weight, ...]:  # fmt: skip
    """95 % intervals of a logistic regression's coefficients (k,), the heaviest first.

    `inputs` (n, k) are those of the fit, `penalty` is half the weight of the squared coefficients' sum (1 / C). A customer, told
    by `customers` (n,), may have several rows: the covariance is the sandwich clustered by customer (Liang & Zeger 1986).
    """
    curvature = (inputs * (probability * (1 - probability))[:, None]).T @ inputs + penalty * np.eye(inputs.shape[1])
    _, whose = np.unique(customers, return_inverse=True)
    order = np.argsort(whose, kind="stable")
    starts = np.flatnonzero(np.diff(whose[order], prepend=-1))
    scores = np.add.reduceat((inputs * (happened - probability)[:, None])[order], starts, axis=0)
    inverse = np.linalg.inv(curvature)
    half = NORMAL_95 * np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse))
    weights = [Weight(n, float(c), float(c - h), float(c + h)) for n, c, h in zip(names, coefficients, half, strict=True)]
    return tuple(sorted(weights, key=lambda w: -abs(w.value)))


def contribution_spread(contributions: np.ndarray, names: Sequence[str]) -> tuple[Weight, ...]:
    """Median of what each input adds to the customers' predictions, shape (n, k), and the range that holds 95 % of them.

    The widest first. Of a linear model these are its Shapley values, exactly (Lundberg & Lee 2017, corollary 1).
    """
    low, middle, high = np.percentile(contributions, [2.5, 50, 97.5], axis=0)
    spread = [Weight(n, float(m), float(a), float(b)) for n, a, m, b in zip(names, low, middle, high, strict=True)]
    return tuple(sorted(spread, key=lambda w: w.low - w.high))
