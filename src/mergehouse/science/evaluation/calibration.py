"""What model cards draw, from arrays: calibration with intervals, gains and lift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mergehouse.science.evaluation.metrics import BINS, calibration

NORMAL_95 = 1.959964
POINTS = 40  # of a curve


@dataclass(frozen=True)
class Calibrated:
    """Customers with similar predictions: their mean prediction, and what came, with a 95 % interval."""

    predicted: float
    observed: float
    low: float
    high: float
    customers: int


def calibrated_chances(happened: np.ndarray, probability: np.ndarray) -> tuple[Calibrated, ...]:
    """Deciles of the prediction, both of shape (n,); the interval of a share is Wilson's (1927).

    >>> one, other = calibrated_chances(np.array([1, 0]), np.array([0.6, 0.2]))
    >>> one.predicted, one.observed, round(one.low, 4), round(one.high, 4)
    (0.2, 0.0, 0.0, 0.7935)
    """
    found = []
    for predicted, rate, n in calibration(happened, probability):
        z = NORMAL_95**2 / n
        middle, half = (rate + z / 2) / (1 + z), np.sqrt(rate * (1 - rate) * z + z**2 / 4) / (1 + z)
        found.append(Calibrated(predicted, rate, float(middle - half), float(middle + half), n))
    return tuple(found)


def calibrated_values(value: np.ndarray, predicted: np.ndarray) -> tuple[Calibrated, ...]:
    """Deciles of the predicted value, both of shape (n,), in EUR; a mean's interval is the normal one.

    >>> first, *_ = calibrated_values(np.tile([0.0, 2.0], 10), np.arange(20.0))
    >>> first.predicted, first.observed, round(first.low, 4), round(first.high, 4), first.customers
    (0.5, 1.0, -0.96, 2.96, 2)
    """
    found = []
    for rows in np.array_split(np.argsort(predicted, kind="stable"), BINS):
        if len(rows):
            half = NORMAL_95 * float(value[rows].std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else 0.0
            mean = float(value[rows].mean())
            found.append(Calibrated(float(predicted[rows].mean()), mean, mean - half, mean + half, len(rows)))
    return tuple(found)


def gains(truth: np.ndarray, predicted: np.ndarray) -> tuple[tuple[float, float], ...]:
    """(share of customers, share of what came that they hold), the highest predictions first; from (0, 0) to
    (1, 1).

    `truth`, shape (n,), is who left (0 or 1), or the value brought; values below zero count as none. Empty
    where nothing came. Equal predictions share what they hold, whatever the order of rows.

    >>> curve = gains(np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.3]))
    >>> curve[0], curve[10], curve[20], curve[-1]
    ((0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 1.0))
    """
    truth = np.maximum(truth.astype(float), 0)
    if not truth.sum():
        return ()
    levels, level = np.unique(-predicted.astype(float), return_inverse=True)
    customers = np.append(0, np.cumsum(np.bincount(level, minlength=len(levels)))) / len(truth)
    held = np.append(0, np.cumsum(np.bincount(level, truth, len(levels)))) / truth.sum()
    shares = np.linspace(0, 1, POINTS + 1)
    return tuple(zip(shares.tolist(), np.interp(shares, customers, held).clip(0, 1).tolist(), strict=True))


def lift(curve: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """(share of customers, how many times as much they hold as the same number drawn at random), from a gains
    curve.

    >>> lift([(0.0, 0.0), (0.25, 0.5), (1.0, 1.0)])
    ((0.25, 2.0), (1.0, 1.0))
    """
    return tuple((share, held / share) for share, held in curve if share > 0)
