"""Chances where no model tells them: buy-till-you-die's, at the spread and level that the brand's own closed
windows show.

A model of purchases alone is too sure of itself at both ends: of those whom it gives 90 % fewer stay away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit, logit

from mergehouse.science.churn.model import Population, anchored_rate, intercept_for
from mergehouse.science.features.dataset import Dataset

FEWEST = 30  # customers in closed windows, or there is nothing to go by
SPREAD = 0.5  # how far from 1 a slope may well be
LEAST = 1e-6

Silent = Callable[[pl.DataFrame, int], np.ndarray]


def fallback_chances(
    dataset: Dataset, population: Population, silent: Silent, horizons: tuple[int, ...]
) -> list[np.ndarray]:
    """P(no purchase) of the population at the as-of date within each horizon, shape (n,), from `silent`,
    which gives it for rows and days.

    The log-odds are stretched or drawn in as closed windows show, and their level is that of the season
    (`anchored_rate`). Without such windows they are as they are.
    """
    return [_chances(dataset, population, silent, horizon) for horizon in horizons]


def _chances(dataset: Dataset, population: Population, silent: Silent, horizon: int) -> np.ndarray:
    said = silent(population(dataset.at(dataset.as_of)), horizon)
    closed = dataset.closed_before(dataset.as_of, horizon)
    past = population(dataset.rows.filter(pl.col("cutoff_date").is_in(closed)))
    if len(past) < FEWEST:
        return said
    stayed_away = (past[f"next_purchases_{horizon}d"] == 0).to_numpy()
    log_odds = slope(_log_odds(silent(past, horizon)), stayed_away) * _log_odds(said)
    rate = anchored_rate(dataset, dataset.as_of, horizon, population)
    return expit(log_odds + intercept_for(log_odds, rate))


def slope(log_odds: np.ndarray, happened: np.ndarray) -> float:
    """By what to multiply log-odds so that they fit what happened, both of shape (n,): Platt's scaling
    (1999), with a normal prior around 1.

    >>> sure = np.repeat([-2.0, 2.0], 500)  # says 12 % and 88 %; it was 27 % and 73 %
    >>> happened = np.concatenate([np.arange(500) < 135, np.arange(500) < 365])
    >>> round(slope(sure, happened), 2)
    0.5
    """

    def loss(at: np.ndarray) -> float:
        z = at[0] * log_odds + at[1]
        return float((np.logaddexp(0, z) - happened * z).sum() + ((at[0] - 1) / SPREAD) ** 2 / 2)

    return max(float(minimize(loss, (1.0, 0.0), method="Nelder-Mead").x[0]), 0.0)


def _log_odds(chance: np.ndarray) -> np.ndarray:
    return logit(chance.clip(LEAST, 1 - LEAST))
